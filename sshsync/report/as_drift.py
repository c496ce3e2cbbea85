"""How repositories that should be alike differ, as lines: versions and who has them, who misses what, who is silent."""

import re
from collections.abc import Iterable, Iterator, Sequence

from sshsync.core import drift
from sshsync.model.drift import Drift, Row
from sshsync.model.events import key_text
from sshsync.model.row import ALGORITHMS, Digest
from sshsync.model.words import Words, visible
from sshsync.report import words
from sshsync.report.answers import DriftedItem, DriftedUnsure, DriftedVersion, Drifting

_SHORT = 12
_HASHES = re.compile(rf"(?<=[@=])([0-9a-f]{{{_SHORT}}})[0-9a-f]{{20,}}$")
_UNLIMITED = 1 << 20
_WIDEST_NAME = 40


def lines(found: Drift, called: Words, width: int = _UNLIMITED, *, repairs: bool = False) -> Iterator[str]:
    """Yield the table.

    Args:
        found: what was found.
        called: what its items are called.
        width: columns that a line may have; what does not fit goes on in the next line.
        repairs: a run can make one like the other.
    """
    yield headline(found, called)
    several = [row for row in found.rows if len(row.versions) > 1]
    missing = [row for row in found.rows if len(row.versions) == 1 and row.missing]
    unsure = [row for row in found.rows if row.unsure]
    wide = min(_WIDEST_NAME, max((len(_name(row)) for row in found.rows), default=0))
    if several:
        yield "several versions"
        for row in several:
            yield from _versions(row, wide, width, found.against)
    if missing:
        yield "missing"
        for row in missing:
            version = row.versions[0]
            few = len(version.holders) < len(row.missing)
            there = f"only on {words.names(version.holders)}" if few else "elsewhere"
            told = f"{shown(version.digest)} {there}, missing on "
            yield from _fitted(f"  {_name(row):<{wide}}  {told}", words.names(row.missing), width)
    if unsure:
        yield "cannot be compared"
        for row in unsure:
            for one in row.unsure:
                yield from _fitted(f"  {_name(row):<{wide}}  ", f"{words.names(one.holders)}: {one.why}", width)
    if found.unasked:
        yield "could not be asked"
        yield from (f"  {line}" for line in unasked(found))
    if found.differing and (line := repairing(found) if repairs else following(found)):
        yield f"next: {line}"


def unasked(found: Drift) -> list[str]:
    """Return who could not be asked, a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for one in found.unasked:
        by_reason.setdefault(one.why, []).append(one.name)
    return [f"{words.names(who)}: {visible(why, 1000)}" for why, who in by_reason.items()]


def alone(names: Iterable[str], found: Iterable[Drift]) -> list[str]:
    """Return those of the names that were compared with nobody."""
    compared = {name for one in found for name in one.names}
    return [name for name in names if name not in compared]


def headline(found: Drift, called: Words) -> str:
    """Return who was compared and how much differs, in one line."""
    asked = f"{words.names(found.names)}: {words.count(len(found.names), 'repository', 'repositories')}"
    items = words.count(found.items, called.one, called.many)
    against = f", against {found.against}" if found.against else ""
    told = f"{asked}, {items}, as of {words.moment(found.at)[11:]}{against}: "
    said = [f"{found.differing} differ" if found.differing != 1 else "1 differs"] if found.differing else []
    unsure = sum(bool(row.unsure) for row in found.rows)
    said += [f"{unsure} cannot be compared"] if unsure else []
    said += [f"{len(found.unasked)} could not be asked"] if found.unasked else []
    nothing = "nothing takes part" if not found.items else "nothing to compare it with" if len(found.names) == 1 else ""
    return told + (", ".join(said) or nothing or "all alike")


def following(found: Drift) -> str:
    """Return the command that shows more, "" when there is none: two of those that differ, side by side."""
    for row in found.rows:
        one = found.against or (row.versions[-1].holders[0] if row.versions else "")
        holders = [name for version in row.versions for name in version.holders]
        others = [name for name in (*holders, *row.missing) if name != one and name not in _same(row, one)]
        if one and others:
            return f"sshsync diff {others[0]} {one}"
    return ""


def repairing(found: Drift) -> str:
    """Return the command that shows what would be done to make all others like one, "" when there is none."""
    unasked = {one.name for one in found.unasked}
    one = found.against or next((name for name in found.names if name not in unasked), "")
    # What it lacks itself stays on the others.
    rows = [(row, same) for row in found.rows if (same := _same(row, one))]
    unlike = {name for row, same in rows for name in _others(row) if name not in same}
    others = [name for name in found.names if name in unlike and name != one]
    return f"sshsync --sync {','.join(others)} --like {one} --dry-run" if one and others else ""


def _others(row: Row) -> tuple[str, ...]:
    return (*(name for version in row.versions for name in version.holders), *row.missing)


def items(found: Drift) -> Iterator[DriftedItem]:
    """Yield what differs for programs."""
    for row in found.rows:
        yield DriftedItem(
            found.type,
            key_text(row.key),
            [DriftedVersion(one.digest, list(one.holders), one.newest) for one in row.versions],
            list(row.missing),
            [DriftedUnsure(one.why, list(one.holders)) for one in row.unsure],
        )


def summary(found: Drift) -> Drifting:
    """Return the same in numbers for programs."""
    return Drifting(
        found.type,
        list(found.names),
        found.against,
        found.at,
        found.items,
        found.differing,
        sum(bool(row.unsure) for row in found.rows),
        [one.name for one in found.unasked],
        drift.exit_code(found),
    )


def shown(digest: Digest) -> str:
    """Return a version for people: as it is, but of digests and revisions in it only the beginning."""
    made, _, value = digest.partition(":")
    return value[:_SHORT] if made in ALGORITHMS.values() else _HASHES.sub(r"\1", visible(value, 2000))


def exit_code(found: Iterable[Drift]) -> int:
    """Return the exit code for several types: the first of those that somebody has to look at."""
    codes = {drift.exit_code(one) for one in found}
    return next((code for code in (drift.UNSURE, drift.LATER, drift.DIFFERENT) if code in codes), 0)


def _versions(row: Row, wide: int, width: int, against: str) -> Iterator[str]:
    column = max(len(_version(one.digest, one.newest)) for one in row.versions)
    name = _name(row)
    for one in sorted(row.versions, key=lambda one: against not in one.holders):
        version = _version(one.digest, one.newest)
        yield from _fitted(f"  {name:<{wide}}  {version:<{column}}  ", words.names(one.holders), width)
        name = ""
    if row.missing:
        yield from _fitted(f"  {'':<{wide}}  {'missing on':<{column}}  ", words.names(row.missing), width)


def _version(digest: Digest, newest: bool) -> str:
    return shown(digest) + (" (newest)" if newest else "")


def _fitted(before: str, names: str, width: int) -> Iterator[str]:
    """Yield a line; where it is too long, the names on lines of their own."""
    if len(before) + len(names) <= width:
        yield (before + names).rstrip()
        return
    if before.strip():
        yield before.rstrip()
    indent = " " * 6
    line = indent
    for word in names.split(" "):
        if len(line) + len(word) + 1 > width and line.strip():
            yield line.rstrip()
            line = indent
        line += word + " "
    if line.strip():
        yield line.rstrip()


def _same(row: Row, name: str) -> Sequence[str]:
    return next((one.holders for one in row.versions if name in one.holders), ())


def _name(row: Row) -> str:
    return visible(row.key, 200)
