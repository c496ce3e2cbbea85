"""Greetings: a Paramiko transport up to the moment at which the host has shown its key; nobody is trusted here.

Strong algorithms only; rekeying is left to the server.
"""

import contextlib
import logging
import math
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import paramiko
from paramiko import common
from paramiko.packet import Packetizer

from sshsync.errors import ConnectError, HostError
from sshsync.model.topology import Host
from sshsync.model.words import visible
from sshsync.transports.dialing import Dial, Way
from sshsync.transports.known_hosts import HostKey

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

HANDSHAKE = 20.0
"""Seconds that a greeting may take at the most."""

_OF_A_CHANNEL = range(common.MSG_CHANNEL_WINDOW_ADJUST, common.MSG_CHANNEL_REQUEST + 1)

_BYTES_ACKED = 120
"""Where `struct tcp_info` tells the bytes that were acknowledged."""

LOG = "sshsync.ssh"
"""Paramiko's chatter goes to this channel of `logging`, where a library user may listen; nobody does by default."""

logging.getLogger(LOG).addHandler(logging.NullHandler())

Channel = paramiko.Channel


class Line:
    """The socket under a connection, or the channel through a jump host; it knows when something was heard.

    Everything that Paramiko wants of a socket goes on to the real one.
    """

    def __init__(self, real: Way) -> None:
        self._real = real
        self._heard = threading.Event()
        self._sending = False
        self._bottom: Line = self
        if isinstance(real, paramiko.Channel) and isinstance(carrier := real.get_transport(), Connection):
            self._bottom = carrier.line._bottom
        self._sent = 0
        self._last = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def send(self, data: bytes) -> int:
        """Send, and take note of where it ends in what goes over the socket."""
        self._sending = True
        try:
            count = self._real.send(data)
        finally:
            self._sending = False
        if self._bottom is self:
            self._sent += count
        self._last = self._bottom._sent
        return count

    def recv(self, size: int) -> bytes:
        """Receive, and take note of it."""
        data = self._real.recv(size)
        if data:
            self._heard.set()
        return data

    def close(self) -> None:
        """Close the socket; whoever waits for a sign of life waits no longer."""
        self._real.close()
        self._heard.set()

    def lives(self, ask: Callable[[], None], within: float) -> bool:
        """Tell whether the other side gives any sign of life.

        Any byte heard is one, whatever it belongs to. So are bytes that arrive while ours are still on their way: over
        a slow line the question itself waits behind all that was sent before. What is sent from now on, the question
        included, does not count. Systems tell of whole packets only, which take the slowest line a while.

        Args:
            ask: sends something that the other side has to answer.
            within: seconds to wait; as long again while something is on its way.
        """
        self._heard.clear()
        before, end = self._bottom._arrived(), self._end()
        ask()
        if self._heard.wait(within):
            return True

        def arrives() -> bool:
            return min(self._bottom._arrived(), end) > before

        return arrives() or (end > before and (self._heard.wait(within) or arrives()))

    def _end(self) -> float:
        """Return up to where the bytes of the socket are ours, or go before one of ours.

        A send through a jump host that waits although the host takes more waits for the line to that host.
        """
        waits = self._sending and getattr(self._real, "out_window_size", 0) > 0
        return math.inf if waits else self._last

    def _arrived(self) -> int:
        """Return how many bytes of ours the other side's system has taken; 0 where this system does not tell."""
        try:
            told = self._real.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)  # type: ignore[attr-defined]
            return int(struct.unpack_from("=Q", told, _BYTES_ACKED)[0])
        except (AttributeError, OSError, struct.error):
            return 0


_LATER = 5.0
"""Seconds by which Paramiko gives a silent host up later than whoever waits for it."""

_NO_BANNER = "Error reading SSH protocol banner"
"""What Paramiko says of whoever closes the connection, or says something else, before it greets."""

_NO_REASONS = ("", "open failed")
"""What OpenSSH says where it has nothing to say."""


class Connection(paramiko.Transport):
    """A Paramiko transport that remembers what it would forget.

    It also answers the first thing that a host says unasked (OpenSSH tells of its keys after the login) by a message of
    no meaning: until that is acknowledged the host's system holds back whatever else the host says (Nagle), and systems
    acknowledge late (by 40 ms) what nobody answers.

    Attributes:
        agreed_kex: the key exchange that was agreed on.
        farewell: why the host ended the connection, in its own words; "" while it did not, or not with words.
        line: what it runs over.
    """

    agreed_kex = ""
    farewell = ""
    _refusal = ""
    _saved: Exception | None = None

    def __init__(self, line: Line) -> None:
        self.line = line
        self._silent = True
        super().__init__(line, packetizer_class=_Packetizer)  # type: ignore[arg-type]

    @property
    def saved_exception(self) -> Exception | None:
        """What went wrong last, for whoever asks next."""
        return self._saved

    @saved_exception.setter
    def saved_exception(self, error: Exception | None) -> None:
        if isinstance(error, paramiko.ChannelException) and self._refusal not in _NO_REASONS:
            error = paramiko.ChannelException(error.code, self._refusal)
        if isinstance(error, UnicodeError):
            # What Paramiko reads as text may be any bytes: that is the host's fault, and no bug.
            error = paramiko.SSHException("it sent bytes that are no text")
        self._saved = error

    def _parse_channel_open_failure(self, m: paramiko.Message) -> None:
        """Remember why the host opens no channel, in its own words: a jump host tells what is wrong behind it."""
        at = m.packet.tell()
        m.get_int(), m.get_int()
        self._refusal = m.get_string().decode("utf-8", "replace")
        m.packet.seek(at)
        super()._parse_channel_open_failure(m)  # type: ignore[misc]

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        """Remember why the host ends the connection; Paramiko only logs it, and fails where it is no text."""
        m.get_int()
        self.farewell = m.get_string().decode("utf-8", "replace")
        logging.getLogger(LOG).info("disconnected: %s", visible(self.farewell, 200))

    def _parse_kex_init(self, m: paramiko.Message) -> None:
        super()._parse_kex_init(m)  # type: ignore[misc]
        engines = getattr(self, "_kex_info", {})
        self.agreed_kex = next((name for name, engine in engines.items() if type(self.kex_engine) is engine), "")

    def _parse_global_request(self, m: paramiko.Message) -> None:
        super()._parse_global_request(m)  # type: ignore[misc]
        if self._silent:
            self._silent = False
            nothing = paramiko.Message()
            nothing.add_byte(common.cMSG_IGNORE)
            nothing.add_string("")
            self._send_message(nothing)  # type: ignore[attr-defined]


class _Packetizer(Packetizer):
    """Leaves rekeying to the server: one that the client starts can stall a busy transfer (paramiko#822).

    It also sends nothing for a channel after its end. Paramiko answers a host's end of a channel from one thread while
    another one may be about to send data or an end of file: what comes late refers to a channel that the host no longer
    has, and OpenSSH ends the whole connection for that.
    """

    REKEY_BYTES = 1 << 40
    REKEY_PACKETS = 1 << 31

    def __init__(self, line: Line) -> None:
        super().__init__(line)  # type: ignore[arg-type]
        self._order = threading.RLock()
        self._ended: set[bytes] = set()

    def send_message(self, data: paramiko.Message) -> None:
        """Send a message, unless it comes after the end of its channel."""
        kind, channel = _head(data)
        with self._order:
            if kind in _OF_A_CHANNEL and channel in self._ended:
                return
            if kind == common.MSG_CHANNEL_CLOSE:
                self._ended.add(channel)
            super().send_message(data)

    def read_message(self) -> tuple[int, paramiko.Message]:
        """Read a message; the number of an ended channel may come back for a new one."""
        kind, message = super().read_message()
        if kind in (common.MSG_CHANNEL_OPEN_SUCCESS, common.MSG_CHANNEL_OPEN):
            data = message.asbytes()
            # A channel that the host opens is numbered behind the name of its kind.
            at = 4 + int.from_bytes(data[:4], "big") if kind == common.MSG_CHANNEL_OPEN else 4
            with self._order:
                self._ended.discard(bytes(data[at : at + 4]))
        return kind, message


def _head(data: paramiko.Message) -> tuple[int, bytes]:
    with data.packet.getbuffer() as view:
        return view[0], bytes(view[1:5])


@contextlib.contextmanager
def greeting(host: Host) -> Iterator[None]:
    """Translate what Paramiko raises when a host goes away while greetings are exchanged."""
    try:
        yield
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise ConnectError(f"the greeting broke off: {words(error)}", where=host.label) from error


def handshake(host: Host, connect: Dial, key_types: tuple[str, ...]) -> Connection:
    """Connect and exchange keys.

    Args:
        host: who is greeted.
        connect: gives the socket.
        key_types: of host keys that are on record; only such a key is asked for, if there are any.

    Raises:
        ConnectError: not reachable, or no SSH server in time.
        HostError: it offers no algorithm that is safe enough.
    """
    made = Connection(Line(connect()))
    try:
        made.set_log_channel(LOG)
        within = min(HANDSHAKE, host.timeout)
        made.handshake_timeout = made.auth_timeout = within
        # Who is silent is told apart from who hangs up: the wait below ends first.
        made.banner_timeout = within + _LATER
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
        hint = "check port; the host may be overloaded"
        return ConnectError("did not finish the SSH greeting in time", where=host.label, hint=hint)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return HostError(
            f"offers no algorithm that is safe enough: {words(error)}", where=host.label, hint="update its sshd"
        )
    if error is None or _NO_BANNER in str(error):
        said = "it closed the connection, or does not speak SSH"
        hint = "check port; an sshd with too many logins under way does so, too: MaxStartups"
        return ConnectError(f"no SSH greeting: {said}", where=host.label, hint=hint)
    return ConnectError(f"no SSH greeting: {words(error)}", where=host.label)


def key_of(made: paramiko.Transport) -> HostKey:
    """Return the key that the host has shown."""
    key = made.get_remote_server_key()
    return HostKey(key.get_name(), key.asbytes())


def words(error: BaseException) -> str:
    """Return what an error of Paramiko says, for a screen."""
    if isinstance(error, paramiko.ChannelException):
        return visible(error.text, 200)
    return visible(str(error) or type(error).__name__, 200)
