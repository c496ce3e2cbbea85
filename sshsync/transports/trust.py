"""Whom the controller trusts: where a host's key is looked up, and how a key that an operator accepts is recorded."""

from dataclasses import dataclass
from pathlib import Path

from sshsync.model.topology import Host
from sshsync.transports import known_hosts
from sshsync.transports.known_hosts import HostKey


@dataclass(frozen=True, slots=True)
class Trust:
    """Where host keys are looked up, and what an operator is told about an unknown host."""

    files: tuple[Path, ...]
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SeenKey:
    """A host key as shown by a host that is not trusted yet; `known` when it already is on record."""

    label: str
    host: Host
    key: HostKey
    known: bool


def own_file(state_dir: str) -> Path:
    """Return sshsync's own file of known host keys."""
    return Path(state_dir) / "known_hosts"


def trust(host: Host, own: Path) -> Trust:
    """Return where the host's key is looked up; `own` is sshsync's own file."""
    everybodys = (own, Path.home() / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    files = (Path(host.login.known_hosts),) if host.login.known_hosts else everybodys
    return Trust(files, "compare it with what the host's operator says, then: sshsync hosts trust NAME")


def seen(host: Host, key: HostKey, own: Path) -> SeenKey:
    """Return what is known about a key that the host has shown."""
    known = known_hosts.look_up(trust(host, own).files, host.address, host.port)
    return SeenKey(host.label, host, key, any(key.blob == other.blob for other in known.keys))


def record(accepted: SeenKey, own: Path) -> Path:
    """Record a key, unless it is on record, and return the file.

    Raises:
        HostKeyError: another key is on record or it is revoked; that is never overwritten.
    """
    host = accepted.host
    found = known_hosts.look_up(trust(host, own).files, host.address, host.port)
    if found.revoked or (found.keys and not accepted.known):
        known_hosts.check(accepted.key, found, "", accepted.label, "")
    file = Path(host.login.known_hosts) if host.login.known_hosts else own
    if not accepted.known:
        known_hosts.record(file, host.address, host.port, accepted.key)
    return file
