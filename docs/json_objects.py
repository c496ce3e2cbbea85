"""Every object that `--json` prints, out of the classes that it is made of: the schema, and the page docs/json.md."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from docs import json_words
from sshsync.engine.headway import Headway
from sshsync.model import events as ev
from sshsync.model import written
from sshsync.model.events import Outcome
from sshsync.model.narrow import Narrow
from sshsync.model.omission import Omission
from sshsync.model.plan import Manner
from sshsync.model.report import ItemProblem, RepositoryReport, RunReport
from sshsync.model.survey import Survey
from sshsync.report import answers, as_json

Schema = dict[str, Any]
EVENTS = {as_json.snake(name): cls for name, cls in written.CLASSES.items() if cls not in as_json.UNTOLD}
ANSWERS = {
    as_json.snake(cls.__name__): cls
    for cls in (
        answers.Error, answers.Remark, answers.Status, answers.Config, answers.Section, answers.Run, answers.Version, answers.Held, Survey, answers.HostKey, answers.Forgotten, answers.Notified,
        answers.Listed, answers.Kept, answers.Restored, answers.Difference, answers.Comparison, answers.DriftedItem, answers.Drifting,
    )
}  # fmt: skip


def schema() -> Schema:
    """Return the JSON schema of a line of output."""
    objects = _objects()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line that sshsync prints on stdout with --json",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in objects],
        "$defs": objects,
    }


def page() -> list[str]:
    """Return the page about all objects, in lines."""
    objects = _objects()
    lines = json_words.HEAD.splitlines()
    for heading, names in (("Events of a run", EVENTS), ("Other objects", objects.keys() - EVENTS.keys())):
        lines += ["", f"## {heading}"]
        for name in (name for name in objects if name in names):
            lines += ["", f"### `{name}`", "", objects[name]["description"], "", "| field | type | meaning |", "|---|---|---|", *_rows(objects[name], "")]
    return [*lines, "", *json_words.TAIL.splitlines()]


def _objects() -> dict[str, Schema]:
    """Return each type of object with its schema."""
    found = {name: _event(name, cls) for name, cls in EVENTS.items()}
    for name, cls in ANSWERS.items():
        found[name] = _of_class(cls, name)
    for name in ("version", "held", "listed", "kept", "restored", "difference", "drifted_item"):
        found[name]["properties"]["name_base64"] = _base64(several=False)
    found["status"]["properties"]["repositories"]["items"]["properties"]["ok"] = {"type": "boolean", "description": json_words.of("status", "ok")}
    found["status"]["properties"]["headway"] |= {"anyOf": [_headway(), {"type": "null"}]}
    found["headway"] = {**_headway(), "description": json_words.OBJECTS["headway"]}
    found["summary"] = {**_of_value(_summary(), "summary", ""), "description": json_words.OBJECTS["summary"]}
    narrowed = found["summary"]["properties"]["narrowed"]
    found["summary"]["properties"]["narrowed"] = {"description": narrowed.pop("description"), "anyOf": [narrowed, {"type": "null"}]}
    return {name: _typed(name, made) for name, made in found.items()}


def _event(name: str, cls: type) -> Schema:
    """Return the schema of an event; beside what bears the name of an item, the bytes of one that is no text may stand."""
    made = _of_class(cls, name)
    for field in as_json.NAMES:
        held = made["properties"].get(field)
        if held and held["type"] in ("string", "array"):
            made["properties"][f"{field}_base64"] = _base64(several=held["type"] == "array")
    return made


def _base64(*, several: bool) -> Schema:
    one = {"type": "string"}
    return {**({"type": "array", "items": {"type": ["string", "null"]}} if several else one), "description": json_words.BASE64}


def _typed(name: str, made: Schema) -> Schema:
    kind = {"const": name, "description": "what the object is"}
    return {**made, "properties": {"type": kind, **made["properties"]}, "required": ["type", *made["required"]]}


def _of_class(cls: type, name: str) -> Schema:
    hints = get_type_hints(cls)
    found = {field.name: {**_of_hint(hints[field.name], name), "description": json_words.of(name, field.name)} for field in fields(cls)}
    return {"description": _doc(cls), "type": "object", "properties": found, "required": list(found)}


def _doc(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())


def _of_hint(hint: Any, name: str) -> Schema:
    """Return the schema of a field's type; `name` is the object that it is in."""
    plain, inner = get_origin(hint) or hint, get_args(hint)
    if plain is list or (plain is tuple and inner[-1] is ...):
        return {"type": "array", "items": _of_hint(inner[0], name)}
    if plain is tuple:
        return {"type": "array", "prefixItems": [_of_hint(one, name) for one in inner], "minItems": len(inner), "maxItems": len(inner)}
    if plain is UnionType:
        return {"anyOf": [_of_hint(one, name) for one in inner]}
    if plain is Mapping:
        return {"type": "object", "additionalProperties": _of_hint(inner[1], name)}
    if is_dataclass(plain):
        return _of_class(plain, name)
    if issubclass(plain, StrEnum):
        return {"enum": [str(one) for one in plain]}
    return {"type": {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}[plain]} if plain is not Any else {}


def _of_value(value: Any, name: str, field: str) -> Schema:
    """Return the schema of what values like this one are; a number with a fraction may be any, None a whole one."""
    words = {"description": json_words.of(name, field)} if field else {}
    if isinstance(value, Mapping):
        found = {key: _of_value(item, name, key) for key, item in value.items() if key != "type"}
        return {**words, "type": "object", "properties": found, "required": [key for key in found if not key.endswith("_base64")]}
    if isinstance(value, list):
        return {**words, "type": "array", "items": _of_value(value[0], name, "")}
    if isinstance(value, str) and field == "outcome":
        return {**words, "enum": [*map(str, Outcome), "unfinished"]}
    if value is None:
        return {**words, "type": ["number", "null"]}
    return {**words, "type": {str: "string", bool: "boolean", int: "integer", float: "number"}[type(value)]}


def _summary() -> Mapping[str, Any]:
    job = RepositoryReport("c", problems=[ItemProblem("\udcff", "reason", Outcome.FAILED, 7)], notices=["said"], seconds=0.5)
    parent = RepositoryReport("m", omitted=[Omission("link", "links", 1, "\udcff")])
    job.parent = parent.name
    return as_json.summary(RunReport("run", stages=[["c"]], repositories={"c": job, "m": parent}, manner=Manner(Narrow(("*",), ("*",)))))


def _headway() -> Schema:
    told: list[Mapping[str, Any]] = []
    headway = Headway("run", lambda: 0.5, lambda: 0.5, told.append)
    headway(ev.RepositoryStarted("c", "m"))
    return _of_value(told[-1], "headway", "")


def _rows(made: Schema, before: str) -> list[str]:
    """Return a row of the page for each field, those of what it holds below it."""
    rows = []
    for field, held in made["properties"].items():
        optional = "" if field in made["required"] else ", only where it is needed"
        rows.append(f"| `{before}{field}` | {_kind(held)}{optional} | {held['description'].replace('|', chr(92) + '|')} |")
        for part, mark in ((held, "."), (held.get("items", {}), "[]."), *((one, ".") for one in held.get("anyOf", ()))):
            if "properties" in part:
                rows += _rows(part, f"{before}{field}{mark}")
    return rows


def _kind(held: Schema) -> str:
    if "const" in held:
        return f"`{held['const']}`"
    if "enum" in held:
        return "one of " + ", ".join(held["enum"])
    if "anyOf" in held:
        return " or ".join(_kind(one) for one in held["anyOf"])
    if held.get("type") == "array":
        return f"[{', '.join(map(_kind, held['prefixItems']))}]" if "prefixItems" in held else f"list of {_kind(held['items'])}"
    if isinstance(held.get("additionalProperties"), dict):
        return f"object of {_kind(held['additionalProperties'])}"
    return " or ".join(held["type"]) if isinstance(held["type"], list) else held["type"]
