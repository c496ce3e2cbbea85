"""Items and snapshots: what one scan saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Key = bytes
"""The name of an item below the root of its repository. For files: a relative path of raw bytes."""

Digest = str
"""``algorithm:value``. For files the value is lower-case hexadecimal; digests compare as text."""


LATEST = 8**11 - 1
"""The last second that the header of a plain tar archive holds (in March 2242); the first is that of 1970."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a host says about a file without reading it.

    Equal stamps (size, times in nanoseconds, inode) mean that the bytes did not change since;
    ``ctime_ns`` and ``inode`` cannot be set by an ordinary user, which is why they are in it.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a repository.

    ``digest`` is None when the host printed none: such an item equals nothing.
    """

    key: Key
    digest: Digest | None
    stamp: Stamp = field(default_factory=lambda: Stamp(0, 0, 0, 0))
    mode: int = 0o644

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.stamp.size

    @property
    def mtime(self) -> int:
        """Modification time in whole seconds, what lies between them cut off: what every tool can set."""
        return self.stamp.mtime_ns // 1_000_000_000

    @property
    def marks(self) -> tuple[int, int]:
        """Mode and time as they are set on a child beside the bytes."""
        return self.mode & 0o777, self.mtime

    def portable(self) -> "Item":
        """Return the item with the nearest time that every archive and every tool can carry; mostly itself."""
        at = min(max(0, self.mtime), LATEST)
        return self if at == self.mtime else replace(self, stamp=replace(self.stamp, mtime_ns=at * 1_000_000_000))


@dataclass(frozen=True, slots=True)
class Problem:
    """One item that could not be handled, with the reason; never fatal for the others."""

    key: Key
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one scan of a repository saw, or what is there after publishing.

    Attributes:
        root: the resolved directory on the host; b"" when its items are in none.
        now: the host's own clock in seconds when the scan began.
        ended: the same when it ended, rounded up.
        complete: False when something could not be listed; such a snapshot never justifies a deletion.
        existed: False when the root was missing.
        skipped: entries that are no regular files.
        hashed: bytes that were read to compute digests (the rest came from the cache).
        restless: items that changed while they were scanned: their stamp is the fresh one, they have no digest.
        apart: resolved directory in which the work on the repository is done when that is not its root.
    """

    repository: str
    root: bytes
    items: Mapping[Key, Item]
    now: int = 0
    complete: bool = True
    existed: bool = True
    skipped: int = 0
    hashed: int = 0
    problems: tuple[Problem, ...] = ()
    restless: frozenset[Key] = frozenset()
    ended: int = 0
    apart: bytes = b""

    @property
    def work(self) -> bytes:
        """The resolved directory in which whoever works on the repository has his lease and his staging."""
        return self.apart or self.root

    @property
    def from_cache(self) -> bool:
        """Whether digests in it may have been made before the scan."""
        return self.hashed < self.bytes

    @property
    def bytes(self) -> int:
        """Total size of all items."""
        return sum(item.size for item in self.items.values())
