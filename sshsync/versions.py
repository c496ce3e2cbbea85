"""The order of versions, by the type of what bears them: for words only. Whether two are equal their text tells."""

from functools import lru_cache
from typing import TYPE_CHECKING

from sshsync.core.drift import unordered
from sshsync.model.words import Order

if TYPE_CHECKING:
    from packaging.version import Version


def order(kind: str) -> Order:
    """Return what tells of two versions which one is older: < 0, 0 or > 0, and None where they have no order."""
    return {"pip": _pep440, "rpm": _rpm}.get(kind, unordered)


def _pep440(one: str, other: str) -> int | None:
    """Compare two as PEP 440 does; of what came from a file or an address, what stands before its origin."""
    mine, theirs = _parsed(one.partition(" @ ")[0]), _parsed(other.partition(" @ ")[0])
    return None if mine is None or theirs is None else int(mine > theirs) - int(mine < theirs)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> "Version | None":
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return None


def _rpm(one: str, other: str) -> int | None:
    """Compare two of ``EPOCH:VERSION-RELEASE``; several versions side by side have no order."""
    if " " in one or " " in other:
        return None
    from univers.rpm import compare_rpm_versions

    return int(compare_rpm_versions(one, other))
