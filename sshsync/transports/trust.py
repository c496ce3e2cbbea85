"""Whom the controller trusts: where a host's key is looked up, and how a key that an operator accepts is recorded."""

from dataclasses import dataclass
from pathlib import Path

from sshsync.errors import HostKeyError
from sshsync.model.topology import Host
from sshsync.transports import known_hosts
from sshsync.transports.known_hosts import HostKey


@dataclass(frozen=True, slots=True)
class Trust:
    """Where host keys are looked up, and what an operator may do about an unknown and about another key."""

    files: tuple[Path, ...]
    unknown: str = ""
    changed: str = ""


@dataclass(frozen=True, slots=True)
class SeenKey:
    """A host key as shown by a host that is not trusted yet.

    Attributes:
        known: it is on record already.
        others: what is on record instead: type and fingerprint, file and line of each.
    """

    label: str
    host: Host
    key: HostKey
    known: bool
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was taken out of a file, by fingerprint, and what other files still say of the host, by file and line."""

    file: Path
    keys: tuple[str, ...]
    left: tuple[str, ...]


def own_file(state_dir: str) -> Path:
    """Return sshsync's own file of known host keys."""
    return Path(state_dir) / "known_hosts"


def trust(host: Host, own: Path, command: str = "sshsync") -> Trust:
    """Return where the host's key is looked up; `own` is sshsync's own file, `command` how sshsync is called."""
    everybodys = (own, Path.home() / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    files = (Path(host.login.known_hosts),) if host.login.known_hosts else everybodys
    return Trust(
        files,
        f"compare it with what the host's operator says, then: {command} hosts trust {host.name}",
        f"then: {command} hosts trust --replace {host.name}",
    )


def seen(host: Host, key: HostKey, own: Path) -> SeenKey:
    """Return what is known about a key that the host has shown.

    Raises:
        HostKeyError: it is revoked, or is not the one that `host_key` pins.
    """
    known = known_hosts.look_up(trust(host, own).files, host.address, host.port)
    if known.revoked or host.login.host_key:
        known_hosts.check(key, known, host.login.host_key or key.line, host.label)
    if host.login.host_key or any(key.blob == other.blob for other in known.keys):
        return SeenKey(host.label, host, key, known=True)
    said = (f"{other.type} {other.fingerprint}" for other in known.keys)
    return SeenKey(host.label, host, key, known=False, others=tuple(zip(said, known.places, strict=True)))


def record(accepted: SeenKey, own: Path, *, replace: bool = False) -> Path:
    """Record a key, unless it is on record, and return the file.

    Args:
        accepted: what an operator has compared.
        own: sshsync's own file.
        replace: take what is on record instead out of that file.

    Raises:
        HostKeyError: another key is on record and stays there, or it is revoked.
        StateError: the file cannot be written.
    """
    host, file = accepted.host, written(accepted.host, own)
    if accepted.known:
        return file
    now = seen(host, accepted.key, own)
    for said, place in now.others:
        where, name = place.rpartition(":")[0], known_hosts.name_of(host.address, host.port)
        if where == str(file) and replace:
            continue
        cure = "use --replace" if where == str(file) else f"ssh-keygen -R '{name}' -f {where}"
        raise HostKeyError(f"another key is on record: {said} ({place})", where=host.label, hint=cure)
    if now.others:
        known_hosts.forget(file, host.address, host.port, instead=accepted.key)
    elif not now.known:
        known_hosts.record(file, host.address, host.port, accepted.key)
    return file


def forget(host: Host, own: Path) -> Forgotten:
    """Take a host's keys out of the file that they are recorded in.

    Raises:
        HostKeyError: a file of known host keys cannot be read.
        StateError: the file cannot be written.
    """
    file = written(host, own)
    gone = known_hosts.forget(file, host.address, host.port)
    left = known_hosts.look_up(trust(host, own).files, host.address, host.port).places
    return Forgotten(file, tuple(gone), tuple(left))


def written(host: Host, own: Path) -> Path:
    """Return the file in which a host's key is recorded."""
    return Path(host.login.known_hosts) if host.login.known_hosts else own
