"""Names: a corpus of hostile ones, and every byte in every place, through every login shell, byte for byte."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.integration.conftest import Site, contents
from tests.sshd import Sshd, require
from tests.values import FULL, some

pytestmark = pytest.mark.integration

BYTES = [byte for byte in range(1, 256) if byte != ord("/")]
EVERY_BYTE = [
    *(bytes([byte]) + b"first" for byte in BYTES),
    *(b"mid" + bytes([byte]) + b"dle" for byte in BYTES),
    *(b"last" + bytes([byte]) for byte in BYTES),
]
CORPUS = [
    b"plain", b"sp ace", b" lead", b"trail ", b"a'b", b'a"b', b"$(touch INJECTED)", b"`touch INJECTED`", b"$HOME", b"${IFS}x",
    b"line\nfeed", b"end\n", b"!bang", b"a!b", b"back\\slash", b"end\\", b"\\'", b"-rf", b"--", b"-", b"-e", b"tab\t", b"~x", b"~",
    b";touch INJECTED", b"a;b", b"*", b"?", b"[a]", b"star*?[x]", b"\xc3\xa9", b"e\xcc\x81", b"\xff\xfe\x80", b";touch INJECTED;#",
    b"\x1b[31mred", b"%s%n", b"%46", b"{a,b}", b"^a^b", b"cr\r", b"#x", b"a&b", b"a&&touch INJECTED", b"a|touch INJECTED", b"a>b", b"a<b",
    b"NUL", b"con", b"a:b", b".hidden", b"...", b"..x", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xf0\x9f\x98\x80", b"a" * 255, b"a=b", b"=x",
    b"@x", b"a,b", b"(x)", b"x y z", b"'", b'"', b"\\", b"\n", b"NONE", b"\x7f", b"TOKEN begin", b"x end 0\n", b"00000 end 0",
    bytes(sorted(set(range(1, 256)) - {47})),
]  # fmt: skip
CORPUS_NAMES = sorted({*CORPUS, *(b"dir-" + name[:200] + b"/" + name for name in CORPUS)})
NAMES = sorted({*CORPUS_NAMES, *EVERY_BYTE})
SHELLS = ["bash", "dash", "busybox", "tcsh", "fish"]


def fill(root: Path, names: list[bytes]) -> None:
    for number, name in enumerate(names):
        file = os.path.join(os.fsencode(root), name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "wb") as out:
            out.write(b"content %d" % number)
        os.utime(file, (1_600_000_000, 1_600_000_000))


def login_by(site: Site, shell: str) -> Path:
    """A login shell whose home is the site's own, so that a sentinel which ran there is found."""
    require(bool(shutil.which(shell)), shell)
    program = "busybox sh" if shell == "busybox" else shell
    wrapper = site.directory / f"login-{shell}"
    wrapper.write_text(f'#!/bin/sh\ncd {site.root("home")} && exec {program} -c "$SSH_ORIGINAL_COMMAND"\n')
    wrapper.chmod(0o755)
    return wrapper


def scp_from(server: Sshd, sockets: str, *options: str) -> str:
    """The operator's scp to the parent: one connection for all, as a ControlMaster in ssh_config would make it."""
    require(bool(shutil.which("scp")), "scp")
    more = " ".join(
        f"-o {word}" for word in ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ControlMaster=auto", "ControlPersist=3", f"ControlPath={sockets}/c")
    )
    return f"scp {' '.join(options)} -p -P {server.port} -i {server.key} {more}"


WAYS = ["relay", "scp", "synccmd over sftp", "synccmd over old scp"]
ALL = [(shell, commands, way) for shell in SHELLS for commands in ("built-in", "templates") for way in WAYS]
TRIED = [case for case in ALL if case in some(ALL, 4) or case in some(ALL[3:], 5)]
"""By day every shell by relay, and some by the other ways; these take every byte in every place by night only."""
WHERE = "${REMOTEUSER}@${REMOTEHOST}:${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"


@pytest.mark.parametrize(("shell", "commands", "way"), TRIED)
def test_rows_67_and_68_every_name_through_every_login_shell(site: Site, shell: str, commands: str, way: str, figure) -> None:
    server = site.server("host", f"ForceCommand {login_by(site, shell)}")
    names = NAMES if way == "relay" or FULL else CORPUS_NAMES
    fill(site.root("m"), names)
    lines = ""
    if commands == "templates":
        lines = "listcmd = find ${REPOPATH} -type f -print0\ndigestcmd = sha1sum < ${FILEPATH}\n"
    with tempfile.TemporaryDirectory() as sockets:
        if way == "scp":
            lines += "transfer = scp\n"
        elif way != "relay":
            lines += f"synccmd = {scp_from(server, sockets, *(['-O'] if 'old' in way else []))} {WHERE}\n"
        site.write(
            f"[DEFAULT]\nstable_for = 0\n{lines}[m]\n{server.section(path=site.root('m'))}"
            f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
        )
        all_arrive(site, names)
    if way == "relay":
        figure("names by relay", len(names))


def all_arrive(site: Site, names: list[bytes]) -> None:
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, str(found["by_name"]["c"]) + str(found["events"][-4:])
    assert found["by_name"]["c"]["files"]["copied"] == len(names)
    assert contents(site.root("c")) == contents(site.root("m"))
    assert not list(site.directory.rglob("INJECTED"))
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"


@pytest.mark.parametrize("shell", SHELLS)
def test_row_67_a_forbidden_relay_refuses_the_names_that_a_synccmd_could_misread(site: Site, shell: str) -> None:
    server = site.server("host", f"ForceCommand {login_by(site, shell)}")
    fill(site.root("m"), CORPUS_NAMES)
    with tempfile.TemporaryDirectory() as sockets:
        site.write(
            f"[DEFAULT]\nstable_for = 0\ntransfer = command\nsynccmd = {scp_from(server, sockets, '-O')} {WHERE}\n"
            f"[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\n{server.section(path=site.root('c'))}"
        )
        found = site.summary("--sync", "c")
    assert found["exit_code"] == 9
    files = found["by_name"]["c"]["files"]
    assert files["copied"] >= 20
    assert files["copied"] + files["failed"] == len(CORPUS_NAMES)
    reasons = {event["reason"] for event in found["events"] if event["type"] == "item_failed"}
    assert reasons == {"its name could be misread by synccmd, and transfer = command forbids another way"}
    arrived, offered = contents(site.root("c")), contents(site.root("m"))
    assert all(offered[name] == arrived[name] for name in arrived)
    assert not list(site.directory.rglob("INJECTED"))


def test_the_sentinel_runs_where_a_name_reaches_a_shell(site: Site) -> None:
    """Without sshsync in between: what the tests above look for does happen, and they would find it."""
    server = site.server("host", f"ForceCommand {login_by(site, 'bash')}")
    with tempfile.TemporaryDirectory() as sockets:
        line = f"{scp_from(server, sockets, '-O')} '{server.user}@127.0.0.1:$(touch INJECTED)' {site.directory}/x"
        subprocess.run(["sh", "-c", line], capture_output=True, check=False)
    assert list(site.directory.rglob("INJECTED"))


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(CORPUS) >= 60
    assert len(set(EVERY_BYTE)) == 762
