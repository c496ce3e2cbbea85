"""Known host keys: a reader for OpenSSH's known_hosts format that no single odd line can stop.

Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Exact names, ``[host]:port``, hashed names, wildcards,
negation and ``@revoked`` are honoured; ``@cert-authority`` lines are passed over and reported.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from sshsync.errors import HostKeyError, StateError


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public host key: its type and the raw blob."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint as OpenSSH prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """Type and base64 text, as in a known_hosts file."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


@dataclass(slots=True)
class Known:
    """What the files say about one host; `places` are file and line of its keys, in their order."""

    keys: list[HostKey] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    revoked: list[HostKey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def types(self) -> tuple[str, ...]:
        """Key types on record, in file order."""
        return tuple(dict.fromkeys(key.type for key in self.keys))


def name_of(address: str, port: int) -> str:
    """Return the name under which a host stands in the file."""
    return address if port == 22 else f"[{address}]:{port}"


def look_up(files: Iterable[Path], address: str, port: int) -> Known:
    """Return what the files say about a host. A file that does not exist says nothing.

    Raises:
        HostKeyError: a file exists but cannot be read: an unreadable deny list must not fail open.
    """
    known = Known()
    name = name_of(address, port).lower()
    for file in files:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise HostKeyError(f"cannot read {file}: {error.strerror}") from error
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            _take(known, line, name, f"{file}:{number}")
    return known


def _take(known: Known, line: str, name: str, place: str) -> None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return
    marker = words.pop(0) if words[0].startswith("@") else ""
    if marker not in ("", "@revoked"):
        known.warnings.append(f"{place}: {marker} is not supported; line passed over")
        return
    if len(words) < 3:
        known.warnings.append(f"{place}: not a known_hosts line; passed over")
        return
    if not _matches(words[0], name):
        return
    try:
        blob = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        known.warnings.append(f"{place}: its key is no base64; line passed over")
        return
    if marker:
        known.revoked.append(HostKey(words[1], blob))
    else:
        known.keys.append(HostKey(words[1], blob))
        known.places.append(place)


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _matches_hash(patterns, name)
    found = False
    for pattern in patterns.lower().split(","):
        negated = pattern.startswith("!")
        if fnmatchcase(name, pattern.lstrip("!").replace("[", "[[]")):
            if negated:
                return False
            found = True
    return found


def _matches_hash(text: str, name: str) -> bool:
    try:
        _, _, salt, digest = text.split("|")
        expected = base64.b64decode(digest, validate=True)
        made = hmac.new(base64.b64decode(salt, validate=True), name.encode(), hashlib.sha1)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(made.digest(), expected)


def check(key: HostKey, known: Known, pin: str, label: str, unknown: str = "", changed: str = "") -> None:
    """Accept the key that a host showed, or refuse.

    Args:
        key: what the host showed.
        known: what the files say.
        pin: the `host_key` of the configuration ("SHA256:…" or "type base64"), or "". A pin decides alone.
        label: the host, for messages.
        unknown: what an operator may do about an unknown host.
        changed: what about one that shows another key than before, once it is known why.

    Raises:
        HostKeyError: unknown, changed or revoked.
    """
    if any(key.blob == other.blob for other in known.revoked):
        hint = "the host needs a new key; this one is marked @revoked in known_hosts"
        raise HostKeyError(f"its host key {key.fingerprint} is revoked", where=label, hint=hint)
    if pin:
        if pin not in (key.fingerprint, key.line):
            raise HostKeyError(
                f"its host key is {key.fingerprint}, but host_key pins {pin[:60]}",
                where=label,
                hint="find out why it changed before you change host_key",
            )
        return
    if any(key.blob == other.blob for other in known.keys):
        return
    if known.keys:
        on_record = ", ".join(f"{other.type} {other.fingerprint}" for other in known.keys[:5])
        raise HostKeyError(
            f"its host key CHANGED: it shows {key.type} {key.fingerprint}, on record is {on_record}",
            where=label,
            hint=f"someone may be in between: find out why{changed and f'; {changed}'}",
        )
    raise HostKeyError(f"its host key {key.type} {key.fingerprint} is unknown", where=label, hint=unknown)


def record(file: Path, address: str, port: int, key: HostKey) -> None:
    """Append a key to our own known_hosts file, made 0600 when it is absent.

    Raises:
        StateError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(f"{name_of(address, port)} {key.line}\n")
    except OSError as error:
        raise StateError(f"cannot write {file}: {error.strerror}") from error


def forget(file: Path, address: str, port: int, instead: HostKey | None = None) -> list[str]:
    """Take a host out of a known_hosts file, and return the fingerprints of what stood there.

    Other names of a line stay, as do wildcards and what is revoked. The file is replaced whole, or left as it is.

    Args:
        file: what is changed.
        address, port: the host.
        instead: the key that it has from then on.

    Raises:
        StateError: the file cannot be read or written.
    """
    name, gone, kept = name_of(address, port).lower(), [], []
    try:
        for raw in file.read_bytes().splitlines(keepends=True):
            line = raw.decode("utf-8", "surrogateescape")
            rest = _without(line, name)
            if rest != line:
                found = Known()
                _take(found, line, name, "")
                gone += [key.fingerprint for key in found.keys]
            kept.append(rest)
        if instead:
            missing = "" if not kept or kept[-1].endswith("\n") else "\n"
            kept.append(f"{missing}{name_of(address, port)} {instead.line}\n")
        if gone or instead:
            _replace(file, "".join(kept).encode("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(f"cannot change {file}: {error.strerror}") from error
    return gone


def _without(line: str, name: str) -> str:
    """Return a line without a host, "" where nobody else stands in it."""
    names, _, rest = line.lstrip().partition(" ")
    if not names or names[0] in "#@":
        return line
    if names.startswith("|1|"):
        return "" if _matches_hash(names, name) else line
    others = [other for other in names.split(",") if other.lower() != name]
    if len(others) == len(names.split(",")):
        return line
    return f"{','.join(others)} {rest}" if others else ""


def _replace(file: Path, content: bytes) -> None:
    """Replace a file of host keys by one that says something else, with the modes it has."""
    new = file.with_name(f".{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fchmod(out.fileno(), file.stat().st_mode & 0o777)
        os.fsync(out.fileno())
    new.replace(file)
