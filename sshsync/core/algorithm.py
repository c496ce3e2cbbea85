"""Which digest algorithm a chain compares."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace

from sshsync.errors import ConfigError, ConfigProblem
from sshsync.model.item import Items, Snapshot
from sshsync.model.policy import Links
from sshsync.model.topology import Repository, Tree

BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
"""Algorithm by number of hexadecimal digits."""

DEFAULT = "sha256"

_NAMED = re.compile(r"(?<![a-z0-9])(md5|sha1|sha256|sha512)(?=sum|deep|\b)", re.IGNORECASE)


def hinted(template: str) -> str:
    """Return the one algorithm that the words of a `digestcmd` name, or ""."""
    named = {found.lower() for found in _NAMED.findall(template)}
    return named.pop() if len(named) == 1 else ""


def of_chain(chain: Iterable[Repository]) -> str:
    """Return the algorithm that built-in digests of this chain use.

    A `digest` key decides; else the algorithm that the chain's `digestcmd` templates name; else sha256.

    Raises:
        ConfigError: when two repositories of the chain ask for different algorithms.
    """
    asked: dict[str, str] = {}
    for repository in chain:
        name = repository.digest or hinted(repository.commands.digest)
        if name:
            asked.setdefault(name, repository.name)
    if len(asked) > 1:
        (one, first), (other, second) = list(asked.items())[:2]
        raise ConfigError(
            [
                ConfigProblem(
                    f"[{first}] and [{second}]",
                    f"one chain compares one digest, but they use {one} and {other}",
                    "set the same digest or digestcmd in both",
                )
            ]
        )
    return next(iter(asked), DEFAULT)


def settled(tree: Tree) -> Tree:
    """Return the tree with the algorithm of its chain as the `digest` of each, and who is `followed`.

    Raises:
        ConfigError: with every chain whose repositories ask for different algorithms.
    """
    found: dict[str, Repository] = {}
    problems: list[ConfigProblem] = []
    for chain in tree.chains.values():
        try:
            name = of_chain(chain)
        except ConfigError as error:
            problems += error.problems
        else:
            found.update((one.name, replace(one, digest=name, followed=_followed(tree, one))) for one in chain)
    if problems:
        raise ConfigError(problems)
    return Tree({name: found[name] for name in tree.repositories})


def _followed(tree: Tree, repository: Repository) -> bool:
    """Tell whether a child of a repository takes what its links lead to."""
    return any(child.links is Links.FOLLOW for child in tree.children(repository.name))


def maker(repository: Repository) -> str:
    """Return what makes the digests of a repository, in a word: what another maker made is not to be mixed with it.

    Args:
        repository: its chain is settled. A `digestcmd` is a maker of its own, for what it prints is known by its
            words alone.
    """
    template = repository.commands.digest
    words = f" {hashlib.sha256(template.encode()).hexdigest()[:16]}" if template else ""
    return repository.digest + words


def unlike(parent: Snapshot, child: Snapshot, own: str) -> tuple[set[str], set[str]] | None:
    """Return the algorithms of a child's digests and of its parent's when they have none in common.

    Args:
        parent, child: what both hold.
        own: the algorithm that the child's own command prints, "" where that is not known before.
    """
    ours, theirs = _of(child), _of(parent)
    if own:
        ours = {own}
    return (ours, theirs) if ours and theirs and not ours & theirs else None


def _of(snapshot: Snapshot) -> set[str]:
    return Items.of(snapshot.items).algorithms()
