"""Schema versions, replica identities, unchanged values and publications of the PostgreSQL source."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tailrace.emitter import UNCHANGED_PLACEHOLDER
from tailrace.errors import DataLossError, RefusedError
from tailrace.position import TABLE_PREFIX
from tailrace.schema import TableSchema
from tests.capture.postgres import Capture, Table
from tests.servers import Database, wait_until


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


def versions(capture: Capture, table: str) -> list[TableSchema]:
    prefix = f"schema:{capture.topic(table)}:"
    found = [TableSchema.from_json(value) for key, value in capture.state.items() if key.startswith(prefix)]
    return sorted(found, key=lambda schema: schema.id)


def ids(schema: TableSchema) -> dict[str, int]:
    return {column.name: column.id for column in schema.columns}


def suspended(capture: Capture) -> dict[str, str]:
    """Reasons by table, of those suspended in the state."""
    return {
        key.rpartition(".")[2]: orjson.loads(value)["reason"]
        for key, value in capture.state.items()
        if key.startswith(TABLE_PREFIX)
    }


# ---- columns that come, go and change their names

DDL = (
    "INSERT INTO t (id, name) VALUES (1, 'a')",
    "ALTER TABLE t ADD COLUMN n int DEFAULT 7",
    "INSERT INTO t (id, name, n) VALUES (2, 'b', 8)",
    "ALTER TABLE t RENAME COLUMN name TO title",
    "INSERT INTO t (id, title) VALUES (3, 'c')",
    "ALTER TABLE t DROP COLUMN n",
    "INSERT INTO t (id, title) VALUES (4, 'd')",
    "ALTER TABLE t ADD COLUMN n text NOT NULL DEFAULT 'x,\"y'",
    "UPDATE t SET n = 'changed' WHERE id = 4",
)
DDL_EVENTS = [
    ("c", {"id": 1}, None, {"id": 1, "name": "a"}),
    ("s", None, None, None),
    ("c", {"id": 2}, None, {"id": 2, "name": "b", "n": 8}),
    ("s", None, None, None),
    ("c", {"id": 3}, None, {"id": 3, "title": "c", "n": 7}),
    ("s", None, None, None),
    ("c", {"id": 4}, None, {"id": 4, "title": "d"}),
    ("s", None, None, None),
    ("u", {"id": 4}, None, {"id": 4, "title": "d", "n": "changed"}),
]


def test_ddl_as_it_happens(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    with Capture(database) as capture:
        changes = []
        for statement in DDL:
            database.execute(statement)
            changes += capture.changes()
        assert changes == DDL_EVENTS
        known = versions(capture, "t")
        assert [ids(schema) for schema in known] == [
            {"id": 1, "name": 2},
            {"id": 1, "name": 2, "n": 3},
            {"id": 1, "title": 2, "n": 3},
            {"id": 1, "title": 2},
            {"id": 1, "title": 2, "n": 4},
        ]
        assert known[1].by_name["n"].initial == 7
        assert known[4].by_name["n"].initial == 'x,"y'
        assert not known[4].by_name["n"].nullable
        numbers = [event.source["schema_id"] for event in capture.events]
        assert numbers == [1, 2, 2, 3, 3, 4, 4, 5, 5]
        sequences = [event.source["tailrace_seq"] for event in capture.events]
        assert sequences == sorted(set(sequences))


def test_ddl_as_a_backlog_read_later(database: Database) -> None:
    """The catalog is at the end of all changes when the first of them is read."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    capture = Capture(database)
    capture.open()
    capture.close()
    database.script(*DDL)
    capture.open()
    assert capture.changes() == DDL_EVENTS
    known = versions(capture, "t")
    first, added, renamed, dropped, last = known
    assert ids(first) == {"id": 1, "name": 2}
    assert ids(renamed)["title"] == 2, "a renamed column keeps its id"
    assert ids(added)["n"] == ids(renamed)["n"] != ids(last)["n"] == 4, "a column added again is another one"
    assert ids(dropped) == {"id": 1, "title": 2}
    capture.close()


def test_a_resume_between_schema_changes_repeats_none(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    capture = Capture(database)
    capture.open()
    for statement in DDL:
        database.execute(statement)
        capture.catch_up()
        capture.reopen()
    changes = [event.short for event in capture.events if event.op != "tombstone"]
    assert changes == DDL_EVENTS
    assert len(versions(capture, "t")) == 5
    capture.close()


def test_a_column_dropped_and_added_again_alike_is_another_column(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Capture(database) as capture:
        database.script("INSERT INTO t VALUES (1, 'old')")
        capture.catch_up()
        database.script(
            "INSERT INTO t VALUES (2, 'old')",
            "ALTER TABLE t DROP COLUMN v, ADD COLUMN v text",
            "INSERT INTO t VALUES (3, 'new')",
        )
        capture.catch_up()
        numbers = {event.key["id"]: event.source["schema_id"] for event in capture.events if event.op == "c"}
        assert numbers[1] == numbers[2] != numbers[3]
        assert [ids(schema)["v"] for schema in versions(capture, "t")] == [2, 3]


def test_values_that_no_log_has_suspend_the_table_alone(database: Database) -> None:
    """ADD COLUMN with a volatile default writes the table anew; what each row got is in no log."""
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"
    )
    with Capture(database) as capture:
        database.script(
            "ALTER TABLE t ADD COLUMN r float8 DEFAULT random()",
            "INSERT INTO t (id) VALUES (2)",
            "INSERT INTO u VALUES (3)",
        )
        assert capture.changes() == [("c", {"id": 3}, None, {"id": 3})]
        assert "column r was added with values" in suspended(capture)["t"]
        capture.reopen()
        tables = {table.name.table: table.state for table in capture.opened.tables}
        assert tables == {"t": "suspended", "u": "streaming"}
        database.script("INSERT INTO t (id) VALUES (4)", "INSERT INTO u VALUES (5)")
        assert capture.changes() == [("c", {"id": 5}, None, {"id": 5})]


def test_a_default_set_later_changes_no_row(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Capture(database) as capture:
        database.script(
            "ALTER TABLE t ADD COLUMN r float8",
            "ALTER TABLE t ALTER COLUMN r SET DEFAULT random()",
            "INSERT INTO t VALUES (1, 0.5)",
        )
        assert capture.changes()[-1] == ("c", {"id": 1}, None, {"id": 1, "r": 0.5})
        assert versions(capture, "t")[-1].by_name["r"].initial is None
        assert suspended(capture) == {}


def test_a_label_added_to_an_enum_is_a_new_version(database: Database) -> None:
    """Nothing in the log tells of it but the value."""
    database.script("CREATE TYPE mood AS ENUM ('sad')", "CREATE TABLE t (id int PRIMARY KEY, m mood)")
    with Capture(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'sad')")
        capture.catch_up()
        database.script(
            "ALTER TYPE mood ADD VALUE 'glad'",
            "INSERT INTO t VALUES (2, 'sad'), (3, 'glad')",
            "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'",
            "INSERT INTO t VALUES (4, 'happy')",
        )
        found = capture.changes()
        assert [change for change in found if change[0] == "c"] == [
            ("c", {"id": 2}, None, {"id": 2, "m": "sad"}),
            ("c", {"id": 3}, None, {"id": 3, "m": "glad"}),
            ("c", {"id": 4}, None, {"id": 4, "m": "happy"}),
        ]
        assert versions(capture, "t")[-1].by_name["m"].type.labels == ("sad", "happy")
        ordinals = [event.source["tailrace_seq"] for event in capture.events]
        assert ordinals == sorted(set(ordinals))


def test_a_table_that_loses_its_key_keeps_working_at_the_source(database: Database) -> None:
    """PostgreSQL would refuse the application's updates as long as the table is published."""
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    with Capture(database) as capture:
        database.execute("ALTER TABLE t DROP CONSTRAINT t_pkey")
        capture.until(lambda: "t" in suspended(capture))
        database.execute("UPDATE t SET id = 2")
        assert "REPLICA IDENTITY FULL" in suspended(capture)["t"]


def test_a_renamed_table_is_suspended_not_lost(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Capture(database) as capture:
        database.script("ALTER TABLE t RENAME TO u", "INSERT INTO u VALUES (1)")
        assert capture.changes() == []
        assert "renamed to public.u" in suspended(capture)["t"]


def test_a_replaced_table_is_suspended_not_lost(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    capture.close()
    database.script("DROP TABLE t", "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    capture.open()
    (table,) = capture.opened.tables
    assert table.state == "suspended"
    assert "replaced" in table.reason
    capture.close()


# ---- unchanged values (TOAST)


def big(seed: int) -> str:
    return random.Random(seed).randbytes(6000).hex()


@pytest.fixture
def toasted(database: Database) -> Database:
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY, n int, doc text)", "ALTER TABLE t ALTER doc SET STORAGE EXTERNAL"
    )
    database.execute("INSERT INTO t VALUES (1, 1, %s), (2, 1, %s)", (big(1), big(2)))
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


# ---- replica identities and publications


def published(database: Database, publication: str) -> set[str]:
    rows = database.query("SELECT tablename FROM pg_publication_tables WHERE pubname = %s", (publication,))
    return {row[0] for row in rows}


def test_replica_identities(database: Database) -> None:
    database.script(
        "CREATE TABLE by_index (id int PRIMARY KEY, a int NOT NULL, b text NOT NULL, c int)",
        "CREATE UNIQUE INDEX by_index_key ON by_index (b, a)",
        "ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_key",
        "CREATE TABLE reordered (c int, b int, a int, PRIMARY KEY (a, b))",
        "CREATE TABLE full_key (id int PRIMARY KEY, v int)",
        "ALTER TABLE full_key REPLICA IDENTITY FULL",
        "CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v int)",
        "ALTER TABLE deferred REPLICA IDENTITY FULL",
    )
    with Capture(database) as capture:
        database.script(
            "INSERT INTO by_index VALUES (1, 2, 'x', 3)",
            "UPDATE by_index SET b = 'y'",
            "DELETE FROM by_index",
            "INSERT INTO reordered VALUES (3, 2, 1)",
            "UPDATE reordered SET c = 4",
            "DELETE FROM reordered",
            "INSERT INTO full_key VALUES (1, 1)",
            "UPDATE full_key SET v = 2",
            "UPDATE full_key SET id = 2",
            "INSERT INTO deferred VALUES (1, 1), (2, 2)",
            "UPDATE deferred SET id = id + 1",
        )
        assert capture.changes() == [
            ("c", {"b": "x", "a": 2}, None, {"id": 1, "a": 2, "b": "x", "c": 3}),
            ("d", {"b": "x", "a": 2}, {"b": "x", "a": 2}, None),
            ("c", {"b": "y", "a": 2}, None, {"id": 1, "a": 2, "b": "y", "c": 3}),
            ("d", {"b": "y", "a": 2}, {"b": "y", "a": 2}, None),
            ("c", {"a": 1, "b": 2}, None, {"c": 3, "b": 2, "a": 1}),
            ("u", {"a": 1, "b": 2}, None, {"c": 4, "b": 2, "a": 1}),
            ("d", {"a": 1, "b": 2}, {"a": 1, "b": 2}, None),
            ("c", {"id": 1}, None, {"id": 1, "v": 1}),
            ("u", {"id": 1}, {"id": 1, "v": 1}, {"id": 1, "v": 2}),
            ("d", {"id": 1}, {"id": 1, "v": 2}, None),
            ("c", {"id": 2}, None, {"id": 2, "v": 2}),
            # A deferrable key does not tell rows apart inside a transaction.
            ("c", None, None, {"id": 1, "v": 1}),
            ("c", None, None, {"id": 2, "v": 2}),
            ("u", None, {"id": 1, "v": 1}, {"id": 2, "v": 1}),
            ("u", None, {"id": 2, "v": 2}, {"id": 3, "v": 2}),
        ]


def test_tables_without_identity_keep_working_and_are_suspended(database: Database) -> None:
    database.script(
        "CREATE TABLE keyed (id int PRIMARY KEY)",
        "CREATE TABLE bare (a int)",
        "CREATE TABLE nothing (id int PRIMARY KEY)",
        "ALTER TABLE nothing REPLICA IDENTITY NOTHING",
        "CREATE TABLE log (a int)",
        "CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY)",
    )
    with Capture(database, entries=(Table("public.log"),)) as capture:
        tables = {table.name.table: table for table in capture.opened.tables}
        assert {name: table.state for name, table in tables.items()} == {
            "keyed": "streaming",
            "bare": "suspended",
            "nothing": "suspended",
            "log": "streaming",
            "fleeting": "suspended",
        }
        assert 'ALTER TABLE "public"."bare" REPLICA IDENTITY FULL' in tables["bare"].reason
        assert "SET LOGGED" in tables["fleeting"].reason
        assert published(database, capture.publication) == {"keyed"}
        assert published(database, capture.publication + "_inserts") == {"log"}
        database.script(
            "INSERT INTO bare VALUES (1)",
            "UPDATE bare SET a = 2",
            "INSERT INTO nothing VALUES (1)",
            "DELETE FROM nothing",
            "INSERT INTO log VALUES (1)",
            "UPDATE log SET a = 2",
            "TRUNCATE log",
            "INSERT INTO keyed VALUES (1)",
        )
        assert capture.changes() == [
            ("c", None, None, {"a": 1}),
            ("t", None, None, None),
            ("c", {"id": 1}, None, {"id": 1}),
        ]


def test_the_publication_is_exactly_the_captured_tables(database: Database) -> None:
    database.script(
        "CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE TABLE b (id int PRIMARY KEY)",
        "CREATE SCHEMA s",
        "CREATE TABLE s.a (id int PRIMARY KEY)",
    )
    capture = Capture(database, tables=("public.*",))
    capture.open()
    assert published(database, capture.publication) == {"a", "b"}
    assert not database.value("SELECT bool_or(puballtables) FROM pg_publication")
    capture.catch_up()
    capture.close()
    database.execute("CREATE TABLE c (id int PRIMARY KEY)")
    capture.exclude = ("public.b",)
    capture.open()
    assert published(database, capture.publication) == {"a", "c"}
    assert any("public.c is new" in warning for warning in capture.opened.warnings)
    database.script("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (2)", "INSERT INTO c VALUES (3)")
    assert [event.key["id"] for event in capture.catch_up()] == [1, 3]
    # What came back has a gap, which nobody may overlook.
    capture.exclude = ()
    capture.reopen()
    states = {table.name.table: (table.state, table.reason) for table in capture.opened.tables}
    assert states["b"][0] == "suspended"
    assert "not captured for a while" in states["b"][1]
    assert published(database, capture.publication) == {"a", "c"}
    capture.close()


def test_a_dropped_publication_is_data_loss(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    database.execute(f'DROP PUBLICATION "{capture.publication}"')
    with pytest.raises(DataLossError, match="dropped publication"):
        capture.until(lambda: False)
    capture.close()
    with pytest.raises(DataLossError, match="is gone"):
        capture.open()


def test_a_table_taken_out_of_the_publication_is_suspended(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    database.execute(f'ALTER PUBLICATION "{capture.publication}" DROP TABLE t')
    capture.until(lambda: "t" in suspended(capture))
    database.execute("INSERT INTO u VALUES (1)")
    assert capture.changes() == [("c", {"id": 1}, None, {"id": 1})]
    database.execute(f'ALTER PUBLICATION "{capture.publication}" DROP TABLE u')
    capture.reopen()
    assert {table.name.table: table.state for table in capture.opened.tables} == {"t": "suspended", "u": "suspended"}
    capture.close()


def test_a_publication_for_all_tables_is_refused(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    capture = Capture(database)
    database.execute(f'CREATE PUBLICATION "{capture.create()._publication}" FOR ALL TABLES')
    with pytest.raises(RefusedError, match="all tables"):
        capture.open()


def test_a_role_that_owns_nothing_uses_a_publication_made_for_it(database: Database) -> None:
    role = f"r_{database.name}"
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'p'",
        f"GRANT SELECT ON t TO {role}",
        "INSERT INTO t VALUES (1, 'a')",
    )
    capture = Capture(database, url=database.url_as(role, "p"))
    try:
        with pytest.raises(RefusedError, match=r"permission denied.*CREATE PUBLICATION.*FOR TABLE ONLY") as caught:
            capture.open()
        statement = str(caught.value).partition("run: ")[2]
        database.execute(statement)
        with capture:
            assert capture.load("t") == [({"id": 1}, {"id": 1, "v": "a"})]
            database.execute("INSERT INTO t VALUES (2, 'b')")
            assert capture.changes() == [("c", {"id": 2}, None, {"id": 2, "v": "b"})]
    finally:
        wait_until(
            lambda: not database.query("SELECT 1 FROM pg_stat_activity WHERE usename = %s", (role,)), 10, "it is gone"
        )
        database.execute(f"DROP OWNED BY {role}")
        database.execute(f"DROP ROLE {role}")


def test_partitions_leave_as_the_table_above_them(database: Database) -> None:
    database.script(
        "CREATE TABLE m (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
        "CREATE TABLE m2 (v text, day date NOT NULL, id int NOT NULL, PRIMARY KEY (id, day))",
        "ALTER TABLE m ATTACH PARTITION m2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "INSERT INTO m VALUES (1, '2024-05-05', 'a'), (2, '2025-05-05', 'b')",
    )
    with Capture(database) as capture:
        assert [table.name.table for table in capture.opened.tables] == ["m"]
        assert len(capture.load("m", limit_rows=1)) == 2
        database.script(
            "INSERT INTO m VALUES (3, '2025-06-06', 'c')",
            "UPDATE m SET day = '2025-07-07' WHERE id = 1",
            "TRUNCATE m",
        )
        assert capture.changes() == [
            ("c", {"id": 3, "day": "2025-06-06"}, None, {"id": 3, "day": "2025-06-06", "v": "c"}),
            ("d", {"id": 1, "day": "2024-05-05"}, {"id": 1, "day": "2024-05-05"}, None),
            ("c", {"id": 1, "day": "2025-07-07"}, None, {"id": 1, "day": "2025-07-07", "v": "a"}),
            ("t", None, None, None),
        ]


def test_partitions_with_other_identities_are_suspended(database: Database) -> None:
    database.script(
        "CREATE TABLE m (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (1) TO (100)",
        "ALTER TABLE m REPLICA IDENTITY FULL",
    )
    with Capture(database) as capture:
        assert [table.state for table in capture.opened.tables] == ["suspended"]
    database.execute("INSERT INTO m VALUES (1)")
    database.execute("UPDATE m SET id = 2")


def test_inheritance_children_are_tables_of_their_own(database: Database) -> None:
    database.script(
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)",
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO child VALUES (2)",
    )
    with Capture(database, tables=("public.parent",)) as capture:
        assert capture.load("parent") == [({"id": 1}, {"id": 1})]
        assert published(database, capture.publication) == {"parent"}
        database.script("INSERT INTO child VALUES (3)", "UPDATE parent SET id = id + 10")
        assert [event.key["id"] for event in capture.catch_up() if event.op == "c"] == [11]


def test_generated_columns_of_a_full_identity_do_not_break_the_application(postgres18: Any) -> None:
    with postgres18.database("pg") as database:
        database.script(
            "CREATE TABLE stored (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)",
            "ALTER TABLE stored REPLICA IDENTITY FULL",
            "CREATE TABLE virtual (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)",
            "CREATE TABLE virtual_full (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)",
            "ALTER TABLE virtual_full REPLICA IDENTITY FULL",
            "INSERT INTO stored (id, a) VALUES (1, 1)",
        )
        with Capture(database) as capture:
            states = {table.name.table: table.state for table in capture.opened.tables}
            assert states == {"stored": "streaming", "virtual": "streaming", "virtual_full": "suspended"}
            assert capture.load("stored") == [({"id": 1}, {"id": 1, "a": 1, "b": 2})]
            database.script(
                "UPDATE stored SET a = 2",
                "INSERT INTO virtual (id, a) VALUES (1, 1)",
                "UPDATE virtual SET a = 2",
                "INSERT INTO virtual_full (id, a) VALUES (1, 1)",
                "UPDATE virtual_full SET a = 2",
            )
            assert capture.changes() == [
                ("u", {"id": 1}, {"id": 1, "a": 1, "b": 2}, {"id": 1, "a": 2, "b": 4}),
                ("c", {"id": 1}, None, {"id": 1, "a": 1}),
                ("u", {"id": 1}, None, {"id": 1, "a": 2}),
            ]


def test_names_that_need_quotes(database: Database) -> None:
    database.script(
        'CREATE SCHEMA "Größe ""x"""',
        'CREATE TABLE "Größe ""x"""."Tab\'le; 100%%s" ("I d" int PRIMARY KEY, "v\\n""" text)'.replace("%%", "%"),
    )
    with Capture(database) as capture:
        database.execute('INSERT INTO "Größe ""x"""."Tab\'le; 100%s" VALUES (1, \'a\')')
        (event,) = capture.catch_up()
        assert event.after == {"I d": 1, 'v\\n"': "a"}
        assert (event.source["schema"], event.source["table"]) == ('Größe "x"', "Tab'le; 100%s")
        reader = capture.reader()
        chunk = reader.chunk(event.topic, None, 10, 1000)
        assert [orjson.loads(row) for _, row in chunk.rows] == [event.after]
        reader.close()
