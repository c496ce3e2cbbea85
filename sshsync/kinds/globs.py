"""Which items take part: `include` and `exclude` patterns in the style of gitignore(5)."""

from collections.abc import Callable, Sequence

from pathspec import GitIgnoreSpec

from sshsync.model.item import Key


def faults(patterns: Sequence[str]) -> list[str]:
    """Return what is wrong with the patterns, in words."""
    found = []
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError as error:
            found.append(f"pattern {pattern!r}: {error}")
    return found


def wanted(include: Sequence[str], exclude: Sequence[str]) -> Callable[[Key], bool]:
    """Return the test whether a key takes part: included (when there are includes) and not excluded."""
    if not include and not exclude:
        return lambda _key: True
    included = GitIgnoreSpec.from_lines(include)
    excluded = GitIgnoreSpec.from_lines(exclude)

    def test(key: Key) -> bool:
        path = key.decode("utf-8", "surrogateescape")
        return (not include or included.match_file(path)) and not excluded.match_file(path)

    return test
