"""What a stat tool tells: the short way of reading most of it comes to the same as the long one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sshsync.errors import ListingError
from sshsync.kinds.base import Answer
from sshsync.kinds.listing import Listing
from sshsync.kinds.told import stamp_of, usual, usual_of
from tests.unit.test_files import subject

MODES = st.sampled_from([b"f:644", b"f:4755", b"81a4", b"8FFF", b"d:755", b"41ed", b"f:9", b"f:", b""])
NUMBERS = st.from_regex(rb"-?[0-9]{1,21}", fullmatch=True)
TIMES = NUMBERS | st.from_regex(rb"-?[0-9]{1,12}[.,][0-9]{0,12}", fullmatch=True) | st.from_regex(rb"[0-9]{10}\\.[0-9]{9,10}", fullmatch=True)
NAMES = st.binary(min_size=1, max_size=12) | st.sampled_from(
    [b"a", b"d/e", b"d//e", b"../x", b"d/..", b"d/.", b".", b"..", b"...", b"..a/.b", b"/x", b"x/", b".sshsync", b".sshsync/x", b".sshsyncs", b"n" * 255, b"n" * 256, b"/".join([b"n" * 250] * 17)]
)


@given(MODES, NUMBERS, TIMES, TIMES, NUMBERS, st.binary(max_size=9))
@example(b"f:644", b"5", b"1600000000.5000000000", b"1600000001.123456789", b"77", b"a")
def test_both_ways_read_the_same_numbers(mode: bytes, size: bytes, mtime: bytes, ctime: bytes, inode: bytes, name: bytes) -> None:
    record = b" ".join((mode, size, mtime, ctime, inode, b"./" + name))
    if found := usual(record):
        key, stamp, bits = usual_of(*found.groups())
        raw, slow = stamp_of(record.split(b" ", 5), "m")
        assert (key, stamp, 0o100000 | bits) == (name, slow, raw & 0o170777)


@given(NAMES)
@example(b"d/../e")
def test_both_ways_take_and_refuse_the_same_names(tmp_path_factory: pytest.TempPathFactory, name: bytes) -> None:
    outcomes = []
    for time in (b"1600000000.000000000", b"1600000000"):
        reading = Listing(subject(tmp_path_factory.getbasetemp()), b"/m")
        record = b"\0 f:644 1 %b %b 7 ./%b\n" % (time, time, name)
        try:
            reading.read(record)
            outcomes.append(dict(reading.snapshot(Answer(0, b"", b"")).items))
        except ListingError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_most_of_what_there_is_goes_the_short_way() -> None:
    assert usual(b"f:644 21 1600023411.0000000000 1795943048.0355442110 9193354 ./pkg/some name.txt")
    assert usual(b"81a4 21 1600023411.000000000 1795943048.035544211 9193354 ./a\nb")
    assert not usual(b"f:644 21 1600023411 1795943048 9193354 ./a")
    assert not usual(b"d:755 21 1600023411.0000000000 1795943048.0355442110 9193354 ./a")
