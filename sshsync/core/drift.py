"""Drift: which items are not the same in repositories that should be alike. All are equals; one may be the measure."""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cmp_to_key

from sshsync.core import planner
from sshsync.core.compare import undigested, unseen, where_hidden
from sshsync.errors import UsageError
from sshsync.model.drift import Drift, Names, Row, Unsure, Version
from sshsync.model.item import Key, Snapshot
from sshsync.model.row import Digest
from sshsync.model.topology import Tree
from sshsync.model.words import Order

UNSURE, DIFFERENT, LATER = 7, 11, 75
"""Exit codes: not all could be asked or compared; something differs; who could not be asked may answer later."""

"""Tells of two versions which is the older one, as `cmp` does; None where that makes no sense."""


def unordered(_one: str, _other: str) -> int | None:
    """Tell that there is no order: a digest of bytes is neither older nor newer."""
    return None


class Matrix:
    """What repositories hold, item by item. A snapshot is forgotten once it was added: there may be thousands.

    Args:
        wanted: for each repository, by its place, whether an item takes part there.
        reaches: for each, whether what cannot be looked into may hold something that does.
    """

    def __init__(
        self, wanted: Sequence[Callable[[Key], bool]], reaches: Sequence[Callable[[Key], bool]] | None = None
    ) -> None:
        self._wanted = wanted
        self._reaches = reaches or wanted
        self._held: dict[Key, dict[Digest, array[int]]] = {}
        self._unsure: dict[Key, dict[int, str]] = {}
        self._unseen: dict[int, Mapping[Key, str]] = {}
        self._asked: set[int] = set()

    def add(self, place: int, found: Snapshot) -> None:
        """Add what a repository holds."""
        self._asked.add(place)
        wants = self._wanted[place]
        if hidden := unseen(found, self._reaches[place]):
            self._unseen[place] = hidden
        for key, item in found.items.items():
            if not wants(key):
                continue
            if item.digest is None:
                self._unsure.setdefault(key, {})[place] = undigested(found, key)
            else:
                self._held.setdefault(key, {}).setdefault(item.digest, array("I")).append(place)

    @property
    def items(self) -> int:
        """How many items there are of which anybody told anything."""
        return len(self._held.keys() | self._unsure.keys())

    def rows(self, names: Names, order: Order = unordered, against: int | None = None) -> Iterable[Row]:
        """Yield the items that are not known to be the same everywhere, in the order of their keys.

        Args:
            names: of the repositories, by their places.
            order: of versions.
            against: only where this one differs from another.
        """
        for key in sorted(self._held.keys() | self._unsure.keys()):
            row = self._row(key, names, order)
            if row is not None and (against is None or _concerns(row, names[against])):
                yield row

    def _row(self, key: Key, names: Names, order: Order) -> Row | None:
        held, unsure = self._held.get(key, {}), self._unsure.get(key, {})
        count = sum(map(len, held.values()))
        if len(held) == 1 and count == len(self._asked) and not unsure:
            return None
        having = {place for places in held.values() for place in places} | unsure.keys()
        lacking = [place for place in sorted(self._asked - having) if self._wanted[place](key)]
        whys = dict(unsure)
        for place in lacking:
            if why := where_hidden(key, self._unseen.get(place, {})):
                whys[place] = why
        missing = tuple(names[place] for place in lacking if place not in whys)
        if len(held) <= 1 and not missing and not whys:
            return None
        return Row(key, _versions(held, names, order), missing, _unsure(whys, names))


def groups(tree: Tree, names: Sequence[str], against: str = "") -> list[Names]:
    """Return who is to be compared with whom: repositories of one type; where nobody is named, of one chain, too.

    Args:
        names: who was asked for; all by default.
        against: who takes part in any case.

    Raises:
        UnknownRepositoryError: there is no such repository.
        UsageError: somebody would be alone, or be compared with what is of another type.
    """
    asked = [planner.known(tree, name) for name in dict.fromkeys([*names, *([against] if against else [])])]
    found: dict[tuple[str, str], list[str]] = {}
    for one in asked if names or against else tree.repositories.values():
        origin = tree.origin(one.name).name
        chained = not names and len(tree.chains[origin]) > 1
        found.setdefault((one.type, origin if chained else ""), []).append(one.name)
    if against and not names:
        found = {(asked[0].type, ""): [one.name for one in tree.repositories.values() if one.type == asked[0].type]}
    if against and len(found) > 1:
        other = next(one for one in asked if one.type != tree.repositories[against].type)
        raise UsageError(f"{against} holds {tree.repositories[against].type} and {other.name} {other.type}")
    several = [tuple(group) for group in found.values() if names or len(group) > 1]
    if all(len(group) == 1 for group in several):
        who = f"{several[0][0]} is the only one of its type" if len(several) == 1 else "no two are of one type"
        raise UsageError(f"there is nothing to compare: {who}", hint="name two repositories of one type")
    return several


def exit_code(found: Drift) -> int:
    """Return the exit code for what was found."""
    if found.unasked:
        return LATER if all(one.transient for one in found.unasked) else UNSURE
    if found.differing:
        return DIFFERENT
    return UNSURE if any(row.unsure for row in found.rows) else 0


def _versions(held: Mapping[Digest, Sequence[int]], names: Names, order: Order) -> tuple[Version, ...]:
    found = sorted(held, key=lambda digest: (len(held[digest]), digest))
    told = _ordered(found, order)
    newest = told[-1] if told and len(told) > 1 else None
    return tuple(
        Version(digest, tuple(names[place] for place in sorted(held[digest])), digest == newest)
        for digest in (told or found)
    )


def _ordered(found: list[Digest], order: Order) -> list[Digest] | None:
    """Return versions, oldest first; None where two of them have no order, or one that is no order of all."""
    values = {digest: digest.partition(":")[2] for digest in found}
    if any(order(values[one], values[other]) is None for one in found for other in found):
        return None

    def compared(one: Digest, other: Digest) -> int:
        return order(values[one], values[other]) or 0

    told = sorted(found, key=cmp_to_key(compared))
    return None if len(told) > 1 and not compared(told[-2], told[-1]) else told


def _unsure(whys: Mapping[int, str], names: Names) -> tuple[Unsure, ...]:
    by_reason: dict[str, list[str]] = {}
    for place, why in sorted(whys.items()):
        by_reason.setdefault(why, []).append(names[place])
    return tuple(Unsure(why, tuple(who)) for why, who in by_reason.items())


def _concerns(row: Row, name: str) -> bool:
    """Tell whether a repository takes part in a difference: all others may differ among themselves, too."""
    holders = [*(one.holders for one in row.versions), *(one.holders for one in row.unsure), row.missing]
    return any(name in one for one in holders)
