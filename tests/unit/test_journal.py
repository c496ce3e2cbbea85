"""The journal under runs and looks: digests by algorithm, places, transactions, dry runs, damage, earlier schemas."""

import os
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sshsync.errors import StateError
from sshsync.model import events as ev
from sshsync.model.item import Item
from sshsync.model.row import Stamp
from sshsync.state import schema
from sshsync.state.journal import KEPT_RUNS, Journal, find_run
from sshsync.transports.memory import Fault
from tests.values import keep
from tests.conftest import CHAIN, World, configure
from tests.unit.test_engine import FILES, filled

MOVED = CHAIN.replace("path = /p", "path = /elsewhere")
RECORDS = ("meta", "repositories", "items")
EVERYTHING = (*RECORDS, "sent", "runs", "events")


def file_of(world: World) -> Path:
    return world.directory / "state" / "journal.sqlite"


def rows(file: Path, tables: tuple[str, ...] = RECORDS) -> dict[str, list]:
    with closing(sqlite3.connect(file)) as db:
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def hashed(world: World) -> dict[str, int]:
    return {event.repository: event.hashed for event in world.seen(ev.Scanned)}


def proxy(tmp_path: Path, text: str = CHAIN):
    return configure(text, tmp_path).tree.repositories["proxy"]


# Digests


def test_another_algorithm_digests_anew_and_nobody_deletes_anything(world: World) -> None:
    filled(world)
    assert world.run().exit_code == 0
    other = world.text.replace("stable_for = 0", "stable_for = 0\ndigest = sha1")
    assert world.run(text=other).exit_code == 0
    assert all(hashed(world).values())
    assert world.run(text=other).exit_code == 0
    assert not any(hashed(world).values()), "and remembers them"
    assert world.run().exit_code == 0


def test_a_dry_run_leaves_the_digests_of_another_algorithm_alone(world: World) -> None:
    filled(world)
    for _ in range(2):
        world.run()
    before = rows(file_of(world), ("items",))
    world.run(text=world.text.replace("stable_for = 0", "stable_for = 0\ndigest = sha1"), dry_run=True)
    assert rows(file_of(world), ("items",)) == before
    world.run()
    assert not any(hashed(world).values())


def test_digests_of_a_digestcmd_are_its_own(tmp_path: Path) -> None:
    from sshsync.core.algorithm import maker

    plain = proxy(tmp_path)
    one, two = (proxy(tmp_path, f"{CHAIN}".replace("[proxy]", f"[proxy]\ndigestcmd = {tool} ${{FILEPATH}}")) for tool in ("/opt/a", "/opt/b"))
    assert len({maker(plain), maker(replace(plain, digest="sha1")), maker(one), maker(two)}) == 4


# Looks


def looks(world: World, text: str) -> Iterator[tuple[str, object]]:
    with world.sync(text) as sync:
        yield "status", sync.status()
        yield "history", sync.history()
        yield "unfinished", sync.unfinished()
        yield "look", sync.look(sync.plan([["proxy"]]))
        yield "notes", sync.journal.noted("watch")
        yield "running", sync.running()


def test_a_look_with_another_configuration_changes_no_byte(world: World) -> None:
    filled(world)
    world.run()
    file = file_of(world)
    before = file.read_bytes()
    for name, found in looks(world, MOVED):
        assert file.read_bytes() == before, name
        if name == "status":
            assert {row.name: row.in_sync > 0 for row in found} == {"proxy": False, "node1": True, "node2": True}
    with world.sync() as sync:
        assert all(row.in_sync for row in sync.status()), "and nothing was forgotten"
    assert [path.name for path in file.parent.iterdir() if path.name.startswith("journal")] == ["journal.sqlite"]


def test_a_dry_run_with_another_configuration_changes_no_record(world: World) -> None:
    filled(world)
    world.run()
    world.fill("master", b"/m", {b"new": b"new"})
    world.fill("proxy", b"/elsewhere", {b"strange": b"strange"})
    before = rows(file_of(world))
    assert world.run(text=MOVED, dry_run=True).exit_code == 11
    after = rows(file_of(world))
    assert {name: after[name] for name in ("meta", "repositories")} == {name: before[name] for name in ("meta", "repositories")}
    (master,) = [number for number, name, *_ in after["repositories"] if name == "master"]
    assert [row for row in after["items"] if row[0] != master] == [row for row in before["items"] if row[0] != master]
    with world.sync() as sync:
        assert sync.history().dry_run
        found = [key for key, _, _ in sync.journal.cached(sync.config.tree.repositories["master"], "sha256")]
        assert b"new" in found, "the master is at the very place"


def test_a_dry_run_does_not_count_for_the_guards(world: World) -> None:
    world.fill("master", b"/m", {b"%d" % n: b"x" for n in range(3)})
    world.run()
    before = rows(file_of(world))["repositories"]
    world.fill("master", b"/m", {b"more": b"x"})
    world.run(dry_run=True)
    assert rows(file_of(world))["repositories"] == before


def test_digests_of_a_first_dry_run_are_not_made_again(world: World) -> None:
    filled(world)
    world.run(dry_run=True)
    assert hashed(world)["master"] > 0
    world.run()
    assert hashed(world)["master"] == 0


def test_a_run_binds_only_who_takes_part(world: World) -> None:
    filled(world)
    world.run()
    world.run("proxy", text=CHAIN.replace("path = /n", "path = /other"))
    with world.sync() as sync:
        assert all(row.in_sync for row in sync.status())
    world.run("proxy", text=MOVED)
    with world.sync() as sync:
        assert {row.name: row.in_sync > 0 for row in sync.status()} == {"proxy": False, "node1": True, "node2": True}


def test_a_look_where_there_was_no_run_makes_nothing(world: World) -> None:
    filled(world)
    with world.sync() as sync:
        assert [row.in_sync for row in sync.status()] == [0, 0, 0]
        assert sync.unfinished() is None
        assert sync.journal.runs() == []
    assert not (world.directory / "state").exists()


def test_a_look_sees_what_came_since(world: World) -> None:
    filled(world)
    with world.sync() as sync:
        assert not sync.status()[0].in_sync
        world.run("proxy")
        assert sync.status()[0].in_sync
        file_of(world).unlink()
        world.run("proxy")
        assert len(sync.journal.runs()) == 1


def test_an_account_that_may_only_read_may_look(world: World) -> None:
    filled(world)
    world.run()
    file = file_of(world)
    script = (
        "import os, sys; from pathlib import Path; from sshsync.state.journal import Journal\n"
        "import encodings.idna, traceback, linecache\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "journal = Journal(Path(sys.argv[1])); print(len(journal.runs())); journal.close()"
    )
    for directory in [file.parent, *file.parent.parents]:
        if directory.stat().st_uid == os.geteuid() and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o055)
    file.chmod(0o444)
    file.parent.chmod(0o555)
    before = file.read_bytes()
    command = [sys.executable, "-c", script, str(file.parent)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert found.stdout == "1\n", found.stderr
    file.chmod(0o000)
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    file.parent.chmod(0o700)
    file.chmod(0o600)
    assert "StateError" in found.stderr
    assert "run it as the account that the file belongs to" in found.stderr
    assert file.read_bytes() == before


def test_who_looks_after_a_killed_writer_sees_what_was_whole(world: World) -> None:
    filled(world)
    world.run()
    file = file_of(world)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM runs")
        db.executemany("INSERT INTO meta VALUES (?, ?)", [(f"note:{n}", "x" * 900) for n in range(500)])
        half = file.read_bytes(), file.with_name("journal.sqlite-journal").read_bytes()
        db.execute("ROLLBACK")
    file.write_bytes(half[0])
    file.with_name("journal.sqlite-journal").write_bytes(half[1])
    with world.sync() as sync:
        assert len(sync.journal.runs()) == 1
        assert all(row.in_sync for row in sync.status())


# Transactions


def journal_of(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state", timeout=0.05)


def test_events_of_a_failed_write_go_with_the_next_one(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    here = proxy(tmp_path)
    with journal.writing([here]), closing(sqlite3.connect(journal.file, isolation_level=None)) as other:
        keep(journal, ev.RunStarted("r1", 1.0, [["proxy"]]))
        keep(journal, ev.Remarked("proxy", "chatter"))
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateError, match="cannot be used: database is locked.*try again"):
            keep(journal, ev.Published("proxy", [("a", "sha256:1", 5)], 5))
        other.execute("ROLLBACK")
        keep(journal, ev.Published("proxy", [("b", "sha256:2", 5)], 5))
        assert dict(journal.verified(here)) == {b"a": "sha256:1", b"b": "sha256:2"}
        assert [type(event).__name__ for _, event in journal.events("r1")] == ["RunStarted", "Remarked", "Published", "Published"]


def test_what_fails_half_way_leaves_nothing_that_a_later_writer_commits(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    here = proxy(tmp_path)
    stamp = Stamp(1, 2, 3, 4)
    with journal.writing([here]):
        journal.learn(here, "sha256", [Item(b"k", "sha256:1", stamp)])
        with pytest.raises(struct.error):
            journal.learn(here, "sha256", [Item(b"l", "sha256:2", stamp), Item(b"m", "sha256:3", Stamp(2**70, 0, 0, 0))])
        keep(journal, ev.RunStarted("r1", 1.0, [["proxy"]]))
        assert list(journal.cached(here, "sha256")) == [(b"k", stamp, "sha256:1")]


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_full_disk_leaves_the_last_whole_state_and_loses_no_event(tmp_path: Path) -> None:
    script = """
import hashlib, resource, signal, sys
from pathlib import Path
from sshsync.errors import StateError
from sshsync.model import events as ev
from sshsync.state.journal import Journal
from tests.values import keep
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path(sys.argv[1]))
with journal.writing([]):
    keep(journal, ev.RunStarted("r1", 1.0, [["proxy"]]))
    size = journal.file.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, resource.RLIM_INFINITY))
    items = [(hashlib.sha512(b"%d" % n).hexdigest(), "sha256:1", 5) for n in range(2000)]
    try:
        keep(journal, ev.Published("proxy", items, 5))
        raise SystemExit("it fits")
    except StateError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    keep(journal, ev.RunFinished("r1", 2.0, "failed", 6))
print([type(event).__name__ for _, event in journal.events("r1")])
"""
    command = [sys.executable, "-c", script, str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.stdout.splitlines()[1:] == ["['RunStarted', 'Published', 'RunFinished']"], done.stdout + done.stderr
    assert "cannot be used" in done.stdout


# Dry runs


@pytest.mark.parametrize("many", [50, 500])
def test_dry_runs_hide_nothing(world: World, many: int) -> None:
    filled(world)
    world.run("proxy")
    world.host("node1").faults += [Fault("fail", "list", words=b"no")]
    world.run("node1")
    with closing(sqlite3.connect(file_of(world))) as db:
        db.execute("UPDATE runs SET finished = NULL, exit_code = NULL WHERE id = (SELECT id FROM runs ORDER BY rowid DESC LIMIT 1)")
        later = [(f"later-{n}", 4e9 + n, '[["proxy"]]', 1) for n in range(many)]
        db.executemany("INSERT INTO runs (id, started, stages, dry) VALUES (?, ?, ?, ?)", later)
        db.commit()
    with world.sync() as sync:
        unfinished = sync.unfinished()
        assert unfinished
        assert unfinished.names == (("node1",),)
        assert {row.name: row.outcome for row in sync.status()} == {"proxy": "done", "node1": "failed", "node2": ""}
    assert world.run("node1", dry_run=True).exit_code == 11
    with world.sync() as sync:
        assert sync.unfinished()
        assert sync.journal.latest()
        kept = sync.journal.runs(10_000)
    assert sum(row["dry"] for row in kept) == min(many + 1, KEPT_RUNS)
    assert sum(not row["dry"] for row in kept) == 2


def test_real_runs_do_not_displace_dry_ones_nor_the_reverse(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    with journal.writing([]):
        for dry in (True, False):
            for number in range(KEPT_RUNS + 3):
                keep(journal, ev.RunStarted(f"{dry}-{number}", float(number), [["proxy"]], dry_run=dry))
    assert len(journal.runs(10_000)) == 2 * KEPT_RUNS
    assert find_run(journal, "True-9")["dry"]
    assert journal.latest()["id"] == f"False-{KEPT_RUNS + 2}"


def test_notices_hear_of_moments_without_a_replay(world: World) -> None:
    class Quiet(Journal):
        def events(self, run, of=None):
            raise AssertionError("it replays")

    filled(world)
    status = world.directory / "status.json"
    world.run(text=f"status_file = {status}\n{world.text}", journal=Quiet)
    assert "proxy" in status.read_text()


# Damage

COLUMNS = {
    "runs": ["id", "started", "stages", "dry", "finished", "exit_code", "interrupted", "abandoned"],
    "events": ["run", "at", "event"],
    "repositories": ["id", "name", "identity", "items", "in_sync", "maker"],
    "items": ["first", "verified", "held"],
    "sent": ["key", "digest", "size", "start", "length", "chunk"],
    "meta": ["name", "value"],
}
VALUES = {"NULL": "NULL", "blob": "x'00ff'", "text": "'garbled'", "infinite": "9e999", "negative": "-5", "not_utf8": "CAST(x'ff' AS TEXT)"}


READABLE = {
    **dict.fromkeys([("runs", "id"), ("repositories", "name"), ("repositories", "identity"), ("meta", "name"), ("meta", "value")], {"text", "negative", "infinite"}),
    ("repositories", "maker"): {"text", "negative", "infinite"},
    ("items", "first"): {"blob"},
    ("sent", "key"): {"blob"},
    ("sent", "chunk"): {"blob"},
    ("sent", "digest"): {"text", "negative", "infinite"},
    **dict.fromkeys([("runs", "finished"), ("runs", "exit_code")], {"NULL"}),
    ("events", "run"): set(VALUES),
}
"""What any column of its kind may hold: a name is any text, a stamp any number, a run may have no end yet.

An event that belongs to no run is read by nobody."""
DAMAGES = [
    pytest.param(table, column, value, name in READABLE.get((table, column), ()), id=f"{table}.{column}-{name}")
    for table, columns in COLUMNS.items()
    for column in columns
    for name, value in VALUES.items()
]


def spoil(file: Path, table: str, column: str, value: str) -> bool:
    """Write a value as no sshsync would, past every constraint; tell whether it stands there now."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'")
        db.execute("PRAGMA schema_version = 4711")
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        try:
            where = "WHERE rowid = (SELECT max(rowid) FROM {0})" if table not in ("items", "sent") else "WHERE repository = (SELECT id FROM repositories WHERE name = 'proxy')"
            where = "WHERE name LIKE 'note:%'" if table == "meta" else where.format(table)
            return db.execute(f"UPDATE {table} SET {column} = {value} {where}").rowcount > 0
        except sqlite3.IntegrityError:
            return False


def prepared(world: World) -> Path:
    world.fill("master", b"/m", {b"a": b"alpha", b"b": b"beta"})
    for _ in range(2):
        assert world.run().exit_code == 0
    with world.sync() as sync:
        sync.journal.note("watch", "x")
        with sync.journal.writing([]):
            keep(sync.journal, ev.Sent("proxy", "c", "sha256:1", 10, [(0, 5, "00ff"), (5, 5, "ff00")]))
    return file_of(world)


def unended(file: Path) -> None:
    """Make the latest run one that was killed: the next run continues it, and so reads its events."""
    change(file, "UPDATE runs SET finished = NULL, exit_code = NULL WHERE rowid = (SELECT max(rowid) FROM runs)")


def looked_at(world: World) -> list[str]:
    """Look in all ways, and return what was said; nothing but words may come, and nothing may change."""
    file = file_of(world)
    before = {path: path.read_bytes() for path in file.parent.iterdir() if path.is_file() and path.name != "lock"}
    said = []
    with world.sync() as sync:
        for look in (sync.status, sync.history, sync.unfinished, lambda: sync.journal.runs(100), lambda: sync.journal.noted("watch")):
            try:
                look()
            except StateError as error:
                said.append(str(error))
    assert {path: path.read_bytes() for path in file.parent.iterdir() if path.is_file() and path.name != "lock"} == before
    return said


@pytest.mark.parametrize(("table", "column", "value", "readable"), DAMAGES)
def test_row_63_a_value_that_cannot_be_read_is_set_aside(world: World, table: str, column: str, value: str, readable: bool) -> None:
    file = prepared(world)
    if table == "events":
        unended(file)
    if not spoil(file, table, column, value):
        pytest.skip("SQLite itself refuses it")
    if table == "items" and column != "verified":
        # What a level link has on record about its items nobody reads.
        for name, path in (("proxy", b"/p/a"), ("node1", b"/n/a"), ("node2", b"/n/a")):
            world.host(name).put(path, b"altered")
    said = looked_at(world)
    assert all(f"the journal {file} is damaged: " in words and "synchronize again" in words for words in said)
    assert world.run().exit_code == 0
    asides = list(file.parent.glob("journal.sqlite.damaged-*"))
    told = [event.text for event in world.seen(ev.Remarked) if "the journal was damaged" in event.text]
    assert len(told) == len(asides)
    assert len(asides) == (not readable)
    assert not (said and readable)
    assert set(world.host("node2").below(b"/n")) == {b"a", b"b"}
    assert looked_at(world) == []
    assert world.run().exit_code == 0
    assert list(file.parent.glob("journal.sqlite.damaged-*")) == asides, "once"


@pytest.mark.parametrize("column", ["at", "event"])
@pytest.mark.parametrize("value", list(VALUES.values()), ids=list(VALUES))
def test_damage_in_the_events_of_an_ended_run_is_told_by_whoever_looks_at_it(world: World, column: str, value: str) -> None:
    file = prepared(world)
    if not spoil(file, "events", column, value):
        pytest.skip("SQLite itself refuses it")
    with world.sync() as sync:
        damaged = sync.journal.runs(1)[0]["id"]
    for _ in range(2):
        assert world.run().exit_code == 0
        assert looked_at(world) == [], "what these looks show does not hang on it"
        before = file.read_bytes()
        with world.sync() as sync, pytest.raises(StateError, match="the journal .* is damaged: .*a run that meets the damage sets the file aside"):
            sync.history(damaged)
        assert file.read_bytes() == before
    assert not list(file.parent.glob("journal.sqlite.damaged-*"))


def test_a_run_begins_without_reading_what_ended_runs_did(world: World) -> None:
    """Whoever reads an event that is none meets damage, and sets the file aside."""
    file = prepared(world)
    with closing(sqlite3.connect(file)) as db:
        db.executemany("INSERT INTO runs (id, started, stages, dry, finished, exit_code) VALUES (?, 4e9, '[[\"proxy\"]]', 0, 4e9, 0)", [(f"r{n}",) for n in range(KEPT_RUNS)])
        db.executemany("INSERT INTO events (run, at, event) VALUES (?, 4e9, 'no event')", [(f"r{n}",) for n in range(KEPT_RUNS)])
        db.commit()

    def set_aside() -> int:
        with world.sync() as sync, sync.journal.writing([]):
            return len(list(file.parent.glob("journal.sqlite.damaged-*")))

    assert set_aside() == 0
    unended(file)
    assert set_aside() == 1, "but for the one that it may continue"


@pytest.mark.parametrize("table", list(COLUMNS))
@pytest.mark.parametrize("what", ["missing table", "missing column"])
def test_row_63_a_table_that_is_not_whole_is_set_aside(world: World, table: str, what: str) -> None:
    file = prepared(world)
    column = {"meta": "value", "events": "at"}.get(table, COLUMNS[table][-1])
    change(file, f"DROP TABLE {table}" if what == "missing table" else f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    said = looked_at(world)
    assert said
    assert all("is damaged" in words for words in said)
    assert world.run().exit_code == 0
    assert len(list(file.parent.glob("journal.sqlite.damaged-*"))) == 1
    assert looked_at(world) == []


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{}", "7", "null", "{", "", '{"type": 5}', '{"type": "RunStarted", "run": 7}', "[" * 100_000, "9" * 5000, '"\\ud800"',
        '{"type": "RepositoryFinished", "repository": "proxy", "outcome": "none", "seconds": 1.0}',
        '{"type": "RepositoryFinished", "repository": "proxy", "outcome": "done", "seconds": NaN}',
        '{"type": "RepositoryFinished", "repository": "proxy", "outcome": "done", "seconds": 1e999}',
        '{"type": "RepositoryFinished", "repository": ["proxy"], "outcome": "done", "seconds": 1.0}',
        '{"type": "Published", "repository": "proxy", "items": [["a", 5]], "bytes": 1}',
        '{"type": "RunStarted", "run": "r", "at": 1e300, "stages": [["proxy"]]}',
        '{"type": "Planned", "repository": "proxy", "copy": -1}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["event", "stages"])
def test_row_63_garbled_json_is_set_aside(world: World, column: str, text: str) -> None:
    file = prepared(world)
    table = "events" if column == "event" else "runs"
    if table == "events":
        unended(file)
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT max(rowid) FROM {table})", (text,))
        db.commit()
    assert looked_at(world)
    assert world.run().exit_code == 0
    assert len(list(file.parent.glob("journal.sqlite.damaged-*"))) == 1
    assert looked_at(world) == []


@pytest.mark.parametrize("number", ["none", "", "-1", "0", "1.5", "²", "x'33'", "3 "])
def test_row_63_a_schema_that_is_no_number_is_set_aside(world: World, number: str) -> None:
    file = prepared(world)
    value = number if number.startswith("x'") else f"'{number}'"
    change(file, f"UPDATE meta SET value = {value} WHERE name = 'schema'")
    assert looked_at(world)
    assert world.run().exit_code == 0
    assert len(list(file.parent.glob("journal.sqlite.damaged-*"))) == 1


@pytest.mark.parametrize("damage", ["garbage", "cut", "short", "flipped"])
def test_row_63_a_file_that_is_no_database_is_set_aside(world: World, damage: str) -> None:
    file = prepared(world)
    whole = file.read_bytes()
    flipped = whole[:4000] + bytes(255 - byte for byte in whole[4000:12000]) + whole[12000:]
    file.write_bytes({"garbage": b"no database" * 999, "cut": whole[: len(whole) // 2], "short": whole[:50], "flipped": flipped}[damage])
    assert all("is damaged" in words for words in looked_at(world))
    assert world.run().exit_code == 0
    assert len(list(file.parent.glob("journal.sqlite.damaged-*"))) == 1
    assert world.seen(ev.Published) == []


def test_a_journal_that_is_no_file_is_told_and_left(world: World) -> None:
    file = prepared(world)
    file.unlink()
    file.mkdir()
    assert all("is no file of ours" in words for words in looked_at(world))
    with pytest.raises(StateError, match="is no file of ours.*move it away"):
        world.run()
    assert file.is_dir()


@pytest.mark.parametrize("table", ["items", "runs"])
def test_row_63_damage_in_the_middle_of_a_run_costs_nothing_that_the_run_knows(world: World, table: str) -> None:
    filled(world)
    world.run()
    world.fill("master", b"/m", {b"new": b"new"})
    file = file_of(world)

    def spoiling(event: ev.Event) -> None:
        if isinstance(event, ev.Published) and event.repository == "proxy":
            change(file, "UPDATE items SET held = 7" if table == "items" else "DROP TABLE runs")

    with world.sync(sinks=[spoiling]) as sync:
        result = sync.run([["proxy"], ["node1", "node2"]])
    assert result.exit_code == 0
    assert "the journal was damaged" in str([job.notices for job in result.report.jobs])
    assert len(list(file.parent.glob("journal.sqlite.damaged-*"))) == 1
    with world.sync() as sync:
        assert sync.unfinished() is None
        report = sync.history()
        assert report.exit_code == 0
        assert {row.name: row.in_sync > 0 for row in sync.status()}["node1"]
    assert set(world.host("node1").below(b"/n")) == {*FILES, b"new"}


def test_row_63_what_a_run_left_for_later_outlives_damage(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    here = proxy(tmp_path)
    with journal.writing([here]):
        journal.note("post_cmd", "due")
        change(journal.file, "DROP TABLE items")
        assert dict(journal.verified(here)) == {}
        assert journal.noted("post_cmd") == "due"
        assert len(journal.remarks()) == 1
        assert journal.remarks() == []


def test_two_damages_in_one_second_keep_both_files(world: World) -> None:
    file = prepared(world)
    for _ in range(3):
        file.write_bytes(b"no database" * 999)
        assert world.run().exit_code == 0
    assert len(list(file.parent.glob("journal.sqlite.damaged-*"))) == 3


def test_what_sqlite_keeps_beside_a_damaged_file_goes_with_it(world: World) -> None:
    file = prepared(world)
    file.write_bytes(b"no database" * 999)
    beside = file.with_name("journal.sqlite-journal")
    beside.write_bytes(bytes.fromhex("d9d505f920a163d7") + b"\0" * 600)
    assert world.run().exit_code == 0
    assert not beside.exists()
    assert world.run().exit_code == 0


# Earlier schemas

META = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
RUNS = """CREATE TABLE runs (
    id TEXT PRIMARY KEY, started REAL NOT NULL, stages TEXT NOT NULL, dry INTEGER NOT NULL,
    finished REAL, exit_code INTEGER, interrupted INTEGER NOT NULL DEFAULT 0, abandoned INTEGER NOT NULL DEFAULT 0)"""
EVENTS = """CREATE TABLE events (
    run TEXT NOT NULL, seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, event TEXT NOT NULL)"""
INDEX = "CREATE INDEX events_of_run ON events (run, seq)"
FIRST_REPOSITORIES = """CREATE TABLE repositories (
    name TEXT PRIMARY KEY, identity TEXT NOT NULL, items INTEGER NOT NULL DEFAULT 0)"""
REPOSITORIES = """CREATE TABLE repositories (
    name TEXT PRIMARY KEY, identity TEXT NOT NULL, items INTEGER NOT NULL DEFAULT 0,
    in_sync REAL NOT NULL DEFAULT 0)"""
ITEMS = """CREATE TABLE items (
    repository TEXT NOT NULL, key BLOB NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (repository, key)) WITHOUT ROWID"""
CACHE = """CREATE TABLE cache (
    repository TEXT NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (repository, key)) WITHOUT ROWID"""
THIRD_CACHE = CACHE.replace("key BLOB NOT NULL,", "key BLOB NOT NULL, algorithm TEXT NOT NULL,").replace("(repository, key)", "(repository, key, algorithm)")
ERAS = {
    "1": ("1", [META, RUNS, EVENTS, INDEX, FIRST_REPOSITORIES, ITEMS, CACHE]),
    "1 with moments": ("1", [META, RUNS, EVENTS, INDEX, REPOSITORIES, ITEMS, CACHE]),
    "2": ("2", [META, RUNS, EVENTS, INDEX, REPOSITORIES, ITEMS, CACHE]),
    "3": ("3", [META, RUNS, EVENTS, INDEX, REPOSITORIES, ITEMS, THIRD_CACHE]),
    "4": ("4", [META, RUNS, EVENTS, INDEX, REPOSITORIES, ITEMS, THIRD_CACHE]),
}


def items_of_era(world: World) -> dict[str, list]:
    """Return what is on record about items, as rows of the two tables in which that stood before."""
    found: dict[str, list] = {"items": [], "cache": []}
    with world.sync() as sync:
        for name, here in sync.config.tree.repositories.items():
            found["items"] += [(name, key, digest, 5) for key, digest in sync.journal.verified(here)]
            for key, stamp, digest in sync.journal.cached(here, "sha256"):
                found["cache"].append((name, key, "sha256", stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode, digest))
    return found


def of_era(world: World, era: str) -> Path:
    """Replace the journal by one of an earlier schema that holds the same rows, as far as it can."""
    file = prepared(world)
    found = rows(file, ("meta", "runs", "events", "repositories")) | items_of_era(world)
    number, tables = ERAS[era]
    file.unlink()
    change(file, *tables)
    with closing(sqlite3.connect(file)) as db:
        for name, values in found.items():
            if name in ("items", "cache") and era == "4":
                values = [tuple(bytes.fromhex(value[7:]) if str(value).startswith("sha256:") else value for value in row) for row in values]
            if name == "events" and era != "4":
                values = [tuple(zlib.decompress(value).decode() if type(value) is bytes else value for value in row) for row in values]
            if name == "cache" and THIRD_CACHE not in tables:
                values = [row[:2] + row[3:] for row in values]
            if name == "repositories":
                values = [row[1:4] if tables[4] == FIRST_REPOSITORIES else row[1:5] for row in values]
            if values:
                db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values[0]))})", values)
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (number,))
        db.commit()
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("era", list(ERAS))
def test_a_journal_of_an_earlier_schema_is_looked_at_unchanged_and_brought_up_by_a_run(world: World, era: str) -> None:
    file = of_era(world, era)
    assert looked_at(world) == []
    with world.sync() as sync:
        assert [row.outcome for row in sync.status()] == ["unchanged"] * 3
        assert all(row.in_sync for row in sync.status()) == (era != "1")
        assert sync.history().exit_code == 0
        assert sync.journal.noted("watch") == "x"
    before = file.read_bytes()
    assert world.run(dry_run=True).exit_code == 0
    assert not any(hashed(world).values())
    assert file.read_bytes() == before, "a dry run is not worth its change"
    found = items_of_era(world)
    assert len(found["items"]) == 6
    assert len(found["cache"]) == 8
    assert world.run().exit_code == 0
    assert items_of_era(world) == found
    assert not any(hashed(world).values()), "the cache is carried over"
    assert not world.seen(ev.Remarked)
    assert ("schema", str(schema.SCHEMA)) in rows(file)["meta"]
    assert len(rows(file, ("runs",))["runs"]) == 3
    with closing(sqlite3.connect(file)) as db, closing(schema.in_memory()) as fresh:
        for table in EVERYTHING:
            assert sorted(row[1:] for row in db.execute(f"PRAGMA table_info({table})")) == sorted(row[1:] for row in fresh.execute(f"PRAGMA table_info({table})"))
    assert not list(file.parent.glob("*damaged*"))


def test_a_step_up_that_fails_leaves_the_file_as_it_was(world: World) -> None:
    file = of_era(world, "1")
    change(file, "DROP TABLE cache")
    before = file.read_bytes()
    assert looked_at(world)
    assert world.run().exit_code == 0
    (aside,) = file.parent.glob("journal.sqlite.damaged-*")
    assert aside.read_bytes() == before


def test_there_is_a_step_from_every_schema() -> None:
    assert sorted(schema.STEPS) == list(range(1, schema.SCHEMA))
