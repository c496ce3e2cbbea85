"""What `--json` prints, held against docs/sshsync.schema.json; a field that is not in there is an error here."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.pages import DOCS


def check(line: str) -> dict[str, Any]:
    """Return the object on a line.

    Raises:
        AssertionError: it is no JSON, is of a type that is not documented, or has another form than its type.
    """
    try:
        found = json.loads(line)
    except ValueError:
        raise AssertionError(f"no JSON: {line!r}") from None
    assert isinstance(found, dict) and "type" in found, line
    assert found["type"] in _validators(), f"no such type is documented: {line}"
    wrong = [f"{found['type']}.{'.'.join(map(str, error.path))}: {error.message}" for error in _validators()[found["type"]].iter_errors(found)]
    assert wrong == []
    return found


@cache
def _validators() -> dict[str, Draft202012Validator]:
    whole = json.loads((DOCS / "sshsync.schema.json").read_text())
    Draft202012Validator.check_schema(whole)
    return {name: Draft202012Validator(_closed(made)) for name, made in whole["$defs"].items()}


def _closed(part: Any) -> Any:
    """Return a part of a schema that takes no field which it does not name."""
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(value) for key, value in part.items()}
    return {**closed, "additionalProperties": False} if isinstance(part.get("properties"), dict) and part.get("type") == "object" else closed
