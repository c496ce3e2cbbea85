"""`empty_dirs` on real disks and servers: tools of several Unixes, names of all kinds, links that are put in the way."""

import os
import shutil
from pathlib import Path

import pytest

from sshsync.hosts.conversation import new_token
from sshsync.hosts.session import Session
from sshsync.remote import encode, scripts
from sshsync.remote.scripts import Command
from sshsync.transports.local import LocalTransport
from tests.integration.conftest import Site
from tests.integration.test_repeat import busybox
from tests.integration.test_tools import BSD_STAT, PLAIN_SYNC, tools

pytestmark = pytest.mark.integration

NAMES = [b"void", b"d/void", b"deep/er/est", b"line\nfeed", b"ends\n", b"ends\n/\n\n/more\n", b"-rf", b" x ", b"\xff\xfe", b"$(touch INJECTED)", b"'\"", b"back\\slash", b"\\0", b"*", b".hid", b"..."]


def make(top: Path, *names: bytes) -> None:
    for name in names:
        os.makedirs(os.fsencode(top) + b"/" + name, exist_ok=True)


def directories(top: Path) -> set[bytes]:
    root = os.fsencode(top)
    found = {os.path.relpath(base, root) for base, _, _ in os.walk(root)}
    return {name for name in found if name.split(b"/")[0] not in (b".", b".sshsync")}


def outcomes(site: Site) -> dict[str, str]:
    return {entry["name"]: entry["outcome"] for entry in site.summary("--all")["repositories"]}


@pytest.mark.parametrize("host", ["gnu", "bsd", "perl", "busybox"])
def test_empty_directories_come_and_go_whatever_the_tools_are(site: Site, host: str) -> None:
    if host == "busybox":
        path = busybox(site.root("tools"))
    else:
        also = ("sha256sum", *(["perl"] if host == "perl" else []), *(["stat"] if host == "gnu" else []))
        path = tools(site, {"bsd": {"stat": BSD_STAT, "sync": PLAIN_SYNC}}.get(host, {}), also=also)
    server = site.server("host", environment=f"PATH={path}")
    site.fill("m", {"a": b"alpha", "d/b": b"beta"})
    make(site.root("m"), *NAMES)
    site.write(
        f"[DEFAULT]\nstable_for = 0\nempty_dirs = yes\ndelete = yes\nmax_delete = 100%\n[m]\n{server.section(path=site.root('m'))}"
        f"[p]\nparent = m\n{server.section(path=site.root('p'))}[c]\nparent = p\n{server.section(path=site.root('c'))}"
    )
    assert site.cli("--all", "--dry-run").returncode == 11
    assert directories(site.root("p")) == set()
    found = site.summary("--all")
    assert found["exit_code"] == 0, found["by_name"]
    assert directories(site.root("m")) == directories(site.root("p")) == directories(site.root("c"))
    assert outcomes(site) == {"p": "unchanged", "c": "unchanged"}
    assert "left out" not in site.cli("--all").stdout
    assert not (Path.home() / "INJECTED").exists()

    shutil.rmtree(site.root("m") / "deep")
    os.rmdir(os.fsencode(site.root("m")) + b"/line\nfeed")
    shutil.rmtree(os.fsencode(site.root("m")) + b"/ends\n")
    (site.root("m") / "d" / "b").unlink()
    (site.root("m") / "void" / "now").write_bytes(b"now")
    (site.root("c") / "deep" / "er" / "est" / ".own").write_bytes(b"own")
    (site.root("c") / "-rf" / "link").symlink_to("/nowhere")
    with site.config.open("a") as text:
        text.write("exclude = .own\n")
    assert site.summary("--all")["exit_code"] == 0
    assert directories(site.root("m")) == directories(site.root("p"))
    assert directories(site.root("c")) - directories(site.root("m")) == {b"deep", b"deep/er", b"deep/er/est"}
    assert (site.root("c") / "-rf" / "link").is_symlink()
    assert outcomes(site) == {"p": "unchanged", "c": "unchanged"}


def test_a_directory_that_cannot_be_made_is_told_by_name(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    make(site.root("m"), b"void", b"file", b"way/in", b"fine")
    outside = site.root("outside")
    site.fill("c", {"file": b"a file"})
    (site.root("c") / "void").symlink_to(outside)
    (site.root("c") / "way").symlink_to(outside)
    site.here("m", "c", defaults="empty_dirs = yes")
    done = site.cli("--all")
    assert done.returncode == 9, done.stdout
    for line in ("c: void: failed: ./void is a symbolic link", "c: way/in: failed: ./way is a symbolic link"):
        assert line in done.stdout
    assert "c: file: failed: mkdir: " in done.stdout
    assert "File exists" in done.stdout
    assert list(outside.iterdir()) == []
    assert (site.root("c") / "fine").is_dir()
    assert (site.root("c") / "file").read_bytes() == b"a file"


def test_where_a_listcmd_tells_of_files_only_nothing_is_made_and_nothing_removed(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    make(site.root("m"), b"void")
    make(site.root("c"), b"own")
    site.here("m", "c", defaults="empty_dirs = yes\ndelete = yes\nlistcmd = find ${REPOPATH} -path '*/.sshsync' -prune -o -type f -print0")
    found = site.summary("--all")
    assert found["exit_code"] == 0
    assert directories(site.root("c")) == {b"own"}
    assert "empty directories are not looked at: m and c tells of items only (a listcmd does)" in str(found["by_name"]["c"]["notices"])


def test_a_directory_that_cannot_be_listed_is_neither_made_nor_is_anything_removed(site: Site) -> None:
    """It looks empty to whoever does not hear that it could not be read."""
    site.fill("m", {"a": b"alpha"})
    make(site.root("m"), b"void")
    make(site.root("c"), b"own")
    broken = site.root("tools")
    (broken / "find").write_text(f"#!/bin/sh\n{shutil.which('find')} \"$@\"\ncase $PWD in {site.root('m')}) echo \"find: './void': Permission denied\" >&2; exit 1 ;; esac\n")
    (broken / "find").chmod(0o755)
    server = site.server("m", environment=f"PATH={broken}:{os.environ['PATH']}")
    site.write(
        f"[DEFAULT]\nstable_for = 0\nempty_dirs = yes\ndelete = yes\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    )
    assert site.cli("--all").returncode == 7
    assert directories(site.root("c")) == {b"own"}


SWAPPED = """#!/bin/sh
# Puts a link in the place of a directory just before the tool works there.
case $PWD in */d) mv "$PWD" "$PWD.was" && ln -s OUTSIDE "$PWD" ;; esac
exec TOOL "$@"
"""


@pytest.mark.parametrize(("tool", "line"), [("mkdir", b"Md/new/er"), ("rmdir", b"Rd/empty")])
def test_a_link_that_is_put_in_the_way_while_the_host_works_leads_nowhere(tmp_path: Path, tool: str, line: bytes) -> None:
    """Whoever has stepped into a directory stays in it, whatever becomes of its name."""
    root, outside, bin_ = tmp_path / "root", tmp_path / "outside", tmp_path / "bin"
    for place in (root / "d" / "empty", outside / "empty", outside / "new", bin_):
        place.mkdir(parents=True)
    (bin_ / tool).write_text(SWAPPED.replace("OUTSIDE", str(outside)).replace("TOOL", str(shutil.which(tool))))
    (bin_ / tool).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
        session = Session(LocalTransport(), 20)
        command = Command(scripts.ARRANGE, {"ROOT": os.fsencode(root), "SYNC": b""})
        letter, name = line[:1], line[1:]
        reply = session.run(command, letter + encode.lines([name]), token=new_token())
        session.close()
    assert (root / "d").is_symlink(), "the tool was called there, and the link was put"
    assert sorted(path.name for path in outside.rglob("*")) == ["empty", "new"], reply
    assert (b"failed 0" in reply.payload) == (tool == "mkdir"), "the step behind the link is refused"
