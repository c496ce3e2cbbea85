"""Rows of the fault matrix about what lies on the hosts: digests, disks, permissions, what stands in the way."""

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import OLD, Site, contents
from tests.integration.test_tools import tools
from tests.sshd import REQUIRED, require

pytestmark = pytest.mark.integration


def two(site: Site, *, child: str = "", environment: str = "", root: Path | None = None) -> None:
    server = site.server("host", environment=environment)
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{site.server('plain').section(path=site.root('m'))}"
        f"[c]\nparent = m\n{server.section(path=root or site.root('c'))}{child}"
    )


def as_root() -> None:
    if os.geteuid() != 0:
        (pytest.fail if REQUIRED else pytest.skip)("needs root")


@pytest.fixture
def disk(site: Site) -> Iterator[Path]:
    """A small file system of its own, as a child's root."""
    as_root()
    place = site.root("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def other_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("prints", "code", "words"),
    [
        (f'for file do echo "{other_digest("x")}  $file"; done', 10, "arrived as sha256:"),
        (f"echo '{other_digest('x')}  ./b'", 6, "no digest"),
        ("echo 'sha256sum: warning: something' ", 6, "no digest"),
        ("echo", 6, "no digest"),
        ("exit 0", 6, "no digest"),
        ("echo NONE", 6, "no digest"),
        ("echo \"'NONE'\"", 6, "no digest"),
        (f"echo '{other_digest('x')[:63]}  ./a'", 6, "no digest"),
        (f"echo '{other_digest('x')[:63]}g  ./a'", 6, "no digest"),
        ("echo 'sha256sum: ./a: Input/output error' >&2; exit 1", 6, "Input/output error"),
    ],
)
def test_row_41_what_is_no_digest_of_the_file_is_never_a_success(site: Site, prints: str, code: int, words: str) -> None:
    path = tools(site, {"sha256sum": f'#!/bin/sh\n[ "$1" = /dev/null ] && exec {shutil.which("sha256sum")} "$@"\n{prints}\n'}, also=("stat",))
    site.fill("m", {"a": b"alpha"})
    two(site, environment=f"PATH={path}")
    done = site.cli("--sync", "c")
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout, done.stdout
    assert not (site.root("c") / "a").exists()


def test_row_41_warnings_beside_the_digest_do_no_harm(site: Site) -> None:
    real = shutil.which("sha256sum")
    path = tools(site, {"sha256sum": f'#!/bin/sh\necho "warning: entropy low"; echo "on stderr, too" >&2; exec {real} "$@"\n'}, also=("stat",))
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    two(site, environment=f"PATH={path}")
    assert site.cli("--sync", "c").returncode == 0
    site.same("m", "c")


def test_row_44_what_does_not_fit_is_refused_before_the_first_byte(site: Site, disk: Path) -> None:
    site.fill("m", {"fits": b"1" * 100_000, "big": os.urandom(5_000_000)})
    two(site, root=disk)
    for words in (("--dry-run", "--sync", "c"), ("--sync", "c")):
        done = site.cli(*words)
        assert done.returncode == 9, done.stdout
        assert "5.1 MB more are needed there but 4.2 MB are free: nothing was moved" in done.stdout
        assert "free space there, then run again" in done.stdout
        assert [p.name for p in disk.rglob("*") if p.is_file()] == []
    (site.root("m") / "big").write_bytes(b"small")
    assert site.cli("--sync", "c").returncode == 0


def test_row_44_an_interrupted_upload_counts_as_free(site: Site, disk: Path) -> None:
    data = os.urandom(3_000_000)
    site.fill("m", {"big": data})
    two(site, root=disk)
    part = disk / ".sshsync" / "part"
    part.mkdir(parents=True, mode=0o700)
    (part / hashlib.sha256(data).hexdigest()).write_bytes(data)
    done = site.cli("--sync", "c")
    assert done.returncode == 0, done.stdout
    assert contents(disk) == contents(site.root("m"))


@pytest.mark.parametrize("left", [20_000, 300_000])
def test_row_45_a_full_disk_of_the_controller_ends_the_run_cleanly(site: Site, disk: Path, left: int) -> None:
    # What a listing costs there depends on how well its names compress: these do not.
    site.fill("m", {hashlib.sha512(b"%d" % n).hexdigest(): b"%d" % n for n in range(6000)})
    two(site)
    text = site.config.read_text().replace(f"state_dir = {site.directory}/state", f"state_dir = {disk}/state\nlog_file = none")
    (disk / "state").mkdir(mode=0o700)
    shutil.copy(site.directory / "state" / "known_hosts", disk / "state")
    site.config.write_text(text)
    assert site.cli("status").returncode == 6, "nothing is in sync yet"
    filler = disk / "filler"
    filler.write_bytes(b"x" * max(0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - left))
    done = site.cli("--sync", "c")
    assert done.returncode == 6, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "full" in done.stderr
    assert str(disk / "state") in done.stderr
    offered = contents(site.root("m"))
    assert all(offered[name] == found for name, found in contents(site.root("c")).items()), "nothing half-published"
    filler.unlink()
    again = site.cli("--sync", "c")
    assert again.returncode == 0, again.stdout + again.stderr
    site.same("m", "c")


def test_row_46_no_inodes_left(site: Site) -> None:
    as_root()
    place = site.root("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m,nr_inodes=30", "tmpfs", str(place)], check=True)
    try:
        site.fill("m", {f"f{n}": b"%d" % n for n in range(100)})
        two(site, root=place)
        done = site.cli("--sync", "c")
        assert done.returncode == 6, done.stdout
        assert "No space left on device" in done.stdout
        assert "inodes" in done.stdout
        assert not [p for p in (place / ".sshsync").rglob("*") if p.is_file()], "what arrived half is removed"
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_row_47_a_read_only_file_system_is_told_and_nothing_is_deleted(site: Site, disk: Path) -> None:
    site.fill("m", {"a": b"alpha"})
    site.fill("disk", {"a": b"old", "extra": b"x"})
    two(site, root=disk, child="delete = yes\nmax_delete = 100%\n")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    done = site.cli("--sync", "c")
    assert done.returncode == 6, done.stdout
    assert "Read-only file system" in done.stdout
    assert (disk / "extra").read_bytes() == b"x"


def test_row_42_a_disk_that_leftovers_fill_is_cleared_by_the_next_run(site: Site, disk: Path) -> None:
    """Not even the words of a lease find room."""
    left = disk / ".sshsync" / "batch" / "0123456789abcdef-1" / "old"
    left.parent.mkdir(parents=True)
    with contextlib.suppress(OSError), left.open("wb", buffering=0) as out:
        while True:
            out.write(b"x" * 65536)
    with contextlib.suppress(OSError), (left.parent / "rest").open("wb", buffering=0) as out:
        while True:
            out.write(b"x")
    assert os.statvfs(disk).f_bavail == 0
    site.fill("m", {"a": b"a" * 100_000})
    two(site, root=disk)
    done = site.cli("--sync", "c")
    assert done.returncode == 0, done.stdout
    assert (disk / "a").read_bytes() == b"a" * 100_000


def test_row_47_a_disk_that_is_not_mounted_is_no_empty_repository(site: Site, disk: Path) -> None:
    site.fill("m", {"a": b"alpha"})
    two(site, root=disk / "repo", child="delete = yes\n")
    assert site.cli("--sync", "c").returncode == 0
    shutil.rmtree(disk / "repo")
    done = site.cli("--sync", "c")
    assert done.returncode == 9
    assert "check that its disk is mounted" in done.stdout


def ordinary(site: Site) -> tuple[Path, str]:
    """A place that the account nobody can reach, and a login as nobody: root may read everything."""
    as_root()
    require(bool(shutil.which("setpriv")), "setpriv")
    place = Path(tempfile.mkdtemp(prefix="sshsync-test-"))
    place.chmod(0o755)
    wrapper = place / "login"
    wrapper.write_text('#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$SSH_ORIGINAL_COMMAND"\n')
    wrapper.chmod(0o755)
    return place, f"ForceCommand {wrapper}"


@pytest.mark.parametrize("closed", ["file", "directory", "root"])
def test_row_48_permission_denied_on_the_master(site: Site, closed: str) -> None:
    place, login = ordinary(site)
    try:
        root = place / "m"
        (root / "d").mkdir(parents=True)
        for name in ("a", "d/b", "z"):
            (root / name).write_bytes(name.encode())
            os.utime(root / name, (OLD, OLD))
        site.fill("c", {"old": b"o"})
        server = site.server("m", login)
        site.write(
            f"[DEFAULT]\nstable_for = 0\ndelete = yes\nmax_delete = 100%\n[m]\n{server.section(path=root)}"
            f"[c]\nparent = m\n{site.server('c').section(path=site.root('c'))}"
        )
        {"file": root / "a", "directory": root / "d", "root": root}[closed].chmod(0)
        found = site.summary("--sync", "c")
        assert (site.root("c") / "old").exists(), "nothing is deleted on incomplete knowledge"
        shown = str(found["by_name"]["c"]) + str([event for event in found["events"] if event["type"] == "notice"])
        assert ("no digest" if closed == "file" else "Permission denied") in shown
        assert found["exit_code"] == {"file": 7, "directory": 7, "root": 6}[closed]
        assert (site.root("c") / "z").exists() == (closed != "root"), "the others go on"
        assert site.cli("status").returncode == {"file": 7, "directory": 7, "root": 6}[closed]
        if closed == "directory":
            again = site.cli("--sync", "c")
            assert again.returncode == 7
            assert "c: d: blocked: m cannot list it: Permission denied (make it readable for its account there, or exclude it)" in again.stdout
            assert "1 of 1 repositories not in sync" in again.stdout
            with (site.directory / "sshsync.conf").open("a") as text:
                text.write("exclude = d\n")
            assert site.cli("--sync", "c").returncode == 0
            assert not (site.root("c") / "old").exists(), "what nobody wants to see keeps nothing from being deleted"
    finally:
        for path in (root, root / "d"):
            path.chmod(0o755)
        shutil.rmtree(place)


def test_row_48_permission_denied_on_the_child(site: Site) -> None:
    place, login = ordinary(site)
    try:
        root = place / "c"
        (root / "closed").mkdir(parents=True)
        for path in (root, root / "closed"):
            os.chown(path, 65534, 65534)
        (root / "closed").chmod(0o555)
        site.fill("m", {"a": b"a", "closed/b": b"b"})
        server = site.server("c", login)
        site.write(
            f"[DEFAULT]\nstable_for = 0\n[m]\n{site.server('m').section(path=site.root('m'))}[c]\nparent = m\n{server.section(path=root)}"
        )
        done = site.cli("--sync", "c")
        assert done.returncode == 7, done.stdout
        assert "closed/b: failed:" in done.stdout
        assert "Permission denied" in done.stdout
        assert (root / "a").read_bytes() == b"a"
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize("there", [False, True], ids=["to be made", "there already"])
def test_a_root_that_the_account_cannot_write_to_is_told_before_anything_runs(site: Site, there: bool) -> None:
    place, login = ordinary(site)
    try:
        root = place / "dat" / "c d"
        (root if there else root.parent).mkdir(parents=True)
        site.fill("m", {"a": b"a"})
        server = site.server("c", login)
        site.write(
            f"[DEFAULT]\nstable_for = 0\n[m]\n{site.server('m').section(path=site.root('m'))}[c]\nparent = m\n{server.section(path=root)}"
        )
        cure = f"install -d -o root '{root}'"
        for words, code in (("hosts check", 6), ("--dry-run --sync c", 6), ("--sync c", 6)):
            done = site.cli(*words.split())
            shown = " ".join(done.stdout.split())
            assert done.returncode == code, done.stdout
            assert f"{root} cannot be written by 'root': {root if there else root.parent} is not writable: Permission denied" in shown
            assert cure in shown
            assert "ready" not in shown.partition(" c ")[2].partition("tools")[0], words
        assert (list(root.iterdir()) if there else list(root.parent.iterdir())) == []
        subprocess.run(["install", "-d", "-o", "nobody", root], check=True)
        for words, code in (("hosts check", 0), ("--dry-run --sync c", 11), ("--sync c", 0)):
            done = site.cli(*words.split())
            assert done.returncode == code, done.stdout
    finally:
        shutil.rmtree(place)


def test_a_root_on_a_file_system_that_is_read_only_is_not_ready(site: Site, disk: Path) -> None:
    site.fill("m", {"a": b"a"})
    two(site, root=disk / "new")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for words in ("hosts check", "--dry-run --sync c", "--sync c"):
        done = site.cli(*words.split())
        assert done.returncode == 6, done.stdout
        assert f"{disk} is not writable: Read-only file system (make it writable, then run again)" in " ".join(done.stdout.split())


@pytest.mark.parametrize("delete", ["", "delete = yes\nmax_delete = 10%\n"], ids=["no deletions", "too many deletions"])
def test_row_49_a_directory_where_a_file_belongs_and_the_reverse(site: Site, delete: str) -> None:
    site.fill("m", {"a": b"a file", "d/x": b"in a directory", "fine": b"fine"})
    (site.root("c") / "a" / "inside").mkdir(parents=True)
    site.fill("c", {"a/inside/precious": b"p", "d": b"a file", "other": b"o"})
    two(site, child=delete)
    done = site.cli("--sync", "c")
    assert done.returncode == (9 if delete else 7), done.stdout
    assert "a: failed:" in done.stdout
    assert "d/x: failed:" in done.stdout
    assert ("deletion is refused" if delete else "delete = yes") in done.stdout
    assert (site.root("c") / "a" / "inside" / "precious").read_bytes() == b"p", "never a recursive delete"
    assert (site.root("c") / "d").read_bytes() == b"a file"
    assert (site.root("c") / "fine").read_bytes() == b"fine"


@pytest.mark.parametrize("form", ["small", "big"])
def test_row_50_a_link_on_the_way_is_refused_and_what_it_points_to_stays(site: Site, form: str) -> None:
    outside = site.directory / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"canary")
    (site.root("c") / "d").symlink_to(outside)
    (site.root("c") / "plain").symlink_to(outside / "x")
    data = os.urandom(2_000_000) if form == "big" else b"new"
    site.fill("m", {"d/x": data, "d/y": data, "plain": data, "e": b"e"})
    two(site, child="delete = yes\nmax_delete = 100%\n")
    done = site.cli("--sync", "c")
    assert done.returncode == 9, done.stdout
    assert "d/x: failed: ./d is a symbolic link" in done.stdout
    assert {p.name: p.read_bytes() for p in outside.iterdir()} == {"x": b"canary"}
    assert (site.root("c") / "e").read_bytes() == b"e"
    assert (site.root("c") / "plain").read_bytes() == data, "a link in the file's own place is replaced, not followed"
    assert not (site.root("c") / "plain").is_symlink()


def test_row_51_hard_links_running_programs_and_setuid(site: Site) -> None:
    root = site.root("c")
    shutil.copy(str(shutil.which("sleep")), root / "program")
    (root / "linked").write_bytes(b"shared by two names")
    (site.directory / "partner").hardlink_to(root / "linked")
    (root / "suid").write_bytes(b"old")
    (root / "suid").chmod(0o4755)
    site.fill("m", {"program": b"#!/bin/sh\necho new\n", "linked": b"new", "suid": b"new"})
    two(site)
    running = subprocess.Popen([str(root / "program"), "60"])
    try:
        assert site.cli("--sync", "c").returncode == 0
        site.same("m", "c")
        assert running.poll() is None, "the old program runs on"
    finally:
        running.kill()
        running.wait()
    assert (site.directory / "partner").read_bytes() == b"shared by two names"
    assert not stat.S_IMODE((root / "suid").stat().st_mode) & 0o7000


def test_row_51_an_immutable_file_is_told_and_left(site: Site) -> None:
    as_root()
    root = site.root("c")
    (root / "fixed").write_bytes(b"old")
    if subprocess.run(["chattr", "+i", str(root / "fixed")], capture_output=True, check=False).returncode:
        (pytest.fail if REQUIRED else pytest.skip)("this file system has no immutable files")
    try:
        site.fill("m", {"fixed": b"new", "other": b"other"})
        two(site)
        done = site.cli("--sync", "c")
        assert done.returncode == 7, done.stdout
        assert "fixed: failed:" in done.stdout
        assert "not permitted" in done.stdout
        assert (root / "fixed").read_bytes() == b"old"
        assert (root / "other").read_bytes() == b"other"
    finally:
        subprocess.run(["chattr", "-i", str(root / "fixed")], check=True)
    assert site.cli("resume").returncode == 0
    site.same("m", "c")


def test_row_52_a_directory_on_another_disk_is_refused_not_copied_into(site: Site) -> None:
    as_root()
    site.fill("m", {"d/x": b"x", "e": b"e"})
    inner = site.root("c") / "d"
    inner.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(inner)], check=True)
    try:
        two(site)
        done = site.cli("--sync", "c")
        assert done.returncode == 7, done.stdout
        assert "./d: is on another file system" in done.stdout
        assert not (inner / "x").exists()
        assert (site.root("c") / "e").read_bytes() == b"e"
    finally:
        subprocess.run(["umount", "-l", str(inner)], check=True)
