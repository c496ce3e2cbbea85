"""A file where a directory was, and a directory where a file was: one run converges, or tells what is in the way."""

import os
import stat
from pathlib import Path

import pytest

from tests.integration.conftest import Site, contents

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DELETE = "delete = yes\nmax_delete = 100%\n"

Tree = dict[str, bytes]
SWAPS: dict[str, tuple[Tree, Tree]] = {
    "a file where a directory was": ({"a": b"file now"}, {"a/x": b"x", "a/y": b"y"}),
    "a directory where a file was": ({"a/x": b"x", "a/y": b"y"}, {"a": b"file once"}),
    "a file where a deep directory was": ({"a": b"file now"}, {"a/b/c/d": b"d", "a/b/e": b"e", "a/f": b"f"}),
    "a deep directory where a file was": ({"a/b/c/d": b"d"}, {"a": b"file once"}),
    "deep inside": ({"t/u/v": b"file now", "t/u/w/x": b"x"}, {"t/u/v/old": b"old", "t/u/w": b"file once", "t/keep": b"keep"}),
    "both ways, one inside the other": (
        {"a/b": b"file now", "c/d/e": b"e", "a/g/h": b"h"},
        {"a/b/c": b"c", "a/b/d/e": b"e", "c/d": b"file once", "a/g": b"file once"},
    ),
    "two that change places": ({"one": b"1", "two/x": b"2"}, {"one/x": b"1", "two": b"2"}),
    "a big file where a directory was": ({"a": os.urandom(1_500_000)}, {"a/x": b"x"}),
    "a directory with a big file where a file was": ({"a/big": os.urandom(1_500_000), "a/x": b"x"}, {"a": b"file once"}),
    "odd names": ({"o d'd\n$(x)": b"file now", "\\0101/x": b"x"}, {"o d'd\n$(x)/-rf": b"x", "\\0101": b"file once"}),
}
"""By case: what the master holds, and what the child holds."""


def configure(site: Site, more: str) -> None:
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{site.server('m').section(path=site.root('m'))}"
        f"[c]\nparent = m\n{more}{site.server('c').section(path=site.root('c'))}"
    )


def everything(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return kind, mode and content of all that lies below a root, staging excepted."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.split("/")[0] == ".sshsync":
            continue
        mode = path.lstat().st_mode
        data = os.readlink(path).encode() if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
        found[name] = (mode, data)
    return found


def problem(found: dict, item: str) -> dict:
    named = [entry for entry in found["by_name"]["c"]["problems"] if entry["item"] == item]
    assert named, found["by_name"]["c"]
    return named[0]


@pytest.mark.parametrize("case", SWAPS)
def test_one_run_converges(site: Site, case: str) -> None:
    master, child = SWAPS[case]
    site.fill("m", {"other": b"other", **master})
    site.fill("c", {"other": b"other once", **child})
    configure(site, DELETE)
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    assert found["by_name"]["c"]["files"]["deleted"] == len(child.keys() - master.keys()), (
        "what made room was deleted, and counts"
    )
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"
    site.same("m", "c")


@pytest.mark.parametrize("case", SWAPS)
def test_without_deletion_nothing_is_lost_and_the_way_out_is_named(site: Site, case: str) -> None:
    master, child = SWAPS[case]
    site.fill("m", {"other": b"other", **master})
    site.fill("c", child)
    configure(site, "")
    for _ in range(2):
        found = site.summary("--sync", "c")
        assert found["exit_code"] == 7, found["by_name"]["c"]
        held = {key: data for key, (data, _, _) in contents(site.root("c")).items()}
        for name, data in child.items():
            assert held[os.fsencode(name)] == data, f"{name} is lost"
        assert held[b"other"] == b"other", "the rest goes on"
        problems = found["by_name"]["c"]["problems"]
        assert problems
        assert all("delete = yes" in entry["reason"] for entry in problems), problems
        assert all("directory" in entry["reason"] or "is a file" in entry["reason"] for entry in problems), problems


STAYS = {
    "an excluded file": "a/keep.log",
    "an excluded file, deep inside": "a/deep/down/keep.log",
    "a symbolic link": "a/link",
    "a symbolic link, deep inside": "a/deep/link",
    "a fifo": "a/pipe",
    "a fifo, deep inside": "a/deep/pipe",
}


def put(path: Path) -> None:
    """Make what its name says: an excluded file, a link or a fifo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name == "link":
        path.symlink_to("/etc/hostname")
    elif path.name == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"excluded")


@pytest.mark.parametrize("case", STAYS)
def test_what_must_not_be_removed_is_named_and_nothing_around_it_goes(site: Site, case: str) -> None:
    site.fill("m", {"a": b"file now", "b": b"other", "z/x": b"x"})
    site.fill("c", {"a/x": b"x", "a/deep/y": b"y", "a/other/z": b"z", "z": b"file once"})
    put(site.root("c") / STAYS[case])
    before = everything(site.root("c"))
    configure(site, f"{DELETE}exclude = *.log\n")
    for _ in range(2):
        found = site.summary("--sync", "c")
        assert found["exit_code"] == 7, found["by_name"]["c"]
        assert STAYS[case] in problem(found, "a")["reason"], "what is in the way is named"
        after = everything(site.root("c"))
        assert {name: seen for name, seen in after.items() if name == "a" or name.startswith("a/")} == {
            name: seen for name, seen in before.items() if name == "a" or name.startswith("a/")
        }, "nothing of it is removed"
        assert after["b"][1] == b"other", "the rest goes on"
        assert (after.get("z/x") or after["z"])[1] in (b"x", b"file once"), "another place that is swapped is old or new"


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_directory_where_something_stands_that_must_stay(site: Site, kind: str) -> None:
    site.fill("m", {f"{kind}/x": b"x", "b": b"other"})
    put(site.root("c") / kind)
    before = everything(site.root("c"))
    configure(site, DELETE)
    found = site.summary("--sync", "c")
    after = everything(site.root("c"))
    assert after[kind] == before[kind]
    assert after["b"][1] == b"other"
    assert found["exit_code"] in (7, 9), found["by_name"]["c"]
    assert kind in problem(found, f"{kind}/x")["reason"]


def test_an_empty_directory_makes_room(site: Site) -> None:
    """Nothing is lost with it, and no listing shows it."""
    site.fill("m", {"a": b"file now", "d": b"file now"})
    site.fill("c", {"a/x": b"x"})
    (site.root("c") / "d").mkdir()
    configure(site, DELETE)
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")


@pytest.mark.parametrize("limit", ["max_delete = 2", "max_delete = 30%"])
def test_the_deletion_that_makes_room_counts(site: Site, limit: str) -> None:
    site.fill("m", {"a": b"file now", "b": b"b", "c": b"c"})
    site.fill("c", {"a/x": b"x", "a/y": b"y", "a/deep/z": b"z", "b": b"b", "c": b"c"})
    before = everything(site.root("c"))
    configure(site, f"delete = yes\n{limit}\n")
    for _ in range(2):
        found = site.summary("--sync", "c")
        assert found["exit_code"] == 9, found["by_name"]["c"]
        assert "max_delete" in str(found["by_name"]["c"])
        after = everything(site.root("c"))
        assert after == before, "nothing is lost"
    configure(site, "delete = yes\nmax_delete = 60%\n")
    assert site.summary("--sync", "c")["exit_code"] == 0
    site.same("m", "c")


def test_the_refusal_of_other_deletions_refuses_these_too_and_the_rest_is_copied(site: Site) -> None:
    site.fill("m", {"a": b"file now", "b": b"new"})
    site.fill("c", {"a/x": b"x", **{f"old{n}": b"old" for n in range(5)}})
    before = everything(site.root("c"))
    configure(site, "delete = yes\nmax_delete = 3\n")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 9, found["by_name"]["c"]
    after = everything(site.root("c"))
    assert {name: seen for name, seen in after.items() if name != "b"} == before
    assert after["b"][1] == b"new"


def test_a_dry_run_tells_the_same_and_changes_nothing(site: Site) -> None:
    master, child = SWAPS["both ways, one inside the other"]
    site.fill("m", master)
    site.fill("c", child)
    before = everything(site.root("c"))
    configure(site, DELETE)
    found = site.summary("--dry-run", "--sync", "c")
    assert found["exit_code"] == 11
    assert everything(site.root("c")) == before
    kinds = sorted((event["kind"], event["name"]) for event in found["events"] if event["type"] == "change")
    assert kinds == sorted([("copy", name) for name in master] + [("delete", name) for name in child])
    assert site.summary("--sync", "c")["exit_code"] == 0
    site.same("m", "c")
