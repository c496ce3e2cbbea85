"""What repositories hold, and how two of them compare, as lines."""

from collections.abc import Iterable, Iterator, Mapping

from sshsync.core import compare
from sshsync.model.compared import Compared, Sign
from sshsync.model.events import key_text
from sshsync.model.item import Item, Key, Snapshot
from sshsync.model.row import ALGORITHMS, NOTHING
from sshsync.model.words import visible
from sshsync.report import words
from sshsync.report.answers import Comparison, Difference, Listed

_SIGNS = {Sign.EQUAL: "=", Sign.MISSING: "-", Sign.EXTRA: "+", Sign.DIFFERS: "*", Sign.UNKNOWN: "!"}
"""As `rclone check --combined` has them."""
_ESCAPES = ((b"\\", b"\\\\"), (b"\n", b"\\n"), (b"\r", b"\\r"))
_SHORT = 12
"""Characters of a digest that are shown."""
_LONGEST = 4096
"""Bytes that a path has at the most: none is cut."""
MOST_TOLD = 10
"""Things that are lacking of which each is told on its own."""


def inventory(found: Snapshot) -> list[Item]:
    """Return the items of a repository in the order of their keys."""
    return [found.items[key] for key in sorted(found.items)]


def hashed(found: Snapshot) -> bool:
    """Tell whether digests of a repository are of bytes, as far as there are any."""
    made = {item.algorithm for item in found.items.values()} - {""}
    return made <= set(ALGORITHMS.values())


def checksum(item: Item) -> bytes:
    """Return an item and its digest as ``sha256sum`` and its kin have them and read them again with ``-c``.

    Their plain form does not tell the algorithm, so all but sha256 are in the form that does.
    """
    name, mark = _escaped(item.key)
    made, _, value = (item.digest or "").partition(":")
    if made == "sha256":
        return b"%s%s  %s\n" % (mark, value.encode(), name)
    return b"%s%s (%s) = %s\n" % (mark, made.upper().encode(), name, value.encode())


def checksum_shown(item: Item) -> str:
    """Return the same fit for any terminal, where nothing reads it again."""
    made, _, value = (item.digest or "").partition(":")
    name = visible(item.key, _LONGEST)
    return f"{value}  {name}\n" if made == "sha256" else f"{made.upper()} ({name}) = {value}\n"


def listed(repository: str, item: Item) -> Listed:
    """Return an item for programs."""
    return Listed(repository, key_text(item.key), item.size, item.mtime, item.digest or "")


def lines(items: Iterable[Item]) -> Iterator[str]:
    """Yield a line for each item: size in bytes, time, beginning of the digest, name."""
    told = list(items)
    width = max((len(str(item.size)) for item in told), default=0)
    for item in told:
        if item.stamp == NOTHING:  # of a kind that has neither size nor time
            yield f"{visible((item.digest or '').partition(':')[2] or '-', _LONGEST)}  {visible(item.key, _LONGEST)}"
            continue
        value = visible((item.digest or "").partition(":")[2][:_SHORT] or "-")
        yield f"{item.size:>{width}}  {moment(item.mtime):<19}  {value:<{_SHORT}}  {visible(item.key, _LONGEST)}"


def lacking(found: Snapshot) -> list[str]:
    """Return what of a repository could not be looked at, a line for each."""
    unlisted = [f"{visible(key, 200)}: it cannot be listed: {why}" for key, why in compare.unlisted(found).items()]
    unread = [item.key for item in inventory(found) if not item.digest]
    said = unlisted + [f"{visible(key, 200)}: {compare.undigested(found, key)}" for key in unread]
    more = len(said) - MOST_TOLD
    return said if more <= 0 else [*said[:MOST_TOLD], f"and {words.count(more, 'other')} like that"]


def difference(repository: str, other: str, found: Compared) -> Difference:
    """Return how an item compares for programs."""
    here, there = found.here, found.there
    return Difference(
        repository,
        other,
        key_text(found.key),
        found.sign,
        found.why,
        here.size if here else None,
        (here.digest or "") if here else None,
        there.size if there else None,
        (there.digest or "") if there else None,
    )


def difference_line(found: Compared) -> str:
    """Return how an item compares: a sign, its name, and why it could not be compared."""
    why = f": {found.why}" if found.why else ""
    return f"{_SIGNS[found.sign]} {visible(found.key, _LONGEST)}{why}"


def comparison(repository: str, other: str, counts: Mapping[Sign, int]) -> Comparison:
    """Return how two repositories compare for programs."""
    numbers = {str(sign): counts.get(sign, 0) for sign in Sign}
    return Comparison(repository, other, **numbers, exit_code=compare.exit_code(counts))


def comparison_line(found: Comparison) -> str:
    """Return the same in words."""
    told = (
        (found.missing, f"missing on {found.repository}"),
        (found.extra, f"only on {found.repository}"),
        (found.differs, "different"),
        (found.unknown, "not compared"),
        (found.equal, "equal"),
    )
    said = ", ".join(f"{number} {what}" for number, what in told if number) or "nothing to compare"
    return f"{found.repository} against {found.other}: {said}"


def _escaped(key: Key) -> tuple[bytes, bytes]:
    """Return a name as it stands in a list of digests, and the mark before its line where something is escaped."""
    if key == b"-":
        return b"./-", b""  # alone it would be the standard input
    # Who reads it drops a carriage return at the end of a line; one elsewhere is no harm, and old tools know no escape.
    known = _ESCAPES if key.endswith(b"\r") else _ESCAPES[:2]
    if not any(plain in key for plain, _ in known):
        return key, b""
    for plain, escaped in known:
        key = key.replace(plain, escaped)
    return key, b"\\"


def moment(at: int) -> str:
    """Return a time, "-" for one that no calendar has: a host may tell any number."""
    try:
        return words.moment(at)
    except (OverflowError, ValueError, OSError):
        return "-"
