"""Replica identities and publications of the PostgreSQL source."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from structlog.testing import CapturingLogger

from tailrace.errors import DataLossError, RefusedError, UnreachableError
from tailrace_postgres import relations
from tests.capture.postgres import Capture, inserts_only, suspended
from tests.servers import Database, wait_until


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


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


def test_a_replica_identity_that_changes_while_streaming_holds_for_what_follows(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)", "CREATE UNIQUE INDEX t_n ON t (n)")
    steps: list[tuple[str, list[Any]]] = [
        (
            "DEFAULT",
            [
                ("u", {"id": 1}, None, {"id": 1, "n": 2}),
                ("d", {"id": 1}, {"id": 1}, None),
                ("c", {"id": 2}, None, {"id": 2, "n": 2}),
                ("d", {"id": 2}, {"id": 2}, None),
            ],
        ),
        (
            "FULL",
            [
                ("u", {"id": 1}, {"id": 1, "n": 1}, {"id": 1, "n": 2}),
                ("d", {"id": 1}, {"id": 1, "n": 2}, None),
                ("c", {"id": 2}, None, {"id": 2, "n": 2}),
                ("d", {"id": 2}, {"id": 2, "n": 2}, None),
            ],
        ),
        (
            "USING INDEX t_n",
            [
                ("d", {"n": 1}, {"n": 1}, None),
                ("c", {"n": 2}, None, {"id": 1, "n": 2}),
                ("u", {"n": 2}, None, {"id": 2, "n": 2}),
                ("d", {"n": 2}, {"n": 2}, None),
            ],
        ),
    ]
    work = ("INSERT INTO t VALUES (1, 1)", "UPDATE t SET n = 2", "UPDATE t SET id = 2", "DELETE FROM t")
    with Capture(database) as capture:
        for index, live in ((0, True), (1, True), (0, True), (2, True), (1, False), (2, False), (0, False)):
            identity, expected = steps[index]
            if not live:
                capture.close()
            database.script(f"ALTER TABLE t REPLICA IDENTITY {identity}", *work)
            if not live:
                capture.open()
            found = [event for event in capture.changes() if event[0] != "s"]
            created = {"n": 1} if index == 2 else {"id": 1}
            assert found == [("c", created, None, {"id": 1, "n": 1}), *expected], identity
        # Gone and back before anybody has looked: the application's updates fail meanwhile, its inserts do not.
        for live in (True, False):
            if not live:
                capture.close()
            database.script(
                "ALTER TABLE t REPLICA IDENTITY FULL",
                "INSERT INTO t VALUES (1, 1)",
                "ALTER TABLE t REPLICA IDENTITY NOTHING",
                "INSERT INTO t VALUES (2, 2)",
            )
            with pytest.raises(psycopg2.Error, match="does not have a replica identity"):
                database.execute("UPDATE t SET n = 3 WHERE id = 2")
            database.script("ALTER TABLE t REPLICA IDENTITY FULL", "UPDATE t SET n = 3 WHERE id = 2", "DELETE FROM t")
            if not live:
                capture.open()
            assert [event for event in capture.changes() if event[0] != "s"] == [
                ("c", {"id": 1}, None, {"id": 1, "n": 1}),
                ("c", {"id": 2}, None, {"id": 2, "n": 2}),
                ("u", {"id": 2}, {"id": 2, "n": 2}, {"id": 2, "n": 3}),
                ("d", {"id": 1}, {"id": 1, "n": 1}, None),
                ("d", {"id": 2}, {"id": 2, "n": 3}, None),
            ]
            assert suspended(capture) == {}
        # Without one, the application's updates fail for as long as the table is published: not for long.
        database.execute("ALTER TABLE t REPLICA IDENTITY NOTHING")
        capture.until(lambda: "t" in suspended(capture))
        database.script(*work)
        assert capture.changes() == []
        assert "no other replica identity" in suspended(capture)["t"]


def test_tables_without_identity_keep_working_and_are_suspended(database: Database) -> None:
    database.script(
        "CREATE TABLE keyed (id int PRIMARY KEY)",
        "CREATE TABLE bare (a int)",
        "CREATE TABLE nothing (id int PRIMARY KEY)",
        "ALTER TABLE nothing REPLICA IDENTITY NOTHING",
        "CREATE TABLE log (a int)",
        "CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY)",
    )
    with Capture(database, entries=(inserts_only("public.log"),)) as capture:
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


def test_a_table_that_is_captured_whole_from_now_on_keeps_its_pending_inserts(database: Database) -> None:
    """They were published by the other publication, which the table has left when they are read."""
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE log (a int)")
    capture = Capture(database, entries=(inserts_only("public.log"),))
    capture.open()
    capture.catch_up()
    capture.close()
    database.script("INSERT INTO log VALUES (1)", "ALTER TABLE log REPLICA IDENTITY FULL")
    capture.entries = ()
    with capture:
        assert published(database, capture.publication) == {"t", "log"}
        assert suspended(capture) == {}
        database.script("INSERT INTO log VALUES (2)", "DELETE FROM log WHERE a = 1")
        assert capture.changes() == [
            ("c", None, None, {"a": 1}),
            ("c", None, None, {"a": 2}),
            ("d", None, {"a": 1}, None),
        ]


def test_a_first_table_for_inserts_only_comes_while_changes_are_pending(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    capture = Capture(database, entries=(inserts_only("public.log"),))
    capture.open()
    capture.close()
    database.script("INSERT INTO t VALUES (1)", "CREATE TABLE log (id int PRIMARY KEY)")
    with capture:
        database.script("INSERT INTO log VALUES (2)", "UPDATE log SET id = 3")
        assert [event.short for event in capture.catch_up()] == [
            ("c", {"id": 1}, None, {"id": 1}),
            ("c", {"id": 2}, None, {"id": 2}),
        ]
        assert published(database, capture.publication + "_inserts") == {"log"}


@pytest.mark.parametrize("running", [False, True])
def test_a_lost_publication_for_inserts_stops_its_own_tables_alone(database: Database, running: bool) -> None:
    """PostgreSQL before 18 cannot read changes with a publication that is younger: no table comes into it any more."""
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE log (a int)")
    capture = Capture(database, entries=(inserts_only("public.log"), inserts_only("public.later")))
    capture.open()
    capture.catch_up()
    if not running:
        capture.close()
    database.script(
        "INSERT INTO t VALUES (1)",
        f'DROP PUBLICATION "{capture.publication}_inserts"',
        "INSERT INTO t VALUES (2)",
        "INSERT INTO log VALUES (3)",
    )
    if running:
        with contextlib.suppress(UnreachableError):  # before 18
            capture.until(lambda: "log" in suspended(capture))
        capture.close()
    database.execute("CREATE TABLE later (id int PRIMARY KEY)")
    with capture:
        capture.catch_up()
        database.execute("INSERT INTO later VALUES (4)")
        capture.catch_up()
        assert "took the table out of the publication" in suspended(capture)["log"]
        found = [event.key["id"] for event in capture.events]
        if database.server.kind == "postgres15":
            assert found == [1, 2]
            assert "PostgreSQL before 18" in suspended(capture)["later"]
        else:
            assert found == [1, 2, 4]


def test_a_table_is_not_moved_to_a_publication_for_inserts_that_was_lost(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE log (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    capture.catch_up()
    capture.close()
    database.execute(f'DROP PUBLICATION "{capture.publication}_inserts"')
    capture.entries = (inserts_only("public.log"),)
    with capture:
        database.script("INSERT INTO log VALUES (1)", "INSERT INTO t VALUES (2)")
        found = [event.key["id"] for event in capture.catch_up()]
        if database.server.kind == "postgres15":
            assert found == [2]
            assert "PostgreSQL before 18" in suspended(capture)["log"]
        else:
            assert found == [1, 2]


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


@pytest.mark.parametrize("running", [False, True])
def test_a_publication_that_was_dropped_and_created_again_is_data_loss(database: Database, running: bool) -> None:
    """PostgreSQL 18 passes over what was written in between, in silence."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    capture.catch_up()
    if not running:
        capture.close()
    (options,) = database.query(
        "SELECT 'publish_via_partition_root = true' || CASE WHEN current_setting('server_version_num')::int >= 180000"
        " THEN ', publish_generated_columns = stored' ELSE '' END"
    )[0]
    database.script(
        f'DROP PUBLICATION "{capture.publication}"',
        "INSERT INTO t VALUES (1)",
        f'CREATE PUBLICATION "{capture.publication}" FOR TABLE ONLY t WITH ({options})',
    )
    read = (lambda: capture.until(lambda: False)) if running else capture.open
    with pytest.raises(DataLossError, match=r"dropped publication .* created it again.*--resync"):
        read()
    capture.close()


@pytest.mark.parametrize("running", [False, True])
def test_a_table_that_was_out_of_the_publication_for_a_while_is_suspended(database: Database, running: bool) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    capture.catch_up()
    if not running:
        capture.close()
    database.script(
        f'ALTER PUBLICATION "{capture.publication}" DROP TABLE t',
        "INSERT INTO t VALUES (1)",
        f'ALTER PUBLICATION "{capture.publication}" ADD TABLE ONLY t',
        "INSERT INTO u VALUES (2)",
    )
    if not running:
        capture.open()
    capture.until(lambda: "t" in suspended(capture))
    capture.catch_up()
    assert [event.short for event in capture.events] == [("c", {"id": 2}, None, {"id": 2})]
    assert "took the table out of the publication" in suspended(capture)["t"]
    capture.close()


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("publish = 'insert, delete'", "no longer publishes update, truncate"),
        ("publish_via_partition_root = false", "no longer publishes partitions as the table above them"),
    ],
)
def test_a_publication_that_leaves_changes_out_is_data_loss(
    database: Database, running: bool, option: str, words: str
) -> None:
    """PostgreSQL passes over them in silence, or sends them as changes of tables that nobody captures."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    capture = Capture(database)
    capture.open()
    capture.catch_up()
    state = dict(capture.state)
    if not running:
        capture.close()
    database.execute(f'ALTER PUBLICATION "{capture.publication}" SET ({option})')
    read = (lambda: capture.until(lambda: False)) if running else capture.open
    with pytest.raises(DataLossError, match=rf"{words}.*--resync"):
        read()
    capture.close()
    assert capture.events == []
    assert capture.state.keys() == state.keys()
    with pytest.raises(DataLossError, match=words):
        capture.open()


def test_our_own_changes_of_the_publications_break_nothing_when_their_record_is_lost(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE log (id int PRIMARY KEY)")
    capture = Capture(database, entries=(inserts_only("public.log"),))
    capture.open()
    capture.catch_up()
    capture.close()
    state = dict(capture.state)
    capture.entries = ()
    for _ in range(2):
        capture.state = dict(state)  # of before the start that has moved the table, which crashed then
        capture.open()
        assert [table.state for table in capture.opened.tables] == ["streaming", "streaming"]
        capture.close()
    assert published(database, capture.publication) == {"t", "log"}
    capture.state = dict(state)
    del capture.state["postgres-membership"]  # as an earlier version left it
    with capture:
        assert [table.state for table in capture.opened.tables] == ["streaming", "streaming"]
        capture.catch_up()
        assert "postgres-membership" in capture.state


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
    """Updates of tables without an identity would fail at the application."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    capture = Capture(database)
    name = capture.create()._publication
    for tables in ("FOR ALL TABLES", "FOR TABLES IN SCHEMA public"):
        database.execute(f'CREATE PUBLICATION "{name}" {tables}')
        with pytest.raises(RefusedError, match="all tables or whole schemas"):
            capture.open()
        database.execute(f'DROP PUBLICATION "{name}"')


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


def test_a_suspended_table_that_our_role_may_not_unpublish_stops_no_other(database: Database) -> None:
    role = f"r_{database.name}"
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "CREATE TABLE u (id int PRIMARY KEY)",
        f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'p'",
        f"GRANT SELECT ON t, u TO {role}",
    )
    capture = Capture(database, url=database.url_as(role, "p"))
    try:
        with pytest.raises(RefusedError) as caught:
            capture.open()
        database.execute(str(caught.value).partition("run: ")[2])
        with capture:
            database.execute("ALTER TABLE u DROP CONSTRAINT u_pkey")
            capture.until(lambda: "u" in suspended(capture))
            database.script("INSERT INTO u VALUES (1)", "INSERT INTO t VALUES (2)")
            assert [event.key["id"] for event in capture.catch_up()] == [2]
            statement = f'ALTER PUBLICATION "{capture.publication}" DROP TABLE ONLY "public"."u"'
            assert suspended(capture)["u"].endswith(f"have the tables' owner run: {statement}")
            capture.reopen()
            assert any(statement in warning for warning in capture.opened.warnings)
            database.script("INSERT INTO u VALUES (3)", "INSERT INTO t VALUES (4)")
            assert [event.key["id"] for event in capture.catch_up()] == [4]
            database.execute(statement)
            database.execute("UPDATE u SET id = 5 WHERE id = 3")
            capture.reopen()
            assert capture.opened.warnings == []
    finally:
        wait_until(
            lambda: not database.query("SELECT 1 FROM pg_stat_activity WHERE usename = %s", (role,)), 10, "it is gone"
        )
        database.execute(f"DROP OWNED BY {role}")
        database.execute(f"DROP ROLE {role}")


def test_inheritance_children_are_tables_of_their_own(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not captured of a captured table, as a hypertable's chunks, is said: at a start, and once it comes."""
    said = CapturingLogger()
    monkeypatch.setattr(relations, "log", said)
    database.script(
        "CREATE SCHEMA other",
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
        (warning,) = said.calls
        assert "rows of public.child, which inherit from it, are not captured with it" in warning.args[0]
        (finding,) = [found for found in capture.create().check() if found.name.startswith("table ")]
        assert (finding.ok, "select them too" in finding.fix) == (None, True)
        assert "public.child" in finding.detail
        capture.tables = ("public.*",)
        capture.reopen()
        assert len(said.calls) == 1
        database.execute("CREATE TABLE other.later (PRIMARY KEY (id)) INHERITS (parent)")
        capture.until(lambda: len(said.calls) > 1)
        assert "rows of other.later" in said.calls[1].args[0]
        assert [found.ok for found in capture.create().check() if found.name.startswith("table ")] == [None]


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
            # One that comes later makes the application's updates fail, but not for long.
            database.execute("ALTER TABLE stored ADD COLUMN v int GENERATED ALWAYS AS (a * 3) VIRTUAL")
            capture.until(lambda: "stored" in suspended(capture))
            database.execute("UPDATE stored SET a = 3")
            assert "virtual generated column" in suspended(capture)["stored"]
