"""The library: `Sync` wires one engine out of a configuration. No globals; two of them never meet.

from sshsync.api import Sync, load
with Sync(load(Path("/etc/sshsync/sshsync.conf"))) as sync:
    result = sync.run([["repoproxy"], ["appnode1", "appnode2"]])
    print(result.exit_code, result.report.repositories["appnode1"].outcome)
"""

import getpass
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sshsync import builtin, checks, logs
from sshsync.builtin import Kinds
from sshsync.config import load as reader
from sshsync.config.resolve import Account, Config, resolve
from sshsync.core import fold, planner
from sshsync.core.lease import Here
from sshsync.core.publication import each
from sshsync.core.ready import barrier
from sshsync.core.watching import Look
from sshsync.engine import glance, owner
from sshsync.engine.context import Context
from sshsync.engine.run import Asked, Run
from sshsync.engine.sinks import FanOut, Folding, Logging
from sshsync.engine.survey import survey
from sshsync.errors import SshsyncError, UsageError
from sshsync.executors.base import Executor
from sshsync.executors.threads import Threads
from sshsync.hosts.asking import Asking
from sshsync.hosts.pool import Pool
from sshsync.hosts.retrying import Stop
from sshsync.model.events import Emit, Event, Outcome, Remarked
from sshsync.model.plan import Plan
from sshsync.model.report import RunReport
from sshsync.model.survey import Survey
from sshsync.model.words import visible
from sshsync.notices.base import Notice
from sshsync.state.directory import check_directory
from sshsync.state.journal import Journal, find_run
from sshsync.state.lock import Lock
from sshsync.transports import trust
from sshsync.transports.base import Factory
from sshsync.transports.trust import SeenKey

GRACE = 20.0
"""Seconds after a signal in which commands may end by themselves before their connections are closed."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended; `untold` names who could not be told of it, and why."""

    exit_code: int
    report: RunReport
    untold: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class RepositoryStatus:
    """How a repository is, from the journal: `in_sync` is the last moment of which that can be said, or 0."""

    name: str
    in_sync: float = 0.0
    outcome: str = ""
    error: str = ""
    run: str = ""

    def values(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        return asdict(self)


def account() -> Account:
    """Return the account that runs sshsync."""
    home = str(Path.home())
    state = os.environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return Account(getpass.getuser(), home, "/var/lib/sshsync" if os.geteuid() == 0 else f"{state}/sshsync")


def load(file: Path) -> Config:
    """Return the configuration in a file.

    Raises:
        ConfigError: with everything that is wrong.
    """
    return resolve(reader.read(file), account(), {"type": builtin.KINDS, "transport": builtin.TRANSPORTS})


class Sync:
    """One engine. Use as a context manager, or call `close`.

    Attributes:
        on_bug: takes a bug in the work on one repository, which does not end the others; the log has it already.
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
        self.config = config
        self.journal = journal(Path(config.settings.state_dir))
        self._here = here or owner.here(config.settings.lock_file)
        self.stop = Stop(self._here.rest)
        self._executor = executor
        self._kinds = kinds
        self._transports = transports or builtin.transports(config.settings)
        self._pool: Pool | None = None
        self._interrupted_at = 0.0
        self._beat = beat
        self.on_bug: Callable[[BaseException], None] = lambda _bug: None
        self._log: logs.Logger | None = None
        self._sinks = tuple(sinks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal and every connection."""
        self.close_connections()
        self.journal.close()

    def close_connections(self) -> None:
        """Close every connection; what still runs ends with an error."""
        if self._pool:
            self._pool.close()

    def interrupt(self, signal: int) -> None:
        """Ask a run that is under way to end with its state saved. May be called from a signal handler."""
        self._interrupted_at = time.monotonic()
        self.stop.set(signal)

    def plan(self, stages: Sequence[Sequence[str]]) -> Plan:
        """Return the plan for stages of repository names.

        Raises:
            UnknownRepositoryError, UsageError: see `core.planner.plan`.
        """
        return planner.plan(self.config.tree, stages)

    def everything(self) -> tuple[tuple[str, ...], ...]:
        """Return all repositories with a parent, by level."""
        return planner.everything(self.config.tree)

    def run(self, stages: Sequence[Sequence[str]], *, dry_run: bool = False) -> Result:
        """Synchronize repositories.

        An unfinished run of the same stages is continued; one of other stages is abandoned. A dry run takes no
        lock, moves nothing, and changes nothing that is on record about repositories.

        Raises:
            LockedError: another run is under way.
            StateError: journal or log cannot be used.
            UnknownRepositoryError, UsageError: the stages make no sense.
            ConfigError: a key or password file, or known host keys, cannot be used.
        """
        plan = self.plan(stages)
        check_directory(Path(self.config.settings.state_dir))
        checks.secrets(self.config, plan.contacted)
        if dry_run:
            return self._run(Asked(_new_id(), plan, dry_run=True), [])
        with (
            Lock(Path(self.config.settings.lock_file)),
            self.journal.writing(self.config.tree.repositories[name] for name in plan.contacted),
        ):
            return self._run(*self._asked(plan))

    def unfinished(self) -> Plan | None:
        """Return the plan of the latest run when it needs another go: unfinished, or ended with failures.

        Raises:
            UnknownRepositoryError, UsageError: the configuration has changed so that the plan makes no sense.
        """
        row = self.journal.unfinished()
        if row is None:
            latest = self.journal.latest()
            row = latest if latest and latest["exit_code"] else None
        return self.plan(row["stages"]) if row else None

    def running(self) -> str | None:
        """Return who is synchronizing now with this configuration, "" for nobody, None where that cannot be told."""
        return Lock(Path(self.config.settings.lock_file)).holder()

    def history(self, run: str = "") -> RunReport:
        """Return the report of a run, folded from the journal; the latest for "".

        Raises:
            UsageError: there is none.
        """
        found = find_run(self.journal, run)
        report = fold.fold(event for _, event in self.journal.events(str(found["id"])))
        report.run = str(found["id"])
        return report

    def status(self) -> list[RepositoryStatus]:
        """Return for each repository with a parent when it was in sync last, and how its last run ended."""
        in_sync = self._in_sync()
        ends = self.journal.ends(in_sync)
        found = [RepositoryStatus(name, moment) for name, moment in in_sync.items()]
        for row in found:
            if row.name in ends:
                row.run, end = ends[row.name]
                row.outcome, row.error = end.outcome, end.error
        return found

    def _in_sync(self) -> dict[str, float]:
        """Return for each repository with a parent the moment of which it was last known to equal its master."""
        return self.journal.moments([found for found in self.config.tree.repositories.values() if found.parent])

    def survey(self, names: Sequence[str] = ()) -> list[Survey]:
        """Look at the hosts of some repositories, or of all: what they are, have and lack. Changes nothing.

        Raises:
            UnknownRepositoryError: no such repository.
            ConfigError: a key or password file, or known host keys, cannot be used.
        """
        known = self.config.tree.repositories
        wanted = [planner.known(self.config.tree, name) for name in names] or list(known.values())
        checks.secrets(self.config, [repository.name for repository in wanted])
        try:
            return survey(self._context(lambda _event: None), wanted)
        finally:
            self.close_connections()

    def look(self, plan: Plan) -> Look:
        """Look at the masters of a plan: has anything changed there, and is it at rest. Nothing is digested.

        Raises:
            SshsyncError: one of them cannot be listed.
        """
        try:
            return glance.look(self._context(lambda _event: None), plan)
        finally:
            self.close_connections()

    def host_key(self, name: str) -> SeenKey:
        """Return the key that a repository's host shows, without trusting it.

        Raises:
            UnknownRepositoryError: no such repository.
            UsageError: it is a local one.
            ConfigError: a key or password file of the jump host before it cannot be used.
            HostError: its host, or the jump host, cannot be reached.
        """
        host = planner.known(self.config.tree, name).host
        shown_key = builtin.TRANSPORTS[host.transport].shown_key
        if shown_key is None:
            raise UsageError(f"{name} is on this host itself: there is no key to trust")
        options = self.config.options.get(name)
        checks.secrets(self.config, [options.via] if options else [])
        with closing(Pool(self._transports)) as pool:
            return trust.seen(host, shown_key(host, pool.way(host)), trust.own_file(self.config.settings.state_dir))

    def trust(self, seen: SeenKey) -> Path:
        """Record a host key in sshsync's own file, and return that file.

        Raises:
            HostKeyError: another key is on record or it is revoked; that is never overwritten.
        """
        return trust.record(seen, trust.own_file(self.config.settings.state_dir))

    def _asked(self, plan: Plan) -> tuple[Asked, list[str]]:
        row = self.journal.unfinished()
        if row is None:
            return Asked(_new_id(), plan), []
        if row["stages"] == [list(stage) for stage in plan.names]:
            return Asked(str(row["id"]), plan, continued=True), []
        self.journal.abandon(str(row["id"]))
        return Asked(_new_id(), plan), [f"the unfinished run {row['id']} asked for something else and is abandoned"]

    def _run(self, asked: Asked, notices: list[str]) -> Result:
        folding = Folding()
        if asked.continued:
            for _, event in self.journal.events(asked.run):
                folding(event)
        log = self._logger()
        logging: list[Emit] = [Logging(log, folding.report)] if log else []
        fan = FanOut([self.journal, folding, *logging, *self._sinks])
        first = asked.plan.jobs[0].repository

        def emit(event: Event) -> None:
            fan(event)
            for words in self.journal.remarks():
                fan(Remarked(first, words))

        settings = self.config.settings
        context = self._context(emit)
        executor = self._executor or Threads(settings.max_parallel, self._tick)
        run = Run(context, executor, barrier, asked)
        told = [] if asked.dry_run else builtin.notices(self.config.settings, self.journal.events)
        untold = self._tell(told, lambda notice: notice.begin(asked.run))
        try:
            code = run.start(folding.report, [Remarked(first, words) for words in notices])
        except Exception as error:
            # The journal cannot be written any more: who waits for the end of this run has to hear of it all the same.
            code = error.code if isinstance(error, SshsyncError) else SshsyncError.code
            folding.report.outcome, folding.report.exit_code = Outcome.FAILED, code
            self._tell(told, lambda notice: notice.end(folding.report, {}))
            raise
        finally:
            self.close_connections()
        in_sync = self._in_sync() if told else {}
        untold |= self._tell(told, lambda notice: notice.end(folding.report, in_sync))
        return Result(code, folding.report, untold)

    def tell(self, report: RunReport) -> dict[str, str]:
        """Tell everybody who is to be told of runs about a report.

        Returns:
            What went wrong, by the configuration's key that asks for it.
        """
        return self._tell(
            builtin.notices(self.config.settings, self.journal.events), lambda notice: notice.end(report, {})
        )

    def _tell(self, notices: Sequence[Notice], what: Callable[[Notice], None]) -> dict[str, str]:
        """Call each notice; one that fails is a warning in the log and never the failure of a run."""
        wrong = {}
        for notice in notices:
            try:
                what(notice)
            except Exception as error:  # noqa: BLE001 - whatever a hook does, the run has ended as it has
                wrong[notice.name] = visible(str(error) or type(error).__name__, 300)
                if log := self._logger():
                    log.warning("notice failed", option=notice.name, reason=wrong[notice.name])
        return wrong

    def _context(self, emit: Emit) -> Context:
        self._pool = Pool(self._transports)
        tree, here = self.config.tree, self._here

        asking = Asking(self._pool, emit, self.stop, here.clock, here.monotonic)
        kinds = {name: kind() for name, (kind, _) in self._kinds.items()}
        appliers = {name: make(asking, self.config.settings) for name, (_, make) in self._kinds.items()}
        return Context(tree, asking, kinds, appliers, each, self.journal, emit, here, self._crashed)

    def _tick(self) -> None:
        """Show life; close what does not end by itself in the grace time after a signal."""
        self._beat()
        if self.stop.signal and time.monotonic() - self._interrupted_at > GRACE:
            self.close_connections()

    def _logger(self) -> logs.Logger | None:
        """Return the log, which only what has something to say opens; None where the configuration wants none."""
        settings = self.config.settings
        if settings.log_file and not self._log:
            self._log = logs.to_file(Path(settings.log_file), settings.log_level, settings.log_format)
        return self._log

    def _crashed(self, repository: str, error: BaseException) -> None:
        if log := self._logger():
            log.error("bug", repository=repository, exc_info=error)
        self.on_bug(error)


def _new_id() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
