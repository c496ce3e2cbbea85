"""Name → factory tables: the only file that names concrete classes. A new transport or strategy is a line here."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sshsync.appliers.base import Appliers
from sshsync.appliers.files import FileAppliers
from sshsync.config.resolve import Settings
from sshsync.hosts.asking import Asking
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
from sshsync.transports.base import Factory
from sshsync.transports.dialing import Dial
from sshsync.transports.known_hosts import HostKey
from sshsync.transports.local import LocalTransport
from sshsync.transports.ssh import SshTransport, shown_key
from sshsync.transports.trust import own_file, trust

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
    own = own_file(settings.state_dir)
    return {
        TransportKind.SSH: lambda host, dial: SshTransport(host, trust(host, own), dial),
        TransportKind.LOCAL: lambda host, _dial: LocalTransport(host.shell),
    }


SHOWN_KEYS: Mapping[TransportKind, Callable[[Host, Dial], HostKey]] = MappingProxyType({TransportKind.SSH: shown_key})
"""How the key is got that a host shows, without trusting it, by transport; there is none to trust for another."""
