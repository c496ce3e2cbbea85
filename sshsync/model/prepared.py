"""What a link is about to do: all of it is decided before the first byte moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sshsync.model.change import Changes, Delete
from sshsync.model.empties import Empties
from sshsync.model.item import Key, Snapshot
from sshsync.model.records import Underway


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a guard says no, in words for the operator; `option` is what lets one run through, "" for none."""

    words: str
    option: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """What would change although nobody asked for it.

    Attributes:
        old, new: its versions; "" where it is not there, or goes.
        why: what it is needed for, "" where that is not known.
    """

    key: Key
    old: str = ""
    new: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can be told about changes before the first of them begins.

    Attributes:
        refused: items that cannot become what they should, with the words why.
        codes: exit codes that some of these ask for; the others ask for that of a refusal.
        lost: items that could not be brought back to what they are now, with the words why.
        besides: what else would change, and may.
        refusal: why nothing at all may begin.
    """

    refused: Mapping[Key, str] = field(default_factory=dict)
    codes: Mapping[Key, int] = field(default_factory=dict)
    lost: Mapping[Key, str] = field(default_factory=dict)
    besides: tuple[Beside, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a link is about to do.

    Attributes:
        parent, child: what both hold.
        refusal: why none of the deletions is carried out.
        underway: what earlier runs sent of items that they did not publish.
    """

    parent: Snapshot
    child: Snapshot
    changes: Changes
    refusal: Refusal | None = None
    outlook: Outlook = field(default_factory=Outlook)
    underway: tuple[Underway, ...] = ()

    @property
    def deletions(self) -> tuple[Delete, ...]:
        """The deletions that may be carried out."""
        return () if self.refusal else self.changes.of(Delete)

    @property
    def empties(self) -> Empties:
        """The directories that may be made and removed."""
        found = self.changes.empties
        return Empties(found.make) if self.refusal else found

    @property
    def acts(self) -> bool:
        """Whether anything on the child is going to change."""
        return bool(self.deletions or self.empties or self.changes.links) or any(
            not isinstance(change, Delete) for change in self.changes.changes
        )

    def standing(self) -> dict[Key, Key]:
        """Return the links that get no place, each with what is there and is not going to be deleted."""
        gone = {change.key for change in self.deletions}
        stays = ((link.key, [other for other in link.over if other not in gone]) for link in self.changes.links)
        return {key: others[0] for key, others in stays if others}

    def expected(self) -> Snapshot:
        """Return what the child would hold if everything that is planned succeeded."""
        # What changes while it is looked at has no digest yet: it does not become anything that is known.
        known = (change for change in self.changes.changes if not isinstance(change, Delete) and change.new.digest)
        came = {change.key: change.new for change in known if change.key not in self.outlook.refused}
        gone = [change.key for change in self.deletions]
        stays = self.standing()
        linked = {link.key: link.target for link in self.changes.links if link.key not in stays}
        return replace(self.child.after(came, gone, self.empties, linked), existed=True)
