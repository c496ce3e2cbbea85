"""Package managers that are asked to change something, and hosts that answer whatever a test has them say."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_letters, ascii_lowercase, digits

from hypothesis import strategies as st

from sshsync.kinds.base import Answer, Dialogue, Request, Subject
from sshsync.kinds.installing import Installer, Transaction
from sshsync.kinds.pip_changes import PipChanges
from sshsync.kinds.rpm_changes import RpmChanges
from sshsync.model.change import Copy, Delete, Replace
from sshsync.model.item import Item
from sshsync.model.prepared import Outlook
from sshsync.remote.probe import Capabilities
from sshsync.versions import order
from tests import values

TOKEN = b"0123456789abcdef"

Told = list[tuple[str, dict]]
"""What a host was asked to do, and by which values."""
Says = Callable[[str, dict], bytes | int]
"""What a host prints when it is asked so, or the status by which it fails."""


def line(**said: object) -> bytes:
    return TOKEN + b" " + json.dumps(said).encode() + b"\n"


def busy(quiet: object = 0) -> bytes:
    return line(busy=True, quiet=quiet)


def item(name: str, version: str) -> Item:
    return Item(name.encode(), f"version:{version}")


def asked(request: Request) -> tuple[str, dict]:
    variables = request.command.variables
    return variables["MODE"].decode(), json.loads(request.stdin) if request.stdin else {}


def drive(dialogue: Dialogue, says: Says) -> tuple[object, Told]:
    """Answer all requests; return the result, and what was asked."""
    told: Told = []
    try:
        step = next(dialogue)
        while True:
            told.append(asked(step))
            made = says(*told[-1])
            step = dialogue.send(Answer(made, b"", b"no such luck") if isinstance(made, int) else Answer(0, made, b""))
    except StopIteration as end:
        return end.value, told


@dataclass(frozen=True)
class Manager:
    """A package manager as a test asks it.

    Attributes:
        type: type of a repository of its packages.
        tool: what it is called.
        changes: changes packages.
        new, up, down, gone: a change of each kind.
        first: what is asked before a job is begun, and the answer.
        fine: what a job tells that brought all that was asked for.
        letters: what names consist of, and what they begin with.
        signs: what versions consist of, and what they begin with.
    """

    type: str
    tool: str
    changes: Installer
    new: Copy
    up: Replace
    down: Replace
    gone: Delete
    first: dict[str, bytes]
    fine: dict
    letters: tuple[str, str]
    signs: tuple[str, str]

    def subject(self, **more: object) -> Subject:
        repository = values.repository("app1", "app0", host=values.host(), **{"path": "/srv/app", "type": self.type, **more})
        return Subject(repository, Capabilities(), TOKEN, "version")

    def ask(self, deed: str, says: Says, *changes: Copy | Replace | Delete, **more: object) -> tuple[object, Told]:
        """Have a host asked to `foresee`, `bring` or `apply` changes; return what came of it, and what was asked."""
        install = [change for change in changes if not isinstance(change, Delete)]
        remove = [change for change in changes if isinstance(change, Delete)]
        lease = ["lease1"] if deed == "apply" else []
        dialogue = getattr(self.changes, deed)(self.subject(**more), Transaction(f"to {deed}", "fetched", install, remove), *lease)
        return drive(dialogue, says)

    def foresee(self, *changes: Copy | Replace | Delete, says: dict | None = None, **more: object) -> tuple[Outlook, Told]:
        """Have changes foreseen by a host whose job tells something: that all is fine, unless another thing is said."""
        return self.ask("foresee", self.says(self.fine if says is None else says), *changes, **more)  # type: ignore[return-value]

    def says(self, told: dict) -> Says:
        return lambda mode, _: self.first.get(mode, line(**told))

    def sayable(self, name: str, version: str) -> bool:
        """Tell whether a host may be asked for it."""
        return all(
            bool(text) and set(text) <= set(most) and text[0] in first
            for text, (most, first) in ((name, self.letters), (version, self.signs))
        )


HEAD = {"python": "3.11.2", "prefix": "/srv/app", "writable": True, "managed": False, "work": "", "left": []}

PIP = Manager(
    "pip",
    "pip",
    PipChanges(order("pip")),
    new=Copy(item("six", "1.16.0")),
    up=Replace(item("django", "4.2.7"), item("django", "4.2.11")),
    down=Replace(item("idna", "3.4"), item("idna", "2.10")),
    gone=Delete(item("old", "1")),
    first={"": line(**HEAD)},
    fine={"refused": {}, "distrusted": [], "trouble": ""},
    letters=(ascii_lowercase + digits + "-", ascii_lowercase + digits),
    signs=(ascii_letters + digits + ".+!_-", ascii_letters + digits),
)
RPM = Manager(
    "rpm",
    "dnf",
    RpmChanges(order("rpm")),
    new=Copy(item("six", "1.16.0-1.el9")),
    up=Replace(item("django", "4.2.7-1"), item("django", "4.2.11-1")),
    down=Replace(item("idna", "1:0.9-1"), item("idna", "2.10-7")),
    gone=Delete(item("old", "1-1")),
    first={},
    fine={"refused": {}, "in": [], "out": [], "needs": {}, "machine": "x86_64"},
    letters=(ascii_letters + digits + "._+-", ascii_letters + digits + "_"),
    signs=(ascii_letters + digits + "._+~^:-", ascii_letters + digits + "._+~^"),
)
MANAGERS = (PIP, RPM)

HOSTILE = [
    (b"-r", "1-1"), (b"--installroot=/", "1-1"), (b"six", "1-1 ; import os"), (b"six", "1-1 @ file:///etc/passwd"), (b"six", "git+https://x/y@abcdef0"),
    (b"$(id)", "1-1"), (b"`id`", "1-1"), (b"six", "$(id)"), (b"six", "1-1\n-r/etc/passwd"), (b"six", "1-1\n"), (b"six\n", "1-1"), (b"six\0", "1-1"), (b"six", "1-1\0"),
    (b"six", ""), (b"", "1-1"), (b"a b", "1-1"), (b"six", "-1"), (b"s\xff", "1-1"), (b"six", "*"), (b"si*", "1-1"), (b"s[a-z]x", "1-1"), (b"si?", "1-1"),
    (b"https://x/six.rpm", "1-1"), (b"/etc/passwd", "1-1"), (b"../six", "1-1"), (b"@core", "1-1"), (b"six>=1", "1-1"), (b"six", "1-1 2-1"), (b"six", "\u0661-1"), ("s\u0131x".encode(), "1-1"),
]  # fmt: skip
"""Names and versions that neither pip nor dnf may ever be asked for."""

_PIECES = ["six", "SIX", "1", "2.0", "-", "--", "r", " ", "\n", "\r", "\t", "\0", "$(id)", "*", "?", "[a]", "https://", "file:", "/", "..", ".", ";", "@", "==", ">", "~", "^", "+", "_", ":", "!", "'", '"', "\\", "\u2028", "\udcff", "\ud800", "\u0130", "\x1b[2J"]
TEXTS = st.lists(st.sampled_from(_PIECES), max_size=5).map("".join) | st.text(max_size=20)
"""Texts of what names and versions are made of, and of what they never hold."""
KEYS = TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=20)

_DEEP = st.sampled_from([10, 300, 700, 900, 950, 980, 2000]).map(lambda depth: b"[" * depth + b"]" * depth)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8)
"""Whatever JSON can say."""


def said(*names: str, **shapes: st.SearchStrategy) -> st.SearchStrategy[bytes]:
    """Return answers: objects in which some names have any value, or one of a shape; and what is no object at all."""
    known = st.fixed_dictionaries({}, optional={**dict.fromkeys(names, VALUES), **shapes})
    deep = st.builds(lambda name, depth: TOKEN + b' {"%s": %s}\n' % (name.encode(), depth), st.sampled_from(names), _DEEP)
    return known.map(lambda found: line(**found)) | deep | st.binary(max_size=40) | st.just(b"") | VALUES.map(lambda value: TOKEN + b" " + json.dumps(value).encode() + b"\n")
