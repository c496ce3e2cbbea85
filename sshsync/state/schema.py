"""The tables, and how a file of an earlier sshsync becomes one of this: one number and one step for every change."""

import sqlite3
from collections.abc import Callable, Mapping

from sshsync.errors import StateError
from sshsync.state import arrivals, earlier
from sshsync.state.rows import Damaged

SCHEMA = 5

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
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, identity TEXT NOT NULL, items INTEGER NOT NULL DEFAULT 0,
        in_sync REAL NOT NULL DEFAULT 0, maker TEXT NOT NULL DEFAULT '')
    """,
    """CREATE TABLE items (
        repository INTEGER NOT NULL, first BLOB NOT NULL, verified INTEGER NOT NULL, held BLOB NOT NULL,
        PRIMARY KEY (repository, first))
    """,
    """CREATE TABLE sent (
        repository INTEGER NOT NULL, key BLOB NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
        start INTEGER NOT NULL, length INTEGER NOT NULL, chunk BLOB NOT NULL,
        PRIMARY KEY (repository, key, digest, start)) WITHOUT ROWID
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
    for index in (_INDEX, arrivals.INDEX):
        db.execute(index)
    if found != SCHEMA:
        db.execute("REPLACE INTO meta (name, value) VALUES ('schema', ?)", (str(SCHEMA),))


def check(db: sqlite3.Connection) -> None:
    """Make sure that every table has its columns.

    Raises:
        Damaged: one is missing.
    """
    for table, columns in _expected().items():
        if missing := sorted(columns - earlier.columns(db, table)):
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
        return {table: earlier.columns(db, table) for table in tables if not table.startswith("sqlite_")}
    finally:
        db.close()


STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {
    1: earlier.moment_of_sync,
    2: earlier.algorithm_of_cache,
    3: earlier.short,
    4: lambda db: earlier.blocks(db, _TABLES),
}
"""What leads from each schema to the next."""
