"""An executor whose orders are carried out in another process: everything that goes there or comes back is pickled."""

import itertools
import multiprocessing
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sshsync import builtin
from sshsync.api import load
from sshsync.core.publication import each
from sshsync.engine import owner
from sshsync.engine.context import Context
from sshsync.engine.worker import Worker
from sshsync.executors.base import Lead
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop
from sshsync.model.events import Emit
from sshsync.model.order import Order
from sshsync.model.records import Records


def context(config: Path, emit: Emit, records: Records) -> Context:
    """Return the parts of a run as another process would make them: from its own copy of the configuration."""
    found = load(config)
    pool = Pool(builtin.transports(found.settings))
    asking = Asking(pool, emit, Stop(), time.time, time.monotonic)
    kinds = {name: kind() for name, (kind, _) in builtin.KINDS.items()}
    appliers = {name: make(asking, found.settings) for name, (_, make) in builtin.KINDS.items()}
    return Context(found.tree, asking, kinds, appliers, each, records, emit, owner.here())


class Wire:
    """One end of the wire: whatever is sent is pickled first, and kept for who looks for secrets in it."""

    def __init__(self, end: Connection) -> None:
        self._end = end
        self._asking = threading.Lock()
        self.seen: list[bytes] = []

    def send(self, *message: object) -> None:
        data = pickle.dumps(message)
        self.seen.append(data)
        self._end.send_bytes(data)

    def receive(self) -> tuple[Any, ...]:
        data = self._end.recv_bytes()
        self.seen.append(data)
        found: tuple[Any, ...] = pickle.loads(data)
        return found

    def ask(self, *message: object) -> tuple[Any, ...]:
        """Send something and return the answer to it: threads ask one after the other."""
        with self._asking:
            self.send(*message)
            return self.receive()


class Remembering:
    """The records of the process that leads, asked for over the wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: object, **words: object) -> Any:
            # What is learned may be found out by asking, item by item.
            plain = [list(one) if name in ("learn", "forget") and n == 2 else one for n, one in enumerate(arguments)]
            return self._wire.ask("records", name, plain, words)[1]

        return ask


def _serve(config: Path, end: Connection) -> None:
    """Carry out orders until there are no more; an event is on record before the next step."""
    wire = Wire(end)

    def emit(event: object) -> None:
        wire.ask("event", event)

    made = context(config, emit, Remembering(wire))  # type: ignore[arg-type]
    work = Worker(made)
    while order := wire.receive()[1]:
        wire.send("done", work(order))
    made.asking.pool.close()


class Elsewhere:
    """See `Executor`: one other process, one order after the other."""

    together = False

    def __init__(self, config: Path) -> None:
        self._config = config
        self.crossed: list[bytes] = []
        self.messages = 0

    def run(self, lead: Lead) -> None:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(self._config, theirs))
        process.start()
        theirs.close()
        wire = Wire(ours)
        due: deque[Order] = deque()
        for _ in itertools.count():
            due.extend(lead.following())
            if not due:
                break
            wire.send("order", due.popleft())
            lead.done(self._result(wire, lead))
        wire.send("order", None)
        process.join(30)
        self.crossed += wire.seen

    def _result(self, wire: Wire, lead: Lead) -> Any:
        while True:
            what, *rest = wire.receive()
            if what == "done":
                return rest[0]
            if what == "event":
                lead.emit(rest[0])
                wire.send("noted")
            else:
                name, arguments, words = rest
                found = getattr(lead.records, name)(*arguments, **words)
                wire.send("answer", list(found) if name in ("verified", "cached") else found)
