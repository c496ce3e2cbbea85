"""What a value has to be, in words of the operator: the library that checks types has its own."""

from collections.abc import Mapping
from typing import Any

_WORDS = {
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be yes or no",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
}


def words(fault: Mapping[str, Any]) -> str:
    """Return what a fault that pydantic found means: our own words where a check of ours raised."""
    kind, context = fault["type"], dict(fault.get("ctx", {}))
    if kind == "value_error":
        return str(context["error"])
    if "expected" in context:
        context["expected"] = context["expected"].replace("'", "").replace(" or ", ", ").removeprefix(", ")
    return _WORDS[kind].format(**context) if kind in _WORDS else "is no value for it (see: man sshsync.conf)"
