"""Sights: the listings of which all digests are known, as they are put on record."""

import json
from collections.abc import Iterator

from sshsync.engine.context import Context
from sshsync.model.item import Sight, Snapshot
from sshsync.model.omission import Omission
from sshsync.model.topology import Repository, Tree


def sight(context: Context, repository: Repository) -> Sight | None:
    """Return the listing that need not be read; none where some digests have to be made all the same."""
    noted = "" if repository.verify_share else context.records.noted(_name(repository))
    digest, maker, asked, *values = (*noted.split("\n"), "", "")[:6]
    if maker != context.maker(repository) or asked != _asked(context, repository):
        return None
    try:
        items, size, omitted = map(json.loads, values)
        return Sight(digest, items + 0, size + 0, tuple(_omissions(omitted)))
    except (ValueError, TypeError):
        return None


def note(context: Context, repository: Repository, found: Snapshot) -> None:
    """Put on record at which sight a repository is."""
    omitted = [(one.one, one.many, one.count, one.example) for one in found.omitted]
    values = map(json.dumps, (len(found.items), found.bytes, omitted))
    head = found.sight, context.maker(repository), _asked(context, repository)
    put(context, _name(repository), "\n".join((*head, *values)))


def takers(tree: Tree, repository: Repository) -> list[Repository]:
    """Return of the children of a repository one for each of what they want: thousands mostly want the same."""
    children = tree.children(repository.name)
    return list({(child.type, *_taking(child)): child for child in children}.values())


def _omissions(values: list[tuple[str, str, int, str]]) -> Iterator[Omission]:
    for one, many, count, example in values:
        yield Omission(one, many, count + 0, str(example))


def _asked(context: Context, repository: Repository) -> str:
    """Return what decides which of the things that are no items somebody would take."""
    return json.dumps([_taking(child) for child in takers(context.tree, repository)])


def _taking(child: Repository) -> tuple[tuple[str, ...], tuple[str, ...], bool, str]:
    return child.include, child.exclude, child.empty_dirs, child.links


def put(context: Context, name: str, value: str) -> None:
    """Leave a note, where it is another than the one that is there."""
    if context.records.noted(name) != value:
        context.records.note(name, value)


def _name(repository: Repository) -> str:
    return f"sight {repository.identity}"
