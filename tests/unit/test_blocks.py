"""What is on record about items, some hundred in a row: whatever is changed, it holds what a dictionary would."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.model.row import Stamp
from sshsync.state import blocks, schema
from sshsync.state.blocks import MOST, NOTHING, Changes, Known
from sshsync.state.rows import Damaged

DIGESTS = st.sampled_from(["", "sha256:" + "ab" * 32, "sha1:" + "0" * 40, "md5:odd", "sha256:AB", "other:" + "x" * 26, "é:\udcff"])
NUMBERS = st.integers(-(2**63), 2**63 - 1)
STAMPS = st.none() | st.builds(Stamp, NUMBERS, NUMBERS, NUMBERS, NUMBERS)


def known(verified: str, stamp: Stamp | None, seen: str) -> Known:
    return Known(verified, stamp, seen) if stamp and seen else Known(verified)


KEYS = st.binary(min_size=1, max_size=3) | st.integers(0, 700).map(lambda number: b"d/%05d" % number)
NEWS = st.dictionaries(KEYS, st.builds(known, DIGESTS, STAMPS, DIGESTS), max_size=30)
MANY = {b"d/%05d" % number: Known("sha256:" + f"{number:064x}", Stamp(number, 1, 2, 3), "sha256:" + f"{number:064x}") for number in range(700)}


def new(_known: Known, now: Known) -> Known:
    return now


def told(db: sqlite3.Connection, repository: int = 1) -> tuple[dict, dict]:
    """Return what was verified and what was seen, read a block at a time and in order."""
    verified, seen = [], []
    after = None
    while True:
        held, after = blocks.portion(db, repository, after, 1)
        for block in held:
            verified += blocks.verified(block)
            seen += blocks.seen(block)
        if after is None:
            break
    assert [key for key, _ in verified] == sorted({key for key, _ in verified})
    return dict(verified), {key: (stamp, digest) for key, stamp, digest in seen}


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(schema.in_memory()) as made:
        yield made


def appended(known: Known, more: Known) -> Known:
    """A change whose result depends on those before it."""
    return Known(more.verified, known.stamp, known.seen) if known.stamp else more


@given(st.lists(st.tuples(st.integers(1, 2), NEWS | st.just(MANY)), max_size=6))
def test_changes_made_together_are_changes_made_one_after_the_other(found: list[tuple[int, dict]]) -> None:
    with closing(schema.in_memory()) as one, closing(schema.in_memory()) as other:
        changes = Changes()
        for repository, news in found:
            blocks.change(one, repository, news, appended)
            changes.add(repository, news, appended)
        assert told(other) == ({}, {})
        changes.make(other)
        changes.make(other)
        assert [told(one, repository) for repository in (1, 2)] == [told(other, repository) for repository in (1, 2)]


@given(st.lists(NEWS | st.just(MANY) | st.just(dict.fromkeys(MANY, NOTHING)), max_size=6))
def test_what_is_written_is_read(changes: list[dict]) -> None:
    model: dict[bytes, Known] = {}
    with closing(schema.in_memory()) as db:
        for news in changes:
            blocks.change(db, 1, news, new)
            model |= news
            verified, seen = told(db)
            assert verified == {key: one.verified for key, one in model.items() if one.verified}
            assert seen == {key: (one.stamp, one.seen) for key, one in model.items() if one.stamp}
            counts = [row[0] for row in db.execute("SELECT verified FROM items WHERE repository = 1")]
            assert sum(counts) == len(verified)
        blocks.change_all(db, 1, lambda one: Known(one.verified))
        assert told(db) == (verified, {}) if changes else True
        assert told(db, 2) == ({}, {}), "another repository is another one"


def test_neighbours_take_little_room(db: sqlite3.Connection) -> None:
    keys = sorted(MANY, key=lambda _key: random.Random(1).random())
    for start in range(0, len(keys), 50):
        blocks.change(db, 1, {key: MANY[key] for key in keys[start : start + 50]}, new)
    rows = db.execute("SELECT length(held) FROM items").fetchall()
    assert sum(size for (size,) in rows) < 45 * len(MANY), "of which a digest takes 32"
    assert len(MANY) / MOST <= len(rows) <= 2 * len(MANY) / MOST + 1


def test_a_block_that_is_none_is_damage(db: sqlite3.Connection) -> None:
    blocks.change(db, 1, dict(list(MANY.items())[:20]), new)
    ((held,), after) = blocks.portion(db, 1, None, 1)
    assert after is not None
    broken = [held[:size] for size in range(len(held))] + [held + b"x", b"", b"\0\0\0\0", b"\xff" * 50]
    for block in broken:
        for read in (blocks.verified, blocks.seen):
            with pytest.raises(Damaged):
                list(read(block))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_block_with_a_bit_that_flipped_is_damage_or_other_digests(place: int, flip: int) -> None:
    with closing(schema.in_memory()) as db:
        blocks.change(db, 1, dict(list(MANY.items())[:20]), new)
        ((held,), _) = blocks.portion(db, 1, None, 1)
    at = place % len(held)
    garbled = held[:at] + bytes([held[at] ^ flip]) + held[at + 1 :]
    try:
        found = [key for key, _ in blocks.verified(garbled)]
    except Damaged:
        found = []
    assert found in ([], list(MANY)[:20])


def test_where_nothing_changes_nothing_is_written(db: sqlite3.Connection) -> None:
    blocks.change(db, 1, MANY, new)
    before = db.total_changes
    blocks.change(db, 1, {**MANY, b"never": NOTHING}, new)
    assert db.total_changes == before
