"""Items and snapshots: what one scan saw."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sshsync.model import row
from sshsync.model.empties import NO_EMPTIES, Directories, Empties
from sshsync.model.omission import Omission
from sshsync.model.problem import Problem
from sshsync.model.row import NOTHING, Digest, Stamp

Key = bytes
"""The name of an item below the root of its repository. For files: a relative path of raw bytes."""


LATEST = 8**11 - 1
"""The last second that the header of a plain tar archive holds (in March 2242); the first is that of 1970."""


class Item:
    """One item of a repository: a value that nobody changes.

    A tree has millions of them, so an item holds its key and one row of bytes.

    Args:
        key: its name.
        digest: None when the host printed none: such an item equals nothing.
        stamp: what the host says of it without reading it.
        mode: its permissions.
    """

    __slots__ = ("_held", "key")

    def __init__(self, key: Key, digest: Digest | None, stamp: Stamp = NOTHING, mode: int = 0o644) -> None:
        self.key = key
        self._held = row.packed(digest, stamp, mode)

    @property
    def digest(self) -> Digest | None:
        """Hash of its bytes."""
        return row.digest(self._held)

    @property
    def algorithm(self) -> str:
        """What made its digest, "" where there is none."""
        return row.algorithm(self._held)

    def agrees(self, other: "Item") -> bool:
        """Tell whether two items have the same digest, or both have none."""
        return row.agree(self._held, other._held)

    @property
    def stamp(self) -> Stamp:
        """What the host says of it without reading it."""
        held = self._held
        return held[1] if isinstance(held, tuple) else row.head(held)[0]

    @property
    def mode(self) -> int:
        """Permissions."""
        held = self._held
        return held[2] if isinstance(held, tuple) else row.head(held)[1]

    @property
    def size(self) -> int:
        """Size in bytes."""
        return row.size(self._held)

    @property
    def mtime(self) -> int:
        """Modification time in whole seconds, what lies between them cut off: what every tool can set."""
        return row.marks(self._held)[1]

    @property
    def marks(self) -> tuple[int, int]:
        """Mode and time as they are set on a child beside the bytes."""
        return row.marks(self._held)

    def portable(self) -> "Item":
        """Return the item with the nearest time that every archive and every tool can carry; mostly itself."""
        at = min(max(0, self.mtime), LATEST)
        return self if at == self.mtime else self.stamped(self.stamp._replace(mtime_ns=at * 1_000_000_000))

    def bearing(self, mode: int) -> "Item":
        """Return the item with other permissions."""
        return Item(self.key, self.digest, self.stamp, mode)

    def digested(self, digest: Digest | None) -> "Item":
        """Return the item with another digest."""
        return Item(self.key, digest, self.stamp, self.mode)

    def stamped(self, stamp: Stamp) -> "Item":
        """Return the item with another stamp."""
        return Item(self.key, self.digest, stamp, self.mode)

    def __eq__(self, other: object) -> bool:
        """Tell whether all of two items is equal."""
        return isinstance(other, Item) and self.key == other.key and self._held == other._held

    def __hash__(self) -> int:
        """Return a number that is equal for equal items."""
        return hash((self.key, self._held))

    def __repr__(self) -> str:
        """Show all of it."""
        return f"Item({self.key!r}, {self.digest!r}, {self.stamp!r}, {self.mode:#o})"


class Items(Mapping[Key, Item]):
    """Items by key, of which only the rows are held: an `Item` is made when it is asked for.

    Args:
        items: what is in it.
    """

    __slots__ = ("_held",)

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._held = {item.key: item._held for item in items}

    @staticmethod
    def of(items: Mapping[Key, Item]) -> "Items":
        """Return a mapping as it is when it is one of these, else a copy."""
        return items if isinstance(items, Items) else Items(items.values())

    def add(self, item: Item) -> None:
        """Add an item, in the place of one with its key; for who makes the mapping and has not shown it yet."""
        self._held[item.key] = item._held

    def place(self, key: Key, stamp: Stamp, mode: int) -> None:
        """Add an item that has no digest yet; as `add`."""
        self._held[key] = row.packed(None, stamp, mode)

    def learn(self, key: Key, stamp: Stamp, digest: Digest) -> bool:
        """Give an item the digest that is known for its stamp; as `add`. Tell whether it is there and bears that."""
        held = self._held.get(key)
        if held is None or (made := row.learned(held, stamp, digest)) is None:
            return False
        self._held[key] = made
        return True

    def undigested(self) -> list[Key]:
        """Return the keys of items that have no digest."""
        return [key for key, held in self._held.items() if len(held) in row.MAY_LACK and not row.algorithm(held)]

    def algorithms(self) -> set[str]:
        """Return what made the digests."""
        # The length of a row of bytes tells.
        others = [held for held in self._held.values() if isinstance(held, tuple)]
        kinds = {len(held): held for held in self._held.values()}
        return {row.algorithm(held) for held in (*kinds.values(), *others)} - {""}

    def total(self) -> int:
        """Return the size of all items in bytes."""
        return sum(map(row.size, self._held.values()))

    def alike(self, other: "Items", mode: int | None = None) -> set[Key]:
        """Return the keys of items that agree in digest, mode and time with those of the same keys elsewhere.

        Args:
            mode: permissions that those elsewhere are to bear instead of those of the items here.
        """
        others, agree, marks = other._held, row.agree, row.marks
        bearing = None if mode is None else mode & 0o777
        return {
            key
            for key, held in self._held.items()
            if (there := others.get(key)) is not None and agree(held, there) and marks(held, bearing) == marks(there)
        }

    def after(self, came: Iterable[Item], gone: Iterable[Key] = ()) -> "Items":
        """Return other items: these, after some came or changed and some went."""
        found = Items()
        found._held = self._held.copy()
        for item in came:
            found.add(item)
        for key in gone:
            found._held.pop(key, None)
        return found

    def __getitem__(self, key: Key) -> Item:
        """Return one."""
        found = Item.__new__(Item)
        found.key, found._held = key, self._held[key]
        return found

    def __contains__(self, key: object) -> bool:
        """Tell whether one is there."""
        return key in self._held

    def __iter__(self) -> Iterator[Key]:
        """Return the keys, in the order in which they came."""
        return iter(self._held)

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self._held)

    def __repr__(self) -> str:
        """Show all of them."""
        return f"Items({list(self.values())!r})"


@dataclass(frozen=True, slots=True)
class Sight:
    """A listing all of whose digests were known: what it was, and what was in it.

    Attributes:
        digest: of the whole listing: place, names, and what is told of each.
        items: their number.
        bytes: their total size.
        omitted: what is there besides, see `Snapshot`.
    """

    digest: str
    items: int
    bytes: int
    omitted: tuple[Omission, ...]


class Sealed(Mapping[Key, Item]):
    """Items of a listing that is what it was before, so nobody read it: their number and size are known.

    Who needs one of them has the snapshot opened first; to ask here is a bug, for it is not known which they are.

    Args:
        sight: what was seen before.
        listing: the listing itself, in compressed pieces.

    Attributes:
        opened: the same snapshot with its items, once somebody needed them.
    """

    __slots__ = ("listing", "opened", "sight")

    def __init__(self, sight: Sight, listing: tuple[bytes, ...]) -> None:
        self.sight = sight
        self.listing = listing
        self.opened: Snapshot | None = None

    def __getitem__(self, key: Key) -> Item:
        """Refuse."""
        raise RuntimeError("nobody opened this listing")

    def __iter__(self) -> Iterator[Key]:
        """Refuse."""
        raise RuntimeError("nobody opened this listing")

    def __len__(self) -> int:
        """Return how many they are."""
        return self.sight.items


_NONE: Mapping[Key, bytes] = {}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one scan of a repository saw, or what is there after publishing.

    Attributes:
        root: the resolved directory on the host; b"" when its items are in none.
        now: the host's own clock in seconds when the scan began.
        ended: the same when it ended, rounded up.
        complete: False when something could not be listed; such a snapshot never justifies a deletion.
        existed: False when the root was missing.
        omitted: what is there and is no item, and nobody who takes from it excludes.
        hashed: bytes that were read to compute digests (the rest came from the cache).
        restless: items that changed while they were scanned: their stamp is the fresh one, they have no digest.
        directories: those in which its items may be; None where nobody asked, or it cannot be told.
        links: where each of its symbolic links leads, by name; None where nobody asked, or it cannot be told.
        unmarked: items that lack what is asked for here beside their marks (of a file: its group).
        followed: items that are the files to which links of these names lead; None where nobody asked, or it cannot be
            told.
        astray: links that lead to no file below the root, where that was asked, with how.
        damaged: items without a digest, since they are not whole, with what is wrong; of other kinds than files.
        apart: resolved directory in which the work on the repository is done when that is not its root; None where it
            still has to be made.
        left: names of what earlier runs left there unfinished; leases begin with ``lease/``.
        sight: the digest of the listing, "" where that does not vouch for the digests of all that is in it.
    """

    repository: str
    root: bytes
    items: Mapping[Key, Item]
    now: int = 0
    complete: bool = True
    existed: bool = True
    omitted: tuple[Omission, ...] = ()
    hashed: int = 0
    problems: tuple[Problem, ...] = ()
    restless: frozenset[Key] = frozenset()
    unmarked: frozenset[Key] = frozenset()
    damaged: Mapping[Key, str] = field(default_factory=dict)
    followed: frozenset[Key] | None = None
    astray: Mapping[Key, str] = field(default_factory=dict)
    directories: Directories | None = None
    links: Mapping[Key, bytes] | None = None
    ended: int = 0
    left: tuple[bytes, ...] = ()
    apart: bytes | None = b""
    sight: str = ""

    @property
    def work(self) -> bytes:
        """The resolved directory in which whoever works on the repository has his lease and his staging, if any."""
        return b"" if self.apart is None else self.apart or self.root

    def after(
        self,
        came: Mapping[Key, Item],
        gone: Collection[Key] = (),
        empties: Empties = NO_EMPTIES,
        linked: Mapping[Key, bytes] = _NONE,
    ) -> "Snapshot":
        """Return what is there after some items came or changed, some went, and so did directories and links.

        Args:
            gone: what went, items and links; a link may have come in the place of one.
        """
        if not (came or gone or empties or linked):
            return self
        items = Items.of(self.items).after(came.values(), gone) if came or gone else self.items
        directories = self.directories.after((*came, *linked), empties) if self.directories else None
        unmarked = self.unmarked.difference(came, gone)
        links = self.links
        if links is not None:
            links = {key: to for key, to in links.items() if key not in came and key not in gone} | {**linked}
        followed = self.followed and self.followed.difference(came, gone)
        astray = {key: how for key, how in self.astray.items() if key not in came and key not in gone}
        found = replace(self, items=items, unmarked=unmarked, directories=directories, links=links)
        return replace(found, followed=followed, astray=astray, sight="")

    @property
    def skipped(self) -> int:
        """How many entries are no items."""
        return sum(found.count for found in self.omitted)

    @property
    def from_cache(self) -> bool:
        """Whether digests in it may have been made before the scan."""
        return self.hashed < self.bytes

    @property
    def bytes(self) -> int:
        """Total size of all items."""
        if isinstance(self.items, Sealed):
            return self.items.sight.bytes
        return Items.of(self.items).total()
