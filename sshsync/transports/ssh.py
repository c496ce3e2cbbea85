"""Hosts over SSH: one Paramiko connection each, with a deadline on every wait.

Every Paramiko pitfall that matters here is handled where it occurs: no wait without limit (`Watch`), a socket
of our own with TCP_USER_TIMEOUT, all addresses tried, rekeying left to the server, strong algorithms only.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.packet import Packetizer

from sshsync.errors import ConnectError, ConnectionLostError, DeadlineError, HostError
from sshsync.model.topology import Host
from sshsync.remote import encode
from sshsync.remote.encode import visible
from sshsync.remote.scripts import Command
from sshsync.transports import known_hosts, ssh_auth
from sshsync.transports.base import CHANNELS
from sshsync.transports.known_hosts import HostKey
from sshsync.transports.watch import Watch

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
WINDOW = 16 << 20
"""Bytes a host may send ahead on one channel: bounds memory, and speed on long links."""

_PACKET = 1 << 18
_HANDSHAKE = 20.0
_ADDRESS_WAIT = 10.0
_CHANNEL_WAIT = 30.0

LOG = "sshsync.ssh"
"""Paramiko's chatter goes to this channel of `logging`, where a library user may listen; nobody does by default."""

logging.getLogger(LOG).addHandler(logging.NullHandler())

Channel = paramiko.Channel
Dial = Callable[[], socket.socket | Channel]


class _Transport(paramiko.Transport):
    """Remembers the key exchange that was agreed on: Paramiko forgets it when the exchange is over."""

    agreed_kex = ""

    def _parse_kex_init(self, m: paramiko.Message) -> None:
        super()._parse_kex_init(m)  # type: ignore[misc]
        engines = getattr(self, "_kex_info", {})
        self.agreed_kex = next((name for name, engine in engines.items() if type(self.kex_engine) is engine), "")


class _Packetizer(Packetizer):
    """Leaves rekeying to the server: one that the client starts can stall a busy transfer (paramiko#822)."""

    REKEY_BYTES = 1 << 40
    REKEY_PACKETS = 1 << 31


@dataclass(frozen=True, slots=True)
class Trust:
    """Where host keys are looked up, and what an operator is told about an unknown host."""

    files: tuple[Path, ...]
    hint: str = ""


def dial(address: str, port: int, within: float) -> socket.socket:
    """Connect to the first address that answers.

    Raises:
        ConnectError: none did; the words name each attempt.
    """
    label = known_hosts.name_of(address, port)
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        permanent = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        kind = HostError if permanent else ConnectError
        raise kind(f"its address is not known: {error.strerror}", where=label, hint="check host") from error
    until = time.monotonic() + within
    attempts = []
    for family, kind_, protocol, _, place in found:
        made = socket.socket(family, kind_, protocol)
        try:
            made.settimeout(max(0.5, min(_ADDRESS_WAIT, until - time.monotonic())))
            made.connect(place)
            _tune(made)
        except OSError as error:
            made.close()
            attempts.append(f"{place[0]}: {error.strerror or 'no answer in time'}")
            continue
        return made
    raise ConnectError(f"cannot connect ({'; '.join(attempts)})", where=label)


def _tune(made: socket.socket) -> None:
    """Let the kernel find dead links: keepalive alone never does while data is in flight."""
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 30000)):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class SshTransport:
    """One connection to one host; see `Transport`."""

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
        self._paramiko = _greet(host, trust, connect)
        self._watch = Watch(self._paramiko.close)
        try:
            with self._watch.limit(_HANDSHAKE * 3):
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
        return bool(self._paramiko.is_active())

    def open(self, command: Command, idle: float) -> "SshStream":
        """Start a command; see `Transport.open`."""
        line = encode.command_line(self._host.shell, command.script.text, command.variables)
        if not self._slots.acquire(timeout=max(idle, 600)):
            raise DeadlineError("no free channel for another command", where=self.label)
        try:
            channel = self._channel(min(idle, _CHANNEL_WAIT))
            with self._watch.limit(min(idle, 60.0)), self._translated("starting a command"):
                channel.exec_command(line)
        except BaseException:
            self._slots.release()
            raise
        return SshStream(channel, idle, self)

    def _channel(self, within: float) -> Channel:
        """Open a channel, waiting in line when the host has too many open.

        A host counts a command until it has noticed its end, so the line may be a little longer than ours;
        and its MaxSessions may be smaller.
        """
        until = time.monotonic() + within
        while True:
            try:
                with self._watch.limit(60.0):
                    return self._paramiko.open_session(WINDOW, _PACKET, timeout=within)
            except (paramiko.SSHException, EOFError, OSError) as error:
                # Paramiko keeps one exception for all threads: who comes second sees a plain SSHException.
                if not self.alive:
                    raise ConnectionLostError(f"opening a channel: {_words(error)}", where=self.label) from error
                if "Timeout" in str(error):
                    raise DeadlineError("does not open a channel in time", where=self.label) from error
                if time.monotonic() > until:
                    words = f"opens no more channels: {_words(error)}"
                    raise ConnectionLostError(words, where=self.label) from error
            time.sleep(0.05)

    def tunnel(self, address: str, port: int) -> paramiko.Channel:
        """Open a channel to another host through this one (RFC 4254, 7.2).

        Raises:
            ConnectError: this host could not or would not reach it.
        """
        try:
            return self._paramiko.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=30)
        except (paramiko.SSHException, EOFError, OSError) as error:
            place = known_hosts.name_of(address, port)
            raise ConnectError(f"cannot be reached through {self.label}: {_words(error)}", where=place) from error

    def release(self) -> None:
        """Take back the slot of a closed stream."""
        self._slots.release()

    def close(self) -> None:
        """Close the connection and end its threads."""
        self._watch.stop()
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._paramiko.close()

    @contextlib.contextmanager
    def guarded(self, seconds: float) -> Iterator[None]:
        """Guard calls of a stream: deadline from outside, foreign errors translated."""
        with self._watch.limit(seconds), self._translated("talking"):
            yield

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise DeadlineError("nothing moved within the time allowed", where=self.label) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if self._watch.stalled:
                raise DeadlineError("did not answer within the time allowed", where=self.label) from error
            raise ConnectionLostError(f"{doing} broke off: {_words(error)}", where=self.label) from error


class SshStream:
    """A command on a channel; see `Stream`."""

    def __init__(self, channel: paramiko.Channel, idle: float, owner: SshTransport) -> None:
        self._channel = channel
        self._idle = idle
        self._owner = owner
        self._closed = threading.Lock()
        channel.settimeout(idle)

    def read(self, size: int) -> bytes:
        """Return output; see `Stream`."""
        with self._owner.guarded(self._idle + 5):
            return self._channel.recv(size)

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
        with self._owner.guarded(self._idle + 5):
            self._channel.sendall(data)

    def close_input(self) -> None:
        """End the input."""
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.shutdown_write()

    def exit_status(self) -> int | None:
        """Return the command's status; a host that killed it, or was lost, tells none."""
        self._channel.status_event.wait(2)
        return self._channel.exit_status if self._channel.exit_status >= 0 else None

    def close(self) -> None:
        """Abandon the command and give its slot back."""
        if self._closed.acquire(blocking=False):
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                self._channel.close()
            self._owner.release()


def shown_key(host: Host, connect: Dial) -> HostKey:
    """Return the key that a host shows, without trusting or logging in.

    Raises:
        ConnectError: not reachable.
    """
    with _greeting(host):
        made = _handshake(host, connect, ())
        try:
            return _key_of(made)
        finally:
            made.close()


@contextlib.contextmanager
def _greeting(host: Host) -> Iterator[None]:
    """Translate what Paramiko raises when a host goes away while greetings are exchanged."""
    try:
        yield
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise ConnectError(f"the greeting broke off: {_words(error)}", where=host.label) from error


def _greet(host: Host, trust: Trust, connect: Dial) -> paramiko.Transport:
    known = known_hosts.look_up(trust.files, host.address, host.port)
    pinned = host.login.host_key
    types = (pinned.split()[0],) if " " in pinned else () if pinned else known.types
    with _greeting(host):
        made = _handshake(host, connect, types)
        try:
            known_hosts.check(_key_of(made), known, pinned, host.label, trust.hint)
        except BaseException:
            made.close()
            raise
    return made


def _handshake(host: Host, connect: Dial, key_types: tuple[str, ...]) -> paramiko.Transport:
    made = _Transport(connect(), packetizer_class=_Packetizer)
    try:
        made.set_log_channel(LOG)
        within = min(_HANDSHAKE, host.timeout)
        made.banner_timeout = made.handshake_timeout = made.auth_timeout = within
        made.channel_timeout = 30
        options = made.get_security_options()
        options.ciphers = CIPHERS
        options.digests = MACS
        wanted = _signatures(key_types, tuple(options.key_types))
        if wanted:
            options.key_types = wanted
        greeted = threading.Event()
        made.start_client(greeted)
        done = greeted.wait(within)
        if not done or not made.is_active():
            raise _greeting_error(host, made, done=done)
    except BaseException:
        made.close()
        raise
    return made


def _signatures(key_types: tuple[str, ...], offered: tuple[str, ...]) -> tuple[str, ...]:
    """Ask a host for the key that is on record, as OpenSSH does; a known RSA key signs by SHA-2."""
    wanted = {"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in key_types else set()
    return tuple(kind for kind in offered if kind in key_types or kind in wanted)


def _greeting_error(host: Host, made: paramiko.Transport, *, done: bool) -> HostError:
    error = made.get_exception()
    if not done:
        return ConnectError("did not finish the SSH greeting in time", where=host.label)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return HostError(
            f"offers no algorithm that is safe enough: {_words(error)}", where=host.label, hint="update its sshd"
        )
    said = _words(error) if error else "it closed the connection"
    return ConnectError(f"no SSH greeting: {said}", where=host.label)


def _key_of(made: paramiko.Transport) -> HostKey:
    key = made.get_remote_server_key()
    return HostKey(key.get_name(), key.asbytes())


def _words(error: BaseException) -> str:
    if isinstance(error, paramiko.ChannelException):
        return visible(error.text, 200)
    return visible(str(error) or type(error).__name__, 200)
