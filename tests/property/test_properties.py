"""Laws that hold for whatever input."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.core import fold, guard
from sshsync.core.diff import diff
from sshsync.core.planner import everything, plan
from sshsync.core.ready import barrier
from sshsync.core.tree import build
from sshsync.errors import UnknownRepositoryError, UsageError
from sshsync.model import events as ev
from sshsync.model import written
from sshsync.model.change import Delete
from sshsync.model.item import Item, Snapshot
from sshsync.model.row import Stamp
from sshsync.model.events import Outcome
from sshsync.model.order import Ended
from sshsync.model.plan import Job, Plan
from sshsync.model.policy import MaxDelete
from sshsync.model.topology import Repository
from sshsync.transports.memory import Fault
from sshsync.transfers.load import LOOSE_FILES, PACK_BYTES, PACK_FILES, SMALL, Pack, Part, batches, by_directory
from tests import values
from tests.conftest import World

KEYS = st.lists(st.binary(min_size=1, max_size=3).filter(lambda k: not {0, 46, 47} & set(k)), min_size=1, max_size=3).map(b"/".join)
ITEMS = st.builds(
    lambda key, digest, size, mtime, mode: Item(key, digest and f"sha256:{digest}", Stamp(size, mtime * 10**9, 0, 1), mode),
    KEYS,
    st.sampled_from(["1", "2", "3", None]),
    st.integers(0, 3 << 20),
    st.integers(0, 3),
    st.sampled_from([0o644, 0o755]),
)
SNAPSHOTS = st.lists(ITEMS, max_size=12).map(lambda items: Snapshot("r", b"/", {i.key: i for i in items}))


def apply(child: Snapshot, changes) -> dict[bytes, Item]:
    items = dict(child.items)
    for change in changes:
        if not isinstance(change, Delete):
            items[change.key] = change.new
        else:
            del items[change.key]
    return items


@given(SNAPSHOTS, SNAPSHOTS)
def test_applying_a_diff_gives_the_parent(parent: Snapshot, child: Snapshot) -> None:
    found = diff(parent, child, delete=True)
    result = apply(child, found.changes)
    blocked = {problem.key for problem in found.blocked}
    for key, item in parent.items.items():
        if key not in blocked:
            assert result[key].digest == item.digest
            assert (result[key].mode, result[key].mtime) == (item.mode, item.mtime)
    assert set(result) - blocked == set(parent.items) - blocked
    again = diff(parent, Snapshot("r", b"/", result), delete=True)
    assert [c for c in again.changes if c.key not in blocked] == []


@given(SNAPSHOTS, SNAPSHOTS, st.booleans(), st.booleans(), st.booleans())
def test_nothing_is_deleted_without_complete_knowledge(p: Snapshot, c: Snapshot, delete: bool, whole_p: bool, whole_c: bool) -> None:
    parent = Snapshot("r", b"/", p.items, complete=whole_p)
    child = Snapshot("r", b"/", c.items, complete=whole_c)
    deletions = diff(parent, child, delete=delete).of(Delete)
    assert not deletions or (delete and whole_p and whole_c)
    assert all(change.key not in parent.items for change in deletions)


@given(SNAPSHOTS, SNAPSHOTS, st.integers(0, 12), st.floats(0, 100))
def test_the_limit_of_deletions_is_kept(parent: Snapshot, child: Snapshot, count: int, percent: float) -> None:
    changes = diff(parent, child, delete=True)
    if not guard.too_many_deletions(changes, child, MaxDelete(count, percent)):
        deletions = len(changes.of(Delete))
        assert deletions <= count
        assert deletions * 100 <= percent * len(child.items)


@given(SNAPSHOTS, st.lists(st.sampled_from(["relay", "command", "scp"]), min_size=1), st.booleans())
def test_batches_hold_every_change_once(parent: Snapshot, ways: list[str], pack: bool) -> None:
    changes = diff(parent, Snapshot("r", b"/", {}), delete=False).changes
    chosen = {change.key: ways[number % len(ways)] for number, change in enumerate(changes)}
    made = batches([(change, chosen[change.key]) for change in changes], pack=pack)
    assert sorted(c.key for batch in made for c in batch.changes) == sorted(c.key for c in changes)
    for batch in made:
        if isinstance(batch.load, Pack):
            assert len(batch.changes) <= PACK_FILES
            assert batch.load.size <= PACK_BYTES
            assert all(c.size < SMALL for c in batch.changes)
        elif isinstance(batch.load, Part):
            assert len(batch.changes) == 1
        else:
            assert len(batch.changes) <= LOOSE_FILES
        assert {chosen[c.key] for c in batch.changes} == {batch.strategy}


@given(st.lists(KEYS, unique=True))
def test_groups_by_directory_hold_every_key_once(keys: list[bytes]) -> None:
    back = [name if d == b"." else d + b"/" + name for d, names in by_directory(keys) for name in names]
    assert sorted(back) == sorted(keys)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.randoms())
def test_the_barrier_runs_everything_once_and_in_order(sizes: list[int], chance) -> None:
    plan = Plan(tuple(tuple(Job(f"{s}.{n}", "p", s) for n in range(size)) for s, size in enumerate(sizes)))
    started: set[Job] = set()
    finished: dict[Job, Ended] = {}
    order: list[int] = []
    while len(finished) < sum(sizes):
        for job in barrier(plan, started, finished):
            assert job not in started
            started.add(job)
            order.append(job.stage)
        running = sorted(started - finished.keys(), key=lambda job: job.repository)
        finished[chance.choice(running)] = Ended(chance.choice(list(Outcome)))
    assert order == sorted(order)


TREES = st.integers(1, 7).flatmap(
    lambda size: st.tuples(*(st.none() if n == 0 else st.integers(0, n - 1) | st.none() for n in range(size)))
)


@given(TREES, st.lists(st.lists(st.integers(0, 7).map(lambda n: f"r{n}"), max_size=3), max_size=4))
def test_a_plan_feeds_every_parent_before_its_children_or_is_refused(parents: tuple, stages: list[list[str]]) -> None:
    def repository(number: int, parent: int | None) -> Repository:
        return values.repository(f"r{number}", "" if parent is None else f"r{parent}", host=values.host(f"h{number}"))

    tree = build([repository(number, parent) for number, parent in enumerate(parents)])
    try:
        made = plan(tree, stages)
    except (UsageError, UnknownRepositoryError):
        return
    at = {job.repository: job.stage for job in made.jobs}
    assert set(at) == {name for stage in stages for name in stage}
    for name, stage in at.items():
        assert tree.repositories[name].parent
        assert at.get(tree.repositories[name].parent, -1) < stage
    levels = everything(tree)
    assert not levels or plan(tree, levels).names == levels


NAMES = st.text(max_size=8) | st.binary(max_size=8).map(ev.key_text)
EVENTS = st.one_of(
    st.builds(ev.RepositoryStarted, st.sampled_from("ab"), st.just("m")),
    st.builds(ev.Planned, st.sampled_from("ab"), *[st.integers(0, 9)] * 6),
    st.builds(ev.Published, st.sampled_from("ab"), st.lists(st.tuples(NAMES, NAMES, st.integers(0, 9))), st.integers(0, 9)),
    st.builds(ev.ItemFailed, st.sampled_from("ab"), NAMES, NAMES, st.sampled_from(["failed", "blocked", "deferred"]), st.just(7)),
    st.builds(ev.Deleted, st.sampled_from("ab"), st.lists(NAMES)),
    st.builds(ev.Remarked, st.sampled_from("ab"), NAMES),
    st.builds(ev.RepositoryFinished, st.sampled_from("ab"), st.sampled_from(["done", "failed", "partial"]), st.just(1.0)),
)


@given(st.lists(EVENTS, max_size=20))
def test_a_replayed_journal_gives_the_same_report(stream: list) -> None:
    import json

    stream = [ev.RunStarted("id", 1.0, [["a"], ["b"]]), *stream]
    replayed = [written.from_json(json.loads(json.dumps(written.to_json(event)))) for event in stream]
    live, later = fold.fold(stream), fold.fold(replayed)  # type: ignore[arg-type]
    assert live == later
    assert fold.exit_code(live) == fold.exit_code(later)


CONTENT = st.dictionaries(st.sampled_from([b"a", b"b", b"d/c", b"d/e/f", b"odd\n", b"-x"]), st.binary(max_size=40), min_size=1)
FAULTS = st.lists(
    st.builds(
        Fault,
        st.sampled_from(["refuse", "lose", "cut", "flip", "fail"]),
        st.sampled_from(["", "probe", "list", "digest", "read", "unpack", "mark", "publish", "delete", "staged", "discard"]),
        st.integers(1, 6),
        st.integers(0, 300),
    ),
    max_size=5,
)
QUICK = """
[DEFAULT]
stable_for = 0
delete = yes
max_delete = 100%
allow_empty = yes
retries = 1
[master]
host = master
path = /m
[proxy]
host = proxy
path = /p
parent = master
[node1]
host = node1
path = /n
parent = proxy
"""


@settings(max_examples=80)
@given(CONTENT, CONTENT, CONTENT, FAULTS, st.sampled_from(["master", "proxy", "node1"]))
def test_whatever_goes_wrong_the_next_run_converges(tmp_path_factory, master, proxy, later, faults, where) -> None:
    """Random trees, random faults: no visible file is ever partial, and once faults stop one run reaches the goal."""
    world = World(tmp_path_factory.mktemp("world"), QUICK)
    world.fill("master", b"/m", master)
    world.fill("proxy", b"/p", proxy)
    world.fill("node1", b"/n", {})
    world.host(where).faults[:] = [Fault(f.kind, f.script, f.nth, f.after) for f in faults]
    world.run("proxy", "node1")
    for host, root in (("proxy", b"/p"), ("node1", b"/n")):
        for key, data in world.host(host).below(root).items():
            assert data in (master.get(key), proxy.get(key))
    for name in world.hosts:
        world.host(name).faults.clear()
    for key in list(world.host("master").files):
        del world.host("master").files[key]
    world.fill("master", b"/m", later)
    assert world.run("proxy", "node1").exit_code == 0
    assert world.host("proxy").below(b"/p") == world.host("node1").below(b"/n") == later
