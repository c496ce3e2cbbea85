"""`Sync`: wires an engine out of a configuration, and answers from the journal what needs no host."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sshsync import builtin, checks
from sshsync.api import limits, weekly
from sshsync.api.results import Result
from sshsync.api.standing import standing
from sshsync.api.telling import Telling
from sshsync.api.visit import Visit
from sshsync.api.work import Parts
from sshsync.builtin import Kinds
from sshsync.config.resolve import Config
from sshsync.core import fold, planner
from sshsync.core.lease import Here
from sshsync.core.watching import Look
from sshsync.engine import owner
from sshsync.errors import UsageError
from sshsync.executors.base import Executor
from sshsync.hosts.pool import Pool
from sshsync.model.events import Emit
from sshsync.model.plan import CONFIGURED, Manner, Plan
from sshsync.model.report import RunReport
from sshsync.model.status import RepositoryStatus
from sshsync.model.survey import Survey
from sshsync.model.topology import Host
from sshsync.model.words import Words
from sshsync.state import headway
from sshsync.state.journal import Journal, find_run
from sshsync.state.lock import Lock
from sshsync.transfers.pace import wall
from sshsync.transports import trust
from sshsync.transports.base import Factory
from sshsync.transports.trust import Forgotten, SeenKey


class Sync:
    """One engine. Use as a context manager, or call `close`. Making one writes nothing, and nor does a question.

    Work with the hosts is done by visits, any number at once; `run`, `survey` and `look` are visits of their own.

    Attributes:
        config: what it was made of.
        journal: what is on record.
    """

    def __init__(  # noqa: PLR0913 - each is a seam
        self,
        config: Config,
        *,
        sinks: Sequence[Emit] = (),
        executor: Executor | None = None,
        transports: Mapping[str, Factory] | None = None,
        journal: Callable[[Path], Journal] = Journal,
        beat: Callable[[], None] = lambda: None,
        here: Here | None = None,
        kinds: Kinds = builtin.KINDS,
    ) -> None:
        """Wire an engine.

        Args:
            config: what `load` returned.
            sinks: take every event, after the journal and the log.
            executor: how jobs run side by side; threads by default.
            transports: how hosts are reached; the built-in ways by default.
            journal: makes the journal of a state directory; it opens its file when it is asked for something.
            beat: called every half second while repositories are synchronized.
            here: this process, as the leases on children name it, and its clocks; found out by default.
            kinds: what items are and how they are applied, by the type of a repository.
        """
        state = Path(config.settings.state_dir)
        self.config = config
        self.journal = journal(state)
        self._telling = Telling(config.settings)
        self._parts = Parts(
            config=config,
            transports=transports or builtin.transports(config.settings),
            kinds=kinds,
            journal=lambda: journal(state),
            here=here or owner.here(config.settings.lock_file),
            executor=executor,
            sinks=tuple(sinks),
            beat=beat,
            telling=self._telling,
        )
        self._lock = threading.Lock()
        self._visits: tuple[Visit, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def on_bug(self) -> Callable[[BaseException], None]:
        """Takes a bug in the work on one repository, which does not end the others; the log has it already."""
        return self._telling.on_bug

    @on_bug.setter
    def on_bug(self, take: Callable[[BaseException], None]) -> None:
        self._telling.on_bug = take

    def close(self) -> None:
        """Close the journal and every visit."""
        for visit in self._visits:
            visit.close()
        self.journal.close()

    def words(self, kind: str) -> Words:
        """Return what the items of a type of repositories are called."""
        return self._parts.kinds[kind][0]().words

    def changes(self, kind: str) -> bool:
        """Tell whether repositories of a type can be made like others."""
        return "parent" not in self._parts.kinds[kind][0]().unfit

    def visit(self) -> Visit:
        """Begin a visit to the hosts; whoever begins it closes it."""
        visit = Visit(self._parts, self._left)
        with self._lock:
            self._visits = (*self._visits, visit)
        return visit

    def interrupt(self, signal: int) -> None:
        """Interrupt every visit that is under way; see `Visit.interrupt`. May be called from a signal handler."""
        for visit in self._visits:
            visit.interrupt(signal)

    def plan(self, stages: Sequence[Sequence[str]]) -> Plan:
        """Return the plan for stages of repository names.

        Raises:
            UnknownRepositoryError, UsageError: see `core.planner.plan`.
        """
        return planner.plan(self.config.tree, stages)

    def everything(self) -> tuple[tuple[str, ...], ...]:
        """Return all repositories with a parent, by level."""
        return planner.everything(self.config.tree)

    def run(
        self, stages: Sequence[Sequence[str]], *, dry_run: bool = False, manner: Manner = CONFIGURED, now: bool = False
    ) -> Result:
        """Synchronize repositories, in a visit of its own; see `Visit.run`."""
        with self.visit() as visit:
            return visit.run(stages, dry_run=dry_run, manner=manner, now=now)

    def survey(self, names: Sequence[str] = ()) -> list[Survey]:
        """Look at the hosts of some repositories, or of all, in a visit of its own; see `Visit.survey`."""
        with self.visit() as visit:
            return visit.survey(names)

    def look(self, plan: Plan) -> Look:
        """Look at the masters of a plan, in a visit of its own; see `Visit.look`."""
        with self.visit() as visit:
            return visit.look(plan)

    def unfinished(self) -> Plan | None:
        """Return the plan of the latest run when it needs another go: unfinished, or ended with failures.

        Raises:
            UnknownRepositoryError, UsageError: the configuration has changed so that the plan makes no sense.
        """
        row = self.journal.unfinished()
        if row is None:
            latest = self.journal.latest()
            row = latest if latest and latest["exit_code"] else None
        if row is None:
            return None
        manner = self.journal.manner(str(row["id"]))
        tree = planner.alike(self.config.tree, row["stages"], manner.like)
        if manner.back:
            tree = planner.reverted(tree, row["stages"], manner.back)
        return replace(planner.plan(tree, row["stages"]), manner=manner)

    def shut(self) -> str:
        """Return in words that it is outside of the hours in which runs may be under way, "" when it is not."""
        return limits.limit(self.config.settings).shut(wall(self._parts.here.clock()))

    def running(self) -> str | None:
        """Return who is synchronizing now with this configuration, "" for nobody, None where that cannot be told."""
        return Lock(Path(self.config.settings.lock_file)).holder()

    def headway(self) -> dict[str, Any] | None:
        """Return how far the run under way is, as it told a moment ago; None for none, or before its first word."""
        return headway.read(Path(self.config.settings.state_dir))

    def history(self, run: str = "") -> RunReport:
        """Return the report of a run, folded from the journal; the latest for "".

        Raises:
            UsageError: there is none.
        """
        found = find_run(self.journal, run)
        report = fold.fold(event for _, event in self.journal.events(str(found["id"])))
        report.run = str(found["id"])
        return report

    def status(self, names: Sequence[str] = ()) -> list[RepositoryStatus]:
        """Return for repositories with a parent when each was in sync last, how it ended last, what arrives.

        Args:
            names: some of them; all by default.

        Raises:
            UnknownRepositoryError: no such repository.
        """
        tree = self.config.tree
        asked = [planner.known(tree, name) for name in names] or list(tree.repositories.values())
        return standing(self.journal, [found for found in asked if found.parent], self.running())

    def host_key(self, name: str) -> SeenKey:
        """Return the key that a repository's host shows, without trusting it.

        Raises:
            UnknownRepositoryError: no such repository.
            UsageError: it is a local one.
            ConfigError: a key or password file of the jump host before it cannot be used.
            HostKeyError: the key is revoked, or is not the one that `host_key` pins.
            HostError: its host, or the jump host, cannot be reached.
        """
        host = planner.known(self.config.tree, name).host
        shown_key = builtin.TRANSPORTS[host.transport].shown_key
        if shown_key is None:
            raise UsageError(f"{name} is on this host itself: there is no key to trust")
        options = self.config.options.get(name)
        checks.secrets(self.config, [options.via] if options else [])
        with closing(Pool(self._parts.transports)) as pool:
            return trust.seen(host, shown_key(host, pool.way(host)), trust.own_file(self.config.settings.state_dir))

    def trust(self, seen: SeenKey, *, replace: bool = False) -> Path:
        """Record a host key in sshsync's own file, and return that file.

        Args:
            seen: what the host showed, and an operator has compared.
            replace: take another key that is on record there out of it.

        Raises:
            HostKeyError: another key is on record and stays, or it is revoked.
            StateError: the file cannot be written.
        """
        return trust.record(seen, trust.own_file(self.config.settings.state_dir), replace=replace)

    def forget(self, name: str) -> Forgotten:
        """Take the keys of a repository's host out of sshsync's own file.

        Raises:
            UnknownRepositoryError: no such repository.
            StateError: the file cannot be written.
        """
        host = planner.known(self.config.tree, name).host
        return trust.forget(host, trust.own_file(self.config.settings.state_dir))

    def on_the_way(self, names: Iterable[str]) -> list[str]:
        """Return repositories whose hosts lead to those of `names`, and these, jump hosts first and each host once.

        Raises:
            UnknownRepositoryError: no such repository.
        """
        found: dict[tuple[object, ...], str] = {}
        for name in names:
            way: list[tuple[Host, str]] = [(planner.known(self.config.tree, name).host, name)]
            while via := way[-1][0].via:
                way.append((via, via.name))
            for host, known in reversed(way):
                found.setdefault(host.place, known)
        return list(found.values())

    def rehearse(self, report: RunReport) -> tuple[dict[str, str], dict[str, str]]:
        """Tell everybody who is to be told of runs about a made-up one; what shows real runs is left as it is.

        Returns:
            What was done, and what went wrong, by the configuration's key that asks for it.
        """
        return self._telling.rehearse(builtin.notices(self.config.settings, self.journal), report)

    def weekly(self, command: str = "sshsync", *, at_once: bool = False) -> str:
        """Send the mail about the week when it is due and has not gone yet; needs no lock and changes no record.

        Args:
            command: how this sshsync is called.
            at_once: send it whether it is due or not.

        Returns:
            In words to whom it went, "" when it did not.

        Raises:
            OSError: it could not be sent; it stays due.
            StateError: the journal, or the password of its server, cannot be read.
        """
        return weekly.send(self, command, at_once=at_once)

    def _left(self, visit: Visit) -> None:
        with self._lock:
            self._visits = tuple(other for other in self._visits if other is not visit)
