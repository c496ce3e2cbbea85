"""A run that makes repositories like another one, whoever their parents are."""

from collections.abc import Sequence
from dataclasses import replace

from sshsync.api.work import Parts
from sshsync.core import algorithm, planner
from sshsync.errors import UsageError


def alike(parts: Parts, stages: Sequence[Sequence[str]], like: str) -> Parts:
    """Return what work is made of in which a repository feeds all that are named, and has no parent itself.

    Args:
        parts: what it is made of otherwise.
        stages: the names.
        like: the repository; "" for no other than the configuration says.

    Raises:
        UnknownRepositoryError: no such repository.
        UsageError: one cannot become like it.
    """
    if not like:
        return parts
    tree = planner.alike(parts.config.tree, stages, like)
    kind = tree.repositories[like].type
    if why := parts.kinds[kind][0]().unfit.get("parent"):
        raise UsageError(f"--like {like}: {why}")
    return replace(parts, config=replace(parts.config, tree=algorithm.settled(tree)))
