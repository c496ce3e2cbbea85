"""One contract for every transport: real OpenSSH, this machine, a host in memory."""

import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sshsync.appliers.staging import Staging
from sshsync.core import lease
from sshsync.core.lease import Holder
from sshsync.errors import CommandError, ConnectionLostError, HostError, LeasedError
from sshsync.hosts.conversation import new_token
from sshsync.hosts.session import Session
from sshsync.kinds.base import Answer, Remark, Subject
from sshsync.kinds.files import Files
from sshsync.model.change import Copy
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.model.topology import Login
from sshsync.remote import encode, packing, scripts
from sshsync.remote.scripts import Command, Script
from sshsync.transfers.base import Ends
from sshsync.transfers.load import Load, Pack, Part
from sshsync.transfers.wire import inflated
from sshsync.transports.base import CHANNELS, Transport
from sshsync.transports.local import LocalTransport
from sshsync.transports.memory import MemoryHost, MemoryTransport, Tools
from sshsync.transports.dialing import dial
from sshsync.transports.ssh import SshTransport
from sshsync.transports.trust import Trust
from tests import values
from tests.conftest import CHAIN, configure
from tests.sshd import Sshd, require

CONTENT = {b" lead and trail ": b"spaces", b"a": b"alpha", b"d/b c": b"beta", b"d/e/\xff\n$(x)": b"odd", b"empty": b"", b"-rf": b"dash"}
SHA = {key: "sha256:" + hashlib.sha256(data).hexdigest() for key, data in CONTENT.items()}

WHOLE = {"BLOCKS": b"0", "REST": b"0", "WRITER": b"0"}
"""What has a receiver take a file from its beginning."""


class Place:
    """A transport, a root on it, and ways to look at that root from outside."""

    def __init__(self, transport: Transport, root: bytes) -> None:
        self.transport = transport
        self.session = Session(transport, 10)
        self.root = root

    def put(self, key: bytes, data: bytes) -> None:
        """Write a file below the root, with the directories above it."""
        raise NotImplementedError

    def drop(self, key: bytes) -> None:
        """Remove a file below the root."""
        raise NotImplementedError

    def link(self, key: bytes, target: bytes) -> None:
        """Make a symbolic link below the root, or beside it."""
        raise NotImplementedError

    def make(self, key: bytes) -> None:
        """Make a directory below the root, or beside it."""
        raise NotImplementedError

    def see(self, below: bytes = b"") -> dict[bytes, bytes]:
        """Return the contents of the files below the root or a place beside it, without staging; links by where they lead."""
        raise NotImplementedError

    def listed(self, below: bytes) -> list[bytes]:
        """Return the names in a directory below the root, but for those that begin with a dot."""
        raise NotImplementedError

    def fill(self) -> None:
        for key, data in CONTENT.items():
            self.put(key, data)


class InMemory(Place):
    """A root on a host in memory."""

    def __init__(self, host: MemoryHost, root: bytes) -> None:
        super().__init__(MemoryTransport(host), root)
        self.host = host
        host.make(root)

    def put(self, key: bytes, data: bytes) -> None:
        self.host.put(self.root + b"/" + key, data)

    def drop(self, key: bytes) -> None:
        self.host.unlink(self.root + b"/" + key)

    def link(self, key: bytes, target: bytes) -> None:
        self.host.link(self.root + b"/" + key, target)

    def make(self, key: bytes) -> None:
        self.host.make(self.root + b"/" + key)

    def see(self, below: bytes = b"") -> dict[bytes, bytes]:
        top = self.host.path(self.root + b"/" + below)
        leads = {path[len(top) + 1 :]: b"-> " + target for path, target in self.host.links.items() if path.startswith(top + b"/")}
        return self.host.below(top) | {key: target for key, target in leads.items() if not key.startswith(b".sshsync")}

    def listed(self, below: bytes) -> list[bytes]:
        return self.host.names(self.root + b"/" + below)


class OnDisk(Place):
    """A root on this machine's disk."""

    def __init__(self, directory: Path, transport: Transport) -> None:
        super().__init__(transport, os.fsencode(directory))
        directory.mkdir(exist_ok=True)

    def put(self, key: bytes, data: bytes) -> None:
        file = os.path.join(self.root, key)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        Path(os.fsdecode(file)).write_bytes(data)

    def drop(self, key: bytes) -> None:
        os.unlink(self.root + b"/" + key)

    def link(self, key: bytes, target: bytes) -> None:
        os.symlink(target, self.root + b"/" + key)

    def make(self, key: bytes) -> None:
        os.makedirs(self.root + b"/" + key)

    def see(self, below: bytes = b"") -> dict[bytes, bytes]:
        found = {}
        top = os.path.realpath(self.root + b"/" + below)
        for base, directories, names in os.walk(top):
            if b".sshsync" in directories:
                directories.remove(b".sshsync")
            for name in [*names, *directories]:
                file = os.path.join(base, name)
                if os.path.islink(file):
                    found[os.path.relpath(file, top)] = b"-> " + os.readlink(file)
                elif name in names:
                    found[os.path.relpath(file, top)] = Path(os.fsdecode(file)).read_bytes()
        return {key: data for key, data in found.items() if key != b".sshsync"}

    def listed(self, below: bytes) -> list[bytes]:
        return sorted(name for name in os.listdir(self.root + b"/" + below) if not name.startswith(b"."))


OVER_SSH = pytest.param("ssh", marks=pytest.mark.integration)


@pytest.fixture(params=["memory", "local", OVER_SSH])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with reached(request.param, tmp_path) as made:
        yield made


@pytest.fixture(params=["local", OVER_SSH])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place where an operator's templates run: a host in memory has no shell of its own."""
    with reached(request.param, tmp_path) as made:
        yield made


@contextmanager
def reached(way: str, tmp_path: Path) -> Iterator[Place]:
    server = None
    if way == "memory":
        made: Place = InMemory(MemoryHost(), b"/above/r")
    elif way == "local":
        made = OnDisk(tmp_path / "root", LocalTransport())
    else:
        server = Sshd(tmp_path, "sshd", environment=f"HOME={tmp_path}")
        known = tmp_path / "known"
        known.write_text(server.known + "\n")
        host_ = values.host("127.0.0.1", server.port, Login(server.user, key_file=str(server.key)))
        made = OnDisk(tmp_path / "root", SshTransport(host_, Trust((known,)), lambda: dial("127.0.0.1", server.port, 5)))
    yield made
    made.session.close()
    if server:
        server.stop()


def converse(place: Place, dialogue, token: bytes):
    try:
        request = next(dialogue)
        while True:
            if isinstance(request, Remark):
                request = next(dialogue)
                continue
            reply = place.session.run(request.command, request.stdin, token=token, reader=request.reader)
            request = dialogue.send(Answer(reply.status, reply.payload, reply.errors))
    except StopIteration as end:
        return end.value


def subject(place: Place, tmp_path: Path) -> Subject:
    repository = configure(CHAIN, tmp_path).tree.repositories["master"]
    return Subject(repository, place.session.capabilities, new_token(), "sha256")


def scanned(place: Place, tmp_path: Path) -> dict[bytes, str]:
    asked = subject(place, tmp_path)
    keys = [key for key in place.see()]
    found = converse(place, Files().look_again(asked, place.root, keys), asked.token)
    return {key: item.digest for key, item in found.items.items()}


def changes(*keys: bytes) -> tuple[Copy, ...]:
    made = []
    for key in keys:
        stamp = Stamp(len(CONTENT[key]), 1_500_000_000 * 10**9, 0, 0)
        made.append(Copy(Item(key, SHA[key], stamp, 0o640)))
    return tuple(made)


def archive(*keys: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape") as tar:
        for key in keys:
            entry = tarfile.TarInfo("./" + key.decode("utf-8", "surrogateescape"))
            entry.size, entry.mtime, entry.mode = len(CONTENT[key]), 1_500_000_000, 0o640
            tar.addfile(entry, io.BytesIO(CONTENT[key]))
    return out.getvalue()


def unpack(place: Place, batch: Load, *keys: bytes) -> None:
    command = Command(scripts.UNPACK, {"ROOT": place.root, "BATCH": batch.attempt.encode()})
    with place.session.start(command) as conversation:
        conversation.write(archive(*keys))
        conversation.finish().check("unpacking")


def test_the_probe_finds_what_is_needed(place: Place) -> None:
    found = place.session.capabilities
    assert Files().needs(values.repository("here", host=values.host()), found, "sha256") == ""


def test_a_root_is_found_or_missed_or_made(place: Place) -> None:
    def root(path: bytes, make: bytes) -> tuple[int, bytes]:
        token = new_token()
        words = place.session.capabilities.stat_words(token)
        reply = place.session.run(Command(scripts.LIST, {"ROOT": path, "MAKE": make, **words}), token=token)
        return reply.status, reply.payload.replace(token, b"TOKEN")

    assert root(place.root, b"no") == (0, b"TOKEN root " + place.root + b"\n")
    assert root(place.root + b"/new", b"no") == (44, b"")
    assert root(place.root + b"/new", b"later") == (44, b"")
    assert root(place.root + b"/new", b"yes") == (0, b"TOKEN root " + place.root + b"/new\n")
    assert root(place.root + b"/new", b"no")[0] == 0


def test_files_are_digested_whatever_their_names(place: Place, tmp_path: Path) -> None:
    place.fill()
    assert scanned(place, tmp_path) == SHA


def test_a_listing_finds_all_files_and_no_staging(place: Place) -> None:
    place.fill()
    place.put(b".sshsync/part/x", b"staged")
    token = new_token()
    words = place.session.capabilities.stat_words(token)
    reply = place.session.run(Command(scripts.LIST, {"ROOT": place.root, "MAKE": b"no", **words}), token=token)
    root, left, *listed = reply.payload.split(token + b" ")[1:]
    files = [record for record in listed if not record.startswith(b"4")]
    assert (root, left) == (b"root " + place.root + b"\n", b"left part/x\n")
    below = place.session.run(Command(scripts.BELOW, {"ROOT": place.root, "BELOW": b".", **words}), token=token)
    assert sorted(below.payload.split(token + b" ")[1:]) == sorted(files)
    names = {record.split(b" ", 5)[5] for record in files}
    assert {name.removesuffix(b"\n")[2:] if name.endswith(b"\n") else name[2:] for name in names} == set(CONTENT)


def test_absent_files_have_no_digest(place: Place, tmp_path: Path) -> None:
    place.fill()
    asked = subject(place, tmp_path)
    found = converse(place, Files().digests(asked, place.root, b".", {b"absent": 1, b"a": 5}), asked.token)
    assert found.get(b"absent") is None
    assert found[b"a"] == SHA[b"a"]


def test_reading_gives_the_bytes_one_after_the_other(place: Place) -> None:
    place.fill()
    keys = list(CONTENT)
    command = Command(scripts.READ, {"ROOT": place.root})
    with place.session.start(command, encode.lines(keys)) as conversation:
        assert b"".join(conversation.pieces()) == b"".join(CONTENT.values())
        assert conversation.reply(b"").status == 0


@pytest.mark.parametrize("ahead", [1, 200_000, 1 << 40])
def test_all_comes_however_little_may_come_ahead(place: Place, ahead: int) -> None:
    place.put(b"big", b"x" * 3_000_000)
    command = Command(scripts.READ, {"ROOT": place.root})
    with place.session.start(command, encode.lines([b"big"]), ahead=ahead) as conversation:
        assert sum(map(len, conversation.pieces())) == 3_000_000


def equipped(place: Place, tool: str) -> None:
    """See to it that a tool is there that compresses."""
    if isinstance(place, InMemory):
        place.host.tools = Tools(programs=Tools().programs | {tool})
    else:
        require(bool(shutil.which(tool)), tool)


def packed(tool: str, data: bytes) -> bytes:
    engine = packing.packer(tool)
    return engine.compress(data) + engine.flush()


def wrapped(tool: str, data: bytes) -> bytes:
    """Return a stream in which bytes are as they were, as it goes while nobody knows whether compressing pays."""
    engine = packing.wrapper(tool)
    return engine.compress(data[:1]) + engine.compress(data[1:]) + engine.flush()


by_tool = pytest.mark.parametrize("tool", packing.TOOLS)


@by_tool
@pytest.mark.parametrize("root", [b"", b"/gone", b"/d/b c"], ids=["the root", "nothing", "a file"])
def test_a_listing_that_comes_compressed_is_the_same(place: Place, root: bytes, tool: str) -> None:
    equipped(place, tool)
    place.put(b"d/b c", b"beta")
    token = new_token()
    words = {"ROOT": place.root + root, "MAKE": b"no", **place.session.capabilities.list_words(token)}
    plain = place.session.run(Command(scripts.LIST, words), token=token)
    with place.session.start(Command(scripts.LIST, {**words, "PACK": tool.encode()}), b"", token=token) as conversation:
        came = list(conversation.pieces())
        reply = conversation.reply(b"")
    assert (reply.status, reply.errors) == (plain.status, plain.errors)
    assert (b"".join(inflated(iter(came), conversation, tool)) if came else b"") == plain.payload


@by_tool
def test_what_goes_compressed_is_as_it_was(place: Place, tool: str) -> None:
    """Every program that reads or takes bytes, on the tools and shells that there are."""
    equipped(place, tool)
    place.put(b"big", b"line after line\n" * 200_000)
    place.put(b"d/b c", b"beta")
    given = {"ROOT": place.root, "PACK": tool.encode()}
    with place.session.start(Command(scripts.READ, given), encode.lines([b"big", b"d/b c"])) as conversation:
        assert b"".join(inflated(conversation.pieces(), conversation, tool)) == b"line after line\n" * 200_000 + b"beta"
        assert conversation.reply(b"").status == 0
    with place.session.start(Command(scripts.READ, given), encode.lines([b"gone"])) as conversation:
        assert b"".join(inflated(conversation.pieces(), conversation, tool)) == b""
        assert b"gone" in conversation.reply(b"").errors
    part = {**given, **WHOLE, "PART": b"p", "BLOCKS": b"1"}
    whole = packed(tool, b"stored")
    for data, well in ((whole, True), (wrapped(tool, b"st") + packed(tool, b"ored"), True), (whole[:-1], False), (whole + b"more", False), (b"stored", False)):
        reply = place.session.run(Command(scripts.STORE, part), data)
        assert (reply.status == 0) == well, data
        assert well or b"stdin" in reply.errors
    back = {"ROOT": place.root + b"/.sshsync/part"}
    with place.session.start(Command(scripts.READ, back), encode.lines([b"p"])) as conversation:
        assert b"".join(conversation.pieces()) == bytes(65536) + b"stored"


def test_a_batch_is_invisible_until_it_is_published(place: Place, tmp_path: Path) -> None:
    keys = tuple(CONTENT)
    batch = Pack(changes(*keys))
    staging = Staging(lambda: place.session, place.root)
    unpack(place, batch, *keys)
    assert place.see() == {}
    assert staging.names() == [b"batch/" + batch.attempt.encode()]
    asked = subject(place, tmp_path)
    below = b".sshsync/batch/" + batch.attempt.encode()
    found = converse(place, Files().digests(asked, place.root, below, dict.fromkeys(keys, 1)), asked.token)
    assert found == SHA
    assert staging.publish([batch]) == {}
    assert place.see() == CONTENT
    assert staging.names() == []
    assert staging.publish([batch]) == {}, "safe to repeat"
    assert place.see() == CONTENT


def test_one_big_file_goes_by_part(place: Place) -> None:
    (change,) = changes(b"d/b c")
    batch = Part((change,))
    staging = Staging(lambda: place.session, place.root)
    command = Command(scripts.STORE, {"ROOT": place.root, "PART": batch.name.encode(), **WHOLE})
    with place.session.start(command) as conversation:
        conversation.write(CONTENT[b"d/b c"])
        conversation.finish().check("storing")
    assert staging.names() == [b"part/" + batch.name.encode()]
    staging.mark([batch])
    assert place.see() == {}
    assert staging.publish([batch]) == {}
    assert place.see() == {b"d/b c": CONTENT[b"d/b c"]}


def test_leftovers_are_found_taken_over_and_cleared(place: Place) -> None:
    batch = Pack(changes(b"a", b"-rf"), "0123456789abcdef-1")
    staging = Staging(lambda: place.session, place.root)
    unpack(place, batch, b"a", b"-rf")
    ((left),) = staging.leftovers({change.key: change for change in changes(b"a", b"d/b c")}, staging.left())
    assert (left.name, left.closed) == ("batch/0123456789abcdef-1", True)
    assert [change.key for change in left.load.changes] == [b"a"]
    staging.take_over(left)
    staging.take_over(left)
    assert staging.names() == [b"batch/" + left.load.attempt.encode()]
    staging.clear()
    assert staging.names() == []


@pytest.mark.parametrize("name", [b"batch/0123456789abcdef-1.open/d/b c", b"batch/0123456789abcdef/d/b c"])
def test_what_somebody_may_still_write_to_is_copied(place: Place, name: bytes) -> None:
    place.put(b".sshsync/" + name, CONTENT[b"d/b c"])
    staging = Staging(lambda: place.session, place.root)
    (change,) = changes(b"d/b c")
    (left,) = staging.leftovers({change.key: change}, staging.left())
    assert not left.closed
    staging.take_over(left)
    assert len(staging.names()) == 2
    staging.publish([left.load])
    place.put(b".sshsync/" + name, b"late bytes")
    assert place.see() == {b"d/b c": CONTENT[b"d/b c"]}


@pytest.mark.parametrize("mark", ["", ".open.0"])
def test_a_part_goes_on_under_a_name_of_ours_whoever_wrote_it(place: Place, mark: str) -> None:
    (change,) = changes(b"d/b c")
    name = SHA[change.key].partition(":")[2] + ".0123456789abcdef-1"
    place.put(f".sshsync/part/{name}".encode(), b"bet")
    if mark:
        place.put(f".sshsync/part/{name}{mark}".encode(), b"")
    staging = Staging(lambda: place.session, place.root)
    (left,) = staging.leftovers({change.key: change}, staging.left())
    assert (left.name, left.size) == (f"part/{name}", 3)
    assert [staging.carry_on(name, left.load) for _ in range(2)] == [3, 3]
    assert staging.names() == [f"part/{left.load.name}".encode()], "no mark is left, nor the file that it told of"
    rest = {"PART": left.load.name.encode(), **WHOLE, "REST": b"3"}
    place.session.run(Command(scripts.STORE, {"ROOT": place.root, **rest}), b"a").check("storing")
    assert staging.publish([left.load]) == {}
    assert place.see() == {b"d/b c": b"beta"}


def test_a_part_that_is_gone_has_nothing(place: Place) -> None:
    (change,) = changes(b"d/b c")
    assert Staging(lambda: place.session, place.root).carry_on("00.0123456789abcdef-1", Part((change,), "7-1")) == 0


OWNER = json.dumps({"host": "h", "machine": "m", "boot": "b", "space": "s", "pid": 1, "begun": "2", "since": "now", "lock": ""}).encode()


def claim(place: Place, token: bytes, expect: bytes = b"") -> tuple[int, Holder]:
    variables = {"ROOT": place.root, "LEASE": token, "OWNER": OWNER, "EXPECT": expect}
    reply = place.session.run(Command(scripts.CLAIM, variables))
    return reply.status, lease.parse(reply.payload)


def of_lease(place: Place, script: scripts.Script, token: bytes, **more: bytes) -> int:
    return place.session.run(Command(script, {"ROOT": place.root, "LEASE": token, **more})).status


def test_one_holds_the_lease_until_it_is_given_back(place: Place) -> None:
    assert claim(place, b"a" * 16)[0] == 0
    assert claim(place, b"a" * 16)[0] == 0, "safe to repeat"
    status, holder = claim(place, b"b" * 16)
    assert (status, holder.token, holder.owner and holder.owner.since) == (scripts.HELD, "a" * 16, "now")
    assert of_lease(place, scripts.RENEW, b"a" * 16, COUNT=b"1") == 0
    assert claim(place, b"b" * 16)[1].sign != holder.sign, "a sign of life"
    assert of_lease(place, scripts.RENEW, b"b" * 16, COUNT=b"1") == scripts.LOST
    assert of_lease(place, scripts.RELEASE, b"b" * 16) == 0, "what is not ours stays"
    assert claim(place, b"b" * 16)[0] == scripts.HELD
    assert [of_lease(place, scripts.RELEASE, b"a" * 16) for _ in range(2)] == [0, 0]
    assert claim(place, b"b" * 16)[0] == 0
    assert place.see() == {}


def test_only_the_expected_holder_is_put_aside(place: Place) -> None:
    assert claim(place, b"a" * 16)[0] == 0
    assert claim(place, b"c" * 16, expect=b"b" * 16)[0] == scripts.HELD
    assert claim(place, b"c" * 16, expect=b"-")[0] == scripts.HELD
    assert claim(place, b"a" * 16)[0] == 0, "it still is the holder"
    assert claim(place, b"c" * 16, expect=b"a" * 16)[0] == 0
    assert claim(place, b"a" * 16)[1].token == "c" * 16


@pytest.mark.parametrize("name", [b".nfs0000000000000001", b"a file", b"-rf"])
def test_what_is_no_holders_keeps_nobody_out_for_ever(place: Place, name: bytes) -> None:
    place.put(b".sshsync/lease/" + name, b"left")
    status, holder = claim(place, b"a" * 16)
    if status == scripts.HELD:
        assert holder.token == "", "it may be a lease that is just being taken"
        assert claim(place, b"a" * 16, expect=b"-")[0] == 0
    assert claim(place, b"b" * 16, expect=b"-")[1].token == "a" * 16, "only what names no holder is put aside so"
    assert of_lease(place, scripts.RENEW, b"a" * 16, COUNT=b"1") == 0


def test_a_late_holder_changes_nothing(place: Place) -> None:
    place.fill()
    late = Staging(lambda: place.session, place.root, "a" * 16)
    claim(place, b"a" * 16)
    batch = Pack(changes(b"a"), late.attempt())
    unpack(place, batch, b"a")
    place.put(b"a", b"of the next one")
    claim(place, b"c" * 16, expect=b"a" * 16)
    before = place.see()
    for deed in (
        lambda: late.publish([batch]),
        lambda: late.delete([b"a"]),
        lambda: late.adjust([change.new for change in changes(b"a") if change.new]),
        late.clear,
    ):
        with pytest.raises(LeasedError, match="taken it over"):
            deed()
    assert place.see() == before


def test_a_late_claim_gives_way_to_who_holds_the_lease_by_now(disk: Place) -> None:
    """It was stopped between its two directories, and put aside as one without a name."""
    os.makedirs(disk.root + b"/.sshsync/lease")
    assert claim(disk, b"b" * 16, expect=b"-")[0] == 0
    late = Command(scripts.CLAIM, {"ROOT": disk.root, "LEASE": b"a" * 16, "OWNER": OWNER, "EXPECT": b""})
    woken = Script("claim", late.script.body.replace("mkdir $l)", "[ -d $l ])"))
    assert disk.session.run(Command(woken, late.variables)).status == scripts.HELD
    assert of_lease(disk, scripts.RENEW, b"b" * 16, COUNT=b"1") == 0
    assert os.listdir(disk.root + b"/.sshsync/lease") == [b"b" * 16]


def test_a_lease_without_a_name_can_be_put_aside(place: Place) -> None:
    place.make(b".sshsync/lease")
    status, holder = claim(place, b"a" * 16)
    assert (status, holder.token, holder.owner) == (scripts.HELD, "", None)
    assert claim(place, b"a" * 16, expect=b"-")[0] == 0


def test_deletion_is_safe_to_repeat(place: Place) -> None:
    place.fill()
    staging = Staging(lambda: place.session, place.root)
    for _ in range(2):
        staging.delete([b"d/b c", b"d/e/\xff\n$(x)"])
    assert set(place.see()) == set(CONTENT) - {b"d/b c", b"d/e/\xff\n$(x)"}


def test_files_make_room_for_a_directory_and_the_reverse(place: Place) -> None:
    place.put(b"d", b"a file where a directory is wanted")
    place.put(b"a/x", b"below a directory where a file is wanted")
    place.put(b"a/y/z", b"also below")
    batch = Pack(changes(b"a", b"d/b c"))
    staging = Staging(lambda: place.session, place.root)
    unpack(place, batch, b"a", b"d/b c")
    assert set(staging.publish([batch])) == {b"a", b"d/b c"}
    assert place.see()[b"a/x"], "nothing is removed that was not named"
    assert staging.publish([batch], [b"d", b"a/x", b"a/y/z"]) == {}
    assert place.see() == {b"a": CONTENT[b"a"], b"d/b c": CONTENT[b"d/b c"]}


def test_mode_and_time_are_set_in_place(place: Place, tmp_path: Path) -> None:
    place.fill()
    staging = Staging(lambda: place.session, place.root)
    items = [change.new for change in changes(*CONTENT) if change.new]
    assert staging.adjust(items) == []
    asked = subject(place, tmp_path)
    found = converse(place, Files().look_again(asked, place.root, list(CONTENT)), asked.token)
    assert {(item.mode, item.mtime) for item in found.items.values()} == {(0o640, 1_500_000_000)}
    absent = Item(b"absent", "x", Stamp(0, 0, 0, 0))
    assert staging.adjust([absent]) == [b"absent"]


def test_deletion(place: Place) -> None:
    place.fill()
    Staging(lambda: place.session, place.root).delete([b"d/b c", b"-rf", b" lead and trail ", b"d/e/\xff\n$(x)"])
    assert set(place.see()) == {b"a", b"empty"}


def test_many_names_at_once(place: Place, tmp_path: Path) -> None:
    for number in range(450):
        place.put(b"many/%03d" % number, b"%d" % number)
    assert len(scanned(place, tmp_path)) == 450
    Staging(lambda: place.session, place.root).delete([b"many/%03d" % n for n in range(450)])
    assert place.see() == {}


def test_conversations_side_by_side_and_one_after_the_other(place: Place) -> None:
    place.fill()
    results: list[bytes] = []

    def work() -> None:
        for _ in range(4):
            reply = place.session.run(Command(scripts.READ, {"ROOT": place.root}), encode.lines([b"a"]))
            results.append(reply.payload)

    workers = [threading.Thread(target=work) for _ in range(CHANNELS * 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert results == [b"alpha"] * (CHANNELS * 2 * 4)


def test_an_abandoned_conversation_gives_its_slot_back(place: Place) -> None:
    place.put(b"big", b"x" * 3_000_000)
    for _ in range(CHANNELS * 2):
        with place.session.start(Command(scripts.READ, {"ROOT": place.root}), encode.lines([b"big"])) as conversation:
            next(conversation.pieces())
    assert place.session.run(Command(scripts.READ, {"ROOT": place.root}), encode.lines([b"big"])).status == 0


def test_a_script_runs_beside_all_relays_that_have_one_connection_for_both_ends(place: Place, tmp_path: Path) -> None:
    """A lease is renewed by such a script: when it has to wait for a long relay, another controller takes over."""

    class Full(Exception):
        pass

    def refuse() -> None:
        raise Full

    place.put(b"big", b"x" * 3_000_000)
    here = configure(CHAIN, tmp_path).tree.repositories["proxy"]
    ends = Ends(here, here, place.session, place.session, place.root, place.root, check=refuse)
    with ExitStack() as relays:
        with pytest.raises(Full):
            while True:
                relays.enter_context(ends.turn())
                reads = Command(scripts.READ, {"ROOT": place.root})
                reading = relays.enter_context(place.session.start(reads, encode.lines([b"big"])))
                next(reading.pieces())
                relays.enter_context(place.session.start(Command(scripts.STORE, {"ROOT": place.root, "PART": b"p", **WHOLE})))
        assert place.session.run(Command(scripts.READ, {"ROOT": place.root}), encode.lines([b"big"])).status == 0


def test_a_closed_connection_is_told_apart_from_an_end(place: Place) -> None:
    place.session.close()
    assert not place.session.alive
    with pytest.raises((ConnectionLostError, HostError)) as caught:
        place.session.run(Command(scripts.STAGED, {"ROOT": place.root}))
    assert caught.value.transient


def test_a_root_that_moved_is_noticed(place: Place) -> None:
    place.link(b"../link", place.root)
    place.fill()
    with pytest.raises(CommandError, match="not .* any more"):
        Staging(lambda: place.session, place.root.rpartition(b"/")[0] + b"/link").clear()


def beside(place: Place) -> bytes:
    """Make a directory beside the root with a file in it, and return where it is."""
    place.make(b"../outside")
    place.put(b"../outside/canary", b"precious")
    return place.root.rpartition(b"/")[0] + b"/outside"


def test_nothing_is_written_through_a_symlink(place: Place) -> None:
    place.link(b"d", beside(place))
    batch = Pack(changes(b"a", b"d/b c", b"d/e/\xff\n$(x)"))
    staging = Staging(lambda: place.session, place.root)
    unpack(place, batch, b"a", b"d/b c", b"d/e/\xff\n$(x)")
    refused = staging.publish([batch])
    assert set(refused) == {b"d/b c", b"d/e/\xff\n$(x)"}
    assert "symbolic link" in refused[b"d/b c"]
    assert place.see(b"../outside") == {b"canary": b"precious"}
    assert place.see()[b"a"] == b"alpha"
    assert "symbolic link" in staging.delete([b"d/canary"])[b"d/canary"]
    (change,) = changes(b"d/b c")
    assert staging.adjust([Item(b"d/canary", None, change.new.stamp)]) == [b"d/canary"]
    assert place.see(b"../outside") == {b"canary": b"precious"}


def test_a_link_itself_is_replaced_deleted_and_never_adjusted(place: Place) -> None:
    outside = beside(place)
    for key in (b"a", b"empty", b"-rf"):
        place.link(key, outside + b"/canary")
    staging = Staging(lambda: place.session, place.root)
    batch = Pack(changes(b"a"))
    unpack(place, batch, b"a")
    assert staging.publish([batch]) == {}
    assert staging.delete([b"empty"]) == {}
    (change,) = changes(b"-rf")
    assert staging.adjust([change.new]) == [b"-rf"]
    assert place.see() == {b"a": b"alpha", b"-rf": b"-> " + outside + b"/canary"}
    assert place.see(b"../outside") == {b"canary": b"precious"}


def test_a_listing_skips_and_counts_links(place: Place, tmp_path: Path) -> None:
    place.fill()
    place.link(b"link", beside(place))
    place.link(b"d/to a file", place.root + b"/a")
    place.link(b"broken", b"nowhere")
    asked = subject(place, tmp_path)
    asked = replace(asked, repository=replace(asked.repository, path=os.fsdecode(place.root)))
    found = converse(place, Files().glance(asked), asked.token)
    assert (set(found.items), found.skipped, found.complete) == (set(CONTENT), 3, True)


@pytest.mark.parametrize("printing", [True, False], ids=["by find", "by stat"])
def test_a_listing_tells_by_sorts_what_is_no_file(place: Place, tmp_path: Path, *, printing: bool) -> None:
    place.fill()
    place.link(b"link", beside(place))
    place.link(b"d/to a file", place.root + b"/a")
    hollow = {b"void", b"void-but/full of/voids", b"d/e/v\noid", b"void-but/full of/a", b"z"}
    for key in (*hollow, b".sshsync/part"):
        place.make(key)
    place.make(b"void-and")
    place.link(b"void-and/link", b"nowhere")
    asked = subject(place, tmp_path)
    tools = asked.capabilities.tools - ({"printf"} if not printing else set())
    asked = replace(asked, repository=replace(asked.repository, path=os.fsdecode(place.root)), capabilities=replace(asked.capabilities, tools=tools))
    found = converse(place, Files().glance(asked), asked.token)
    assert [(one.count, one.many) for one in found.omitted] == [(5, "empty directories"), (3, "links")]
    assert os.fsencode(found.omitted[0].example) in hollow
    assert (found.skipped, set(found.items), found.complete) == (8, set(CONTENT), True)
    wanted = lambda key: not key.startswith(b"void")  # noqa: E731
    asked = replace(asked, wanted=wanted, spares=wanted, leaves=wanted)
    found = converse(place, Files().glance(asked), asked.token)
    assert [(one.count, one.one) for one in found.omitted] == [(2, "empty directory"), (2, "link")]
    assert found.links is None, "nobody asked"


@pytest.mark.parametrize("tool", ["find", "readlink", "perl"])
def test_a_listing_tells_where_links_lead(place: Place, tmp_path: Path, tool: str) -> None:
    place.fill()
    targets = {b"link": b"/etc", b"d/to a file": b"../a", b"line\nfeed": b"a\nb\n\n", b"\xff": b"\xfe\x01", b"-e": b"-e", b"loop": b"loop", b"$(x)": b"'\"\\"}
    for key, target in targets.items():
        place.link(key, target)
    asked = subject(place, tmp_path)
    able = asked.capabilities
    tools = able.tools - ({"printf"} if tool != "find" else set()) - ({"readlink"} if tool == "perl" else set())
    able = replace(able, tools=tools, cutters={"perl": ("md5",)} if tool == "perl" else {})
    asked = replace(asked, repository=replace(asked.repository, path=os.fsdecode(place.root)), capabilities=able, links=True, leaves=lambda _key: False)
    found = converse(place, Files().glance(asked), asked.token)
    assert (found.links, found.omitted, found.complete, set(found.items)) == (targets, (), True, set(CONTENT))


def test_each_refused_file_has_its_own_reason(place: Place) -> None:
    place.put(b"a/in the way", b"x")
    place.put(b"d", b"a file where a directory is needed")
    batch = Pack(changes(b"a", b"d/b c", b"empty"))
    unpack(place, batch, b"a", b"d/b c", b"empty")
    refused = Staging(lambda: place.session, place.root).publish([batch])
    assert set(refused) == {b"a", b"d/b c"}
    assert "overwrite" in refused[b"a"]
    assert "./d" in refused[b"d/b c"]
    assert "overwrite" not in refused[b"d/b c"]
    assert place.see()[b"a/in the way"] == b"x"


def test_empty_directories_make_room_only_when_they_may(place: Place) -> None:
    place.make(b"a/x/y")
    place.make(b"empty/z")
    place.link(b"empty/z/link", b"nowhere")
    batch = Pack(changes(b"a", b"empty"))
    staging = Staging(lambda: place.session, place.root)
    unpack(place, batch, b"a", b"empty")
    assert set(staging.publish([batch])) == {b"a", b"empty"}
    assert set(staging.publish([batch], empty=True)) == {b"empty"}
    assert place.see() == {b"a": b"alpha", b"empty/z/link": b"-> nowhere"}


def test_what_is_emptied_by_a_deletion_goes_and_nothing_else(place: Place) -> None:
    place.fill()
    place.make(b"beside/empty")
    Staging(lambda: place.session, place.root).delete([b"d/e/\xff\n$(x)", b"d/b c", b"gone/too"])
    assert place.listed(b".") == [b" lead and trail ", b"-rf", b"a", b"beside", b"empty"]
    assert place.listed(b"beside") == [b"empty"]


@pytest.mark.parametrize("name", [b"", b"/part", b"/batch", b"/lease"])
def test_a_foreign_staging_directory_is_refused(place: Place, name: bytes) -> None:
    outside = beside(place)
    if name:
        place.make(b".sshsync")
    place.link(b".sshsync" + name, outside)
    batch = Pack(changes(b"a"))
    with pytest.raises(HostError, match="not a directory of ours"):
        unpack(place, batch, b"a")
    assert place.see(b"../outside") == {b"canary": b"precious"}


@pytest.mark.parametrize("script", [scripts.TEMPLATE_LIST, scripts.TEMPLATE_DIGEST, scripts.HOOK], ids=lambda script: script.name)
def test_no_template_sees_the_token_that_frames_its_answer(disk: Place, script: scripts.Script) -> None:
    disk.put(b"a", b"alpha")
    command = Command(script, {"ROOT": disk.root, "BELOW": b".", "TEMPLATE": b"echo [$TOKEN]; echo [$TOKEN] >&2"})
    reply = disk.session.run(command, encode.lines([b"a"]))
    assert b"[]" in reply.payload + reply.errors
    assert b"[" + reply.token not in reply.payload + reply.errors
