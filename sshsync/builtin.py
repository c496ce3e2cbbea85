"""Name → factory tables: the only file that names concrete classes. A new transport or strategy is a line here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sshsync.appliers.base import Appliers
from sshsync.appliers.files import FileAppliers
from sshsync.config.resolve import Config, Settings
from sshsync.errors import UnknownRepositoryError, UsageError
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Factory, Pool
from sshsync.kinds.base import Kind
from sshsync.kinds.files import Files
from sshsync.model.events import Event
from sshsync.model.policy import TransportKind
from sshsync.model.topology import Host
from sshsync.notices import files
from sshsync.notices.base import Notice
from sshsync.notices.chat import Chat
from sshsync.notices.pages import Pages
from sshsync.notices.ping import Ping
from sshsync.notices.program import Mail, Program
from sshsync.transfers.base import Strategy
from sshsync.transfers.command import ByCommand
from sshsync.transfers.relay import Relay
from sshsync.transfers.scp import ByScp
from sshsync.transports import known_hosts, ssh
from sshsync.transports.base import Transport
from sshsync.transports.known_hosts import HostKey
from sshsync.transports.local import LocalTransport
from sshsync.transports.ssh import SshTransport, Trust
from sshsync.transports.ssh_greeting import Channel, Dial

STRATEGIES: Mapping[str, Callable[[Settings], Strategy]] = {
    "relay": lambda _settings: Relay(),
    "command": lambda _settings: ByCommand(),
    "scp": lambda settings: ByScp(Path(settings.state_dir) / "spool"),
}
"""How bytes move."""

Kinds = Mapping[str, tuple[Callable[[], Kind], Callable[[Asking, Settings], Appliers[Any]]]]

KINDS: Kinds = {
    "files": (
        Files,
        lambda asking, settings: FileAppliers(asking, {name: make(settings) for name, make in STRATEGIES.items()}),
    ),
}
"""What items are, and how they become what they should be."""


def notices(settings: Settings, events: Callable[[str], Iterable[tuple[float, Event]]]) -> list[Notice]:
    """Return who is told of runs; `events` gives those of a run, with their times."""
    made: list[tuple[str, Callable[[str], Notice]]] = [
        (settings.metrics_file, lambda file: files.metrics(Path(file))),
        (settings.status_file, lambda file: files.status(Path(file))),
        (settings.report_dir, lambda directory: Pages(Path(directory), events)),
        (settings.ping_url, Ping),
        (settings.mail_to, Mail),
        (settings.notify_command, Program),
    ]
    chat: list[Notice] = [Chat(settings.notify_url)] if settings.notify_url else []
    return [make(value) for value, make in made if value] + chat


def transports(settings: Settings) -> dict[TransportKind, Factory]:
    """Return how hosts are reached, by transport."""

    def over_ssh(host: Host, pool: Pool) -> Transport:
        return SshTransport(host, trust(host, settings), dialer(host, pool))

    def here(host: Host, pool: Pool) -> Transport:
        del pool
        return LocalTransport(host.shell)

    return {TransportKind.SSH: over_ssh, TransportKind.LOCAL: here}


def own_known_hosts(settings: Settings) -> Path:
    """Return sshsync's own file of known host keys."""
    return Path(settings.state_dir) / "known_hosts"


def trust(host: Host, settings: Settings) -> Trust:
    """Return where the host's key is looked up."""
    own = own_known_hosts(settings)
    accounts = Path.home() / ".ssh" / "known_hosts"
    files = (
        (Path(host.login.known_hosts),)
        if host.login.known_hosts
        else (
            own,
            accounts,
            Path("/etc/ssh/ssh_known_hosts"),
        )
    )
    return Trust(files, "compare it with what the host's operator says, then: sshsync hosts trust NAME")


def dialer(host: Host, pool: Pool) -> Dial:
    """Return how a connection to the host is made: directly, or through its jump host."""
    if not host.via:
        return lambda: ssh.dial(host.address, host.port, within=20.0)
    return _through(pool, host.via, host)


@dataclass(frozen=True, slots=True)
class SeenKey:
    """A host key as shown by a host that is not trusted yet; `known` when it already is on record."""

    label: str
    host: Host
    key: HostKey
    known: bool


def seen_key(config: Config, name: str) -> SeenKey:
    """Return the key that a repository's host shows; see `api.Sync.host_key`."""
    repositories = config.tree.repositories
    if name not in repositories:
        raise UnknownRepositoryError(f"unknown repository {name!r}", hint=f"known: {', '.join(repositories)}")
    host = repositories[name].host
    if host.transport is TransportKind.LOCAL:
        raise UsageError(f"{name} is on this host itself: there is no key to trust")
    pool = Pool(transports(config.settings))
    try:
        key = ssh.shown_key(host, dialer(host, pool))
    finally:
        pool.close()
    known = known_hosts.look_up(trust(host, config.settings).files, host.address, host.port)
    return SeenKey(host.label, host, key, any(key.blob == other.blob for other in known.keys))


def trust_key(settings: Settings, seen: SeenKey) -> Path:
    """Record a key; see `api.Sync.trust`."""
    host = seen.host
    found = known_hosts.look_up(trust(host, settings).files, host.address, host.port)
    if found.revoked or (found.keys and not seen.known):
        known_hosts.check(seen.key, found, "", seen.label, "")
    file = Path(host.login.known_hosts) if host.login.known_hosts else own_known_hosts(settings)
    if not seen.known:
        known_hosts.record(file, host.address, host.port, seen.key)
    return file


def _through(pool: Pool, jump: Host, host: Host) -> Dial:
    def connect() -> Channel:
        transport = pool.transport(jump)
        assert isinstance(transport, SshTransport)  # noqa: S101 - a jump host is reached over SSH
        return transport.tunnel(host.address, host.port)

    return connect
