"""Headway: what a run under way tells of itself, once a second, in a file that is gone with it."""

import json
import os
import threading
from pathlib import Path

import pytest

from sshsync.engine.headway import Headway, rate
from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.report import as_headway
from sshsync.state import headway
from tests.conftest import World


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def started(clock: Clock) -> tuple[Headway, list[dict]]:
    told: list[dict] = []
    made = Headway("r1", clock, clock, told.append)
    made(ev.RunStarted("r1", 1000.0, [["p"], ["a", "b"]]))
    return made, told


def test_current_repository_bytes_percent_rate_and_time_left() -> None:
    clock = Clock()
    made, told = started(clock)
    made(ev.RepositoryStarted("p", "m"))
    made(ev.Planned("p", 3, 1, 0, 0, 10, 1000))
    for _ in range(5):
        clock.now += 1
        made(ev.Progress("p", 50))
        made.tick()
    made(ev.Published("p", [("x", "", 50)], 50))
    clock.now += 1
    made.tick()
    (part,) = told[-1]["underway"]
    assert told[-1] | {"underway": []} == {"run": "r1", "at": 1006.0, "started": 1000.0, "repositories": 3, "ended": 0, "bad": 0, "bytes": 250, "bytes_planned": 1000, "percent": 25.0, "rate": 42, "left": 18.0, "underway": []}
    assert (part["name"], part["doing"], part["items"], part["items_planned"]) == ("p", "bringing", 1, 4)
    assert (part["bytes"], part["bytes_planned"], part["percent"]) == (250, 1000, 25.0)
    assert part["rate"] == 40, "over the five seconds since the first word about it"
    assert part["left"] == pytest.approx(18.8, abs=0.1)
    made(ev.RepositoryFinished("p", Outcome.FAILED, 1.0))
    clock.now += 1
    made.tick()
    assert (told[-1]["ended"], told[-1]["bad"], told[-1]["underway"]) == (1, 1, [])


def test_no_more_than_a_word_a_second() -> None:
    clock = Clock()
    made, told = started(clock)
    assert len(told) == 1, "the first at once"
    for _ in range(100):
        clock.now += 0.1
        made(ev.Remarked("p", "x"))
        made.tick()
    assert 9 <= len(told) <= 11


def test_what_was_there_already_has_arrived_and_nothing_is_more_than_all() -> None:
    clock = Clock()
    made, told = started(clock)
    made(ev.RepositoryStarted("p", "m"))
    made(ev.Planned("p", 2, 0, 0, 0, 0, 100))
    made(ev.Published("p", [("x", "", 60)], 60, salvaged=True))
    clock.now += 1
    made.tick()
    assert told[-1]["underway"][0]["bytes"] == 60
    made(ev.Progress("p", 500))
    clock.now += 1
    made.tick()
    assert told[-1]["underway"][0]["percent"] == 100.0
    assert told[-1]["underway"][0]["left"] == 0


def test_a_rate_needs_two_moments() -> None:
    assert rate([]) == rate([(1.0, 5)]) == rate([(1.0, 5), (1.0, 9)]) == 0
    assert rate([(1.0, 0), (3.0, 10)]) == 5


def test_a_meter_waits_for_nobody_who_writes() -> None:
    writing, free = threading.Event(), threading.Event()
    clock = Clock()

    def slow(_values: object) -> None:
        writing.set()
        assert free.wait(10)

    made = Headway("r1", clock, clock, slow)
    other = threading.Thread(target=made.tick)
    other.start()
    assert writing.wait(10)
    made(ev.Progress("p", 1))
    made(ev.Remarked("p", "nor does any other event"))
    free.set()
    other.join()


def test_a_run_leaves_word_while_it_lasts_and_none_after(world: World) -> None:
    state = world.directory / "state"
    seen: list[dict | None] = []

    def look(event: ev.Event) -> None:
        if isinstance(event, ev.RepositoryStarted | ev.RunFinished):
            seen.append(headway.read(state))

    world.fill("master", b"/m", {b"a": b"alpha"})
    state.mkdir(mode=0o700)
    headway.write(state, {"run": "of a killed one"})
    assert world.run(sinks=[look]).exit_code == 0
    assert [found and found["repositories"] for found in seen] == [3] * 4
    assert {found["run"] for found in seen if found} == {world.seen(ev.RunStarted)[0].run}
    assert headway.read(state) is None
    assert [name for name in os.listdir(state) if "headway" in name] == []


def test_a_dry_run_leaves_no_word(world: World) -> None:
    world.fill("master", b"/m", {b"a": b"alpha"})
    seen: list[dict | None] = []
    world.run(dry_run=True, sinks=[lambda _event: seen.append(headway.read(world.directory / "state"))])
    assert set(seen) == {None}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / headway.NAME).write_bytes(content)
    assert headway.read(tmp_path) is None


def test_nobody_fails_because_it_cannot_be_written(tmp_path: Path) -> None:
    headway.write(tmp_path / "gone", {})
    headway.remove(tmp_path / "gone")


VALUES = {
    "run": "r1", "at": 1000.0, "started": 990.0, "repositories": 4, "ended": 1, "bad": 1,
    "underway": [
        {"name": "a", "doing": "bringing", "items": 5, "items_planned": 20, "bytes": 310_000_000, "bytes_planned": 1_000_000_000, "percent": 31.0, "rate": 12_100_000, "left": 57.0},
        {"name": "b", "doing": "looking", "items": 0, "items_planned": 0, "bytes": 0, "bytes_planned": 0, "percent": None, "rate": 0, "left": None},
    ],
}  # fmt: skip


def test_in_words() -> None:
    assert as_headway.headline(VALUES, 1000.5) == "run r1: 1 of 4 repositories ended, 1 of them badly"
    assert as_headway.headline(VALUES, 1060.0) == "run r1: 1 of 4 repositories ended, 1 of them badly; no word for 1:00 min"
    assert as_headway.lines(VALUES) == ["a: 31 % of 1.0 GB, 12.1 MB/s, 57.0 s left, 5 of 20", "b: looking"]
    assert json.dumps(as_headway.rows(VALUES)[0]) == '["a", "31 % of 1.0 GB", "12.1 MB/s", "57.0 s left", "5 of 20"]'


@pytest.mark.parametrize("values", [{}, {"underway": [{}]}, {"underway": 3}, {"run": 1, "underway": [None, {"name": [], "percent": "x"}]}])
def test_words_of_a_file_that_says_something_else(values: dict) -> None:
    as_headway.headline(values, 0.0)
    as_headway.lines(values)


def test_the_whole_counts_who_has_ended_by_what_arrived_there() -> None:
    """What a repository did not get is not to come any more."""
    clock = Clock()
    made, _ = started(clock)
    for name, outcome, arrived in (("p", Outcome.DONE, 1000), ("a", Outcome.FAILED, 200)):
        made(ev.RepositoryStarted(name, "m"))
        made(ev.Planned(name, 1, 0, 0, 0, 0, 1000))
        made(ev.Progress(name, arrived))
        made(ev.RepositoryFinished(name, outcome, 1.0))
    made(ev.RepositoryStarted("b", "p"))
    made(ev.Planned("b", 1, 0, 0, 0, 0, 1200))
    made(ev.Progress("b", 600))
    told = made.values()
    assert (told["bytes"], told["bytes_planned"], told["percent"]) == (1800, 2400, 75.0)
    assert as_headway.total(told) == "2 of 3, 1 badly, 75 % of 2.4 kB"
