"""The journal: one SQLite file that holds every run's events and what is on record about repositories.

What a step depends on is committed before the step: published files, ends of repositories and runs are
written with ``synchronous=FULL``; chatter waits for the next of them. The state of the hosts is always the
authority: losing this file costs time, never correctness.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sshsync.core import fold
from sshsync.errors import UsageError
from sshsync.model import events as ev
from sshsync.model.events import Entry
from sshsync.model.item import Item, Key
from sshsync.model.narrow import Narrow
from sshsync.model.plan import CONFIGURED, Manner
from sshsync.model.records import Underway
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository
from sshsync.state import arrivals, cache, records, rows, sent
from sshsync.state.arrivals import Arrival
from sshsync.state.blocks import Changes
from sshsync.state.cache import News
from sshsync.state.database import Database, What

KEPT_RUNS = 200
"""Runs that are kept, and as many dry runs."""
TOLD_EVERY = 2.0
"""Seconds of a run between two times that what was sent of big items is put on disk, for all repositories together."""
MOST_WAITING = 500
"""Events that wait in memory for the next one that has to be on disk at once."""
AT_A_TIME = 2_560
"""Rows about items that are read at a time."""

Row = TypeVar("Row", tuple[Key, Digest], tuple[Key, Stamp, Digest])

_AT_ONCE = (ev.RunStarted, ev.Published, ev.Deleted, ev.Verified, ev.RepositoryFinished, ev.RunFinished)
_NEVER = (ev.Verified, ev.Sent)
_OUTLINE = (ev.RunStarted, ev.RepositoryStarted, ev.Scanned, ev.Planned, ev.RepositoryFinished)
"""What a run keeps in memory of itself, for a file that takes the place of a damaged one."""
_OF_A_RUN = "id, started, stages, dry, finished, exit_code, interrupted, abandoned"


class Journal:
    """Keeps events and records; see `model.records.Records` for what a run asks of it.

    It opens its file when it is asked for something: to look, until `writing` says that a run holds the run lock.

    Args:
        state_dir: where the file is; made by the first who writes.
        timeout: seconds to wait for other processes that hold the file.
    """

    def __init__(self, state_dir: Path, *, timeout: float = 10.0) -> None:
        self.file = state_dir / "journal.sqlite"
        self._db = Database(self.file, _readable, timeout)
        self._lock = threading.RLock()
        self._waiting: list[Entry | News] = []
        self._dry = False
        self._bound: tuple[Repository, ...] = ()
        self._told: list[Entry] = []
        self._sent_at = 0.0
        self._notes: dict[str, str] = {}

    @contextmanager
    def writing(self, repositories: Iterable[Repository]) -> Iterator[None]:
        """Be open for a run; the caller holds the run lock.

        Only here an older file is brought up to date and a damaged one set aside, now or in the middle of the run.

        Args:
            repositories: who takes part; what is on record about another place of theirs is forgotten.

        Raises:
            StateError: the file cannot be used, or a newer sshsync wrote it.
        """
        self._bound = tuple(repositories)
        self._told.clear()
        self._notes.clear()
        self._db.begin(self._first)
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Write what is pending and close; it can be looked at again.

        Raises:
            StateError: it could not be written; it is closed all the same.
        """
        try:
            self._settle()
        finally:
            self._db.end()

    def remarks(self) -> list[str]:
        """Return what an operator should know about the file, once; waits for nobody when there is nothing."""
        if not self._db.remarks:
            return []
        with self._lock:
            found, self._db.remarks = self._db.remarks, []
            return found

    def keep(self, entry: Entry) -> None:
        """Keep an event; what the next step depends on is on disk when this returns.

        Raises:
            StateError: it could not be written; it waits for the next one, with all that waited before.
        """
        with self._lock:
            self._waiting.append(entry)
            due = isinstance(entry.event, ev.Sent) and abs(entry.at - self._sent_at) >= TOLD_EVERY
            if due:
                self._sent_at = entry.at
            if due or isinstance(entry.event, _AT_ONCE) or len(self._waiting) >= MOST_WAITING:
                self._settle()

    def verified(self, repository: Repository) -> Iterator[tuple[Key, Digest]]:
        """Yield the digests last verified there, in the order of their keys."""
        self._settle()
        yield from self._rows(lambda db, after: records.verified(db, repository, after, AT_A_TIME))

    def count(self, repository: Repository) -> int:
        """Return how many items it held when it was last seen."""
        self._settle()
        return self._db.read(lambda db: records.count(db, repository))

    def in_sync(self, repository: Repository) -> float:
        """Return the moment of which it was last known to equal its master, or 0."""
        return self.moments([repository])[repository.name]

    def moments(self, repositories: Sequence[Repository]) -> dict[str, float]:
        """Return for each repository the moment of which it was last known to equal its master, or 0."""
        self._settle()
        return self._db.read(lambda db: {found.name: records.in_sync(db, found) for found in repositories})

    def cached(self, repository: Repository, maker: str) -> Iterator[tuple[Key, Stamp, Digest]]:
        """Yield the digest cache of a repository, in the order of its keys: what `maker` made."""
        self._settle()
        yield from self._rows(lambda db, after: cache.cached(db, repository, maker, after, AT_A_TIME))

    def learn(self, repository: Repository, maker: str, items: Iterable[Item], *, soon: bool = False) -> None:
        """Add to the digest cache of a repository, now or with what has to be on disk next."""
        with self._lock:
            self._waiting.append(News(repository, maker, items=list(items)))
            if not soon:
                self._settle()

    def forget(self, repository: Repository, maker: str, keys: Iterable[Key]) -> None:
        """Drop what the digest cache holds of some items, with what has to be on disk next."""
        with self._lock:
            self._waiting.append(News(repository, maker, gone=list(keys)))

    def underway(self, repository: Repository) -> tuple[Underway, ...]:
        """Return what was sent of items of a repository that are not published yet."""
        self._settle()
        return self._db.read(lambda db: sent.underway(db, repository))

    def noted(self, name: str) -> str:
        """Return a note that was left for later, "" for none."""
        return self._db.read(lambda db: records.noted(db, name))

    def note(self, name: str, value: str) -> None:
        """Leave a note for later."""
        self._notes[name] = value
        self._keep(lambda db: records.note(db, name, value))

    def runs(self, most: int = 20, prefix: str = "", *, dry: bool = True) -> list[dict[str, Any]]:
        """Return the latest runs, newest first, as rows of the table ``runs``.

        Args:
            most: how many.
            prefix: the beginning of their ids.
            dry: take in dry runs.
        """
        wanted = (
            f"SELECT {_OF_A_RUN} FROM runs WHERE (? = '' OR substr(id, 1, length(?)) = ?)"  # noqa: S608 - constant text
            " AND (? OR dry IS NOT 1) ORDER BY rowid DESC LIMIT ?"
        )
        self._settle()
        return self._db.read(lambda db: list(map(_run, db.execute(wanted, (prefix, prefix, prefix, dry, most)))))

    def latest(self) -> dict[str, Any] | None:
        """Return the latest real run, however many dry runs followed."""
        return next(iter(self.runs(1, dry=False)), None)

    def before(self, run: str) -> int | None:
        """Return the exit code of the last real run that is not `run`; None for none, or one that did not end."""
        return next((row["exit_code"] for row in self.runs(2, dry=False) if row["id"] != run), None)

    def unfinished(self) -> dict[str, Any] | None:
        """Return the latest real run when it has not ended by itself: killed, or interrupted by a signal."""
        row = self.latest()
        return row if row and _is_unfinished(row) else None

    def events(self, run: str, of: type[ev.Event] | None = None) -> Iterator[tuple[float, ev.Event]]:
        """Yield the events of a run in order, each with its time; a few at a time are in memory.

        Args:
            run: the run's id.
            of: the one class of event that is wanted.
        """
        begins = f'{{"type": "{of.__name__}"%' if of else ""
        last = 0
        while found := self._portion((run, last, begins, begins, MOST_WAITING)):
            last = found[-1][0]
            for _, at, event in found:
                if event and (of is None or isinstance(event, of)):
                    yield at, event

    def arrivals(self, name: str) -> Iterator[Arrival]:
        """Yield what happened to an item in all real runs on record, the latest first; `name` as events have it."""
        before = 2**63 - 1
        self._settle()
        while before:
            found, before = self._db.read(lambda db: arrivals.portion(db, name, before, MOST_WAITING))  # noqa: B023 - called at once
            yield from found

    def held(self, repositories: Iterable[Repository], key: Key) -> dict[str, Digest]:
        """Return the digest of an item as it was last verified, by the repositories that have it."""
        self._settle()
        asked = list(repositories)
        found = self._db.read(lambda db: {one.name: records.digest(db, one, key) for one in asked})
        return {name: digest for name, digest in found.items() if digest}

    def end(self, run: str) -> ev.RunFinished | None:
        """Return how a run ended, with what it did; None for one without an end."""
        found = self._last(run, "RunFinished")
        return found if isinstance(found, ev.RunFinished) else None

    def manner(self, run: str) -> Manner:
        """Return how a run goes about its stages."""
        found = self._last(run, "RunStarted")
        return fold.manner(found) if isinstance(found, ev.RunStarted) else CONFIGURED

    def narrowed(self, run: str) -> Narrow:
        """Return what a run is narrowed to."""
        return self.manner(run).narrowed

    def ends(self, names: Iterable[str]) -> dict[str, tuple[str, ev.RepositoryFinished]]:
        """Return how each repository's last real and whole run ended, with that run's id.

        No more runs are read than needed.
        """
        left = set(names)
        ended: dict[str, tuple[str, ev.RepositoryFinished]] = {}
        for row in self.runs(KEPT_RUNS, dry=False):
            for _, event in self.events(row["id"], ev.RepositoryFinished):
                if isinstance(event, ev.RepositoryFinished) and event.repository in left and not event.narrowed:
                    ended[event.repository] = row["id"], event
            left -= ended.keys()
            if not left:
                break
        return ended

    def abandon(self, run: str) -> None:
        """Mark an unfinished run as given up."""
        wanted = "UPDATE runs SET abandoned = 1 WHERE id = ?"
        self._db.write(lambda db: db.execute(wanted, (run,)))

    def _rows(self, read: Callable[[sqlite3.Connection, Key | None], tuple[list[Row], Key | None]]) -> Iterator[Row]:
        """Yield rows in the order of their keys; a few at a time are in memory."""
        found, after = self._db.read(lambda db: read(db, None))
        yield from found
        while after is not None:
            found, after = self._db.read(lambda db: read(db, after))  # noqa: B023 - called at once
            yield from found

    def _last(self, run: str, kind: str) -> ev.Event | None:
        wanted = "SELECT at, event FROM events WHERE run = ? AND event LIKE ? ORDER BY seq DESC LIMIT 1"
        self._settle()
        asked = run, f'{{"type": "{kind}"%'
        return next(iter(self._db.read(lambda db: [rows.event(*row)[1] for row in db.execute(wanted, asked)])), None)

    def _portion(self, asked: tuple[object, ...]) -> list[tuple[int, float, ev.Event | None]]:
        wanted = (
            "SELECT seq, at, event FROM events WHERE run = ? AND seq > ?"
            " AND (? = '' OR event LIKE ? OR typeof(event) = 'blob') ORDER BY seq LIMIT ?"
        )
        self._settle()
        return self._db.read(
            lambda db: [(int(seq), *rows.event(at, text)) for seq, at, text in db.execute(wanted, asked)]
        )

    def _first(self, db: sqlite3.Connection) -> None:
        """Do what a run has to find in the file, also in one that takes the place of a damaged one."""
        records.bind(db, self._bound)
        self._write(db, self._told)
        for name, value in self._notes.items():
            records.note(db, name, value)

    def _keep(self, what: What[None]) -> None:
        """Write what a run relies on; what a dry run did is not worth the change of an earlier sshsync's file."""
        self._db.write(what, needed=not self._dry)

    def _settle(self) -> None:
        """Write what waits in one transaction; between two of them other processes may read and write."""
        with self._lock:
            if not self._waiting:
                return
            entries = [entry for entry in self._waiting if isinstance(entry, Entry)]
            for entry in entries:
                if isinstance(entry.event, ev.RunStarted):
                    self._dry = entry.event.dry_run
            try:
                self._keep(lambda db: self._write(db, self._waiting))
            except BaseException:
                # Digests that are known only save work: what cannot be kept of them must not keep events from the disk.
                self._waiting = list(entries)
                raise
            if not self._dry:
                self._told += [entry for entry in entries if isinstance(entry.event, _OUTLINE)]
            self._waiting = []

    def _write(self, db: sqlite3.Connection, entries: Iterable[Entry | News]) -> None:
        changes = Changes()
        for entry in entries:
            if isinstance(entry, News):
                cache.take(db, entry, changes, only=self._dry)
                continue
            event = entry.event
            if isinstance(event, ev.RunStarted):
                _start(db, event)
            elif isinstance(event, ev.RunFinished):
                row = (event.at, event.exit_code, event.interrupted, event.run)
                db.execute("UPDATE runs SET finished = ?, exit_code = ?, interrupted = ? WHERE id = ?", row)
            elif not self._dry:
                records.take(db, event, changes)
                sent.take(db, event)
            if not isinstance(event, _NEVER):
                kept = (entry.run, entry.at, rows.written(event))
                db.execute("INSERT INTO events (run, at, event) VALUES (?, ?, ?)", kept)
        changes.make(db)


def _start(db: sqlite3.Connection, event: ev.RunStarted) -> None:
    row = (event.run, event.at, json.dumps(event.stages), event.dry_run)
    db.execute("INSERT OR IGNORE INTO runs (id, started, stages, dry) VALUES (?, ?, ?, ?)", row)
    db.execute("UPDATE runs SET finished = NULL, interrupted = 0 WHERE id = ?", (event.run,))
    old = "SELECT id FROM runs WHERE dry = ? ORDER BY rowid DESC LIMIT -1 OFFSET ?"
    kept = (event.dry_run, KEPT_RUNS)
    db.execute(f"DELETE FROM events WHERE run IN ({old})", kept)  # noqa: S608 - constant text
    db.execute(f"DELETE FROM runs WHERE id IN ({old})", kept)  # noqa: S608 - constant text


def _run(row: Sequence[object]) -> dict[str, Any]:
    return rows.run(dict(zip(_OF_A_RUN.split(", "), row, strict=True)))


def _is_unfinished(row: Mapping[str, Any]) -> bool:
    return not row["abandoned"] and bool(row["finished"] is None or row["interrupted"])


def _readable(db: sqlite3.Connection) -> None:
    """Read what a run relies on when it begins, so that it begins in a file that it can go on with.

    Of the events these are those of the run that it may continue. All others, and there may be millions, are read only
    by who looks at their run.
    """
    records.readable(db)
    sent.readable(db)
    found = db.execute(f"SELECT {_OF_A_RUN} FROM runs ORDER BY rowid DESC")  # noqa: S608 - constant text
    latest = next((row for row in list(map(_run, found)) if not row["dry"]), None)
    if latest and _is_unfinished(latest):
        for row in db.execute("SELECT at, event FROM events WHERE run = ?", (latest["id"],)):
            rows.event(*row)


def find_run(journal: Journal, prefix: str) -> Mapping[str, Any]:
    """Return the run whose id starts with `prefix`; the latest for "".

    Raises:
        UsageError: there is none.
    """
    found = journal.runs(1, prefix)
    if not found:
        raise UsageError(f"no run {prefix!r} is on record" if prefix else "no run is on record yet")
    return found[0]
