"""Events that a target refuses: which are parked, what waits behind them, and what becomes of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailrace.apply.parking import Policy
from tailrace.dead_letters import DeadLetter, Wanted
from tailrace.errors import StuckError, UnreachableError, ValueRefusedError
from tailrace.load_mark import BEGIN, END, LoadMark
from tailrace.testing import MemoryStream
from tests.doubles.mirror import ID, NAME, NOTE, Mirror, WatchedSink, row
from tests.servers import wait_until

GUARDED = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT CHECK (name NOT LIKE 'bad%'))"
USERS = "SELECT id, name FROM users ORDER BY id"
PARK = Policy()


def executed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def unguard(path: Path) -> None:
    """The target's owner alters the table, so that it takes what it refused."""
    executed(
        path,
        "CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT)",
        "INSERT INTO users_new SELECT id, name FROM users",
        "DROP TABLE users",
        "ALTER TABLE users_new RENAME TO users",
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return made(tmp_path, MemoryStream())


def made(folder: Path, stream: MemoryStream, create: str = GUARDED, policy: Policy = PARK) -> Mirror:
    mirror = Mirror(folder, stream)
    mirror.policy = policy
    executed(mirror.path, create)
    return mirror


def letters(mirror: Mirror) -> list[DeadLetter]:
    store = WatchedSink(mirror.path).dead_letters
    return sorted(store.heads(), key=lambda letter: letter.place)


def ask(mirror: Mirror, wanted: Wanted, *ids: str) -> None:
    WatchedSink(mirror.path).dead_letters.ask(ids or [letter.id for letter in letters(mirror)], wanted)


def parked(mirror: Mirror) -> list[tuple[str, str, bool]]:
    """Operation, key, and whether it was refused itself."""
    return [(letter.op, letter.key, bool(letter.reason)) for letter in letters(mirror)]


def test_a_refused_event_is_parked_alone_and_the_others_are_applied(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        for number in range(100):
            users.insert(row(number, "bad" if number in (17, 80) else "good"))
    mirror.catch_up()
    assert [key for key, _ in mirror.query(USERS)] == [n for n in range(100) if n not in (17, 80)]
    assert parked(mirror) == [("c", '{"id":17}', True), ("c", '{"id":80}', True)]
    (first, _) = letters(mirror)
    assert "CHECK constraint failed" in first.reason
    assert (first.table, first.partition, first.offset, first.id) == ("public.users", 0, 17, "17")
    assert mirror.positions() == {("", 0): 100}
    assert mirror.reports.last.tables[0].parked == 2
    assert mirror.reports.last.tables[0].state == "streaming"


def test_later_changes_of_a_parked_row_wait_behind_it_also_after_a_restart(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    users.insert(row(2, "good"))
    mirror.catch_up()
    users.update(row(1, "bad"), row(1, "better"))
    users.update(row(2, "good"), row(2, "best"))
    mirror.catch_up()
    users.delete(row(1, "better"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(2, "best")]
    assert parked(mirror) == [("c", '{"id":1}', True), ("u", '{"id":1}', False), ("d", '{"id":1}', False)]


def test_a_value_that_the_same_batch_replaces_refuses_nothing(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        users.insert(row(1, "bad"))
        users.update(row(1, "bad"), row(1, "good"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "good")]
    assert letters(mirror) == []


def test_what_came_before_the_refused_change_of_a_row_is_applied(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        users.insert(row(1, "one"))
        users.update(row(1, "one"), row(1, "two"))
        users.update(row(1, "two"), row(1, "bad"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "two")]
    assert parked(mirror) == [("u", '{"id":1}', True)]


def test_a_retry_applies_a_rows_events_in_their_order_once_the_target_takes_them(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    mirror.catch_up()
    users.update(row(1, "bad"), row(1, "bad again"))
    users.insert(row(2, "good"))
    mirror.catch_up()
    ask(mirror, "retry")
    mirror.catch_up()  # the target is as it was
    assert parked(mirror) == [("c", '{"id":1}', True), ("u", '{"id":1}', False)]
    assert {letter.wanted for letter in letters(mirror)} == {""}
    unguard(mirror.path)
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "bad again"), (2, "good")]
    assert letters(mirror) == []
    users.update(row(1, "bad again"), row(1, "bad at last"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "bad at last"), (2, "good")]
    assert mirror.reports.last.tables[0].parked == 0


def test_a_retry_succeeds_where_a_later_change_has_mended_the_value(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    mirror.catch_up()
    users.update(row(1, "bad"), row(1, "mended"))
    mirror.catch_up()
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "mended")]
    assert letters(mirror) == []


def test_a_running_worker_acts_on_what_is_asked(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailrace.apply.parking.LOOK_SECONDS", 0.1)
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.running():
        users.insert(row(1, "bad"))
        users.insert(row(2, "bad"))
        users.insert(row(3, "good"))
        wait_until(lambda: mirror.has(USERS, [(3, "good")])() and len(letters(mirror)) == 2, 10, "two parked")
        unguard(mirror.path)
        ask(mirror, "discard", "1")
        ask(mirror, "retry", "0")
        wait_until(lambda: letters(mirror) == [], 10, "nothing parked")
    assert mirror.query(USERS) == [(1, "bad"), (3, "good")]


def test_a_discarded_event_is_never_applied_and_those_behind_it_stay(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    mirror.catch_up()
    users.update(row(1, "bad"), row(1, "good"))
    mirror.catch_up()
    ask(mirror, "discard", "0")
    mirror.catch_up()
    assert parked(mirror) == [("u", '{"id":1}', False)]
    users.insert(row(2, "other"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(2, "other")]
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "good"), (2, "other")]


KEYLESS = "CREATE TABLE log (name TEXT CHECK (name NOT LIKE 'bad%'))"


def test_a_table_without_a_key_is_held_up_whole_and_goes_on_in_order(tmp_path: Path) -> None:
    mirror = made(tmp_path, MemoryStream(), KEYLESS)
    log = mirror.script.table("public.log", [NAME])
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        for name in ("a", "b", "bad", "c"):
            log.insert({"name": name})
        users.insert(row(1))
    mirror.catch_up()
    log.update({"name": "bad"}, {"name": "good"})
    log.insert({"name": "d"})
    users.insert(row(2))
    mirror.catch_up()
    assert mirror.query("SELECT name FROM log") == [("a",), ("b",)]
    assert mirror.query(USERS) == [(1, "n"), (2, "n")]
    assert parked(mirror) == [("c", "", True), ("c", "", False), ("u", "", False), ("c", "", False)]
    table = next(table for table in mirror.reports.last.tables if table.name == "public.log")
    assert (table.state, table.parked) == ("suspended", 4)
    assert "tailrace dead-letters" in table.reason
    executed(mirror.path, "ALTER TABLE log RENAME TO old", KEYLESS.partition(" CHECK")[0] + ")")
    executed(mirror.path, "INSERT INTO log SELECT name FROM old", "DROP TABLE old")
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query("SELECT name FROM log") == [("a",), ("b",), ("good",), ("c",), ("d",)]
    assert letters(mirror) == []
    table = next(table for table in mirror.reports.last.tables if table.name == "public.log")
    assert (table.state, table.parked) == ("streaming", 0)


def test_an_emptied_table_voids_what_was_parked_before(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    mirror.catch_up()
    users.truncate()
    users.insert(row(1, "good"))
    users.insert(row(2, "bad"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "good")]
    assert parked(mirror) == [("c", '{"id":2}', True)]


def test_what_an_emptied_table_voids_outlasts_a_crash_before_it_is_emptied(tmp_path: Path) -> None:
    """In a target whose DDL ends a transaction, positions are stored between; the change behind needs its chain."""
    mirror = made(tmp_path, MemoryStream(), KEYLESS)
    log = mirror.script.table("public.log", [NAME])
    log.insert({"name": "bad"})
    mirror.catch_up()
    with mirror.script.transaction():
        mirror.script.table("public.users", [ID, NAME]).insert(row(1))
        mirror.script.table("public.other", [ID, NAME]).insert(row(1))
        log.update({"name": "bad"}, {"name": "good"})
        mirror.script.table("public.third", [ID, NAME]).insert(row(1))
        log.truncate()
        log.insert({"name": "last"})
    deaths = [UnreachableError("killed")]

    def fails(sink: WatchedSink) -> None:
        sink.transactional_ddl = False
        sink.fail_commit, deaths[:] = list(deaths), []

    mirror.prepare = fails
    mirror.catch_up()
    assert [call for call in mirror.calls if call.startswith("commit")][1] == "commit [2]"
    assert deaths == []
    assert mirror.query("SELECT name FROM log") == [("last",)]
    assert letters(mirror) == []


def test_a_load_that_removes_other_rows_keeps_those_that_wait_and_voids_those_that_are_gone(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    for number in (1, 2, 3):
        users.insert(row(number, "old"))
    mirror.catch_up()
    users.update(row(1, "old"), row(1, "bad"))
    users.update(row(2, "old"), row(2, "bad"))
    mirror.catch_up()
    # Row 2 is deleted where nobody sees it.
    since = mirror.script.emitter.between
    mirror.script.emitter.load_mark(users.event_table, LoadMark(BEGIN, 1, "do-nothing", True, since))
    users.load([row(1, "new"), row(3, "old")])
    mirror.script.emitter.load_mark(users.event_table, LoadMark(END, 1, "do-nothing", True, since, 2))
    mirror.script.publish()
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "old"), (3, "old")]
    assert parked(mirror) == [("u", '{"id":1}', True), ("r", '{"id":1}', False)]
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "new"), (3, "old")]
    assert letters(mirror) == []


def test_skipped_events_are_counted_and_the_row_goes_on(tmp_path: Path) -> None:
    mirror = made(tmp_path, MemoryStream(), policy=Policy("skip"))
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        users.insert(row(1, "good"))
        users.insert(row(2, "bad"))
        users.update(row(1, "good"), row(1, "bad"))
    mirror.catch_up()
    users.update(row(2, "bad"), row(2, "good"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "good"), (2, "good")]
    assert letters(mirror) == []
    assert sum(report.tables[0].skipped == 2 for report in mirror.reports.all if report.tables)


def test_without_a_policy_the_sink_stops_at_the_refused_event(mirror: Mirror) -> None:
    mirror.policy = None
    mirror.script.table("public.users", [ID, NAME]).insert(row(1, "bad"))
    with pytest.raises(ValueRefusedError, match="CHECK constraint failed"):
        mirror.catch_up()
    assert letters(mirror) == []


def test_what_is_parked_holds_up_its_row_though_refusals_now_stop_the_sink(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    mirror.catch_up()
    mirror.policy = Policy("stop")
    users.update(row(1, "bad"), row(1, "good"))
    users.insert(row(2, "good"))
    mirror.catch_up()
    assert mirror.query(USERS) == [(2, "good")]
    assert parked(mirror) == [("c", '{"id":1}', True), ("u", '{"id":1}', False)]
    users.insert(row(3, "bad"))
    with pytest.raises(ValueRefusedError, match="CHECK constraint failed"):
        mirror.catch_up()
    assert len(letters(mirror)) == 2


def test_a_column_of_the_target_alone_that_wants_a_value_is_no_row_s_matter(tmp_path: Path) -> None:
    guarded = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, extra TEXT NOT NULL)"
    mirror = made(tmp_path, MemoryStream(), guarded)
    mirror.script.table("public.users", [ID, NAME]).insert(row(1))
    with pytest.raises(StuckError, match="column extra takes no NULL, and the source has no such column"):
        mirror.catch_up()
    assert letters(mirror) == []


def test_a_target_that_refuses_everything_stops_the_sink_at_the_limit(tmp_path: Path) -> None:
    mirror = made(tmp_path, MemoryStream(), policy=Policy(limit=5))
    users = mirror.script.table("public.users", [ID, NAME])
    for number in range(3):
        users.insert(row(number, "bad"))
    mirror.catch_up()
    with mirror.script.transaction():
        for number in range(3, 100):
            users.insert(row(number, "bad"))
    with pytest.raises(StuckError, match="max_parked = 5"):
        mirror.catch_up()
    assert len(letters(mirror)) == 3
    assert mirror.positions() == {("", 0): 3}
    # What is asked for is done at the next start, before more comes.
    unguard(mirror.path)
    ask(mirror, "retry")
    mirror.catch_up()
    assert len(mirror.query(USERS)) == 100
    assert letters(mirror) == []


def test_a_transaction_larger_than_memory_is_applied_whole_but_for_what_is_parked(mirror: Mirror) -> None:
    mirror.memory = 1
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        for number in range(2000):
            users.insert(row(number, ("bad" if number % 500 == 3 else "good") + "x" * 500))
        users.update(row(3), row(3, "late"))
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users") == [(1996,)]
    assert parked(mirror) == [
        ("c", '{"id":3}', True),
        ("c", '{"id":503}', True),
        ("c", '{"id":1003}', True),
        ("c", '{"id":1503}', True),
        ("u", '{"id":3}', False),
    ]
    commits = [call for call in mirror.calls if call.startswith("commit")]
    assert [call for call in commits if call not in ("commit []", "commit [2001]")] == []


def test_a_row_stays_parked_while_its_key_is_renamed_and_columns_are_added(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    mirror.catch_up()
    number = ID.__class__(1, "number", ID.type, nullable=False, key=1)
    users.alter([number, NAME, NOTE])
    users.insert({"number": 2, "name": "good", "note": "x"})
    users.update({"number": 1, "name": "bad", "note": None}, {"number": 1, "name": "bad2", "note": "y"})
    mirror.catch_up()
    assert parked(mirror) == [("c", '{"id":1}', True), ("u", '{"number":1}', False)]
    executed(
        mirror.path,
        "CREATE TABLE users_new (number INTEGER PRIMARY KEY, name TEXT, note TEXT)",
        "INSERT INTO users_new SELECT number, name, note FROM users",
        "DROP TABLE users",
        "ALTER TABLE users_new RENAME TO users",
    )
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query("SELECT number, name, note FROM users ORDER BY 1") == [(1, "bad2", "y"), (2, "good", "x")]


def test_an_event_of_an_older_version_is_retried_after_a_restart(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "bad"))
    users.alter([ID, NAME, NOTE])
    users.insert({**row(2), "note": "x"})
    mirror.catch_up()
    executed(mirror.path, "ALTER TABLE users RENAME TO old", "CREATE TABLE users (id INTEGER PRIMARY KEY, name, note)")
    executed(mirror.path, "INSERT INTO users SELECT * FROM old", "DROP TABLE old")
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query("SELECT id, name, note FROM users ORDER BY 1") == [(1, "bad", None), (2, "n", "x")]


def test_rows_in_several_partitions_are_parked_with_their_own_order(tmp_path: Path) -> None:
    mirror = made(tmp_path, MemoryStream(partitions=3, markers=True))
    users = mirror.script.table("public.users", [ID, NAME])
    for number in range(30):
        users.insert(row(number, "bad" if number % 10 == 0 else "good"))
    mirror.catch_up()
    for number in range(30):
        users.update(row(number), row(number, "later"))
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users WHERE name = 'later'") == [(27,)]
    assert len(letters(mirror)) == 6
    assert all(letter.id.startswith("shop.public.users/") for letter in letters(mirror))
    users.truncate()
    mirror.catch_up()
    assert letters(mirror) == []
    assert mirror.query(USERS) == []


def test_a_row_whose_renamed_key_is_in_another_partition_keeps_its_order(tmp_path: Path) -> None:
    mirror = made(tmp_path, MemoryStream(partitions=3, markers=True))
    users = mirror.script.table("public.users", [ID, NAME])
    for number in range(12):
        users.insert(row(number, "bad"))
    mirror.catch_up()
    users.alter([ID.__class__(1, "number", ID.type, nullable=False, key=1), NAME])
    for number in range(12):
        users.update({"number": number, "name": "bad"}, {"number": number, "name": "bad too"})
    mirror.catch_up()
    moved = {letter.chain: set[int]() for letter in letters(mirror)}
    for letter in letters(mirror):
        moved[letter.chain].add(letter.partition)
    assert {len(partitions) for partitions in moved.values()} == {1, 2}
    executed(mirror.path, "DROP TABLE users", "CREATE TABLE users (number INTEGER PRIMARY KEY, name TEXT)")
    ask(mirror, "retry")
    mirror.catch_up()
    assert mirror.query("SELECT * FROM users ORDER BY 1") == [(number, "bad too") for number in range(12)]


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_worker_that_dies_while_it_parks_neither_loses_nor_repeats_the_event(
    mirror: Mirror, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks is what a killed process leaves at the target."""
    users = mirror.script.table("public.users", [ID, NAME])
    fails = [True]

    class Dying(WatchedSink):
        def commit(self, positions: Any) -> None:
            due = fails and len(positions) and bool(letters_within(self))
            if due and moment == "before the commit":
                fails.clear()
                raise UnreachableError("killed")
            super().commit(positions)
            if due:
                fails.clear()
                raise UnreachableError("killed")

    def letters_within(sink: WatchedSink) -> list[Any]:
        connection = sink._begin()
        there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_tailrace_dead_letters'").fetchone()
        return connection.execute("SELECT id FROM _tailrace_dead_letters").fetchall() if there else []

    monkeypatch.setattr("tests.doubles.mirror.WatchedSink", Dying)
    users.insert(row(1, "bad"))
    users.insert(row(2, "good"))
    users.update(row(1, "bad"), row(1, "bad too"))
    mirror.script.table("public.other", [ID, NAME]).insert(row(1))
    with mirror.running():
        wait_until(lambda: not fails and mirror.positions() == {("", 0): 4}, 10, "all passed")
    assert mirror.query(USERS) == [(2, "good")]
    assert parked(mirror) == [("c", '{"id":1}', True), ("u", '{"id":1}', False)]
