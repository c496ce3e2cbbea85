"""Holdings: what repositories hold, for who only looks: nothing is changed on a host, and nothing is put on record."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from sshsync.core import compare
from sshsync.engine.context import Context
from sshsync.engine.scan import Scanner
from sshsync.errors import HostError, UsageError
from sshsync.model.compared import Compared
from sshsync.model.item import Items, Snapshot
from sshsync.model.topology import Repository
from sshsync.model.words import visible

T = TypeVar("T")

_AT_ONCE = 16
_BETWEEN = 0.5
"""Seconds between two ticks."""


class Holdings:
    """Scans repositories for who only looks.

    Args:
        context: its records are read.
        tick: called every half second, so that signals are seen.
        cached: digests that are on record are taken as they are.
    """

    def __init__(self, context: Context, tick: Callable[[], None], *, cached: bool) -> None:
        self._context = context
        self._tick = tick
        self._cached = cached
        self._scanner = Scanner(context)

    def scan(self, repositories: Sequence[Repository], only: Sequence[str] = ()) -> list[Snapshot]:
        """Return what repositories hold, in order.

        Args:
            repositories: each once.
            only: patterns as in `include` of what is asked for; all of it by default.

        Raises:
            UsageError: a pattern can match nothing.
            SshsyncError: one of them could not be scanned.
        """
        asked = [replace(repository, include=tuple(only), exclude=()) for repository in repositories]
        narrow = [self._narrowed(one) for one in asked] if only else []
        # Who cannot be reached is told of before anybody else reads for hours.
        self._together(self._context.asking.capabilities, repositories)
        found = self._together(self._one, repositories)
        return [narrowing(one) for narrowing, one in zip(narrow, found, strict=True)] if only else found

    def compare(self, one: Repository, two: Repository) -> Iterator[Compared]:
        """Return how each item of two repositories stands that takes part.

        Raises:
            SshsyncError: one of them could not be scanned.
        """
        here, there = self.scan([one, two])
        if not there.existed:
            raise missing(there)
        taker = compare.taker(one, two)
        if taker is None:
            return compare.compare(here, there)
        kind = self._context.kind(taker)
        return compare.compare(here, there, kind.wanted(taker), kind.reaches(taker))

    def _one(self, repository: Repository) -> Snapshot:
        return self._scanner.opened(repository, self._scanner.scan(repository, cached=self._cached))

    def _narrowed(self, repository: Repository) -> Callable[[Snapshot], Snapshot]:
        """Return what leaves of a snapshot what the patterns of `include` name."""
        kind = self._context.kind(repository)
        try:
            wanted, reaches = kind.wanted(repository), kind.reaches(repository)
        except ValueError as error:
            raise UsageError(f"{' '.join(repository.include)}: {error}", hint="write it as in include") from None

        def narrowed(found: Snapshot) -> Snapshot:
            problems = tuple(problem for problem in found.problems if problem.within(reaches))
            items = Items(item for key, item in found.items.items() if wanted(key))
            return replace(found, items=items, problems=problems, complete=found.complete or not problems)

        return narrowed

    def _together(self, work: Callable[[Repository], T], repositories: Iterable[Repository]) -> list[T]:
        with ThreadPoolExecutor(_AT_ONCE, "sshsync-holdings") as pool:
            asked = [pool.submit(work, repository) for repository in repositories]
            while wait(asked, _BETWEEN).not_done:
                self._tick()
        # Of who was interrupted that is what is told, and not the connection that was closed for it.
        self._context.asking.stop.check()
        return [one.result() for one in asked]


def missing(found: Snapshot) -> HostError:
    """Return the error that a root is not there."""
    where = visible(found.root, 200)
    return HostError(f"its root {where} is missing", where=found.repository, hint="look whether its disk is mounted")


def asked(repository: Repository, digest: str) -> Repository:
    """Return a repository whose digests are of an algorithm that is asked for, made by the host's own tools."""
    if not digest:
        return repository
    return replace(repository, digest=digest, commands=replace(repository.commands, digest=""))
