"""Rows of the fault matrix about hosts that are odd: their shells, tools, accounts and keys."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sshsync.config.texts import MOST_TEMPLATE
from sshsync.remote import encode, scripts
from tests.integration.conftest import Site
from tests.integration.test_tools import tools
from tests.sshd import require

pytestmark = pytest.mark.integration


def pair(site: Site, *extra: str, child: str = "", defaults: str = "", environment: str = "") -> str:
    """A master on a server of its own kind, and a child on a plain one."""
    odd, plain = site.server("odd", *extra, environment=environment), site.server("plain")
    return (
        f"[DEFAULT]\nstable_for = 0\n{defaults}[m]\n{odd.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{plain.section(path=site.root('c'))}{child}"
    )


def login(site: Site, text: str) -> str:
    made = site.directory / "login"
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return f"ForceCommand {made}"


def test_row_17_a_banner_before_the_login_is_no_answer(site: Site) -> None:
    banner = site.directory / "banner"
    banner.write_text("\x1b[31mAuthorized use only!\n" * 50)
    site.fill("m", {"a": b"\0binary\r\n", "b": os.urandom(70_000)})
    site.write(pair(site, f"Banner {banner}"))
    done = site.cli("--sync", "c")
    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    site.same("m", "c")


def test_row_19_a_restricted_shell_is_refused_before_any_change(site: Site) -> None:
    require(bool(shutil.which("bash")), "bash")
    site.fill("m", {"a": b"a"})
    site.write(pair(site, login(site, 'exec bash -r -c "$SSH_ORIGINAL_COMMAND"')))
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "its shell does not run commands" in done.stdout
    assert "restricted" in done.stdout
    assert "preflight" in done.stderr
    assert not list(site.root("c").iterdir())


@pytest.mark.parametrize("locale", ["LC_ALL=C", "LANG=de_DE.UTF-8", "LC_ALL=tr_TR.UTF-8", "LANG=broken LC_CTYPE=nonsense"])
def test_row_20_the_locale_changes_nothing(site: Site, locale: str) -> None:
    site.fill("m", {"I": b"1", "i": b"2", "\u0131 x": b"3", "Größe": b"4", os.fsdecode(b"\xff"): b"5"})
    site.write(pair(site, environment=locale, child="delete = yes\n"))
    assert site.summary("--sync", "c")["by_name"]["c"]["files"]["copied"] == 5
    site.same("m", "c")


def test_row_21_what_all_hosts_lack_is_told_at_once_before_any_change(site: Site) -> None:
    path = tools(site, {}, also=("sha256sum",))
    (path / "mv").unlink()
    poor, other = (site.server(name, environment=f"PATH={path}") for name in ("poor", "other"))
    site.fill("m", {"a": b"a"})
    plain = site.server("plain")
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{plain.section(path=site.root('m'))}"
        f"[proxy]\nparent = m\n{poor.section(path=site.root('p'))}"
        f"[node]\nparent = proxy\ndigest = sha256\n{other.section(path=site.root('n'))}"
        f"[well]\nparent = m\n{plain.section(path=site.root('w'))}"
    )
    found = site.summary("--sync", "proxy,well", "--sync", "node")
    assert found["exit_code"] == 7
    assert "lacks mv, stat" in found["by_name"]["proxy"]["unfit"]
    assert "lacks mv, stat" in found["by_name"]["node"]["unfit"], "although its parent blocks it"
    kinds = [event["type"] for event in found["events"]]
    assert kinds.index("unfit") < kinds.index("scanned") < kinds.index("published")
    site.same("m", "w")
    assert not list(site.root("p").iterdir())
    shown = site.cli("--sync", "proxy,well", "--sync", "node").stdout
    assert "node: preflight: " in shown
    assert shown.count("lacks mv, stat") >= 2


def test_row_21_digests_that_cannot_be_made_are_told_before_any_change(site: Site) -> None:
    path = tools(site, {}, also=("stat", "md5sum"))
    site.fill("m", {"a": b"a"})
    site.write(pair(site, environment=f"PATH={path}"))
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 6
    unfit = [event for event in found["events"] if event["type"] == "unfit"]
    assert [event["repository"] for event in unfit] == ["m"]
    assert "cannot compute sha256" in unfit[0]["reason"]
    assert "it has md5" in unfit[0]["reason"]


WORST = {"ROOT", "BELOW", "REMOTEDIR", "NAME", "PARTDIR", "PARTNAME"}


@pytest.mark.parametrize("script", scripts.EVERY, ids=lambda script: script.name)
def test_row_23_no_command_line_reaches_the_limit(script: scripts.Script) -> None:
    """Paths of 4096 odd bytes and a template of the longest allowed kind still leave room: 128 KiB is Linux' limit."""
    read = set(re.findall(r"\$\{?([A-Z]+)\b", script.body)) & WORST
    long = {name: b"/" + b"\xff" * 4095 for name in read}
    template = {name: b"\xff" * MOST_TEMPLATE for name in ("TEMPLATE", "SSHCMD") if f"${name}" in script.body}
    line = encode.command_line("/bin/sh", script.text, {"TOKEN": b"t" * 32, **long, **template})
    assert len(line) < 131_072


def test_row_23_thousands_of_long_names_go_by_stdin(site: Site) -> None:
    site.fill("m", {f"{n:05}-{'n' * 150}": b"" for n in range(2000)})
    site.write(pair(site, child="delete = yes\nmax_delete = 3000, 100%\n"))
    assert site.summary("--sync", "c")["by_name"]["c"]["files"]["copied"] == 2000
    for file in site.root("m").iterdir():
        file.unlink()
    site.fill("m", {"one": b"1"})
    found = site.summary("--sync", "c")
    assert found["by_name"]["c"]["files"]["deleted"] == 2000, found["by_name"]["c"]


def test_row_24_a_command_that_asks_for_a_password_fails_at_once(site: Site) -> None:
    """sudo asks on the terminal, of which there is none; it cannot eat what is meant for a script either."""
    asking = "#!/bin/sh\nread -r password </dev/tty 2>/dev/null && exit 0\nread -r stolen && exit 0\necho 'sudo: a terminal is required to read the password' >&2\nexit 1\n"
    path = tools(site, {"sudo": asking}, also=("stat", "sha256sum"))
    site.fill("m", {"a": b"a"})
    site.write(pair(site, environment=f"PATH={path}").replace("[c]", "listcmd = sudo find ${REPOPATH} -type f\n[c]"))
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 6
    assert "a terminal is required to read the password" in found["by_name"]["c"]["error"]
    assert found["by_name"]["c"]["seconds"] < 5


def test_row_25_an_expired_password_is_told_in_the_hosts_words(site: Site) -> None:
    said = "printf 'WARNING: Your password has expired.\\n\\033[2JPassword change required but no TTY available.\\n' >&2; exit 1"
    site.fill("m", {"a": b"a"})
    site.write(pair(site, login(site, said)))
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "Your password has expired" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "try 1 failed" not in done.stderr, "trying again changes nothing"


def test_row_27_a_revoked_key_is_refused_on_the_wire(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    site.write(pair(site))
    known = site.directory / "state" / "known_hosts"
    known.write_text(known.read_text() + "@revoked * " + site.servers["odd"].known.split(" ", 1)[1] + "\n")
    done = site.cli("--sync", "c")
    assert done.returncode == 10
    assert "is revoked" in done.stdout
    assert "SHA256:" in done.stdout
    assert "Accepted" not in site.servers["odd"].log.read_text()


def test_row_27_a_pinned_key_decides_alone(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    text = pair(site)
    odd = site.servers["odd"]
    shown = subprocess.run(["ssh-keygen", "-lf", str(odd.home / "host.pub")], capture_output=True, text=True, check=True)
    fingerprint = shown.stdout.split()[1]
    site.write(text.replace("[c]", f"host_key = {fingerprint}\n[c]"))
    known = site.directory / "state" / "known_hosts"
    known.write_text(site.servers["plain"].known + "\n")
    assert site.cli("--sync", "c").returncode == 0, "a pin needs no known_hosts"
    site.write(text.replace("[c]", f"host_key = SHA256:{'A' * 43}\n[c]"))
    done = site.cli("--sync", "c")
    assert done.returncode == 10
    assert fingerprint in done.stdout
    assert "host_key pins SHA256:AAA" in done.stdout


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: None, "No such file"),
        (lambda file: file.write_text("ssh-ed25519 AAAA a public key\n"), "holds no private key"),
        (lambda file: file.write_bytes(os.urandom(400)), "holds no private key"),
        (lambda file: file.mkdir(), "is no regular file"),
    ],
    ids=["missing", "public", "garbage", "directory"],
)
def test_row_29_keys_that_cannot_be_used_are_told_before_anything_is_contacted(site: Site, make, words: str) -> None:
    site.fill("m", {"a": b"a"})
    file = site.directory / "key"
    make(file)
    if file.is_file():
        file.chmod(0o600)
    site.write(pair(site).replace(f"key_file = {site.servers['plain'].key}", f"key_file = {file}"))
    done = site.cli("--sync", "c")
    assert done.returncode == 3, done.stdout + done.stderr
    assert words.lower() in done.stderr.lower()
    assert str(file) in done.stderr
    assert not Path(site.servers["odd"].log).read_text().count("Accepted")
