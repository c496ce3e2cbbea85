"""A law over whole nights: the engine over hosts in memory, with a clock of its own.

Whatever fails, is late, is killed, or works beside it: no reader ever sees a torn file, no run is endless, none gives
up while something is kept, and once the trouble is over one run reaches the goal and late programs change nothing. What
was put aside is whole and stays as it is, and what a run replaces or deletes is put aside.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.core.lease import DEAD_AFTER, Here, Owner
from sshsync.executors.serial import Serial
from sshsync.model import events as ev
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

TONIGHT = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 3\ndelete = yes\nmax_delete = 100%\nallow_empty = yes\nempty_dirs = yes\nlinks = copy\nfile_group = app\nkeep = 1000")
ROOTS = {"proxy": b"/p", "node1": b"/n"}
STAGES = (["proxy"], ["node1"])
MOST_SCRIPTS = 3000
LONGEST_NIGHT = 40 * DEAD_AFTER

KEYS = (b"a", b"b", b"d/x", b"d/y", b"d/z/w", b"big")
SCRIPTS = (
    "unpack", "store", "publish", "unpack", "store", "publish", "mark", "delete", "rotate", "arrange", "link", "discard", "claim", "release", "take-over", "carry-on", "ranges", "chunks",
    "pieces", "assemble", "assemble-by",
    "probe", "list", "digest", "read", "staged", "stat", "room", "",
)  # fmt: skip


class Killed(BaseException):
    """The controller's process is gone."""


@dataclass
class Clock:
    """Seconds that pass only when somebody rests, or a host is slow."""

    now: float = 1_000_000.0

    def rest(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: at the `nth` start of a script on a host."""

    host: str
    script: str
    kind: str
    nth: int
    after: int


@dataclass(frozen=True)
class Moment:
    """When something else happens: at the `nth` start of a script on a host."""

    host: str
    script: str
    nth: int


HOSTS = st.sampled_from(["master", "proxy", "node1"])
KINDS = st.sampled_from(["refuse", "lose", "cut", "flip", "fail", "late", "torn", "open", "short", "slow"])
NTH = st.integers(1, 3)
TROUBLES = st.lists(st.builds(Trouble, HOSTS, st.sampled_from(SCRIPTS), KINDS, NTH, st.integers(0, 200)), max_size=6)
MOMENTS = st.builds(Moment, st.sampled_from(list(ROOTS)), st.sampled_from(("unpack", "store", "publish", "digest", "mark", "release")), NTH)
TARGETS = (b"a", b"d/x", b"d", b"gone")
LINKS = st.dictionaries(st.sampled_from((b"b", b"l", b"d/l", b"d/z")), st.sampled_from(TARGETS), max_size=3)
"""Links, some where a file or a directory is in another release."""
TREES = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 3), min_size=1, max_size=5)


@cache
def data(key: bytes, version: int) -> bytes:
    """Return what a version of a file holds; a big one travels alone."""
    size = 1_200_000 if key == b"big" else 40
    return (b"%s %d " % (key, version) * size)[:size]


@dataclass
class Night:
    """Hosts, a clock, and two controllers."""

    directory: Path
    clock: Clock = field(default_factory=Clock)
    scripts: int = 0

    def __post_init__(self) -> None:
        self.first = World(self.directory / "first", TONIGHT)
        self.second = World(self.directory / "second", TONIGHT)
        self.second.hosts = self.first.hosts
        self.alive = {1, 2}
        self.aside: dict[tuple[str, bytes], bytes] = {}
        for name in ("master", *ROOTS):
            host = self.first.host(name)
            host.clock = lambda: self.clock.now
            host.watch = self.watch
        for name, root in ROOTS.items():
            self.first.fill(name, root, {})
        self.first.fill("master", b"/m", {})

    def watch(self) -> None:
        """Look at what readers see, whenever any script starts on any host."""
        self.scripts += 1
        assert self.scripts < MOST_SCRIPTS, "a run without end"
        for name, root in ROOTS.items():
            for key, seen in self.first.host(name).below(root).items():
                assert any(seen == data(key, version) for version in range(6)), f"{name} shows a torn {key!r}"
                assert self.first.host(name).files[root + b"/" + key].group == b"app", f"{name} shows {key!r} with another group"
            for key, target in self.links(name, root).items():
                assert target in TARGETS, f"{name} shows a link {key!r} to {target!r}"
            kept = self.kept(name, root)
            for path, seen in kept.items():
                key = path.partition(b"/")[2]
                assert any(seen == data(key, version) for version in range(6)), f"{name} keeps a torn {path!r}"
                assert self.aside.setdefault((name, path), seen) == seen, f"{name} keeps another {path!r} than before"
            assert {path for host, path in self.aside if host == name} <= kept.keys(), f"{name} lost what it kept"

    def links(self, name: str, root: bytes) -> dict[bytes, bytes]:
        found = self.first.host(name).links.items()
        return {path[len(root) + 1 :]: target for path, target in found if path.startswith(root + b"/") and b"/.sshsync/" not in path}

    def kept(self, name: str, root: bytes) -> dict[bytes, bytes]:
        own = root + b"/.sshsync/replaced/"
        return {path[len(own) :]: file.data for path, file in self.first.host(name).files.items() if path.startswith(own)}

    def directories(self, name: str, root: bytes) -> set[bytes]:
        found = {path[len(root) :] for path in self.first.host(name).directories if path.startswith(root + b"/")}
        return {path for path in found if not path.startswith(b"/.sshsync")}

    def vendor(self, tree: dict[bytes, int], links: dict[bytes, bytes] = {}) -> None:  # noqa: B006
        """Write a release, file by file, each at once; then the links for which there is a place."""
        host = self.first.host("master")
        for path in [path for path in host.files if path.startswith(b"/m/") and path[3:] not in tree]:
            del host.files[path]
        for path in [path for path in host.links if path.startswith(b"/m/")]:
            del host.links[path]
        for key, version in tree.items():
            host.put(b"/m/" + key, data(key, version))
        for key, target in links.items():
            if not any(f"{one.decode()}/".startswith(f"{key.decode()}/") for one in tree):
                host.remove(b"/m/" + key)
                host.link(b"/m/" + key, target)

    def here(self, number: int) -> Here:
        owner = Owner("host", "machine", "boot", "space", number, f"{number}", "tonight")
        return Here(
            owner, lambda pid: f"{pid}" if pid in self.alive else "", lambda: self.clock.now, lambda: self.clock.now, self.clock.rest
        )

    def run(self, world: World, number: int, sink: Callable[[ev.Event], None] = lambda _event: None) -> int | None:
        """Run one controller's night; None when it was killed."""
        began = self.clock.now
        world.events.clear()
        try:
            with world.sync(here=self.here(number), executor=Serial(), sinks=[sink]) as sync:
                code = sync.run(STAGES).exit_code
        except Killed:
            code = None
        assert self.clock.now - began < LONGEST_NIGHT, "a night without end"
        assert code != 5, [event.error for event in world.events if isinstance(event, ev.RepositoryFinished)]
        self.gave_up_rightly(world)
        return code

    def gave_up_rightly(self, world: World) -> None:
        """Whoever gave up for a temporary reason had kept nothing in as many tries as are allowed.

        What is published while another load is tried again may be told after these tries: their error counts them, too.
        """
        idle: dict[str, int] = {}
        for event in world.events:
            if isinstance(event, ev.Published):
                idle[event.repository] = 0
            elif isinstance(event, ev.Retried):
                idle[event.repository] = idle.get(event.repository, 0) + 1
            elif isinstance(event, ev.RepositoryFinished) and event.transient and event.outcome == "failed":
                row = re.search(r"\[(\d+) tries", event.error)
                assert idle.get(event.repository, 0) >= 2 or (row and int(row[1]) >= 3), f"gave up at once: {event.error}"

    def order(self, trouble: Trouble) -> None:
        """Let something go wrong."""
        first = (lambda: self.clock.rest(trouble.after * 5)) if trouble.kind == "slow" else lambda: None
        kind = "none" if trouble.kind == "slow" else trouble.kind
        host = self.first.host(trouble.host)
        host.faults.append(Fault(kind, trouble.script, trouble.nth, trouble.after, first=first))

    def at(self, moment: Moment, deed: Callable[[], None]) -> None:
        """Let something happen."""
        self.first.host(moment.host).faults.insert(0, Fault("none", moment.script, moment.nth, first=deed))

    def wake(self) -> None:
        for name in ROOTS:
            self.first.host(name).wake()

    def calm(self) -> None:
        for name in ("master", *ROOTS):
            self.first.host(name).faults.clear()


@pytest.fixture(scope="session")
def memory_disk(tmp_path_factory) -> Iterator[Path]:
    """A place for hundreds of journals, each of which is flushed all the time: in memory where there is such a disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path_factory.mktemp("nights")
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="sshsync-nights-") as directory:
        yield Path(directory)


NIGHTS = int(os.environ.get("SSHSYNC_NIGHTS", "60"))


@pytest.mark.timeout(180 + 5 * NIGHTS)
@settings(max_examples=NIGHTS)
@given(
    TREES,
    LINKS,
    TREES,
    LINKS,
    TROUBLES,
    st.lists(MOMENTS, max_size=2),
    MOMENTS | st.none(),
    MOMENTS | st.none(),
    st.none() | st.integers(1, 25),
    st.booleans(),
)
def test_whatever_happens_tonight(memory_disk, tree, links, later, later_links, troubles, wakings, rival, release, kill, seen_dead) -> None:
    notes: list[str] = []
    night = Night(Path(tempfile.mkdtemp(dir=memory_disk)))
    night.vendor(tree, links)
    for trouble in troubles:
        night.order(trouble)
    for moment in wakings:
        night.at(moment, night.wake)
    if release:
        night.at(release, lambda: night.vendor(later, later_links))
    if rival:

        def beside() -> None:
            notes.append("a rival came")
            if seen_dead:
                night.alive.discard(1)
            night.run(night.second, 2)
            night.alive.add(1)

        night.at(rival, beside)

    count = 0

    def killing(event: ev.Event) -> None:
        nonlocal count
        count += not isinstance(event, ev.Progress)
        if count == kill:
            notes.append("killed")
            raise Killed

    code = night.run(night.first, 1, killing)
    for words in (*notes, f"exit code {code}"):
        note(words)
    night.alive.discard(1)
    for _ in range(3):
        if night.run(night.first, 3) == 0:
            break
    night.calm()
    night.vendor(later, later_links)
    assert night.run(night.first, 4) == 0, [str(e) for e in night.first.events if isinstance(e, ev.RepositoryFinished)]

    wanted = {key: data(key, version) for key, version in later.items()}
    night.wake()
    night.watch()
    for name, root in ROOTS.items():
        assert night.first.host(name).below(root) == wanted, f"{name} was changed by somebody late"
        assert night.directories(name, root) == night.directories("master", b"/m"), f"{name} has other directories"
        assert night.links(name, root) == night.links("master", b"/m"), f"{name} has other links"

    before = {name: night.kept(name, root) for name, root in ROOTS.items()}
    last = {key: 5 for key in KEYS[::2]}
    night.vendor(last)
    assert night.run(night.first, 5) == 0
    for name, root in ROOTS.items():
        new = {path.partition(b"/")[2]: seen for path, seen in night.kept(name, root).items() if path not in before[name]}
        assert new == wanted, f"{name} did not put aside what it had"


def killed_at(kind: type) -> Callable[[ev.Event], None]:
    def kill(event: ev.Event) -> None:
        if isinstance(event, kind):
            raise Killed

    return kill


@pytest.mark.parametrize("script", ["unpack", "store"])
@pytest.mark.parametrize("kind", ["torn", "open"])
@pytest.mark.parametrize("when", ["mark", "publish", "release"])
def test_a_receiver_of_a_killed_run_writes_on(tmp_path: Path, script: str, kind: str, when: str) -> None:
    """What it may still write to is never published itself."""
    night = Night(tmp_path)
    night.vendor({b"a": 1, b"big": 1})
    night.order(Trouble("proxy", script, kind, 1, 0))
    assert night.run(night.first, 1, killed_at(ev.Retried)) is None
    night.alive.discard(1)
    night.at(Moment("proxy", when, 1), night.wake)
    assert night.run(night.first, 3) == 0
    night.wake()
    night.watch()


@pytest.mark.parametrize("script", ["unpack", "store"])
@pytest.mark.parametrize("when", ["mark", "publish", "release"])
def test_a_receiver_of_an_earlier_try_writes_on(tmp_path: Path, script: str, when: str) -> None:
    """What it wrote could not be removed before the next try."""
    night = Night(tmp_path)
    night.vendor({b"a": 1, b"big": 1})
    night.order(Trouble("proxy", script, "torn", 1, 0))
    night.order(Trouble("proxy", "discard", "refuse", 1, 0))
    night.at(Moment("proxy", when, 1), night.wake)
    assert night.run(night.first, 1) == 0
    night.wake()
    night.watch()


@pytest.mark.parametrize("script", ["delete", "publish", "mark"])
def test_a_script_of_a_killed_run_comes_late(tmp_path: Path, script: str) -> None:
    """The next controller has put another release there by then."""
    night = Night(tmp_path)
    night.vendor({b"a": 1, b"b": 1})
    assert night.run(night.first, 1) == 0
    night.vendor({b"a": 2, b"big": 2})
    night.order(Trouble("proxy", script, "late", 1, 0))
    assert night.run(night.first, 1, killed_at(ev.Retried)) is None
    night.alive.discard(1)
    night.vendor({b"a": 3, b"b": 3})
    assert night.run(night.second, 2) == 0
    night.wake()
    assert night.first.host("proxy").below(b"/p") == {b"a": data(b"a", 3), b"b": data(b"b", 3)}


@pytest.mark.parametrize("script", ["unpack", "store"])
def test_a_link_on_which_nothing_can_be_kept_ends_in_bounded_time(tmp_path: Path, script: str) -> None:
    night = Night(tmp_path)
    night.vendor({b"a": 1, b"big": 1})
    for _ in range(1000):
        night.order(Trouble("proxy", script, "lose" if script == "unpack" else "short", 1, 1))
    began = night.clock.now
    assert night.run(night.first, 1) == 75
    assert night.clock.now - began < 60
    # What arrives beside begins a row anew when it is known to be right, and when it is published.
    rows = {"unpack": 3, "store": 2}[script]
    assert 3 <= night.first.host("proxy").started.count(script) <= 3 * rows + 1, "as many tries in a row as retries allows"
    ended = [event for event in night.first.seen(ev.RepositoryFinished) if event.repository == "proxy"]
    assert ["[3 tries in " in event.error for event in ended] == [True], "the last row is as long as retries says, and no longer"
