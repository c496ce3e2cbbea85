"""Laws of comparing: however two contents differ, what is found is true, and what is sent is what is not found."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.core import chunks
from sshsync.core.chunks import Comparison, Copy, Rates, begin, settled, step
from sshsync.core.pieces import Cut, Extent, Piece, blocks, by_content, ladder, merged, pieces, without

EXTENTS = st.lists(st.builds(Extent, st.integers(0, 60), st.integers(0, 12)), max_size=8)
CUTS = st.lists(st.sampled_from([blocks(size) for size in (1, 2, 3, 8, 32)] + [by_content(0 + tail) for tail in (1, 2)] + [Cut(2, 6, 1)]), max_size=4)
BYTES = st.binary(max_size=200) | st.lists(st.sampled_from([b"aaaa", b"bcd", b"\0" * 16, b"7ac0b", b"\n"]), max_size=40).map(b"".join)
KIB, MIB = 1 << 10, 1 << 20


def told(content: bytes, extents: tuple[Extent, ...], cut: Cut) -> list[Piece]:
    """Return what a host tells of some ranges of a content."""
    found = []
    for extent in extents:
        part = content[extent.offset : extent.end]
        found += [Piece(extent.offset + start, size, hashlib.sha1(part[start : start + size]).digest()[:6]) for start, size in pieces(part, cut)]
    return found


def compared(new: bytes, old: dict[bytes, bytes], cuts: tuple[Cut, ...]) -> tuple[Comparison, int]:
    """Compare by some cuts; return what is known then, and the bytes that both hosts told."""
    known, count = begin(len(new), {key: len(content) for key, content in old.items()}), 0
    for cut in cuts:
        asked = told(new, known.wanted, cut)
        answers = {key: told(old[key], extents, cut) for key, extents in known.spare.items()}
        count += len(asked) + max(0, sum(map(len, answers.values())))
        known = step(known, cut, asked, answers)
    return known, count * chunks.TOLD


def recipe(known: Comparison) -> list[Copy | Extent]:
    return sorted([*known.copies, *known.wanted], key=lambda part: part.at if isinstance(part, Copy) else part.offset)


def made(known: Comparison, new: bytes, old: dict[bytes, bytes]) -> bytes:
    return b"".join(
        old[part.source][part.offset : part.offset + part.length] if isinstance(part, Copy) else new[part.offset : part.end] for part in recipe(known)
    )


def covered(extents: tuple[Extent, ...]) -> set[int]:
    return {byte for extent in extents for byte in range(extent.offset, extent.end)}


@given(EXTENTS, st.integers(0, 5))
def test_what_is_joined_covers_what_it_was_and_gaps(extents: list[Extent], gap: int) -> None:
    found = merged(extents, gap)
    assert covered(found) >= covered(tuple(extents))
    assert all(one.end + gap < other.offset for one, other in zip(found, found[1:], strict=False))
    assert gap or covered(found) == covered(tuple(extents))


@given(EXTENTS, EXTENTS)
def test_what_is_taken_out_is_out(extents: list[Extent], taken: list[Extent]) -> None:
    assert covered(without(extents, taken)) == covered(tuple(extents)) - covered(tuple(taken))


@given(BYTES, CUTS)
def test_pieces_are_all_of_a_content_and_within_their_limits(content: bytes, cuts: list[Cut]) -> None:
    for cut in cuts:
        found = list(pieces(content, cut))
        assert [extent.offset for extent in found] == [sum(one.length for one in found[:number]) for number in range(len(found))]
        assert sum(extent.length for extent in found) == len(content)
        assert all(cut.least <= extent.length <= cut.most for extent in found[:-1])


@settings(max_examples=300)
@given(BYTES, BYTES, BYTES, st.integers(0, 200), CUTS, st.integers(0, 9))
def test_what_is_put_together_is_the_new_content(new: bytes, old: bytes, other: bytes, at: int, cuts: list[Cut], least: int) -> None:
    sources = {b"it": old[:at] + new[3:] + old[at:], b"other": other}
    known, _ = compared(new, sources, tuple(cuts))
    for one in (known, settled(known, least)):
        assert made(one, new, sources) == new
        assert one.missing == sum(part.length for part in recipe(one) if isinstance(part, Extent))
        assert covered(one.wanted).isdisjoint(byte for copy in one.copies for byte in range(copy.at, copy.at + copy.length))
        for key, extents in one.spare.items():
            used = {byte for copy in one.copies if copy.source == key for byte in range(copy.offset, copy.offset + copy.length)}
            assert covered(extents) <= set(range(len(sources[key])))
            assert not used or len(covered(extents)) < len(sources[key])


@given(BYTES, st.booleans())
def test_what_lies_there_already_is_sent_never(content: bytes, renamed: bool) -> None:
    known, _ = compared(content, {b"old name" if renamed else b"it": content}, (blocks(16),))
    assert known.missing == 0
    assert len(known.copies) <= 1 or b"\0" * 16 in content


def test_answers_that_are_missing_or_lie_are_found_nowhere() -> None:
    known = begin(10, {b"it": 10})
    assert step(known, blocks(5), [], {b"it": []}).missing == 10
    assert step(known, blocks(5), [Piece(0, 5, b"")], {b"it": [Piece(0, 5, b"")]}).missing == 10
    assert step(known, blocks(5), [Piece(0, 5, b"x")], {b"it": [Piece(0, 4, b"x")]}).missing == 10


def text(kind: str, size: int) -> bytes:
    """Return content of a kind, the same each time."""
    made = random.Random(7)
    if kind == "random":
        return made.randbytes(size)
    if kind == "zeros":
        return bytes(size)
    if kind == "base64":
        letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        lines = (bytes(made.choices(letters, k=76)) for _ in range(size // 77 + 1))
    elif kind == "hexadecimal":
        lines = (made.randbytes(32).hex().encode() for _ in range(size // 65 + 1))
    elif kind == "sorted words":
        lines = iter(sorted(b"/".join(made.choices([b"usr", b"share", b"doc", b"python", b"changelog", b"gz", b"lib"], k=4)) + b"%d" % made.randrange(9999) for _ in range(size // 25)))
    elif kind == "numbers":
        lines = (b"%d,%d,%d" % (n, 1_600_000_000 + n * 7, made.randrange(10**6)) for n in range(size // 24))
    else:
        lines = (b"Nov 21 %02d:%02d:%02d host sshd[%d]: Accepted publickey for root" % (n // 3600 % 24, n // 60 % 60, n % 60, made.randrange(9999)) for n in range(size // 60))
    return b"\n".join(lines)[:size]


KINDS = ["random", "base64", "hexadecimal", "sorted words", "numbers", "log"]


@pytest.mark.parametrize("tail", [2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_of_a_fitting_length_in_whatever_alphabet(kind: str, tail: int) -> None:
    cut, content = by_content(tail), text(kind, 4 * MIB)
    found = list(pieces(content, cut))
    assert cut.mean * 0.6 < len(content) / len(found) < cut.mean * 2
    at_the_limit = sum(one.length == cut.most for one in found[:-1])
    assert at_the_limit < len(found) * 0.5, "few pieces end where nothing says so"


@pytest.mark.parametrize("kind", [*KINDS, "zeros"])
@pytest.mark.parametrize("where", [0, 1_000_003])
def test_an_insertion_costs_next_to_nothing_in_whatever_alphabet(kind: str, where: int) -> None:
    old = text(kind, 4 * MIB)
    new = old[:where] + b"one hundred bytes " * 6 + old[where:]
    known, lists = compared(new, {b"it": old}, ladder(len(new), content=True))
    assert made(known, new, {b"it": old}) == new
    assert known.missing <= 12 * KIB, "a few pieces at the place of the insertion"
    assert lists < 150 * KIB


def test_four_kilobytes_in_a_gibibyte_cost_about_that() -> None:
    """By their digests only: the contents are never there."""
    size, place = 1 << 30, Extent(700 * MIB + 4096, 4096)
    known, count = begin(size, {b"it": size}), 0
    for cut in ladder(size, content=False):
        ends = [Extent(at, min(cut.most, one.end - at)) for one in known.wanted for at in range(one.offset, one.end, cut.most)]
        new = [Piece(*one, b"new" if one.offset <= place.offset < one.end else b"%d" % one.offset) for one in ends]
        old = {b"it": [Piece(*one, b"%d" % one.offset) for one in ends]}
        count += 2 * len(ends)
        known = step(known, cut, new, old)
    assert known.wanted == (place,)
    assert count < 250


SLOW, FAST = Rates(link=50e3, digesting=200e6, start=0.004), Rates(link=1e9, digesting=200e6, start=0.004)


def test_comparing_pays_over_a_slow_link_and_not_over_a_fast_one() -> None:
    known = begin(1 << 30, {b"it": 1 << 30})
    coarse, *_ = ladder(1 << 30, content=False)
    assert chunks.pays(known, coarse, SLOW)
    assert not chunks.pays(known, coarse, FAST)
    assert not chunks.pays(begin(1 << 30, {}), coarse, SLOW), "there is nothing to compare with"
    assert not chunks.pays(begin(0, {b"it": 7}), coarse, SLOW)


@pytest.mark.parametrize("content", [True, False])
def test_what_differs_everywhere_is_not_looked_at_ever_finer(content: bool) -> None:
    size = 1 << 30
    known = begin(size, {b"it": size})
    cuts = ladder(size, content=content)
    looked = 0
    for cut in cuts:
        if chunks.pays(known, cut, SLOW):
            known = step(known, cut, [], {})
            looked += 1
    assert 0 < looked < len(cuts)
    assert known.missing == size


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("size", [1, 5 * KIB, 300 * KIB, 256 * MIB, 1 << 30, 1 << 40])
def test_a_ladder_leads_down_in_few_steps(size: int, content: bool) -> None:
    cuts = ladder(size, content=content)
    assert 1 <= len(cuts) <= 4
    assert list(cuts) == sorted(cuts, key=lambda cut: -cut.mean)
    assert size // cuts[0].mean < 1 << 20, "the first answer is bounded"
    assert cuts[0].most < 64 * MIB, "what a host holds in memory is bounded"
