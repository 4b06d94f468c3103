"""Where a load begins and ends in a target: emptied, made anew, and freed of rows that the load did not bring."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tailrace.errors import StuckError, UnreachableError
from tailrace.load_mark import BEGIN, END, LoadMark, Prepare
from tailrace.schema import Column, Kind, Type
from tailrace.stream import Partition
from tailrace.testing import MemoryStream
from tailrace.testing.script import ScriptTable
from tests.doubles.mirror import ID, NAME, NOTE, Mirror, WatchedSink, row
from tests.servers import wait_until

USERS = "SELECT id, name FROM users ORDER BY id"
SEEN = "SELECT count(*) FROM sqlite_master WHERE name LIKE '_tailrace_seen_%'"


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path, MemoryStream())


@pytest.fixture
def parted(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path, MemoryStream(partitions=3, markers=True))


def begin(
    mirror: Mirror, table: ScriptTable, load: int = 0, prepare: Prepare = "do-nothing", resync: bool = False
) -> str:
    since = mirror.script.emitter.between
    mirror.script.emitter.load_mark(table.event_table, LoadMark(BEGIN, load, prepare, resync, since))
    mirror.script.publish()
    return since


def end(mirror: Mirror, table: ScriptTable, since: str, load: int = 0, resync: bool = False, rows: int = 1) -> None:
    mark = LoadMark(END, load, "do-nothing", resync, since, rows)
    mirror.script.emitter.load_mark(table.event_table, mark)
    mirror.script.publish()


def change(mirror: Mirror, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(mirror.path)) as connection, connection:
        connection.execute(sql)


def test_a_target_that_is_to_be_emptied_keeps_nothing_from_before_the_load(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(7))  # as if from an earlier pipeline
    mirror.catch_up()
    begin(mirror, users, prepare="truncate-before-load")
    users.load([row(1), row(2)])
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "n"), (2, "n")]


def test_a_target_that_is_to_be_made_anew_has_the_sources_columns(mirror: Mirror) -> None:
    change(mirror, "CREATE TABLE users (id PRIMARY KEY, other NOT NULL)")
    change(mirror, "INSERT INTO users VALUES (7, 'x')")
    users = mirror.script.table("public.users", [ID, NAME])
    begin(mirror, users, prepare="drop-and-create")
    users.load([row(1)])
    mirror.catch_up()
    assert mirror.query("SELECT * FROM users") == [(1, "n")]


def test_the_beginning_is_acted_on_once(mirror: Mirror) -> None:
    """Also where the worker dies before its positions are durable: rows from behind it must not be lost."""
    users = mirror.script.table("public.users", [ID, NAME])
    begin(mirror, users, prepare="drop-and-create")
    users.load([row(1)])

    def fails(sink: WatchedSink) -> None:
        if len(mirror.sinks) == 0:
            sink.failures.append(UnreachableError("gone"))

    mirror.prepare = fails
    mirror.catch_up()
    assert len(mirror.sinks) == 2, "the first was lost before its commit"
    users.insert(row(2))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "n"), (2, "n")]


def test_rows_that_a_load_did_not_bring_are_removed_at_its_end(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME, NOTE])
    whole = [{**row(key), "note": "m"} for key in (1, 2, 3, 4, 5)]
    users.load(whole)
    mirror.catch_up()
    change(mirror, "INSERT INTO users VALUES (100, 'stranger', 'm')")

    since = begin(mirror, users, 1, resync=True)
    users.load(whole[:1])
    users.insert({**row(6), "note": "m"})  # streamed meanwhile
    users.update(whole[1], {**row(2, "x")}, unchanged=("note",))  # in part
    users.delete(whole[2])
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users") == [(6,)], "nothing is removed before its end"
    users.load(whole[4:])
    end(mirror, users, since, 1, resync=True)
    users.insert({**row(7), "note": "m"})
    mirror.catch_up()
    assert mirror.query("SELECT id FROM users ORDER BY id") == [(1,), (2,), (5,), (6,), (7,)]
    assert mirror.query(SEEN) == [(0,)]


def test_a_load_of_nothing_leaves_nothing(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1)])
    since = begin(mirror, users, 1, resync=True)
    end(mirror, users, since, 1, resync=True, rows=0)
    mirror.catch_up()
    assert mirror.query(USERS) == []


def test_rows_are_not_removed_where_the_keys_that_were_kept_are_gone(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1), row(2)])
    since = begin(mirror, users, 1, resync=True)
    users.load([row(1)])
    mirror.catch_up()
    [(name,)] = mirror.query("SELECT name FROM sqlite_master WHERE name LIKE '_tailrace_seen_%' AND type = 'table'")
    change(mirror, f"DROP TABLE {name}")
    end(mirror, users, since, 1, resync=True)
    with pytest.raises(StuckError, match="keys of the rows that were loaded are gone"):
        mirror.catch_up()
    assert mirror.query(USERS) == [(1, "n"), (2, "n")]


def test_a_load_that_begins_again_forgets_what_the_one_before_brought(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1), row(2)])
    begin(mirror, users, 1, resync=True)
    users.load([row(1), row(2)])
    mirror.catch_up()
    since = begin(mirror, users, 2, resync=True)
    users.load([row(2)])
    end(mirror, users, since, 2, resync=True)
    mirror.catch_up()
    assert mirror.query(USERS) == [(2, "n")]
    assert mirror.query(SEEN) == [(0,)]


def test_an_ordinary_load_ends_one_that_was_to_remove_rows(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1), row(2)])
    begin(mirror, users, 1, resync=True)
    mirror.catch_up()
    since = begin(mirror, users, 2)
    users.load([row(1)])
    end(mirror, users, since, 2)
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "n"), (2, "n")]
    assert mirror.query(SEEN) == [(0,)]


def test_nothing_is_removed_where_the_key_changes_during_the_load(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1), row(2)])
    since = begin(mirror, users, 1, resync=True)
    users.load([row(1)])
    mirror.catch_up()
    users.alter([Column(1, "number", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1), NAME])
    users.insert({"number": 3, "name": "n"})
    end(mirror, users, since, 1, resync=True)
    mirror.catch_up()
    assert mirror.query("SELECT number FROM users ORDER BY number") == [(1,), (2,), (3,)]
    assert mirror.query(SEEN) == [(0,)]


def test_the_source_s_truncate_during_the_load_counts(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1), row(2)])
    since = begin(mirror, users, 1, resync=True)
    users.load([row(1)])
    users.truncate()
    users.insert(row(2))
    end(mirror, users, since, 1, resync=True)
    mirror.catch_up()
    assert mirror.query(USERS) == [(2, "n")]


# ---- several partitions


def test_every_partition_waits_where_a_load_begins_and_ends(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    for key in range(30):
        users.insert(row(key))
    since = begin(parted, users, 1, resync=True)
    users.load([row(key, "again") for key in range(20, 50)])
    end(parted, users, since, 1, resync=True, rows=30)
    slow = Partition(users.schema.topic, 1)
    late = parted.stream.reader("mirror")
    late.hold.add(slow)
    parted._reader = lambda: late  # type: ignore[method-assign]
    with parted.running():
        wait_until(lambda: len(late._paused) == 2, 5, "two partitions wait")
        assert parted.query("SELECT count(*) FROM users WHERE name = 'again'") == [(0,)]
        late.hold.clear()
        wait_until(parted.has("SELECT min(id), count(*) FROM users", [(20, 30)]), 5, "only what the load brought")


def test_a_mark_that_a_crash_has_repeated_in_one_partition_holds_nothing(parted: Mirror) -> None:
    """Without transactions a beginning may stand in one partition only, and, at a later place, in all once more."""
    users = parted.script.table("public.users", [ID, NAME])
    begin(parted, users)
    for number in (1, 2):
        parted.stream._log[Partition(users.schema.topic, number)].clear()
    users.insert(row(40))  # the log goes on: the second attempt has another sequence
    since = begin(parted, users)
    users.load([row(key) for key in range(30)])
    end(parted, users, since, rows=30)
    parted.catch_up()
    assert parted.query("SELECT count(*) FROM users") == [(31,)]
    ends = parted.stream.reader("").ends()
    assert parted.positions() == {(p.topic, p.number): offset for p, offset in ends.items()}
