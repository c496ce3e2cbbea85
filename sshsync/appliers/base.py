"""The seam: an applier makes true on one child what its link prepared, without asking why.

A link decides, guards, runs hooks and keeps records; its applier knows how items of its kind are brought, made visible
and removed. What is staged is a value; when it is published is not the applier's business.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol, TypeVar, runtime_checkable

from sshsync.model.change import Delete
from sshsync.model.empties import NO_EMPTIES, Empties
from sshsync.model.item import Item, Key
from sshsync.model.kept import Kept, Restored
from sshsync.model.links import Link
from sshsync.model.prepared import Outlook, Prepared
from sshsync.model.topology import Repository
from sshsync.remote.probe import Capabilities

S = TypeVar("S")
"""What an applier has staged: a value that only it understands."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where an applier works.

    Attributes:
        root: the child's resolved root; b"" when its items are in no directory.
        work: directory in which the work is done; see `Snapshot.work`.
        lease: token of the lease under which it works; "" for looks, which change nothing.
        run: the run in which it works, "" for looks.
        keep: name under which what is replaced or deleted is put aside there; "" for nothing.
        note: takes what appliers of the child's own children should know of an item that is on its way; None where
            nobody follows.
    """

    parent: Repository
    child: Repository
    root: bytes
    work: bytes
    lease: str = ""
    run: str = ""
    keep: str = ""
    note: Callable[[Key, Any], None] | None = None


class Feed(Protocol):
    """What a parent has while it is still being synchronized. For several threads.

    Attributes:
        version: a number that grows whenever something here changes.
        ended: whether nothing more will come.
        notes: what the parent's applier told of items that are on their way.
    """

    @property
    def version(self) -> int: ...  # noqa: D102

    @property
    def ended(self) -> bool: ...  # noqa: D102

    @property
    def notes(self) -> Mapping[Key, Any]: ...  # noqa: D102

    def since(self, number: int) -> Sequence[Item]:
        """Return the items that came since it began, but for the first so many."""
        ...

    def holds(self, item: Item) -> bool:
        """Tell whether the parent has an item with this digest, verified."""
        ...

    def wait(self, version: int, check: Callable[[], None], seconds: float = inf) -> None:
        """Wait until the version is another one, for about so long; `check` is called meanwhile and may raise."""
        ...


@dataclass(slots=True)
class Reached:
    """What an applier has brought about so far: true at every moment, whatever breaks off next.

    Attributes:
        published: items that are on the child now, verified.
        adjusted: items whose marks were set.
        deleted: items that are gone.
        empties: directories with nothing in them that are there now, and that are gone.
        links: where symbolic links lead that were made, or that lead elsewhere now.
        failed, deferred: number of items that are not what they should be, and that are left for the next run.
        durable: False once something was published on a host that cannot be told to write it to disk.
    """

    published: dict[Key, Item] = field(default_factory=dict)
    adjusted: dict[Key, Item] = field(default_factory=dict)
    deleted: set[Key] = field(default_factory=set)
    empties: Empties = NO_EMPTIES
    links: dict[Key, bytes] = field(default_factory=dict)
    failed: int = 0
    deferred: int = 0
    durable: bool = True

    @property
    def anything(self) -> bool:
        """Whether the child is another one now."""
        return bool(self.published or self.adjusted or self.deleted or self.empties or self.links)


class Applier(Protocol[S]):
    """Works on one child for one link. Every item that fails is an event and counted, never an error.

    Each method raises `HostError` when the host failed for good, and `LeasedError` when another controller has taken
    the child over.
    """

    @property
    def reached(self) -> Reached:
        """What it has brought about."""
        ...

    def foresee(self, prepared: Prepared, *, make: bool) -> Outlook:
        """Tell what is known before anything begins; shared with a dry run.

        Args:
            prepared: what is going to be done.
            make: a place to stage in may be made for it; else nothing is changed.
        """
        ...

    def stage(self, prepared: Prepared) -> Generator[S, None, None]:
        """Bring what has to be brought, verified and visible to nobody, piece by piece; salvage is part of it.

        The next pieces may be brought while one is published. Closing it ends that, and waits until it has ended.
        """
        ...

    def follow(self, prepared: Prepared, feed: Feed) -> Generator[S, None, None]:
        """Stage what a parent has that is still being synchronized, as it gets it, until that has ended.

        What cannot be brought yet is left to `stage`, which comes after it on the same applier, without a word.
        """
        ...

    def publish(self, staged: S) -> Sequence[Item]:
        """Make something staged visible. Safe to repeat.

        Returns:
            Items with the stamps that the child told at the very moment: by these they are known again.
        """
        ...

    def adjust(self, prepared: Prepared) -> None:
        """Set what items bear beside their digest, of those to adjust and of those published. Safe to repeat."""
        ...

    def clear(self) -> None:
        """Leave nothing of this work behind but what is visible."""
        ...

    def delete(self, deletions: Sequence[Delete]) -> None:
        """Delete items. Safe to repeat."""
        ...

    def link(self, links: Sequence[Link]) -> None:
        """Make symbolic links, where the kind has any, in the place of an item where that is to go. Safe to repeat."""
        ...

    def arrange(self, empties: Empties) -> None:
        """Make and remove directories with nothing in them, where the kind has any. Safe to repeat."""
        ...

    def rotate(self) -> None:
        """Remove what earlier runs put aside, but for the last of them that are to be kept. Safe to repeat."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind after the host could not take something: what was staged must not fill its disk."""
        ...


@runtime_checkable
class Reverting(Protocol):
    """An applier that can put back what it changed."""

    @property
    def unwell(self) -> bool:
        """Whether what it changed is not as it should be."""
        ...

    def revert(self) -> bool:
        """Put back what was changed, and tell whether all is what it was; `reached` has what is there then."""
        ...


class Appliers(Protocol[S]):
    """Makes the appliers of all links of a run that one process carries out."""

    def __call__(self, site: Site) -> Applier[S]:
        """Return the applier for one link."""
        ...

    def kept(self, repository: Repository) -> tuple[bytes, list[Kept]] | None:
        """Return the resolved root of a repository, and every version that runs put aside there.

        The root is b"" where it is missing; it is None where nothing of this kind is ever put aside.

        Raises:
            HostError: the host failed for good.
        """
        ...

    def restore(self, site: Site, wanted: Sequence[Kept]) -> list[Restored]:
        """Bring back what was put aside, each item once, and put aside under `site.keep` what stands there.

        All that can be is brought back, whatever becomes of one.

        Raises:
            HostError: the host failed for good.
            LeasedError: another controller has taken the child over.
        """
        ...

    def ways(self, repository: Repository, capabilities: Capabilities) -> Mapping[str, str]:
        """Return in words how the items of a repository are listed, digested and moved, for a survey."""
        ...
