"""What all tests share: configurations in a line, engines over hosts in memory."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from sshsync.api import Sync
from sshsync.config.load import parse
from sshsync.config.resolve import Account, Config, resolve
from sshsync.core import algorithm
from sshsync.core.publication import each
from sshsync.engine import owner
from sshsync.engine.context import Context
from sshsync.engine.scan import Scanner
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop
from sshsync.kinds.files import Files
from sshsync.model.events import Event
from sshsync.model.narrow import WHOLE, Narrow
from sshsync.model.plan import Manner
from sshsync.model.topology import Repository
from sshsync.transports.memory import MemoryHost, MemoryTransport

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("default")

ACCOUNT = Account("tester", "/home/tester", "/nonexistent")

CHAIN = """
[DEFAULT]
stable_for = 0
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
[node2]
host = node2
path = /n
parent = proxy
"""


def configure(text: str, state: Path) -> Config:
    """Return the configuration of a text, with its state in a directory."""
    return resolve(parse(f"[sshsync]\nstate_dir = {state}\n{text}".encode(), "test.conf"), ACCOUNT)


class World:
    """Hosts in memory and engines over them."""

    def __init__(self, directory: Path, text: str = CHAIN) -> None:
        self.directory = directory
        self.text = text
        self.hosts: dict[str, MemoryHost] = {}
        self.events: list[Event] = []

    def host(self, name: str) -> MemoryHost:
        host = self.hosts.setdefault(name, MemoryHost(name))
        return host

    def fill(self, host: str, root: bytes, files: dict[bytes, bytes]) -> None:
        made = self.host(host)
        made.make(root)
        for key, data in files.items():
            made.put(root + b"/" + key, data)

    def transports(self) -> dict:
        return {kind: lambda host, _pool: MemoryTransport(self.host(host.address)) for kind in ("ssh", "local")}

    def sync(self, text: str = "", sinks: Sequence[Callable[[Event], None]] = (), **parts: object) -> Sync:
        config = configure(text or self.text, self.directory / "state")
        return Sync(config, sinks=[self.events.append, *sinks], transports=self.transports(), **parts)  # type: ignore[arg-type]

    def run(self, *stages: str, text: str = "", dry_run: bool = False, narrow: Narrow = WHOLE, **parts: object):
        self.events.clear()
        names = [stage.split(",") for stage in stages] or [["proxy"], ["node1", "node2"]]
        with self.sync(text, **parts) as sync:
            return sync.run(names, dry_run=dry_run, manner=Manner(narrow))

    def asking(self, text: str = "") -> tuple[Asking, Sync]:
        """Return what speaks to the hosts, without a run around it."""
        sync = self.sync(text)
        pool = Pool(self.transports())
        return Asking(pool, self.events.append, Stop(), time.time, time.monotonic), sync

    def scanner(self, text: str = "", kind: Files | None = None) -> tuple[Scanner, Mapping[str, Repository]]:
        """Return what scans, and the repositories."""
        asking, sync = self.asking(text)
        tree = sync.config.tree
        kinds = {"files": kind or Files()}
        return Scanner(Context(tree, asking, kinds, {}, each, sync.journal, asking.emit, owner.here())), tree.repositories

    def seen(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("sshsync"):
            thread.join(10)
            assert not thread.is_alive(), f"{thread.name} was left behind"


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
    """Record a figure that a test reached: it appears beside the test in the page of guarantees."""

    def record(name: str, value: object) -> None:
        request.node.user_properties.append((name, value))

    return record


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", metavar="FILE", help="add the cases and figures of every test that passed to FILE")


_REACHED: dict[str, dict[str, object]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what tests reached; with several workers this runs where all reports come together."""
    if report.when == "call" and report.passed:
        reached = _REACHED.setdefault(report.nodeid.partition("[")[0], {"cases": 0})
        reached["cases"] = int(str(reached["cases"])) + 1
        reached.update(report.user_properties)


def pytest_sessionfinish(session: pytest.Session) -> None:
    file = session.config.getoption("--figures")
    if file and not hasattr(session.config, "workerinput"):
        kept = Path(file)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{kept}.lock"):
            earlier = json.loads(kept.read_text()) if kept.exists() else {}
            kept.write_text(json.dumps({**earlier, **_REACHED}, indent=1, sort_keys=True) + "\n")
