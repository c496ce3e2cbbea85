"""Whatever a host, a file or a journal holds: parsers answer or refuse in words, and never crash."""

import contextlib
import functools
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sshsync.config.load import parse
from sshsync.config.resolve import resolve
from sshsync.core import fold, selection
from sshsync.core.pieces import Extent, blocks, by_content
from sshsync.errors import ConfigError, HostKeyError, SshsyncError
from sshsync.hosts.conversation import Reply
from sshsync.kinds.base import Answer, Learned, Remark
from sshsync.kinds.chunks import Means, Question
from sshsync.kinds.files import Files, digest_of
from sshsync.kinds.listing import paths
from sshsync.model import events as ev
from sshsync.model import written
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.model.topology import Commands
from sshsync.remote import probe, room
from sshsync.remote.probe import Capabilities
from sshsync.remote.frame import Deframer, FrameError, records
from sshsync.appliers.staging import Staging
from sshsync.transports.known_hosts import HostKey, check, look_up
from sshsync.transports.memory import Fault, MemoryHost, MemoryTransport
from sshsync.hosts.session import Session
from tests.conftest import ACCOUNT
from tests.unit.test_files import TOKEN, read, subject

WORDS = [b"cutter=", b"perl ", b"sha1", b"free ", b" 1 2 3 4% /", b"staged 7", b"root /m\n", b"left ", b"in ", b"folds", b"sha256=", b"stat=gnu", b"tool=", TOKEN, b" ", b"\n", b"./", b"81a4", b"a1ff", b"1700000000.5", b"7", b"-1", b"..", b"/", b"\0", b"a" * 64, b"\\", b"'NONE'", b"failed 0"]
SOUP = st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=40).map(b"".join)
TEXT = st.lists(
    st.sampled_from(["@revoked", "@cert-authority", "h", "[h]:22", "*", "!h", "|1|a|b", "|1|AAAA|AAAA", "ssh-ed25519", "AAAA", "=", "#", " ", "\t", "\n"])
    | st.text(max_size=5),
    max_size=30,
).map(" ".join)


def answered(dialogue, answers) -> object:
    """Drive a dialogue with whatever answers there are."""
    step = next(dialogue)
    try:
        for answer in answers:
            while isinstance(step, Learned | Remark):
                step = next(dialogue)
            step = dialogue.send(read(step, answer))
    except StopIteration as end:
        return end.value
    return None


ANSWERS = st.lists(st.builds(Answer, st.sampled_from([0, 1, 44, 255]), SOUP, SOUP), min_size=5, max_size=5)


@functools.cache
def made():
    """What is scanned: by built-in commands, and by templates."""
    nowhere = Path(tempfile.gettempdir())
    return subject(nowhere), subject(nowhere, Commands("find", "sha1sum"))


@given(ANSWERS, st.booleans())
def test_scans(answers: list[Answer], templates: bool) -> None:
    try:
        found = answered(Files().scan(made()[templates]), answers)
    except SshsyncError as error:
        assert str(error).isprintable()
        return
    if found is not None:
        for key in found.items:  # type: ignore[attr-defined]
            assert not key.startswith((b"/", b".sshsync/"))
            assert not {b"", b".", b".."} & set(key.split(b"/"))


@given(ANSWERS, st.booleans())
def test_second_looks_and_digests(answers: list[Answer], templates: bool) -> None:
    asked = made()[templates]
    for dialogue in (Files().look_again(asked, b"/m", [b"a", b"b\n"]), Files().digests(asked, b"/m", b".", {b"a": 1})):
        try:
            answered(dialogue, answers)
        except SshsyncError as error:
            assert str(error).isprintable()


TOLD = st.lists(SOUP | st.binary(max_size=40) | st.sampled_from([b"0" * 16 + b"\n", b"-\n", b"\x01digest\x00"]), max_size=4).map(b"".join)
"""Answers about pieces: the two forms, and noise."""


@given(TOLD, st.sampled_from([Means("sha1", content=True), Means("sha1")]))
def test_pieces_are_of_what_was_asked_about(payload: bytes, means: Means) -> None:
    able = Capabilities(tools=frozenset({"dd"}), digests={"sha1": "sha1sum"}, cutters={"perl": ("sha1",)} if means.content else {})
    asked = [Question(b"a", Extent(7, 5000), blocks(4096)), Question(b"b", Extent(0, 1), by_content(2))]
    dialogue = Files().chunks(replace(made()[0], capabilities=able), b"/m", b".", asked[: 1 + means.content], means)
    next(dialogue)
    try:
        dialogue.send(Answer(0, payload, b""))
    except SshsyncError as error:
        assert str(error).isprintable()
    except StopIteration as end:
        for question, told in zip(asked, end.value, strict=False):
            assert all(question.extent.offset <= piece.offset < piece.end <= question.extent.end for piece in told)
            assert list(told) == sorted(told, key=lambda piece: piece.offset)


@given(SOUP)
def test_small_parsers(payload: bytes) -> None:
    probe.parse(payload, 0.0)
    assert (room.parse(payload).free or 0) >= 0
    records(payload, TOKEN)
    digest = digest_of(payload)
    assert digest is None or digest.partition(":")[2].isalnum()
    try:
        paths(payload, b"/m", "m")
    except SshsyncError as error:
        assert str(error).isprintable()


NAMES = [b"a", b"d/b", b"d/c"]


@given(SOUP, SOUP, st.sampled_from([0, 1, 45, 255]))
def test_what_is_refused_is_something_that_was_asked_for(payload: bytes, words: bytes, status: int) -> None:
    host = MemoryHost(faults=[Fault("answer", script, 1, status, words, payload=payload) for script in ("delete", "mark", "publish")])
    session = Session(MemoryTransport(host), 5)
    staging = Staging(lambda: session, b"/m")
    items = [Item(name, None, Stamp(0, 0, 0, 0)) for name in NAMES]
    for deed in (lambda: staging.delete(NAMES), lambda: staging.adjust(items)):
        try:
            refused = deed()
        except SshsyncError as error:
            assert str(error).isprintable()
        else:
            assert set(refused) <= set(NAMES)


@given(st.lists(SOUP, max_size=6))
def test_frames(pieces: list[bytes]) -> None:
    frame = Deframer(TOKEN)
    try:
        for piece in pieces:
            frame.feed(piece)
    except FrameError:
        return
    assert frame.status is None or 0 <= frame.status <= 999


@given(TEXT | st.text(max_size=80), st.sampled_from([22, 2222]))
def test_known_hosts(text: str, port: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.flush()
        known = look_up([Path(file.name)], "h", port)
    try:
        check(HostKey("ssh-ed25519", b"never on record"), known, "", "h", "")
    except HostKeyError:
        return
    raise AssertionError("a key that is in no file was accepted")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(st.sampled_from(["Notice", "Planned", "Later", "RunFinished"]), st.dictionaries(st.sampled_from(["repository", "text", "copy", "x"]), JSON))
def test_events_of_another_version(kind: str, values: dict) -> None:
    try:
        event = written.from_json({"type": kind, **values})
    except ValueError:
        return
    if event:
        fold.fold([event])


@given(st.text(st.sampled_from("an01-9[],@ "), max_size=12))
def test_ranges(text: str) -> None:
    try:
        names = selection.expand(text)
    except ValueError:
        return
    assert len(names) <= selection.MOST
    assert all(name for name, _ in names) or not text


CONFIGURATION = st.lists(
    st.sampled_from(
        ["[sshsync]", "[DEFAULT]", "[m]", "[c]", "[n[01-03]]", "[n[9-", "host = h", "host=-x", "path = /a", "path=..", "parent = m", "parent=c", "via = c", "inherit = m"]
        + ["port = 9999999", "delete = perhaps", "max_delete = 5%", "synccmd = ${FILE} ${LOCALDIR}", "listcmd = ${REPOPAHT}", "exclude =\n  *.x\n  !", "groups = @", " x", "\t", "\0", "= =", "{n}"]
    )
    | st.text(max_size=12),
    max_size=24,
).map("\n".join)


@given(CONFIGURATION | st.text(max_size=200))
def test_configurations(text: str) -> None:
    try:
        found = resolve(parse(text.encode("utf-8", "surrogatepass"), "f.conf"), ACCOUNT)
    except ConfigError as error:
        assert error.problems
        assert all(problem.place.startswith("f.conf") and problem.text for problem in error.problems)
        return
    assert found.tree.repositories


@given(st.binary(max_size=400))
def test_configurations_of_any_bytes(content: bytes) -> None:
    with contextlib.suppress(ConfigError):
        resolve(parse(content, "f.conf"), ACCOUNT)
