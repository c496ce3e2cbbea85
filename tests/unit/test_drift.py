"""Drift as tables and as a law: what differs among equals, who misses what, and of whom nobody can say."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core import drift
from sshsync.core.drift import Matrix
from sshsync.errors import UnknownRepositoryError, UsageError
from sshsync.model.drift import Drift, Row, Unasked, Unsure, Version
from sshsync.model.item import Item, Key, Problem, Snapshot
from sshsync.model.topology import Tree
from sshsync.model.words import Words
from sshsync.report import as_drift, drift_html
from tests import values

PACKAGES = Words("package", "packages", "install", "installed")


def held(**versions: str | None) -> Snapshot:
    items = [Item(name.encode(), None if version is None else f"version:{version}") for name, version in versions.items()]
    return Snapshot("r", b"", {item.key: item for item in items})


def older(one: str, other: str) -> int | None:
    return (float(one) > float(other)) - (float(one) < float(other)) if {*one, *other} <= {*"0123456789."} else None


def rows(*found: Snapshot | None, names: tuple[str, ...] = ("a", "b", "c", "d"), wanted: Callable[[Key], bool] = lambda _key: True, against: int | None = None) -> list[Row]:
    matrix = Matrix([wanted] * len(found))
    for place, snapshot in enumerate(found):
        if snapshot is not None:
            matrix.add(place, snapshot)
    return list(matrix.rows(names, older, against))


def test_what_is_the_same_everywhere_is_no_row() -> None:
    assert rows(held(x="1", y="2"), held(y="2", x="1")) == []


def test_versions_come_in_their_order_with_who_has_them() -> None:
    assert rows(held(x="10"), held(x="9"), held(x="10")) == [Row(b"x", (Version("version:9", ("b",)), Version("version:10", ("a", "c"), newest=True)))]


def test_where_there_is_no_order_what_most_have_comes_last() -> None:
    (row,) = rows(held(x="git@1"), held(x="2"), held(x="git@1"))
    assert row.versions == (Version("version:2", ("b",)), Version("version:git@1", ("a", "c")))


def test_equal_in_order_is_not_equal() -> None:
    """1.0 and 1.00 are one version to who orders them, and two packages to who installs them: neither is the newest."""
    (row,) = rows(held(x="1.0"), held(x="1.00"))
    assert [one.newest for one in row.versions] == [False, False]


def test_who_misses_it_is_named_and_who_could_not_be_asked_is_not() -> None:
    assert rows(held(x="1"), held(), None, held(x="1")) == [Row(b"x", (Version("version:1", ("a", "d")),), ("b",))]


def test_what_is_damaged_equals_nothing_and_is_not_missing() -> None:
    broken = replace(held(x=None), damaged={b"x": "half installed"})
    (row,) = rows(held(x="1"), broken)
    assert row == Row(b"x", (Version("version:1", ("a",)),), (), (Unsure("half installed", ("b",)),))
    assert not row.differs


def test_where_nobody_could_look_nothing_is_missing() -> None:
    blind = replace(held(), complete=False, problems=(Problem(b"d", "Permission denied"),))
    items = {key: Item(key, "version:1") for key in (b"d/x", b"e")}
    inside, beside = rows(Snapshot("a", b"", items), blind)
    assert (inside.missing, inside.unsure) == ((), (Unsure("r cannot list it: Permission denied", ("b",)),))
    assert beside.missing == ("b",)


def test_what_does_not_take_part_differs_nowhere() -> None:
    assert rows(held(x="1"), held(x="2"), wanted=lambda key: key != b"x") == []
    matrix = Matrix([lambda _key: True, lambda key: key != b"x"])
    matrix.add(0, held(x="1"))
    matrix.add(1, held(x="2"))
    assert list(matrix.rows(("a", "b"))) == [], "who leaves it out neither has nor misses it"


def test_against_one_of_them_others_may_differ_among_themselves() -> None:
    some = held(x="1"), held(x="1", y="1"), held(x="1", y="2")
    assert [row.key for row in rows(*some)] == [b"y"]
    assert [row.key for row in rows(*some, against=0)] == [b"y"], "it misses what they have"
    own = Matrix([lambda key: key != b"y", lambda _key: True, lambda _key: True])
    for place, snapshot in enumerate(some):
        own.add(place, snapshot)
    assert list(own.rows(("a", "b", "c"), older, 0)) == [], "it takes no part in y"


SNAPSHOTS = st.lists(st.none() | st.dictionaries(st.sampled_from("uvwxyz"), st.none() | st.sampled_from(["1", "2", "10", "git@1"])), min_size=1, max_size=5)


@given(SNAPSHOTS)
def test_every_repository_stands_once_in_every_row_and_what_is_alike_in_none(found: list[dict[str, str | None] | None]) -> None:
    names = tuple(f"n{number}" for number in range(len(found)))
    told = {row.key.decode(): row for row in rows(*(None if one is None else held(**one) for one in found), names=names)}
    asked = {name: one for name, one in zip(names, found, strict=True) if one is not None}
    for key in {key for one in asked.values() for key in one}:
        having = {name: one[key] for name, one in asked.items() if key in one}
        alike = len(having) == len(asked) and len(set(having.values())) == 1 and None not in having.values()
        assert alike == (key not in told)
        if key in told:
            row = told[key]
            stands = [name for one in (*row.versions, *row.unsure) for name in one.holders] + list(row.missing)
            assert sorted(stands) == sorted(asked)
            assert {name: one.digest.partition(":")[2] for one in row.versions for name in one.holders} == {name: version for name, version in having.items() if version}
            assert row.differs == (len({version for version in having.values() if version}) > 1 or (any(having.values()) and len(having) < len(asked)))
    assert set(told) <= {key for one in asked.values() for key in one}


def table(*found: Row, names: tuple[str, ...] = ("web01.pip", "web02.pip", "web03.pip"), unasked: tuple[Unasked, ...] = (), against: str = "") -> Drift:
    return Drift("pip", names, against, 412, found, unasked, 1.0)


DIFFERENT = Row(b"x", (Version("version:1", ("web01.pip",)), Version("version:2", ("web02.pip", "web03.pip"), newest=True)))
UNSURE = Row(b"y", (), (), (Unsure("half installed", ("web01.pip",)),))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (table(), 0),
        (table(DIFFERENT), 11),
        (table(UNSURE), 7),
        (table(DIFFERENT, UNSURE), 11),
        (table(unasked=(Unasked("a", "no route", transient=True),)), 75),
        (table(DIFFERENT, unasked=(Unasked("a", "no route", transient=True),)), 75),
        (table(DIFFERENT, unasked=(Unasked("a", "no route", transient=True), Unasked("b", "no python3", transient=False))), 7),
    ],
)
def test_the_exit_code_tells_what_was_found(found: Drift, code: int) -> None:
    assert drift.exit_code(found) == code
    assert as_drift.summary(found).exit_code == code


def test_the_code_of_several_types_is_that_of_the_worst() -> None:
    silent = table(unasked=(Unasked("a", "no route", transient=True),))
    assert as_drift.exit_code([]) == 0
    assert as_drift.exit_code([table(), table(DIFFERENT)]) == 11
    assert as_drift.exit_code([table(DIFFERENT), silent]) == 75
    assert as_drift.exit_code([silent, table(UNSURE)]) == 7


def test_the_table_folds_hosts_and_names_the_newest() -> None:
    lacking = Row(b"six", (Version("version:1.16.0", ("web01.pip", "web03.pip")),), ("web02.pip",))
    few = Row(b"only", (Version("version:3", ("web02.pip",)),), ("web01.pip", "web03.pip"))
    lines = list(as_drift.lines(table(DIFFERENT, lacking, few, UNSURE, unasked=(Unasked("web04.pip", "no route", transient=True), Unasked("web05.pip", "no route", transient=True))), PACKAGES))
    head, *rest = lines
    assert head.startswith("web[01-03].pip: 3 repositories, 412 packages, as of ")
    assert head.endswith(": 3 differ, 1 cannot be compared, 2 could not be asked")
    assert rest == [
        "several versions",
        "  x     1           web01.pip",
        "        2 (newest)  web[02-03].pip",
        "missing",
        "  six   1.16.0 elsewhere, missing on web02.pip",
        "  only  3 only on web02.pip, missing on web01.pip, web03.pip",
        "cannot be compared",
        "  y     web01.pip: half installed",
        "could not be asked",
        "  web[04-05].pip: no route",
        "next: sshsync diff web01.pip web02.pip",
    ]


def test_the_way_on_makes_all_others_like_one() -> None:
    """The first that could be asked, or the one that they are held against."""
    lacking = Row(b"six", (Version("version:1.16.0", ("web01.pip", "web03.pip")),), ("web02.pip",))
    found = table(lacking, unasked=(Unasked("web04.pip", "no route", transient=True),))
    assert list(as_drift.lines(found, PACKAGES, repairs=True))[-1] == "next: sshsync --sync web02.pip --like web01.pip --dry-run"
    assert as_drift.repairing(table(DIFFERENT, lacking)) == "sshsync --sync web02.pip,web03.pip --like web01.pip --dry-run"
    only = Row(b"only", (Version("version:3", ("web02.pip",)),), ("web01.pip", "web03.pip"))
    assert as_drift.repairing(table(only)) == "", "what the first one lacks stays on the others"
    assert as_drift.repairing(replace(table(DIFFERENT), against="web03.pip")) == "sshsync --sync web01.pip --like web03.pip --dry-run"
    assert as_drift.repairing(table(UNSURE)) == ""


def test_nothing_at_all_is_not_alike() -> None:
    (line,) = as_drift.lines(Drift("pip", ("a", "b"), "", 0, (), (), 1.0), PACKAGES)
    assert line.endswith(": nothing takes part")


def test_who_is_the_measure_comes_first() -> None:
    lines = list(as_drift.lines(table(DIFFERENT, against="web02.pip"), PACKAGES))
    assert lines[2:4] == ["  x  2 (newest)  web[02-03].pip", "     1           web01.pip"]
    assert "against web02.pip" in lines[0]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_longer_than_the_screen(width: int) -> None:
    names = tuple(f"node{number:03}.{'ab'[number % 2]}.pip" for number in range(60))
    row = Row(b"a-package", (Version("version:1", names[::2]), Version("version:2", names[1::2], newest=True)))
    lines = list(as_drift.lines(table(row, names=names), PACKAGES, width))
    assert max(map(len, lines[1:-1])) <= width, "but for what is there to be copied"
    told = " ".join(lines[2:])
    assert all(name in told for name in names), "nobody is left out"


def test_words_of_hosts_are_shown_escaped() -> None:
    hostile = Row(b"x\x1b[2J", (Version("version:\x1b]0;", ("web01.pip",)),), ("web02.pip",), (Unsure("<script>", ("web03.pip",)),))
    found = table(hostile, unasked=(Unasked("w", "<img src=x>\x1b", transient=True),))
    assert "\x1b" not in "".join(as_drift.lines(found, PACKAGES))
    page = drift_html.page([found], {"pip": PACKAGES})
    assert "\x1b" not in page
    assert "<img" not in page
    assert page.count("<script>") == 1
    assert "default-src 'none'" in page


def test_the_page_has_one_column_for_all_who_hold_the_same() -> None:
    page = drift_html.page([table(DIFFERENT)], {"pip": PACKAGES})
    heads = page.partition("<thead>")[2].partition("</thead>")[0]
    assert heads.count("<th>") == 3
    assert "web[02-03].pip" in heads
    assert "//" not in page, "nothing comes from elsewhere"


def tree(**kinds: tuple[str, str]) -> Tree:
    host = values.host()
    return Tree({name.replace("_", "."): values.repository(name.replace("_", "."), parent, host=host, type=kind) for name, (kind, parent) in kinds.items()})


FOREST = tree(m=("files", ""), p=("files", "m"), n=("files", "p"), other=("files", ""), a_pip=("pip", ""), b_pip=("pip", ""), a_rpm=("rpm", ""))


@pytest.mark.parametrize(
    ("names", "against", "groups"),
    [
        ([], "", [("m", "p", "n"), ("a.pip", "b.pip")]),
        (["n", "m"], "", [("n", "m")]),
        (["a.pip", "b.pip", "a.rpm"], "", [("a.pip", "b.pip"), ("a.rpm",)]),
        (["m", "other", "m"], "", [("m", "other")]),
        ([], "b.pip", [("a.pip", "b.pip")]),
        (["a.pip"], "b.pip", [("a.pip", "b.pip")]),
    ],
)
def test_who_is_compared_with_whom(names: list[str], against: str, groups: list[tuple[str, ...]]) -> None:
    assert drift.groups(FOREST, names, against) == groups


@pytest.mark.parametrize(
    ("names", "against", "words"),
    [(["a.rpm"], "", "a.rpm is the only one of its type"), (["a.rpm", "m"], "", "no two are of one type"), (["a.rpm", "a.pip"], "b.pip", "b.pip holds pip and a.rpm rpm")],
)
def test_what_cannot_be_compared_is_refused_before_anybody_is_asked(names: list[str], against: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        drift.groups(FOREST, names, against)
    with pytest.raises(UnknownRepositoryError):
        drift.groups(FOREST, ["nope"])
