"""Links to a tree: every parent exists, nothing loops, no two repositories share a root."""

from collections.abc import Iterable, Mapping

from sshsync.model.topology import Repository, Tree


def faults(repositories: Mapping[str, Repository]) -> list[tuple[str, str, str]]:
    """Return what is wrong with the links as (repository, option, words).

    Checked: unknown parent, cycle, unknown or looping `via`, two repositories on one root of one host.
    """
    return [
        *_dangling(repositories, "parent"),
        *_dangling(repositories, "via"),
        *_cycles(repositories, "parent"),
        *_cycles(repositories, "via"),
        *_shared_roots(repositories.values()),
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


def _target(repository: Repository, option: str) -> str:
    return repository.parent if option == "parent" else repository.host.via


def _dangling(repositories: Mapping[str, Repository], option: str) -> list[tuple[str, str, str]]:
    return [
        (r.name, option, f"{option} {_target(r, option)!r} is not a repository of this configuration")
        for r in repositories.values()
        if _target(r, option) and _target(r, option) not in repositories
    ]


def _cycles(repositories: Mapping[str, Repository], option: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    reported: set[str] = set()
    for start in repositories:
        path: list[str] = []
        name = start
        while name in repositories and name not in path:
            path.append(name)
            name = _target(repositories[name], option)
        if name in path:
            loop = path[path.index(name) :]
            if not reported.intersection(loop):
                reported.update(loop)
                found.append((loop[0], option, f"{option} runs in a circle: {' -> '.join([*loop, name])}"))
    return found


def _shared_roots(repositories: Iterable[Repository]) -> list[tuple[str, str, str]]:
    """Two roots on one host clash when they are equal or one lies inside the other."""
    found: list[tuple[str, str, str]] = []
    seen: list[tuple[tuple[str, str, int, str], str, str]] = []
    for repository in repositories:
        host = repository.host
        place = (str(host.transport), host.address, host.port, host.via)
        path = repository.path.rstrip("/") + "/"
        for other, other_path, name in seen:
            if other == place and (path.startswith(other_path) or other_path.startswith(path)):
                found.append((repository.name, "path", f"shares its root with [{name}] on the same host"))
        seen.append((place, path, repository.name))
    return found
