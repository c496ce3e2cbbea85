"""The room in which hosts are spoken to: connections that are given back, whoever asks, what hosts complain of."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sshsync.errors import CommandError, ConnectError, ConnectionLostError, HostError, HostKeyError
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import HANDSHAKES, LINGER, Pool
from sshsync.hosts.retrying import Stop
from sshsync.kinds.base import Answer, Learned, Remark, Request, Subject
from sshsync.model.events import Event, Remarked, Retried
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.model.topology import Host, Login
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transports.dialing import Dial
from sshsync.transports.local import LocalTransport
from sshsync.transports.memory import Fault, MemoryHost, MemoryTransport
from sshsync.transports.trust import trust
from tests import values
from tests.conftest import World

PROBE = Command(scripts.PROBE)
NOTHING = Command(scripts.NOTHING)
MOST = 4


def host(name: str, via: str = "") -> Host:
    return values.host(name, login=Login("x"), via=host(via) if via else None)


class Tunnelled:
    """A way through a jump host that somebody uses."""

    def send(self, data: bytes) -> int:
        return len(data)

    def recv(self, size: int) -> bytes:
        return b""

    def settimeout(self, seconds: float | None) -> None:
        pass

    def close(self) -> None:
        pass


class Connection(MemoryTransport):
    """A connection in memory that leads on to other hosts."""

    def tunnel(self, address: str, port: int) -> Tunnelled:
        if not self.alive:
            raise ConnectionLostError("closed", where=self.label)
        return Tunnelled()


class Net:
    """Hosts in memory, the connections to them, and a clock."""

    def __init__(self, most: int = MOST) -> None:
        self.now = 0.0
        self.hosts: dict[str, MemoryHost] = {}
        self.made: list[Connection] = []
        self.most_live = 0
        self.greets: Callable[[Host], None] = lambda _host: None
        self.pool = Pool({"ssh": self.connect}, most_idle=most, clock=lambda: self.now)

    def connect(self, wanted: Host, dial: Dial) -> Connection:
        self.greets(wanted)
        if wanted.via:
            dial()
        made = Connection(self.hosts.setdefault(wanted.address, MemoryHost(wanted.address)))
        self.made.append(made)
        self.most_live = max(self.most_live, len(self.live()))
        return made

    def live(self) -> list[str]:
        return [made.label for made in self.made if made.alive]

    def speak(self, name: str, via: str = "") -> None:
        """Say something to a host, a minute after whatever was before."""
        self.now += 60
        assert self.pool.session(host(name, via)).run(PROBE).status == 0


@pytest.fixture
def net() -> Iterator[Net]:
    made = Net()
    yield made
    made.pool.close()



def test_a_thousand_hosts_are_not_a_thousand_connections(net: Net) -> None:
    names = [f"n{number}" for number in range(1000)]
    for name in names:
        net.speak(name)
    assert net.most_live <= MOST + 1, "one more while the least recently used goes"
    assert net.live() == names[-MOST:]


def test_a_connection_that_was_given_back_costs_a_greeting_and_no_failed_try(net: Net) -> None:
    held = net.pool.session(host("a"))
    assert held.capabilities.tools
    for name in "bcdef":
        net.speak(name)
    assert "a" not in net.live()
    assert held.alive
    assert held.run(PROBE).status == 0, "whoever holds a session does not notice"
    assert net.pool.session(host("a")) is held
    assert [made.label for made in net.made].count("a") == 2
    known = len(net.hosts["a"].started)
    assert held.capabilities.tools
    assert len(net.hosts["a"].started) == known, "what the host can do is not asked for again"


def test_what_is_used_stays(net: Net) -> None:
    net.speak("jump")
    net.speak("behind", via="jump")
    with net.pool.session(host("busy")).start(PROBE) as conversation:
        for number in range(20):
            net.speak(f"n{number}")
            assert "busy" in net.live(), "a script runs there"
            assert ("jump" in net.live()) >= ("behind" in net.live()), "another host's connection leads through it"
        assert "jump" not in net.live(), "now nothing leads through it any more"
        conversation.close_input()
        assert conversation.answer().status == 0
    for name in "abcde":
        net.speak(name)
    assert "busy" not in net.live()


def test_a_jump_host_is_kept_while_somebody_is_greeted_through_it(net: Net) -> None:
    def crowd(wanted: Host) -> None:
        if wanted.via:
            net.greets = lambda _host: None
            for number in range(20):
                net.speak(f"n{number}")
            assert "jump" in net.live()

    net.speak("jump")
    net.greets = crowd
    net.speak("behind", via="jump")
    assert [made.label for made in net.made].count("jump") == 1


def test_what_was_handed_out_just_now_is_not_taken_away(net: Net) -> None:
    names = [f"n{number}" for number in range(20)]
    for name in names:
        net.pool.session(host(name))
        net.now += LINGER / len(names)
    assert net.live() == names
    net.now += 2 * LINGER
    net.pool.session(host("n0"))
    assert len(net.live()) == MOST
    assert "n0" in net.live()


def test_nothing_connects_after_the_end(net: Net) -> None:
    held = net.pool.session(host("a"))
    for name in "bcdef":
        net.speak(name)
    net.pool.close()
    assert net.live() == []
    made = len(net.made)
    for ask in (lambda: net.pool.session(host("z")), lambda: net.pool.session(host("a", via="z")), lambda: held.run(PROBE)):
        with pytest.raises(ConnectionLostError):
            ask()
    assert len(net.made) == made


def test_a_wake_that_is_still_greeting_at_the_end_is_closed(net: Net) -> None:
    asked, answer, errors = threading.Event(), threading.Event(), []
    held = net.pool.session(host("a"))
    for name in "bcdef":
        net.speak(name)

    def greets(_host: Host) -> None:
        asked.set()
        assert answer.wait(10)

    def ask() -> None:
        try:
            held.run(PROBE)
        except HostError as error:
            errors.append(error)

    net.greets = greets
    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(10)
    net.pool.close()
    answer.set()
    thread.join(10)
    assert [type(error) for error in errors] == [ConnectionLostError]
    assert net.live() == []


def test_a_refusal_is_final_until_it_is_forgotten(net: Net) -> None:
    def refuse(_host: Host) -> None:
        raise HostKeyError("another key")

    held = net.pool.session(host("a"))
    for name in "bcdef":
        net.speak(name)
    net.greets = refuse
    tries = []
    for ask in (lambda: held.run(PROBE), lambda: net.pool.session(host("a")), lambda: held.run(PROBE)):
        with pytest.raises(HostKeyError, match="another key"):
            ask()
        net.greets = tries.append
    assert tries == [], "it is not tried again"
    net.pool.forget()
    assert net.pool.session(host("a")).run(PROBE).status == 0


def test_clocks_are_measured_anew_when_asked(net: Net) -> None:
    found = net.pool.session(host("a"))
    assert abs(found.capabilities.clock) < 60
    net.hosts["a"].clock = lambda: time.time() + 3600
    assert abs(found.capabilities.clock) < 60
    net.pool.forget()
    assert found.capabilities.clock > 3000
    assert net.made[0].alive, "the connection is kept"


def test_a_connection_that_died_in_silence_is_made_anew_before_anybody_meets_it(net: Net) -> None:
    assert net.pool.session(host("a")).capabilities.tools
    net.pool.forget()
    net.hosts["a"].faults.append(Fault("lose", PROBE.script.name))
    assert net.pool.session(host("a")).run(NOTHING).status == 0
    assert [made.alive for made in net.made] == [False, True]
    net.hosts["a"].faults.append(Fault("lose", scripts.NOTHING.name))
    with pytest.raises(ConnectionLostError):
        net.pool.session(host("a")).run(NOTHING)


def test_forgetting_waits_for_no_host_that_is_being_asked(net: Net) -> None:
    """Whoever begins to look at one host must not wait for another."""
    held = net.pool.session(host("a"))
    asked, answer = threading.Event(), threading.Event()

    def silent() -> None:
        asked.set()
        assert answer.wait(10)

    net.hosts["a"].faults.append(Fault("none", PROBE.script.name, first=silent))
    asking = threading.Thread(target=lambda: held.capabilities)
    asking.start()
    assert asked.wait(10)
    forgetting = threading.Thread(target=net.pool.forget)
    forgetting.start()
    forgetting.join(5)
    waits = forgetting.is_alive()
    answer.set()
    for thread in (asking, forgetting):
        thread.join(10)
    assert not waits


def test_a_jump_host_that_is_lost_while_all_greet_through_it_is_greeted_again() -> None:
    """All who greet wait for the jump host, and it is one more to greet."""
    net, ready, lost = Net(), threading.Barrier(HANDSHAKES), threading.Event()
    net.speak("jump")

    def greets(wanted: Host) -> None:
        if wanted.via and not lost.is_set():
            ready.wait(10)
            net.made[0].close()
            lost.set()

    net.greets = greets
    done: list[str] = []
    threads = [
        threading.Thread(target=lambda name=f"n{number}": done.append(net.pool.session(host(name, via="jump")).label), daemon=True)
        for number in range(HANDSHAKES)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(done) == HANDSHAKES
    net.pool.close()


def test_from_the_controller_itself_the_way_is_direct() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        way = LocalTransport().tunnel("127.0.0.1", server.getsockname()[1])
        taken, _ = server.accept()
        with closing(way), taken:
            taken.sendall(b"hello")
            assert way.recv(10) == b"hello"


def test_a_host_in_memory_leads_nowhere() -> None:
    with pytest.raises(HostError, match="nowhere"):
        MemoryTransport(MemoryHost("a")).tunnel("b", 22)


def test_a_dialogue_is_driven_to_its_end(world: World) -> None:
    net, events, learned = Net(), list[Event](), list[Item]()
    repository = world.sync().config.tree.repositories["master"]
    repository = replace(repository, retries=replace(repository.retries, first_wait=0, longest_wait=0))
    item = Item(b"k", None, Stamp(0, 0, 0, 0))

    def dialogue():
        first = yield Request(PROBE)
        yield Learned((item,))
        yield Remark("odd")
        second = yield Request(PROBE)
        assert isinstance(second, Answer)
        return first.payload.count(b"tool="), second.status

    asking = Asking(net.pool, events.append, Stop(), time.time, time.monotonic)
    assert asking.session(repository).run(PROBE).status == 0
    net.hosts["master"].faults.append(Fault("lose", "probe"))
    subject = Subject(repository, asking.capabilities(repository), b"t" * 32, "sha256")
    tools, status = asking.converse(subject, dialogue(), lambda _subject, found: learned.extend(found.items))
    assert tools > 3
    assert status == 0
    assert learned == [item]
    assert [type(event) for event in events] == [Retried, Remarked]
    net.pool.close()


def test_what_to_do_about_an_unknown_host_names_a_repository_there(world: World, tmp_path: Path) -> None:
    repositories = world.sync().config.tree.repositories
    for name in ("proxy", "node1"):
        assert trust(repositories[name].host, tmp_path).unknown.endswith(f"sshsync hosts trust {name}")
        assert trust(repositories[name].host, tmp_path).changed.endswith(f"sshsync hosts trust --replace {name}")
    assert replace(repositories["proxy"].host, name="other") == repositories["proxy"].host, "one connection for both"


def test_whoever_cannot_take_complaints_hears_of_it_and_the_script_goes_on(net: Net) -> None:
    def fails(_words: bytes) -> None:
        raise ValueError("full")

    session = net.pool.session(host("a"))
    net.hosts["a"].faults.append(Fault("fail", "probe", words=b"x" * 200_000))
    with session.start(PROBE, b"", errors=fails) as conversation, pytest.raises(ValueError, match="full"):
        conversation.answer()
    net.hosts["a"].faults.append(Fault("fail", "probe", words=b"x" * 200_000))
    with pytest.raises(CommandError):
        session.run(PROBE).check("asking")


def test_a_host_that_cannot_be_woken_is_tried_again(net: Net) -> None:
    def away(_host: Host) -> None:
        raise ConnectError("no route")

    held = net.pool.session(host("a"))
    for name in "bcdef":
        net.speak(name)
    net.greets = away
    with pytest.raises(ConnectError):
        held.run(PROBE)
    net.greets = lambda _host: None
    assert held.run(PROBE).status == 0
