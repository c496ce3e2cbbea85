"""The window of runs and their longest duration: nothing begins outside, what is under way ends cleanly and goes on."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.api import Result, Sync
from sshsync.config.hours import times
from sshsync.core import fold
from sshsync.core.limits import Limit
from sshsync.core.timeline import timeline
from sshsync.engine import owner
from sshsync.errors import ConfigError, OutsideError
from sshsync.model import events as ev
from sshsync.model.hours import ALWAYS, DAY, DAYS, Hours, Moment, Times
from sshsync.report import as_html, as_json, as_nagios, as_text
from sshsync.state.lock import Lock
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World, configure

NIGHT = "22:00-06:00"
FILES = {b"a": b"alpha", b"d/b": b"beta"}
WEEK = len(DAYS) * DAY


def window(text: str) -> Times:
    found = times(text)
    assert isinstance(found, Times)
    return found


def at(words: str) -> Moment:
    day, _, clock = words.partition(" ")
    hour, minute = map(int, clock.split(":"))
    return Moment(DAYS.index(day), hour * 60 + minute)


@pytest.mark.parametrize(
    ("text", "when", "opens"),
    [
        (NIGHT, "Mon 22:00", ""),
        (NIGHT, "Mon 23:59", ""),
        (NIGHT, "Tue 00:00", ""),
        (NIGHT, "Tue 05:59", ""),
        (NIGHT, "Tue 06:00", "at 22:00"),
        (NIGHT, "Tue 06:15", "at 22:00"),
        (NIGHT, "Tue 21:59", "at 22:00"),
        ("08:00-17:00", "Wed 17:00", "at 08:00"),
        ("08:00-17:00", "Wed 16:59", ""),
        ("00:00-24:00", "Wed 00:00", ""),
        ("Mon-Fri 22:00-06:00", "Sat 05:59", ""),
        ("Mon-Fri 22:00-06:00", "Sat 06:00", "on Mon at 22:00"),
        ("Mon-Fri 22:00-06:00, Sat-Sun", "Sat 12:00", ""),
        ("Mon-Fri 22:00-06:00, Sat-Sun", "Mon 00:00", "at 22:00"),
        ("Sun", "Mon 00:00", "on Sun at 00:00"),
        ("Sun 22:00-06:00", "Mon 03:00", ""),
    ],
)
def test_when_it_is_open(text: str, when: str, opens: str) -> None:
    limit = Limit(window(text))
    shut = f"outside of the window {text}: nothing was begun; it opens {opens}" if opens else ""
    assert limit.shut(at(when)) == shut
    assert limit.over(0.0, at(when)) == (f"the window {text} closed" if opens else "")


@pytest.mark.parametrize("text", ["22:00-22:00", "24:00-06:00", "25:00-06:00", "22:00", "22-6", "Xyz 22:00-06:00", "22:00-06:60", ",", "22:00-06:00,", "8h"])
def test_no_window(text: str) -> None:
    with pytest.raises(ConfigError, match="window"):
        configure(CHAIN, f"/s\nwindow = {text}")  # type: ignore[arg-type]


def test_hours_that_begin_when_a_day_ends_are_told_how_to_be_written() -> None:
    with pytest.raises(ValueError, match="24:00 is the end of a day: write 00:00 where hours begin"):
        window("24:00-06:00")


def test_without_one_runs_may_be_at_any_time() -> None:
    config = configure(CHAIN, "/s")  # type: ignore[arg-type]
    assert (config.settings.window, config.settings.max_duration) == (ALWAYS, 0.0)
    assert Limit().over(1e9, Moment(0, 0)) == Limit().shut(Moment(0, 0)) == ""
    config = configure(CHAIN, f"/s\nwindow = {NIGHT}\nmax_duration = 8h")  # type: ignore[arg-type]
    assert (str(config.settings.window), config.settings.max_duration) == (NIGHT, 28_800.0)


@pytest.mark.parametrize(("seconds", "words"), [(28_800.0, "8h"), (90.0, "90s"), (1800.0, "30m"), (0.5, "0.5s")])
def test_the_longest_duration(seconds: float, words: str) -> None:
    limit = Limit(seconds=seconds)
    assert limit.over(seconds - 0.1, Moment(0, 0)) == ""
    assert limit.over(seconds, Moment(0, 0)) == f"max_duration = {words} is over"


moments = st.builds(Moment, st.integers(0, 6), st.integers(0, DAY - 1))
spans = st.tuples(st.integers(0, DAY - 1), st.integers(0, DAY - 1)).filter(lambda pair: pair[0] != pair[1])
days = st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found)))
windows = st.lists(st.builds(lambda on, pair: Hours(on, *pair), days, spans), min_size=1, max_size=3).map(lambda found: Times(tuple(found)))


@given(windows, moments)
def test_it_opens_when_it_says_and_not_before(found: Times, now: Moment) -> None:
    """Whatever the clock shows: it is open, or it says the first minute of the week from now on at which it is."""
    first = next(late for late in range(WEEK) if found.open(now.after(late)))
    told = found.opens(now)
    assert (told == "") == (first == 0)
    if told:
        assert told.endswith(f"at {now.after(first)}")
        assert ("on " in told) == (first >= DAY)


@given(windows, moments)
def test_it_is_open_in_the_minutes_between_its_ends_only(found: Times, now: Moment) -> None:
    """Told by counting minutes: a week has 10,080, and hours over midnight belong to the day on which they begin."""
    minute = now.day * DAY + now.minute
    counted = any((minute - (day * DAY + one.start)) % WEEK < (one.end - one.start) % DAY for one in found.hours for day in one.days)
    assert found.open(now) == counted


@pytest.mark.parametrize("date", ["2026-03-29", "2026-10-25", "2026-06-01"])
def test_hours_that_a_clock_leaves_out_or_shows_twice_are_in_no_way(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every minute of a night in which the clocks change: it is open from when they show 22:00 until they show 06:00."""
    zone = ZoneInfo("Europe/Vienna")
    begin = datetime.fromisoformat(f"{date}T12:00").replace(tzinfo=zone).timestamp() - 86_400
    seen = []
    for minute in range(24 * 60):
        shown = datetime.fromtimestamp(begin + minute * 60, zone)
        now = Moment(shown.weekday(), shown.hour * 60 + shown.minute)
        seen.append(Limit(window(NIGHT)).over(0.0, now) == "")
    changes = [minute for minute in range(1, len(seen)) if seen[minute] != seen[minute - 1]]
    assert len(changes) == 2, "one night is one window"
    assert (changes[1] - changes[0]) / 60 == {"2026-03-29": 7, "2026-10-25": 9, "2026-06-01": 8}[date]


# ------------------------------------------------------------------ runs


class Clock:
    """A clock on the wall that a test sets, and what tells that a run has looked at it since."""

    def __init__(self, shows: str) -> None:
        self.set(shows)
        self.spent = 0.0
        self._looked = threading.Event()

    def set(self, shows: str) -> None:
        """Have it show a time on a Monday in winter."""
        hour, minute = map(int, shows.split(":"))
        self.now = time.mktime((2026, 1, 5, hour, minute, 0, 0, 5, -1))

    def beat(self) -> None:
        self._looked.set()

    def looked_at(self) -> None:
        """Wait until the run has looked twice: what the second look says was so before it."""
        for _ in range(2):
            self._looked.clear()
            assert self._looked.wait(20)

    def sync(self, world: World) -> Sync:
        here = replace(owner.here(), clock=lambda: self.now, monotonic=lambda: time.monotonic() + self.spent)
        return world.sync(here=here, beat=self.beat)


def limited(world: World, text: str = f"window = {NIGHT}") -> World:
    world.text = f"{text}\n{CHAIN}"
    world.fill("master", b"/m", FILES)
    return world


def run(world: World, clock: Clock, **how: bool) -> Result:
    world.events.clear()
    with clock.sync(world) as sync:
        return sync.run([["proxy"], ["node1", "node2"]], **how)


def at_publication(world: World, do: object) -> None:
    world.host("proxy").faults.append(Fault("none", "publish", first=do))  # type: ignore[arg-type]


@pytest.fixture
def cut(world: World) -> Iterator[tuple[World, Clock, Result]]:
    """A run whose window closed while its first repository was published."""
    clock = Clock("05:50")

    def close() -> None:
        clock.set("06:00")
        clock.looked_at()

    at_publication(limited(world), close)
    yield world, clock, run(world, clock)


def test_nothing_begins_outside(world: World) -> None:
    clock = Clock("06:15")
    with pytest.raises(OutsideError, match="outside of the window 22:00-06:00: nothing was begun; it opens at 22:00") as caught:
        run(limited(world), clock)
    assert caught.value.code == 12
    assert not world.events
    assert not any(host.started for host in world.hosts.values()), "nobody was asked anything"
    assert not (world.directory / "state" / "journal.sqlite").exists()
    assert [line.count("nothing begun") for line in (world.directory / "state" / "sshsync.log").read_text().splitlines()] == [1]


def test_nothing_begins_when_it_closed_while_somebody_waited_for_another_run(world: World) -> None:
    """The clock is asked before it waits, and has moved on when the other run ends."""
    clock, asked = Clock("05:50"), threading.Event()

    def told() -> float:
        shown = clock.now
        asked.set()
        return shown

    limited(world)
    lock = world.directory / "state" / "lock"
    here = replace(owner.here(), clock=told)
    with ThreadPoolExecutor(1) as pool, world.sync(here=here) as sync, sync.visit() as visit:
        with Lock(lock):
            waiting = pool.submit(visit.run, [["proxy"]], wait=60.0)
            assert asked.wait(20)
            clock.set("06:00")
        with pytest.raises(OutsideError, match="nothing was begun; it opens at 22:00"):
            waiting.result()
    assert not world.events
    assert not any(host.started for host in world.hosts.values()), "nobody was asked anything"


def test_a_dry_run_and_whoever_says_now_is_not_bound_by_it(world: World) -> None:
    clock = Clock("12:00")
    assert run(limited(world), clock, dry_run=True).exit_code == 11
    assert run(world, clock, now=True).exit_code == 0


def test_when_it_closes_a_run_ends_cleanly(cut: tuple[World, Clock, Result]) -> None:
    world, _, result = cut
    report = result.report
    assert result.exit_code == 75
    assert report.out_of_time == "the window 22:00-06:00 closed"
    assert world.host("proxy").below(b"/p") == FILES, "what was verified is published"
    assert as_text.headline(report).split(": ", 1)[1].startswith("the window 22:00-06:00 closed: ")
    assert "of 3 repositories done" in as_text.headline(report)
    assert as_text.advice(report) == "it goes on by itself when the same line runs again, or now: sshsync resume --now"
    (end,) = world.seen(ev.RunFinished)
    assert (end.exit_code, end.interrupted, end.out_of_time) == (75, True, report.out_of_time)
    assert as_json.summary(report)["out_of_time"] == report.out_of_time
    with world.sync() as sync:
        page = as_html.page(report, timeline(sync.journal.events(report.run)))
    assert "exit code 75: the window 22:00-06:00 closed" in page
    assert "resume --now" in page


def test_it_goes_on_when_it_opens_again(cut: tuple[World, Clock, Result]) -> None:
    world, clock, first = cut
    world.host("proxy").faults.clear()
    for shows in ("06:15", "12:00", "21:59"):
        clock.set(shows)
        with pytest.raises(OutsideError):
            run(world, clock)
    clock.set("22:00")
    result = run(world, clock)
    assert (result.exit_code, result.report.run, result.report.continued) == (0, first.report.run, 1)
    assert result.report.out_of_time == ""
    for host, root in (("proxy", b"/p"), ("node1", b"/n"), ("node2", b"/n")):
        assert world.host(host).below(root) == FILES


def test_status_takes_it_for_a_matter_of_time(world: World) -> None:
    clock = Clock("05:50")
    run(limited(world), clock)
    world.host("master").put(b"/m/a", b"another")

    def close() -> None:
        clock.set("06:00")
        clock.looked_at()

    world.host("proxy").faults += [Fault("none", "list", first=close), Fault("none", "list", first=close)]
    result = run(world, clock)
    assert result.exit_code == 75
    with world.sync() as sync:
        rows = sync.status()
    assert as_nagios.line(rows, clock.now, None)[1] == 1, "a warning"
    assert {row.error for row in rows if row.outcome == "skipped"} == {"the window 22:00-06:00 closed"}


def test_what_failed_for_another_reason_comes_first(world: World) -> None:
    clock = Clock("05:50")

    def close() -> None:
        clock.set("06:00")
        clock.looked_at()

    limited(world)
    world.host("proxy").faults.append(Fault("fail", "publish", words=b"broken disk", first=close))
    result = run(world, clock)
    assert result.report.repositories["proxy"].outcome == "failed"
    assert result.exit_code == 6, "what waiting does not mend"
    assert result.report.out_of_time == "the window 22:00-06:00 closed"
    assert result.report.interrupted


def test_who_has_ended_before_is_cut_short_by_nothing(world: World) -> None:
    clock = Clock("05:50")

    def close() -> None:
        clock.set("06:00")
        clock.looked_at()

    limited(world)
    world.host("proxy").faults.append(Fault("none", "release", first=close))
    with clock.sync(world) as sync:
        result = sync.run([["proxy"]])
    assert (result.exit_code, result.report.out_of_time, result.report.interrupted) == (0, "", False)


def test_who_waited_for_a_look_at_its_parent_may_try_again(world: World) -> None:
    clock = Clock("05:50")

    def close() -> None:
        clock.set("06:00")
        clock.looked_at()

    run(limited(world), clock)
    world.host("proxy").faults.append(Fault("none", "list", first=close))
    with clock.sync(world) as sync:
        assert sync.run([["node1", "node2"]]).exit_code == 75
        rows = sync.status(["node1", "node2"])
        assert [(row.outcome, row.transient) for row in rows] == [("skipped", True)] * 2
        assert as_nagios.line(rows, clock.now, None)[1] == 1


def test_one_that_goes_on_is_not_out_of_time_yet(cut: tuple[World, Clock, Result]) -> None:
    world, _, result = cut
    with world.sync() as sync:
        events = [event for _, event in sync.journal.events(result.report.run)]
    begun = fold.fold([*events, ev.RunStarted(result.report.run, 9.0, [["proxy"]], continued=True)])
    assert (begun.out_of_time, begun.exit_code) == ("", None)


def test_after_its_longest_duration_a_run_ends_and_the_next_has_all_of_it(world: World) -> None:
    clock = Clock("12:00")
    limited(world, "max_duration = 8h")

    def later() -> None:
        clock.spent += 28_800
        clock.looked_at()

    at_publication(world, later)
    result = run(world, clock)
    assert result.exit_code == 75
    assert result.report.out_of_time == "max_duration = 8h is over"
    assert as_text.advice(result.report) == "it goes on by itself when the same line runs again, or now: sshsync resume"
    world.host("proxy").faults.clear()
    again = run(world, clock)
    assert (again.exit_code, again.report.run) == (0, result.report.run)


def test_a_dry_run_has_no_end(world: World) -> None:
    clock = Clock("12:00")
    limited(world, f"window = {NIGHT}\nmax_duration = 1s")
    world.host("proxy").faults.append(Fault("none", "list", first=lambda: (setattr(clock, "spent", 99.0), clock.looked_at())[0]))
    assert run(world, clock, dry_run=True).exit_code == 11
