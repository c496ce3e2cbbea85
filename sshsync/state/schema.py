"""The tables, and how a file of an earlier sshsync becomes one of this: one number and one step for every change."""

import sqlite3
from collections.abc import Callable, Mapping

from sshsync.errors import StateError
from sshsync.state.rows import Damaged

SCHEMA = 4

_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY, started REAL NOT NULL, stages TEXT NOT NULL, dry INTEGER NOT NULL,
        finished REAL, exit_code INTEGER, interrupted INTEGER NOT NULL DEFAULT 0, abandoned INTEGER NOT NULL DEFAULT 0)
    """,
    """CREATE TABLE events (
        run TEXT NOT NULL, seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, event TEXT NOT NULL)
    """,
    """CREATE TABLE repositories (
        name TEXT PRIMARY KEY, identity TEXT NOT NULL, items INTEGER NOT NULL DEFAULT 0,
        in_sync REAL NOT NULL DEFAULT 0)
    """,
    """CREATE TABLE items (
        repository TEXT NOT NULL, key BLOB NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
        PRIMARY KEY (repository, key)) WITHOUT ROWID
    """,
    """CREATE TABLE cache (
        repository TEXT NOT NULL, key BLOB NOT NULL, algorithm TEXT NOT NULL, size INTEGER NOT NULL,
        mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (repository, key, algorithm)) WITHOUT ROWID
    """,
)
_INDEX = "CREATE INDEX IF NOT EXISTS events_of_run ON events (run, seq)"


def version(db: sqlite3.Connection) -> int:
    """Return the schema's number; 0 for a file without tables.

    Raises:
        Damaged: there are tables but no number.
        StateError: a newer sshsync wrote the file.
    """
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return 0
    if "meta" not in tables:
        raise Damaged("the table meta is missing")
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    text = row[0] if row else None
    if type(text) is not str or not (text.isascii() and text.isdecimal() and int(text[:18]) > 0):
        raise Damaged("the number of its schema is none")
    if int(text[:18]) > SCHEMA:
        file = db.execute("PRAGMA database_list").fetchone()[2]
        raise StateError(f"{file} was written by a newer sshsync (schema {text[:18]})", hint="update sshsync")
    return int(text)


def bring_up(db: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an earlier sshsync up to date. Wants to be called within a transaction.

    Raises:
        Damaged: a table or a column is missing.
        StateError: a newer sshsync wrote the file.
    """
    found = version(db)
    if not found:
        for table in _TABLES:
            db.execute(table)
    else:
        for step in range(found, SCHEMA):
            STEPS[step](db)
        check(db)
    db.execute(_INDEX)
    if found != SCHEMA:
        db.execute("REPLACE INTO meta (name, value) VALUES ('schema', ?)", (str(SCHEMA),))


def check(db: sqlite3.Connection) -> None:
    """Make sure that every table has its columns.

    Raises:
        Damaged: one is missing.
    """
    for table, columns in _expected().items():
        if missing := sorted(columns - _columns(db, table)):
            raise Damaged(f"the table {table} has no {missing[0]}")


def in_memory() -> sqlite3.Connection:
    """Return an empty journal that is in no file."""
    db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    bring_up(db)
    return db


def _expected() -> dict[str, set[str]]:
    db = in_memory()
    try:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: _columns(db, table) for table in tables if not table.startswith("sqlite_")}
    finally:
        db.close()


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def _moment_of_sync(db: sqlite3.Connection) -> None:
    """From 1: the moment of which a repository is in sync. Some files with this column still bear the number 1."""
    if "in_sync" not in _columns(db, "repositories"):
        db.execute("ALTER TABLE repositories ADD COLUMN in_sync REAL NOT NULL DEFAULT 0")


def _algorithm_of_cache(db: sqlite3.Connection) -> None:
    """From 2: a cached digest is found by what makes such digests, too."""
    if "algorithm" in _columns(db, "cache"):
        return
    db.execute("ALTER TABLE cache RENAME TO earlier")
    db.execute(_TABLES[-1])
    db.execute(
        "INSERT INTO cache SELECT repository, key, substr(digest, 1, instr(digest, ':') - 1), size, mtime, ctime,"
        " inode, digest FROM earlier WHERE instr(digest, ':') > 1"
    )
    db.execute("DROP TABLE earlier")


def _short(_db: sqlite3.Connection) -> None:
    """From 3: digests are bytes, events that tell of items are compressed. What is there stays: both can be read."""


STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _moment_of_sync, 2: _algorithm_of_cache, 3: _short}
"""What leads from each schema to the next."""
