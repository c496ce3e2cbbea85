"""One contract for all that tells of pieces of files and puts files together: shells, programs, hosts in memory."""

import gzip
import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sshsync.core.chunks import Copy, begin, step
from sshsync.core.pieces import Cut, Extent, Piece, blocks, by_content, ladder, pieces
from sshsync.errors import CommandError, HostError, SshsyncError
from sshsync.hosts.conversation import Reply, new_token
from sshsync.kinds.base import Answer, Subject
from sshsync.kinds.chunks import DIGITS, Means, Question, common
from sshsync.kinds.files import Files
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.remote import scripts
from sshsync.remote.probe import Capabilities
from sshsync.remote.ranges import assembling, making, reading, reading_by
from sshsync.transports.local import LocalTransport
from sshsync.transports.memory import MemoryHost
from tests.conftest import CHAIN, configure
from tests.contract.test_transports import InMemory, OnDisk, Place
from tests.integration.test_repeat import busybox
from tests.sshd import require

SHELLS = ("dash", "bash", "busybox", "ksh", "mksh")
FORMS = ["memory", "memory-python3", *SHELLS, "tools of busybox", "python3", "perl"]
"""Who does it: the shell of this name with this machine's tools, BusyBox alone, or a program in this language."""

NAMES = [
    b"a", b"d/e/c", b" lead and trail ", b"-rf", b"$(touch INJECTED)", b"`x`", b"'\"", b"*?[x]", b"line\nfeed", b"\n", b"back\\slash", b"ends\\",
    b"cr\r", b"tab\t", b"\xff\xfe", b"\x1b[2J", b"%s%n", b"a=b", b"x" * 255, b"C 0 0 0 1", b"...", b"!", b"~",
]  # fmt: skip
CONTENT = random.Random(3).randbytes(300_001)
PART = b"0" * 64 + b".7-1"
NONE = hashlib.sha256(b"").digest()[: DIGITS // 2]


@dataclass
class Form:
    """A host, and what of it is used."""

    place: Place
    asked: Subject
    means: Means

    @property
    def programs(self) -> dict[str, tuple[str, ...]]:
        return dict(self.asked.capabilities.cutters)

    def ask(self, questions: Sequence[Question], means: Means | None = None, below: bytes = b".") -> list[tuple[Piece, ...]]:
        subject = replace(self.asked, token=new_token())
        dialogue = Files().chunks(subject, self.place.root, below, questions, means or self.means)
        try:
            step = next(dialogue)
            while True:
                reply = self.place.session.run(step.command, step.stdin, allow=step.allow, token=subject.token)
                step = dialogue.send(Answer(reply.status, reply.payload, reply.errors))
        except StopIteration as end:
            return end.value

    def digest(self, data: bytes) -> bytes:
        length = 6 if self.programs else DIGITS // 2
        return hashlib.new(self.means.algorithm, data).digest()[:length]

    def told(self, data: bytes, cut: Cut) -> list[tuple[int, int, bytes]]:
        """Return what a host has to tell of a content."""
        return [(*extent, self.digest(data[extent.offset : extent.end])) for extent in pieces(data, cut, self.means.algorithm)]

    def assemble(self, plan: Sequence[Copy | Extent], sent: Sequence[bytes]) -> None:
        """Have a part put together; the bytes are sent piece by piece."""
        command, head = assembling(self.place.root, PART, b"w", plan, self.programs)
        with self.place.session.start(command) as conversation:
            for piece in (head, *sent):
                conversation.write(piece)
            conversation.finish().check("assembling")

    @property
    def part(self) -> bytes | None:
        return self.staged(b"part/" + PART)

    def staged(self, name: bytes) -> bytes | None:
        if isinstance(self.place, InMemory):
            found = self.place.host.files.get(self.place.root + b"/.sshsync/" + name)
            return found.data if found else None
        file = Path(os.fsdecode(self.place.root + b"/.sshsync/" + name))
        return file.read_bytes() if file.exists() else None

    def left(self) -> list[bytes]:
        if isinstance(self.place, InMemory):
            return self.place.listed(b".sshsync/part") if self.place.host.is_directory(self.place.root + b"/.sshsync/part") else []
        return self.place.listed(b".sshsync/part") if os.path.isdir(self.place.root + b"/.sshsync/part") else []


def capable(form: str, found: Capabilities) -> Capabilities:
    """Return what a host can do, but for the programs that this form does without."""
    name = form.removeprefix("memory-")
    return replace(found, cutters={name: found.cutters[name]} if name in scripts.CUTTERS else {})


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Form]:
    form = request.param
    with pytest.MonkeyPatch.context() as patch:
        if form.startswith("memory"):
            place: Place = InMemory(MemoryHost(), b"/above/r")
        else:
            shell = str(shutil.which(form if form in SHELLS else "sh"))
            require(form not in SHELLS or bool(shutil.which(form)), form)
            if form in ("busybox", "tools of busybox"):
                (tmp_path / "tools").mkdir()
                shell = str(busybox(tmp_path / "tools") / "sh")
            if form == "tools of busybox":
                patch.setenv("PATH", str(tmp_path / "tools"))
            place = OnDisk(tmp_path / "root", LocalTransport(shell))
        found = place.session.capabilities
        require(form not in scripts.CUTTERS or form in found.cutters, form)
        able = capable(form, found)
        repository = replace(configure(CHAIN, tmp_path).tree.repositories["master"], path=os.fsdecode(place.root))
        means = common(able, able, "sha256")
        assert means is not None
        yield Form(place, Subject(repository, able, new_token(), "sha256"), means)
        place.session.close()


on_disk = pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith("memory")], indirect=True)
by_program = pytest.mark.parametrize("form", ["memory-python3", "python3", "perl"], indirect=True)


def whole(key: bytes, size: int, cut: Cut) -> Question:
    return Question(key, Extent(0, size), cut)


@pytest.mark.parametrize("size", [4096, 65536, 131072])
def test_blocks_are_told_in_order_the_last_one_shorter(form: Form, size: int) -> None:
    form.place.put(b"a", CONTENT)
    [found] = form.ask([whole(b"a", len(CONTENT), blocks(size))])
    assert list(found) == form.told(CONTENT, blocks(size))


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (1, 4096), (65535, 2), (65536, 65536), (70_001, 200_000), (300_000, 1)])
def test_a_range_begins_and_ends_anywhere(form: Form, offset: int, length: int) -> None:
    form.place.put(b"a", CONTENT)
    [found] = form.ask([Question(b"a", Extent(offset, length), blocks(4096))])
    part = CONTENT[offset : offset + length]
    assert [(piece.offset - offset, piece.length, piece.digest) for piece in found] == form.told(part, blocks(4096))


def test_every_name_is_reached_and_none_is_carried_out(form: Form) -> None:
    for name in NAMES:
        form.place.put(name, b"content of " + name)
    found = form.ask([whole(name, 11 + len(name), blocks(4096)) for name in NAMES])
    assert found == [(Piece(0, 11 + len(name), form.digest(b"content of " + name)),) for name in NAMES]
    copies = [(Copy(0, 3, name, 11), b"content of " + name) for name in NAMES]
    for copy, data in copies:
        plan = [replace(copy, length=len(data), offset=0)]
        form.assemble(plan, [])
        assert form.part[: len(data)] == data
        command, stdin = reading(form.place.root, [(copy.source, Extent(8, 3))])
        assert form.place.session.run(command, stdin).check("reading").payload == data[8:11]
    assert set(form.place.see()) == set(NAMES)


def test_what_is_empty_gone_or_short_has_no_piece_that_could_be_taken_for_one(form: Form) -> None:
    form.place.put(b"empty", b"")
    form.place.put(b"short", b"x" * 5000)
    form.place.make(b"directory")
    form.place.put(b"a", CONTENT)
    size = blocks(4096)
    asked = [whole(b"empty", 4096, size), whole(b"short", 12_288, size), whole(b"gone", 8192, size), whole(b"directory", 4096, size), whole(b"a", 4096, size)]
    empty, short, gone, directory, there = form.ask(asked)
    real = [piece for piece in (*empty, *short[1:]) if piece.digest not in (NONE, form.digest(b"x" * 904))]
    assert (real, gone, directory) == ([], (), ())
    assert short[0] == (0, 4096, form.digest(b"x" * 4096))
    assert there == ((0, 4096, form.digest(CONTENT[:4096])),), "what is wrong with others costs it nothing"


def test_nothing_is_asked_about_nothing(form: Form) -> None:
    assert form.ask([]) == []
    assert form.ask([whole(b"a", 0, blocks(4096))]) == [()]


def test_staged_files_are_told_of_where_they_lie(form: Form) -> None:
    form.place.put(b".sshsync/part/" + PART, CONTENT)
    [found] = form.ask([whole(PART, len(CONTENT), blocks(65536))], below=b".sshsync/part")
    assert list(found) == form.told(CONTENT, blocks(65536))


@by_program
@pytest.mark.parametrize("tail", [2, 4])
def test_programs_cut_where_the_content_says_so(form: Form, tail: int) -> None:
    texts = {b"random": CONTENT, b"zeros": bytes(100_000), b"lines": b"".join(b"%d;line;%d\n" % (n, n * n) for n in range(9000)), b"one": b"7"}
    for key, data in texts.items():
        form.place.put(key, data)
    cut = by_content(tail)
    found = form.ask([whole(key, len(data), cut) for key, data in texts.items()])
    assert [list(told) for told in found] == [form.told(data, cut) for data in texts.values()]


@by_program
def test_programs_cut_alike_whatever_they_read_at_once(form: Form) -> None:
    """More than a buffer of theirs, with boundaries at its end."""
    data = random.Random(5).randbytes(18 << 20)
    form.place.put(b"a", data)
    cut = by_content(6)
    [found] = form.ask([whole(b"a", len(data), cut)])
    assert list(found) == form.told(data, cut)


@by_program
def test_programs_follow_no_link(form: Form) -> None:
    form.place.put(b"a", CONTENT)
    form.place.link(b"link", b"a")
    assert form.ask([whole(b"link", 4096, blocks(4096))]) == [()]


@on_disk
def test_a_place_behind_four_gibibytes_is_found(form: Form) -> None:
    far = (5 << 30) + 12_345
    file = Path(os.fsdecode(form.place.root)) / "sparse"
    with file.open("wb") as out:
        out.seek(far)
        out.write(CONTENT)
    asked = [Question(b"sparse", Extent(far, len(CONTENT)), blocks(65536)), Question(b"sparse", Extent((5 << 30) - 4096, 4096), blocks(4096))]
    found, zeros = form.ask(asked)
    assert [(piece.offset - far, *piece[1:]) for piece in found] == form.told(CONTENT, blocks(65536))
    assert zeros == (((5 << 30) - 4096, 4096, form.digest(bytes(4096))),)
    form.assemble([Copy(0, 70_000, b"sparse", far + 7), Extent(70_000, 3), Copy(70_003, 4, b"sparse", (5 << 30) - 4)], [b"new"])
    assert form.part == CONTENT[7:70_007] + b"new" + bytes(4)
    command, stdin = reading(form.place.root, [(b"sparse", Extent(far + 100_000, 66_000))])
    assert form.place.session.run(command, stdin).check("reading").payload == CONTENT[100_000:166_000]


PLAN = [Extent(0, 10), Copy(10, 70_000, b"a", 123), Extent(70_010, 131_077), Copy(201_087, 1, b"d/b c", 0), Copy(201_088, 65_536, b"a", 65_536)]
SENT = random.Random(9).randbytes(131_087)
MADE = SENT[:10] + CONTENT[123:70_123] + SENT[10:] + b"B" + CONTENT[65_536:131_072]


def fill(form: Form) -> None:
    form.place.put(b"a", CONTENT)
    form.place.put(b"d/b c", b"B")


@pytest.mark.parametrize("dribble", [1 << 20, 65_537, 4_093, 17])
def test_a_part_is_put_together_however_its_bytes_dribble_in(form: Form, dribble: int) -> None:
    fill(form)
    form.assemble(PLAN, [SENT[at : at + dribble] for at in range(0, len(SENT), dribble)])
    assert form.part == MADE
    assert form.left() == [PART], "nothing but the part is left"
    assert form.place.see() == {b"a": CONTENT, b"d/b c": b"B"}, "nothing visible has changed"


def test_a_part_of_nothing_is_empty(form: Form) -> None:
    fill(form)
    form.assemble([], [])
    assert form.part == b""


def test_what_no_line_is_about_stays_as_it_is(form: Form) -> None:
    fill(form)
    form.place.put(b".sshsync/part/" + PART, b"z" * 500_000)
    form.assemble([Extent(3, 2), Copy(70_000, 65_536, b"a", 9), Extent(200_000, 4)], [b"ab", b"cdef"])
    made = b"zzzab" + b"z" * 69_995 + CONTENT[9:65_545] + b"z" * 64_464 + b"cdef" + b"z" * 299_996
    assert (form.part, form.left()) == (made, [PART])


def test_what_no_line_is_about_is_zeros_in_a_new_part(form: Form) -> None:
    fill(form)
    form.assemble([Copy(200_000, 5, b"a", 9), Extent(200_007, 1)], [b"x"])
    assert (form.part, form.left()) == (bytes(200_000) + CONTENT[9:14] + b"\0\0x", [PART])


def test_many_small_ranges_come_in_one_stream(form: Form) -> None:
    form.place.put(b".sshsync/part/" + PART, CONTENT)
    spots = [Extent(at, 1 + at % 37) for at in range(5, 300_000, 3001)]
    form.assemble(spots, [b"x" * spot.length for spot in spots])
    made = bytearray(CONTENT)
    for spot in spots:
        made[spot.offset : spot.end] = b"x" * spot.length
    assert form.part == bytes(made)


@pytest.mark.parametrize(
    ("plan", "sent"),
    [
        ([Copy(0, 400_000, b"a", 0)], b""),
        ([Copy(0, 10, b"gone", 0)], b""),
        ([Copy(0, 1, b"gone/too", 0)], b""),
        ([Copy(0, 1, b"link", 0)], b""),
        ([Copy(0, 1, b"links/b c", 0)], b""),
        ([Copy(0, 1, b"d", 0)], b""),
        ([Extent(0, 10)], b"too short"),
    ],
    ids=["longer than it is", "gone", "gone with its directory", "a link", "behind a link", "a directory", "too little sent"],
)
def test_what_cannot_be_put_together_fails_and_nobody_writes_there_any_more(form: Form, plan: list[Copy | Extent], sent: bytes) -> None:
    fill(form)
    form.place.link(b"link", b"a")
    form.place.link(b"links", b"d")
    with pytest.raises(HostError, match="assembling"):
        form.assemble(plan, [sent])
    assert set(form.left()) <= {PART}


def made(form: Form, recipes: Sequence[tuple[Item, Sequence[Copy | Extent]]], sent: bytes, batch: bytes = b"1-7") -> Reply:
    command, head = making(form.place.root, batch, recipes, form.programs)
    return form.place.session.run(command, head + sent)


def item(key: bytes, mode: int = 0o640, mtime: int = 1_500_000_000) -> Item:
    return Item(key, None, Stamp(1, mtime * 1_000_000_000, 2, 3), mode)


@by_program
def test_many_files_are_made_with_their_modes_and_times(form: Form) -> None:
    fill(form)
    form.place.put(b".sshsync/batch/1-7.open/deep/er/x", b"rest of an attempt")
    names = [b"deep/er/" + name for name in NAMES if len(name) < 200]
    recipes = [(item(b"deep/er/x"), PLAN), *((item(name, 0o600, 7), [Copy(0, 1, b"d/b c", 0), Extent(1, len(name))]) for name in names)]
    assert made(form, recipes, SENT + b"".join(names)).check("making").payload == b""
    assert form.staged(b"batch/1-7/deep/er/x") == MADE
    assert [form.staged(b"batch/1-7/" + name) for name in names] == [b"B" + name for name in names]
    if not isinstance(form.place, InMemory):
        root = Path(os.fsdecode(form.place.root)) / ".sshsync/batch/1-7/deep/er"
        first, other = (root / "x").stat(), (root / "-rf").stat()
        assert (first.st_mode & 0o7777, first.st_mtime, other.st_mode & 0o7777, other.st_mtime) == (0o640, 1_500_000_000, 0o600, 7)
        assert not (root.parent.parent.parent / "1-7.open").exists()
    assert form.place.see() == {b"a": CONTENT, b"d/b c": b"B"}, "nothing visible has changed"


@by_program
def test_what_cannot_be_made_is_left_out_and_costs_the_others_nothing(form: Form) -> None:
    fill(form)
    form.place.link(b"link", b"a")
    form.place.link(b"links", b"d")
    wrong = {b"gone": 0, b"gone/too": 0, b"link": 0, b"links/b c": 0, b"d": 0, b"a": len(CONTENT)}
    recipes = [(item(b"x%d" % n), [Extent(0, 2), Copy(2, 1, key, offset), Extent(3, 1)]) for n, (key, offset) in enumerate(wrong.items())]
    right = (item(b"right"), [Extent(0, 3), Copy(3, 4, b"a", 5)])
    assert made(form, [*recipes, right], b"abc" * len(recipes) + b"new").status == 0
    assert [form.staged(b"batch/1-7/x%d" % n) for n in range(len(wrong))] == [None] * len(wrong)
    assert form.staged(b"batch/1-7/right") == b"new" + CONTENT[5:9]


@by_program
def test_files_of_which_not_all_was_sent_stay_open(form: Form) -> None:
    fill(form)
    recipes = [(item(b"x"), [Copy(0, 4, b"a", 0), Extent(4, 10)])]
    reply = made(form, recipes, b"too short")
    assert (reply.status != 0, form.staged(b"batch/1-7/x")) == (True, None)
    assert b"shorter than it was" in reply.errors
    command, head = making(form.place.root, b"1-7", recipes, form.programs)
    assert form.place.session.run(command, head[:-2]).status != 0
    assert form.staged(b"batch/1-7/x") is None


@by_program
@pytest.mark.parametrize("packed", [{}, {"PACK": b"gzip"}], ids=["as it is", "compressed"])
def test_ranges_of_many_files_come_from_one_program(form: Form, packed: dict[str, bytes]) -> None:
    for name in NAMES:
        form.place.put(name, b"content of " + name)
    form.place.put(b"long", CONTENT)
    asked = [*((name, [Extent(0, 3), Extent(8, 3 + len(name))]) for name in NAMES), (b"long", [Extent(100_000, 66_000)])]
    command, stdin = reading_by(form.place.root, asked, form.programs)
    command = replace(command, variables={**command.variables, **packed})
    found = form.place.session.run(command, stdin).check("reading").payload
    wanted = b"".join(b"conof " + name for name in NAMES) + CONTENT[100_000:166_000]
    assert (gzip.decompress(found) if packed else found) == wanted
    command, stdin = reading_by(form.place.root, [(b"long", [Extent(299_999, 3)])], form.programs)
    assert form.place.session.run(command, stdin).status != 0


def test_a_plan_that_was_cut_fails(form: Form) -> None:
    fill(form)
    command, head = assembling(form.place.root, PART, b"w", PLAN, form.programs)
    for end in (0, 1, len(head) // 2, len(head) - 2):
        assert form.place.session.run(command, head[:end]).status != 0
    for end in (0, 7, 131_086):
        assert form.place.session.run(command, head + SENT[:end]).status != 0
    assert set(form.left()) <= {PART}


def test_staging_that_leads_elsewhere_is_refused(form: Form) -> None:
    fill(form)
    form.place.make(b"elsewhere")
    form.place.link(b".sshsync", b"elsewhere")
    with pytest.raises(HostError, match="not a directory of ours"):
        form.assemble(PLAN, [SENT])
    assert form.place.listed(b"elsewhere") == []


def test_a_range_that_is_not_there_is_told(form: Form) -> None:
    fill(form)
    command, stdin = reading(form.place.root, [(b"a", Extent(5, 6)), (b"gone", Extent(0, 1)), (b"a", Extent(0, 1))])
    reply = form.place.session.run(command, stdin)
    assert (reply.status != 0, reply.payload) == (True, CONTENT[5:11])
    command, stdin = reading(form.place.root, [(b"a", Extent(300_000, 9))])
    assert form.place.session.run(command, stdin).payload == CONTENT[300_000:], "who reads counts what came"


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "same": lambda old: old,
    "inserted in front": lambda old: b"100 bytes " * 10 + old,
    "a byte in the middle": lambda old: old[:150_000] + b"x" + old[150_001:],
    "cut off": lambda old: old[:123_456],
    "grown": lambda old: old + old[:5000],
    "another": lambda old: random.Random(1).randbytes(len(old)),
    "emptied": lambda _old: b"",
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_compared_is_put_together_of_what_is_there_and_what_is_sent(form: Form, edit: str) -> None:
    old, new = CONTENT, EDITS[edit](CONTENT)
    form.place.put(b"new", new)
    form.place.put(b"old", old)
    known = begin(len(new), {b"old": len(old)})
    for cut in ladder(max(len(new), len(old)), content=form.means.content):
        here = form.ask([Question(b"new", extent, cut) for extent in known.wanted])
        there = form.ask([Question(b"old", extent, cut) for extent in known.spare[b"old"]])
        known = step(known, cut, sum(here, ()), {b"old": sum(there, ())})
    command, stdin = reading(form.place.root, [(b"new", extent) for extent in known.wanted])
    sent = form.place.session.run(command, stdin).check("reading").payload
    form.assemble(sorted([*known.copies, *known.wanted], key=lambda one: one.at if isinstance(one, Copy) else one.offset), [sent])
    assert form.part == new
    assert known.missing == len(sent)
    most = {"same": 0, "inserted in front": 4096 if form.means.content else len(new), "another": len(new), "emptied": 0}
    assert known.missing <= most.get(edit, 8192)


NONSENSE = {
    "nothing": b"",
    "too few": b"0" * 16 + b"\n",
    "too many": (b"0" * 16 + b"\n") * 4,
    "no digests": (b"g" * 16 + b"\n") * 3,
    "short digests": (b"0" * 15 + b"\n") * 3,
    "no end": b"\x80" * 200,
    "a piece that is too long": b"\xff\xff\x7f" + b"123456" + b"\0",
    "more than was asked about": (b"\x80\x20" + b"123456") * 9 + b"\0",
    "half a digest": b"\x01123",
    "more behind its end": b"\0\0",
}


@pytest.mark.parametrize("programs", [False, True])
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_an_answer_that_is_none_is_refused(tmp_path: Path, programs: bool, nonsense: str) -> None:
    repository = configure(CHAIN, tmp_path).tree.repositories["master"]
    able = Capabilities(tools=frozenset({"dd"}), digests={"sha256": "sha256sum"}, cutters={"python3": ("sha1",)} if programs else {})
    means = common(able, able, "sha256")
    assert means is not None
    dialogue = Files().chunks(Subject(repository, able, b"T", "sha256"), b"/r", b".", [whole(b"a", 10_000, blocks(4096))], means)
    next(dialogue)
    with pytest.raises(CommandError, match="comparing"):
        dialogue.send(Answer(0, NONSENSE[nonsense], b""))


def test_hosts_compare_by_what_they_have_in_common(tmp_path: Path) -> None:
    plain = Capabilities(tools=frozenset({"dd"}), digests={"sha256": "sha256sum"})
    python = replace(plain, cutters={"python3": ("sha1", "md5")})
    perl = replace(plain, cutters={"perl": ("md5",)})
    assert common(python, perl, "sha256") == Means("md5", content=True)
    assert common(python, python, "sha256") == Means("sha1", content=True)
    assert common(plain, python, "sha256") == Means("sha256")
    assert common(plain, python, "sha512") is None
    assert common(plain, replace(plain, tools=frozenset()), "sha256") is None
    repository = configure(CHAIN, tmp_path).tree.repositories["master"]
    for means in (Means("sha1", content=True), Means("sha512")):
        with pytest.raises(SshsyncError, match="has no"):
            next(Files().chunks(Subject(repository, plain, b"T", "sha256"), b"/r", b".", [whole(b"a", 9, blocks(4096))], means))


def test_a_lost_connection_costs_a_portion(tmp_path: Path) -> None:
    """Far more than a request is about is asked for piece by piece, and told as one."""
    repository = configure(CHAIN, tmp_path).tree.repositories["master"]
    able = Capabilities(tools=frozenset({"dd"}), digests={"sha256": "sha256sum"})
    size = (9 << 30) + 5
    dialogue = Files().chunks(Subject(repository, able, b"T", "sha256"), b"/r", b".", [whole(b"a", size, blocks(1 << 30))], Means("sha256"))
    counts, request = [], next(dialogue)
    with pytest.raises(StopIteration) as end:
        while True:
            counts.append(sum(int(line.split()[4]) for line in request.stdin.splitlines()))
            request = dialogue.send(Answer(0, (b"0" * 16 + b"\n") * counts[-1], b""))
    assert counts == [4, 4, 2]
    assert [piece[:2] for piece in end.value.value[0]] == [(at << 30, 1 << 30) for at in range(9)] + [(9 << 30, 5)]
