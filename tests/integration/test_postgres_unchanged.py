"""Values that the log of PostgreSQL leaves out because they did not change (TOAST)."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.config import load
from tailrace.emitter import UNCHANGED_PLACEHOLDER
from tailrace.verify import verify
from tailrace_postgres import relations
from tests.capture.postgres import Capture, suspended
from tests.pipelines import text
from tests.servers import Database, start, wait_until
from tests.statements.running import Runner


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


def big(seed: int) -> str:
    return random.Random(seed).randbytes(6000).hex()


def create(database: Database) -> None:
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY, n int, doc text)", "ALTER TABLE t ALTER doc SET STORAGE EXTERNAL"
    )
    database.execute("INSERT INTO t VALUES (1, 1, %s), (2, 1, %s)", (big(1), big(2)))


@pytest.fixture
def toasted(database: Database) -> Database:
    create(database)
    return database


def test_unchanged_values_are_named(toasted: Database) -> None:
    with Capture(toasted) as capture:
        toasted.script("UPDATE t SET n = 2 WHERE id = 1", "UPDATE t SET doc = 'short' WHERE id = 1")
        first, second = capture.catch_up()
        assert first.after == {"id": 1, "n": 2, "doc": UNCHANGED_PLACEHOLDER}
        assert first.source["unchanged"] == ["doc"]
        assert second.after == {"id": 1, "n": 2, "doc": "short"}
        assert second.source["unchanged"] == []


def test_unchanged_values_come_from_the_old_row_where_the_log_has_it(toasted: Database) -> None:
    toasted.execute("ALTER TABLE t REPLICA IDENTITY FULL")
    with Capture(toasted) as capture:
        toasted.script("UPDATE t SET n = 2 WHERE id = 1", "UPDATE t SET id = 10 WHERE id = 1")
        events = [event for event in capture.catch_up() if event.op != "tombstone"]
        assert [event.op for event in events] == ["u", "d", "c"]
        assert events[0].before == {"id": 1, "n": 1, "doc": big(1)}
        assert events[0].after == {"id": 1, "n": 2, "doc": big(1)}
        assert events[1].before == {"id": 1, "n": 2, "doc": big(1)}
        assert events[2].after == {"id": 10, "n": 2, "doc": big(1)}
        assert all(event.source["unchanged"] == [] for event in events)


def test_a_changed_key_reads_unchanged_values_from_the_source(toasted: Database) -> None:
    with Capture(toasted) as capture:
        toasted.execute("UPDATE t SET id = 10 WHERE id = 1")
        assert capture.changes() == [
            ("d", {"id": 1}, {"id": 1}, None),
            ("c", {"id": 10}, None, {"id": 10, "n": 1, "doc": big(1)}),
        ]


def test_a_row_that_is_made_and_changed_in_one_transaction(toasted: Database) -> None:
    """Its first event has all values, which later ones leave out; under a new key they are there again."""
    with Capture(toasted) as capture:
        with toasted.transaction() as cursor:
            cursor.execute("INSERT INTO t VALUES (3, 1, %s)", (big(3),))
            cursor.execute("UPDATE t SET n = 2 WHERE id = 3")
            cursor.execute("UPDATE t SET id = 30 WHERE id = 3")
            cursor.execute("UPDATE t SET n = 3 WHERE id = 30")
        events = [event for event in capture.catch_up() if event.op != "tombstone"]
        assert [event.short for event in events] == [
            ("c", {"id": 3}, None, {"id": 3, "n": 1, "doc": big(3)}),
            ("u", {"id": 3}, None, {"id": 3, "n": 2, "doc": UNCHANGED_PLACEHOLDER}),
            ("d", {"id": 3}, {"id": 3}, None),
            ("c", {"id": 30}, None, {"id": 30, "n": 2, "doc": big(3)}),
            ("u", {"id": 30}, None, {"id": 30, "n": 3, "doc": UNCHANGED_PLACEHOLDER}),
        ]
        assert [event.source["unchanged"] for event in events] == [[], ["doc"], [], [], ["doc"]]


def test_a_changed_key_whose_row_is_gone_names_what_it_lacks(toasted: Database) -> None:
    """Never NULL: the row leaves as an update of a row that is not there, and the event that removed it follows."""
    with Capture(toasted) as capture:
        toasted.script(
            "UPDATE t SET id = 10 WHERE id = 1",
            "DELETE FROM t WHERE id = 10",
            "UPDATE t SET id = 20 WHERE id = 2",
            "UPDATE t SET id = 30 WHERE id = 20",
        )
        events = [event for event in capture.catch_up() if event.op != "tombstone"]
        assert [(event.op, event.key["id"]) for event in events] == [
            ("d", 1),
            ("u", 10),
            ("d", 10),
            ("d", 2),
            ("u", 20),
            ("d", 20),
            ("c", 30),
        ]
        assert events[1].source["unchanged"] == ["doc"]
        assert events[1].after["doc"] == UNCHANGED_PLACEHOLDER
        assert events[6].after == {"id": 30, "n": 1, "doc": big(2)}
        sequences = [event.source["tailrace_seq"] for event in events]
        assert sequences == sorted(set(sequences))


def test_a_changed_key_waits_until_its_transaction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commit is in the log and waits for a synchronous standby: queries see the row under its old key till then."""
    entered = threading.Event()
    wait = relations.CapturedRelations._await_visible

    def waits(self: relations.CapturedRelations, xid: int) -> None:
        entered.set()
        wait(self, xid)

    monkeypatch.setattr(relations.CapturedRelations, "_await_visible", waits)
    with start("postgres18", {"max_wal_senders": 5}) as server, server.database("pg") as database:
        create(database)

        def synchronous(standby: str) -> None:
            server.query(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
            server.query("SELECT pg_reload_conf()")
            wait_until(lambda: server.query("SHOW synchronous_standby_names") == [(standby,)], 10, "it is set")

        with Capture(database) as capture:
            capture.catch_up()
            synchronous("nobody")
            cursor = database.connect().cursor()
            writing = threading.Thread(target=cursor.execute, args=["UPDATE t SET id = 10 WHERE id = 1"])
            reading = threading.Thread(target=capture.until, args=[lambda: len(capture.events) == 3])
            writing.start()
            reading.start()
            assert entered.wait(20)
            assert database.query("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
            assert writing.is_alive()
            synchronous("")
            reading.join(20)
            writing.join(20)
            assert [event.short for event in capture.events] == [
                ("d", {"id": 1}, {"id": 1}, None),
                ("tombstone", {"id": 1}),
                ("c", {"id": 10}, None, {"id": 10, "n": 1, "doc": big(1)}),
            ]


def test_targets_keep_what_the_log_left_out(toasted: Database, postgres18: Any, tmp_path: Path) -> None:
    """Of rows that one batch makes and changes, changes alone, and gives other keys."""
    with postgres18.database("dst") as target:
        file = tmp_path / "pipeline.toml"
        sinks = [text.sink("lite", f"sqlite:///{tmp_path}/target.db"), text.sink("pg", target.url)]
        file.write_text(text.pipeline(tmp_path, text.source(toasted.url), *sinks))
        (tmp_path / "state").mkdir()
        runner = Runner(load(file))
        try:
            runner.catch_up()
            for name in ("lite", "pg"):
                runner.apply(name)
            toasted.execute("INSERT INTO t VALUES (3, 1, %s), (4, 1, %s)", (big(3), big(4)))
            toasted.script(
                "UPDATE t SET n = n + 1",
                "UPDATE t SET id = id * 10 WHERE id IN (2, 3)",
                "UPDATE t SET n = n + 1 WHERE id <> 4",
                "UPDATE t SET doc = NULL, n = 7 WHERE id = 30",
                "DELETE FROM t WHERE id = 4",
            )
            runner.catch_up()
            for name in ("lite", "pg"):
                runner.apply(name)
            found = verify(runner.pipeline, attempts=1)
            assert found.equal, found.to_dict()
            assert {(compared.sink, compared.source_rows) for compared in found.tables} == {("lite", 3), ("pg", 3)}
            kept = dict(target.query("SELECT id, doc FROM t"))
            assert kept == {1: big(1), 20: big(2), 30: None}
        finally:
            runner.teardown()


def test_reading_unchanged_values_follows_renamed_columns(toasted: Database) -> None:
    capture = Capture(toasted)
    capture.open()
    capture.close()
    toasted.script(
        "UPDATE t SET id = 10 WHERE id = 1", "ALTER TABLE t RENAME doc TO body", "ALTER TABLE t RENAME id TO key"
    )
    capture.open()
    assert capture.changes()[-1] == ("c", {"id": 10}, None, {"id": 10, "n": 1, "doc": big(1)})
    capture.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("ALTER TABLE t DROP COLUMN doc", "column doc was dropped"),
        ("ALTER TABLE t ALTER doc TYPE bytea USING doc::bytea", "column doc was text and is bytea now"),
        ("ALTER TABLE t ALTER id TYPE bigint", "column id was integer and is bigint now"),
    ],
)
def test_unchanged_values_that_the_source_has_no_more_suspend_the_table(
    toasted: Database, change: str, reason: str
) -> None:
    """The row is there: it must not be left out as if it were gone."""
    toasted.execute("CREATE TABLE u (id int PRIMARY KEY)")
    capture = Capture(toasted)
    capture.open()
    capture.close()
    toasted.script("UPDATE t SET id = 10 WHERE id = 1", change, "INSERT INTO u VALUES (1)")
    with capture:
        assert [event.short for event in capture.catch_up()] == [("c", {"id": 1}, None, {"id": 1})]
        assert f"doc, which the log leaves out and the source has no more: {reason}" in suspended(capture)["t"]
        assert "`tailrace reload`" in suspended(capture)["t"]


def test_reading_unchanged_values_takes_new_labels_of_the_key(database: Database) -> None:
    database.script(
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE TABLE t (id int, m mood, doc text, PRIMARY KEY (id, m))",
        "ALTER TABLE t ALTER doc SET STORAGE EXTERNAL",
    )
    database.execute("INSERT INTO t VALUES (1, 'sad', %s), (2, 'sad', %s)", (big(1), big(2)))
    capture = Capture(database)
    capture.open()
    capture.close()
    # Read when the enum has one more label than its table's version.
    database.script("UPDATE t SET m = 'glad' WHERE id = 1", "ALTER TYPE mood ADD VALUE 'calm'")
    with capture:
        assert capture.changes()[-1] == ("c", {"id": 1, "m": "glad"}, None, {"id": 1, "m": "glad", "doc": big(1)})
        database.script("UPDATE t SET m = 'glad' WHERE id = 2", "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'")
        capture.catch_up()
        assert "a label of public.mood was renamed" in suspended(capture)["t"]


def test_reading_unchanged_values_by_a_key_of_an_extensions_type(postgres15: Any) -> None:
    with postgres15.database("pg") as database:
        database.script(
            "CREATE EXTENSION ltree",
            "CREATE EXTENSION citext",
            "CREATE TABLE t (path ltree, word citext, doc text, PRIMARY KEY (path, word))",
            "ALTER TABLE t ALTER doc SET STORAGE EXTERNAL",
        )
        database.execute("INSERT INTO t VALUES ('a.b', 'Word', %s)", (big(1),))
        with Capture(database) as capture:
            database.execute("UPDATE t SET path = 'a.c'")
            assert capture.changes()[-1][3] == {"path": "a.c", "word": "Word", "doc": big(1)}


@pytest.mark.parametrize("identity", ["DEFAULT", "USING INDEX t_key"])
def test_a_key_stored_out_of_line_stays_the_rows_key(database: Database, identity: str) -> None:
    """The log leaves it out of the new row and has it in the old key."""
    key = big(1)[:2400]
    database.script(
        "CREATE TABLE t (k text PRIMARY KEY, n int)",
        "CREATE UNIQUE INDEX t_key ON t (k)",
        "ALTER TABLE t ALTER k SET STORAGE EXTERNAL",
        f"ALTER TABLE t REPLICA IDENTITY {identity}",
    )
    database.execute("INSERT INTO t VALUES (%s, 1)", (key,))
    with Capture(database) as capture:
        database.execute("UPDATE t SET n = 2")
        (event,) = capture.catch_up()
        assert event.short == ("u", {"k": key}, None, {"k": key, "n": 2})
        assert event.source["unchanged"] == []


def test_a_part_of_a_key_stored_out_of_line_stays_when_another_changes(database: Database) -> None:
    key, doc = big(1)[:2400], big(2)
    database.script(
        "CREATE TABLE t (a int, k text, doc text, PRIMARY KEY (k, a))",
        "ALTER TABLE t ALTER k SET STORAGE EXTERNAL, ALTER doc SET STORAGE EXTERNAL",
    )
    database.execute("INSERT INTO t VALUES (1, %s, %s)", (key, doc))
    with Capture(database) as capture:
        database.execute("UPDATE t SET a = 2")
        assert capture.changes() == [
            ("d", {"k": key, "a": 1}, {"k": key, "a": 1}, None),
            ("c", {"k": key, "a": 2}, None, {"a": 2, "k": key, "doc": doc}),
        ]
