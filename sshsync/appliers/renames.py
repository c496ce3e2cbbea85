"""Renames: what several loads have to rename, as a host is told, and what it says of each name."""

import itertools
from collections import Counter
from collections.abc import Iterable

from sshsync.hosts.conversation import Reply
from sshsync.model.change import Replace
from sshsync.model.item import Key
from sshsync.model.words import visible
from sshsync.remote import encode, scripts
from sshsync.remote.probe import Capabilities
from sshsync.transfers.load import Load, Part, above, by_directory, units


class Renames:
    """What several loads have to rename, as the host is told.

    Attributes:
        order: the names, as they are numbered there.
        files: those that are files; the others are whole directories.
        present: directories that the child has then.
    """

    def __init__(self, loads: tuple[Load, ...], present: set[Key] | None) -> None:
        self._loads = loads
        self._groups: list[list[tuple[Key, list[Key]]]] = []
        self.files = {change.key for load in loads for change in load.changes}
        places = [{place for change in load.changes for place in above(change.key)} for load in loads]
        # A directory in which several loads have files comes from none of them as a whole.
        shared = {place for place, count in Counter(itertools.chain.from_iterable(places)).items() if count > 1}
        self.present = shared.union(present or ())
        for load in loads:
            names = (change.key for change in load.changes) if present is None else units(load, self.present)
            self._groups.append(list(by_directory(names)))
        self.present.update(*places)
        self.order = [name for groups in self._groups for name in in_order(groups)]

    def ready(self) -> bytes:
        """Return the lines of what is made ready before the first flush."""
        lines = []
        for load in self._loads:
            lines.append(line(b"B", load.attempt.encode()))
            if isinstance(load, Part):
                lines += (line(b"P", load.name.encode()), line(b"N", load.change.key))
        lines += (line(b"C", place) for place in dict.fromkeys(place for groups in self._groups for place, _ in groups))
        return b"".join(lines) + line(b"S", b"")

    def lines(self) -> bytes:
        """Return the lines of what is renamed."""
        pairs = zip(self._loads, self._groups, strict=True)
        return b"".join(line(b"B", load.attempt.encode()) + grouped(groups) for load, groups in pairs)


def line(letter: bytes, name: bytes) -> bytes:
    """Return what a script that works directory by directory reads: what it is, and the name."""
    return letter + encode.name(name) + b"\n"


def old_lines(loads: Iterable[Load], in_the_way: Iterable[Key]) -> bytes:
    """Return the lines of what is put aside before anything is renamed: the files that are known to be there."""
    keys = [change.key for load in loads for change in load.changes if isinstance(change, Replace)]
    lines = (line(b"K", key) for key in in_order(by_directory([*keys, *in_the_way])))
    return b"".join(lines) + line(b"S", b"")


def quickest(able: Capabilities) -> str:
    """Return the interpreter that starts first, of those that are there; "" for none."""
    return next((name for name in scripts.RENAMERS if name in able.cutters), "")


def renamer(runs: str) -> dict[str, bytes]:
    """Return what makes a host rename by a program, where it has an interpreter."""
    return scripts.RENAMERS[runs].variables if runs else {}


def replaced(loads: Iterable[Load]) -> int:
    """Return how many bytes the files have that loads replace."""
    return sum(c.old.size for load in loads for c in load.changes if isinstance(c, Replace))


def in_order(groups: Iterable[tuple[Key, list[Key]]]) -> list[Key]:
    """Return names as a script numbers them that works directory by directory."""
    return [name if place == b"." else place + b"/" + name for place, names in groups for name in names]


def grouped(groups: Iterable[tuple[Key, list[Key]]]) -> bytes:
    """Return the lines of names for a script that works directory by directory."""
    lines: list[bytes] = []
    for directory, names in groups:
        lines.append(line(b"G", directory))
        lines += (line(b"F", name) for name in names)
    return b"".join(lines)


def about(key: Key, said: list[bytes]) -> str:
    """Return what the host said about one item: the lines that name it or its directory, else all."""
    directory, _, base = key.rpartition(b"/")
    lines = [line for line in said if _mentions(line, base)]
    lines = lines or [line for line in said if directory and _mentions(line, directory.rpartition(b"/")[2])]
    return visible(b"; ".join(lines or said), 300) or "the host refused it"


def _mentions(line: bytes, name: bytes) -> bool:
    return any(b"/" + name + end in line for end in (b"'", b":", b'"', b" "))


def numbers(reply: Reply, word: bytes = b"failed ") -> list[int]:
    """Return the numbers of what failed: in lines of their own, or in records where names stand beside them."""
    lines, *told = reply.payload.split(reply.token + b" ")
    words = [line.split() for line in (*lines.splitlines(), *told) if line.startswith(word)]
    return [int(word[1]) for word in words if len(word) == 2 and word[1].isdigit()]
