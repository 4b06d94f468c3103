"""The SQLite sink on real files."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.apply.targets import target_of
from tailrace.connectors import Context
from tailrace.errors import OwnershipLostError, RefusedError, StuckError, UnreachableError
from tailrace.schema import Column, Kind, Type
from tailrace.stream import Partition
from tailrace_sqlite import sink as sink_module
from tailrace_sqlite.sink import SQLiteSink
from tests.integration.sink_rig import ID, MYSQL_KINDS, POSTGRES_KINDS, Rig, differences, table_of_kinds, upserts
from tests.servers import wait_until
from tests.sinks.sharing import every_table_that_was_written_must_be_its_worker_s, workers_own_their_topics

A = Column(2, "a", Type(Kind.TEXT, "text"))
B = Column(3, "b", Type(Kind.INTEGER, "int", 32))


@dataclass(frozen=True)
class Settings:
    path: Path
    name: str = "target"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "what? #1.db"


def sink_at(path: Path, mode: str = "full-load-and-cdc") -> SQLiteSink:
    return SQLiteSink(Settings(path), Context("shop", mode, path.parent))


@pytest.fixture
def rig(path: Path) -> Rig:
    return Rig(lambda: sink_at(path))


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("name", "kinds", "connector"),
    [("shop.kinds", MYSQL_KINDS, "mysql"), ("public.kinds", POSTGRES_KINDS, "postgresql")],
)
def test_every_kind_comes_back_as_it_went_in(
    rig: Rig, name: str, kinds: list[tuple[Type, list[Any]]], connector: str
) -> None:
    table, rows = table_of_kinds(rig.script, name, kinds, connector)
    table.load(rows)
    rig.apply()
    assert differences(rig.rows(table), rows) == []
    for row in rows:
        table.update(row, row)
    rig.apply()
    assert differences(rig.rows(table), rows) == []


@pytest.mark.parametrize("kinds", [MYSQL_KINDS, POSTGRES_KINDS])
def test_a_keyless_table_finds_rows_of_every_kind_again(rig: Rig, kinds: list[tuple[Type, list[Any]]]) -> None:
    keyed, rows = table_of_kinds(rig.script, "public.keyed", kinds, "mysql")
    table = rig.script.table("public.log", [replace(c, key=0) for c in keyed.schema.columns], "mysql")
    rows = rows[:4]
    for row in [*rows, *rows]:
        table.insert(row)
    for row in rows:
        table.delete(row)
    table.update(rows[0], {**rows[0], "id": 99})
    rig.apply()
    assert sorted(row["id"] for row in rig.rows(table)) == [1, 2, 3, 99]


def test_an_update_of_a_keyless_table_changes_one_of_several_equal_rows(rig: Rig) -> None:
    table = rig.script.table("public.log", [A, B])
    for _ in range(3):
        table.insert({"a": None, "b": 1})
    table.update({"a": None, "b": 1}, {"a": "x", "b": 1})
    table.delete({"a": None, "b": 1})
    rig.apply()
    assert sorted(str(row["a"]) for row in rig.rows(table)) == ["None", "x"]


def test_a_keyless_row_that_is_missing_is_an_error_unless_there_was_no_load(path: Path, rig: Rig) -> None:
    table = rig.script.table("public.log", [A, B])
    table.insert({"a": "x", "b": 1})
    table.update({"a": "y", "b": 2}, {"a": "z", "b": 3})
    table.delete({"a": "q", "b": 2})
    with pytest.raises(StuckError, match=r"table public\.log: no row of the target"):
        rig.apply()
    rig.create = lambda: sink_at(path, "cdc")
    rig.apply()
    assert rig.rows(table) == [{"a": "x", "b": 1}, {"a": "z", "b": 3}]


def test_composite_keys_partial_updates_and_deletes(rig: Rig) -> None:
    second = Column(2, "part", Type(Kind.TEXT, "text"), nullable=False, key=2)
    body, note = Column(3, "body", Type(Kind.TEXT, "text")), Column(4, "note", Type(Kind.TEXT, "text"))
    table = rig.script.table("public.pieces", [ID, second, body, note])
    rows = [{"id": n, "part": p, "body": "b", "note": "n"} for n in range(3) for p in "xy"]
    table.load(rows)
    rig.apply()
    table.update(rows[0], {"id": 0, "part": "x", "note": "new"}, unchanged=("body",))
    table.update({"id": 77, "part": "x"}, {"id": 77, "part": "x", "note": "new"}, unchanged=("body",))
    table.delete(rows[1])
    table.update(rows[2], {**rows[2], "id": 50})
    rig.apply()
    expected = [
        {"id": 0, "part": "x", "body": "b", "note": "new"},
        {"id": 1, "part": "y", "body": "b", "note": "n"},
        {"id": 2, "part": "x", "body": "b", "note": "n"},
        {"id": 2, "part": "y", "body": "b", "note": "n"},
        {"id": 50, "part": "x", "body": "b", "note": "n"},
    ]
    assert rig.rows(table) == expected


def test_a_table_of_keys_alone(rig: Rig) -> None:
    table = rig.script.table("public.tags", [ID])
    table.insert({"id": 1})
    table.insert({"id": 1})
    table.insert({"id": 2})
    rig.apply()
    assert rig.rows(table) == [{"id": 1}, {"id": 2}]


def test_odd_names_stay_names(rig: Rig, path: Path) -> None:
    odd = 'x"; DROP TABLE y; --'
    columns = [replace(ID, name="rowid"), replace(A, name=odd), replace(B, name="select", key=0)]
    table = rig.script.table(f"public.{odd}", columns)
    table.insert({"rowid": 1, odd: "v", "select": 2})
    table.update({"rowid": 1}, {"rowid": 1, "select": 3}, unchanged=(odd,))
    keyless = rig.script.table("public.none", [replace(column, key=0) for column in columns])
    keyless.insert({"rowid": 1, odd: "v", "select": 2})
    keyless.delete({"rowid": 1, odd: "v", "select": 2})
    rig.apply()
    assert rig.rows(table) == [{"rowid": 1, odd: "v", "select": 3}]
    assert rig.rows(keyless) == []
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'y'") == [(0,)]


def test_a_users_own_table_is_used_where_it_suffices(rig: Rig, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (extra TEXT DEFAULT 'mine', a TEXT, id INTEGER UNIQUE)")
        connection.commit()
    table = rig.script.table("public.users", [ID, A, B])
    table.insert({"id": 1, "a": "x", "b": 2})
    table.insert({"id": 1, "a": "y", "b": 3})
    rig.apply()
    assert query(path, "SELECT extra, a, id, b FROM users") == [("mine", "y", 1, 3)]


def test_a_table_with_another_key_is_refused_with_what_to_do(rig: Rig, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (a TEXT PRIMARY KEY, id INTEGER)")
        connection.commit()
    rig.script.table("public.users", [ID, A]).insert({"id": 1, "a": "x"})
    with pytest.raises(StuckError, match=r"table public\.users: the source's key is \(id\).*drop the target's table"):
        rig.apply()


def test_a_constraint_of_the_target_is_named_and_no_value(rig: Rig, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, a TEXT UNIQUE)")
        connection.commit()
    table = rig.script.table("public.users", [ID, A])
    table.insert({"id": 1, "a": "secret"})
    table.insert({"id": 2, "a": "secret"})
    with pytest.raises(StuckError, match=r"UNIQUE constraint failed: users\.a") as raised:
        rig.apply()
    assert "secret" not in str(raised.value)


def test_a_type_that_a_column_cannot_follow_is_refused(rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, A, B])
    table.insert({"id": 1, "a": "x", "b": 2})
    table.alter([ID, A, replace(B, type=Type(Kind.INTEGER, "bigint", 64))])
    rig.apply()
    table.alter([ID, A, replace(B, type=Type(Kind.TEXT, "text"))])
    with pytest.raises(StuckError, match="column b was bigint and is text now"):
        rig.apply()


def test_work_applied_again_changes_nothing(path: Path, rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, A])
    target = target_of(table.versions)
    for _ in range(2):
        sink = sink_at(path)
        sink.open("one")
        sink.ensure(target, None)
        sink.apply([upserts(target, {"id": 1, "a": "x"}, {"id": 2, "a": "y"})])
        sink.commit({})
        sink.close()
    assert query(path, "SELECT id, a FROM users ORDER BY id") == [(1, "x"), (2, "y")]


def test_what_was_rolled_back_is_not_there_nor_its_table(path: Path, rig: Rig) -> None:
    target = target_of(rig.script.table("public.users", [ID, A]).versions)
    sink = sink_at(path)
    sink.open("one")
    sink.ensure(target, None)
    sink.apply([upserts(target, {"id": 1, "a": "x"})])
    sink.rollback()
    sink.commit({Partition("", 0): 5})
    sink.close()
    assert query(path, "SELECT name FROM sqlite_master WHERE name = 'users'") == []
    assert query(path, "SELECT next_offset FROM _tailrace_positions WHERE partition = 0") == [(5,)]


def test_two_owners_and_a_moved_position_are_noticed(path: Path) -> None:
    first, second = sink_at(path), sink_at(path)
    first.open("one")
    second.open("one")
    with pytest.raises(OwnershipLostError):
        first.commit({Partition("", 0): 1})
    second.commit({Partition("", 0): 1})
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE _tailrace_positions SET next_offset = 7 WHERE partition = 0")
        connection.commit()
    with pytest.raises(OwnershipLostError):
        second.commit({Partition("", 0): 2})
    first.close()
    second.close()


def test_sinks_of_one_file_keep_their_own_positions_until_torn_down(path: Path) -> None:
    for name in ("one", "two"):
        sink = SQLiteSink(Settings(path, name), Context("shop", "cdc", path.parent))
        sink.open("stream")
        sink.commit({Partition("", 0): 1})
        sink.close()
    one = SQLiteSink(Settings(path, "one"), Context("shop", "cdc", path.parent))
    assert one.teardown(dry_run=True) == [f"positions of sink one in {path}"]
    assert one.teardown(dry_run=False) == [f"positions of sink one in {path}"]
    assert one.teardown(dry_run=False) == []
    assert query(path, "SELECT DISTINCT sink FROM _tailrace_positions") == [("two",)]
    two = SQLiteSink(Settings(path, "two"), Context("shop", "cdc", path.parent))
    two.teardown(dry_run=False)
    assert query(path, "SELECT name FROM sqlite_master WHERE name = '_tailrace_positions'") == []


# ---- errors


def no_folder(path: Path) -> Path:
    return path / "missing" / "x.db"


def no_database(path: Path) -> Path:
    path.write_text("hello, I am a text file and no database at all" * 20)
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (no_folder, "the file cannot be opened; see that its folder exists"),
        (no_database, "the file is no SQLite database"),
        (a_folder, "the file cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_check_says_so(
    path: Path, prepare: Callable[[Path], Path], message: str
) -> None:
    sink = sink_at(prepare(path))
    with pytest.raises(RefusedError, match=message):
        sink.open("one")
    sink.close()
    assert [finding.ok for finding in sink_at(sink._path).check()] == [True, False]


def test_check_of_a_good_file_makes_nothing(path: Path) -> None:
    assert [finding.ok for finding in sink_at(path).check()] == [True, True]
    assert not path.exists()
    sink = sink_at(path)
    sink.open("one")
    assert [finding.ok for finding in sink_at(path).check()] == [True, True]
    sink.close()


def test_a_database_locked_by_another_program_is_waited_for(
    path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "_BUSY_SECONDS", 0.1)
    sink = sink_at(path)
    sink.open("one")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnreachableError, match="locked by another program"):
        sink.commit({Partition("", 0): 1})
    other.execute("ROLLBACK")
    other.close()
    sink.close()


KILLED = """
import sys
from pathlib import Path
from tests.integration.sink_rig import ID, Rig
from tests.integration.test_sqlite_sink import A, sink_at
rig = Rig(lambda: sink_at(Path(sys.argv[1])))
rig.stream.stream_id = "fixed"
users = rig.script.table("public.users", [ID, A])
for start in range(0, 200_000, 100):
    with rig.script.transaction():
        for key in range(start, start + 100):
            users.insert({"id": key, "a": "x"})
rig.memory = 1
rig.apply()
"""


def test_a_killed_worker_leaves_whole_transactions_and_their_position(path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], cwd=Path(__file__).parents[2])

    def some() -> bool:
        return path.exists() and query(path, "SELECT count(*) FROM users")[0][0] > 1000

    try:
        wait_until(some, 30, "rows arrive")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    ((count,),) = query(path, "SELECT count(*) FROM users")
    ((offset,),) = query(path, "SELECT next_offset FROM _tailrace_positions WHERE partition = 0")
    assert count == offset
    assert count % 100 == 0
    assert 0 < count < 200_000


def test_workers_that_share_the_sink_own_their_topics(path: Path) -> None:
    workers_own_their_topics(lambda: sink_at(path))
    every_table_that_was_written_must_be_its_worker_s(lambda: sink_at(path))
