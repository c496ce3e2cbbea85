"""How ends are told: nothing is called done or in sync that is not, whoever stands between it and its master."""

import pytest

from sshsync.core import fold
from sshsync.core.outcome import behind
from sshsync.core.timeline import Timeline
from sshsync.model import events as ev
from sshsync.model import written
from sshsync.model.events import Outcome
from sshsync.report import as_html, as_json, as_text
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

DEEP = f"""{CHAIN}
[leaf]
host = leaf
path = /l
parent = node1
"""
RETRY = "[DEFAULT]\nretries = 1"


def filled(world: World) -> World:
    world.fill("master", b"/m", {b"a": b"alpha", b"b": b"beta"})
    return world


def corrupting(world: World) -> World:
    """The master's file is read wrong, again and again: the proxy cannot have it."""
    world.host("master").put(b"/m/new", b"new")
    world.host("master").faults += [Fault("flip", "read") for _ in range(9)]
    return world


def moments(world: World) -> dict[str, float]:
    with world.sync() as sync:
        return {row.name: row.in_sync for row in sync.status()}


def test_behind_a_partial_parent_nothing_is_done_or_in_sync(world: World) -> None:
    filled(world).run()
    before = moments(world)
    metrics, status = world.directory / "prom", world.directory / "status.json"
    text = f"metrics_file = {metrics}\nstatus_file = {status}\n{world.text}"
    result = corrupting(world).run(text=text)

    assert {job.name: str(job.outcome) for job in result.report.jobs} == {"proxy": "partial", "node1": "partial", "node2": "partial"}
    assert result.report.repositories["node1"].error == "its parent proxy is partial: what it lacks is missing here too"
    assert result.exit_code == 10, "a partial node asks for nothing that its cause does not"
    assert moments(world) == before, "nobody is in sync as of now"
    assert [job["as_of"] for job in as_json.summary(result.report)["repositories"]] == [0.0, 0.0, 0.0]
    assert {row[-1] for row in as_text.rows(result.report)} == {"-"}
    assert "3 of 3 repositories not in sync" in as_text.headline(result.report)
    assert "node[1-2]: partial: its parent proxy is partial" in "\n".join(as_text.details(result.report))
    assert 'sshsync_repository_ok{repository="node1"} 0\n' in metrics.read_text()
    assert f'sshsync_in_sync_timestamp_seconds{{repository="node1"}} {before["node1"]:.15g}\n' in metrics.read_text()
    assert '"outcome": "partial"' in status.read_text()
    assert "as of" not in as_html.page(result.report, Timeline()).partition('<ul class="tree">')[2].partition("</section>")[0]
    with world.sync() as sync:
        assert {row.name: row.outcome for row in sync.status()} == {"proxy": "partial", "node1": "partial", "node2": "partial"}

    world.host("master").faults.clear()
    assert world.run().exit_code == 0
    after = moments(world)
    assert all(after[name] > before[name] for name in before)
    assert len(set(after.values())) == 1, "of one moment: the scan of the master"


def test_what_was_never_in_sync_does_not_become_so_behind_a_partial_parent(world: World) -> None:
    corrupting(filled(world)).run()
    assert world.host("node1").below(b"/n") == world.host("proxy").below(b"/p") != {}, "what the proxy has is passed on"
    assert set(moments(world).values()) == {0.0}


def test_a_partial_end_is_handed_down_the_whole_chain(world: World) -> None:
    filled(world)
    result = corrupting(world).run("proxy", "node1", "leaf", text=DEEP)
    assert [str(job.outcome) for job in result.report.jobs] == ["partial"] * 3
    assert result.report.repositories["leaf"].error == "its parent node1 is partial: what it lacks is missing here too"


def test_a_partial_node_counts_as_its_cause(world: World) -> None:
    filled(world).run()
    world.host("master").put(b"/m/new", b"new")
    world.host("master").faults += [Fault("refuse", "") for _ in range(50)]
    result = world.run(text=CHAIN.replace("[DEFAULT]", RETRY))
    assert {job.name: str(job.outcome) for job in result.report.jobs} == {"proxy": "blocked", "node1": "partial", "node2": "partial"}
    assert result.exit_code == 75
    assert result.report.repositories["node1"].transient


def test_a_partial_node_of_a_plain_partial_parent_is_a_seven(world: World) -> None:
    filled(world).run("proxy", "node1", "leaf", text=DEEP)
    world.host("proxy").put(b"/p/a", b"evil")
    result = world.run("node1", "leaf", text=DEEP)
    assert {job.name: str(job.outcome) for job in result.report.jobs} == {"node1": "partial", "leaf": "partial"}
    assert result.exit_code == 7
    assert not result.report.repositories["leaf"].transient


def test_a_node_alone_is_as_good_as_its_parent_is_known_to_be(world: World) -> None:
    filled(world).run()
    known = moments(world)["proxy"]
    corrupting(world).run()
    world.host("master").faults.clear()
    world.host("node1").put(b"/n/a", b"altered")
    result = world.run("node1")
    assert result.report.repositories["node1"].outcome == "done"
    assert result.report.repositories["node1"].as_of == known, "its parent was no part of this run"


def test_behind_a_parent_with_deferred_files_a_node_is_deferred_too(world: World) -> None:
    filled(world)
    count = iter(range(1000))
    master = world.host("master")
    touch = lambda: master.put(b"/m/a", b"version %d" % next(count))  # noqa: E731
    master.faults += [Fault("none", "read", first=touch) for _ in range(30)]
    result = world.run()
    assert {job.name: str(job.outcome) for job in result.report.jobs} == {"proxy": "deferred", "node1": "deferred", "node2": "deferred"}
    assert result.exit_code == 0, "the next run takes them: nobody has to do anything"
    assert "in sync but for deferred files" in as_text.headline(result.report)
    assert any("proxy is deferred: what is left for later there is left here too" in note for note in result.report.repositories["node1"].notices)
    assert set(moments(world).values()) == {0.0}
    master.faults.clear()
    assert [str(job.outcome) for job in world.run().report.jobs] == ["done"] * 3


def test_a_dry_run_behind_a_parent_that_fails_is_not_in_sync(world: World) -> None:
    filled(world).run()
    world.host("master").faults += [Fault("refuse", "") for _ in range(50)]
    result = world.run(text=CHAIN.replace("[DEFAULT]", RETRY), dry_run=True)
    assert [str(job.outcome) for job in result.report.jobs] == ["blocked", "partial", "partial"]
    assert {row[-1] for row in as_text.rows(result.report)} == {"-"}


@pytest.mark.parametrize(
    ("own", "parent", "told"),
    [
        ("done", None, "done"),
        ("done", "done", "done"),
        ("unchanged", "unchanged", "unchanged"),
        ("unchanged", "deferred", "deferred"),
        ("done", "partial", "partial"),
        ("unchanged", "failed", "partial"),
        ("unchanged", "refused", "partial"),
        ("deferred", "blocked", "partial"),
        ("done", "skipped", "partial"),
        ("failed", "partial", "failed"),
        ("refused", "partial", "refused"),
        ("blocked", "failed", "blocked"),
    ],
)
def test_the_end_of_a_parent_limits_that_of_its_child(own: str, parent: str | None, told: str) -> None:
    assert behind(Outcome(own), Outcome(parent) if parent else None) == told


def test_a_signal_while_the_parent_is_scanned_skips_what_is_behind_it(world: World) -> None:
    filled(world).host("master").faults.append(Fault("lose", "list", first=lambda: sync.interrupt(15)))
    with world.sync() as sync:
        result = sync.run([["proxy"], ["node1", "node2"]])
    assert result.exit_code == 143
    proxy = result.report.repositories["proxy"]
    assert (str(proxy.outcome), proxy.error, proxy.code) == ("skipped", "", 0)
    assert world.run().exit_code == 0
    assert world.seen(ev.RunStarted)[0].continued


def test_a_signal_is_no_error_of_a_shared_parent(world: World) -> None:
    filled(world).run("proxy")
    world.host("proxy").faults.append(Fault("lose", "list", first=lambda: sync.interrupt(2)))
    with world.sync() as sync:
        result = sync.run([["node1", "node2"]])
    assert result.exit_code == 130
    assert {str(job.outcome) for job in result.report.jobs} == {"skipped"}
    assert {job.error for job in result.report.jobs} == {""}


def told(*more: ev.Event, outcome: str = "partial") -> list[ev.Event]:
    return [ev.RunStarted("id", 1.0, [["a"]]), ev.RepositoryStarted("a", "m"), *more, ev.RepositoryFinished("a", outcome, 2.0)]


@pytest.mark.parametrize("code", [7, 8, 9, 10])
def test_problems_are_bounded_whatever_their_code_while_counts_and_code_stay_exact(code: int) -> None:
    report = fold.fold(told())
    for number in range(100_000):
        fold.apply(report, ev.ItemFailed("a", f"f{number}", "no", Outcome.FAILED, 7))
        fold.apply(report, ev.ItemFailed("a", f"g{number}", "no", Outcome.FAILED, code))
    entry = report.repositories["a"]
    assert entry.failed == 200_000
    assert len(entry.problems) <= fold.MOST_PROBLEMS + 5
    assert {7, code} == {problem.code for problem in entry.problems}
    assert fold.exit_code(report) == code


def test_the_one_serious_problem_after_many_others_is_spelled_out() -> None:
    many = [ev.ItemFailed("a", f"f{n}", "no") for n in range(5000)]
    report = fold.fold(told(*many, ev.ItemFailed("a", "evil", "altered", Outcome.FAILED, 10)))
    assert report.repositories["a"].problems[-1].name == "evil"
    assert fold.exit_code(report) == 10


def test_a_continued_run_begins_without_the_codes_of_its_first_part() -> None:
    first = told(ev.ItemFailed("a", "x", "altered", Outcome.FAILED, 10))
    assert fold.exit_code(fold.fold([*first, *told(outcome="done")])) == 0


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([("failed", 8, False)], 8),
        ([("failed", 8, False), ("done", 0, False)], 8),
        ([("failed", 8, False), ("blocked", 8, False)], 8),
        ([("failed", 8, False), ("failed", 75, True)], 8),
        ([("failed", 8, False), ("refused", 9, False)], 9),
        ([("failed", 8, False), ("failed", 10, False)], 10),
        ([("failed", 8, False), ("failed", 5, False)], 5),
    ],
)
def test_another_controller_on_a_child_comes_after_a_guard_and_before_what_passes(ends: list, code: int) -> None:
    names = [f"r{number}" for number in range(len(ends))]
    stream: list[ev.Event] = [ev.RunStarted("id", 1.0, [names])]
    for name, (outcome, asked, transient) in zip(names, ends, strict=True):
        stream += [ev.RepositoryStarted(name, "m"), ev.RepositoryFinished(name, outcome, 1.0, 0, 0.0, "", asked, transient)]
    report = fold.fold(filter(None, (written.from_json(written.to_json(event)) for event in stream)))
    assert fold.exit_code(report) == code
    assert fold.exit_code(report, signal=2) == 130


def test_a_dry_run_tells_what_a_run_would_hold_back(world: World) -> None:
    filled(world).run()
    world.host("proxy").put(b"/p/a", b"evil")
    dry = world.run("node1", dry_run=True)
    job = dry.report.repositories["node1"]
    assert (str(job.outcome), job.blocked, dry.exit_code) == ("partial", 1, 7), "a run would end the same"
    assert "not the verified one" in job.problems[0].reason
    assert world.run("node1").exit_code == 7
