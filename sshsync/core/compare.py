"""Two snapshots side by side. A diff tells what may be done about them, this tells what is known, and changes nothing.

So an item without a digest is no change here, and what lies where nobody could look is neither missing nor extra.
"""

from collections.abc import Callable, Iterator, Mapping

from sshsync.core import planner
from sshsync.errors import UsageError
from sshsync.model.compared import Compared, Sign
from sshsync.model.item import Item, Key, Snapshot
from sshsync.model.topology import Repository, Tree

UNSURE, DIFFERENT = 7, 11
"""Exit codes: something could not be compared, and something differs."""


def pair(tree: Tree, name: str, other: str = "") -> tuple[Repository, Repository]:
    """Return a repository and what it is compared with: its parent, where no other one is named.

    Raises:
        UnknownRepositoryError: there is no such repository.
        UsageError: it has no parent, both are the same, or they hold items of different kinds.
    """
    one = planner.known(tree, name)
    if not other and not one.parent:
        raise UsageError(
            f"{name} is a master: it has no parent to compare it with", hint=f"name another repository beside {name}"
        )
    two = planner.known(tree, other or one.parent)
    if one.name == two.name:
        raise UsageError(f"{name} cannot differ from itself", hint="name another repository")
    if one.type != two.type:
        raise UsageError(f"{one.name} holds {one.type} and {two.name} {two.type}: these cannot be compared")
    return one, two


def takers(one: Repository, two: Repository) -> tuple[Repository, ...]:
    """Return whose patterns tell what takes part: of one that has a parent; of both where neither has."""
    found = next((found for found in (one, two) if found.parent), None)
    return (found,) if found else (one, two)


def compare(
    here: Snapshot,
    there: Snapshot,
    wanted: Callable[[Key], bool] = lambda _key: True,
    reaches: Callable[[Key], bool] = lambda _key: True,
) -> Iterator[Compared]:
    """Yield how each item of two repositories stands, in the order of the keys.

    Args:
        here: what the repository holds.
        there: what the one holds that it is compared with.
        wanted: whether an item takes part; of the others nothing is told.
        reaches: whether what cannot be looked into may hold something that does.
    """
    ours, theirs = unseen(here, reaches), unseen(there, reaches)
    for key in sorted({*here.items, *there.items, *ours, *theirs}):
        one, two = here.items.get(key), there.items.get(key)
        if one is None and two is None:
            why = "; ".join(hidden[key] for hidden in (ours, theirs) if key in hidden)
            yield Compared(key, Sign.UNKNOWN, why=why)
        elif wanted(key):
            sign, why = (
                _one_side(key, one, ours, theirs) if one is None or two is None else _both(here, there, one, two)
            )
            yield Compared(key, sign, one, two, why)


def exit_code(counts: Mapping[Sign, int]) -> int:
    """Return the exit code for numbers of items by their signs."""
    if counts.get(Sign.UNKNOWN):
        return UNSURE
    return DIFFERENT if any(counts.get(sign) for sign in (Sign.MISSING, Sign.EXTRA, Sign.DIFFERS)) else 0


def _one_side(key: Key, one: Item | None, ours: Mapping[Key, str], theirs: Mapping[Key, str]) -> tuple[Sign, str]:
    """Return the sign of an item that only one side lists: it is not on the other one where that could be seen."""
    why = where_hidden(key, ours if one is None else theirs)
    return (Sign.UNKNOWN, why) if why else (Sign.MISSING if one is None else Sign.EXTRA, "")


def _both(here: Snapshot, there: Snapshot, one: Item, two: Item) -> tuple[Sign, str]:
    if one.algorithm and one.algorithm == two.algorithm:
        return (Sign.EQUAL if one.agrees(two) else Sign.DIFFERS), ""
    if one.size != two.size:
        return Sign.DIFFERS, ""
    lacking = [side for side, item in ((here, one), (there, two)) if not item.algorithm]
    if not lacking:
        return Sign.UNKNOWN, f"its digests are {one.algorithm} and {two.algorithm}: ask for the same with --digest"
    return Sign.UNKNOWN, "; ".join(f"{side.repository}: {undigested(side, one.key)}" for side in lacking)


def undigested(found: Snapshot, key: Key) -> str:
    """Return why an item has no digest."""
    if why := found.damaged.get(key):
        return why
    if key in found.restless:
        return "it changed while it was looked at: try again when it is at rest"
    return "no digest of it could be made: make it readable for the account there"


def unlisted(found: Snapshot) -> dict[Key, str]:
    """Return what could not be listed, with the reason; what vanished meanwhile is known not to be there."""
    unseen = {problem.key: problem.reason for problem in found.problems if not problem.gone}
    return unseen if found.complete or found.problems else {b".": "its listing broke off"}


def unseen(found: Snapshot, reaches: Callable[[Key], bool]) -> dict[Key, str]:
    """Return what of it could not be listed and may hold what takes part."""
    seen = unlisted(found).items()
    return {key: f"{found.repository} cannot list it: {why}" for key, why in seen if key == b"." or reaches(key)}


def where_hidden(key: Key, hidden: Mapping[Key, str]) -> str:
    """Return why nobody could see whether something is there, "" where somebody could."""
    while hidden and key not in hidden and key != b".":
        key = key.rpartition(b"/")[0] or b"."
    return hidden.get(key, "")
