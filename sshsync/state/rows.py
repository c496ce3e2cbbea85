"""What a row may hold. Everything that is read from the file passes here: what does not fit is damage."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sshsync.model import events as ev
from sshsync.model.item import Digest, Key, Stamp

_MOST = 2**63 - 1


class Damaged(Exception):
    """The file holds something that sshsync never wrote; the text says what."""


def words(value: object, what: str) -> str:
    """Return a text."""
    if type(value) is not str:
        raise Damaged(f"{what} is no text")
    return value


def whole(value: object, what: str, most: int = _MOST) -> int:
    """Return a number from 0 to `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise Damaged(f"{what} is no such number")
    return value


def moment(value: object, what: str) -> float:
    """Return a time in seconds since the epoch."""
    if type(value) not in (int, float) or not 0 <= float(value) <= ev.LATEST:  # type: ignore[arg-type]
        raise Damaged(f"{what} is no time")
    return float(value)  # type: ignore[arg-type]


def digest(value: object) -> Digest:
    """Return a digest, with its algorithm."""
    if type(value) is not str or value.find(":") < 1:
        raise Damaged("a digest is none")
    return value


def key(value: object) -> Key:
    """Return the key of an item."""
    if type(value) is not bytes or not value:
        raise Damaged("the name of an item is none")
    return value


def verified(row: Sequence[object]) -> tuple[Key, Digest]:
    """Return what is on record about an item, from its key, digest and size."""
    whole(row[2], "the size of an item")
    return key(row[0]), digest(row[1])


def cached(row: Sequence[object]) -> tuple[Key, tuple[Stamp, Digest]]:
    """Return a digest with the stamp for which it holds, from key, size, times, inode and digest."""
    name, *stamp, value = row
    if not all(type(number) is int for number in stamp):
        raise Damaged("a stamp is none")
    return key(name), (Stamp(*stamp), digest(value))  # type: ignore[arg-type]


def place(row: Sequence[object]) -> tuple[int, float]:
    """Return how many items a repository held, and the moment of which it was in sync."""
    return whole(row[0], "a number of items"), moment(row[1], "the moment of a repository")


def run(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run; its stages as lists of names."""
    if not words(row["id"], "the id of a run").isprintable() or not row["id"]:
        raise Damaged("the id of a run is none")
    finished, code = row["finished"], row["exit_code"]
    return {
        "id": row["id"],
        "started": moment(row["started"], "the beginning of a run"),
        "stages": _stages(row["stages"]),
        "dry": whole(row["dry"], "the kind of a run", 1),
        "finished": None if finished is None else moment(finished, "the end of a run"),
        "exit_code": None if code is None else whole(code, "an exit code", 255),
        "interrupted": whole(row["interrupted"], "the end of a run", 1),
        "abandoned": whole(row["abandoned"], "the end of a run", 1),
    }


def event(at: object, text: object) -> tuple[float, ev.Event | None]:
    """Return an event with its time; None for one of a class that this version does not know."""
    values = _json(text, "an event")
    if type(values) is not dict or type(values.get("type")) is not str:
        raise Damaged("an event is none")
    try:
        return moment(at, "the time of an event"), ev.from_json(values)
    except ValueError as error:
        raise Damaged(f"an event does not fit: {error}") from error


def _stages(text: object) -> list[list[str]]:
    stages = _json(text, "the stages of a run")
    lists = type(stages) is list and all(type(stage) is list and stage for stage in stages)
    if (
        not stages
        or not lists
        or not all(type(name) is str and name.isprintable() for stage in stages for name in stage)
    ):
        raise Damaged("the stages of a run are none")
    return stages  # type: ignore[no-any-return]


def _json(text: object, what: str) -> Any:
    try:
        return json.loads(words(text, what))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{what} is cut or garbled") from error
