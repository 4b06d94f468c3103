"""Partitions of the PostgreSQL source: published through the table above them, or by themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.capture.postgres import Capture, suspended
from tests.servers import Database


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


@pytest.fixture
def partitioned(database: Database) -> Database:
    """`m (id, v)` with `m1` for ids below 100 and `m2` for those below 200, and a plain `other`."""
    database.script(
        "CREATE TABLE m (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (100) TO (200)",
        "CREATE TABLE other (id int PRIMARY KEY)",
    )
    return database


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


def test_a_row_moves_between_partitions_as_a_change_of_its_key(partitioned: Database) -> None:
    with Capture(partitioned) as capture:
        partitioned.script("INSERT INTO m VALUES (1, 'a')", "UPDATE m SET id = 150", "UPDATE m SET v = 'b'")
        assert capture.changes() == [
            ("c", {"id": 1}, None, {"id": 1, "v": "a"}),
            ("d", {"id": 1}, {"id": 1}, None),
            ("c", {"id": 150}, None, {"id": 150, "v": "a"}),
            ("u", {"id": 150}, None, {"id": 150, "v": "b"}),
        ]


def test_a_row_that_moves_by_a_column_outside_of_its_identity_goes_and_comes_under_its_key(database: Database) -> None:
    """The log has two changes, of which the second is of a row that is there no more by then."""
    database.script(
        "CREATE TABLE m (id int NOT NULL, part int NOT NULL, v text) PARTITION BY LIST (part)",
        "CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1)",
        "CREATE TABLE m2 PARTITION OF m FOR VALUES IN (2)",
        *(f"ALTER TABLE {table} REPLICA IDENTITY FULL" for table in ("m", "m1", "m2")),
    )
    with Capture(database) as capture:
        database.script("INSERT INTO m VALUES (1, 1, 'a')", "UPDATE m SET part = 2")
        assert capture.changes() == [
            ("c", None, None, {"id": 1, "part": 1, "v": "a"}),
            ("d", None, {"id": 1, "part": 1, "v": "a"}, None),
            ("c", None, None, {"id": 1, "part": 2, "v": "a"}),
        ]


def test_partitions_come_and_go_while_streaming(partitioned: Database) -> None:
    """What is written to one belongs to the table above it from ATTACH to DETACH. What it holds at either is in no log:
    see docs/guarantees.md."""
    with Capture(partitioned, exclude=("public.m3",)) as capture:
        partitioned.script(
            "CREATE TABLE m3 (v text, id int PRIMARY KEY)",
            "INSERT INTO m3 VALUES ('not yet', 200)",
            "DELETE FROM m3",
            "ALTER TABLE m ATTACH PARTITION m3 FOR VALUES FROM (200) TO (300)",
            "INSERT INTO m VALUES (201, 'through the root')",
            "INSERT INTO m3 (id, v) VALUES (202, 'by itself')",
        )
        assert capture.changes() == [
            ("c", {"id": 201}, None, {"id": 201, "v": "through the root"}),
            ("c", {"id": 202}, None, {"id": 202, "v": "by itself"}),
        ]
        partitioned.script(
            "ALTER TABLE m DETACH PARTITION m3",
            "INSERT INTO m3 (id, v) VALUES (203, 'no longer')",
            "UPDATE m3 SET v = 'neither'",
            "INSERT INTO m VALUES (1, 'a')",
            "DROP TABLE m3",
            "INSERT INTO other VALUES (1)",
        )
        assert capture.changes() == [
            ("c", {"id": 1}, None, {"id": 1, "v": "a"}),
            ("c", {"id": 1}, None, {"id": 1}),
        ]
        capture.reopen()
        partitioned.execute("UPDATE m SET v = 'c'")
        assert capture.changes() == [("u", {"id": 1}, None, {"id": 1, "v": "c"})]
        assert suspended(capture) == {}


def test_truncates_of_a_root_and_of_a_partition(partitioned: Database) -> None:
    """Of the root it is one event; that of a partition alone is not published through the root."""
    with Capture(partitioned) as capture:
        partitioned.script("INSERT INTO m VALUES (1, 'a'), (101, 'b')", "TRUNCATE m, other RESTART IDENTITY")
        assert [event[0] for event in capture.changes()] == ["c", "c", "t", "t"]
        assert sorted(event.table for event in capture.events if event.op == "t") == ["m", "other"]
        partitioned.script("INSERT INTO m VALUES (2, 'a')", "TRUNCATE m1", "INSERT INTO m VALUES (3, 'a')")
        assert [event[:2] for event in capture.changes()] == [("c", {"id": 2}), ("c", {"id": 3})]


def test_partitions_that_are_selected_without_the_table_above_them_are_tables_of_their_own(
    partitioned: Database,
) -> None:
    with Capture(partitioned, tables=("public.m1", "public.m2")) as capture:
        assert [table.name.table for table in capture.opened.tables] == ["m1", "m2"]
        partitioned.script("INSERT INTO m VALUES (1, 'a')", "INSERT INTO m2 VALUES (101, 'b')")
        assert [(event.table, event.key["id"]) for event in capture.catch_up()] == [("m1", 1), ("m2", 101)]
        partitioned.execute("UPDATE m SET id = 150 WHERE id = 1")
        assert [(event.table, event.op) for event in capture.catch_up()] == [
            ("m1", "d"),
            ("m1", "tombstone"),
            ("m2", "c"),
        ]
        partitioned.execute("TRUNCATE m1")
        assert [(event.table, event.op) for event in capture.catch_up()] == [("m1", "t")]
        partitioned.execute("TRUNCATE m")
        assert sorted((event.table, event.op) for event in capture.catch_up()) == [("m1", "t"), ("m2", "t")]


def test_a_partition_that_somebody_has_locked_holds_nothing_up(partitioned: Database) -> None:
    """Neither a running capture, which looks at the catalog once a heartbeat, nor a start."""
    with Capture(partitioned) as capture:
        capture.catch_up()
        with partitioned.transaction() as cursor:
            cursor.execute("LOCK TABLE m1 IN ACCESS EXCLUSIVE MODE")
            for number in (1, 2):
                looked = capture.source._streaming._inspected_at  # type: ignore[union-attr]
                partitioned.execute("INSERT INTO m2 VALUES (%s, 'a')", (150 + number,))
                capture.until(
                    lambda looked=looked: capture.source._streaming._inspected_at > looked  # type: ignore[misc,union-attr]
                )
                assert capture.events[-1].key == {"id": 150 + number}
                capture.reopen()


MADE = "CREATE TABLE {0}_new (id int PRIMARY KEY, v text)"
FILLED = "INSERT INTO {0}_new VALUES (201, 'a'), (202, 'b')"
FILLED_ABOVE = "INSERT INTO {0} VALUES (201, 'a'), (202, 'b')"
ATTACHED = "ALTER TABLE {0} ATTACH PARTITION {0}_new FOR VALUES FROM (200) TO (300)"
BORN = "CREATE TABLE {0}_new PARTITION OF {0} FOR VALUES FROM (200) TO (300)"
#: By table: the transactions that give it a partition.
WITH_ROWS = {
    "a": [[MADE], [FILLED], [ATTACHED]],
    "b": [[MADE, FILLED, ATTACHED]],
    "c": [[MADE, FILLED], [ATTACHED, "UPDATE {0} SET v = 'c' WHERE id = 201"]],
}
WITHOUT = {
    "d": [[BORN], [FILLED]],
    "e": [[BORN, FILLED]],
    "f": [[MADE, ATTACHED, FILLED_ABOVE]],
    "g": [[MADE], [ATTACHED], [FILLED_ABOVE]],
}


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_partition_that_is_attached_with_rows_suspends_its_table(database: Database, running: bool) -> None:
    """Those rows are in no log; the ones that were written to it since are."""
    for table in (*WITH_ROWS, *WITHOUT):
        database.script(
            f"CREATE TABLE {table} (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
            f"CREATE TABLE {table}_old PARTITION OF {table} FOR VALUES FROM (0) TO (100)",
        )
    capture = Capture(database, exclude=("public.*_new",))
    capture.open()
    capture.catch_up()
    if not running:
        capture.close()
    for table, transactions in {**WITH_ROWS, **WITHOUT}.items():
        for statements in transactions:
            with database.transaction() as cursor:
                for statement in statements:
                    cursor.execute(statement.format(table))
    if not running:
        capture.open()
    with contextlib.closing(capture):
        capture.until(lambda: len(suspended(capture)) == len(WITH_ROWS))
        for table in WITH_ROWS:
            assert (
                f"partition public.{table}_new was attached with rows that are in no log" in suspended(capture)[table]
            )
        capture.catch_up()
        capture.events.clear()
        for table in (*WITH_ROWS, *WITHOUT):
            database.execute(f"INSERT INTO {table} VALUES (1, 'a'), (203, 'b')")
        found = [(event.table, event.key["id"]) for event in capture.catch_up()]
        assert found == [(table, number) for table in WITHOUT for number in (1, 203)]
        # Looked at once.
        capture.reopen()
        capture.catch_up()
        assert suspended(capture).keys() == WITH_ROWS.keys()
