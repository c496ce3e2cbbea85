"""The journal: one SQLite file that holds every run's events and what is on record about repositories.

What a step depends on is committed before the step: published files, ends of repositories and runs are
written with ``synchronous=FULL``; chatter waits for the next of them. One connection under one lock is the
only writer. The state of the hosts is always the authority: losing this file costs time, never correctness.
"""

import json
import os
import pwd
import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sshsync.errors import StateError, UsageError
from sshsync.model import events as ev
from sshsync.model.item import Digest, Item, Key, Stamp
from sshsync.model.topology import Repository, Tree

SCHEMA = 1
KEPT_RUNS = 200
MOST_WAITING = 500
"""Events that wait in memory for the next one that has to be on disk at once."""

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, started REAL NOT NULL, stages TEXT NOT NULL, dry INTEGER NOT NULL,
    finished REAL, exit_code INTEGER, interrupted INTEGER NOT NULL DEFAULT 0, abandoned INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS events (
    run TEXT NOT NULL, seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, event TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_of_run ON events (run, seq);
CREATE TABLE IF NOT EXISTS repositories (
    name TEXT PRIMARY KEY, identity TEXT NOT NULL, items INTEGER NOT NULL DEFAULT 0,
    in_sync REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS items (
    repository TEXT NOT NULL, key BLOB NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (repository, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cache (
    repository TEXT NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (repository, key)) WITHOUT ROWID;
"""

_AT_ONCE = (ev.RunStarted, ev.Published, ev.Deleted, ev.Verified, ev.RepositoryFinished, ev.RunFinished)
_NEVER = (ev.Progress, ev.Verified)


class Journal:
    """Keeps events and records; see `engine.context.Records` for what a run asks of it."""

    def __init__(self, state_dir: Path) -> None:
        """Open or make the journal.

        Raises:
            StateError: the directory or the file cannot be used, or a newer sshsync wrote it.
        """
        check_directory(state_dir)
        self.file = state_dir / "journal.sqlite"
        self.set_aside: Path | None = None
        self._lock = threading.RLock()
        self._waiting: list[tuple[float, ev.Event]] = []
        self._run, self._dry = "", False
        try:
            self._db = self._open()
        except sqlite3.DatabaseError:
            self.set_aside = self._put_aside()
            self._db = self._open()
        except OSError as error:
            raise StateError(f"cannot open {self.file}: {error.strerror}") from error

    def bind(self, tree: Tree) -> None:
        """Forget what is on record about repositories that are now at another place."""
        with self._commit() as db:
            known = dict(db.execute("SELECT name, identity FROM repositories").fetchall())
            for name, repository in tree.repositories.items():
                if known.get(name) == repository.identity:
                    continue
                for table in ("items", "cache"):
                    db.execute(f"DELETE FROM {table} WHERE repository = ?", (name,))  # noqa: S608 - constant names
                db.execute("REPLACE INTO repositories (name, identity) VALUES (?, ?)", (name, repository.identity))

    def __call__(self, event: ev.Event) -> None:
        """Keep an event; what the next step depends on is on disk when this returns."""
        with self._translated(), self._lock:
            self._waiting.append((time.time(), event))
            if isinstance(event, _AT_ONCE) or len(self._waiting) >= MOST_WAITING:
                self._write()

    def verified(self, repository: Repository) -> dict[Key, Digest]:
        """Return the digests last verified there."""
        with self._settled():
            rows = self._db.execute("SELECT key, digest FROM items WHERE repository = ?", (repository.name,))
            return {bytes(key): digest for key, digest in rows}

    def count(self, repository: Repository) -> int:
        """Return how many items it held when it was last seen."""
        with self._settled():
            name = (repository.name,)
            seen = self._db.execute("SELECT items FROM repositories WHERE name = ?", name).fetchone()
            kept = self._db.execute("SELECT count(*) FROM items WHERE repository = ?", name).fetchone()
            return int(kept[0]) if repository.parent else int(seen[0] if seen else 0)

    def in_sync(self, repository: Repository) -> float:
        """Return the moment of which it was last known to equal its master, or 0."""
        with self._settled():
            wanted = "SELECT in_sync FROM repositories WHERE name = ?"
            row = self._db.execute(wanted, (repository.name,)).fetchone()
            return float(row[0]) if row else 0.0

    def cached(self, repository: Repository) -> dict[Key, tuple[Stamp, Digest]]:
        """Return the digest cache of a repository."""
        with self._settled():
            wanted = "SELECT key, size, mtime, ctime, inode, digest FROM cache WHERE repository = ?"
            rows = self._db.execute(wanted, (repository.name,))
            return {bytes(key): (Stamp(*stamp), digest) for key, *stamp, digest in rows}

    def remember(self, repository: Repository, items: Iterable[Item]) -> None:
        """Replace the digest cache of a repository."""
        with self._commit() as db:
            db.execute("DELETE FROM cache WHERE repository = ?", (repository.name,))
            db.executemany(_CACHE_ROW, _cache_rows(repository, items))

    def learn(self, repository: Repository, items: Iterable[Item]) -> None:
        """Add to the digest cache of a repository."""
        with self._commit() as db:
            db.executemany(_CACHE_ROW, _cache_rows(repository, items))

    def runs(self, most: int = 20) -> list[dict[str, Any]]:
        """Return the latest runs, newest first, as rows of the table ``runs``."""
        with self._settled():
            cursor = self._db.execute("SELECT * FROM runs ORDER BY started DESC, rowid DESC LIMIT ?", (most,))
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        return [{**row, "stages": json.loads(row["stages"])} for row in rows]

    def events(self, run: str) -> Iterator[tuple[float, ev.Event]]:
        """Yield the events of a run in order, each with its time; a few at a time are in memory."""
        wanted = "SELECT seq, at, event FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?"
        last = 0
        while True:
            with self._settled():
                rows = self._db.execute(wanted, (run, last, MOST_WAITING)).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            for _, at, text in rows:
                if event := ev.from_json(json.loads(text)):
                    yield at, event

    def unfinished(self) -> dict[str, Any] | None:
        """Return the latest real run when it has not ended by itself: killed, or interrupted by a signal."""
        for row in self.runs(50):
            if not row["dry"]:
                ended = row["finished"] is not None and not row["interrupted"]
                return None if ended or row["abandoned"] else row
        return None

    def abandon(self, run: str) -> None:
        """Mark an unfinished run as given up."""
        with self._commit() as db:
            db.execute("UPDATE runs SET abandoned = 1 WHERE id = ?", (run,))

    def noted(self, name: str) -> str:
        """Return a note that was left for later, "" for none."""
        with self._settled():
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (f"note:{name}",)).fetchone()
            return str(row[0]) if row else ""

    def note(self, name: str, value: str) -> None:
        """Leave a note for later."""
        with self._commit() as db:
            db.execute("REPLACE INTO meta VALUES (?, ?)", (f"note:{name}", value))

    def close(self) -> None:
        """Write what is pending and close."""
        with self._translated(), self._lock:
            self._write()
            self._db.close()

    def _write(self) -> None:
        """Write what waits in one transaction; between two of them other processes may read and write."""
        waiting, self._waiting = self._waiting, []
        for at, event in waiting:
            self._note(event)
            if not isinstance(event, _NEVER):
                row = (self._run, at, json.dumps(ev.to_json(event)))
                self._db.execute("INSERT INTO events (run, at, event) VALUES (?, ?, ?)", row)
        self._db.commit()

    def _note(self, event: ev.Event) -> None:
        if isinstance(event, ev.RunStarted):
            self._start(event)
        elif isinstance(event, ev.RunFinished):
            row = (event.at, event.exit_code, event.interrupted, event.run)
            self._db.execute("UPDATE runs SET finished = ?, exit_code = ?, interrupted = ? WHERE id = ?", row)
        elif isinstance(event, ev.Scanned) and event.items:
            row2 = (event.items, event.repository)
            self._db.execute("UPDATE repositories SET items = ? WHERE name = ?", row2)
        elif isinstance(event, ev.RepositoryFinished) and event.outcome in (ev.Outcome.DONE, ev.Outcome.UNCHANGED):
            row3 = (event.as_of, event.repository)
            self._db.execute("UPDATE repositories SET in_sync = ? WHERE name = ? AND NOT ?", (*row3, self._dry))
        elif isinstance(event, ev.Published | ev.Verified):
            self._put_items(event.repository, event.items)
        elif isinstance(event, ev.Deleted):
            self._put_items(event.repository, [(name, "", 0) for name in event.names])

    def _start(self, event: ev.RunStarted) -> None:
        self._run, self._dry = event.run, event.dry_run
        row = (event.run, event.at, json.dumps(event.stages), event.dry_run)
        self._db.execute("INSERT OR IGNORE INTO runs (id, started, stages, dry) VALUES (?, ?, ?, ?)", row)
        self._db.execute("UPDATE runs SET finished = NULL, interrupted = 0 WHERE id = ?", (event.run,))
        old = "SELECT id FROM runs ORDER BY started DESC LIMIT -1 OFFSET ?"
        self._db.execute(f"DELETE FROM events WHERE run IN ({old})", (KEPT_RUNS,))  # noqa: S608 - constant text
        self._db.execute(f"DELETE FROM runs WHERE id IN ({old})", (KEPT_RUNS,))  # noqa: S608 - constant text

    def _put_items(self, repository: str, items: Iterable[tuple[str, str, int]]) -> None:
        rows = [(repository, ev.key_of(name), digest, size) for name, digest, size in items]
        self._db.executemany("REPLACE INTO items VALUES (?, ?, ?, ?)", [row for row in rows if row[2]])
        gone = [row[:2] for row in rows if not row[2]]
        self._db.executemany("DELETE FROM items WHERE repository = ? AND key = ?", gone)

    @contextmanager
    def _commit(self) -> Iterator[sqlite3.Connection]:
        with self._translated(), self._lock:
            yield self._db
            self._db.commit()

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Read, with everything written that waits."""
        with self._translated(), self._lock:
            if self._waiting:
                self._write()
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"the journal {self.file} cannot be used: {error}") from error

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        db = sqlite3.connect(self.file, check_same_thread=False, timeout=10)
        try:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA synchronous = FULL")
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("damaged")
            db.executescript(_TABLES)
            db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
            db.commit()
            version = int(db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0])
        except BaseException:
            db.close()
            raise
        if version > SCHEMA:
            db.close()
            raise StateError(f"{self.file} was written by a newer sshsync (schema {version})", hint="update sshsync")
        return db

    def _put_aside(self) -> Path:
        aside = self.file.with_name(f"{self.file.name}.damaged-{int(time.time())}")
        self.file.rename(aside)
        return aside


_CACHE_ROW = "REPLACE INTO cache VALUES (?, ?, ?, ?, ?, ?, ?)"


def _cache_rows(repository: Repository, items: Iterable[Item]) -> list[tuple[object, ...]]:
    return [
        (repository.name, i.key, i.stamp.size, i.stamp.mtime_ns, i.stamp.ctime_ns, i.stamp.inode, i.digest)
        for i in items
    ]


def check_directory(directory: Path) -> None:
    """Make the state directory, or make sure that nobody else can change it.

    Raises:
        StateError: it cannot be made, is foreign, or others may write there.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = directory.stat()
    except OSError as error:
        raise StateError(f"cannot make {directory}: {error.strerror}", hint="set state_dir") from error
    if found.st_uid not in (0, os.geteuid()):
        raise StateError(
            f"{directory} belongs to another account",
            hint=f"run it as that one (runuser -u {_owner(found.st_uid)} -- sshsync ...), or set state_dir",
        )
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise StateError(f"others may write to {directory}", hint=f"chmod go-w {directory}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise StateError(f"cannot write to {directory}", hint="set state_dir, or run as its owner")


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def find_run(journal: Journal, prefix: str) -> Mapping[str, Any]:
    """Return the run whose id starts with `prefix`; the latest for "".

    Raises:
        UsageError: there is none.
    """
    rows = journal.runs(KEPT_RUNS)
    found = next((row for row in rows if row["id"].startswith(prefix)), None)
    if found is None:
        raise UsageError(f"no run {prefix!r} is on record" if prefix else "no run is on record yet")
    return found
