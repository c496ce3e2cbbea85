"""One contract for every kind with its applier: from the master to the nodes, through the whole of a run."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sshsync import builtin
from sshsync.api import Sync
from sshsync.model import events as ev
from sshsync.model.events import Event
from sshsync.transports.local import LocalTransport
from tests.conftest import configure
from tests.dictionary import Dictionary, text
from tests.dictionary_applier import DictionaryAppliers

KINDS = {**builtin.KINDS, "dictionary": (Dictionary, lambda asking, _settings: DictionaryAppliers(asking))}

TEXT = """
[DEFAULT]
stable_for = 0
delete = yes
max_delete = {max_delete}
exclude = *.no
type = {type}
[master]
{m}
[proxy]
{p}
parent = master
pre_cmd = echo "before ${{REPOPATH-$(pwd -P)}}" >>{top}/hooks
post_cmd = echo "after ${{REPOPATH-$(pwd -P)}}" >>{top}/hooks
[node1]
{n1}
parent = proxy
[node2]
{n2}
parent = proxy
pipeline = yes
"""
NAMES = ("m", "p", "n1", "n2")


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
    """A chain of directories whose items are of one kind.

    Attributes:
        pathless: each is the home of an account on a host of its own, and no repository has a path.
    """

    top: Path
    type: str
    put: Callable[[Path, dict[str, str]], None]
    read: Callable[[Path], dict[str, str]]
    pathless: bool = False

    def __post_init__(self) -> None:
        self.events: list[Event] = []
        for name in NAMES if self.pathless else ():
            shell = self.top / f"sh-{name}"
            shell.write_text(f'#!/bin/sh\nHOME={self.top / name} exec /bin/sh "$@"\n')
            shell.chmod(0o755)
            (self.top / name).mkdir()
        self.place("m").mkdir()

    def place(self, name: str) -> Path:
        """Return where the items of a repository lie."""
        return self.top / name / ".pairs" if self.pathless else self.top / name

    def section(self, name: str) -> str:
        """Return how a repository is reached."""
        return f"host = {name}\nshell = {self.top}/sh-{name}" if self.pathless else f"transport = local\npath = {self.top}/{name}"

    def fill(self, items: dict[str, str], name: str = "m") -> None:
        self.put(self.place(name), items)

    def run(self, *stages: str, dry_run: bool = False, max_delete: str = "100%"):
        self.events.clear()
        text = TEXT.format(top=self.top, type=self.type, max_delete=max_delete, **{name: self.section(name) for name in NAMES})
        hosts = {way: lambda host, _dial: LocalTransport(host.shell) for way in ("ssh", "local")}
        with Sync(configure(text, self.top / "state"), sinks=[self.events.append], kinds=KINDS, transports=hosts) as sync:
            return sync.run([stage.split(",") for stage in stages or ("proxy", "node1,node2")], dry_run=dry_run)

    def held(self) -> list[dict[str, str]]:
        return [self.read(self.place(name)) for name in NAMES[1:]]

    def staged(self) -> list[str]:
        return [str(f) for name in NAMES[1:] for f in (self.place(name) / ".sshsync").rglob("*") if f.is_file()]

    def hooks(self) -> list[str]:
        return (self.top / "hooks").read_text().splitlines() if (self.top / "hooks").exists() else []


SITES = {
    "files": lambda top: Site(top, "files", put_files, files_in),
    "dictionary": lambda top: Site(top, "dictionary", put_pairs, pairs_in),
    "pathless": lambda top: Site(top, "dictionary", put_pairs, pairs_in, pathless=True),
}


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return SITES[request.param](tmp_path)


ITEMS = {"a": "one", "b": "two", "c": "three", "d": "four", "e.no": "never"}
TAKEN = {name: value for name, value in ITEMS.items() if name != "e.no"}


def test_everything_wanted_arrives_and_nothing_is_left_behind(site: Site) -> None:
    site.fill(ITEMS)
    result = site.run()
    assert result.exit_code == 0
    assert site.held() == [TAKEN] * 3
    assert site.staged() == []
    assert site.hooks() == [f"{when} {site.top}/p" for when in ("before", "after")], "hooks stand at the root, or at home"
    assert [(job.name, str(job.outcome), job.copied) for job in result.report.jobs] == [(name, "done", 4) for name in ("proxy", "node1", "node2")]


def test_a_second_run_changes_nothing(site: Site) -> None:
    site.fill(ITEMS)
    site.run()
    result = site.run()
    assert [str(job.outcome) for job in result.report.jobs] == ["unchanged"] * 3
    assert not [event for event in site.events if isinstance(event, ev.Published | ev.Deleted | ev.Adjusted)]
    assert len(site.hooks()) == 2


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
    site.place("p").mkdir()
    result = site.run(dry_run=True)
    assert result.exit_code == 11
    told = {(event.repository, event.kind, event.name) for event in site.events if isinstance(event, ev.PlannedChange)}
    assert told == {(node, "copy", name) for node in ("proxy", "node1", "node2") for name in TAKEN}
    assert site.read(site.place("p")) == {}
    assert not site.place("n1").exists()
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


def test_a_place_that_is_gone_is_refused_in_the_words_of_its_kind(site: Site) -> None:
    site.fill(ITEMS)
    site.run()
    shutil.rmtree(site.place("p"))
    result = site.run("proxy")
    name = {"files": "directory", "dictionary": "dictionary"}[site.type]
    assert result.exit_code == 9
    assert f"its {name} is missing but held 4" in result.report.repositories["proxy"].error
    assert f"its parent proxy has no {name}" in site.run("node1").report.repositories["node1"].error


def test_what_an_applier_foresees_is_refused_by_name(tmp_path: Path) -> None:
    site = Site(tmp_path, "dictionary", put_pairs, pairs_in)
    site.fill({"-rf": "x", "fine": "y"})
    result = site.run("proxy")
    assert {problem.name: (problem.reason, problem.code) for problem in result.report.repositories["proxy"].problems} == {"-rf": ("its name begins with a dash", 9)}
    assert site.held()[0] == {"fine": "y"}
