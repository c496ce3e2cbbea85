"""Survey: a look at the hosts of repositories, without a run: what they are, have and lack."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sshsync.engine.context import Context
from sshsync.errors import SshsyncError
from sshsync.hosts.session import Session
from sshsync.model.survey import Survey
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.remote import scripts
from sshsync.remote.scripts import Command

_BLOCKS = 256
_BLOCK = 65536
_AT_ONCE = 16


def survey(context: Context, repositories: Iterable[Repository]) -> list[Survey]:
    """Return what was found for each repository, in order. Never raises for what is wrong with a host."""
    with ThreadPoolExecutor(_AT_ONCE, "sshsync-survey") as pool:
        return list(pool.map(lambda repository: _one(context, repository), repositories))


def _one(context: Context, repository: Repository) -> Survey:
    try:
        context.asking.session(repository)  # who cannot be reached at all is not tried twice: this is a look
        return context.asking.retry(
            repository, "survey", lambda: _look(context, repository, context.asking.session(repository))
        )
    except SshsyncError as error:
        return Survey(repository.name, repository.host.label, str(error), error.code)


def _look(context: Context, repository: Repository, session: Session) -> Survey:
    subject, kind = context.asking.subject(repository), context.kind(repository)
    system = session.run(Command(scripts.SYSTEM)).check("looking around")
    said = dict(line.partition(b"=")[::2] for line in system.payload.splitlines() if b"=" in line)
    lacks = kind.needs(repository, subject.capabilities, subject.algorithm)
    found = context.asking.converse(subject, kind.condition(subject))
    problem = f"{repository.host.label}: {lacks}" if lacks else found.problem
    round_trip = min(_timed(session, scripts.NOTHING, {}) for _ in range(3))
    return Survey(
        repository.name,
        repository.host.label,
        problem,
        6 if problem else 0,
        platform=visible(said.get(b"system", b""), 60),
        login_shell=visible(said.get(b"shell", b""), 60),
        root=found.state,
        digest=found.digest,
        speed=_speed(session, found.digester, round_trip),
        round_trip=round_trip,
        clock=subject.capabilities.clock,
        free=found.free,
        durable=found.durable,
        tools=tuple(sorted(visible(tool, 20) for tool in subject.capabilities.tools)),
        ways=dict(context.appliers[repository.type].ways(repository, subject.capabilities)),
        security=dict(session.security),
    )


def _timed(session: Session, script: scripts.Script, variables: dict[str, bytes]) -> float:
    begun = time.monotonic()
    session.run(Command(script, variables), allow=60.0)
    return time.monotonic() - begun


def _speed(session: Session, tool: str, round_trip: float) -> float:
    """Return the bytes a second that a tool digests, measured on zeros."""
    if not tool:
        return 0.0
    variables = {"TOOL": tool.encode(), "SIZE": b"%d" % _BLOCK, "COUNT": b"%d" % _BLOCKS}
    return _BLOCK * _BLOCKS / max(0.001, _timed(session, scripts.SPEED, variables) - round_trip)
