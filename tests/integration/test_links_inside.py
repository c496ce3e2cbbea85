"""Symbolic links inside a child that lead out of it, listed as files by an operator's `find -L`: nothing out there changes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import OLD, Site
from tests.integration.holding import Gate, running, staged, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CHANGES: dict[str, dict[str, bytes]] = {
    "adjust below a directory link": {"dirlink/same": b"same bytes"},
    "adjust through a file link": {"filelink": b"same bytes"},
    "adjust below a link in a link": {"dirlink/inner/same": b"same bytes"},
    "replace below a directory link": {"dirlink/other": b"new bytes"},
    "replace a file link": {"filelink": b"new bytes"},
    "copy below a directory link": {"dirlink/missing": b"new bytes"},
    "copy below a link in a link": {"dirlink/inner/missing": b"new bytes"},
    "delete below a directory link": {},
}
"""By change: what the master has."""

OUTSIDE = {
    "same": b"same bytes",
    "other": b"old bytes",
    "victim": b"same bytes",
    "deep/same": b"same bytes",
    "deep/only": b"only here",
}


def seen(place: Path) -> dict[str, tuple[int, int, int, int, bytes]]:
    """Return what is below a place: kind and mode, time, change of the inode, number of the inode, bytes."""
    found = {}
    for path in sorted(place.rglob("*")):
        at = path.lstat()
        data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(place))] = (at.st_mode, at.st_mtime_ns, at.st_ctime_ns, at.st_ino, data)
    return found


def plant(site: Site) -> Path:
    """A child with links out of its root, and the place they lead to."""
    outside = site.root("outside")
    site.fill("outside", OUTSIDE, mtime=OLD - 5_000)
    for file in outside.rglob("*"):
        file.chmod(0o710 if file.is_dir() else 0o640)
    (outside / "inner").symlink_to(outside / "deep")
    child = site.root("c")
    (child / "dirlink").symlink_to(outside)
    (child / "filelink").symlink_to(outside / "victim")
    return outside


def configure(site: Site, more: str = "") -> None:
    site.write(
        f"[DEFAULT]\nstable_for = 0\nlistcmd = find -L ${{REPOPATH}} -type f -not -path '*/.sshsync/*'\n"
        f"[m]\n{site.server('m').section(path=site.root('m'))}"
        f"[c]\nparent = m\ndelete = yes\nmax_delete = 100%\n{more}{site.server('c').section(path=site.root('c'))}"
    )


def apart(check: Callable[[], dict], outside: Path) -> dict:
    """Run something and return what it gave, after looking that nothing outside the root changed."""
    before = seen(outside)
    found = check()
    assert seen(outside) == before, "something outside the root was changed"
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_no_change_of_a_child_goes_through_a_link(site: Site, change: str) -> None:
    outside = plant(site)
    site.fill("m", {"kept": b"kept", **CHANGES[change]})
    for file in site.root("m").rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o600)
    configure(site)
    for _ in range(2):
        found = apart(lambda: site.summary("--sync", "c"), outside)
        assert found["exit_code"] in (0, 6, 7, 9), found
        done = [event for event in found["events"] if event["type"] in ("published", "adjusted", "deleted")]
        assert "dirlink" not in str(done), "nothing through a link is told as done"
    assert (site.root("c") / "dirlink").is_symlink()
    assert (site.root("c") / "kept").read_bytes() == b"kept"


def test_mode_and_time_of_what_lies_beside_a_link_are_still_set(site: Site) -> None:
    outside = plant(site)
    files = {"a": b"a", "d/b": b"b", "dirlink/same": b"same bytes"}
    site.fill("m", files)
    site.fill("c", {"a": b"a", "d/b": b"b"}, mtime=OLD + 1_000)
    configure(site)
    found = apart(lambda: site.summary("--sync", "c"), outside)
    assert found["exit_code"] in (0, 7, 9), str(found["by_name"]["c"]["error"]) + str(found["by_name"]["c"]["problems"])
    for name in ("a", "d/b"):
        assert int((site.root("c") / name).stat().st_mtime) == OLD, name
    said = str(found["by_name"]["c"]["problems"]) + str(found["by_name"]["c"]["notices"])
    assert "dirlink" in said, "what was left is named"


def killed_before_publication(site: Site, files: dict[str, bytes]) -> None:
    """Leave in staging what a run brought that was killed before it published anything; the last file is ``z``."""
    site.fill("m", files)
    gate = Gate(site, "z")
    gate.arm()
    configure(site, gate.command)
    with running(site, "--json", "--sync", "c") as first:
        gate.wait(first)
        first.kill()
    gate.open()
    staging = site.root("c") / ".sshsync"
    until(lambda: not list(staging.glob("*/*.open*")), "what was on its way has ended there")
    assert staged(site.root("c")), "something is staged"


def led_away(place: Path, target: Path) -> None:
    """Put a link in the place of a directory, to one outside that looks the same but for modes and times of its files."""
    place.rename(target)
    place.symlink_to(target)
    for file in target.rglob("*"):
        if file.is_file():
            os.utime(file, (OLD - 9_000, OLD - 9_000))
            file.chmod(0o640)


def test_links_in_place_of_staged_directories_lead_nowhere(site: Site) -> None:
    """Between a killed run and the next one, each directory in staging became a link to one that looks the same."""
    killed_before_publication(site, {"a": b"alpha" * 1000, "d/b": b"beta" * 1000, "big": os.urandom(1_500_000), "z": b"last"})
    outside = site.root("outside")
    staging = site.root("c") / ".sshsync"
    moved = [path for path in sorted(staging.rglob("*"), reverse=True) if path.is_dir()]
    for number, place in enumerate(moved):
        led_away(place, outside / str(number))
    for _ in range(2):
        found = apart(lambda: site.summary("--sync", "c"), outside)
        assert found["exit_code"] in (0, 6, 7, 9), found


@pytest.mark.parametrize("deepest", [True, False], ids=["deepest", "topmost"])
def test_one_link_in_staging_leads_nowhere(site: Site, deepest: bool) -> None:
    """The same with only one of the directories: the deepest that holds files, or the topmost."""
    files = {"a": b"alpha" * 1000, "b": b"beta" * 1000, "z": b"last"}
    killed_before_publication(site, files)
    outside = site.root("outside")
    holders = sorted({file.parent for file in staged(site.root("c")) if file.read_bytes() in files.values()})
    assert holders, "something is staged"
    place = holders[0] if deepest else site.root("c") / ".sshsync" / holders[0].relative_to(site.root("c") / ".sshsync").parts[0]
    led_away(place, outside / "taken")
    found = apart(lambda: site.summary("--sync", "c"), outside)
    assert found["exit_code"] in (0, 6, 7, 9), found
