"""Patience, with clocks of its own: what is tried again, what is waited for, and what is given up when."""

import itertools
import math
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import replace

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paramiko import common

from sshsync.errors import ConnectError, ConnectionLostError, DeadlineError, InterruptedRun, SshsyncError
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop, retry
from sshsync.hosts.session import Session
from sshsync.model.policy import Retries
from sshsync.model.topology import Host
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transfers.base import held
from sshsync.transports.base import SLOWEST
from sshsync.transports.deadlines import Deadlines
from sshsync.transports.dialing import Dial
from sshsync.transports.ssh_greeting import Connection, Line
from tests import values


class Clock:
    """Seconds that pass only when somebody lets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Waiting(Stop):
    """Waits by a clock of its own."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        self._clock.now += seconds


ATTEMPTS = st.tuples(st.sampled_from([ConnectError, ConnectionLostError, DeadlineError]), st.floats(0, 500), st.booleans())


@given(st.lists(ATTEMPTS, max_size=40), st.integers(1, 6), st.sampled_from([0.0, 30.0, 1000.0]))
def test_trying_again_counts_trouble_and_nothing_else(attempts: list, transient: int, unreachable: float) -> None:
    policy = Retries(transient=transient, first_wait=1, longest_wait=60, unreachable=unreachable)
    clock, kept, made, ends = Clock(), 0, [], []
    following = iter(attempts)

    def operation() -> str:
        nonlocal kept
        step = next(following, None)
        if step is None:
            return "done"
        kind, seconds, keeps = step
        clock.now += seconds
        kept += keeps
        made.append(step)
        ends.append(clock.now)
        raise kind("no")

    try:
        retry(operation, policy, Waiting(clock), progress=lambda: kept, clock=clock)
    except SshsyncError:
        assert not made[-1][2], "nobody gives up who just kept something"
        vain = list(itertools.takewhile(lambda step: not step[2], reversed(made)))
        refused = list(itertools.takewhile(lambda step: step[0] is ConnectError, reversed(made)))
        last_kept = next((number for number in reversed(range(len(made))) if made[number][2]), -1)
        first = max(len(made) - len(refused), last_kept if last_kept >= 0 and made[last_kept][0] is ConnectError else last_kept + 1)
        too_long = bool(refused) and ends[-1] - ends[first] > unreachable
        counted = len(vain) + (1 if len(vain) < len(made) else 0)
        assert too_long or counted >= transient
    else:
        assert len(made) == len(attempts)
    row = 0
    for _, _, keeps in made:
        row = 0 if keeps else row + 1
        assert row <= transient


@given(st.lists(ATTEMPTS.map(lambda step: (step[0], step[1])), min_size=60, max_size=60), st.integers(1, 20))
def test_what_keeps_nothing_ends_within_a_bound(attempts: list, transient: int) -> None:
    policy = Retries(transient=transient)
    clock, spent = Clock(), []

    def operation() -> None:
        kind, seconds = attempts[len(spent)]
        clock.now += seconds
        spent.append(seconds)
        raise kind("no")

    with pytest.raises(SshsyncError):
        retry(operation, policy, Waiting(clock), clock=clock)
    assert len(spent) <= transient
    assert clock.now <= sum(spent) + (transient - 1) * policy.longest_wait


@pytest.mark.parametrize("kept", [False, True])
def test_what_may_have_kept_something_is_followed_at_once_and_that_finds_out(kept: bool) -> None:
    clock, made, found = Clock(), [], 0

    def operation() -> None:
        nonlocal found
        made.append(clock.now)
        found += kept and len(made) == 2
        raise ConnectionLostError("no")

    policy = Retries(transient=3, first_wait=1, longest_wait=60)
    with pytest.raises(ConnectionLostError):
        retry(operation, policy, Waiting(clock), progress=lambda: found, hope=lambda: len(made), clock=clock)
    waits = [after - before for before, after in itertools.pairwise(made)]
    assert waits[0] == 0
    assert len(made) == policy.transient + 1 + kept, "and does not count"
    assert len([wait for wait in waits if not wait]) == 1 + kept * 2, "only the first in a row is hoped for"


def test_unreachable_time_begins_with_the_first_refusal_and_not_with_the_step() -> None:
    clock, tries = Clock(), []

    def operation() -> str:
        tries.append(1)
        if len(tries) == 1:
            clock.now += 600  # a digest of ten minutes breaks off
            raise ConnectionLostError("lost")
        if len(tries) < 4:
            raise ConnectError("refused")
        return "done"

    assert retry(operation, Retries(transient=5), Waiting(clock), clock=clock) == "done"


class Host_:
    """A transport that answers by a script of pieces; each takes its seconds."""

    label = "slow"
    alive = True
    security: Mapping[str, str] = {}

    def __init__(self, clock: Clock, pieces: list[tuple[float, bytes]], takes: float = 0.0) -> None:
        self.takes = takes
        self.clock = clock
        self.pieces = pieces
        self.opened = 0

    def open(self, command: Command, idle: float) -> "Answering":
        self.opened += 1
        return Answering(self, command.variables["TOKEN"], idle)

    def close(self) -> None:
        pass


class Answering:
    def __init__(self, host: Host_, token: bytes, idle: float) -> None:
        self._host = host
        self._idle = idle
        self._pieces = iter([(0.0, token + b" begin\n"), *host.pieces, (0.0, b"\n" + token + b" end 0\n")])

    def read(self, size: int) -> bytes:
        seconds, piece = next(self._pieces, (0.0, b""))
        assert seconds <= self._idle, "the double obeys the deadline of silence"
        self._host.clock.now += seconds
        return piece

    def read_errors(self, size: int) -> bytes:
        return b""

    def write(self, data: bytes) -> None:
        self._host.clock.now += self._host.takes

    def close_input(self) -> None:
        pass

    def exit_status(self) -> int | None:
        return None

    def close(self) -> None:
        pass


def test_a_night_of_feeding_is_nobody_s_delay() -> None:
    clock = Clock()
    session = Session(Host_(clock, [], takes=3600), 60, clock=clock)
    with session.start(Command(scripts.STORE)) as conversation:
        for _ in range(10):
            conversation.write(b"x")
        assert conversation.finish().status == 0


def test_who_reads_slowly_does_not_blame_the_host() -> None:
    clock = Clock()
    session = Session(Host_(clock, [(0.1, b"x" * 1000)] * 100), 60, clock=clock)
    with session.start(Command(scripts.READ), b"name\n") as conversation:
        for _ in conversation.pieces():
            clock.now += 600


def test_the_slowest_line_that_lives_is_left_alone() -> None:
    clock = Clock()
    session = Session(Host_(clock, [(50.0, b"x" * 50 * SLOWEST)] * 1000), 60, clock=clock)
    assert len(session.run(Command(scripts.LIST)).payload) == 50_000 * SLOWEST


def test_slow_digests_of_many_files_are_left_alone() -> None:
    clock = Clock()
    session = Session(Host_(clock, [(50.0, b"d" * 64 + b"\n")] * 1000), 60, clock=clock)
    reply = session.run(Command(scripts.DIGEST), b"name\n" * 1000)
    assert reply.payload.count(b"\n") == 1000


@pytest.mark.parametrize("piece", [b"x", b"\n"])
@pytest.mark.parametrize("script", [scripts.DIGEST, scripts.LIST], ids=lambda script: script.name)
def test_a_host_that_trickles_is_given_up(script: scripts.Script, piece: bytes) -> None:
    clock = Clock()
    session = Session(Host_(clock, [(1.0, piece)] * 10_000), 60, clock=clock)
    with pytest.raises(DeadlineError, match="less than"):
        session.run(Command(script), b"name\n" * 10)
    assert clock.now < 10 * 60 + 10 * 60 + 100


@pytest.mark.parametrize("way", ["pieces", "raw"])
def test_whatever_way_it_is_read_a_trickle_is_given_up(way: str) -> None:
    clock = Clock()
    session = Session(Host_(clock, [(1.0, b"x")] * 10_000), 60, clock=clock)
    with session.start(Command(scripts.SCP_SEND)) as conversation, pytest.raises(DeadlineError, match="less than"):
        while piece := conversation.raw(10) if way == "raw" else b"".join(conversation.pieces()):
            assert piece


def test_a_turn_is_waited_for_as_long_as_it_takes_but_not_past_a_signal() -> None:
    turns, stop, waits = threading.BoundedSemaphore(1), Stop(), threading.Event()

    def check() -> None:
        waits.set()
        stop.check()

    def signalled() -> None:
        assert waits.wait(10)
        stop.set(15)

    threading.Thread(target=signalled).start()
    with held(turns, check), pytest.raises(InterruptedRun), held(turns, check):
        raise AssertionError("there is no second turn")
    assert turns.acquire(blocking=False)


class Quiet:
    """A transport that is made when the test says so."""

    label = "host"
    security: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.alive = True

    def close(self) -> None:
        self.alive = False


HOST = values.host("host")


def test_a_closed_pool_stays_closed_and_closes_what_was_still_greeting() -> None:
    asked, answer, made = threading.Event(), threading.Event(), Quiet()
    errors: list[SshsyncError] = []

    def connect(_host: Host, _dial: Dial) -> Quiet:
        asked.set()
        assert answer.wait(10)
        return made

    pool = Pool({"ssh": connect})  # type: ignore[dict-item]

    def ask() -> None:
        try:
            pool.session(HOST)
        except SshsyncError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(10)
    pool.close()
    answer.set()
    thread.join(10)
    assert not made.alive, "nobody would ever close it"
    assert len(errors) == 1
    with pytest.raises(ConnectionLostError):
        pool.session(HOST)


def test_a_jump_host_that_turns_out_to_stand_still_is_reached_anew_at_once() -> None:
    jump = replace(HOST, address="jump")
    behind = replace(HOST, address="behind", via=jump)
    made: list[tuple[str, Quiet]] = []

    class Jump(Quiet):
        def tunnel(self, address: str, port: int) -> None:
            assert (address, port) == ("behind", 22)
            if len(made) == 1:
                self.close()
                raise ConnectionLostError("the connection stands still", where="jump")

    def connect(host: Host, dial: Dial) -> Quiet:
        if host.via:
            dial()
        made.append((host.address, Jump()))
        return made[-1][1]

    pool = Pool({"ssh": connect})  # type: ignore[dict-item]
    assert pool.session(behind).alive
    assert [name for name, _ in made] == ["jump", "jump", "behind"]
    pool.close()


def test_the_watch_tests_what_rests_and_leaves_what_moves_alone() -> None:
    tested = threading.Semaphore(0)
    watch = Deadlines(lambda: None, lambda: bool(tested.release()) or True)
    with watch.limit(60, 0.05):
        for _ in range(3):
            assert tested.acquire(timeout=10), "again and again"
    with watch.limit(60, 30) as moved:
        moved()
        assert not tested.acquire(timeout=0.2)
    watch.stop()
    assert not watch.stalled


def test_a_nearer_moment_wakes_the_watch() -> None:
    struck = threading.Event()
    watch = Deadlines(struck.set)
    with watch.limit(600), watch.limit(0.05):
        assert struck.wait(3), "it does not sleep until the first of them"


def test_a_failed_test_ends_the_watch() -> None:
    stalled, tested = threading.Event(), threading.Event()

    def fails() -> bool:
        tested.set()
        return False

    watch = Deadlines(stalled.set, fails)
    with watch.limit(60, 0.01):
        assert tested.wait(10)
    assert not stalled.is_set()
    assert not watch.stalled


def pair() -> tuple[Line, socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return Line(near), near, far


def test_silence_is_no_sign_of_life_and_any_byte_is() -> None:
    line, near, far = pair()
    assert not line.lives(lambda: near.sendall(b"?" * 100) or None, 0.2)

    def answer() -> None:
        far.sendall(b"!")
        line.recv(10)

    assert line.lives(answer, 10)
    assert line.lives(line.close, math.inf), "who waits is not left waiting by the end"
    far.close()


def test_bytes_of_ours_that_arrive_are_a_sign_of_life() -> None:
    """A slow line is busy with what was sent before: the question is not even there yet."""
    line, near, far = pair()
    near.setblocking(False)
    try:
        while True:
            line.send(b"x" * 65536)
    except BlockingIOError:
        pass
    assert any(not line.lives(lambda: None, 0.2) for _ in range(50)), "in the end all buffers are full"
    left = [1 << 20]

    def drain() -> None:
        while left[0] > 0:
            left[0] -= len(far.recv(65536))

    thread = threading.Thread(target=drain)
    assert line.lives(thread.start, 1)
    thread.join(10)
    near.close()
    far.close()


def test_few_bytes_of_ours_that_arrive_are_enough_and_the_question_is_none() -> None:
    """The slowest line takes some hundred bytes in the time of a test."""
    slow = Line(Told([100, 400]))
    slow.send(b"x" * 900)
    assert slow.lives(lambda: None, 0.05)
    slower = Line(Told([100, 100, 400]))
    slower.send(b"x" * 900)
    assert slower.lives(lambda: None, 0.05), "the next packet takes longer than one test"
    dead = Line(Told([900, 1000]))
    dead.send(b"x" * 900)
    assert not dead.lives(lambda: dead.send(b"?" * 100) and None, 0.05)


class Told:
    """A socket that sends nothing, and says how much of it was acknowledged."""

    def __init__(self, arrived: list[int]) -> None:
        self._arrived = iter(arrived)

    def settimeout(self, _seconds: float) -> None:
        pass

    def send(self, data: bytes) -> int:
        return len(data)

    def getsockopt(self, *_asked: int) -> bytes:
        return bytes(120) + struct.pack("=Q", next(self._arrived))


class Through(paramiko.Channel):
    """A channel through a jump host, which is asked over `line`."""

    def __init__(self, carrier: Connection) -> None:
        super().__init__(1)
        self.transport = carrier

    def send(self, data: bytes) -> int:
        return self.transport.line.send(data)


def test_through_a_jump_host_bytes_of_ours_count_until_that_host_has_them() -> None:
    below = Line(Told([0, 300, 5000, 6000]))
    line = Line(Through(Connection(below)))
    line.send(b"x" * 4000)
    assert line.lives(lambda: None, 0.05), "they are on their way to it"
    below.send(b"x" * 9000)
    assert not line.lives(lambda: None, 0.05), "what others send says nothing of who is behind it"


def of_a_channel(kind: int, *numbers: int) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(bytes([kind]))
    for number in numbers:
        message.add_int(number)
    return message


def test_nothing_is_sent_for_a_channel_after_its_end() -> None:
    """OpenSSH closes the whole connection, with all its other channels, for one late word about a channel."""
    line, near, far = pair()
    ours, theirs = Connection(line).packetizer, Connection(Line(far)).packetizer

    def arrives(message: paramiko.Message) -> bool:
        ours.send_message(message)
        far.settimeout(0.2)
        try:
            return bool(far.recv(1000))
        except TimeoutError:
            return False

    eof, close = common.MSG_CHANNEL_EOF, common.MSG_CHANNEL_CLOSE
    assert arrives(of_a_channel(eof, 7))
    assert arrives(of_a_channel(close, 7))
    assert not arrives(of_a_channel(eof, 7))
    assert not arrives(of_a_channel(close, 7))
    assert arrives(of_a_channel(eof, 8)), "the others are left alone"
    theirs.send_message(of_a_channel(common.MSG_CHANNEL_OPEN_SUCCESS, 1, 7, 1000, 1000))
    ours.read_message()
    assert arrives(of_a_channel(eof, 7)), "the host has used the number again"
    near.close()
    far.close()
