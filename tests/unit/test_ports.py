"""A port that a test takes is its own until its process ends."""

import subprocess
import sys

import pytest

from benchmarks import ports

MANY = 50
ROOM = range(31000, 31000 + 3 * MANY)
"""So small that two processes would meet in it."""


def test_no_two_processes_get_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"from benchmarks import ports\nports.OURS = {ROOM!r}\nprint(*[ports.reserved() for _ in range({MANY})], flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        theirs = {int(word) for word in other.stdout.readline().split()}
        monkeypatch.setattr(ports, "OURS", ROOM)
        ours = {ports.reserved() for _ in range(MANY)}
        other.communicate("\n", timeout=30)
    assert len(theirs) == len(ours) == MANY
    assert not theirs & ours


def test_where_none_is_free_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "OURS", range(ROOM.stop, ROOM.stop + 1))
    assert ports.reserved() == ROOM.stop
    with pytest.raises(OSError, match=f"no port from {ROOM.stop} to {ROOM.stop} is free"):
        ports.reserved()
