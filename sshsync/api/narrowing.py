"""A run that is narrowed: its configuration with the patterns of that run beside its own."""

from dataclasses import replace

from sshsync.api.work import Parts
from sshsync.errors import UsageError
from sshsync.model.narrow import Narrow
from sshsync.model.topology import Tree


def narrowed(parts: Parts, narrow: Narrow) -> Parts:
    """Return what work is made of that looks at a part of all repositories only.

    Raises:
        UsageError: a pattern can match nothing.
    """
    if not narrow:
        return parts
    tree = parts.config.tree
    made = {name: replace(found, narrowed=narrow) for name, found in tree.repositories.items()}
    asked = {found.type: replace(found, include=narrow.include, exclude=narrow.exclude) for found in made.values()}
    for kind, found in asked.items():
        try:
            parts.kinds[kind][0]().wanted(found)
        except ValueError as error:
            raise UsageError(f"{narrow.options}: {error}", hint="write it as in include") from None
    return replace(parts, config=replace(parts.config, tree=Tree(made)))
