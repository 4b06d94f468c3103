"""Schema versions of the PostgreSQL source: columns that come, go and change, tables that lose what they need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import CapturingLogger

from tailrace.schema import TableSchema
from tailrace_postgres import relations
from tests.capture.postgres import Capture, suspended, versions
from tests.servers import Database


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


def ids(schema: TableSchema) -> dict[str, int]:
    return {column.name: column.id for column in schema.columns}


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


def test_a_changed_type_is_said_where_the_rows_were_written_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What USING made of their values is in no log."""
    said = CapturingLogger()
    monkeypatch.setattr(relations, "log", said)
    database.script("CREATE TABLE t (id int PRIMARY KEY, v int, w varchar(5))", "INSERT INTO t VALUES (1, 1, 'a')")
    with Capture(database) as capture:
        capture.catch_up()
        database.script("ALTER TABLE t ALTER w TYPE varchar(9)", "INSERT INTO t VALUES (2, 2, 'b')")
        capture.catch_up()
        assert said.calls == []
        database.script("ALTER TABLE t ALTER v TYPE bigint USING v * 100", "INSERT INTO t VALUES (3, 3, 'c')")
        assert capture.changes()[-1] == ("c", {"id": 3}, None, {"id": 3, "v": 3, "w": "c"})
        (warning,) = said.calls
        assert warning.method_name == "warning"
        assert "type was changed" in warning.args[0]
        assert (warning.kwargs["column"], warning.kwargs["was"], warning.kwargs["now"]) == ("v", "integer", "bigint")
        assert suspended(capture) == {}


PARTITIONED = (
    "CREATE TABLE m (id int PRIMARY KEY) PARTITION BY RANGE (id)",
    "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (1) TO (100)",
    "CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (100) TO (200)",
    "INSERT INTO m VALUES (1)",
)


def test_a_column_of_a_partitioned_table_comes_with_the_rows_initial_value(database: Database) -> None:
    """PostgreSQL keeps it with the partitions."""
    database.script(*PARTITIONED)
    with Capture(database) as capture:
        assert capture.load("m") == [({"id": 1}, {"id": 1})]
        database.script(
            "ALTER TABLE m ADD COLUMN n int DEFAULT 7",
            "CREATE TABLE m3 PARTITION OF m FOR VALUES FROM (200) TO (300)",
            "INSERT INTO m VALUES (2, 8)",
        )
        assert capture.changes()[-1] == ("c", {"id": 2}, None, {"id": 2, "n": 8})
        assert versions(capture, "m")[-1].by_name["n"].initial == 7
        assert suspended(capture) == {}


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE m ADD COLUMN r float8 DEFAULT random()",),
        ("ALTER TABLE m ADD COLUMN r float8 DEFAULT 7", "VACUUM FULL m1", "VACUUM FULL m2"),
        (
            "ALTER TABLE m ADD COLUMN r float8 DEFAULT 7",
            "CREATE TABLE m3 (id int PRIMARY KEY)",
            "INSERT INTO m3 VALUES (201)",
            "ALTER TABLE m3 ADD COLUMN r float8 DEFAULT 9",
            "ALTER TABLE m ATTACH PARTITION m3 FOR VALUES FROM (200) TO (300)",
        ),
    ],
)
def test_partitions_rows_of_unknown_initial_values_suspend_the_table(
    database: Database, statements: tuple[str, ...]
) -> None:
    database.script(*PARTITIONED)
    with Capture(database) as capture:
        capture.catch_up()
        database.script(*statements, "INSERT INTO m VALUES (2, 0.5)")
        assert capture.changes() == []
        reason = suspended(capture)["m"]
        assert "column r was added with values" in reason or "was attached with rows" in reason


def test_the_default_of_a_columns_domain_is_what_the_rows_have_or_suspends_the_table(database: Database) -> None:
    """Whether older rows get it depends on the server's minor version, which may write the table anew."""
    database.script(
        "CREATE DOMAIN seven AS int DEFAULT 7 CHECK (VALUE > 0)",
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
    )
    with Capture(database) as capture:
        capture.catch_up()
        database.script("ALTER TABLE t ADD COLUMN n seven", "INSERT INTO t VALUES (2, 8)")
        capture.catch_up()
        present = database.value("SELECT n FROM t WHERE id = 1")
        if suspended(capture):
            assert "column n was added with values" in suspended(capture)["t"]
        else:
            assert versions(capture, "t")[-1].by_name["n"].initial == present


def test_a_label_added_to_an_enum_is_a_new_version(database: Database) -> None:
    """Nothing in the log tells of it but the value."""
    database.script("CREATE TYPE mood AS ENUM ('sad')", "CREATE TABLE t (id int PRIMARY KEY, m mood)")
    with Capture(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'sad')")
        capture.catch_up()
        database.script("ALTER TYPE mood ADD VALUE 'glad'", "INSERT INTO t VALUES (2, 'sad'), (3, 'glad')")
        found = capture.changes()
        assert [change for change in found if change[0] == "c"] == [
            ("c", {"id": 2}, None, {"id": 2, "m": "sad"}),
            ("c", {"id": 3}, None, {"id": 3, "m": "glad"}),
        ]
        assert versions(capture, "t")[-1].by_name["m"].type.labels == ("sad", "glad")
        ordinals = [event.source["tailrace_seq"] for event in capture.events]
        assert ordinals == sorted(set(ordinals))


def test_a_renamed_label_that_rows_of_the_log_still_have_suspends_the_table(database: Database) -> None:
    """The source shows these rows with the new label, and no event says so."""
    database.script("CREATE TYPE mood AS ENUM ('sad')", "CREATE TABLE t (id int PRIMARY KEY, m mood)")
    database.execute("CREATE TABLE other (id int PRIMARY KEY)")
    with Capture(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'sad')")
        capture.catch_up()
        database.script(
            "ALTER TYPE mood ADD VALUE 'glad'",
            "INSERT INTO t VALUES (2, 'sad'), (3, 'glad')",
            "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'",
            "INSERT INTO t VALUES (4, 'happy')",
            "INSERT INTO other VALUES (1)",
        )
        found = [change for change in capture.changes() if change[0] == "c"]
        assert found == [("c", {"id": 2}, None, {"id": 2, "m": "sad"}), ("c", {"id": 1}, None, {"id": 1})]
        assert "label was renamed" in suspended(capture)["t"]


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


def test_rows_of_a_table_that_was_dropped_since_leave_as_they_were(database: Database) -> None:
    """The log describes it still, with types that are gone too; the catalog has nothing of it."""
    database.script(
        "CREATE TYPE mood AS ENUM ('sad', 'it''s')",
        "CREATE TABLE t (id int PRIMARY KEY, m mood)",
        "CREATE TABLE other (id int PRIMARY KEY)",
    )
    with Capture(database) as capture:
        capture.catch_up()
        database.script(
            "INSERT INTO t VALUES (1, 'it''s')",
            "ALTER TABLE t ADD COLUMN n int DEFAULT 7",
            "UPDATE t SET n = 8",
            "DROP TABLE t",
            "DROP TYPE mood",
            "INSERT INTO other VALUES (1)",
        )
        assert [change for change in capture.changes() if change[0] != "s"] == [
            ("c", {"id": 1}, None, {"id": 1, "m": "it's"}),
            ("u", {"id": 1}, None, {"id": 1, "m": "it's", "n": 8}),
            ("c", {"id": 1}, None, {"id": 1}),
        ]
        assert suspended(capture) == {}


def test_a_dropped_table_of_a_backlog_holds_no_other_up(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE other (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    capture.close()
    database.script("INSERT INTO t VALUES (1)", "TRUNCATE t, other", "DROP TABLE t", "INSERT INTO other VALUES (2)")
    with capture:
        assert [(event.table, event.op) for event in capture.catch_up()] == [("other", "t"), ("other", "c")]


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
