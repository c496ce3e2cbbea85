"""Hosts over SSH: one Paramiko connection each, with a deadline on every wait.

Every Paramiko pitfall that matters here is handled where it occurs: no wait without limit (`Deadlines`), a socket
of our own with TCP_USER_TIMEOUT, all addresses tried, and no trust in a connection that stands still: where something
waits for longer than it should, the connection is asked for a sign of life, and one that gives none is closed, so that
the next try makes a new one instead of waiting for the dead one again.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator

import paramiko

from sshsync.errors import ConnectError, ConnectionLostError, DeadlineError, HostError
from sshsync.model.topology import Host
from sshsync.remote import encode
from sshsync.remote.scripts import Command
from sshsync.transports import known_hosts, ssh_auth
from sshsync.transports.base import CHANNELS, REOPENED, SLOWEST
from sshsync.transports.deadlines import Deadlines
from sshsync.transports.dialing import Dial
from sshsync.transports.known_hosts import HostKey
from sshsync.transports.ssh_agent import Agents
from sshsync.transports.ssh_ahead import FAR, Ahead
from sshsync.transports.ssh_greeting import HANDSHAKE, Channel, Connection, greeting, handshake, key_of, words
from sshsync.transports.trust import Trust

WINDOW = 4 << 20
"""Bytes a host may send ahead on one channel: bounds memory, and speed on long links, where big files come in several
streams. What is held of a channel is moved for each read, so a long queue costs time as well."""

AHEAD = 1 << 17
"""Bytes on their way to a command over a line that is not known to bring them soon: OpenSSH tells for each 96 KiB that
it took them. What is in a queue holds up everything behind it, above all the renewal of a lease."""

SOON = 0.5
"""Seconds beyond two round trips that what is on its way to a command may take, at the rate at which it takes it."""

_LEAST_WINDOW = 1 << 17
_PACKET = 1 << 18
_CHANNEL_WAIT = 30.0
_START_WAIT = 60.0
_LATE = 5.0
_PROHIBITED = 1
"""Why a host opens no channel: it may not (RFC 4254, 5.1)."""
_LEAST_SHARE = 1.0


def _forwarding(error: BaseException) -> str:
    """Return what lets a jump host forward, where it says that it is not to; else ""."""
    prohibited = isinstance(error, paramiko.ChannelException) and error.code == _PROHIBITED
    where = "sshd_config of the jump host, and restrict in authorized_keys"
    return f"see AllowTcpForwarding and PermitOpen in {where}" if prohibited else ""


class SshTransport:
    """One connection to one host; see `Transport`.

    Whatever waits for `host.timeout` seconds (a new channel or tunnel: for a quarter of them) has the connection
    tested: it is asked a question that every SSH server answers, and has another quarter for any sign of life. A byte
    heard counts, whatever it belongs to, and so do bytes of ours that arrive, for which there is yet another quarter: a
    slow line that is busy is left alone.
    """

    def __init__(self, host: Host, trust: Trust, connect: Dial) -> None:
        """Connect, check the host key, log in.

        Raises:
            ConnectError: not reachable (transient).
            TrustError: host key or login refused (permanent).
        """
        self.label = host.label
        self._host = host
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(CHANNELS)
        self.share = max(_LEAST_SHARE, host.timeout / 4)
        self._round_trip = math.inf
        self._next = Ahead(lambda: self._opened(WINDOW, _CHANNEL_WAIT))
        self._agents = Agents(self.label)
        self.stands_still = False
        self._tests = 0
        self._testing = threading.Lock()
        self._asking = threading.Lock()
        self._paramiko = _greet(host, trust, connect)
        self._watch = Deadlines(self._paramiko.close, self.lives)
        try:
            with self._watch.limit(HANDSHAKE * 3):
                ssh_auth.authenticate(self._paramiko, host.login, self.label)
        except BaseException:
            self.close()
            raise
        self._paramiko.set_keepalive(15)

    @property
    def security(self) -> dict[str, str]:
        """The algorithms that both sides agreed on; strict is the answer to CVE-2023-48795 (Terrapin)."""
        made = self._paramiko
        return {
            "kex": getattr(made, "agreed_kex", ""),
            "host_key": str(made.host_key_type),
            "cipher": made.local_cipher,
            "mac": "" if "gcm" in made.local_cipher else str(made.local_mac),
            "strict_kex": "yes" if getattr(made, "agreed_on_strict_kex", False) else "no",
        }

    @property
    def alive(self) -> bool:
        """False once the connection is lost or closed."""
        return not self.stands_still and bool(self._paramiko.is_active())

    @property
    def round_trip(self) -> float:
        """The least time that opening a channel took: a question that every server answers at once, without a program.

        It sees what TCP cannot: jump hosts, and whatever else stands between both ends.
        """
        return 0.0 if self._round_trip == math.inf else self._round_trip

    @property
    def tells(self) -> bool:
        """Whether it tells soon what it took of the input of a command: others do when half of its window is used."""
        return "OpenSSH" in self._paramiko.remote_version

    def lives(self) -> bool:
        """Test the connection, and give it up when it stands still. One test serves all who ask meanwhile."""
        number = self._tests
        with self._testing:
            if number == self._tests and self.alive:
                self.stands_still = not self._paramiko.line.lives(self._ask, self.share)
                self._tests += 1
                if self.stands_still:
                    # A tunnel closes through its jump host, which may stand still as well: nobody waits for that.
                    threading.Thread(target=self._paramiko.close, name="sshsync-close", daemon=True).start()
        return self.alive

    def _ask(self) -> None:
        """Ask for an answer from a thread of its own: even the question may have to wait for its way out."""

        def work() -> None:
            with self._asking, contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                self._paramiko.global_request("keepalive@openssh.com", wait=True)

        if not self._asking.locked():
            threading.Thread(target=work, name="sshsync-ask", daemon=True).start()

    def open(self, command: Command, idle: float, ahead: int = 0) -> "SshStream":
        """Start a command; see `Transport.open`."""
        line = encode.command_line(self._host.shell, command.script.text, command.variables)
        ready = self._agents.allow() if command.agent else _nothing
        if not self._slots.acquire(timeout=max(idle, 600)):
            raise DeadlineError("no free channel for another command", where=self.label)
        try:
            channel = self._begun(line, idle, ready, max(_LEAST_WINDOW, min(WINDOW, ahead)) if ahead else WINDOW)
        except BaseException:
            self._slots.release()
            raise
        return SshStream(channel, idle, self)

    def _begun(self, line: bytes, idle: float, ready: Callable[[Channel], None], window: int) -> Channel:
        """Open a channel and start a command there; hosts close a channel now and then before it begins."""
        for left in range(REOPENED, -1, -1):
            channel = self._channel(min(idle, _CHANNEL_WAIT), window)
            if self.round_trip >= FAR:
                self._next.open()
            try:
                with self._watch.limit(min(idle, _START_WAIT), self.share), self._translated("starting a command"):
                    ready(channel)
                    channel.exec_command(line)
            except ConnectionLostError:
                if not (left and self.alive):
                    raise
                continue
            break
        return channel

    def _opened(self, window: int, within: float) -> Channel:
        begun = time.monotonic()
        channel = self._paramiko.open_session(window, _PACKET, timeout=within)
        self._round_trip = min(self._round_trip, time.monotonic() - begun)
        return channel

    def _channel(self, within: float, window: int) -> Channel:
        """Open a channel, waiting in line when the host has too many open.

        A host counts a command until it has noticed its end, so the line may be a little longer than ours;
        and its MaxSessions may be smaller.
        """
        if ready := self._next.take():
            if window == WINDOW:
                return ready
            ready.close()
        until = time.monotonic() + within
        while True:
            try:
                with self._watch.limit(_START_WAIT, self.share):
                    return self._opened(window, within)
            except (paramiko.SSHException, EOFError, OSError) as error:
                late = "Timeout" in str(error)
                # Paramiko keeps one exception for all threads: who comes second sees a plain SSHException.
                if not (self.lives() if late else self.alive):
                    raise self.lost("opening a channel", error) from error
                if late:
                    raise DeadlineError("does not open a channel in time", where=self.label) from error
                if time.monotonic() > until:
                    refused = f"opens no more channels: {words(error)}"
                    full = ConnectionLostError(refused, where=self.label)
                    full.narrow = True
                    raise full from error
            time.sleep(0.05)

    def tunnel(self, address: str, port: int) -> paramiko.Channel:
        """Open a channel to another host through this one (RFC 4254, 7.2).

        Raises:
            ConnectError: this host could not or would not reach it.
            ConnectionLostError: the connection to this host is lost, or stands still.
        """
        try:
            with self._watch.limit(_START_WAIT, self.share):
                return self._paramiko.open_channel(
                    "direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=_CHANNEL_WAIT
                )
        except (paramiko.SSHException, EOFError, OSError) as error:
            if not self.alive:
                raise self.lost("opening a tunnel", error) from error
            place = known_hosts.name_of(address, port)
            said = f"cannot be reached through {self.label}: {words(error)}"
            raise ConnectError(said, where=place, hint=_forwarding(error)) from error

    def release(self) -> None:
        """Take back the slot of a closed stream."""
        self._slots.release()

    def close(self) -> None:
        """Close the connection and end its threads."""
        self._watch.stop()
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._paramiko.close()

    def lost(self, doing: str, error: BaseException) -> ConnectionLostError:
        """Return the error for a connection that is gone."""
        if self.stands_still:
            return ConnectionLostError("the connection stands still: no sign of life came", where=self.label)
        return ConnectionLostError(f"{doing} broke off: {words(error)}", where=self.label)

    @contextlib.contextmanager
    def guarded(self, seconds: float) -> Iterator[Callable[[], None]]:
        """Guard calls of a stream: tests and a deadline from outside, foreign errors translated.

        Args:
            seconds: after which the calls should have ended by themselves; a little later they are ended.

        Yields:
            What to call when something moved; see `Deadlines.limit`.
        """
        limit = seconds + 2 * self.share + _LATE
        with self._translated("talking"), self._watch.limit(limit, self._host.timeout) as moved:
            yield moved

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            if not self.lives():
                raise self.lost(doing, error) from error
            raise DeadlineError("nothing moved within the time allowed", where=self.label) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if self._watch.stalled:
                raise DeadlineError("did not answer within the time allowed", where=self.label) from error
            raise self.lost(doing, error) from error


class SshStream:
    """A command on a channel; see `Stream`."""

    def __init__(self, channel: paramiko.Channel, idle: float, owner: SshTransport) -> None:
        self._channel = channel
        self._idle = idle
        self._owner = owner
        self._closed = threading.Lock()
        self._window = channel.out_window_size
        # Paramiko leaves that many bytes of a packet free, and copies what is longer.
        self._packet = channel.out_max_packet_size - 64
        self._ahead = AHEAD if owner.tells else self._window
        self._sent = 0
        self._told = 0.0, 0
        channel.settimeout(idle)

    def read(self, size: int) -> bytes:
        """Return output; see `Stream`."""
        with self._owner.guarded(self._idle):
            piece = self._channel.recv(size)
            if not piece and self._owner.stands_still:
                raise EOFError
            return piece

    def read_errors(self, size: int) -> bytes:
        """Return error output; it may stay silent as long as the command runs."""
        while True:
            try:
                return self._channel.recv_stderr(size)
            except TimeoutError:
                if self._channel.closed:
                    return b""
            except (paramiko.SSHException, EOFError, OSError):
                return b""

    def write(self, data: bytes) -> None:
        """Send input; see `Stream`."""
        view = memoryview(data)
        with self._owner.guarded(self._idle + len(data) / SLOWEST) as moved:
            while view:
                self._await_room()
                sent = self._channel.send(bytes(view[: self._packet]))
                if not sent:
                    raise EOFError
                view = view[sent:]
                self._sent += sent
                moved()

    def _await_room(self) -> None:
        """Wait while more is on its way than the line brings in a moment, by what it told of.

        Raises:
            TimeoutError: for as long as it may be silent it took nothing.
        """
        channel = self._channel
        if self._ahead >= self._window or self._window - channel.out_window_size < self._ahead:
            return
        with channel.out_buffer_cv:
            before = channel.out_window_size
            told = channel.out_buffer_cv.wait_for(
                lambda: channel.closed or channel.out_window_size > before, self._idle
            )
        if not told:
            raise TimeoutError
        now, taken = time.monotonic(), self._sent - (self._window - channel.out_window_size)
        since, then = self._told
        if since:
            rate = (taken - then) / max(now - since, 1e-6)
            self._ahead = max(AHEAD, min(self._window, int(rate * (SOON + 2 * self._owner.round_trip))))
        self._told = now, taken

    def close_input(self) -> None:
        """End the input."""
        with contextlib.suppress(HostError), self._owner.guarded(self._idle):
            self._channel.shutdown_write()

    def exit_status(self) -> int | None:
        """Return the command's status; a host that killed it, or was lost, tells none."""
        self._channel.status_event.wait(2)
        return self._channel.exit_status if self._channel.exit_status >= 0 else None

    def close(self) -> None:
        """Abandon the command and give its slot back."""
        if self._closed.acquire(blocking=False):
            with contextlib.suppress(HostError), self._owner.guarded(self._idle):
                self._channel.close()
            self._owner.release()


def _nothing(_channel: Channel) -> None:
    """Do nothing before a command begins."""


def shown_key(host: Host, connect: Dial) -> HostKey:
    """Return the key that a host shows, without trusting or logging in.

    Raises:
        ConnectError: not reachable.
    """
    with greeting(host):
        made = handshake(host, connect, ())
        try:
            return key_of(made)
        finally:
            made.close()


def _greet(host: Host, trust: Trust, connect: Dial) -> Connection:
    known = known_hosts.look_up(trust.files, host.address, host.port)
    pinned = host.login.host_key
    types = (pinned.split()[0],) if " " in pinned else () if pinned else known.types
    with greeting(host):
        made = handshake(host, connect, types)
        try:
            known_hosts.check(key_of(made), known, pinned, host.label, trust.unknown, trust.changed)
        except BaseException:
            made.close()
            raise
    return made
