"""Work that runs ahead of its use: order, errors, and its end."""

import threading
from collections.abc import Generator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.appliers.ahead import ahead
from sshsync.appliers.flights import Shared
from sshsync.errors import InterruptedRun
from sshsync.hosts.retrying import Branch, Stop


def counting(to: int, ended: threading.Event | None = None) -> Generator[int, None, None]:
    try:
        yield from range(to)
    finally:
        if ended:
            ended.set()


def named(number: int, to: int) -> Generator[tuple[int, int], None, None]:
    yield from ((number, at) for at in range(to))


@given(st.integers(0, 50), st.integers(1, 5))
def test_all_comes_in_order_whatever_is_ready_at_once(count: int, room: int) -> None:
    pieces = list(ahead([counting(count)], room))
    assert [number for piece in pieces for number in piece] == list(range(count))
    assert all(0 < len(piece) <= room for piece in pieces)


def test_an_error_comes_after_what_was_given_before() -> None:
    def failing() -> Generator[int, None, None]:
        yield from range(3)
        raise KeyError("no")

    seen: list[int] = []
    with pytest.raises(KeyError):
        for piece in ahead([failing()], 9):
            seen.extend(piece)
    assert seen == [0, 1, 2]


def test_what_is_ready_waits_for_more_as_long_as_there_may_be_some() -> None:
    assert list(ahead([counting(3)], 9, linger=60)) == [(0, 1, 2)]
    assert [number for piece in ahead([counting(7)], 2, linger=60) for number in piece] == list(range(7)), "a full room waits for nothing"


def test_it_waits_no_longer_than_it_is_told() -> None:
    taken = threading.Event()

    def slow() -> Generator[int, None, None]:
        yield 0
        assert taken.wait(20)
        yield 1

    seen = []
    for piece in ahead([slow()], 9, linger=0.01):
        seen.append(piece)
        taken.set()
    assert seen == [(0,), (1,)]


def test_who_wants_no_more_ends_the_work_in_its_own_thread() -> None:
    ended, cancelled = threading.Event(), threading.Event()
    with closing(ahead([counting(1000, ended)], 2, cancelled.set)) as pieces:
        assert next(pieces)[0] == 0
    assert ended.is_set()
    assert cancelled.is_set()


@given(st.lists(st.integers(0, 20), max_size=4), st.integers(1, 5))
def test_several_give_all_that_each_has_in_its_order(counts: list[int], room: int) -> None:
    given = [one for pieces in ahead([named(*one) for one in enumerate(counts)], room) for one in pieces]
    for number, count in enumerate(counts):
        assert [at for which, at in given if which == number] == list(range(count))


def test_where_one_of_several_fails_the_others_give_what_they_are_at_and_begin_nothing_more() -> None:
    threads: list[threading.Thread] = []
    failed = threading.Event()

    def failing() -> Generator[int, None, None]:
        threads.append(threading.current_thread())
        yield 1
        raise KeyError("no")

    def slow() -> Generator[int, None, None]:
        failed.wait(20)
        yield 2
        yield 3

    seen: list[int] = []
    with pytest.raises(KeyError):
        for pieces in ahead([failing(), slow()], 2):
            seen.extend(pieces)
            threads[0].join(20)
            failed.set()
    assert seen == [1, 2]


def test_what_several_take_from_goes_to_one_of_them_each() -> None:
    shared = Shared(range(1000))
    works = [(number for number in shared) for _ in range(3)]
    assert sorted(number for pieces in ahead(works, 5) for number in pieces) == list(range(1000))


def test_one_that_runs_ahead_of_another_is_ended_with_it() -> None:
    stop, ended = Branch(Stop()), threading.Event()

    def endless() -> Generator[int, None, None]:
        try:
            yield 1
            stop.sleep(1e9)
        finally:
            ended.set()

    def passed(work: Generator[int, None, None]) -> Generator[int, None, None]:
        with closing(ahead([work], 1, lambda: stop.set(0))) as inner:
            for piece in inner:
                yield from piece

    with closing(ahead([passed(endless())], 1, lambda: stop.set(0))) as pieces:
        assert next(pieces) == (1,)
    assert ended.is_set()


def test_a_part_of_a_run_ends_with_it_and_the_run_not_with_its_part() -> None:
    trunk = Stop(lambda _seconds: None)
    branch, other = Branch(trunk), Branch(trunk)
    branch.set(0)
    with pytest.raises(InterruptedRun):
        branch.sleep(3)
    other.sleep(3)
    trunk.check()
    trunk.set(15)
    with pytest.raises(InterruptedRun):
        other.check()
