"""Lines of a run with many repositories: what many say at once is one line, nothing is lost, and nothing waits long."""

from hypothesis import given
from hypothesis import strategies as st

from sshsync.model import events as ev
from sshsync.model.events import Outcome
from sshsync.report.folding import HOLD, Folding

NODES = [f"node{number:02}" for number in range(1, 41)]


def begun(names: list[str] = NODES) -> Folding:
    made = Folding()
    made.take(ev.RunStarted("r", 1.0, [names]), 0.0)
    return made


def planned(name: str, copy: int = 1) -> ev.Planned:
    return ev.Planned(name, copy, 0, 0, 0, 5, 100 * copy)


def ended(name: str, seconds: float = 1.0, outcome: Outcome = Outcome.DONE, error: str = "") -> ev.RepositoryFinished:
    return ev.RepositoryFinished(name, outcome, seconds, error=error)


def test_what_many_nodes_say_is_one_line() -> None:
    made = begun()
    for name in reversed(NODES):
        assert made.take(planned(name), 0.1) == []
    for number, name in enumerate(NODES):
        assert made.take(ended(name, number / 10), 0.2) == []
    assert made.rest() == [(20, "node[01-40]: 1 to copy (100 B), 5 unchanged"), (20, "node[01-40]: done in 0.0 s to 3.9 s")]
    assert made.rest() == []


def test_what_differs_is_told_apart_and_a_few_are_told_one_by_one() -> None:
    made = begun()
    for name in NODES[:10]:
        made.take(ended(name, outcome=Outcome.BLOCKED, error="its parent m has no directory /m"), 0.0)
    made.take(ended("node11"), 0.0)
    made.take(ended("node12", 2.0), 0.0)
    assert made.rest() == [
        (40, "node[01-10]: blocked in 1.0 s: its parent m has no directory /m"),
        (20, "node11: done in 1.0 s"),
        (20, "node12: done in 2.0 s"),
    ]


def test_in_a_run_of_few_nothing_waits() -> None:
    made = begun(NODES[:4])
    assert made.take(planned("node01"), 0.0) == [(20, "node01: 1 to copy (100 B), 5 unchanged")]


def test_nothing_waits_longer_than_a_moment() -> None:
    made = begun()
    made.take(planned("node01"), 5.0)
    assert made.take(ev.Progress("node02", 1), 5.0 + HOLD / 2) == []
    assert made.take(ev.Progress("node02", 1), 5.0 + HOLD) == [(20, "node01: 1 to copy (100 B), 5 unchanged")]


def test_what_waits_comes_before_what_happens_next() -> None:
    made = begun()
    made.take(planned("node01"), 0.0)
    assert [line for _, line in made.take(ev.Remarked("node01", "mind this"), 0.0)] == ["node01: 1 to copy (100 B), 5 unchanged", "node01: note: mind this"]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(NODES[:12]).flatmap(lambda name: st.sampled_from([planned(name), planned(name, 2), ended(name), ended(name, 3.0, Outcome.FAILED, "it broke"), ev.Remarked(name, "mind")])),
        st.floats(0, 2),
    ),
    max_size=60,
)


@given(EVENTS)
def test_every_node_is_in_as_many_lines_as_it_had_events(found: list[tuple[ev.Event, float]]) -> None:
    made, now, told = begun(), 0.0, []
    for event, later in found:
        now += later
        told += made.take(event, now)
    told += made.rest()
    counted = sum(len(names(line.partition(":")[0])) for _, line in told)
    assert counted == len(found)


def names(text: str) -> list[str]:
    from sshsync.core.selection import expand

    return [name for part in text.split(", ") for name, _ in expand(part)]
