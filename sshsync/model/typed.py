"""Whether a value that was read is of the type that a field has."""

from types import UnionType
from typing import Any, get_args, get_origin

LATEST = 253402300799.0
"""The last second that has a date, in seconds since the epoch."""


def fits(value: Any, wanted: Any) -> bool:
    """Tell whether a value is of the type that a field has; numbers are counts and times, and never negative."""
    if get_origin(wanted) is list:
        (inner,) = get_args(wanted)
        return isinstance(value, list | tuple) and all(fits(one, inner) for one in value)
    if get_origin(wanted) is tuple:
        inners = get_args(wanted)
        return isinstance(value, list | tuple) and len(value) == len(inners) and all(map(fits, value, inners))
    if wanted is float:
        return type(value) in (int, float) and 0 <= value <= LATEST
    if wanted is int:
        return type(value) is int and 0 <= value < 2**63
    if get_origin(wanted) is UnionType:
        return any(fits(value, one) for one in get_args(wanted))
    plain = get_origin(wanted) or wanted
    return isinstance(value, str if issubclass(plain, str) else plain)
