"""One contract for every kind with its applier: from the master to the nodes, through the whole of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sshsync import builtin
from sshsync.api import Sync
from sshsync.model import events as ev
from sshsync.model.events import Event
from tests.conftest import configure
from tests.dictionary import Dictionary, text
from tests.dictionary_applier import DictionaryAppliers

KINDS = {**builtin.KINDS, "dictionary": (Dictionary, lambda asking, _settings: DictionaryAppliers(asking))}

TEXT = """
[DEFAULT]
transport = local
stable_for = 0
delete = yes
max_delete = {max_delete}
exclude = *.no
type = {type}
[master]
path = {top}/m
[proxy]
path = {top}/p
parent = master
pre_cmd = echo before >>{top}/hooks
post_cmd = echo after >>{top}/hooks
[node1]
path = {top}/n1
parent = proxy
[node2]
path = {top}/n2
parent = proxy
"""


def files_in(top: Path) -> dict[str, str]:
    return {f.name: f.read_text() for f in top.iterdir() if f.is_file()}


def put_files(top: Path, items: dict[str, str]) -> None:
    for old in top.iterdir():
        if old.is_file():
            old.unlink()
    for name, value in items.items():
        (top / name).write_text(value)


def pairs_in(top: Path) -> dict[str, str]:
    lines = (top / "dictionary").read_text().splitlines() if (top / "dictionary").exists() else []
    return dict(line.split(" ", 1) for line in lines)


def put_pairs(top: Path, items: dict[str, str]) -> None:
    (top / "dictionary").write_bytes(text((name.encode(), value.encode()) for name, value in items.items()))


@dataclass
class Site:
    """A chain of directories whose items are of one kind."""

    top: Path
    type: str
    put: Callable[[Path, dict[str, str]], None]
    read: Callable[[Path], dict[str, str]]

    def __post_init__(self) -> None:
        self.events: list[Event] = []
        (self.top / "m").mkdir()

    def fill(self, items: dict[str, str], name: str = "m") -> None:
        self.put(self.top / name, items)

    def run(self, *stages: str, dry_run: bool = False, max_delete: str = "100%"):
        self.events.clear()
        config = configure(TEXT.format(top=self.top, type=self.type, max_delete=max_delete), self.top / "state")
        with Sync(config, sinks=[self.events.append], kinds=KINDS) as sync:
            return sync.run([stage.split(",") for stage in stages or ("proxy", "node1,node2")], dry_run=dry_run)

    def held(self) -> list[dict[str, str]]:
        return [self.read(self.top / name) for name in ("p", "n1", "n2")]

    def staged(self) -> list[str]:
        return [str(f) for name in ("p", "n1", "n2") for f in (self.top / name / ".sshsync").rglob("*") if f.is_file()]

    def hooks(self) -> list[str]:
        return (self.top / "hooks").read_text().split() if (self.top / "hooks").exists() else []


@pytest.fixture(params=["files", "dictionary"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    put, read = {"files": (put_files, files_in), "dictionary": (put_pairs, pairs_in)}[request.param]
    return Site(tmp_path, request.param, put, read)


ITEMS = {"a": "one", "b": "two", "c": "three", "d": "four", "e.no": "never"}
TAKEN = {name: value for name, value in ITEMS.items() if name != "e.no"}


def test_everything_wanted_arrives_and_nothing_is_left_behind(site: Site) -> None:
    site.fill(ITEMS)
    result = site.run()
    assert result.exit_code == 0
    assert site.held() == [TAKEN] * 3
    assert site.staged() == []
    assert site.hooks() == ["before", "after"]
    assert [(job.name, str(job.outcome), job.copied) for job in result.report.jobs] == [(name, "done", 4) for name in ("proxy", "node1", "node2")]


def test_a_second_run_changes_nothing(site: Site) -> None:
    site.fill(ITEMS)
    site.run()
    result = site.run()
    assert [str(job.outcome) for job in result.report.jobs] == ["unchanged"] * 3
    assert not [event for event in site.events if isinstance(event, ev.Published | ev.Deleted | ev.Adjusted)]
    assert site.hooks() == ["before", "after"]


def test_what_differs_is_replaced_and_what_is_gone_is_deleted(site: Site) -> None:
    site.fill(ITEMS)
    site.run()
    changed = {"a": "one", "b": "another", "new": "five"}
    site.fill(changed)
    result = site.run()
    assert result.exit_code == 0
    assert site.held() == [changed] * 3
    assert [(job.copied, job.deleted, job.unchanged) for job in result.report.jobs] == [(2, 2, 1)] * 3


def test_a_dry_run_tells_of_all_stages_and_changes_nothing(site: Site) -> None:
    site.fill(ITEMS)
    (site.top / "p").mkdir()
    result = site.run(dry_run=True)
    assert result.exit_code == 11
    told = {(event.repository, event.kind, event.name) for event in site.events if isinstance(event, ev.PlannedChange)}
    assert told == {(node, "copy", name) for node in ("proxy", "node1", "node2") for name in TAKEN}
    assert site.read(site.top / "p") == {}
    assert not (site.top / "n1").exists()
    assert site.hooks() == []


def test_what_was_altered_on_the_way_is_not_passed_on(site: Site) -> None:
    site.fill(ITEMS)
    site.run()
    site.fill({**TAKEN, "b": "altered"}, "p")
    result = site.run("node1")
    assert {job.name: (str(job.outcome), job.blocked) for job in result.report.jobs} == {"node1": ("partial", 1)}
    assert site.held()[1] == TAKEN
    assert site.run().exit_code == 0
    assert site.held() == [TAKEN] * 3, "the next whole walk heals it"


def test_guards_hold_for_every_kind(site: Site) -> None:
    site.fill(ITEMS)
    site.run()
    site.fill({"a": "changed"})
    result = site.run("proxy", max_delete="1")
    assert result.exit_code == 9
    assert site.held()[0] == {**TAKEN, "a": "changed"}, "only the deletions are refused"
    site.fill({})
    result = site.run("proxy")
    assert result.exit_code == 9
    assert "held" in result.report.repositories["proxy"].error
    assert site.held()[0] == {**TAKEN, "a": "changed"}


def test_what_an_applier_foresees_is_refused_by_name(tmp_path: Path) -> None:
    site = Site(tmp_path, "dictionary", put_pairs, pairs_in)
    site.fill({"-rf": "x", "fine": "y"})
    result = site.run("proxy")
    assert {problem.name: (problem.reason, problem.code) for problem in result.report.repositories["proxy"].problems} == {"-rf": ("its name begins with a dash", 9)}
    assert site.held()[0] == {"fine": "y"}
