"""Comparisons as tables: what is known of each item on both sides, and how it is written down."""

from dataclasses import replace

import pytest

from sshsync.core import compare
from sshsync.errors import UnknownRepositoryError, UsageError
from sshsync.model.compared import Compared, Sign
from sshsync.model.item import Item, Problem, Snapshot
from sshsync.model.row import Stamp
from sshsync.model.topology import Tree
from sshsync.report import as_holdings
from tests import values


def item(key: bytes, digest: str | None = "1", size: int = 3, algorithm: str = "sha256") -> Item:
    width = {"sha256": 64, "md5": 32}[algorithm]
    return Item(key, None if digest is None else f"{algorithm}:{digest * width}", Stamp(size, 0, 0, 0))


def snapshot(name: str, *items: Item, **more: object) -> Snapshot:
    return replace(Snapshot(name, b"/r", {one.key: one for one in items}), **more)  # type: ignore[arg-type]


def signs(here: Snapshot, there: Snapshot, **more: object) -> list[tuple[bytes, Sign]]:
    return [(one.key, one.sign) for one in compare.compare(here, there, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("here", "there", "sign"),
    [
        (item(b"f"), item(b"f"), Sign.EQUAL),
        (item(b"f").bearing(0o600), item(b"f").stamped(Stamp(3, 10**18, 1, 1)), Sign.EQUAL),
        (None, item(b"f"), Sign.MISSING),
        (None, item(b"f", None), Sign.MISSING),
        (item(b"f"), None, Sign.EXTRA),
        (item(b"f", None), None, Sign.EXTRA),
        (item(b"f"), item(b"f", "2"), Sign.DIFFERS),
        (item(b"f", None), item(b"f", size=4), Sign.DIFFERS),
        (item(b"f", algorithm="md5"), item(b"f", size=4), Sign.DIFFERS),
        (item(b"f", None), item(b"f"), Sign.UNKNOWN),
        (item(b"f"), item(b"f", None), Sign.UNKNOWN),
        (item(b"f", None), item(b"f", None), Sign.UNKNOWN),
        (item(b"f", algorithm="md5"), item(b"f"), Sign.UNKNOWN),
    ],
)
def test_each_way_in_which_two_sides_stand(here: Item | None, there: Item | None, sign: Sign) -> None:
    (found,) = compare.compare(snapshot("c", *filter(None, [here])), snapshot("m", *filter(None, [there])))
    assert (found.sign, found.here, found.there) == (sign, here, there)
    assert bool(found.why) == (sign is Sign.UNKNOWN)


@pytest.mark.parametrize("side", ["here", "there"])
def test_what_nobody_could_see_is_neither_missing_nor_extra(side: str) -> None:
    """Below a directory that could not be listed; and everywhere, where it cannot be told what was not."""
    full = [item(b"a"), item(b"d/x/f"), item(b"dd")]
    for key, hidden in ((b"d", {b"d", b"d/x/f"}), (b".", {b".", b"a", b"d/x/f", b"dd"})):
        blind = snapshot("blind", complete=False, problems=(Problem(key, "Permission denied"),))
        pair = (blind, snapshot("full", *full)) if side == "here" else (snapshot("full", *full), blind)
        found = list(compare.compare(*pair))
        known = Sign.MISSING if side == "here" else Sign.EXTRA
        assert [one.key for one in found] == sorted({*hidden, b"a", b"d/x/f", b"dd"})
        assert {one.key for one in found if one.sign is Sign.UNKNOWN} == hidden
        assert {one.sign for one in found if one.key not in hidden} <= {known}
        assert {one.why for one in found if one.key in hidden} == {"blind cannot list it: Permission denied"}


def test_a_listing_that_broke_off_without_a_word_hides_everything() -> None:
    assert signs(snapshot("c", complete=False), snapshot("m", item(b"a"))) == [(b".", Sign.UNKNOWN), (b"a", Sign.UNKNOWN)]


def test_what_vanished_meanwhile_is_known_not_to_be_there() -> None:
    here = snapshot("c", complete=False, problems=(Problem(b"a", "a vanished", gone=True),))
    assert signs(here, snapshot("m", item(b"a"))) == [(b"a", Sign.MISSING)]


def test_what_takes_no_part_is_not_told_of() -> None:
    here = snapshot("c", item(b"tmp/1"), item(b"a"), complete=False, problems=(Problem(b"tmp/closed", "no"),))
    there = snapshot("m", item(b"tmp/2"), item(b"a"))
    assert signs(here, there, wanted=lambda key: key == b"a", reaches=lambda key: key == b"a") == [(b"a", Sign.EQUAL)]


def test_why_something_could_not_be_compared() -> None:
    here = snapshot("c", item(b"f", None), restless=frozenset({b"f"}))
    there = snapshot("m", item(b"f", None))
    (found,) = compare.compare(here, there)
    assert found.why == "c: it changed while it was looked at: try again when it is at rest; m: no digest of it could be made: make it readable for the account there"
    (other,) = compare.compare(snapshot("c", item(b"f", algorithm="md5")), snapshot("m", item(b"f")))
    assert other.why == "its digests are md5 and sha256: ask for the same with --digest"


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({}, 0),
        ({Sign.EQUAL: 3}, 0),
        ({Sign.EQUAL: 3, Sign.MISSING: 1}, 11),
        ({Sign.EXTRA: 1}, 11),
        ({Sign.DIFFERS: 1}, 11),
        ({Sign.DIFFERS: 1, Sign.UNKNOWN: 1}, 7),
        ({Sign.EQUAL: 1, Sign.UNKNOWN: 1}, 7),
    ],
)
def test_exit_codes_of_comparisons(counts: dict[Sign, int], code: int) -> None:
    assert compare.exit_code(counts) == code


def test_what_is_compared_with_what() -> None:
    host = values.host()
    three = values.repository("m", host=host), values.repository("c", "m", host=host), values.repository("d", host=host, type="pairs")
    tree = Tree({one.name: one for one in three})

    def names(*words: str) -> list[str]:
        return [one.name for one in compare.pair(tree, *words)]

    assert names("c") == names("c", "m") == ["c", "m"]
    assert names("m", "c") == ["m", "c"]
    for words, error in ((["m"], UsageError), (["c", "c"], UsageError), (["c", "d"], UsageError), (["x"], UnknownRepositoryError), (["c", "x"], UnknownRepositoryError)):
        with pytest.raises(error):
            names(*words)
    m, c, d = tree.repositories.values()
    assert [compare.takers(*pair) for pair in ((c, m), (m, c), (m, d))] == [(c,), (c,), (m, d)]


VALUE = "ab" * 32


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (b"a b", b"%s  a b"),
        (b" a", b"%s   a"),
        (b"\xff\x1b[31m", b"%s  \xff\x1b[31m"),
        (b"a\nb\\c", b"\\%s  a\\nb\\\\c"),
        (b"mid\rdle", b"%s  mid\rdle"),
        (b"end\r", b"\\%s  end\\r"),
        (b"d/\\\r", b"\\%s  d/\\\\\\r"),
        (b"-", b"%s  ./-"),
        (b"d/-", b"%s  d/-"),
    ],
)
def test_lines_for_sha256sum(key: bytes, line: bytes) -> None:
    assert as_holdings.checksum(Item(key, f"sha256:{VALUE}")) == line % VALUE.encode() + b"\n"


def test_lines_of_other_digests_name_them() -> None:
    assert as_holdings.checksum(Item(b"a (b) = c", "md5:" + "0" * 32)) == b"MD5 (a (b) = c) = " + b"0" * 32 + b"\n"
    assert as_holdings.checksum(Item(b"a\nb", "sha1:" + "0" * 40)) == b"\\SHA1 (a\\nb) = " + b"0" * 40 + b"\n"


def test_nothing_that_a_terminal_would_obey_is_shown() -> None:
    odd = Item(b"\x1b[31m\xff\n", "md5:\x1b[0m", Stamp(1, 10**40, 0, 0))
    lines = [*as_holdings.lines([odd]), as_holdings.checksum_shown(Item(odd.key, f"sha256:{VALUE}")).rstrip("\n"), as_holdings.difference_line(Compared(odd.key, Sign.MISSING))]
    assert all(line.isprintable() for line in lines), lines
    assert lines[0] == "1  -                    \\x1b[0m  \\x1b[31m\\xff\\n".replace("\\x1b[0m  ", "\\x1b[0m       "), "a time that no calendar has"
    assert lines[2] == "- \\x1b[31m\\xff\\n"


def test_many_that_are_lacking_are_told_in_few_lines() -> None:
    found = snapshot("m", *(item(b"f%02d" % number, None) for number in range(30)), complete=False, problems=(Problem(b"d", "no"), Problem(b"e", "gone", gone=True)))
    told = as_holdings.lacking(found)
    assert told[0] == "d: it cannot be listed: no"
    assert (len(told), told[-1]) == (11, "and 21 others like that")
    assert as_holdings.lacking(snapshot("m", item(b"a"))) == []
