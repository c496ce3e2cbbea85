"""One run from its lock to its last notice: what is written down, shown, logged and told of it."""

import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sshsync import builtin
from sshsync.api import limits
from sshsync.api.results import Result
from sshsync.api.work import Work
from sshsync.config.resolve import Config
from sshsync.core import naming
from sshsync.core.limits import Limit
from sshsync.core.ready import Flowing, Ready, barrier
from sshsync.engine.headway import Headway
from sshsync.engine.run import Asked, Run
from sshsync.engine.sinks import FanOut, Folding, Keeping, Logging
from sshsync.errors import SshsyncError
from sshsync.executors.threads import Threads
from sshsync.model.called import Called
from sshsync.model.events import Emit, Event, Outcome, Remarked
from sshsync.model.plan import Plan
from sshsync.state import headway
from sshsync.state.journal import Journal
from sshsync.state.lock import Lock
from sshsync.transfers.pace import wall


def run(work: Work, plan: Plan, *, dry_run: bool, wait: float, limit: Limit) -> Result:
    """Carry out a plan; see `Visit.run`."""
    parts = work.parts
    journal, repositories = parts.journal(), parts.config.tree.repositories
    if dry_run:
        with closing(journal):
            return _carry_out(
                work,
                journal,
                Asked(_new_id(journal), plan, dry_run=True, called=parts.config.settings.called),
                [],
                Limit(),
            )
    settings = parts.config.settings
    state = Path(settings.state_dir)
    with Lock(Path(settings.lock_file), settings.called.command, wait, work.stop.sleep):
        # It may have waited for another run.
        limits.check(parts, limit)
        with journal.writing(repositories[name] for name in plan.contacted), headway.kept_up(state):
            return _carry_out(work, journal, *_asked(journal, plan, parts.config.settings.called), limit)


def _asked(journal: Journal, plan: Plan, called: Called) -> tuple[Asked, list[str]]:
    row = journal.unfinished()
    if row is None:
        return Asked(_new_id(journal), plan, called=called), []
    same = row["stages"] == [list(stage) for stage in plan.names]
    if same and journal.manner(str(row["id"])) == plan.manner:
        return Asked(str(row["id"]), plan, continued=True, called=called), []
    journal.abandon(str(row["id"]))
    return Asked(_new_id(journal), plan, called=called), [
        f"the unfinished run {row['id']} asked for something else and is abandoned"
    ]


def _carry_out(work: Work, journal: Journal, asked: Asked, remarks: Sequence[str], limit: Limit) -> Result:
    config, telling, here = work.parts.config, work.parts.telling, work.parts.here
    begun = here.monotonic()
    first = asked.plan.jobs[0].repository
    folding = _known(journal, asked)
    followed = _followed(work, asked)
    emit = _emitting(work, journal, folding, asked, followed)

    def tick() -> None:
        if why := limit.over(here.monotonic() - begun, wall(here.clock())):
            work.end(why)
        work.tick()
        for one in followed:
            one.tick()

    executor = work.parts.executor or Threads(config.settings.max_parallel, tick)
    led = Run(work.context(journal, emit), executor, _policy(config), replace(asked, offers=work.offers))
    told = [] if asked.dry_run else builtin.notices(config.settings, journal, whole=not asked.plan.narrowed)
    untold = telling.tell(told, lambda notice: notice.begin(asked.run))
    try:
        code = led.start(folding.report, [Remarked(first, words) for words in remarks])
    except Exception as error:
        # The journal cannot be written any more: who waits for the end of this run has to hear of it all the same.
        code = error.code if isinstance(error, SshsyncError) else SshsyncError.code
        folding.report.outcome, folding.report.exit_code = Outcome.FAILED, code
        telling.tell(told, lambda notice: notice.end(folding.report, {}))
        raise

    children = [found for found in config.tree.repositories.values() if found.parent]
    in_sync = journal.moments(children) if told else {}
    untold |= telling.tell(told, lambda notice: notice.end(folding.report, in_sync))
    return Result(code, folding.report, untold)


def _policy(config: Config) -> Ready:
    """Return when jobs start: by stages, unless some take from their parents before these have ended."""
    repositories = config.tree.repositories
    if not any(repository.pipeline for repository in repositories.values()):
        return barrier
    return Flowing(lambda job: repositories[job.repository].pipeline)


def _known(journal: Journal, asked: Asked) -> Folding:
    """Return the fold of a run, which begins with what was done before the run was broken off."""
    folding = Folding()
    if asked.continued:
        for _, event in journal.events(asked.run):
            folding(event)
    return folding


def _followed(work: Work, asked: Asked) -> list[Headway]:
    """Return what tells how far a run is to whoever follows it; a dry run, which holds no lock, has none."""
    state, here = Path(work.parts.config.settings.state_dir), work.parts.here
    tell = partial(headway.write, state)
    return [] if asked.dry_run else [Headway(asked.run, here.clock, here.monotonic, tell)]


def _emitting(work: Work, journal: Journal, folding: Folding, asked: Asked, followed: Sequence[Headway]) -> Emit:
    """Return what takes the events of a run; remarks about the journal count as such of its first repository."""
    run, first = asked.run, asked.plan.jobs[0].repository
    log = work.parts.telling.log()
    logging: list[Emit] = [Logging(log, folding.report)] if log else []
    kept = Keeping(journal.keep, run, work.parts.here.clock)
    fan = FanOut([kept, folding, *logging, *followed, *work.parts.sinks])

    def emit(event: Event) -> None:
        fan(event)
        for words in journal.remarks():
            fan(Remarked(first, words))

    return emit


def _new_id(journal: Journal) -> str:
    """Return a name for a run: it sorts behind those of the runs on record."""
    latest = journal.latest()
    now = datetime.now()
    return naming.run_id(now, secrets.token_hex(2), str(latest["id"]) if latest else "")
