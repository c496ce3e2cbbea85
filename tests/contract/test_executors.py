"""One contract for every executor: whoever carries orders out, the same becomes true and the same is told."""

import itertools
import multiprocessing
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sshsync.api import Sync, load
from sshsync.executors.base import Executor, Lead
from sshsync.executors.serial import Serial
from sshsync.executors.threads import Threads
from sshsync.model import events as ev
from sshsync.model.events import Event, Outcome
from sshsync.model.item import Item, Snapshot
from sshsync.model.row import Stamp
from sshsync.model.order import Blocked, Done, Ended, Offer, Order
from sshsync.model.plan import Job
from sshsync.report import as_json
from tests.elsewhere import Elsewhere, Remembering, Wire

SECRET = "hush-hush"
TEXT = """
[sshsync]
state_dir = {top}/state
[DEFAULT]
transport = local
stable_for = 0
retries = 1
[master]
path = {top}/m
[proxy]
path = {top}/p
parent = master
post_cmd = echo done >>{top}/hooks
[node1]
path = {top}/n1
parent = proxy
pipeline = yes
delete = yes
[node2]
path = {top}/n2
parent = proxy
[elsewhere]
transport = ssh
host = 127.0.0.1
port = 1
user = x
password = hush-hush
path = /x
parent = master
"""
MAKERS: dict[str, Callable[[Path], Executor]] = {
    "serial": lambda _config: Serial(),
    "threads": lambda _config: Threads(4),
    "another process": lambda config: Elsewhere(config),
}
FILES = {"a": b"alpha", "d/b": b"beta", "odd \xff'\n": b"", "big": b"0123456789" * 200_000}


class Site:
    """A chain of directories, and who works on it."""

    def __init__(self, top: Path, executor: str) -> None:
        self.top = top
        self.events: list[Event] = []
        self._config = top / "sshsync.conf"
        self._config.write_text(TEXT.format(top=top))
        self._config.chmod(0o600)
        top.chmod(0o700)
        (top / "m").mkdir()
        self.executor = MAKERS[executor](self._config)

    def fill(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            file = self.top / "m" / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            os.utime(file, (1_600_000_000, 1_600_000_000))

    def run(self, *stages: str):
        self.events.clear()
        with Sync(load(self._config), sinks=[self.events.append], executor=self.executor) as sync:
            return sync.run([stage.split(",") for stage in stages or ("proxy", "node1,node2")])

    def held(self, name: str) -> dict[str, bytes]:
        top = self.top / name
        return {str(f.relative_to(top)): f.read_bytes() for f in top.rglob("*") if f.is_file()}


@pytest.fixture(params=MAKERS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(tmp_path, request.param)


def test_a_chain_is_brought_in_sync_and_told_of(site: Site) -> None:
    site.fill(FILES)
    result = site.run()
    assert result.exit_code == 0
    assert {name: site.held(name) for name in ("p", "n1", "n2")} == dict.fromkeys(("p", "n1", "n2"), FILES)
    assert (site.top / "hooks").read_text() == "done\n"
    told = as_json.summary(result.report)["repositories"]
    assert [(row["name"], row["outcome"], row["files"]["copied"]) for row in told] == [(name, "done", 4) for name in ("proxy", "node1", "node2")]
    assert {event.repository for event in site.events if isinstance(event, ev.Scanned)} == {"master", "proxy", "node1", "node2"}


def test_what_is_on_record_serves_the_next_run(site: Site) -> None:
    site.fill(FILES)
    site.run()
    result = site.run()
    assert [job.outcome for job in result.report.jobs] == ["unchanged"] * 3
    assert not [event for event in site.events if isinstance(event, ev.Published | ev.Remarked)]
    (site.top / "m" / "a").unlink()
    (site.top / "p" / "d" / "b").write_bytes(b"altered")
    result = site.run("node1,node2")
    assert {job.name: (str(job.outcome), job.blocked) for job in result.report.jobs} == {"node1": ("partial", 1), "node2": ("partial", 1)}
    assert site.held("n1")["d/b"] == FILES["d/b"], "what was altered on the way is not passed on"


def test_what_goes_wrong_in_one_order_touches_only_those_behind_it(site: Site) -> None:
    site.fill(FILES)
    (site.top / "n1").write_text("no directory")
    result = site.run("proxy,elsewhere", "node1,node2")
    outcomes = {job.name: str(job.outcome) for job in result.report.jobs}
    assert outcomes == {"proxy": "done", "elsewhere": "failed", "node1": "failed", "node2": "done"}
    assert result.report.repositories["elsewhere"].transient
    assert "127.0.0.1" in result.report.repositories["elsewhere"].error
    assert not result.report.repositories["node1"].transient
    assert site.held("n2") == FILES


def test_a_parent_that_cannot_be_looked_at_blocks_its_children(site: Site) -> None:
    (site.top / "m").rmdir()
    result = site.run()
    assert {str(job.outcome) for job in result.report.jobs} == {"blocked"}
    assert "no directory" in result.report.repositories["proxy"].error


def test_no_secret_leaves_the_process_that_leads(tmp_path: Path) -> None:
    site = Site(tmp_path, "another process")
    site.fill(FILES)
    site.run("proxy,elsewhere", "node1")
    assert isinstance(site.executor, Elsewhere)
    crossed = b"".join(site.executor.crossed)
    assert b"127.0.0.1" in crossed, "what was refused is told"
    assert SECRET.encode() not in crossed


@pytest.mark.timeout(60)
def test_threads_of_another_process_get_the_answers_to_what_they_asked() -> None:
    """What brings the next load, what publishes the last and what renews the lease tell and ask side by side."""
    ours, theirs = multiprocessing.Pipe()
    wire, led = Wire(ours), Wire(theirs)

    def answer() -> None:
        while (message := led.receive())[0] != "end":
            led.send("answer", message[2][-1])

    with ThreadPoolExecutor(5) as pool:
        leading = pool.submit(answer)
        asking = [pool.submit(lambda: [Remembering(wire).count(number) for number in range(500)]) for _ in range(4)]
        assert all(one.result(60) == list(range(500)) for one in asking)
        wire.send("end")
        leading.result(10)


def test_orders_results_and_events_survive_pickling() -> None:
    item = Item(b"\xff", "sha256:1", Stamp(1, 2, 3, 4))
    offer = Offer(Snapshot("m", b"/m", {item.key: item}), (item.key,), as_of=1.5, remark="remark")
    job = Job("p", "m", 0)
    for held in (offer, Blocked("why", 75, transient=True), None):
        order = Order("run", job, held, dry_run=True)
        done = Done(job, Ended(Outcome.PARTIAL, 7, transient=True), held, 1, "why")
        assert pickle.loads(pickle.dumps((order, done))) == (order, done)
    told = [ev.Published("p", [("a", "sha256:1", 1)], 1), ev.ItemFailed("p", "a", "why", Outcome.BLOCKED), ev.Unfit("p", "why")]
    assert pickle.loads(pickle.dumps(told)) == told
    assert replace(offer, as_of=0.0) != offer


def test_everything_is_handed_out_once_and_reported_once() -> None:
    """Whatever becomes due in whatever order: the executor asks until nothing is under way and nothing is due."""
    for most, width in itertools.product((1, 3), (1, 7)):
        given: list[str] = []
        ended: list[str] = []

        def following(given: list[str] = given, ended: list[str] = ended, width: int = width) -> list[Order]:
            ready = [f"{stage}.{n}" for stage in range(3) for n in range(width) if len(ended) >= stage * width]
            fresh = [name for name in ready if name not in given]
            given.extend(fresh)
            return [Order("run", Job(name, "", 0)) for name in fresh]

        for executor in (Serial(), Threads(most)):
            given.clear()
            ended.clear()
            executor.run(Lead(following, lambda order: Done(order.job, Ended(Outcome.DONE)), lambda done: ended.append(done.job.repository), print, None))  # type: ignore[arg-type]  # noqa: B023
            assert sorted(ended) == sorted(given) == sorted(f"{stage}.{n}" for stage in range(3) for n in range(width))
