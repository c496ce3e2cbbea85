"""`file_group` on real disks and servers, by whatever way the bytes come and whoever brings them."""

import grp
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import OLD, Site
from tests.integration.test_repeat import GROUPS, busybox
from tests.integration.test_tools import BSD_STAT, tools
from tests.sshd import require

pytestmark = pytest.mark.integration

COPY = "synccmd = cp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"
FILES = {
    "a": b"alpha", "d/b": b"beta", "d/e/c": b"", "line\nfeed": b"odd", "-rf": b"-", " x ": b"blank", os.fsdecode(b"\xff\xfe"): b"raw",
    "group ./a": b"forged", "$(id)": b"$", "big": os.urandom(1_500_000),
}  # fmt: skip


@pytest.fixture
def group() -> str:
    """A group that the files of this account are not in, and that it may give them to."""
    require(bool(GROUPS), "a second group of this account")
    return grp.getgrgid(GROUPS[0]).gr_name


def owners(root: Path) -> set[str]:
    """Return the groups of all files that a reader sees."""
    found = (path.lstat() for path in root.rglob("*") if ".sshsync" not in path.parts)
    return {grp.getgrgid(at.st_gid).gr_name for at in found if stat.S_ISREG(at.st_mode)}


def outcomes(site: Site) -> set[str]:
    return {entry["outcome"] for entry in site.summary("--all")["repositories"]}


def copied(found: dict) -> int:
    return sum(len(event["items"]) for event in found["events"] if event["type"] == "published")


def adjusted(found: dict) -> int:
    return sum(len(event["names"]) for event in found["events"] if event["type"] == "adjusted")


@pytest.mark.parametrize("way", ["", COPY, "pipeline = yes", "transfer = scp", "file_mode = 0640"], ids=["relay", "command", "pipeline", "scp", "mode"])
def test_files_arrive_with_the_group_that_is_asked_for(site: Site, group: str, way: str) -> None:
    site.fill("m", FILES)
    site.fill("c", {"d/b": b"beta", "big": b"old"})
    site.here("m", "p", "c", defaults=f"{way}\nfile_group = {group}")
    before = owners(site.root("m"))
    # The directory hands its own group on, as on BSD all do.
    os.chown(site.root("p"), -1, GROUPS[0])
    site.root("p").chmod(0o2755)
    found = site.summary("--all")
    assert found["exit_code"] in (0, 7 if "synccmd" in way or "scp" in way else 0), found["by_name"]
    assert (owners(site.root("p")), owners(site.root("c")), owners(site.root("m"))) == ({group}, {group}, before)
    site.summary("--all")
    assert "Adjusted" not in str(site.cli("--all", "--dry-run").stdout)
    assert f"file_group = {group}" in site.cli("config", "show", "c").stdout


@pytest.mark.parametrize("host", ["gnu", "bsd", "perl", "busybox"])
def test_what_is_there_already_is_given_to_the_group(site: Site, group: str, host: str) -> None:
    if host == "busybox":
        path = busybox(site.root("tools"))
    else:
        more = {"bsd": {"stat": BSD_STAT}, "perl": {}, "gnu": {}}[host]
        also = ("chgrp", "printf", "id", "sha256sum", *(["perl"] if host == "perl" else []), *(["stat"] if host == "gnu" else []))
        path = tools(site, more, also=also)
    server = site.server("host", environment=f"PATH={path}")
    site.fill("m", FILES)
    text = f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\n{server.section(path=site.root('c'))}"
    site.write(text)
    assert site.summary("--all")["exit_code"] == 0
    before = {path: path.lstat().st_ino for path in site.root("c").rglob("*")}
    assert outcomes(site) == {"unchanged"}
    site.write(f"{text}file_group = {group}\n")
    assert site.cli("--all", "--dry-run").returncode == 11
    found = site.summary("--all")
    assert (found["exit_code"], adjusted(found), copied(found)) == (0, len(FILES), 0)
    assert owners(site.root("c")) == {group}
    assert {path: path.lstat().st_ino for path in before} == before, "nothing was written anew"
    assert outcomes(site) == {"unchanged"}
    os.chown(os.fsencode(site.root("c")) + b"/\xff\xfe", -1, os.getgid())
    assert adjusted(site.summary("--all")) == 1
    site.same("m", "c")


@pytest.fixture
def shared() -> Iterator[tuple[Path, int, str]]:
    """A directory of an ordinary account, one more group of which it is a member, and what logs it in there."""
    require(os.geteuid() == 0, "root")
    require(bool(shutil.which("setpriv")), "setpriv")
    place = Path(tempfile.mkdtemp(prefix="sshsync-test-"))
    place.chmod(0o755)
    more = grp.getgrnam("games").gr_gid if "games" in {one.gr_name for one in grp.getgrall()} else 2
    wrapper = place / "login"
    wrapper.write_text(f'#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --groups=65534,{more} sh -c "$SSH_ORIGINAL_COMMAND"\n')
    wrapper.chmod(0o755)
    (place / "c").mkdir()
    os.chown(place / "c", 65534, 65534)
    yield place / "c", more, f"ForceCommand {wrapper}"
    shutil.rmtree(place)


def test_an_ordinary_account_gives_files_to_a_group_that_it_is_in_and_to_no_other(site: Site, shared: tuple[Path, int, str]) -> None:
    root, more, login = shared
    member = grp.getgrgid(more).gr_name
    site.fill("m", FILES)
    server = site.server("c", login)
    text = f"[DEFAULT]\nstable_for = 0\n[m]\n{site.server('m').section(path=site.root('m'))}[c]\nparent = m\n{server.section(path=root)}"

    site.write(f"{text}file_group = nosuchgroup\n")
    told = "c: its files cannot be given to the group 'nosuchgroup': there is no such group (as root on 127.0.0.1:PORT: groupadd nosuchgroup; usermod -a -G nosuchgroup root; or name another file_group)"
    refused(site, server.port, told.removeprefix("c: "))
    site.write(f"{text}file_group = daemon\n")
    refused(site, server.port, f"its files cannot be given to the group 'daemon': nobody is only in: nogroup {member} (as root on 127.0.0.1:PORT: usermod -a -G daemon root; or name another file_group)")
    assert list(root.iterdir()) == []

    for given in (member, str(more)):
        site.write(f"{text}file_group = {given}\n")
        assert site.cli("hosts", "check").returncode == 0
        assert site.summary("--sync", "c")["exit_code"] == 0
        assert owners(root) == {member}
        assert {path.stat().st_uid for path in root.rglob("*")} == {65534}


def refused(site: Site, port: int, told: str) -> None:
    """See that a look, a dry run and a run tell the same, and that the run moves nothing."""
    for words in ("hosts check", "--dry-run --sync c", "--sync c"):
        done = site.cli(*words.split())
        shown = " ".join(done.stdout.split())
        assert done.returncode == 6, shown
        assert told.replace("PORT", str(port)) in shown, (words, shown)


def test_a_file_of_another_account_is_told_and_its_bytes_are_right(site: Site, shared: tuple[Path, int, str]) -> None:
    root, more, login = shared
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    text = f"[DEFAULT]\nstable_for = 0\n[m]\n{site.server('m').section(path=site.root('m'))}[c]\nparent = m\n{site.server('c', login).section(path=root)}"
    site.write(text)
    assert site.cli("--sync", "c").returncode == 0
    os.chown(root / "a", 0, 0)
    os.utime(root / "a", (OLD, OLD))
    site.write(f"{text}file_group = {grp.getgrgid(more).gr_name}\n")
    found = site.summary("--sync", "c")
    assert "mode, time or group of 1 file(s) cannot be set, such as a; their bytes are right" in str(found["by_name"]["c"]["notices"])
    assert (root / "b").stat().st_gid == more


def test_a_link_in_the_place_of_a_file_gives_nothing_away(site: Site, group: str) -> None:
    """A listing tells of a file, and when it is adjusted a link lies there."""
    site.fill("m", {"d/a": b"alpha", "d/b": b"beta"})
    site.fill("outside", {"a": b"alpha", "b": b"beta"})
    swap = f"rm -rf $REPOPATH/d && ln -s {site.root('outside')} $REPOPATH/d"
    site.here("m", "c")
    assert site.cli("--all").returncode == 0
    with site.config.open("a") as text:
        text.write(f"file_group = {group}\npre_cmd = {swap}\n")
    site.cli("--all")
    assert (site.root("c") / "d").is_symlink()
    assert group not in owners(site.root("outside"))
