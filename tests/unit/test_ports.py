"""A port that a test takes is its own until its process ends."""

import os
import subprocess
import sys

import pytest

from benchmarks.ports import reserved

MANY = 50
FIRST = 3000 + os.getpid() % 50 * 3 * MANY
ROOM = range(FIRST, FIRST + 3 * MANY)
"""So small that two processes would meet in it, apart from what other tests take, and from the room of a suite beside this one."""


def test_no_two_processes_get_the_same() -> None:
    code = f"from benchmarks.ports import reserved\nprint(*[reserved({ROOM!r}) for _ in range({MANY})], flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        theirs = {int(word) for word in other.stdout.readline().split()}
        ours = {reserved(ROOM) for _ in range(MANY)}
        other.communicate("\n", timeout=30)
    assert len(theirs) == len(ours) == MANY
    assert not theirs & ours


def test_where_none_is_free_it_is_told() -> None:
    port = reserved(ROOM)
    with pytest.raises(OSError, match=f"no port from {port} to {port} is free"):
        reserved([port])
