"""Links to a tree: every parent exists, nothing loops, no two repositories share a root."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sshsync.model.policy import Links
from sshsync.model.topology import Repository, Tree


def faults(repositories: Mapping[str, Repository]) -> list[tuple[str, str, str]]:
    """Return what is wrong with the links as (repository, option, words).

    Checked: unknown parent, a parent of another type, cycle, two repositories on one root of one host. The time
    that it takes grows with the number of repositories, not with that of their pairs.
    """
    found = repositories.values()
    return [
        *(
            (one.name, "parent", f"parent {one.parent!r} is not a repository of this configuration")
            for one in found
            if one.parent and one.parent not in repositories
        ),
        *(
            (one.name, "type", f"type {one.type!r} is not that of its parent {one.parent}")
            for one in found
            if one.parent in repositories and repositories[one.parent].type != one.type
        ),
        *(
            (
                one.name,
                "links",
                f"takes what links lead to, and its parent {one.parent} copies links as they are: follow there, too",
            )
            for one in found
            if one.links is Links.FOLLOW and one.parent in repositories and repositories[one.parent].links is Links.COPY
        ),
        *circles("parent", {one.name: one.parent for one in found}),
        *_shared_roots(found),
    ]


def build(repositories: Iterable[Repository]) -> Tree:
    """Return the tree.

    Raises:
        ValueError: when `faults` finds any; callers report those first.
    """
    by_name = {repository.name: repository for repository in repositories}
    found = faults(by_name)
    if found:
        raise ValueError("; ".join(words for _, _, words in found))
    return Tree(by_name)


def circles(option: str, targets: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return what is wrong with links that each lead from one repository to one other, as `faults` does.

    Args:
        option: the key that holds such a link.
        targets: where each repository leads to; what is no key of it leads nowhere.
    """
    found: list[tuple[str, str, str]] = []
    done: set[str] = set()
    for start in targets:
        path: dict[str, None] = {}
        name = start
        while name in targets and name not in done and name not in path:
            path[name] = None
            name = targets[name]
        if name in path:
            names = list(path)
            loop = names[names.index(name) :]
            found.append((name, option, f"{option} runs in a circle: {' -> '.join([*loop, name])}"))
        done.update(path)
    return found


@dataclass(slots=True)
class _Directory:
    """A directory of a host: the first repository, by its place in the file, at it and at or below it."""

    first: int
    root: int | None = None
    inside: "dict[str, _Directory]" = field(default_factory=dict)


def _shared_roots(repositories: Iterable[Repository]) -> list[tuple[str, str, str]]:
    """Two roots on one host clash when they are equal or one lies inside the other, or when neither has a path.

    Told is each repository that clashes with one before it, with the first of these.
    """
    found: list[tuple[str, str, str]] = []
    hosts: dict[tuple[object, ...], _Directory] = {}
    pathless: dict[tuple[object, ...], str] = {}
    names: list[str] = []
    for number, repository in enumerate(repositories):
        names.append(repository.name)
        if not repository.path:
            first = pathless.setdefault((*repository.host.place, repository.type, repository.python), repository.name)
            if first != repository.name:
                found.append((repository.name, "path", f"has no path, like [{first}] on the same host: they are one"))
            continue
        above: list[int] = []
        here = hosts.setdefault(repository.host.place, _Directory(number))
        for part in repository.path.split("/"):
            if not part:
                continue
            if here.root is not None:
                above.append(here.root)
            here = here.inside.setdefault(part, _Directory(number))
        earliest = min([*above, here.first])
        if earliest < number:
            found.append((repository.name, "path", f"shares its root with [{names[earliest]}] on the same host"))
        if here.root is None:
            here.root = number
    return found
