"""Names: a corpus of hostile ones, and every byte in every place, through every login shell, byte for byte."""

import os
import shutil
from pathlib import Path

import pytest

from tests.integration.conftest import Site, contents
from tests.sshd import require

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
NAMES = sorted({*CORPUS, *EVERY_BYTE, *(b"dir-" + name[:200] + b"/" + name for name in CORPUS)})
SHELLS = ["bash", "dash", "busybox", "tcsh", "fish"]


def fill(root: Path, names: list[bytes]) -> None:
    for number, name in enumerate(names):
        file = os.path.join(os.fsencode(root), name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "wb") as out:
            out.write(b"content %d" % number)
        os.utime(file, (1_600_000_000, 1_600_000_000))


def login_by(site: Site, shell: str) -> Path:
    require(bool(shutil.which(shell)), shell)
    program = "busybox sh" if shell == "busybox" else shell
    wrapper = site.directory / f"login-{shell}"
    wrapper.write_text(f'#!/bin/sh\nexec {program} -c "$SSH_ORIGINAL_COMMAND"\n')
    wrapper.chmod(0o755)
    return wrapper


@pytest.mark.parametrize("commands", ["built-in", "templates"])
@pytest.mark.parametrize("shell", SHELLS)
def test_every_name_through_every_login_shell(site: Site, shell: str, commands: str) -> None:
    server = site.server("host", f"ForceCommand {login_by(site, shell)}")
    fill(site.root("m"), NAMES)
    templates = ""
    if commands == "templates":
        templates = "listcmd = find ${REPOPATH} -type f -print0\ndigestcmd = sha1sum < ${FILEPATH}\n"
    site.write(
        f"[DEFAULT]\nstable_for = 0\n{templates}[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
    )
    # `find` on the child would list staging too; it is dropped silently.
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    assert found["by_name"]["c"]["files"]["copied"] == len(NAMES)
    assert contents(site.root("c")) == contents(site.root("m"))
    assert not list(site.directory.rglob("INJECTED"))
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(CORPUS) >= 60
    assert len(set(EVERY_BYTE)) == 762
