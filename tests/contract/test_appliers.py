"""One contract for every kind with its applier: through the whole of a run, and of an applier that is alone with a child."""

import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sshsync import builtin
from sshsync.api import Sync
from sshsync.appliers.base import Applier
from sshsync.appliers.base import Site as Link
from sshsync.core.diff import diff
from sshsync.errors import SshsyncError
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop
from sshsync.model import events as ev
from sshsync.model.events import Event
from sshsync.model.item import Snapshot
from sshsync.model.prepared import Prepared
from sshsync.model.topology import Repository
from sshsync.transports.local import LocalTransport
from tests.conftest import configure
from tests.dictionary import Dictionary, text
from tests.dictionary_applier import DictionaryAppliers
from tests.integration import rpms
from tests.integration.test_packages import wheel
from tests.integration.test_pip_sync import copied

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


def put_wheels(top: Path, items: dict[str, str]) -> None:
    """Have an environment hold these; its pip finds all that any ever held."""
    index, (site,) = top.parent / "index", (top / "lib").glob("python*/site-packages")
    index.mkdir(exist_ok=True)
    for name, version in wheels_in(top).items():
        shutil.rmtree(site / f"{name}-{version}.dist-info")
        (site / f"{name}.py").unlink()
    for name, version in items.items():
        with zipfile.ZipFile(wheel(index, name, version)) as whole:
            whole.extractall(site)


def wheels_in(top: Path) -> dict[str, str]:
    found = dict(info.name.removesuffix(".dist-info").split("-") for info in top.glob("lib/python*/site-packages/*.dist-info"))
    return {name: version for name, version in found.items() if name not in ("pip", "setuptools")}


def put_rpms(top: Path, items: dict[str, str]) -> None:
    """Have an installroot hold these; its dnf finds all that any ever held."""
    for name in set(rpms_in(top)) - set(items):
        rpms.run("rpm", "--root", top, "-e", "--nodeps", name)
    packages = [rpms.built(name, f"{version}-1") for name, version in items.items()]
    rpms.repository(top.parent / "repo", *packages)
    if packages:
        rpms.run("rpm", "--root", top, "-U", "--force", "--nodeps", "--ignorearch", *packages)


def rpms_in(top: Path) -> dict[str, str]:
    return {name: version.removesuffix("-1") for name, version in rpms.listed(top).items() if name != "base"}


def installroot(top: Path) -> None:
    """Make one with a package of its own, for no system is without any."""
    rpms.at_home(top.parent)
    rpms.root(top, rpms.repository(top.parent / "repo", rpms.built("base", "1-1")), rpms.built("base", "1-1"))


PLACES: dict[str, tuple[Callable[[Path], object], Callable[[Path, dict[str, str]], None], Callable[[Path], dict[str, str]]]] = {
    "files": (Path.mkdir, put_files, files_in),
    "dictionary": (Path.mkdir, put_pairs, pairs_in),
    "pip": (lambda top: copied(sys.executable, top), put_wheels, wheels_in),
    "rpm": (installroot, put_rpms, rpms_in),
}
"""How places for items of a kind are made, filled and read."""

LEASE = "0123456789abcdef"


class Bench:
    """An applier with a parent and a child on this machine, and nobody else: whoever asks it for something is the test."""

    def __init__(self, top: Path, type: str) -> None:
        self.top = top
        make, self._put, self._read = PLACES[type]
        for name in ("m", "c"):
            make(top / name)
        self.events: list[Event] = []
        config = configure(f"[DEFAULT]\nstable_for = 0\ndelete = yes\ndigest = sha256\ntype = {type}\ntransport = local\n[m]\npath = {top}/m\n[c]\nparent = m\npath = {top}/c\nkeep = 1\n", top / "state")
        self._repositories = config.tree.repositories
        self.pool = Pool({"local": lambda host, _dial: LocalTransport(host.shell)})
        self._asking = Asking(self.pool, self.events.append, Stop(), time.time, time.monotonic)
        kind, appliers = KINDS[type]
        self._kind, self._appliers = kind(), appliers(self._asking, config.settings)

    def fill(self, name: str, items: dict[str, str]) -> None:
        self._put(self.top / name, items)

    def held(self) -> dict[str, str]:
        return self._read(self.top / "c")

    def prepare(self, *, make: bool = True) -> Prepared:
        """Compare both, where changes are made by somebody who has the lease, unless nothing is to be made."""
        parent, child = self._scan(self._repositories["m"]), self._scan(self._repositories["c"], make=make)
        if make:
            self.lease(child).mkdir(parents=True)
        wanted = self._kind.wanted(self._repositories["c"])
        return Prepared(parent, child, diff(parent, child, delete=True, wanted=wanted))

    def lease(self, child: Snapshot) -> Path:
        return Path(child.work.decode()) / ".sshsync/lease" / LEASE

    def applier(self, prepared: Prepared, lease: str = LEASE) -> Applier[Any]:
        child = prepared.child
        return self._appliers(Link(self._repositories["m"], self._repositories["c"], child.root, child.work, lease, "run1"))

    def left(self) -> list[str]:
        """Return the files of whatever was begun, wherever a kind does its work, but for what is kept for the way back."""
        places = [self.top / "c/.sshsync", *self.top.glob(".sshsync-packages/*/.sshsync")]
        files = [file.relative_to(place) for place in places for file in place.rglob("*") if not file.is_dir()]
        return [str(file) for file in files if file.parts != ("lock",) and file.parts[0] != "kept"]

    def lose(self) -> None:
        """Have what was brought for packages vanish."""
        for file in self.top.glob(".sshsync-packages/*/.sshsync/transaction/*/packages/*"):
            file.unlink()

    def _scan(self, repository: Repository, *, make: bool = False) -> Snapshot:
        subject = replace(self._asking.subject(repository), create=make)
        return self._asking.converse(subject, self._kind.scan(subject))


@pytest.fixture(params=PLACES)
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name, value in (("HOME", tmp_path), ("PIP_NO_INDEX", 1), ("PIP_FIND_LINKS", tmp_path / "index")):
        monkeypatch.setenv(name, str(value))
    made = Bench(tmp_path, request.param)
    made.fill("m", {"a": "1", "b": "2", "new": "1"})
    made.fill("c", OLD)
    yield made
    made.pool.close()


OLD = {"a": "1", "b": "1", "gone": "1"}
NEW = {"a": "1", "b": "2", "new": "1"}


def true(bench: Bench, applier: Applier[Any]) -> bool:
    """Tell whether what was reached is what is there, neither more nor less."""
    held, reached = bench.held(), applier.reached
    came = {name for name, value in held.items() if OLD.get(name) != value}
    return ({key.decode() for key in reached.published}, {key.decode() for key in reached.deleted}) == (came, set(OLD) - set(held))


def test_a_look_at_what_would_change_leaves_nothing_there(bench: Bench) -> None:
    prepared = bench.prepare(make=False)
    outlook = bench.applier(prepared, lease="").foresee(prepared, make=False)
    assert (outlook.refused, outlook.refusal) == ({}, None)
    assert {change.key for change in prepared.changes.changes} == {b"b", b"new", b"gone"}
    assert (bench.left(), bench.held()) == ([], OLD)


def test_what_is_published_may_be_published_again_and_what_is_reached_is_true_at_every_moment(bench: Bench) -> None:
    prepared = bench.prepare()
    applier = bench.applier(prepared)
    with closing(applier.stage(prepared)) as pieces:
        for staged in pieces:
            assert (bench.held(), true(bench, applier)) == (OLD, True), "nobody sees what is staged"
            for _ in range(2):
                applier.publish(staged)
                assert {**bench.held(), "gone": "1"} == {**NEW, "gone": "1"}
                assert true(bench, applier)
    applier.adjust(prepared)
    applier.clear()
    assert (applier.reached.failed, applier.reached.deferred, bench.left()) == (0, 0, [])
    assert not [event for event in bench.events if isinstance(event, ev.Remarked)], "nothing went wrong on the way"


def test_what_is_deleted_may_be_deleted_again_and_what_is_reached_is_true_at_every_moment(bench: Bench) -> None:
    prepared = bench.prepare()
    applier = bench.applier(prepared)
    for _ in range(2):
        applier.delete(prepared.deletions)
        assert (bench.held(), true(bench, applier)) == ({"a": "1", "b": "1"}, True)
    assert (applier.reached.failed, applier.reached.deferred, bench.left()) == (0, 0, [])
    assert not [event for event in bench.events if isinstance(event, ev.Remarked)], "nothing went wrong on the way"


@pytest.mark.parametrize("deed", ["clear", "abandon"])
def test_what_is_staged_is_gone_without_a_trace_where_that_is_asked(bench: Bench, deed: str) -> None:
    prepared = bench.prepare()
    applier = bench.applier(prepared)
    with closing(applier.stage(prepared)) as pieces:
        next(pieces)
    assert bench.left()
    getattr(applier, deed)()
    assert (bench.left(), bench.held(), applier.reached.anything) == ([], OLD, False)


def test_who_lost_the_lease_changes_nothing_and_says_nothing_else(bench: Bench) -> None:
    prepared = bench.prepare()
    applier = bench.applier(prepared)
    with closing(applier.stage(prepared)) as pieces:
        staged = next(pieces)
    bench.lease(prepared.child).rmdir()
    for deed in (lambda: applier.publish(staged), lambda: applier.delete(prepared.deletions)):
        with pytest.raises(SshsyncError):
            deed()
    assert (bench.held(), true(bench, applier), applier.reached.anything) == (OLD, True, False)


@pytest.mark.parametrize("bench", ["pip", "rpm"], indirect=True)
def test_what_a_package_manager_could_not_do_is_told_of_each_package_and_never_taken_for_done(bench: Bench) -> None:
    prepared = bench.prepare()
    applier = bench.applier(prepared)
    with closing(applier.stage(prepared)) as pieces:
        staged = next(pieces)
    bench.lose()
    for _ in range(2):
        applier.publish(staged)
        assert true(bench, applier)
    failed = {event.name for event in bench.events if isinstance(event, ev.ItemFailed)}
    assert {"b", "new"} <= failed <= {"b", "new", "gone"}
    assert not applier.reached.published
    assert applier.reached.failed >= len(failed)
