"""Compressed on its way: when that is worth it, what damaged bytes come to, and what a run says of it."""

import random
import re
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core.compression import SAMPLE, TELLING, Moved, Sample, more, pays
from sshsync.errors import CommandError, ConfigError, SourceChangedError
from sshsync.kinds.inflated import Inflated
from sshsync.model import events as ev
from sshsync.model.change import Copy
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.model.policy import Compress
from sshsync.remote import packing, scripts
from sshsync.remote.frame import MOST_ANSWER
from sshsync.remote.inflate import DamagedError, Inflating
from sshsync.remote.packing import GZIP, TOOLS, ZSTD
from sshsync.remote.scripts import Command
from sshsync.transfers.load import LOOSE_FILES, SMALL, Part
from sshsync.transfers.wire import Wire, inflated
from sshsync.transports.base import PIECE
from sshsync.transports.memory import Fault, Tools
from tests.conftest import CHAIN, World, configure

SLOW, FAST = Moved(2_000_000, 2.0), Moved(1 << 30, 5.0)
TEXT, NOISE = Sample(SAMPLE, SAMPLE // 4, 0.02), Sample(SAMPLE, SAMPLE, 0.04)


@pytest.mark.parametrize(
    ("plain", "compressed", "sample", "worth"),
    [
        (SLOW, Moved(), TEXT, True),
        (FAST, Moved(), TEXT, False),
        (SLOW, Moved(), NOISE, False),
        (Moved(), Moved(), NOISE, False),
        (Moved(), Moved(), TEXT, None),
        (Moved(TELLING - 1, 1.9), Moved(), TEXT, None),
        (Moved(TELLING, 0.1), Moved(), TEXT, False),
        (SLOW, Moved(), Sample(SAMPLE - 1, 1, 0.01), None),
        (SLOW, Moved(), Sample(SAMPLE, int(SAMPLE * 0.91), 0.02), False),
        (SLOW, Moved(), Sample(SAMPLE, SAMPLE // 4, 2.0), False),
        (SLOW, Moved(1_000_000, 2.0), TEXT, False),
        (SLOW, Moved(6_000_000, 2.0), TEXT, True),
    ],
    ids=[
        "a slow link", "a fast link", "noise", "noise is known before the link is", "nothing went yet", "too little went", "a very fast link",
        "too small a sample", "not a tenth less", "a slow processor", "it made things slower", "it made things faster",
    ],
)  # fmt: skip
def test_it_is_worth_it_where_bytes_shrink_and_the_link_is_what_is_slow(plain: Moved, compressed: Moved, sample: Sample, worth: bool | None) -> None:
    assert pays(plain, compressed, sample) is worth


@given(st.integers(0, 60))
def test_before_it_is_known_more_and_more_goes_as_it_is(asked: int) -> None:
    assert 0 < more(asked) <= more(asked + 1) <= 1 << 40


class Said:
    """A command that sends something."""

    label = "host"

    def __init__(self, words: bytes = b"") -> None:
        self.said = words


def packed(tool: str, data: bytes) -> bytes:
    """Return what a tool prints."""
    engine = packing.packer(tool)
    return engine.compress(data) + engine.flush()


def unpacked(tool: str, data: bytes) -> bytes:
    """Return what a tool makes of one stream after the other, as it does."""
    found = b""
    while data:
        engine = packing.unpacker(tool)
        found += engine.decompress(data, 1 << 40)
        assert engine.eof
        data = engine.unused_data
    return found


def opened(tool: str, data: bytes, size: int = 1000, words: bytes = b"") -> Iterator[bytes]:
    return inflated((data[at : at + size] for at in range(0, len(data), size)), Said(words), tool)  # type: ignore[arg-type]


by_tool = pytest.mark.parametrize("tool", TOOLS)


@by_tool
@given(data=st.binary(max_size=5000), size=st.integers(1, 300))
def test_what_was_compressed_is_opened(tool: str, data: bytes, size: int) -> None:
    assert b"".join(opened(tool, packed(tool, data), size)) == data


@by_tool
@given(pieces=st.lists(st.binary(max_size=300), max_size=9))
def test_what_goes_as_it_is_opens_like_what_is_compressed(tool: str, pieces: list[bytes]) -> None:
    engine = packing.wrapper(tool)
    sent = b"".join(map(engine.compress, pieces)) + engine.flush()
    assert unpacked(tool, sent) == b"".join(pieces)


@by_tool
def test_a_block_of_any_size_goes_as_it_is(tool: str) -> None:
    data = random.Random(2).randbytes(300_000)
    engine = packing.wrapper(tool)
    sent = engine.compress(data) + engine.flush()
    assert unpacked(tool, sent) == data
    assert len(sent) < len(data) + 200


@by_tool
@pytest.mark.parametrize("length", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
@pytest.mark.parametrize("size", [1 << 20, 1000, 1])
def test_no_piece_is_bigger_than_one(tool: str, length: int, size: int) -> None:
    """However little it takes to send it."""
    found = [len(piece) for piece in opened(tool, packed(tool, bytes(length)), size)]
    assert sum(found) == length
    assert max(found) <= PIECE


@by_tool
def test_a_stream_that_grows_a_thousandfold_is_held_piece_by_piece(tool: str) -> None:
    engine = packing.packer(tool)
    bomb = b"".join(engine.compress(bytes(1 << 20)) for _ in range(100)) + engine.flush()
    total = 0
    tracemalloc.start()
    for piece in opened(tool, bomb, 32_768):
        assert len(piece) <= PIECE
        total += len(piece)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 100 << 20
    assert len(bomb) < 1 << 19
    assert held < 5 * PIECE, "the peak of what was held"


NOISE_OF_IT = random.Random(1).randbytes(100_000)
WHOLE = {tool: packed(tool, NOISE_OF_IT) for tool in TOOLS}
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPED = b"\x50\x2a\x4d\x18"


def damages(tool: str) -> dict[str, tuple[bytes, str]]:
    """Return what is no whole stream, and what is said of it."""
    whole = WHOLE[tool]
    found = {
        "nothing": (b"", "ends too soon"),
        "a byte too short": (whole[:-1], "ends too soon"),
        "half": (whole[:50_000], "ends too soon"),
        "more behind it": (whole + b"more", "follows its end"),
        "two of them": (whole + whole, "follows its end"),
    }
    if tool == GZIP:
        return found | {
            "another sum": (whole[:-8] + bytes(8), "incorrect data check"),
            "no archive": (b"cat: it is no archive", "incorrect header check"),
        }
    summed = ZSTD_MAGIC + b"\x04\x38" + b"\x09\x00\x00a"
    return found | {
        "another sum": (summed + bytes(4), "doesn't match checksum"),
        "no archive": (b"cat: it is no archive", "Unknown frame descriptor"),
        "what the other one prints": (WHOLE[GZIP], "Unknown frame descriptor"),
        "what is skipped before it": (SKIPPED + b"\x04\0\0\0none" + whole, "follows its end"),
        "what is skipped behind it": (whole + SKIPPED + b"\x04\0\0\0none", "follows its end"),
        "a window of 16 MiB": (ZSTD_MAGIC + b"\x00\x70" + b"\x09\x00\x00a", "too much memory"),
        "a window of 2 TiB": (ZSTD_MAGIC + b"\x00\xf8" + b"\x09\x00\x00a", "too much memory"),
        "a segment of 1 GiB": (ZSTD_MAGIC + b"\xa0" + (1 << 30).to_bytes(4, "little") + bytes(99), "too much memory"),
        "a dictionary": (ZSTD_MAGIC + b"\x01\x38\x07" + b"\x09\x00\x00a", "Dictionary mismatch"),
    }


@pytest.mark.parametrize(("tool", "name"), [(tool, name) for tool in TOOLS for name in damages(tool)])
@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_what_is_damaged_is_told_with_the_host_s_words(tool: str, name: str, size: int) -> None:
    data, said = damages(tool)[name]
    with pytest.raises(SourceChangedError, match=said) as caught:
        list(opened(tool, data, size, b"%s: something\x1b" % tool.encode()))
    assert f"its {tool}" in str(caught.value)
    assert f"{tool}: something\\x1b" in str(caught.value)


@by_tool
def test_a_stream_that_is_over_takes_nothing_more_however_late_it_comes(tool: str) -> None:
    engine = Inflating(tool, PIECE)
    assert b"".join(engine.feed(WHOLE[tool])) == NOISE_OF_IT
    engine.end()
    with pytest.raises(DamagedError, match="follows its end"):
        list(engine.feed(b"x"))


GZIP_HEAD = b"\x1f\x8b\x08\x00" + bytes(6)
ENDLESS = {
    "a name without an end": (GZIP, GZIP_HEAD.replace(b"\x08\x00", b"\x08\x08"), b"n" * 5000),
    "nothing but empty blocks": (GZIP, GZIP_HEAD, b"\x00\x00\x00\xff\xff" * 1000),
    "nothing but empty blocks of zstd": (ZSTD, ZSTD_MAGIC + b"\x00\x38", bytes(3000)),
    "a frame to skip without an end": (ZSTD, SKIPPED + b"\xff" * 4, b"n" * 5000),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_bytes_of_which_nothing_comes_are_given_up(name: str) -> None:
    tool, head, more = ENDLESS[name]

    def endless() -> Iterator[bytes]:
        yield head
        while True:
            yield more

    with pytest.raises(SourceChangedError, match="nothing comes of it"):
        list(inflated(endless(), Said(), tool))  # type: ignore[arg-type]


RANDOM = random.Random(5)
WORDS = b"".join(b"%d: the words of a log, again and again\n" % number for number in range(60_000))
FILES = {b"big": WORDS, b"noise": RANDOM.randbytes(SMALL + 5), **{b"d/%03d" % number: b"small %d " % number * 50 for number in range(LOOSE_FILES)}}


def text(compress: str, more: str = "") -> str:
    return CHAIN.replace("[DEFAULT]", f"[DEFAULT]\nretries = 3\ncompress = {compress}\n{more}")


@pytest.fixture
def full(world: World) -> World:
    world.fill("master", b"/m", FILES)
    world.fill("proxy", b"/p", {})
    return world


def equip(world: World, **tools: tuple[str, ...]) -> None:
    """Give hosts what compresses, and nothing else that does."""
    for name, able in tools.items():
        world.host(name).tools = Tools(programs=Tools().programs - set(TOOLS) | set(able))


ABLE = [(), (GZIP,), (ZSTD,), (GZIP, ZSTD)]


@pytest.mark.parametrize("proxy", ABLE, ids=str)
@pytest.mark.parametrize("master", ABLE, ids=str)
@pytest.mark.parametrize("compress", list(Compress))
def test_every_leg_does_what_its_host_can(full: World, compress: str, master: tuple[str, ...], proxy: tuple[str, ...]) -> None:
    equip(full, master=master, proxy=proxy)
    report = full.run("proxy", text=text(compress))
    assert report.exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES
    entry = report.report.repositories["proxy"]
    size = sum(map(len, FILES.values()))
    assert entry.moved + entry.saved == size
    assert sum(event.bytes for event in full.seen(ev.Progress)) == size
    saves = compress is Compress.YES and bool(master and proxy)
    assert (entry.saved > size // 3) == saves, "what one leg spares the other one carries"
    assert full.run("proxy", text=text(compress)).exit_code == 0
    assert full.host("master").started.count("read") == 1, "nothing moved twice"


@by_tool
@pytest.mark.parametrize("streams", [1, 3])
def test_ranges_and_what_is_copied_go_compressed_too(full: World, streams: int, tool: str) -> None:
    equip(full, master=(tool,), proxy=(tool,))
    old = bytearray(WORDS)
    for at in range(0, len(old), 400_000):
        old[at : at + 5] = b"other"
    full.fill("proxy", b"/p", {b"big": bytes(old)})
    for name in ("master", "proxy"):
        full.host(name).round_trip = 0.1
    report = full.run("proxy", text=text("yes", f"streams = {streams}"))
    assert report.exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES


@pytest.mark.parametrize("after", [5_000, 60_000, 150_000])
@pytest.mark.parametrize("script", ["store", "unpack"])
@by_tool
def test_a_cut_in_the_middle_costs_what_it_would_cost_anyway(full: World, script: str, after: int, tool: str) -> None:
    equip(full, master=(tool,), proxy=(tool,))
    full.host("proxy").faults.append(Fault("short", script, after=after))
    assert full.run("proxy", text=text("yes")).exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES


@by_tool
@pytest.mark.parametrize("script", ["read", "ranges"])
def test_a_parent_whose_tool_is_broken_is_read_as_it_is_from_then_on(full: World, script: str, tool: str) -> None:
    equip(full, master=(tool,), proxy=TOOLS)
    full.host("master").faults.append(Fault("answer", script, payload=b"archive, they said\n"))
    assert full.run("proxy", text=text("yes")).exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES
    (told,) = [event.text for event in full.seen(ev.Decided)]
    assert told.startswith(f"the parent's bytes are not compressed any more: what its {tool} sends is damaged")


def test_a_child_whose_gzip_is_broken_is_told_in_its_words(full: World) -> None:
    for _ in range(10):
        full.host("proxy").faults.append(Fault("fail", "unpack", words=b"gzip: stdin: not in gzip format"))
    report = full.run("proxy", text=text("yes"))
    assert report.exit_code != 0
    assert any("not in gzip format" in (event.error or "") for event in full.seen(ev.RepositoryFinished))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Talk:
    """Both commands of a passage, over a link by a clock of its own."""

    label = "host"
    said = b""

    def __init__(self, clock: Clock, rate: float, data: bytes) -> None:
        self._clock, self._rate, self._data = clock, rate, data
        self.went = 0
        self.taken = bytearray()

    def pieces(self) -> Iterator[bytes]:
        yield self._data

    def write(self, data: bytes) -> None:
        self.went += len(data)
        self.taken += data
        self._clock.now += len(data) / self._rate


def part(name: bytes, size: int) -> Part:
    return Part((Copy(Item(name, "sha256:00", Stamp(size, 1, 1, 1))),), "1")


@pytest.mark.parametrize(
    ("data", "rate", "decided"),
    [
        (WORDS, 500_000, "compressed on its way: the link carries 0.5 MB/s"),
        (FILES[b"noise"], 500_000, "not compressed on its way: "),
    ],
    ids=["words", "noise"],
)
@by_tool
def test_auto_finds_out_while_bytes_go_and_says_what_it_found(data: bytes, rate: float, decided: str, tool: str) -> None:
    clock, told = Clock(), list[str]()
    wire = Wire(Compress.AUTO, ["target"], None, clock, told.append)
    load = part(b"name", 1 << 40)
    went = []
    for _ in range(4):
        talk = Talk(clock, rate, data)
        assert wire.most(load, (tool, tool)) == (more(0) if not went else 0)
        with wire.passage(load, (tool, tool)) as way:
            for piece in way.pieces(way.opened(talk)):  # type: ignore[arg-type]
                way.write(talk, piece)  # type: ignore[arg-type]
            way.close(talk)  # type: ignore[arg-type]
        went.append(talk.went)
    assert went[0] == pytest.approx(len(data), rel=0.001), "nobody knows before something went"
    assert (went[3] < len(data) // 2) == decided.startswith("compressed")
    assert [words[: len(decided)] for words in told] == [decided], "it is said once"
    size = 4 * len(data)
    assert wire.spared(load, size) == pytest.approx(max(0, size - sum(went)), abs=4)
    assert wire.spared(load, size) == 0, "it is forgotten then"


@by_tool
def test_auto_changes_its_mind_in_the_middle_of_a_load(tool: str) -> None:
    """A child opens what follows all the same: the tools take several streams for one."""
    clock = Clock()
    wire = Wire(Compress.AUTO, ["target"], None, clock)
    load = part(b"name", 1 << 40)
    talk = Talk(clock, 500_000, WORDS)
    with wire.passage(load, ("", tool)) as way:
        assert way.writing(Command(scripts.STORE)).variables["PACK"] == tool.encode()
        for _ in range(4):
            for piece in way.pieces(way.opened(talk)):  # type: ignore[arg-type]
                way.write(talk, piece)  # type: ignore[arg-type]
        way.close(talk)  # type: ignore[arg-type]
    assert unpacked(tool, bytes(talk.taken)) == WORDS * 4
    assert len(WORDS) < talk.went < 2.5 * len(WORDS), "the first went as it is"
    assert wire.spared(load, 4 * len(WORDS)) == pytest.approx(4 * len(WORDS) - talk.went, abs=4)


def test_where_no_leg_leads_to_another_machine_nothing_is_compressed() -> None:
    wire = Wire(Compress.YES, [])
    talk = Talk(Clock(), 1e9, WORDS)
    with wire.passage(part(b"name", len(WORDS)), TOOLS) as way:
        for piece in way.pieces(way.opened(talk)):  # type: ignore[arg-type]
            way.write(talk, piece)  # type: ignore[arg-type]
        way.close(talk)  # type: ignore[arg-type]
    assert talk.went == len(WORDS)
    assert wire.spared(part(b"name", 1), len(WORDS)) == 0


def test_another_word_is_told_with_those_that_there_are(tmp_path) -> None:
    with pytest.raises(ConfigError, match="compress: must be one of no, yes, auto"):
        configure(text("maybe"), tmp_path)


def listings(world: World) -> list[str]:
    return [name for name in world.host("master").started if name == "list"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [(lambda _tool: b"zip, they said\n", "(incorrect header check|.*Unknown frame descriptor)"), (lambda tool: packed(tool, b"x" * 999)[:-1], "it ends too soon"), (lambda tool: packed(tool, b"") * 2, "something follows its end")],
    ids=["no archive", "cut short", "two of them"],
)  # fmt: skip
@by_tool
def test_a_listing_that_comes_damaged_is_told_of_and_asked_for_as_it_is(full: World, sent: Callable[[str], bytes], said: str, tool: str) -> None:
    equip(full, master=(tool,), proxy=TOOLS)
    full.host("master").faults.append(Fault("answer", "list", payload=sent(tool)))
    assert full.run("proxy").exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES
    assert listings(full) == ["list", "list"]
    (told,) = [event.text for event in full.seen(ev.Remarked)]
    assert re.fullmatch(rf"what its {tool} sends is damaged \((.*: )?{said}\): it is listed again as it is", told)


def test_a_listing_of_a_host_without_a_tool_that_compresses_comes_as_it_is(full: World) -> None:
    equip(full, master=(), proxy=())
    assert full.run("proxy").exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES
    assert listings(full) == ["list"]
    assert not full.seen(ev.Remarked)


class Taker:
    """Reads an answer, and forgets it."""

    def begin(self) -> None:
        self.size = 0

    def feed(self, piece: bytes) -> None:
        self.size += len(piece)


@by_tool
def test_a_listing_that_grows_a_thousandfold_is_no_longer_than_one_that_comes_as_it_is(tool: str) -> None:
    engine = packing.packer(tool)
    bomb = b"".join(engine.compress(bytes(1 << 20)) for _ in range((MOST_ANSWER >> 20) + 9)) + engine.flush()
    taker = Taker()
    opening = Inflated(taker, tool, "master")
    with pytest.raises(CommandError, match="master: list: it answers without end"):
        opening.feed(bomb)
    assert len(bomb) < 2 << 20
    assert taker.size == MOST_ANSWER


def test_a_listing_of_which_nothing_comes_is_damaged() -> None:
    opening = Inflated(Taker(), GZIP, "master")
    opening.feed(b"\x1f\x8b\x08\x08" + bytes(6))
    for _ in range(500):
        opening.feed(b"n" * 5000)
    assert opening.damaged == "nothing comes of it"


@pytest.mark.parametrize(
    ("tools", "tool"), [((ZSTD, ZSTD), ZSTD), ((ZSTD, GZIP), GZIP), ((GZIP, ZSTD), GZIP), ((ZSTD, ""), ZSTD), (("", ZSTD), ZSTD), (("", GZIP), GZIP)], ids=str
)  # fmt: skip
def test_a_sample_is_made_by_the_slower_tool_of_both_legs(tools: tuple[str, str], tool: str) -> None:
    assert packing.slowest(tools) == tool
