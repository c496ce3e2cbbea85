"""What Nagios and its kin run by the files of the monitoring pack, run."""

import re
import shlex

import pytest

from tests import pages
from tests.integration.conftest import Site

pytestmark = pytest.mark.integration

PACK = pages.DOCS.parent / "etc" / "monitoring"
SUDO = "/usr/bin/sudo -n -u sshsync "


def command() -> str:
    """Return the command line of the object that runs sshsync, as sudo gets it."""
    (line,) = re.findall(rf"command_name +check_sshsync\n +command_line +{SUDO}(.+)", (PACK / "nagios.cfg").read_text())
    return line


def test_the_command_of_nagios_tells_how_repositories_are(local: Site) -> None:
    program, *words = shlex.split(command())
    assert program == "/usr/bin/sshsync"

    def said() -> tuple[int, str]:
        done = local.cli(*words)
        assert done.stderr == ""
        return done.returncode, " ".join(done.stdout.split()[:2])

    assert said() == (3, "SSHSYNC UNKNOWN")
    assert local.cli("--all").returncode == 0
    assert said() == (0, "SSHSYNC OK")
    (local.root("c") / "a").unlink()
    (local.root("c") / "a" / "kept").mkdir(parents=True)
    (local.root("c") / "a" / "kept" / "x").write_text("in the way")
    assert local.cli("--all").returncode == 7
    assert said() == (2, "SSHSYNC CRITICAL")


def test_sudo_allows_what_is_run_and_nothing_else() -> None:
    (nrpe,) = re.findall(rf"^command\[check_sshsync\]={SUDO}(.+)$", (PACK / "nrpe.cfg").read_text(), re.MULTILINE)
    allowed = re.findall(r"^(?:\w+) ALL=\(sshsync\) NOPASSWD: (.+)$", (PACK / "sudoers").read_text(), re.MULTILINE)
    assert nrpe == command()
    assert set(allowed) == {command()}
    assert not set("*?[\\!,") & set("".join(allowed)), "what sudo takes for a pattern lets more in than is written"
