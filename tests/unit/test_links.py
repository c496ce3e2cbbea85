"""`links = copy`: which symbolic links are kept, and what becomes of those of a child."""

import pytest

from sshsync.core.diff import diff
from sshsync.core.links import STAGING, links, refusal, waiting
from sshsync.model.change import Changes, Delete
from sshsync.model.item import Item, Items, Snapshot
from sshsync.model.links import Link
from sshsync.remote import scripts

KEPT = [
    (b"l", b"a"), (b"l", b"d/a"), (b"l", b"."), (b"l", b"./a"), (b"l", b"d//a"), (b"l", b"d/"), (b"l", b"d/."), (b"l", b"..."), (b"l", b"..a/b"), (b"l", b"a.."),
    (b"d/l", b"../a"), (b"d/l", b".."), (b"d/l", b"../"), (b"d/l", b".././a"), (b"d/e/l", b"../../x/y"), (b"d/l", b"./../a"), (b"d/l", b"..//a"),
    (b"l", b"line\nfeed\n"), (b"l", b"\xff\xfe"), (b"l", b" "), (b"l", b"-rf"), (b"l", b"$(touch x)"), (b"l", b"~/x"), (b"l", b"x" * 255), (b"l", b"l"),
    (b"l", b"gone"), (b"l", b".sshsyncs/x"), (b"d/l", b".sshsync"), (b"l", b"d/.sshsync"), (b"d/l", b"../d/.sshsync"), (b"l", b"x/" * 2047 + b"x"),
]  # fmt: skip
REFUSED = [
    (b"l", b"/etc/passwd", "outside of the repository"), (b"l", b"//etc", "outside of the repository"), (b"l", b"/", "outside of the repository"),
    (b"l", b"..", "outside of the repository"), (b"l", b"../x", "outside of the repository"), (b"d/l", b"../..", "outside of the repository"),
    (b"d/l", b".././../x", "outside of the repository"), (b"d/l", b"..//../x", "outside of the repository"), (b"d/l", b"../../d/x", "outside of the repository"),
    (b"l", b"x/../z", "has .. behind a name"), (b"d/l", b"../x/../z", "has .. behind a name"), (b"d/l", b"x/..", "has .. behind a name"), (b"l", b"a/.././b", "has .. behind a name"),
    (b"l", b".sshsync", "staging"), (b"l", b"./.sshsync/batch/x", "staging"), (b"d/l", b"../.sshsync/part", "staging"), (b"l", b".//.sshsync", "staging"),
    (b"l", b"", "no name"), (b"l", b"a\0b", "no name"), (b"l", b"x" * 256, "longer than"), (b"l", b"x/" * 2048, "longer than"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "target"), KEPT)
def test_a_link_that_stays_inside_is_kept(key: bytes, target: bytes) -> None:
    assert refusal(key, target) == ""


@pytest.mark.parametrize(("key", "target", "why"), REFUSED)
def test_a_link_that_may_lead_outside_is_refused_and_the_words_say_why_and_what_to_do(key: bytes, target: bytes, why: str) -> None:
    found = refusal(key, target)
    assert why in found
    assert "exclude it" in found
    assert len(found) < 500


def test_where_hosts_stage_is_known_here_too() -> None:
    assert STAGING == scripts.STAGING.encode()


def snapshot(items: set[bytes], found: dict[bytes, bytes] | None, **more: object) -> Snapshot:
    return Snapshot("r", b"/r", Items(Item(key, "md5:" + "0" * 32) for key in items), links=found, **more)  # type: ignore[arg-type]


def decided(parent: Snapshot, child: Snapshot, *, delete: bool = True, wanted=lambda _key: True) -> Changes:
    return links(parent, child, diff(parent, child, delete=delete, wanted=wanted), delete=delete, wanted=wanted)


def gone(changes: Changes) -> tuple[bytes, ...]:
    return tuple(change.key for change in changes.of(Delete))


CASES = [
    ("it is missing", ({"a"}, {"l": "a"}), ({"a"}, {}), True, [("l", "a", None, ())], []),
    ("it leads elsewhere", ({"a"}, {"l": "a"}), ({"a"}, {"l": "b"}), False, [("l", "a", "b", ())], []),
    ("it is there", ({"a"}, {"l": "a"}), ({"a"}, {"l": "a"}), True, [], []),
    ("the parent has none of it", ({"a"}, {}), ({"a"}, {"l": "a"}), True, [], ["l"]),
    ("and nothing is deleted", ({"a"}, {}), ({"a"}, {"l": "a"}), False, [], []),
    ("the parent has a file there", ({"l"}, {}), (set(), {"l": "a"}), True, [], []),
    ("the parent has a directory there", ({"l/x"}, {}), (set(), {"l": "a"}), True, [], ["l"]),
    ("the child has a file there", (set(), {"l": "a"}), ({"l"}, {}), True, [("l", "a", None, ("l",))], ["l"]),
    ("the child has a file there that stays", (set(), {"l": "a"}), ({"l"}, {}), False, [("l", "a", None, ("l",))], []),
    ("the child has a directory there", (set(), {"l": "a"}), ({"l/x", "l/y"}, {"l/z": "x"}), True, [("l", "a", None, ("l/x", "l/y", "l/z"))], ["l/x", "l/y", "l/z"]),
    ("the child has a file where its directory is", (set(), {"d/l": "a"}), ({"d"}, {}), True, [("d/l", "a", None, ("d",))], ["d"]),
    ("the child has a link where its directory is", (set(), {"d/l": "a"}), (set(), {"d": "a"}), True, [("d/l", "a", None, ("d",))], ["d"]),
    ("it leads outside", (set(), {"l": "/etc"}), (set(), {}), True, [], []),
    ("it leads outside and another is there", (set(), {"l": "/etc"}), (set(), {"l": "a"}), True, [], []),
    ("it leads outside and a file is there", (set(), {"l": "/etc"}), ({"l"}, {}), True, [], []),
    ("it leads outside and a directory is there", (set(), {"l": "/etc"}), ({"l/x"}, {"l/y": "x"}), True, [], []),
    ("nobody knows of the parent's", (set(), None), (set(), {"l": "a"}), True, [], []),
    ("nobody knows of the child's", (set(), {"l": "a"}), (set(), None), True, [], []),
]  # fmt: skip


@pytest.mark.parametrize(("parent", "child", "delete", "made", "lost"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_made_and_what_is_removed(parent: tuple, child: tuple, delete: bool, made: list, lost: list) -> None:
    def held(items: set[str], found: dict[str, str] | None) -> Snapshot:
        return snapshot({key.encode() for key in items}, None if found is None else {key.encode(): target.encode() for key, target in found.items()})

    changes = decided(held(*parent), held(*child), delete=delete)
    expected = [Link(key.encode(), target.encode(), old.encode() if old else None, tuple(one.encode() for one in over)) for key, target, old, over in made]
    assert list(changes.links) == expected
    assert [key.decode() for key in gone(changes)] == lost
    assert [problem.key for problem in changes.blocked] == [key.encode() for key, target in (parent[1] or {}).items() if target == "/etc"]


@pytest.mark.parametrize("whose", ["parent", "child"])
def test_nothing_goes_where_not_all_is_known(whose: str) -> None:
    parent, child = snapshot({b"a"}, {b"l": b"a"}, complete=whose != "parent"), snapshot({b"a"}, {b"old": b"a"}, complete=whose != "child")
    changes = decided(parent, child)
    assert gone(changes) == ()
    assert changes.withheld == 1
    assert [link.key for link in changes.links] == [b"l"]


def test_what_is_excluded_neither_comes_nor_goes_nor_is_refused() -> None:
    parent, child = snapshot(set(), {b"x": b"a", b"y": b"/etc"}), snapshot(set(), {b"z": b"a"})
    assert decided(parent, child, wanted=lambda _key: False) == Changes((), ())


def test_deletions_stand_in_one_order_with_those_of_files() -> None:
    changes = decided(snapshot({b"n"}, {}), snapshot({b"b", b"d"}, {b"c": b"x", b"a": b"x"}))
    assert [change.key for change in changes.changes] == [b"n", b"a", b"b", b"c", b"d"]


WAITS = [
    ("current", "releases/2", ["releases/2/x", "other"], "releases/2/x"), ("current", "releases/2/x", ["releases/2/x"], "releases/2/x"), ("current", "./releases//2/", ["releases/2/d/x"], "releases/2/d/x"),
    ("d/l", "../a", ["a"], "a"), ("d/l", "e", ["d/e/x"], "d/e/x"), ("d/l", "..", ["d/x", "a"], ""), ("l", ".", ["a"], ""), ("d/l", ".", ["d/x"], "d/x"),
    ("current", "releases/2", ["releases/20/x", "releases/1/x"], ""), ("current", "releases/2", [], ""), ("current", "releases/2/x", ["releases/2"], ""),
]  # fmt: skip


@pytest.mark.parametrize(("key", "target", "missing", "waits"), WAITS)
def test_a_link_waits_for_what_it_leads_to_by_its_text(key: str, target: str, missing: list[str], waits: str) -> None:
    found = waiting([Link(key.encode(), target.encode())], [one.encode() for one in missing])
    assert found == ({key.encode(): waits.encode()} if waits else {})
