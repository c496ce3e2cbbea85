"""What a comparison of two repositories tells of one item."""

from dataclasses import dataclass
from enum import StrEnum

from sshsync.model.item import Item, Key


class Sign(StrEnum):
    """How an item of a repository stands to that of another one."""

    EQUAL = "equal"
    MISSING = "missing"
    EXTRA = "extra"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Compared:
    """One item on both sides.

    Attributes:
        key: the item, or what could not be listed.
        here: as the repository has it; None where it has none, or nobody could see.
        there: the same of the one that it is compared with.
        why: why it could not be compared, "" where it could.
    """

    key: Key
    sign: Sign
    here: Item | None = None
    there: Item | None = None
    why: str = ""
