"""One contract for every kind of item, over every transport: what its looks tell of a repository fits together."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sshsync.errors import SshsyncError
from sshsync.kinds.base import Answer, Dialogue, Kind, Learned, Remark, Request, Subject, T
from sshsync.core.pieces import Extent, blocks, by_content
from sshsync.kinds.chunks import Question, common
from sshsync.kinds.files import Files
from sshsync.kinds.packages import Packages
from sshsync.kinds.pip import Pip
from sshsync.kinds.pip_changes import PipChanges
from sshsync.kinds.rpm import Rpm
from sshsync.kinds.rpm_changes import RpmChanges
from sshsync.model.item import Item, Key, Sealed, Sight
from sshsync.model.row import Digest, Stamp
from sshsync.hosts.conversation import new_token
from sshsync.versions import order
from tests.conftest import CHAIN, configure
from sshsync.transports.local import LocalTransport
from tests.dictionary import Dictionary, text
from tests.contract.test_transports import OVER_SSH, OnDisk, Place, reached
from tests.integration import rpms

OLD = 1_600_000_000


@dataclass(frozen=True)
class Case:
    """A kind, and how a repository of it is filled.

    Attributes:
        make: makes the kind; its argument is the number of items that one request is about, at most.
        put: writes an item of some content.
        drop: takes an item away.
        digest: what such an item's digest is.
        names: names that items of this kind may have.
        begin: makes a place for items.
        base: what is in every such place, by its digest, without being put there.
        spoil: makes a place one that this kind cannot look at, and returns what it says then; None where any is fine.
    """

    make: Callable[[int], Kind]
    put: Callable[[Place, Key, bytes], None]
    drop: Callable[[Place, Key], None]
    digest: Callable[[bytes], Digest]
    names: tuple[Key, ...]
    begin: Callable[[Place], None] = lambda _place: None
    base: Mapping[Key, Digest] = field(default_factory=dict)
    spoil: Callable[[Place], str] | None = None


def directory(place: Place) -> Path:
    return Path(os.fsdecode(place.root))


def environment(place: Place) -> None:
    """Make an environment of Python there, with nothing in it."""
    top = directory(place)
    site(place).mkdir(parents=True, exist_ok=True)
    (top / "bin").mkdir(exist_ok=True)
    if not (top / "bin/python").exists():
        (top / "bin/python").symlink_to(os.path.realpath(sys.executable))
        (top / "pyvenv.cfg").write_text(f"home = {Path(os.path.realpath(sys.executable)).parent}\ninclude-system-site-packages = false\n")


def site(place: Place) -> Path:
    return directory(place) / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def installed(place: Place, key: Key, data: bytes) -> None:
    version = release(data)
    uninstalled(place, key)
    info = site(place) / f"{key.decode().replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {key.decode().upper()}\nVersion: {version}\n\nName: another\n")
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n{info.name}/RECORD,,\nabsent/__pycache__/x.pyc,,\n")


def uninstalled(place: Place, key: Key) -> None:
    for found in site(place).glob(f"{key.decode().replace('-', '_')}-*.dist-info"):
        shutil.rmtree(found)


def release(data: bytes) -> str:
    return f"1.0+{data.hex()}"


def without_a_python(place: Place) -> str:
    (directory(place) / "bin/python").unlink()
    return "bin/python is missing"


def system(place: Place) -> None:
    """Make an installroot with one package on record: no system is without any."""
    rpms.at_home(directory(place).parent)
    recorded(place, b"base", b"base")


def recorded(place: Place, key: Key, data: bytes) -> None:
    rpms.run("rpm", "--root", directory(place), "-U", "--force", "--justdb", "--nodeps", rpms.built(key.decode(), build(data)))


def unrecorded(place: Place, key: Key) -> None:
    rpms.run("rpm", "--root", directory(place), "-e", "--justdb", "--nodeps", key.decode())


def build(data: bytes) -> str:
    return f"2:1.0~rc1-{data.hex()}"


def without_a_database(place: Place) -> str:
    shutil.rmtree(directory(place) / "var/lib/rpm")
    return "no package at all, for there is no database in"


KINDS = {
    "pip": Case(
        make=lambda _portion: Packages(Pip(), PipChanges(order("pip")), order("pip")),
        put=installed,
        drop=uninstalled,
        digest=lambda data: f"version:{release(data)}",
        names=(b"a", b"zope-interface", b"7z", b"x" * 30),
        begin=environment,
        spoil=without_a_python,
    ),
    "rpm": Case(
        make=lambda _portion: Packages(Rpm(), RpmChanges(order("rpm")), order("rpm")),
        put=recorded,
        drop=unrecorded,
        digest=lambda data: f"version:{build(data)}",
        names=(b"a", b"under_score+plus.dot", b"_x-", b"7z", b"x" * 30),
        begin=system,
        base={b"base": f"version:{build(b'base')}"},
        spoil=without_a_database,
    ),
    "files": Case(
        make=Files,
        put=lambda place, key, data: place.put(key, data),
        drop=lambda place, key: place.drop(key),
        digest=lambda data: "sha256:" + hashlib.sha256(data).hexdigest(),
        names=(
            b"a", b"d/b", b"d/e/c", b"-rf", b" lead and trail ", b"tab\t", b"$(touch INJECTED)", b"`x`", b"'\"", b"*?[x]", b"#", b"~", b"!",
            b"line\nfeed", b"\n", b"back\\slash", b"ends\\", b"cr\r", b"\xff\xfe", b"\xc3\xa4", b"\x1b[2J", b"%s%n", b"a=b", b"x" * 255, b"NONE",
        ),
    ),
    "dictionary": Case(
        make=lambda _portion: Dictionary(),
        put=lambda place, key, data: place.put(b"dictionary", text({**pairs(place), key: data}.items())),
        drop=lambda place, key: place.put(b"dictionary", text(pair for pair in pairs(place).items() if pair[0] != key)),
        digest=lambda data: "value:" + data.decode(),
        names=(b"a", b"b.c", b"$(touch", b"*", b"\\", b"'"),
    ),
}  # fmt: skip


def over(kind: str, *ways: str) -> list:
    """Return a kind over several transports, as parameters of a test."""
    marks = {way: [] if way != OVER_SSH.values[0] else OVER_SSH.marks for way in ways}
    return [pytest.param((kind, way), id=f"{kind}-{way}", marks=marks[way]) for way in ways]


FILES = over("files", "memory", "local", str(OVER_SSH.values[0]))
"""For what only files can be asked: about some of them by name, and for digests of any directory."""

PACKAGES = [*over("pip", "local", str(OVER_SSH.values[0])), *over("rpm", "local", str(OVER_SSH.values[0]))]

WAYS = [*FILES, *PACKAGES, *over("dictionary", "local", "at home", str(OVER_SSH.values[0]))]
"""A host in memory knows our scripts only, so a kind with programs of its own is asked on real ones; and a dictionary
without a path lies where the account is at home."""


def pairs(place: Place) -> dict[bytes, bytes]:
    """Return the dictionary that lies there."""
    found = place.see().get(b"dictionary", b"")
    return dict(line.split(b" ", 1) for line in found.splitlines())



@dataclass
class Shop:
    """A repository of one kind on one host."""

    case: Case
    place: Place
    asked: Subject

    @property
    def root(self) -> bytes:
        """Where a snapshot says that the items are."""
        return self.place.root if self.asked.repository.path else b""

    def put(self, key: Key, data: bytes) -> None:
        self.case.put(self.place, key, data)

    def fill(self) -> dict[Key, bytes]:
        """Put an item of every name there."""
        held = {key: b"content of " + key for key in self.case.names}
        for key, data in held.items():
            self.put(key, data)
        return held

    def ask(
        self,
        look: Callable[[Kind, Subject], Dialogue[T]],
        *,
        portion: int = 1000,
        before: Callable[[Request], None] = lambda _request: None,
        **more: object,
    ) -> tuple[T, list[Learned], list[Request]]:
        """Drive a dialogue over the host; return its result, what it learned on the way, and what it asked for.

        Args:
            portion: items that one request is about at most.
            before: called before each request reaches the host.
            more: what differs in the subject.
        """
        subject = replace(self.asked, token=new_token(), **more)  # type: ignore[arg-type]
        dialogue = look(self.case.make(portion), subject)
        learned, requests = [], []
        try:
            step = next(dialogue)
            while True:
                if isinstance(step, Request):
                    before(step)
                    requests.append(step)
                    reply = self.place.session.run(step.command, step.stdin, allow=step.allow, token=subject.token, reader=step.reader)
                    step = dialogue.send(Answer(reply.status, reply.payload, reply.errors))
                    continue
                if isinstance(step, Learned):
                    learned.append(step)
                assert isinstance(step, Learned | Remark)
                step = next(dialogue)
        except StopIteration as end:
            return end.value, learned, requests


@pytest.fixture(params=WAYS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    kind, way = request.param
    monkeypatch.setenv("HOME", str(tmp_path))
    with at_home(tmp_path) if way == "at home" else reached(way, tmp_path) as place:
        path = "" if way == "at home" else os.fsdecode(place.root)
        KINDS[kind].begin(place)
        repository = replace(configure(CHAIN, tmp_path).tree.repositories["master"], path=path)
        yield Shop(KINDS[kind], place, Subject(repository, place.session.capabilities, new_token(), "sha256", OLD))


@contextmanager
def at_home(top: Path) -> Iterator[Place]:
    """Reach this machine as an account that is at home in a directory of its own."""
    shell = top / "sh"
    shell.write_text(f'#!/bin/sh\nHOME={top} exec /bin/sh "$@"\n')
    shell.chmod(0o755)
    place = OnDisk(top / ".pairs", LocalTransport(str(shell)))
    yield place
    place.session.close()


of_files = pytest.mark.parametrize("shop", FILES, indirect=True)


def same(items: dict[Key, Item], others: dict[Key, Item]) -> bool:
    """Tell whether two looks saw the same items in the same state, digests aside."""
    return {key: item.digested(None) for key, item in items.items()} == {key: item.digested(None) for key, item in others.items()}


def test_scan_glance_and_another_look_fit_together(shop: Shop) -> None:
    held = shop.fill()
    gone, *_ = held
    scanned, _, _ = shop.ask(lambda kind, subject: kind.scan(subject))
    glanced, _, _ = shop.ask(lambda kind, subject: kind.glance(subject))
    assert {key: item.digest for key, item in scanned.items.items()} == {**shop.case.base, **{key: shop.case.digest(data) for key, data in held.items()}}
    assert {item.digest for item in glanced.items.values()} == {None}
    shop.case.drop(shop.place, gone)
    again, _, _ = shop.ask(lambda kind, subject: kind.look_again(subject, scanned.root, [*held, b"absent"]))
    assert again.items == {key: scanned.items[key] for key in held if key != gone}, "what is not there, or was not asked for, is left out"
    assert {seen.root for seen in (scanned, glanced, again)} == {shop.root}
    made, _, _ = shop.ask(lambda kind, subject: kind.scan(replace(subject, create=True)))
    assert made.work, "the work is done in a directory, whatever the kind, which is made when it is needed"
    assert {seen.work for seen in (scanned, glanced)} <= {made.work, b""}
    assert made.work == shop.place.root or made.apart
    nothing, _, requests = shop.ask(lambda kind, subject: kind.look_again(subject, shop.root, []))
    assert (nothing.items, requests) == ({}, [])


def test_a_kind_names_the_algorithm_of_its_digests(shop: Shop) -> None:
    shop.fill()
    scanned, _, _ = shop.ask(lambda kind, subject: kind.scan(subject))
    own = shop.case.make(1000).algorithm(replace(shop.asked.repository, digest="sha256"))
    assert {(item.digest or "").partition(":")[0] for item in scanned.items.values()} == {own}
    assert shop.case.make(1000).needs(shop.asked.repository, shop.asked.capabilities, "sha256") == ""


def test_include_and_exclude_are_read_by_the_kind(shop: Shop) -> None:
    test = shop.case.make(1000).wanted(replace(shop.asked.repository, include=("a*",), exclude=("*z",)))
    assert [test(key) for key in (b"a", b"ab", b"az", b"b")] == [True, True, False, False]


@of_files
def test_all_looks_tell_the_same_of_whatever_names(shop: Shop) -> None:
    held = shop.fill()
    scanned, _, _ = shop.ask(lambda kind, subject: kind.scan(subject))
    glanced, _, _ = shop.ask(lambda kind, subject: kind.glance(subject))
    looked, _, _ = shop.ask(lambda kind, subject: kind.look(subject, scanned.root, list(held)))
    again, _, _ = shop.ask(lambda kind, subject: kind.look_again(subject, scanned.root, list(held)))
    sizes = {key: item.size for key, item in scanned.items.items()}
    digests, _, _ = shop.ask(lambda kind, subject: kind.digests(subject, scanned.root, b".", sizes))
    wanted = {key: shop.case.digest(data) for key, data in held.items()}
    assert {key: item.digest for key, item in scanned.items.items()} == wanted
    assert {key: item.digest for key, item in again.items.items()} == digests == wanted
    assert {item.digest for item in (*glanced.items.values(), *looked.items.values())} == {None}
    for seen in (scanned, glanced, looked, again):
        assert same(seen.items, scanned.items)
        assert (seen.root, seen.repository, seen.complete, seen.problems) == (shop.place.root, "master", True, ())


@of_files
@pytest.mark.parametrize("portion", [1, 2, 7])
def test_a_limit_of_portions_changes_no_answer(shop: Shop, portion: int) -> None:
    held = shop.fill()
    whole, _, few = shop.ask(lambda kind, subject: kind.scan(subject))
    parts, learned, many = shop.ask(lambda kind, subject: kind.scan(subject), portion=portion)
    assert parts == whole
    assert len(many) > len(few)
    told = [item for one in learned for item in one.items]
    assert len(told) >= len(held) - portion, "what is known when a connection breaks is kept"
    assert all(whole.items[item.key] == item for item in told)
    sizes = {key: item.size for key, item in whole.items.items()}
    digests, _, _ = shop.ask(lambda kind, subject: kind.digests(subject, whole.root, b".", sizes), portion=portion)
    assert digests == {key: item.digest for key, item in whole.items.items()}


@of_files
def test_what_the_cache_knows_is_not_read_again(shop: Shop) -> None:
    held = shop.fill()
    first, _, _ = shop.ask(lambda kind, subject: kind.scan(subject))
    def cached() -> list[tuple[Key, Stamp, Digest | None]]:
        return [(key, item.stamp, item.digest) for key, item in first.items.items()]

    second, _, _ = shop.ask(lambda kind, subject: kind.scan(subject), cached=cached)
    assert (second.items, second.hashed) == (first.items, 0)
    assert first.hashed > 0
    changed = shop.case.names[0]
    shop.put(changed, b"other content, and longer than it was")
    third, _, _ = shop.ask(lambda kind, subject: kind.scan(subject), cached=cached)
    assert third.items[changed].digest == shop.case.digest(b"other content, and longer than it was")
    assert {key for key in held if third.items[key] != first.items[key]} == {changed}
    assert 0 < third.hashed < first.hashed


@of_files
def test_what_was_never_there_is_left_out(shop: Shop) -> None:
    held = shop.fill()
    root = shop.place.root
    keys = [*held, b"absent", b"d/absent", b"absent too/\n"]
    for look in (lambda kind, subject: kind.look(subject, root, keys), lambda kind, subject: kind.look_again(subject, root, keys)):
        found, _, _ = shop.ask(look)
        assert set(found.items) == set(held)
    digests, _, _ = shop.ask(lambda kind, subject: kind.digests(subject, root, b".", dict.fromkeys(keys, 1)))
    assert {key for key, digest in digests.items() if digest} == set(held)


@of_files
def test_nothing_is_asked_about_no_items(shop: Shop) -> None:
    for look in (lambda kind, subject: kind.look(subject, shop.place.root, []), lambda kind, subject: kind.look_again(subject, shop.place.root, [])):
        found, _, requests = shop.ask(look)
        assert (found.items, found.root, requests) == ({}, shop.place.root, [])


@of_files
@pytest.mark.parametrize("wary", [False, True])
@pytest.mark.parametrize("portion", [1, 1000])
def test_what_vanishes_while_it_is_looked_at_is_left_out_and_told_of(shop: Shop, portion: int, wary: bool) -> None:
    held = shop.fill()
    gone = shop.case.names[1]
    listed, _, all_asked = shop.ask(lambda kind, subject: kind.glance(subject))

    seen: list[Request] = []

    def vanish(request: Request) -> None:
        seen.append(request)
        if len(seen) == len(all_asked) + 1:
            shop.case.drop(shop.place, gone)

    scanned, _, _ = shop.ask(lambda kind, subject: kind.scan(subject), portion=portion, before=vanish, wary=wary)
    assert gone in listed.items
    assert set(scanned.items) == set(held) - {gone}
    assert not scanned.complete, "what was listed is not all there"
    assert "vanished" in scanned.problems[0].reason
    assert all(item.digest == shop.case.digest(held[key]) for key, item in scanned.items.items())


@of_files
def test_what_changes_while_it_is_looked_at_is_restless_for_who_is_wary(shop: Shop) -> None:
    shop.fill()
    busy = shop.case.names[0]
    seen: list[Request] = []

    def change(request: Request) -> None:
        seen.append(request)
        if len(seen) > 2:
            shop.put(busy, b"one more line " * len(seen))

    scanned, _, _ = shop.ask(lambda kind, subject: kind.scan(subject), before=change, wary=True)
    assert scanned.restless == {busy}
    assert (scanned.items[busy].digest, scanned.complete) == (None, True)
    seen.clear()
    calm, _, _ = shop.ask(lambda kind, subject: kind.scan(subject), before=change)
    assert not calm.restless


def test_a_place_in_which_there_is_nothing_is_told_by_its_condition(shop: Shop) -> None:
    found, _, _ = shop.ask(lambda kind, subject: kind.condition(subject))
    assert (found.problem, found.state) == ("", "writable")
    assert found.digest
    if shop.asked.repository.path:
        missing = replace(shop.asked.repository, path=os.fsdecode(shop.place.root) + "/not/yet")
        gone, _, _ = shop.ask(lambda kind, subject: kind.condition(subject), repository=missing)
        assert gone.state == "missing"


@of_files
def test_a_host_that_lacks_what_every_look_needs_is_told_of_by_the_kind(shop: Shop) -> None:
    poor = replace(shop.asked.capabilities, tools=frozenset({"mv", "cat"}), stat="")
    assert shop.case.make(1000).needs(shop.asked.repository, poor, "sha256") == "lacks find, rm, mkdir, rmdir, chmod, touch, stat"
    assert "path" in shop.case.make(1000).required


@pytest.mark.parametrize("shop", PACKAGES, indirect=True)
def test_a_place_of_packages_that_is_missing_is_no_error_and_what_is_none_is_one(shop: Shop) -> None:
    missing = replace(shop.asked.repository, path=os.fsdecode(shop.place.root) + "/not/yet")
    for look in (lambda kind, subject: kind.scan(subject), lambda kind, subject: kind.glance(subject)):
        found, _, _ = shop.ask(look, repository=missing)
        assert (found.existed, found.items) == (False, {})
    assert shop.case.spoil
    words = shop.case.spoil(shop.place)
    with pytest.raises(SshsyncError, match=words):
        shop.ask(lambda kind, subject: kind.scan(subject))


@pytest.mark.parametrize("shop", [way for way in WAYS if "at home" not in way.values[0] and way not in PACKAGES], indirect=True)
def test_a_root_that_is_missing_is_no_error_and_is_made_only_on_demand(shop: Shop) -> None:
    missing = replace(shop.asked.repository, path=os.fsdecode(shop.place.root) + "/not/yet")
    for look in (lambda kind, subject: kind.scan(subject), lambda kind, subject: kind.glance(subject)):
        found, _, _ = shop.ask(look, repository=missing)
        assert (found.existed, found.items) == (False, {})
    made, _, _ = shop.ask(lambda kind, subject: kind.scan(subject), repository=missing, create=True)
    assert (made.existed, made.items, made.root) == (True, {}, shop.place.root + b"/not/yet")
    empty, _, _ = shop.ask(lambda kind, subject: kind.glance(subject), repository=missing)
    assert (empty.existed, empty.items) == (True, {})


@of_files
def test_staged_items_are_digested_where_they_lie(shop: Shop) -> None:
    below = b".sshsync/batch/0123456789abcdef-1"
    for key in shop.case.names:
        shop.put(below + b"/" + key, b"staged " + key)
    found, _, _ = shop.ask(lambda kind, subject: kind.digests(subject, shop.place.root, below, dict.fromkeys(shop.case.names, 1)))
    assert found == {key: shop.case.digest(b"staged " + key) for key in shop.case.names}
    seen, _, _ = shop.ask(lambda kind, subject: kind.scan(subject))
    assert seen.items == {}, "what is staged is in no listing"


@of_files
def test_a_host_that_cannot_compute_the_digest_says_so(shop: Shop) -> None:
    shop.fill()
    poor = replace(shop.asked.capabilities, digests={}, bulk={})
    with pytest.raises(SshsyncError, match="cannot compute sha256"):
        shop.ask(lambda kind, subject: kind.scan(subject), capabilities=poor)


@of_files
def test_pieces_of_whatever_files_are_told_and_absent_ones_have_none(shop: Shop) -> None:
    held = shop.fill()
    means = common(shop.asked.capabilities, shop.asked.capabilities, "sha256")
    plain = replace(shop.asked.capabilities, cutters={})
    blind = common(plain, plain, "sha256")
    assert means is not None
    assert blind is not None
    for known, able in ((means, shop.asked.capabilities), (blind, plain)):
        cut = by_content(2) if known.content else blocks(4096)
        asked = [Question(key, Extent(0, len(data)), cut) for key, data in held.items()] + [Question(b"absent", Extent(0, 9), cut)]
        found, _, requests = shop.ask(lambda kind, subject: kind.chunks(subject, shop.place.root, b".", asked, known), capabilities=able)  # noqa: B023
        assert len(requests) == 1, "one question for all of them"
        assert found[-1] == ()
        for (piece,), data in zip(found, held.values(), strict=False):
            whole = hashlib.new(known.algorithm, data).digest()
            assert (piece.offset, piece.length, piece.digest) == (0, len(data), whole[: len(piece.digest)])
            assert len(piece.digest) >= 6


@of_files
def test_find_lists_what_stat_lists(shop: Shop) -> None:
    shop.fill()
    disk = Path(os.fsdecode(shop.place.root))
    for number, path in enumerate(sorted(disk.rglob("*")) if disk.is_dir() else ()):
        at = (-500_000_000, -86_400_250_000_000, 1_600_000_000_123_456_789, 2**33 * 10**9)[number % 4]
        os.utime(path, ns=(at, at))
    able = shop.asked.capabilities
    found, _, requests = shop.ask(lambda kind, subject: kind.glance(subject))
    assert requests[0].command.variables["PRINT"]
    other, _, _ = shop.ask(lambda kind, subject: kind.glance(subject), capabilities=replace(able, tools=able.tools - {"printf"}))
    assert (found.items, found.skipped) == (other.items, other.skipped)


@of_files
def test_what_is_known_comes_back_sealed_and_can_be_opened(shop: Shop) -> None:
    shop.fill()
    found, _, _ = shop.ask(lambda kind, subject: kind.scan(subject))
    known = Sight(found.sight, len(found.items), found.bytes, found.omitted)
    sealed, _, requests = shop.ask(lambda kind, subject: kind.scan(subject), known=known)
    assert isinstance(sealed.items, Sealed)
    assert (len(sealed.items), sealed.bytes, sealed.root, sealed.sight, len(requests)) == (len(found.items), found.bytes, found.root, found.sight, 1)
    for ask in (iter, lambda items: items[b"a"], lambda items: b"a" in items):
        with pytest.raises(RuntimeError):
            ask(sealed.items)
    cached = lambda: ((key, item.stamp, item.digest) for key, item in found.items.items())  # noqa: E731
    opened, _, requests = shop.ask(lambda kind, subject: kind.scan(subject), sealed=sealed, cached=cached)
    assert (opened.items, requests) == (found.items, []), "nothing is listed or digested again"
    opened, learned, _ = shop.ask(lambda kind, subject: kind.scan(subject), sealed=sealed)
    assert opened.items == found.items, "what is not on record any more is digested"
    assert learned
    shop.put(b"one more", b"x")
    other, _, _ = shop.ask(lambda kind, subject: kind.scan(subject), known=known)
    assert b"one more" in other.items
    assert other.sight not in ("", known.digest)
