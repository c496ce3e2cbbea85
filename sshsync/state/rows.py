"""What a row may hold. Everything that is read from the file passes here: what does not fit is damage."""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sshsync.model import events as ev
from sshsync.model.typed import LATEST
from sshsync.model.written import from_json, to_json

_MOST = 2**63 - 1
_OF_ITEMS = (ev.Published, ev.Deleted, ev.Adjusted)


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
    if type(value) not in (int, float) or not 0 <= float(value) <= LATEST:  # type: ignore[arg-type]
        raise Damaged(f"{what} is no time")
    return float(value)  # type: ignore[arg-type]


def written(event: ev.Event) -> bytes | str:
    """Return an event as it is written: what tells of items is compressed, for they may be millions."""
    text = json.dumps(to_json(event))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6) if isinstance(event, _OF_ITEMS) else text


def place(row: Sequence[object]) -> tuple[int, int, float, str]:
    """Return the number of a repository, how many items it held, the moment of which it was in sync, and its maker."""
    number, items, in_sync, maker = row
    return (
        whole(number, "the number of a repository"),
        whole(items, "a number of items"),
        moment(in_sync, "the moment of a repository"),
        words(maker, "what makes digests"),
    )


def run(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run; its stages as lists of names."""
    if not words(row["id"], "the id of a run").isprintable() or not row["id"]:
        raise Damaged("the id of a run is none")
    finished, code = row["finished"], row["exit_code"]
    return {
        "id": row["id"],
        "started": moment(row["started"], "the beginning of a run"),
        "stages": _stages(row["stages"]),
        "dry": bool(whole(row["dry"], "the kind of a run", 1)),
        "finished": None if finished is None else moment(finished, "the end of a run"),
        "exit_code": None if code is None else whole(code, "an exit code", 255),
        "interrupted": bool(whole(row["interrupted"], "the end of a run", 1)),
        "abandoned": bool(whole(row["abandoned"], "the end of a run", 1)),
    }


def event(at: object, text: object) -> tuple[float, ev.Event | None]:
    """Return an event with its time; None for one of a class that this version does not know."""
    if type(text) is bytes:
        try:
            text = zlib.decompress(text).decode("utf-8", "surrogatepass")
        except (zlib.error, UnicodeDecodeError) as error:
            raise Damaged("an event is cut or garbled") from error
    values = _json(text, "an event")
    if type(values) is not dict or type(values.get("type")) is not str:
        raise Damaged("an event is none")
    try:
        return moment(at, "the time of an event"), from_json(values)
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
