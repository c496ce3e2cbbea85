"""Second looks: what is held of a listing that is compared with a former one."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.errors import CommandError, ListingError
from sshsync.kinds.base import Answer
from sshsync.kinds.files import Files
from sshsync.kinds.second import Relisted
from sshsync.model.item import Item, Items, Snapshot
from sshsync.model.problem import Problem
from sshsync.model.row import Stamp
from tests.unit.test_files import SHA, drive, listed, ok, record, subject


def item(key: bytes, inode: int = 1) -> Item:
    return Item(key, None, Stamp(1, 2, 3, inode))


def first(keys: list[bytes]) -> Snapshot:
    return Snapshot("m", b"/m", Items(map(item, keys)))


KEYS = [b"a", b"b", b"c", b"d", b"e"]


@given(st.permutations(KEYS), st.sets(st.sampled_from(KEYS)), st.sets(st.sampled_from(KEYS)), st.sets(st.sampled_from([b"n", b"o"])))
def test_in_whatever_order_they_come(order: list[bytes], gone: set[bytes], changed: set[bytes], new: set[bytes]) -> None:
    made = Relisted(first(KEYS))
    for key in [*new, *order]:
        if key not in gone:
            assert made.see(item(key, 2 if key in changed else 1))
    assert made.absent() == gone
    assert set(made.changed) == changed - gone


@pytest.mark.parametrize("order", [*itertools.permutations(b"abc")])
def test_what_is_listed_twice_is_told(order: tuple[int, ...]) -> None:
    made = Relisted(first([b"a", b"b", b"c"]))
    keys = [bytes([key]) for key in order]
    assert all(made.see(item(key)) for key in keys)
    assert not any(made.see(item(key)) for key in keys)


TWO = record(b"a") + record(b"b")
DIGESTS = ok(f"{SHA}  ./a\n{SHA}  ./b\n".encode())


def scanned(directory: Path, second: Answer) -> Snapshot:
    """Scan a master of two files, of which both are looked at again by listing it."""
    return drive(Files().scan(subject(directory, wary=True)), listed(TWO), DIGESTS, second)


def test_a_second_listing_that_breaks_off_leaves_out_what_it_did_not_reach(tmp_path: Path) -> None:
    found = scanned(tmp_path, listed(record(b"b"), status=1, errors=b"find: ./a: Input/output error\n"))
    assert (set(found.items), found.complete, found.restless) == ({b"b"}, False, frozenset())
    assert found.problems[-1] == Problem(b"a", "Input/output error (when it was looked at again)")


@pytest.mark.parametrize(
    ("second", "error", "words"),
    [
        (listed(status=1, errors=b"find: .: Permission denied\n"), CommandError, "listing: find: .: Permission denied"),
        (Answer(0, b"tok root /other\n" + TWO, b""), CommandError, "the root is not /m any more"),
        (listed(TWO + record(b"a")), ListingError, "'a' is listed twice"),
    ],
    ids=["that fails", "of another root", "of one name twice"],
)
def test_a_second_listing_is_no_proof(tmp_path: Path, second: Answer, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        scanned(tmp_path, second)
