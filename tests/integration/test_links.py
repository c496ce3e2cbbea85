"""`links = copy` on real disks and servers: tools of several Unixes, targets of all kinds, links that are put in the way."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from sshsync.hosts.conversation import new_token
from sshsync.hosts.session import Session
from sshsync.remote import encode, scripts
from sshsync.remote.scripts import Command
from sshsync.transports.local import LocalTransport
from tests.integration.conftest import Site
from tests.integration.test_empty_dirs import SWAPPED
from tests.integration.test_repeat import busybox, program
from tests.integration.test_tools import BSD_STAT, PLAIN_SYNC, tools
from tests.sshd import Sshd

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LINKS = {
    b"current": b"releases/2", b"d/up": b"../a", b"d/e/top": b"../..", b"loop": b"loop", b"gone": b"not/there", b"line\nfeed": b"a\nb\n", b"ends\n/l\n": b"../a\n\n",
    b"-rf": b"-rf", b" x ": b" x ", b"\xff\xfe": b"\xfe\xff", b"$(touch INJECTED)": b"$(touch INJECTED)", b"'\"": b"'\"", b"back\\slash": b"\\0101", b"*": b"*",
    b"far": b"x/" * 2000, b"deep/er/l": b"../../releases/./1//", b"token": b"TOKEN leads a\nend 0",
}  # fmt: skip
FILES = {"a": b"alpha", "d/b": b"beta", "releases/1/x": b"one", "releases/2/x": b"two"}


def make(top: Path, links: dict[bytes, bytes]) -> None:
    for name, target in links.items():
        path = os.fsencode(top) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)


def links(top: Path) -> dict[bytes, bytes]:
    root = os.fsencode(top)
    found = {}
    for base, directories, files in os.walk(root):
        if base == root and b".sshsync" in directories:
            directories.remove(b".sshsync")
        for name in (*directories, *files):
            path = os.path.join(base, name)
            if os.path.islink(path):
                found[os.path.relpath(path, root)] = os.readlink(path)
    return found


def files(top: Path) -> dict[str, bytes]:
    found = (path for path in top.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(top)): path.read_bytes() for path in found}


def equipped(site: Site, host: str) -> Sshd:
    """Return a server whose tools are those of some Unix."""
    if host == "busybox":
        path: Path | str = busybox(site.root("tools"))
    elif host == "gnu":
        path = os.environ["PATH"]
    else:
        own = {"bsd": {"stat": BSD_STAT, "sync": PLAIN_SYNC}}.get(host, {})
        also = {"bsd": ("ln", "readlink"), "perl": ("perl", "ln"), "gnu alone": ("stat", "ln", "readlink")}[host]
        path = tools(site, own, also=("sha256sum", *also))
    return site.server("host", environment=f"PATH={path}")


def outcomes(site: Site) -> dict[str, str]:
    return {entry["name"]: entry["outcome"] for entry in site.summary("--all")["repositories"]}


@pytest.mark.parametrize("host", ["gnu", "gnu alone", "bsd", "perl", "busybox"])
def test_links_come_change_and_go_whatever_the_tools_are(site: Site, host: str) -> None:
    server = equipped(site, host)
    site.fill("m", FILES)
    make(site.root("m"), LINKS)
    site.write(
        f"[DEFAULT]\nstable_for = 0\nlinks = copy\ndelete = yes\nmax_delete = 100%\n[m]\n{server.section(path=site.root('m'))}"
        f"[p]\nparent = m\n{server.section(path=site.root('p'))}[c]\nparent = p\n{server.section(path=site.root('c'))}"
    )
    shown = site.cli("--all", "--dry-run")
    assert shown.returncode == 11
    assert "c: would link current" in shown.stdout + shown.stderr
    assert links(site.root("p")) == {}
    found = site.summary("--all")
    assert found["exit_code"] == 0, found["by_name"]
    assert links(site.root("m")) == links(site.root("p")) == links(site.root("c")) == LINKS
    assert files(site.root("m")) == files(site.root("p")) == files(site.root("c"))
    assert outcomes(site) == {"p": "unchanged", "c": "unchanged"}
    assert "left out" not in site.cli("--all").stdout
    assert site.cli("verify").returncode == 0
    assert not (Path.home() / "INJECTED").exists()

    os.unlink(site.root("m") / "current")
    os.unlink(site.root("m") / "gone")
    os.unlink(site.root("m") / "a")
    shutil.rmtree(site.root("m") / "releases" / "2")
    make(site.root("m"), {b"current": b"releases/1", b"a": b"d/b", b"releases/2": b"1"})
    make(site.root("c"), {b"own/out": b"/etc"})
    shown = site.cli("--all", "--dry-run")
    for words in ("relink current", "delete gone", "link a", "delete a", "delete own/out", "link releases/2"):
        assert f"c: would {words}" in shown.stdout + shown.stderr, words
    assert site.cli("verify", "p").returncode == 11
    assert site.summary("--all")["exit_code"] == 0
    assert links(site.root("m")) == links(site.root("p")) == links(site.root("c"))
    assert files(site.root("m")) == files(site.root("p")) == files(site.root("c"))
    assert os.path.isdir("/etc")
    assert outcomes(site) == {"p": "unchanged", "c": "unchanged"}
    assert list((site.root("c") / ".sshsync").rglob("*/*")) == []


def test_what_is_refused_is_told_by_name_with_what_to_do_and_the_rest_goes_on(site: Site) -> None:
    site.fill("m", FILES)
    make(site.root("m"), {b"app/current": b"/etc/passwd", b"d/x": b".", b"out": b"d/x/../..", b"fine": b"a", b"stage": b".sshsync/batch"})
    site.here("m", "p", "c", defaults="links = copy")
    done = site.cli("--all")
    assert done.returncode == 7
    for line in (
        "p: app/current: blocked: leads to /etc/passwd, outside of the repository (a relative link that stays inside is kept: change it there, or exclude it)",
        "p: out: blocked: leads to d/x/../.., which has .. behind a name: that may be outside of the repository (change it there, or exclude it)",
        "p: stage: blocked: leads to .sshsync/batch, which is staging, where nothing is verified yet (change it there, or exclude it)",
    ):
        assert line in done.stdout
    assert links(site.root("p")) == links(site.root("c")) == {b"d/x": b".", b"fine": b"a"}
    assert files(site.root("m")) == files(site.root("p")) == files(site.root("c"))
    with site.config.open("a") as text:
        text.write("exclude = app/current\n    out\n    stage\n")
    site.here("m", "p", "c", defaults="links = copy\nexclude = app/current\n    out\n    stage")
    assert site.cli("--all").returncode == 0


def test_where_a_listcmd_tells_of_files_only_no_link_is_made_and_none_removed(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    make(site.root("m"), {b"l": b"a"})
    make(site.root("c"), {b"own": b"a"})
    site.here("m", "c", defaults="links = copy\ndelete = yes\nlistcmd = find ${REPOPATH} -path '*/.sshsync' -prune -o -type f -print0")
    found = site.summary("--all")
    assert found["exit_code"] == 0
    assert links(site.root("c")) == {b"own": b"a"}
    assert "links are not looked at: m and c tells of items only (a listcmd does, and a host with neither readlink nor perl)" in str(found["by_name"]["c"]["notices"])


def test_a_directory_that_cannot_be_listed_takes_no_link_away(site: Site) -> None:
    site.fill("m", FILES)
    make(site.root("m"), {b"l": b"a"})
    make(site.root("c"), {b"d/own": b"b", b"own": b"a"})
    broken = site.root("tools")
    (broken / "find").write_text(f"#!/bin/sh\n{shutil.which('find')} \"$@\"\ncase $PWD in {site.root('m')}) echo \"find: './d': Permission denied\" >&2; exit 1 ;; esac\n")
    (broken / "find").chmod(0o755)
    server = site.server("m", environment=f"PATH={broken}:{os.environ['PATH']}")
    site.write(
        f"[DEFAULT]\nstable_for = 0\nlinks = copy\ndelete = yes\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    )
    assert site.cli("--all").returncode == 7
    assert links(site.root("c")) == {b"d/own": b"b", b"own": b"a", b"l": b"a"}


def run(session: Session, root: Path, *named: tuple[bytes, bytes, bytes], **more: bytes) -> bytes:
    """Have links made: letter, name and target of each; return what is told."""
    command = Command(scripts.LINK, {"ROOT": os.fsencode(root), "SYNC": b"", "BATCH": b"7-1", **more})
    stdin = b"".join(b"T" + encode.lines([target]) + letter + encode.lines([name]) for letter, name, target in named)
    return session.run(command, stdin, token=new_token()).payload


@pytest.mark.parametrize(("tool", "names", "refused"), [("ln", (b"d/l", b"d/k"), b"failed 1"), ("mkdir", (b"d/new/l",), b"failed 0")])
def test_a_link_that_is_put_in_the_way_while_the_host_works_leads_nowhere(tmp_path: Path, tool: str, names: tuple[bytes, ...], refused: bytes) -> None:
    """Whoever has stepped into a directory stays in it, whatever becomes of its name."""
    root, outside, bin_ = tmp_path / "root", tmp_path / "outside", tmp_path / "bin"
    for place in (root / "d", outside / "new", bin_):
        place.mkdir(parents=True)
    (bin_ / tool).write_text(SWAPPED.replace("OUTSIDE", str(outside)).replace("TOOL", str(shutil.which(tool))))
    (bin_ / tool).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
        session = Session(LocalTransport(), 20)
        told = run(session, root, *((b"M", name, b"../a") for name in names))
        session.close()
    assert (root / "d").is_symlink(), "the tool was called there, and the link was put"
    assert list(outside.rglob("*")) == [outside / "new"]
    assert told.strip() == refused


@pytest.mark.parametrize("by", ["a program", "mv"])
def test_a_link_is_never_absent_while_it_changes_and_is_never_followed(tmp_path: Path, by: str) -> None:
    root, session = tmp_path / "root", Session(LocalTransport(), 20)
    for place in ("1", "2", "d"):
        (root / place).mkdir(parents=True)
    (root / "d" / "current").symlink_to("../1")
    more = program(scripts.RENAMERS) if by == "a program" else {}
    ended, missing = threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            try:
                os.readlink(root / "d" / "current")
            except OSError as error:
                missing.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(20):
            assert run(session, root, (b"M", b"d/current", b"../%d" % (1 + number % 2)), **more) == b""
    finally:
        ended.set()
        reader.join()
        session.close()
    assert missing == []
    assert os.readlink(root / "d" / "current") == "../2"
    assert list((root / "1").iterdir()) == list((root / "2").iterdir()) == [], "nothing went through it"


def test_a_link_changes_where_no_tool_renames_over_a_link_to_a_directory(tmp_path: Path) -> None:
    root, bin_ = tmp_path / "root", tmp_path / "bin"
    for place in (root / "1", root / "2", bin_):
        place.mkdir(parents=True)
    (root / "current").symlink_to("1")
    (root / "file").write_bytes(b"old")
    (bin_ / "mv").write_text(f'#!/bin/sh\ncase $1 in -*T*) echo "mv: illegal option -- T" >&2; exit 1 ;; esac\nexec {shutil.which("mv")} "$@"\n')
    (bin_ / "mv").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
        session = Session(LocalTransport(), 20)
        for _ in range(2):
            assert run(session, root, (b"M", b"current", b"2"), (b"O", b"file", b"1")) == b""
        session.close()
    assert (os.readlink(root / "current"), os.readlink(root / "file")) == ("2", "1")
    assert list((root / "1").iterdir()) == list((root / "2").iterdir()) == []


@pytest.mark.parametrize("letter", [b"M", b"O"])
def test_what_is_in_the_place_of_a_link_stays_unless_it_is_a_file_that_is_to_go(tmp_path: Path, letter: bytes) -> None:
    root, session = tmp_path / "root", Session(LocalTransport(), 20)
    (root / "d" / "in").mkdir(parents=True)
    (root / "d" / "file").write_bytes(b"data")
    (root / "file").write_bytes(b"data")
    os.mkfifo(root / "pipe")
    told = run(session, root, (letter, b"file", b"x"), (letter, b"d", b"x"), (letter, b"pipe", b"x"), EMPTY=b"yes")
    session.close()
    assert (root / "d" / "file").read_bytes() == b"data"
    assert (root / "pipe").is_fifo()
    assert (root / "file").is_symlink() is (letter == b"O")
    assert told.split() == [*([b"failed", b"0"] if letter == b"M" else []), b"failed", b"1", b"failed", b"2"]
