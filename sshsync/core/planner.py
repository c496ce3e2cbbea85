"""A selection of repositories becomes a plan."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from sshsync.errors import UnknownRepositoryError, UsageError
from sshsync.model.plan import Job, Plan
from sshsync.model.topology import Repository, Tree


def plan(tree: Tree, stages: Sequence[Sequence[str]]) -> Plan:
    """Return the plan for the stages as an operator named them.

    Raises:
        UnknownRepositoryError: for a name that the tree does not have.
        UsageError: for a master, a repository named twice, or a parent named in the same or a later
            stage than its child.
    """
    at: dict[str, int] = {}
    for number, names in enumerate(stages):
        for name in names:
            known(tree, name)
            if name in at:
                raise UsageError(f"{name} is named twice", hint="name each repository once")
            at[name] = number
    if not at:
        raise UsageError("no repository is named", hint="use --sync NAME, or --all")
    for name, number in at.items():
        _ordered(tree, at, name, number)
    return Plan(
        tuple(
            tuple(Job(name, tree.repositories[name].parent, number) for name in names)
            for number, names in enumerate(stages)
            if names
        )
    )


def alike(tree: Tree, stages: Sequence[Sequence[str]], like: str) -> Tree:
    """Return a tree in which one repository feeds all that are named, and has no parent itself; "" for the tree as is.

    Raises:
        UnknownRepositoryError: for a name that the tree does not have.
        UsageError: for one that holds something else, or is that repository.
    """
    if not like:
        return tree
    model = known(tree, like)
    made = {**tree.repositories, like: replace(model, parent="")}
    for name in (name for stage in stages for name in stage):
        child = known(tree, name)
        if name == like:
            raise UsageError(f"{name} cannot be made like itself", hint="name it once: behind --sync, or behind --like")
        if child.type != model.type:
            words = f"{name} is of type {child.type} and {like} of type {model.type}"
            raise UsageError(f"{words}: one cannot be made like the other")
        made[name] = replace(child, parent=like)
    return Tree(made)


def reverted(tree: Tree, stages: Sequence[Sequence[str]], run: str) -> Tree:
    """Return a tree in which what is named is fed by what it was before a run: repositories called NAME@RUN.

    Raises:
        UnknownRepositoryError: for a name that the tree does not have.
    """
    made = dict(tree.repositories)
    for name in (name for stage in stages for name in stage):
        child = known(tree, name)
        parent = replace(child, name=f"{name}@{run}", parent="", include=(), exclude=())
        made |= {parent.name: parent, name: replace(child, parent=parent.name)}
    return Tree(made)


def everything(tree: Tree) -> tuple[tuple[str, ...], ...]:
    """Return all repositories that have a parent, by level: the stages of ``--all``."""
    return by_level(tree, [name for name, repository in tree.repositories.items() if repository.parent])


def by_level(tree: Tree, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return repositories, each once, in stages of which none feeds another one of the same or an earlier stage.

    Raises:
        UnknownRepositoryError: for a name that the tree does not have.
    """
    levels: dict[int, list[str]] = {}
    for name in dict.fromkeys(names):
        levels.setdefault(tree.level(known(tree, name).name), []).append(name)
    return tuple(tuple(levels[level]) for level in sorted(levels))


def known(tree: Tree, name: str) -> Repository:
    """Return the repository of that name.

    Raises:
        UnknownRepositoryError: there is none; the hint names the nearest.
    """
    if name in tree.repositories:
        return tree.repositories[name]
    near = get_close_matches(name, tree.repositories, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(tree.repositories)}"
    raise UnknownRepositoryError(f"unknown repository {name!r}", hint=hint)


def _ordered(tree: Tree, at: dict[str, int], name: str, number: int) -> None:
    parent = tree.repositories[name].parent
    if not parent:
        children = [child.name for child in tree.children(name)]
        hint = f"name its children: --sync {','.join(children)}" if children else "it has no children"
        raise UsageError(f"{name} is a master: it has no parent to synchronize from", hint=hint)
    # Only the nearest ancestor that is named: whether it follows its own is looked at when its turn comes.
    nearest = parent
    while nearest and nearest not in at:
        nearest = tree.repositories[nearest].parent
    if nearest and at[nearest] >= number:
        raise UsageError(
            f"{nearest} feeds {name} and must be named in an earlier stage", hint=f"--sync {nearest} --sync {name}"
        )
