"""Sights: the listings of which all digests are known, as they are put on record."""

from sshsync.engine.context import Context
from sshsync.model.item import Sight, Snapshot
from sshsync.model.topology import Repository


def sight(context: Context, repository: Repository) -> Sight | None:
    """Return the listing that need not be read; none where some digests have to be made all the same."""
    noted = "" if repository.verify_share else context.records.noted(_name(repository))
    digest, maker, *numbers = (*noted.split("\n"), "")[:5]
    if maker != context.maker(repository) or len(numbers) != 3 or not all(map(str.isdecimal, numbers)):
        return None
    return Sight(digest, *map(int, numbers))


def note(context: Context, repository: Repository, found: Snapshot) -> None:
    """Put on record at which sight a repository is."""
    numbers = map(str, (len(found.items), found.bytes, found.skipped))
    put(context, _name(repository), "\n".join((found.sight, context.maker(repository), *numbers)))


def put(context: Context, name: str, value: str) -> None:
    """Leave a note, where it is another than the one that is there."""
    if context.records.noted(name) != value:
        context.records.note(name, value)


def _name(repository: Repository) -> str:
    return f"sight {repository.identity}"
