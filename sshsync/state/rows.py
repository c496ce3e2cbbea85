"""What a row may hold. Everything that is read from the file passes here: what does not fit is damage."""

import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sshsync.model import events as ev
from sshsync.model.item import Digest, Key, Stamp, digest_of

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
    if type(value) not in (int, float) or not 0 <= float(value) <= ev.LATEST:  # type: ignore[arg-type]
        raise Damaged(f"{what} is no time")
    return float(value)  # type: ignore[arg-type]


def verified(row: tuple[Any, Any, Any]) -> tuple[Key, Digest]:
    """Return what is on record about an item, from its key, digest and size. There are millions of these rows."""
    name, value, size = row
    digest = _digest(value)
    if type(name) is bytes and name and digest and type(size) is int and size >= 0:
        return name, digest
    raise Damaged("what is on record about an item is none")


def cached(row: tuple[Any, Any, Any, Any, Any, Any]) -> tuple[Key, Stamp, Digest]:
    """Return a digest with the stamp for which it holds, from key, size, times, inode and digest."""
    name, size, mtime, ctime, inode, value = row
    numbers = type(size) is type(mtime) is type(ctime) is type(inode) is int
    digest = _digest(value)
    if type(name) is bytes and name and numbers and digest:
        return name, Stamp(size, mtime, ctime, inode), digest
    raise Damaged("a digest in the cache is none")


def _digest(value: Any) -> Digest | None:
    """Return a digest that was written short or as it is, None for anything else."""
    if type(value) is str:
        return value if value.find(":") > 0 else None
    with suppress(KeyError):
        return digest_of(value) if type(value) is bytes else None
    return None


def written(event: ev.Event) -> bytes | str:
    """Return an event as it is written: what tells of items is compressed, for they may be millions."""
    text = json.dumps(ev.to_json(event))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6) if isinstance(event, _OF_ITEMS) else text


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
    if type(text) is bytes:
        try:
            text = zlib.decompress(text).decode("utf-8", "surrogatepass")
        except (zlib.error, UnicodeDecodeError) as error:
            raise Damaged("an event is cut or garbled") from error
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
