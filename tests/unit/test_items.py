"""Items: whatever a host may say of one is held as it is, in little room."""

import tracemalloc
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from sshsync.model.item import Item, Items
from sshsync.model.row import Stamp

NUMBERS = st.integers(-(2**65), 2**65) | st.sampled_from([0, 2**48 - 1, 2**48, 2**63 - 1, 2**63, -1])
DIGESTS = st.none() | st.sampled_from(
    ["md5:" + "0" * 32, "sha1:" + "1" * 40, "sha256:" + "a" * 64, "sha512:" + "b" * 128, "sha256:odd", "md5:" + "A" * 32, "crc:" + "0" * 62]
)


@given(st.builds(Stamp, NUMBERS, NUMBERS, NUMBERS, NUMBERS), DIGESTS, st.integers(0, 2**17))
def test_an_item_holds_whatever_a_host_may_say(stamp: Stamp, digest: str | None, mode: int) -> None:
    item = Item(b"a", digest, stamp, mode)
    assert (item.digest, item.stamp, item.mode) == (digest, stamp, mode)
    assert (item.size, item.mtime) == (stamp.size, stamp.mtime_ns // 10**9)
    assert item == Item(b"a", digest, stamp, mode)
    assert item.digested(None) == Item(b"a", None, stamp, mode)
    assert item.digested("sha256:" + "c" * 64).stamped(stamp).digest == "sha256:" + "c" * 64
    assert item.algorithm == (digest or "").partition(":")[0]


STAMPS = st.builds(Stamp, st.sampled_from([0, 7, 2**48]), st.sampled_from([0, 9, 2**64]), st.just(3), st.sampled_from([0, 2**48]))


@given(STAMPS, STAMPS, DIGESTS, DIGESTS, st.integers(0, 0o777))
def test_items_agree_by_digest_and_learn_it_by_stamp(ours: Stamp, theirs: Stamp, digest: str | None, other: str | None, mode: int) -> None:
    item = Item(b"a", digest, ours, mode)
    assert item.agrees(Item(b"b", other, theirs)) == (digest == other)
    items = Items([item])
    items.learn(b"unknown", theirs, "md5:" + "0" * 32)
    for known in filter(None, (digest, other)):
        items.learn(b"a", theirs, known)
        assert list(items.values()) == [item.digested(known) if ours == theirs else item]


ANY = st.builds(Stamp, NUMBERS, NUMBERS, NUMBERS, NUMBERS) | STAMPS
HELD = st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), st.tuples(DIGESTS, ANY, st.integers(0, 2**16)))


@given(HELD, HELD)
def test_what_is_told_of_all_items_at_once_is_what_each_of_them_tells(ours: dict, theirs: dict) -> None:
    one, other = (Items(Item(key, *values) for key, values in held.items()) for held in (ours, theirs))
    assert one.undigested() == [key for key, item in one.items() if not item.algorithm]
    assert one.algorithms() == {item.algorithm for item in one.values()} - {""}
    assert one.total() == sum(item.size for item in one.values())
    pairs = [(key, item, other[key]) for key, item in one.items() if key in other]
    assert one.alike(other) == {key for key, item, there in pairs if item.agrees(there) and item.marks == there.marks}
    borne = {key for key, item, there in pairs if item.agrees(there) and item.bearing(0o640).marks == there.marks}
    assert one.alike(other, 0o640) == borne
    placed = Items()
    for key, (_, stamp, mode) in ours.items():
        placed.place(key, stamp, mode)
    assert placed == {key: item.digested(None) for key, item in one.items()}


def test_a_million_items_fit_into_memory(figure: Callable[[str, object], None]) -> None:
    stamp = Stamp(4096, 1767225600 * 10**9, 1767225600123456789, 5_000_000)

    def held(count: int) -> int:
        tracemalloc.start()
        items = Items(Item(b"directory/%05d" % number, "sha256:%064x" % number, stamp) for number in range(count))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(items) == count
        return size

    each = (held(20_000) - held(2_000)) / 18_000
    figure("bytes of memory an item", round(each))
    assert each < 240
