"""Name → factory tables: the only file that names concrete classes. A new transport or strategy is a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sshsync.appliers.base import Appliers
from sshsync.appliers.files import FileAppliers
from sshsync.appliers.packages import PackageAppliers
from sshsync.config.resolve import Known, Settings
from sshsync.config.types import Type
from sshsync.hosts.asking import Asking
from sshsync.kinds.base import Kind
from sshsync.kinds.files import Files
from sshsync.kinds.installing import Installer
from sshsync.kinds.packages import Manager, Packages
from sshsync.kinds.pip import Pip
from sshsync.kinds.pip_changes import PipChanges
from sshsync.kinds.rpm import Rpm
from sshsync.kinds.rpm_changes import RpmChanges
from sshsync.model.policy import LOCAL
from sshsync.model.topology import Host
from sshsync.model.words import Order
from sshsync.notices import files
from sshsync.notices.base import Notice, Past
from sshsync.notices.chat import Chat
from sshsync.notices.mail import Mail
from sshsync.notices.pages import Pages
from sshsync.notices.ping import Ping
from sshsync.notices.program import Program
from sshsync.transfers.base import Strategy
from sshsync.transfers.command import ByCommand
from sshsync.transfers.direct import Direct
from sshsync.transfers.reads import Reads
from sshsync.transfers.relay import Relay
from sshsync.transfers.scp import ByScp
from sshsync.transports.base import Factory, Transport
from sshsync.transports.dialing import Dial
from sshsync.transports.known_hosts import HostKey
from sshsync.transports.local import LocalTransport
from sshsync.transports.ssh import SshTransport, shown_key
from sshsync.transports.trust import own_file, trust
from sshsync.versions import order

STRATEGIES: Mapping[str, Callable[[Settings, Reads], Strategy]] = {
    "relay": lambda _settings, reads: Relay(reads),
    "command": lambda _settings, _reads: ByCommand(),
    "direct": lambda _settings, _reads: Direct(),
    "scp": lambda settings, _reads: ByScp(Path(settings.state_dir) / "spool"),
}
"""How bytes move."""


@dataclass(frozen=True, slots=True)
class Way:
    """A transport.

    Attributes:
        factory: makes what connects to hosts.
        shown_key: gets the key that a host shows, without trusting it; None where there is none to trust.
    """

    factory: Callable[[Settings], Factory]
    shown_key: Callable[[Host, Dial], HostKey] | None = None


TRANSPORTS: Mapping[str, Way] = {
    "ssh": Way(lambda settings: partial(_over_ssh, settings), shown_key),
    LOCAL: Way(lambda _settings: lambda host, _dial: LocalTransport(host.shell)),
}
"""How hosts are reached."""

Kinds = Mapping[str, tuple[Callable[[], Kind], Callable[[Asking, Settings], Appliers[Any]]]]


def _files(asking: Asking, settings: Settings) -> FileAppliers:
    reads = Reads()
    return FileAppliers(asking, {name: make(settings, reads) for name, make in STRATEGIES.items()}, reads)


def _packages(
    manager: Manager, installer: Callable[[Order], Installer]
) -> tuple[Callable[[], Kind], Callable[[Asking, Settings], Appliers[Any]]]:
    ordered = order(manager.name)
    kind, changes = Packages(manager, installer(ordered), ordered), installer(ordered)
    return lambda: kind, lambda asking, _settings: PackageAppliers(asking, kind, changes, manager.name)


KINDS: Kinds = {
    "files": (Files, _files),
    "pip": _packages(Pip(), PipChanges),
    "rpm": _packages(Rpm(), RpmChanges),
}
"""What items are, and how they become what they should be."""


def known() -> Known:
    """Return what a configuration may name."""
    kinds = {name: kind() for name, (kind, _) in KINDS.items()}
    return Known({name: Type(kind.required, kind.unfit, kind.usual) for name, kind in kinds.items()}, TRANSPORTS)


def notices(settings: Settings, past: Past, *, whole: bool = True) -> list[Notice]:
    """Return who is told of a run.

    Args:
        settings: name them.
        past: tells of runs, and of those before them.
        whole: the run is not narrowed. Of one that is no monitoring hears: it would take a part for all.
    """
    watching: list[tuple[str, Callable[[str], Notice]]] = [
        (settings.metrics_file, lambda file: files.metrics(Path(file))),
        (settings.status_file, lambda file: files.status(Path(file))),
        (settings.ping_url, Ping),
    ]
    telling: list[tuple[str, Callable[[str], Notice]]] = [
        (settings.report_dir, lambda directory: Pages(Path(directory), past.events)),
        (settings.mail.mail_to, lambda _to: Mail(settings.mail, past.before)),
        (settings.notify_command, Program),
    ]
    chat: list[Notice] = [Chat(settings.notify_url)] if settings.notify_url else []
    made = [*(watching if whole else ()), *telling]
    return [make(value) for value, make in made if value] + chat


def transports(settings: Settings) -> dict[str, Factory]:
    """Return how hosts are reached, by transport."""
    return {name: way.factory(settings) for name, way in TRANSPORTS.items()}


def _over_ssh(settings: Settings, host: Host, dial: Dial) -> Transport:
    return SshTransport(host, trust(host, own_file(settings.state_dir), settings.called.command), dial)
