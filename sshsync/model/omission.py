"""What a repository holds besides its items: counted and told of, for nobody should have to find out later."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Omission:
    """Things of one sort that are no items of a repository's kind, and that somebody who takes from it would take.

    Attributes:
        one, many: what they are called.
        count: how many there are.
        example: the name of one of them, as events tell it.
    """

    one: str
    many: str
    count: int
    example: str
