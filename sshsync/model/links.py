"""Symbolic links that are to be on a child. They are no items: nothing of them is digested, and they have no mode."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """A link that a child has to have.

    Attributes:
        key: its name.
        target: where it leads.
        old: where the one leads that is there now; None where there is none.
        over: what of the child has to go before: a file in its place, what lies in a directory in its place, or what
            stands where its directory is to be.
    """

    key: bytes
    target: bytes
    old: bytes | None = None
    over: tuple[bytes, ...] = ()
