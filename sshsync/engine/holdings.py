"""Holdings: what repositories hold, for who only looks: nothing is changed on a host, and nothing is put on record."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from sshsync.core import compare, drift
from sshsync.core.links import own as unfollowed
from sshsync.engine.context import Context
from sshsync.engine.scan import Scanner
from sshsync.errors import HostError, InterruptedRun, SshsyncError, UsageError
from sshsync.model.compared import Compared
from sshsync.model.drift import Drift, Unasked
from sshsync.model.item import Items, Key, Snapshot
from sshsync.model.policy import Links
from sshsync.model.topology import Repository
from sshsync.model.words import Order, visible

A = TypeVar("A")
T = TypeVar("T")
Test = Callable[[Key], bool]

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

    def scan(
        self, repositories: Sequence[Repository], only: Sequence[str] = (), *, all_of_it: bool = True
    ) -> list[Snapshot]:
        """Return what repositories hold, in order.

        Args:
            repositories: each once.
            only: patterns as in `include` of what is asked for; all of it by default.
            all_of_it: also what does not take part by the repositories' own patterns.

        Raises:
            UsageError: a pattern can match nothing.
            SshsyncError: one of them could not be scanned.
        """
        asked = [replace(repository, include=tuple(only), exclude=()) for repository in repositories]
        narrow = [self._narrowed(one) for one in (asked if only else repositories)] if only or not all_of_it else []
        # Who cannot be reached is told of before anybody else reads for hours.
        self._together(self._context.asking.capabilities, repositories)
        found = self._together(self._one, repositories)
        return [narrowing(one) for narrowing, one in zip(narrow, found, strict=True)] if narrow else found

    def compare(self, one: Repository, two: Repository) -> Iterator[Compared]:
        """Return how each item of two repositories stands that takes part.

        Raises:
            SshsyncError: one of them could not be scanned.
        """
        here, there = self.scan([one, two])
        if not there.existed:
            raise missing(there)
        takers = compare.takers(one, two)
        if not any(taker.links is Links.FOLLOW for taker in takers):
            here, there = unfollowed(here), unfollowed(there)
        # Who takes holds files: what its own links lead to is for its children.
        if takers == (one,):
            here = unfollowed(here)
        elif takers == (two,):
            there = unfollowed(there)
        kind = self._context.kind(one)
        wanted, reaches = _all(map(kind.wanted, takers)), _all(map(kind.reaches, takers))
        return compare.compare(here, there, wanted, reaches)

    def drift(
        self,
        names: Sequence[str],
        against: str,
        only: Sequence[str],
        order: Callable[[str], Order],
        clock: Callable[[], float],
    ) -> Drift:
        """Return how repositories of one type stand to each other.

        Args:
            names: repositories, each once.
            against: one of them, that the others are held against; "" where all are equals.
            only: patterns as in `include` of what is compared; all that takes part by default.
            order: returns the order of versions of a type.
            clock: the controller's.

        Raises:
            UsageError: a pattern can match nothing.
            InterruptedRun: a signal came.
        """
        asked = [self._context.tree.repositories[name] for name in names]
        made = asked[0].digest if len({one.digest for one in asked}) > 1 else ""
        asked = [alike(one, made) for one in asked]
        tests = [(self._context.kind(one).wanted(one), self._context.kind(one).reaches(one)) for one in asked]
        if only:
            narrow = [self._tests(replace(one, include=tuple(only), exclude=())) for one in asked]
            tests = [(_all([a, c]), _all([b, d])) for (a, b), (c, d) in zip(tests, narrow, strict=True)]
        matrix = drift.Matrix([wants for wants, _ in tests], [reaches for _, reaches in tests])
        silent = self.gather(asked, matrix.add)
        unasked = [Unasked(one.name, str(why).removeprefix(f"{one.name}: "), why.transient) for one, why in silent]
        told, kind = tuple(names), asked[0].type
        place = told.index(against) if against else None
        rows = tuple(matrix.rows(told, order(kind), place))
        return Drift(kind, told, against, matrix.items, rows, tuple(unasked), clock())

    def gather(
        self, repositories: Sequence[Repository], add: Callable[[int, Snapshot], None]
    ) -> list[tuple[Repository, SshsyncError]]:
        """Hand on what each repository holds, with its place, as it is known; return who could not be asked, and why.

        Args:
            repositories: each once.
            add: takes one at a time, in whatever order they come; none is kept here.

        Raises:
            InterruptedRun: a signal came.
        """
        adding = threading.Lock()

        def one(asked: tuple[int, Repository]) -> SshsyncError | None:
            place, repository = asked
            try:
                found = self._one(repository)
                if not found.existed:
                    return missing(found)
            except InterruptedRun:
                raise
            except SshsyncError as error:
                return error
            with adding:
                add(place, found)
            return None

        found = self._together(one, list(enumerate(repositories)))
        return [(asked, error) for asked, error in zip(repositories, found, strict=True) if error]

    def _one(self, repository: Repository) -> Snapshot:
        return self._scanner.opened(repository, self._scanner.scan(repository, cached=self._cached))

    def _narrowed(self, repository: Repository) -> Callable[[Snapshot], Snapshot]:
        """Return what leaves of a snapshot what the patterns of `include` name."""
        wanted, reaches = self._tests(repository)

        def narrowed(found: Snapshot) -> Snapshot:
            problems = tuple(problem for problem in found.problems if problem.within(reaches))
            items = Items(item for key, item in found.items.items() if wanted(key))
            return replace(found, items=items, problems=problems, complete=found.complete or not problems)

        return narrowed

    def _tests(self, repository: Repository) -> tuple[Test, Test]:
        """Return whether a name takes part, and whether something below it may."""
        kind = self._context.kind(repository)
        try:
            return kind.wanted(repository), kind.reaches(repository)
        except ValueError as error:
            raise UsageError(f"{' '.join(repository.include)}: {error}", hint="write it as in include") from None

    def _together(self, work: Callable[[A], T], repositories: Iterable[A]) -> list[T]:
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


def _all(tests: Iterable[Test]) -> Test:
    found = tuple(tests)
    return lambda key: all(test(key) for test in found)


def alike(repository: Repository, digest: str) -> Repository:
    """Return a repository whose digests are of an algorithm that is asked for, made by the host's own tools."""
    if not digest:
        return repository
    return replace(repository, digest=digest, commands=replace(repository.commands, digest=""))
