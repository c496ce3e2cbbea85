"""When to walk: decisions of a watcher, without hosts or clocks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core.watching import LONGEST_WAIT, PATIENCE, Look, Step, Watching, looked, rest_of, state_of, unseen, walked
from sshsync.model.item import Item, Snapshot
from sshsync.model.row import Stamp

STABLE = 60.0
EVERY = 300.0


def snapshot(**files: tuple[int, int]) -> Snapshot:
    """Files with size and time of the last change in seconds; the host's clock says 1000."""
    items = {k.encode(): Item(k.encode(), None, Stamp(size, 5, at * 10**9, 7)) for k, (size, at) in files.items()}
    return Snapshot("m", b"/r", items, now=1000)


def look(known: Watching, state: str, now: float, rest: float = 0.0) -> tuple[Watching, Step]:
    return looked(known, Look(state, rest, "f" if rest else ""), now, interval=EVERY, stable_for=STABLE)


def test_any_change_of_a_file_is_another_state() -> None:
    base = state_of([("m", snapshot(a=(1, 1), b=(2, 2)))])
    assert base == state_of([("m", snapshot(b=(2, 2), a=(1, 1)))]), "the order of a listing is no change"
    for other in (snapshot(a=(1, 1)), snapshot(a=(2, 1), b=(2, 2)), snapshot(a=(1, 9), b=(2, 2)), snapshot(a=(1, 1), c=(2, 2)), replace(snapshot(a=(1, 1), b=(2, 2)), existed=False)):
        assert state_of([("m", other)]) != base
    assert state_of([("other", snapshot(a=(1, 1), b=(2, 2)))]) != base


def test_a_copy_that_keeps_its_times_is_young_by_its_change_time() -> None:
    rest, youngest = rest_of(snapshot(a=(1, 10), b=(1, 990)), STABLE)
    assert (rest, youngest and youngest.key) == (50.0, b"b")
    assert rest_of(snapshot(a=(1, 10)), STABLE) == (0.0, None)
    assert rest_of(snapshot(), STABLE) == (0.0, None)
    assert rest_of(snapshot(a=(1, 999)), 0.0) == (0.0, None)
    assert rest_of(snapshot(a=(1, 5000)), STABLE) == (0.0, None), "a vendor's clock is years ahead"


def test_a_new_state_is_walked_when_it_came_to_rest() -> None:
    known, step = look(Watching(walked="old"), "new", 0, rest=40)
    assert not step.walk
    assert 0 < step.wait <= STABLE
    assert "f to be complete" in step.why
    known, step = look(known, "newer", 50)
    assert not step.walk, "it changed between two looks"
    known, step = look(known, "newer", 109)
    assert not step.walk
    known, step = look(known, "newer", 111)
    assert step.walk
    known = walked(known, good=True, now=120, interval=EVERY)
    known, step = look(known, "newer", 130)
    assert (step.walk, step.wait, step.why) == (False, EVERY, "nothing new")


def test_a_master_that_never_rests_is_walked_all_the_same() -> None:
    known, now, steps = Watching(walked="old"), 0.0, 0
    while True:
        known, step = look(known, f"state {steps}", now, rest=30)
        if step.walk:
            break
        now, steps = now + step.wait, steps + 1
    assert PATIENCE <= now <= PATIENCE + EVERY


def test_after_a_failed_run_the_next_ones_come_at_growing_distances() -> None:
    known, now, waits = Watching(), 0.0, []
    known, _ = look(known, "s", now)
    for _ in range(8):
        begun = now
        while True:
            known, step = look(known, "s", now)
            if step.walk:
                break
            now += step.wait
        waits.append(now - begun)
        known = walked(known, good=False, now=now, interval=EVERY)
    assert waits[1:] == sorted(waits[1:])
    assert waits[-1] == LONGEST_WAIT
    known, step = look(known, "changed", now + 1)
    known, step = look(known, "changed", now + 1 + STABLE)
    assert step.walk, "a change of the master is a reason to try at once"


def test_a_master_that_cannot_be_looked_at_is_told_of_by_runs_and_caught_up_with() -> None:
    known = walked(replace(Watching(), seen="s"), good=True, now=0, interval=EVERY)
    known, step = unseen(known, 10, interval=EVERY)
    assert step.walk, "a run that fails tells everybody who is to be told"
    known = walked(known, good=False, now=11, interval=EVERY)
    known, step = unseen(known, 20, interval=EVERY)
    assert not step.walk
    known, step = look(known, "s", 30)
    known, step = look(known, "s", 30 + STABLE)
    assert step.walk, "the last run failed: a good one has to follow, though nothing is new"


def test_where_nothing_is_new_the_nodes_are_looked_at_all_the_same_when_that_is_due() -> None:
    known = walked(replace(Watching(), seen="s"), good=True, now=0, interval=EVERY, every=86400)
    known, step = look(known, "s", 86399)
    assert (step.walk, step.why) == (False, "nothing new")
    known, step = look(known, "s", 86400)
    assert step.walk
    known = walked(known, good=True, now=86410, interval=EVERY, every=86400)
    known, step = look(known, "s", 86420)
    assert not step.walk, "a day begins with each good run"
    known = walked(known, good=True, now=86430, interval=EVERY, every=0)
    assert not look(known, "s", 10**9)[1].walk, "0 is never"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100), st.booleans()), max_size=40))
def test_it_neither_spins_nor_sleeps_for_ever_nor_misses_the_last_state(looks: list[tuple[str, float, bool]]) -> None:
    known, now = Watching(), 0.0
    for state, rest, good in looks:
        known, step = look(known, state, now, rest)
        if step.walk:
            known = walked(known, good=good, now=now, interval=EVERY)
            now += 1
        else:
            assert 0 < step.wait <= max(EVERY, STABLE)
            now += step.wait
    last = looks[-1][0] if looks else "a"
    for _ in range(1000):
        known, step = look(known, last, now)
        if step.walk:
            known = walked(known, good=True, now=now, interval=EVERY)
            break
        now += step.wait
        if step.why == "nothing new":
            break
    assert known.walked == last


@pytest.mark.parametrize("failed", [0, 1, 50])
def test_waits_stay_bounded(failed: int) -> None:
    known = walked(Watching(failed=failed), good=False, now=0, interval=EVERY)
    assert known.not_before <= LONGEST_WAIT
