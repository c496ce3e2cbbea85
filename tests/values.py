"""Values of the model with the defaults of the option table, for tests that need no file."""

import os
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar
from weakref import WeakKeyDictionary

from sshsync.config.load import parse
from sshsync.config.resolve import resolve
from sshsync.model.events import Entry, Event, RunStarted
from sshsync.model.topology import Host, Login, Repository
from sshsync.state.journal import Journal
from tests.conftest import ACCOUNT

T = TypeVar("T")
FULL = os.environ.get("SSHSYNC_FULL") == "1"
"""Whether all is tried at full length, as by the nightly suite."""


def some(cases: Iterable[T], step: int) -> list[T]:
    """Return all cases by night, and every `step`-th of them by day."""
    return list(cases)[:: 1 if FULL else step]


_ONE = resolve(parse(b"[one]\nhost = one\npath = /r\n", "f.conf"), ACCOUNT).tree.repositories["one"]


_RUNS: WeakKeyDictionary[Journal, str] = WeakKeyDictionary()


def keep(journal: Journal, event: Event) -> None:
    """Have a journal keep an event, now, as one of the run that it was told of last."""
    if isinstance(event, RunStarted):
        _RUNS[journal] = event.run
    journal.keep(Entry(_RUNS.get(journal, ""), time.time(), event))


def host(address: str = "host", port: int = 22, login: Login = Login("u"), **more: object) -> Host:
    """Return a host that is reached over SSH, but for other values of some fields."""
    return replace(_ONE.host, transport="ssh", address=address, port=port, login=login, **more)  # type: ignore[arg-type]


def repository(name: str, parent: str = "", *, host: Host, **more: object) -> Repository:
    """Return a repository, with other values of some fields; its chain is not settled."""
    return replace(_ONE, **{"name": name, "parent": parent, "host": host, "digest": "", **more})  # type: ignore[arg-type]
