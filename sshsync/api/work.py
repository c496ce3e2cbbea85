"""What work is made of: the parts that `Sync` wires for all of it, and what a visit adds to each piece."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sshsync.api.telling import Telling
from sshsync.builtin import Kinds
from sshsync.config.resolve import Config
from sshsync.core.lease import Here
from sshsync.core.publication import each
from sshsync.engine.context import Context
from sshsync.executors.base import Executor
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop
from sshsync.model.events import Emit, Event
from sshsync.model.order import Offer
from sshsync.model.records import Records
from sshsync.state.journal import Journal
from sshsync.transports.base import Factory


@dataclass(frozen=True, slots=True)
class Parts:
    """What all work with one configuration shares.

    Attributes:
        config: what `load` returned.
        transports: how hosts are reached.
        kinds: what items are and how they are applied, by the type of a repository.
        journal: makes one: each run writes by a journal of its own, for a journal keeps the events of one run.
        here: this process, as the leases on children name it, and its clocks.
        executor: how jobs run side by side; None for threads.
        sinks: take every event, after the journal and the log.
        beat: called every half second while repositories are synchronized.
        telling: the log, the notices, and who hears of bugs.
    """

    config: Config
    transports: Mapping[str, Factory]
    kinds: Kinds
    journal: Callable[[], Journal]
    here: Here
    executor: Executor | None
    sinks: tuple[Emit, ...]
    beat: Callable[[], None]
    telling: Telling


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work of a visit.

    Attributes:
        parts: what it shares with all other work.
        pool: the connections of the visit.
        stop: the signal that ends it.
        tick: to be called every half second, or more often, while a run waits for its jobs.
        end: ends it as a signal would, for want of time; takes in words which time is over.
        offers: what is known of repositories that nobody has to look at, by their names.
    """

    parts: Parts
    pool: Pool
    stop: Stop
    tick: Callable[[], None]
    end: Callable[[str], None]
    offers: Mapping[str, Offer] = field(default_factory=dict)

    def context(self, records: Records, emit: Emit) -> Context:
        """Return the engine's parts, which keep `records` and tell `emit` of what happens."""
        parts = self.parts
        settings, here = parts.config.settings, parts.here
        asking = Asking(self.pool, emit, self.stop, here.clock, here.monotonic)
        kinds = {name: kind() for name, (kind, _) in parts.kinds.items()}
        appliers = {name: make(asking, settings) for name, (_, make) in parts.kinds.items()}
        return Context(parts.config.tree, asking, kinds, appliers, each, records, emit, here, parts.telling.bug)


def unheard(_event: Event) -> None:
    """Take the events of what only looks: its caller has the answer."""
