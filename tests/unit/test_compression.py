"""Compressed on its way: when that is worth it, what damaged bytes come to, and what a run says of it."""

import gzip
import random
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core.compression import SAMPLE, TELLING, Moved, Sample, more, pays
from sshsync.errors import CommandError, ConfigError, SourceChangedError
from sshsync.kinds.inflated import Inflated
from sshsync.model import events as ev
from sshsync.model.change import Copy
from sshsync.model.item import Item, Stamp
from sshsync.model.policy import Compress
from sshsync.remote import scripts
from sshsync.remote.frame import MOST_ANSWER
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


def opened(data: bytes, size: int = 1000, words: bytes = b"") -> Iterator[bytes]:
    return inflated((data[at : at + size] for at in range(0, len(data), size)), Said(words))  # type: ignore[arg-type]


@given(st.binary(max_size=5000), st.integers(1, 300))
def test_what_was_compressed_is_opened(data: bytes, size: int) -> None:
    assert b"".join(opened(gzip.compress(data), size)) == data


@pytest.mark.parametrize("length", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_no_piece_is_bigger_than_one(length: int) -> None:
    """However little it takes to send it."""
    found = [len(piece) for piece in opened(gzip.compress(bytes(length)), 1 << 20)]
    assert sum(found) == length
    assert max(found) <= PIECE


def test_a_stream_that_grows_a_thousandfold_is_held_piece_by_piece() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(engine.compress(bytes(1 << 20)) for _ in range(200)) + engine.flush()
    total = 0
    for piece in opened(bomb, len(bomb)):
        assert len(piece) <= PIECE
        total += len(piece)
        if total > 50 << 20:
            break
    assert len(bomb) < 1 << 20


WHOLE = gzip.compress(random.Random(1).randbytes(100_000), 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "ends too soon"),
        (WHOLE[:-1], "ends too soon"),
        (WHOLE[:50_000], "ends too soon"),
        (WHOLE[:-8] + bytes(8), "incorrect data check"),
        (b"cat: it is no archive", "incorrect header check"),
        (WHOLE + b"more", "follows its end"),
        (WHOLE + WHOLE, "follows its end"),
    ],
    ids=["nothing", "a byte too short", "half", "another sum", "no archive", "more behind it", "two of them"],
)
@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_what_is_damaged_is_told_with_the_host_s_words(data: bytes, said: str, size: int) -> None:
    with pytest.raises(SourceChangedError, match=said) as caught:
        list(opened(data, size, b"gzip: something\x1b"))
    assert "its gzip" in str(caught.value)
    assert "gzip: something\\x1b" in str(caught.value)


@pytest.mark.parametrize("name", ["a name without an end", "nothing but empty blocks"])
def test_bytes_of_which_nothing_comes_are_given_up(name: str) -> None:
    head = b"\x1f\x8b\x08\x08" + bytes(6)

    def endless() -> Iterator[bytes]:
        yield head if "name" in name else head.replace(b"\x08\x08", b"\x08\x00")
        while True:
            yield b"n" * 5000 if "name" in name else b"\x00\x00\x00\xff\xff" * 1000

    with pytest.raises(SourceChangedError, match="nothing comes of it"):
        list(inflated(endless(), Said()))  # type: ignore[arg-type]


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


def without(world: World, *hosts: str) -> None:
    for name in hosts:
        world.host(name).tools = Tools(programs=Tools().programs - {"gzip"})


@pytest.mark.parametrize("poor", [(), ("master",), ("proxy",), ("master", "proxy")], ids=str)
@pytest.mark.parametrize("compress", list(Compress))
def test_every_leg_does_what_its_host_can(full: World, compress: str, poor: tuple[str, ...]) -> None:
    without(full, *poor)
    report = full.run("proxy", text=text(compress))
    assert report.exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES
    entry = report.report.repositories["proxy"]
    size = sum(map(len, FILES.values()))
    assert entry.moved + entry.saved == size
    assert sum(event.bytes for event in full.seen(ev.Progress)) == size
    saves = compress is Compress.YES and not poor
    assert (entry.saved > size // 3) == saves, "what one leg spares the other one carries"
    assert full.run("proxy", text=text(compress)).exit_code == 0
    assert full.host("master").started.count("read") == 1, "nothing moved twice"


@pytest.mark.parametrize("streams", [1, 3])
def test_ranges_and_what_is_copied_go_compressed_too(full: World, streams: int) -> None:
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
def test_a_cut_in_the_middle_costs_what_it_would_cost_anyway(full: World, script: str, after: int) -> None:
    full.host("proxy").faults.append(Fault("short", script, after=after))
    assert full.run("proxy", text=text("yes")).exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES


@pytest.mark.parametrize("script", ["read", "ranges"])
def test_a_parent_whose_gzip_is_broken_is_read_as_it_is_from_then_on(full: World, script: str) -> None:
    full.host("master").faults.append(Fault("answer", script, payload=b"gzip, they said\n"))
    assert full.run("proxy", text=text("yes")).exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES
    (told,) = [event.text for event in full.seen(ev.Decided)]
    assert told.startswith("the parent's bytes are not compressed any more: what its gzip sends is damaged")


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
def test_auto_finds_out_while_bytes_go_and_says_what_it_found(data: bytes, rate: float, decided: str) -> None:
    clock, told = Clock(), list[str]()
    wire = Wire(Compress.AUTO, ["target"], None, clock, told.append)
    load = part(b"name", 1 << 40)
    went = []
    for _ in range(4):
        talk = Talk(clock, rate, data)
        assert wire.most(load, (True, True)) == (more(0) if not went else 0)
        with wire.passage(load, (True, True)) as way:
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


def test_auto_changes_its_mind_in_the_middle_of_a_load() -> None:
    """A child opens what follows all the same: gzip takes several streams for one."""
    clock = Clock()
    wire = Wire(Compress.AUTO, ["target"], None, clock)
    load = part(b"name", 1 << 40)
    talk = Talk(clock, 500_000, WORDS)
    with wire.passage(load, (True, True)) as way:
        assert way.writing(Command(scripts.STORE)).variables["GZ"] == b"yes"
        for _ in range(4):
            for piece in way.pieces(way.opened(talk)):  # type: ignore[arg-type]
                way.write(talk, piece)  # type: ignore[arg-type]
        way.close(talk)  # type: ignore[arg-type]
    assert gzip.decompress(bytes(talk.taken)) == WORDS * 4
    assert len(WORDS) < talk.went < 2.5 * len(WORDS), "the first went as it is"
    assert wire.spared(load, 4 * len(WORDS)) == pytest.approx(4 * len(WORDS) - talk.went, abs=4)


def test_where_no_leg_leads_to_another_machine_nothing_is_compressed() -> None:
    wire = Wire(Compress.YES, [])
    talk = Talk(Clock(), 1e9, WORDS)
    with wire.passage(part(b"name", len(WORDS)), (True, True)) as way:
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
    [(b"gzip, they said\n", "incorrect header check"), (gzip.compress(b"x" * 999)[:-4], "it ends too soon"), (gzip.compress(b"") * 2, "something follows its end")],
    ids=["no archive", "cut short", "two of them"],
)  # fmt: skip
def test_a_listing_that_comes_damaged_is_told_of_and_asked_for_as_it_is(full: World, sent: bytes, said: str) -> None:
    full.host("master").faults.append(Fault("answer", "list", payload=sent))
    assert full.run("proxy").exit_code == 0
    assert full.host("proxy").below(b"/p") == FILES
    assert listings(full) == ["list", "list"]
    (told,) = [event.text for event in full.seen(ev.Remarked)]
    assert told.startswith("what its gzip sends is damaged (")
    assert told.endswith(f"{said}): it is listed again as it is")


def test_a_listing_of_a_host_without_gzip_comes_as_it_is(full: World) -> None:
    without(full, "master", "proxy")
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


def test_a_listing_that_grows_a_thousandfold_is_no_longer_than_one_that_comes_as_it_is() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(engine.compress(bytes(1 << 20)) for _ in range((MOST_ANSWER >> 20) + 9)) + engine.flush()
    taker = Taker()
    opening = Inflated(taker, "master")
    with pytest.raises(CommandError, match="master: list: it answers without end"):
        opening.feed(bomb)
    assert len(bomb) < 1 << 20
    assert taker.size == MOST_ANSWER


def test_a_listing_of_which_nothing_comes_is_damaged() -> None:
    opening = Inflated(Taker(), "master")
    opening.feed(b"\x1f\x8b\x08\x08" + bytes(6))
    for _ in range(500):
        opening.feed(b"n" * 5000)
    assert opening.damaged == "nothing comes of it"
