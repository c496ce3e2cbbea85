"""A visit to the hosts: work over connections that are kept from one piece to the next, and can be interrupted."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from sshsync import checks
from sshsync.api import limits, restoring, running
from sshsync.api.alike import alike
from sshsync.api.narrowing import narrowed
from sshsync.api.results import Result
from sshsync.api.reverting import Reverting, reverted
from sshsync.api.work import Parts, Work, unheard
from sshsync.core import compare, planner
from sshsync.core import drift as drifting
from sshsync.core.watching import Look
from sshsync.engine import glance, holdings
from sshsync.engine.holdings import Holdings
from sshsync.engine.survey import survey
from sshsync.errors import UsageError
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop
from sshsync.model.compared import Compared
from sshsync.model.drift import Drift
from sshsync.model.item import Snapshot
from sshsync.model.kept import Kept, Restored
from sshsync.model.plan import CONFIGURED, Manner, Plan
from sshsync.model.records import Reading
from sshsync.model.survey import Survey
from sshsync.state.directory import check_directory
from sshsync.versions import order

GRACE = 20.0
"""Seconds after a signal in which commands may end by themselves before their connections are closed."""


class Visit:
    """Work with the hosts, any number of pieces side by side or one after the other. Safe to use from several threads.

    Connections are made when first needed and kept until `close`. A new piece of work trusts them no further than it
    has to: what a host can do and its clock are asked for anew, what was refused earlier may be tried again, once, and
    a connection that was lost meanwhile is made anew without a failed try.

    Use as a context manager, or call `close`. Made by `Sync.visit`.
    """

    def __init__(self, parts: Parts, ended: Callable[["Visit"], None]) -> None:
        """Begin a visit.

        Args:
            parts: what all work shares.
            ended: told when it is closed.
        """
        self._parts = parts
        self._ended = ended
        self._lock = threading.Lock()
        self._working = 0
        self._pool = Pool(parts.transports)
        self._stop = Stop(parts.here.rest)
        self._interrupted_at = 0.0
        self._cut = False
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection, for good; what still runs ends with an error. Harmless when repeated."""
        with self._lock:
            self._closed = True
            pool = self._pool
        pool.close()
        self._ended(self)

    def interrupt(self, number: int) -> None:
        """Ask everything that is under way to end, runs with their state saved. May be called from a signal handler.

        It holds until all of that has ended; what begins meanwhile ends at once too. So does what begins next when
        nothing is under way: a signal that comes just before a run is not lost. Whatever begins later works again.

        Args:
            number: the signal's.
        """
        # No lock here: the thread that the handler interrupts may hold it.
        self._interrupted_at = self._parts.here.monotonic()
        self._stop.set(number)

    def run(
        self,
        stages: Sequence[Sequence[str]],
        *,
        dry_run: bool = False,
        wait: float = 0.0,
        manner: Manner = CONFIGURED,
        now: bool = False,
    ) -> Result:
        """Synchronize repositories.

        An unfinished run of the same stages is continued; one of other stages is abandoned. A dry run takes no
        lock, moves nothing, and changes nothing that is on record about repositories.

        Args:
            stages: repository names, by stage.
            dry_run: only find out what would be done.
            wait: seconds to wait for the end of another run.
            manner: how to go about them, other than the configuration says.
            now: pass over the hours in which runs may be under way (`window`).

        Raises:
            OutsideError: outside of these hours; nothing was begun.
            LockedError: another run is under way.
            StateError: journal or log cannot be used.
            UnknownRepositoryError: no such repository.
            UsageError: the stages make no sense, a pattern can match nothing, or the visit is closed.
            ConfigError: a key or password file, or known host keys, cannot be used.
        """
        config = self._parts.config
        check_directory(Path(config.settings.state_dir))
        limit = limits.limit(config.settings, now=now)
        if not dry_run:
            limits.check(self._parts, limit)
        went = Reverting(self._parts, manner)
        if manner.back:
            checks.secrets(config, [planner.known(config.tree, name).name for names in stages for name in names])
            with self._work() as work:
                went = reverted(work, stages, manner)
        parts = narrowed(alike(went.parts, stages, manner.like), manner.narrowed)
        plan = replace(planner.plan(parts.config.tree, stages), manner=went.manner)
        checks.secrets(config, [name for name in plan.contacted if name not in went.offers])
        with self._work() as work:
            made = replace(work, parts=parts, offers=went.offers)
            return running.run(made, plan, dry_run=dry_run, wait=wait, limit=limit)

    def survey(self, names: Sequence[str] = ()) -> list[Survey]:
        """Look at the hosts of some repositories, or of all: what they are, have and lack. Changes nothing.

        Raises:
            UnknownRepositoryError: no such repository.
            UsageError: the visit is closed.
            ConfigError: a key or password file, or known host keys, cannot be used.
        """
        tree = self._parts.config.tree
        wanted = [planner.known(tree, name) for name in names] or list(tree.repositories.values())
        checks.secrets(self._parts.config, [repository.name for repository in wanted])
        with self._work() as work, closing(self._parts.journal()) as journal:
            return survey(work.context(journal, unheard), wanted)

    def look(self, plan: Plan) -> Look:
        """Look at the masters of a plan: has anything changed there, and is it at rest. Nothing is digested.

        Raises:
            SshsyncError: one of them cannot be listed.
            UsageError: the visit is closed.
        """
        with self._work() as work, closing(self._parts.journal()) as journal:
            return glance.look(work.context(journal, unheard), plan)

    def scan(
        self,
        names: Sequence[str],
        *,
        only: Sequence[str] = (),
        fresh: bool = False,
        digest: str = "",
        all_of_it: bool = True,
    ) -> list[Snapshot]:
        """Return what repositories hold, in order, with digests. Changes nothing; digests on record are read.

        Args:
            names: repositories, each once.
            only: patterns as in `include` of what is asked for; all of it by default.
            fresh: make every digest anew.
            digest: the algorithm, made by the hosts' own tools; as it is configured by default.
            all_of_it: also what does not take part by the repositories' own patterns.

        Raises:
            UnknownRepositoryError: no such repository.
            UsageError: a pattern can match nothing, or the visit is closed.
            ConfigError: a key or password file, or known host keys, cannot be used.
            SshsyncError: one of them could not be scanned.
        """
        tree = self._parts.config.tree
        wanted = [holdings.alike(planner.known(tree, name), digest) for name in names]
        with self._holdings(names, fresh=fresh) as found:
            return found.scan(wanted, only, all_of_it=all_of_it)

    def compare(self, name: str, other: str = "", *, fresh: bool = False, digest: str = "") -> Iterator[Compared]:
        """Return how each item of a repository stands to that of its parent, or of another one. Changes nothing.

        Args:
            name: the repository.
            other: what it is compared with; its parent by default.
            fresh, digest: as for `scan`; where the two are of chains with different digests, that of the first is made.

        Raises:
            UnknownRepositoryError: no such repository.
            UsageError: these two cannot be compared, or the visit is closed.
            ConfigError: a key or password file, or known host keys, cannot be used.
            SshsyncError: one of them could not be scanned.
        """
        one, two = compare.pair(self._parts.config.tree, name, other)
        digest = digest or (one.digest if one.digest != two.digest else "")
        with self._holdings([one.name, two.name], fresh=fresh) as found:
            return found.compare(holdings.alike(one, digest), holdings.alike(two, digest))

    def drift(
        self, names: Sequence[str] = (), *, against: str = "", only: Sequence[str] = (), fresh: bool = False
    ) -> Iterator[Drift]:
        """Yield how repositories of one type stand to each other, type by type. Changes nothing.

        Who cannot be asked is part of the answer, and misses nothing.

        Args:
            names: repositories, each once; all by default.
            against: the one that the others are held against.
            only: patterns as in `include` of what is compared; all that takes part by default.
            fresh: make every digest anew.

        Raises:
            UnknownRepositoryError: no such repository.
            UsageError: these cannot be compared, a pattern can match nothing, or the visit is closed.
            ConfigError: a key or password file, or known host keys, cannot be used.
        """
        groups = drifting.groups(self._parts.config.tree, names, against)
        for group in groups:
            with self._holdings(group, fresh=fresh) as found:
                yield found.drift(group, against, only, order, self._parts.here.clock)

    def kept(self, name: str, paths: Sequence[str] = (), *, run: str = "") -> list[Kept]:
        """Return what runs put aside on a repository before they replaced or deleted it. Changes nothing.

        Args:
            name: the repository.
            paths: what is asked for: names of items, of directories, or patterns as in `include`; all by default.
            run: the beginning of a run's name, for what that run put aside.

        Returns:
            The versions by name, of each the newest first.

        Raises:
            UnknownRepositoryError: no such repository.
            UsageError: nothing of that is kept, or the visit is closed.
            ConfigError: a key or password file, or known host keys, cannot be used.
            SshsyncError: it could not be listed.
        """
        repository = planner.known(self._parts.config.tree, name)
        checks.secrets(self._parts.config, [name])
        with self._work() as work:
            return restoring.listed(work, repository, paths, run)

    def restore(self, name: str, paths: Sequence[str], *, run: str = "", wait: float = 0.0) -> list[Restored]:
        """Bring back the newest kept version of items, and keep what stands there now. The next run replaces it again.

        Args:
            name: the repository.
            paths: what is brought back, as for `kept`; at least one.
            run: the beginning of a run's name, for what that run put aside.
            wait: seconds to wait for the end of a run that is under way.

        Returns:
            What became of each item.

        Raises:
            LockedError, LeasedError: a run is under way, or another controller works there.
            StateError: the journal or the lock cannot be used.
            SshsyncError: as for `kept`; or the host failed.
        """
        config = self._parts.config
        repository = planner.known(config.tree, name)
        check_directory(Path(config.settings.state_dir))
        checks.secrets(config, [name])
        with self._work() as work:
            return restoring.restored(work, repository, paths, run, wait)

    @contextmanager
    def _holdings(self, names: Sequence[str], *, fresh: bool) -> Iterator[Holdings]:
        checks.secrets(self._parts.config, names)
        with self._work() as work, closing(self._parts.journal()) as journal:
            yield Holdings(work.context(Reading(journal), unheard), work.tick, cached=not fresh)

    @contextmanager
    def _work(self) -> Iterator[Work]:
        """Let a piece of work have the connections and the stop; an interrupt is over when the last piece has ended."""
        with self._lock:
            if self._closed:
                raise UsageError("the visit is closed", hint="begin another one")
            self._working += 1
            work = Work(self._parts, self._pool, self._stop, self._tick, self._end)
        try:
            work.pool.forget()
            yield work
        finally:
            with self._lock:
                self._working -= 1
                if self._stop.signal and not self._working:
                    self._begin_afresh()

    def _begin_afresh(self) -> None:
        self._stop = Stop(self._parts.here.rest)
        if self._cut and not self._closed:
            self._pool = Pool(self._parts.transports)
            self._cut = False

    def _end(self, why: str) -> None:
        """End all that is under way as a signal would, because some time is over."""
        if not self._stop.signal:
            self._interrupted_at = self._parts.here.monotonic()
            self._stop.set(signal.SIGTERM, why)

    def _tick(self) -> None:
        """Show life; close what does not end by itself in the grace time after a signal."""
        self._parts.beat()
        if self._stop.signal and self._parts.here.monotonic() - self._interrupted_at > GRACE:
            self._cut = True
            self._pool.close()
