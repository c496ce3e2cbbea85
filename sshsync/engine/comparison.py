"""A comparison of what the two ends of a link hold."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from sshsync.core import algorithm, narrowing
from sshsync.core.diff import diff
from sshsync.core.empties import empties
from sshsync.core.links import followed, links
from sshsync.core.links import own as unfollowed
from sshsync.engine.context import Context
from sshsync.engine.scan import Scanner
from sshsync.errors import CommandError, UnmatchedError
from sshsync.model.change import Changes
from sshsync.model.events import Remarked
from sshsync.model.item import Key, Snapshot
from sshsync.model.policy import Links
from sshsync.model.topology import Repository


class Comparison:
    """Compares what a child holds with what its parent does."""

    def __init__(self, context: Context, scanner: Scanner, parent: Repository, child: Repository) -> None:
        self._context = context
        self._scanner = scanner
        self._parent = parent
        self._child = child

    def changes(self, parent: Snapshot, child: Snapshot, held_back: dict[Key, str]) -> Changes:
        """Return what differs; `held_back` are items that must not be passed on, with the reason."""
        own = self._child
        wanted, reaches = self._context.wanted(own), self._context.reaches(own)
        if own.links is not Links.FOLLOW:
            parent = unfollowed(parent)
        # What its own links lead to is there for its children; what it shall hold itself are files.
        child = unfollowed(child)
        parent, child = _about(parent, reaches), _about(child, reaches)
        found = diff(parent, child, delete=own.delete, mode=own.file_mode, wanted=wanted, blocked=held_back)
        if own.links is Links.COPY:
            self._silent("links", (one.repository for one in (parent, child) if one.links is None))
            found = links(parent, child, found, delete=own.delete, wanted=wanted)
        if own.links is Links.FOLLOW:
            self._silent("links", [parent.repository] if parent.followed is None else ())
            found = followed(parent, found, wanted)
        if not own.empty_dirs:
            return found
        self._silent("empty directories", (one.repository for one in (parent, child) if one.directories is None))
        return replace(found, empties=empties(parent, child, found, delete=own.delete, wanted=wanted))

    def _silent(self, what: str, repositories: Iterable[str]) -> None:
        """Tell who does not tell of something that is no item, so nothing becomes of it."""
        if silent := " and ".join(repositories):
            words = f"{what} are not looked at: {silent} tells of items only (a listcmd does"
            more = ", and a host with neither readlink nor perl)" if what == "links" else ")"
            self._context.emit(Remarked(self._child.name, words + more))

    def matched(self, parent: Snapshot, child: Snapshot) -> None:
        """Tell of patterns to which a run is narrowed that nothing on the parent matches.

        Raises:
            UnmatchedError: nothing takes part, here or there, although all was listed.
        """
        own, kind = self._child, self._context.kind(self._child)
        if not own.narrowed:
            return
        tests = {
            pattern: kind.wanted(replace(own, include=(pattern,), exclude=()))
            for pattern in narrowing.positive(own.narrowed)
        }
        names, held = self._names(parent), self._names(child)
        absent = narrowing.unmatched(tests, names)
        wanted = self._context.wanted(own)
        if parent.complete and not any(map(wanted, (*names, *held))):
            words = narrowing.nothing(own.narrowed, absent, self._parent.name, parent.items)
            raise UnmatchedError(words, where=own.name, hint="what its configuration leaves out stays out, too")
        for pattern in absent:
            words = narrowing.absent(pattern, self._parent.name, parent.items)
            self._context.emit(Remarked(own.name, words))

    def _names(self, found: Snapshot) -> list[Key]:
        """Return the names of what is there that this child may take, that of a directory with a slash."""
        policy = self._child.links
        items = found.items if policy is Links.FOLLOW else unfollowed(found).items
        links = {Links.COPY: found.links, Links.FOLLOW: found.astray}.get(policy) or {}
        return [*items, *links, *(place + b"/" for place in (found.directories.all if found.directories else ()))]

    def comparable(self, parent: Snapshot, child: Snapshot, anew: Callable[[], Snapshot]) -> tuple[Snapshot, Snapshot]:
        """Return both with digests of one algorithm.

        What makes digests may print another algorithm now than when they were cached, so both are made anew first.

        Args:
            parent, child: what both hold.
            anew: scans the child without the cache.

        Raises:
            CommandError: the two hosts make none in common.
        """
        if not self.unlike(parent, child):
            return parent, child
        fresh = self._scanner.afresh(self._parent, parent)
        parent = replace(fresh, complete=fresh.complete and parent.complete)
        if child.from_cache:
            child = anew()
        if unlike := self.unlike(parent, child):
            ours, theirs = unlike
            raise CommandError(
                f"prints {'/'.join(sorted(ours))} digests, but {self._parent.name} prints {'/'.join(sorted(theirs))}",
                where=self._child.name,
                hint="set the same digest or digestcmd in both",
            )
        return parent, child

    def unlike(self, parent: Snapshot, child: Snapshot) -> tuple[set[str], set[str]] | None:
        """Return the algorithms of child and parent when they have none in common."""
        return algorithm.unlike(parent, child, self._context.kind(self._child).algorithm(self._child))


def _about(found: Snapshot, reaches: Callable[[Key], bool]) -> Snapshot:
    return replace(found, problems=tuple(one for one in found.problems if one.within(reaches)))
