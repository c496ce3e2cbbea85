"""The journal's file: looked at without a trace, written in transactions, set aside when it cannot be read.

A run holds the run lock and has the file open for as long as it lasts: it alone brings an older file up to date and
sets a damaged one aside. Whatever else reads opens the file read-only, and whatever else writes (what a dry run did)
opens it for that one transaction.
"""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from sshsync.errors import StateError
from sshsync.state import schema
from sshsync.state.directory import check_directory, foreign
from sshsync.state.rows import Damaged

T = TypeVar("T")
What = Callable[[sqlite3.Connection], T]
Stamp = tuple[int, int, int, int]

_ADVICE = {
    sqlite3.SQLITE_BUSY: "another program holds it: try again",
    sqlite3.SQLITE_LOCKED: "another program holds it: try again",
    sqlite3.SQLITE_FULL: "make room there, then run again",
    sqlite3.SQLITE_READONLY: "run it as the account that the file belongs to",
    sqlite3.SQLITE_CANTOPEN: "run it as the account that the file belongs to",
    sqlite3.SQLITE_PERM: "run it as the account that the file belongs to",
    sqlite3.SQLITE_IOERR: "look at the disk it is on",
    sqlite3.SQLITE_NOMEM: "",
    sqlite3.SQLITE_INTERRUPT: "",
    sqlite3.SQLITE_PROTOCOL: "put state_dir on a local disk",
}
"""What is wrong around the file and not in it. Any other error of SQLite says that the file is not what it was."""

_LOOKED = "synchronize again: a run that meets the damage sets the file aside; if none does, move it away"


class Database:
    """One file, one connection at a time, used from any thread.

    Args:
        file: the file; its directory is the state directory.
        readable: reads what a run relies on when it begins, and raises `Damaged`.
        timeout: seconds to wait for other processes that hold the file.
    """

    def __init__(self, file: Path, readable: What[None], timeout: float) -> None:
        self.file = file
        self.remarks: list[str] = []
        self._readable = readable
        self._timeout = timeout
        self._lock = threading.RLock()
        self._run: sqlite3.Connection | None = None
        self._first: What[None] = lambda _db: None
        self._look: tuple[Stamp | None, sqlite3.Connection] | None = None

    def begin(self, first: What[None]) -> None:
        """Open the file for a run, which holds the run lock until `end`.

        Args:
            first: what the run has to find in the file; it is done now, and again in a file that takes its place.

        Raises:
            StateError: the file cannot be used, or a newer sshsync wrote it.
        """
        with self._lock:
            self.end()
            self._first = first
            try:
                with self._translated():
                    self._run = self._opened()
            except Damaged as damage:
                self._renewed(damage)
            self.write(first)

    def end(self) -> None:
        """Close the file: from now on it is only looked at."""
        with self._lock:
            for db in (self._run, self._look and self._look[1]):
                if db:
                    db.close()
            self._run = self._look = None

    def read(self, what: What[T]) -> T:
        """Return what is read. What a run cannot read is set aside, and read from a new file.

        Raises:
            StateError: the file cannot be used, or it is damaged and this is only a look.
        """
        with self._lock:
            if self._run:
                return self._kept(self._run, what)
            try:
                with self._translated():
                    return what(self._looking())
            except Damaged as damage:
                raise self._only_a_look(damage) from damage

    def write(self, what: What[object], *, needed: bool = True) -> None:
        """Do all of `what` in one transaction, or nothing of it. It may be done twice: in a file, and in its successor.

        Args:
            needed: False leaves a file of an earlier sshsync as it is, when no run has it open.

        Raises:
            StateError: the file cannot be used; or it is damaged, or of an earlier sshsync, and no run has it open.
        """
        with self._lock:
            if self._run:
                self._kept(self._run, lambda db: _in_one(db, what))
                return
            try:
                with self._translated():
                    self._beside(what, needed=needed)
            except Damaged as damage:
                raise self._only_a_look(damage) from damage

    def _kept(self, db: sqlite3.Connection, what: What[T]) -> T:
        """Do it in the file of the run, or, when that turns out to be damaged, in the one that takes its place."""
        try:
            with self._translated():
                return what(db)
        except Damaged as damage:
            db = self._renewed(damage)
        try:
            with self._translated():
                return what(db)
        except Damaged as damage:
            raise StateError(f"a new {self.file} cannot be used: {damage}", hint="look at the disk") from damage

    def _renewed(self, damage: Damaged) -> sqlite3.Connection:
        """Set the file aside and go on with a new one, in which the run finds what it began with."""
        if self._run:
            self._run.close()
            self._run = None
        try:
            aside = _put_aside(self.file)
            with self._translated():
                self._run = db = self._opened()
                _in_one(db, self._first)
        except (OSError, Damaged) as error:
            raise StateError(
                f"{self.file} is damaged ({damage}) and cannot be set aside: {error}", hint="move it away"
            ) from error
        self.remarks.append(f"the journal was damaged ({damage}); it lies at {aside}, a new one is begun")
        return db

    def _opened(self) -> sqlite3.Connection:
        """Open the file for a run: its pages whole, up to date, and readable where the run begins."""
        db = self._to_write()
        try:
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise Damaged("its pages are garbled")
            _in_one(db, schema.bring_up)
            self._readable(db)
        except BaseException:
            db.close()
            raise
        return db

    def _beside(self, what: What[object], *, needed: bool) -> None:
        """Write without the run lock: into a file of this very schema, or into a new one."""

        def do(db: sqlite3.Connection) -> None:
            if schema.version(db) in (0, schema.SCHEMA):
                schema.bring_up(db)
                what(db)
            elif needed:
                raise StateError(f"{self.file} is of an earlier sshsync", hint="the next run brings it up to date")

        db = self._to_write()
        try:
            _in_one(db, do)
        finally:
            db.close()

    def _looking(self) -> sqlite3.Connection:
        """Return a connection that shows the file as it is now; an empty journal where there is none."""
        stamp = self._stamp()
        if self._look and self._look[0] != stamp:
            self._look[1].close()
            self._look = None
        if self._look is None:
            self._look = stamp, self._to_look() if stamp else schema.in_memory()
        return self._look[1]

    def _to_look(self) -> sqlite3.Connection:
        db = self._connect("ro")
        try:
            try:
                found = schema.version(db)
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_READONLY_ROLLBACK:
                    raise
                # Who wrote last was killed. Any reader takes the half transaction back, which needs a way to write.
                db.close()
                db = self._connect("rw")
                db.execute("PRAGMA query_only = ON")
                found = schema.version(db)
            if found == schema.SCHEMA:
                schema.check(db)
                return db
            copy = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            if found:
                db.backup(copy)
            schema.bring_up(copy)
        except BaseException:
            db.close()
            raise
        db.close()
        return copy

    def _to_write(self) -> sqlite3.Connection:
        check_directory(self.file.parent)
        try:
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        except FileExistsError:
            self._stamp()
        except OSError as error:
            raise StateError(f"cannot make {self.file}: {error.strerror}", hint="set state_dir") from error
        db = self._connect("rw")
        try:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA synchronous = FULL")
        except BaseException:
            db.close()
            raise
        return db

    def _connect(self, mode: str) -> sqlite3.Connection:
        place = f"{self.file.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(place, uri=True, check_same_thread=False, isolation_level=None, timeout=self._timeout)

    def _stamp(self) -> Stamp | None:
        """Return what changes when the file does; None when there is none."""
        try:
            found = self.file.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._closed(error) from error
        if not stat.S_ISREG(found.st_mode):
            raise StateError(f"{self.file} is no file of ours", hint="move it away, or set state_dir")
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _closed(self, error: OSError) -> StateError:
        """Return why the file cannot even be looked at: mostly because its directory is another account's."""
        with suppress(OSError):
            owner = self.file.parent.stat().st_uid
            if owner != os.geteuid():
                return foreign(self.file.parent, owner)
        return StateError(f"cannot look at {self.file}: {error.strerror}", hint="run it as its owner")

    def _only_a_look(self, damage: Damaged) -> StateError:
        words = f"the journal {self.file} is damaged: {damage}"
        return StateError(words, hint=_LOOKED)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Tell what is wrong around the file from what is wrong in it."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", -1) & 0xFF
            if code in _ADVICE:
                words = f"the journal {self.file} cannot be used: {error}"
                raise StateError(words, hint=_ADVICE[code]) from error
            raise Damaged(str(error)) from error


def _in_one(db: sqlite3.Connection, what: What[T]) -> T:
    """Do something in one transaction; whatever goes wrong leaves nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        result = what(db)
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    return result


def _put_aside(file: Path) -> Path:
    """Rename the file, with what SQLite keeps beside it: a rollback journal belongs to its own file only."""
    name = f"{file.name}.damaged-{int(time.time())}"
    taken = sum(1 for other in file.parent.iterdir() if other.name.startswith(name))
    aside = file.with_name(f"{name}-{taken + 1}" if taken else name)
    file.rename(aside)
    for more in ("-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            file.with_name(file.name + more).rename(f"{aside}{more}")
    return aside
