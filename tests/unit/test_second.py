"""Second looks: what is held of a listing that is compared with a former one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.kinds.second import Relisted
from sshsync.model.item import Item, Items, Snapshot, Stamp


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
