"""The headway of a run under way: a small file in the state directory that is replaced once a second.

It is never flushed: nobody relies on it, and it is gone with the run. One that stays behind is that of a killed run.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NAME = "headway.json"


def write(state_dir: Path, values: Mapping[str, Any]) -> None:
    """Replace the file. What cannot be written is not told: no run fails for its display."""
    new = state_dir / f".{NAME}"
    with suppress(OSError):
        new.write_text(json.dumps(values) + "\n")
        new.replace(state_dir / NAME)


def read(state_dir: Path) -> dict[str, Any] | None:
    """Return what is there, None for nothing that can be read."""
    try:
        found = json.loads((state_dir / NAME).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


@contextmanager
def kept_up(state_dir: Path) -> Iterator[None]:
    """Have the file be that of one run: what a killed one left is removed before, its own after it."""
    remove(state_dir)
    try:
        yield
    finally:
        remove(state_dir)


def remove(state_dir: Path) -> None:
    """Remove the file; harmless where there is none."""
    for name in (NAME, f".{NAME}"):
        with suppress(OSError):
            (state_dir / name).unlink(missing_ok=True)
