"""What a link may use, by the hour, and the pace that keeps to it: with clocks of its own."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.config.render import value_text
from sshsync.errors import ConfigError
from sshsync.model.bandwidth import Bandwidth, Window
from sshsync.model.hours import Moment
from sshsync.transfers.pace import LATE, LEAST, STEP, Pace
from tests.conftest import CHAIN, configure

MON, TUE, FRI, SAT, SUN = 0, 1, 4, 5, 6


def parsed(text: str, tmp_path: Path) -> Bandwidth:
    return configure(f"{CHAIN}[more]\nhost = h\npath = /more\nbwlimit = {text}\n", tmp_path).tree.repositories["more"].bwlimit


def at(day: int, hours: int, minutes: int = 0) -> Moment:
    return Moment(day, hours * 60 + minutes)


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("0", [(at(MON, 0), 0)]),
        ("2M", [(at(MON, 0), 2e6), (at(SUN, 23, 59), 2e6)]),
        ("08:00-18:00 2M, 50M", [(at(MON, 7, 59), 50e6), (at(MON, 8), 2e6), (at(SUN, 17, 59), 2e6), (at(MON, 18), 50e6)]),
        ("50M, 08:00-18:00 2M", [(at(MON, 8), 2e6), (at(MON, 18), 50e6)]),
        ("8:00-18:00 2M", [(at(MON, 8), 2e6), (at(MON, 19), 0)]),
        ("22:00-06:00 10M, 1M", [(at(MON, 22), 10e6), (at(TUE, 5, 59), 10e6), (at(TUE, 6), 1e6), (at(MON, 12), 1e6)]),
        ("Fri 22:00-06:00 10M, 1M", [(at(FRI, 23), 10e6), (at(SAT, 5), 10e6), (at(FRI, 5), 1e6), (at(SAT, 23), 1e6)]),
        ("Sun 22:00-06:00 10M, 1M", [(at(MON, 5), 10e6), (at(SUN, 5), 1e6)]),
        ("Mon-Fri 08:00-18:00 2M, 0", [(at(FRI, 8), 2e6), (at(SAT, 8), 0)]),
        ("Sat-Mon 3M, 1M", [(at(SUN, 0), 3e6), (at(MON, 23, 59), 3e6), (at(TUE, 0), 1e6)]),
        ("sat 3M, 1M", [(at(SAT, 0), 3e6), (at(SUN, 0), 1e6)]),
        ("12:00-13:00 5M, 08:00-18:00 2M, 0", [(at(MON, 12, 30), 5e6), (at(MON, 11), 2e6), (at(MON, 20), 0)]),
        ("00:00-24:00 2M", [(at(MON, 0), 2e6), (at(MON, 23, 59), 2e6)]),
    ],
)
def test_the_first_window_that_holds_decides(text: str, moments: list[tuple[Moment, float]], tmp_path: Path) -> None:
    limit = parsed(text, tmp_path)
    assert [limit.at(moment) for moment, _ in moments] == [rate for _, rate in moments]
    assert parsed(value_text(limit), tmp_path) == limit, "what is shown can be written into the file"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1500k", "1.5M"),
        ("0", "0"),
        ("08:00-18:00 2M,50M", "08:00-18:00 2M, 50M"),
        ("mon-fri  8:00-18:00   2000k", "Mon-Fri 08:00-18:00 2M"),
        ("Sat-Sun 10M, 1G", "Sat-Sun 10M, 1G"),
    ],
)
def test_it_is_shown_as_a_file_says_it(text: str, shown: str, tmp_path: Path) -> None:
    assert value_text(parsed(text, tmp_path)) == shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fast", "must be bytes a second such as 500k"),
        ("1k", "at least 10k"),
        ("08:00-18:00", "must be bytes a second"),
        ("08:00-18:00 1k", "at least 10k"),
        ("25:00-26:00 2M", "25:00 is no time of a day"),
        ("08:61-18:00 2M", "08:61 is no time of a day"),
        ("08:00-08:00 2M", "ends when it begins"),
        ("24:00-08:00 2M", "is the end of a day"),
        ("Foo 2M", "'Foo' is no day"),
        ("Mon-Foo 2M", "'Foo' is no day"),
        ("2M, 3M", "2 rates without hours"),
        ("2M,", "must be bytes a second"),
        (", 2M", "must be bytes a second"),
        ("Mon,Tue 2M", "must be bytes a second"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_contacted(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text, tmp_path)
    assert said in str(caught.value)
    assert "test.conf:" in str(caught.value)


WINDOWS = st.builds(
    Window,
    st.integers(1, 10**6).map(float),
    st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple),
    st.integers(0, 1439),
    st.integers(1, 1440),
).filter(lambda window: window.start != window.end)


@given(WINDOWS, st.integers(0, 6), st.integers(0, 1439))
def test_a_window_holds_from_its_start_on_its_days_for_as_long_as_it_lasts(window: Window, day: int, minute: int) -> None:
    week, length = 7 * 1440, (window.end - window.start) % 1440 or 1440
    now = day * 1440 + minute
    begins = [other * 1440 + window.start for other in window.days]
    assert window.holds(Moment(day, minute)) == any((now - begin) % week < length for begin in begins)


class Clock:
    """Seconds that pass when somebody sleeps, and a wall clock of a place that goes with them."""

    def __init__(self, start: float = 0.0, zone: str = "UTC") -> None:
        self.now = start
        self.zone = ZoneInfo(zone)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def moment(self) -> Moment:
        shown = datetime.fromtimestamp(self.now, self.zone)
        return Moment(shown.weekday(), shown.hour * 60 + shown.minute)

    def pace(self, limit: Bandwidth) -> Pace:
        return Pace(limit, self, self.sleep, self.moment)


def sent(pace: Pace, clock: Callable[[], float], until: float) -> list[tuple[float, int]]:
    """Send as a wire does until a moment; return when how much went."""
    found = []
    while clock() < until:
        step = pace.step or 1 << 20
        pace(step)
        found.append((clock(), step))
    return found


def between(found: list[tuple[float, int]], start: float, end: float) -> int:
    return sum(count for when, count in found if start <= when < end)


def local(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


BERLIN = "Europe/Berlin"
NIGHT = Bandwidth(100_000.0, (Window(20_000.0, start=120, end=240),))
"""Less from two to four in the morning."""


@pytest.mark.parametrize(
    ("day", "slow"),
    [("2026-03-28", 2.0), ("2026-03-29", 1.0), ("2026-10-24", 2.0), ("2026-10-25", 3.0)],
    ids=["a plain night", "the hour that is left out", "another plain night", "the hour that comes twice"],
)
def test_the_hours_are_those_that_the_clock_on_the_wall_shows(day: str, slow: float) -> None:
    begin, end = local(f"{day}T00:00", BERLIN), local(f"{day}T06:00", BERLIN)
    clock = Clock(begin, BERLIN)
    total = sum(count for _, count in sent(clock.pace(NIGHT), clock, end))
    expected = slow * 3600 * 20_000 + (end - begin - slow * 3600) * 100_000
    assert total == pytest.approx(expected, rel=0.001)


def test_a_change_takes_effect_in_the_middle_of_a_file() -> None:
    clock = Clock(local("2026-06-01T07:59", "UTC"))
    found = sent(clock.pace(Bandwidth(10e6, (Window(1e6, start=480, end=482),))), clock, clock.now + 200)
    begin = found[0][0]
    rates = [between(found, begin + at, begin + at + 10) / 10 for at in (20, 70, 185)]
    assert rates[0] == pytest.approx(10e6, rel=0.05)
    assert rates[1] == pytest.approx(1e6, rel=0.05)
    assert rates[2] == pytest.approx(10e6, rel=0.05)
    assert between(found, begin + 60, begin + 61) < 3e6, "at once"


def test_who_is_not_limited_waits_for_nothing() -> None:
    clock = Clock()
    pace = clock.pace(Bandwidth())
    pace(1 << 40)
    assert (pace.rate, pace.step, clock.now) == (0.0, 0, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 300_000), st.floats(0, 3)), min_size=1, max_size=60),
    st.floats(10_000, 10**9),
)
def test_in_no_time_goes_more_than_the_rate_allows_and_nothing_is_saved_up(steps: list[tuple[int, float]], rate: float) -> None:
    """Whoever sends late makes up for a moment only, whatever he had to do in between."""
    clock = Clock()
    pace = clock.pace(Bandwidth(rate))
    went: list[tuple[float, int]] = []
    for count, pause in steps:
        clock.now += pause
        pace(count)
        went.append((clock.now, count))
    for first in range(len(went)):
        for last in range(first, len(went)):
            span = went[last][0] - went[first][0]
            total = sum(count for _, count in went[first:last])
            assert total <= rate * (span + LATE) * (1 + 1e-9) + 1


@given(st.floats(10_000, 10**8), st.floats(0, LATE * 0.9), st.integers(1, 8))
def test_the_rate_is_reached_though_each_step_comes_late(rate: float, late: float, streams: int) -> None:
    clock = Clock()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.now += seconds + min(late, seconds)

    pace = Pace(Bandwidth(rate), clock, sleep, clock.moment)
    total = 0
    for _ in range(300 * streams):
        total += pace.step
        pace(pace.step)
    assert total / clock.now == pytest.approx(rate, rel=0.05)
    assert max(waits) <= max(STEP, LEAST / rate) * 1.01, "no step is a burst"


def test_streams_share_one_pace() -> None:
    clock, waits = Clock(), list[float]()
    pace = Pace(Bandwidth(1e6), clock, waits.append, clock.moment)
    for _ in range(4):
        pace(100_000)
    assert waits == pytest.approx([0.1, 0.2, 0.3]), "each waits for those before it"


@pytest.mark.parametrize(
    ("limit", "most"),
    [("0", 0), ("2M", 2e6), ("08:00-18:00 2M, 50M", 50e6), ("08:00-18:00 2M", 0), ("08:00-18:00 0, 2M", 0)],
)
def test_what_may_come_ahead_is_by_the_most_that_is_ever_allowed(limit: str, most: float, tmp_path: Path) -> None:
    clock = Clock()
    pace = clock.pace(parsed(limit, tmp_path))
    assert pace.ahead(0.0) == int(most * STEP)
    assert pace.ahead(0.5) >= most * 0.5 * 2, "or a far host could never send as fast as it may"
