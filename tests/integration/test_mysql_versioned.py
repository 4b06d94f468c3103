"""MariaDB's system-versioned tables on a real server: what comes out are their current rows, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pymysql
import pytest

from tailrace.apply import worker as apply_worker
from tailrace.capture import worker as capture_worker
from tailrace.config import Pipeline, load
from tailrace.report import Control
from tailrace.verify import verify
from tests import servers
from tests.capture.chunks import read_chunk, try_chunk
from tests.integration.mysql_capture import Capture, Event, capturing
from tests.pipelines import text
from tests.servers import Database

PERIOD = "b TIMESTAMP(6) GENERATED ALWAYS AS ROW START{0}, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END{0}"
EXPLICIT = f"{PERIOD.format('')}, PERIOD FOR SYSTEM_TIME (b, e)"
INVISIBLE = f"{PERIOD.format(' INVISIBLE')}, PERIOD FOR SYSTEM_TIME (b, e)"
#: The same columns id, a and n, in tables of every kind.
TABLES = {
    "implicit": "(id INT PRIMARY KEY, a VARCHAR(20), n INT) WITH SYSTEM VERSIONING",
    "explicit": f"(id INT PRIMARY KEY, a VARCHAR(20), n INT, {EXPLICIT}) WITH SYSTEM VERSIONING",
    "invisible": f"({INVISIBLE}, id INT PRIMARY KEY, a VARCHAR(20), n INT) WITH SYSTEM VERSIONING",
    "partly": "(id INT PRIMARY KEY, a VARCHAR(20) WITH SYSTEM VERSIONING, n INT)",
    "unversioned": "(id INT PRIMARY KEY, a VARCHAR(20), n INT WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING",
    "composed": f"(id INT, a VARCHAR(20), n INT, {EXPLICIT}, PRIMARY KEY (e, n, id)) WITH SYSTEM VERSIONING",
    "parted": "(id INT PRIMARY KEY, a VARCHAR(20), n INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 2"
    " (PARTITION p0 HISTORY, PARTITION p1 HISTORY, PARTITION p2 HISTORY, PARTITION pn CURRENT)",
    "aria": "(id INT PRIMARY KEY, a VARCHAR(20), n INT) ENGINE=Aria WITH SYSTEM VERSIONING",
}
WORK = (
    "INSERT INTO {t} (id, a, n) VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)",
    "UPDATE {t} SET a = 'ein' WHERE id = 1",
    "UPDATE {t} SET n = n + 10 WHERE id < 3",
    "UPDATE {t} SET a = a",
    "DELETE FROM {t} WHERE id = 2",
    "INSERT INTO {t} (id, a, n) VALUES (2, 'again', 2)",
    "REPLACE INTO {t} (id, a, n) VALUES (2, 'replaced', 2), (4, 'new', 4)",
    "INSERT INTO {t} (id, a, n) VALUES (4, 'other', 4), (5, 'five', 5) ON DUPLICATE KEY UPDATE a = 'upserted'",
    "UPDATE {t} SET id = id + 100 WHERE id > 3",
    "DELETE HISTORY FROM {t}",
    "UPDATE {t} SET a = 'changed', n = 7 WHERE id = 3",
    "DELETE FROM {t} WHERE id = 1",
)
#: What `implicit` says of them.
OPERATIONS = ["ccc", "u", "uu", "uuu", "d", "c", "dcc", "uc", "dcdc", "", "u", "d"]


def rows_of(database: Database, table: str) -> list[tuple[Any, ...]]:
    return database.query(f"SELECT id, a, n FROM {table} ORDER BY id")


def assert_current(capture: Capture, *tables: str) -> None:
    """What the events leave is what a load reads, and what the server has."""
    for table in tables:
        stored = capture.stored(table)
        assert capture.replayed(table) == stored, table
        found = sorted((row["id"], row["a"], row["n"]) for row in stored.values())
        assert found == sorted(rows_of(capture.database, table)), table
        assert capture.suspension(table) == "", table


@contextmanager
def globally(server: servers.MariaDB, name: str, value: str, back: str) -> Iterator[None]:
    """A setting of the server for a while."""
    server.query(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        server.query(f"SET GLOBAL {name} = {back}")


@pytest.mark.parametrize("metadata", ["FULL", "NO_LOG"])
def test_current_rows_come_out_of_every_kind_of_table(mariadb: servers.MariaDB, metadata: str) -> None:
    with globally(mariadb, "binlog_row_metadata", metadata, "FULL"), mariadb.database() as database:
        for table, columns in TABLES.items():
            database.execute(f"CREATE TABLE {table} {columns}")
        with capturing(database) as capture:
            for statement, operations in zip(WORK, OPERATIONS, strict=True):
                for table in TABLES:
                    database.execute(statement.format(t=table))
                new = [event for event in capture.catch_up() if event.table == "implicit" and event.value]
                assert "".join(event.op for event in new) == operations, statement
                assert_current(capture, *TABLES)
            # The columns of a period that a statement names are columns like others, seen by SELECT * or not.
            after = [
                after for table, op, _, after in map(Event.brief, capture.events) if (table, op) == ("explicit", "u")
            ]
            assert {row["e"] for row in after} == {"2038-01-19T03:14:07.999999Z"}
            assert list(after[-1]) == ["id", "a", "n", "b", "e"]
            assert [column.name for column in capture.schema("invisible", 1).columns] == ["b", "e", "id", "a", "n"]
            assert [column.name for column in capture.schema("composed", 1).key] == ["n", "id"]
            assert [column.name for column in capture.schema("implicit", 1).columns] == ["id", "a", "n"]


def test_a_backlog_of_tables_that_are_created_in_it(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database, capturing(database) as capture:
        capture.flush()
        capture.close()
        for table, columns in TABLES.items():
            database.execute(f"CREATE TABLE {table} {columns}")
            for statement in WORK:
                database.execute(statement.format(t=table))
        capture.open()
        capture.catch_up()
        assert_current(capture, *TABLES)


def test_the_load_has_current_rows_alone(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        for table, columns in TABLES.items():
            database.execute(f"CREATE TABLE {table} {columns}")
            for statement in WORK:
                database.execute(statement.format(t=table))
        with capturing(database) as capture:
            assert capture.source is not None
            assert not [finding for finding in capture.source.check() if "suspended" in finding.detail]
            reader = capture.reader()
            for table in TABLES:
                found: dict[bytes, dict[str, Any]] = {}
                after: str | None = None
                while True:
                    chunk = read_chunk(reader, capture.topic(table), after, 2, 1 << 20)
                    found |= {key: orjson.loads(row) for key, row in chunk.rows if key is not None}
                    after = chunk.after
                    if after is None:
                        break
                assert found == capture.stored(table), table
                assert len(found) == len(rows_of(database, table)) == 4, table
            reader.close()


def test_a_server_that_shows_the_past_is_read_as_of_now(mariadb: servers.MariaDB) -> None:
    past = globally(mariadb, "system_versioning_asof", "'2001-01-01 00:00:00'", "DEFAULT")
    with mariadb.database() as database:
        database.execute(f"CREATE TABLE implicit {TABLES['implicit']}")
        database.execute(WORK[0].format(t="implicit"))
        database.execute(WORK[1].format(t="implicit"))
        with past, capturing(database) as capture:
            assert sorted(row["a"] for row in capture.stored("implicit").values()) == ["ein", "three", "two"]
            chunk = read_chunk(capture.reader(), capture.topic("implicit"), None, 10, 1 << 20)
            assert len(chunk.rows) == 3


def test_a_table_that_is_met_later_has_its_period_after_a_restart(mariadb: servers.MariaDB) -> None:
    with globally(mariadb, "binlog_row_metadata", "NO_LOG", "FULL"), mariadb.database() as database:
        for table in ("implicit", "explicit"):
            database.execute(f"CREATE TABLE {table} {TABLES[table]}")
        with capturing(database, settings={"tables": [f"{database.name}.implicit"]}) as capture:
            capture.flush()
            database.execute(WORK[0].format(t="explicit"))
            capture.catch_up()
            capture.settings = {}
            capture.reopen()
            reader = capture.reader()
            while (chunk := try_chunk(reader, capture.topic("explicit"), None, 10, 1 << 20)) is None:
                capture.catch_up()
            reader.close()
            assert len(chunk.rows) == 3
            capture.flush()
            capture.reopen()
            database.execute(WORK[1].format(t="explicit"))
            database.execute("DELETE FROM explicit")
            assert "".join(op for _, op, _, _ in capture.brief()) == "uddd"


def test_a_load_takes_what_the_log_has_not_told_of_a_period(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        database.execute("SET SESSION system_versioning_alter_history = KEEP")
        database.execute(f"CREATE TABLE implicit {TABLES['implicit']}")
        with capturing(database) as capture:
            database.execute("SET SESSION sql_log_bin = 0")
            database.execute(
                "ALTER TABLE implicit PARTITION BY SYSTEM_TIME LIMIT 1"
                " (PARTITION p0 HISTORY, PARTITION p1 HISTORY, PARTITION pn CURRENT)"
            )
            database.execute("SET SESSION sql_log_bin = 1")
            database.execute(WORK[0].format(t="implicit"))
            reader = capture.reader()
            while (chunk := try_chunk(reader, capture.topic("implicit"), None, 10, 1 << 20)) is None:
                capture.catch_up()
            reader.close()
            assert len(chunk.rows) == 3
            database.execute("ALTER TABLE implicit DROP PARTITION p0")
            database.execute(WORK[1].format(t="implicit"))
            capture.catch_up()
            assert_current(capture, "implicit")


# ---- versioning that comes and goes

CHANGES = (
    "INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)",
    "ALTER TABLE t ADD SYSTEM VERSIONING",
    "UPDATE t SET a = 'ein' WHERE id = 1",
    "DELETE FROM t WHERE id = 2",
    "ALTER TABLE t ADD COLUMN c TIMESTAMP(6) NOT NULL DEFAULT '2024-01-31 01:02:03.000000'",
    "INSERT INTO t VALUES (4, 'four', 4, '2025-01-01 00:00:00')",
    "UPDATE t SET n = 5",
    "ALTER TABLE t ADD COLUMN d TIMESTAMP(6) NOT NULL DEFAULT '2024-01-31 01:02:03.000000' AFTER n, DROP COLUMN a",
    "REPLACE INTO t VALUES (4, 44, '2025-01-02 00:00:00', '2025-01-03 00:00:00')",
    "ALTER TABLE t MODIFY n INT WITHOUT SYSTEM VERSIONING",
    "UPDATE t SET n = 6 WHERE id = 1",
    "ALTER TABLE t DROP SYSTEM VERSIONING",
    "UPDATE t SET n = 7 WHERE id = 3",
    "DELETE FROM t WHERE id = 4",
    "ALTER TABLE t ENGINE=InnoDB WITH SYSTEM VERSIONING",
    "UPDATE t SET n = n + 1",
    "ALTER TABLE t PARTITION BY SYSTEM_TIME LIMIT 1 (PARTITION p0 HISTORY, PARTITION p1 HISTORY, PARTITION pn CURRENT)",
    "UPDATE t SET n = n + 1",
    "UPDATE t SET n = n + 1",
    "ALTER TABLE t DROP PARTITION p0",
    "UPDATE t SET n = n + 1",
    "ALTER TABLE t REMOVE PARTITIONING",
    "ALTER TABLE t ADD COLUMN a VARCHAR(20), DROP PRIMARY KEY, ADD PRIMARY KEY (id)",
    "UPDATE t SET a = 'last'",
    "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, a INT, n INT) WITH SYSTEM VERSIONING",
    "INSERT INTO t VALUES (8, 8, 8), (9, 9, 9)",
    "DELETE FROM t WHERE id = 9",
)
#: The moment at which an event was made.
ASIDE = re.compile(rb'"ts_ms":[0-9]+,"transaction"')


def after_all(capture: Capture) -> dict[bytes, dict[str, Any]]:
    """The rows of t after the events since it was emptied."""
    emptied = [index for index, event in enumerate(capture.events) if event.op == "t"]
    capture.events = capture.events[emptied[-1] :] if emptied else capture.events
    return capture.replayed("t")


@pytest.mark.parametrize("metadata", ["FULL", "NO_LOG"])
def test_versioning_may_come_and_go(mariadb: servers.MariaDB, metadata: str) -> None:
    with globally(mariadb, "binlog_row_metadata", metadata, "FULL"), mariadb.database() as database:
        database.execute("SET SESSION system_versioning_alter_history = KEEP")
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), n INT)")
        with capturing(database) as capture:
            capture.flush()
            position, state = capture.position, dict(capture.state)
            for statement in CHANGES[:-3]:
                database.execute(statement)
                capture.catch_up()
                assert capture.suspension("t") == "", statement
                if not statement.startswith("ALTER"):
                    now = sorted(database.query("SELECT id, n FROM t"))
                    assert sorted((row["id"], row["n"]) for row in capture.replayed("t").values()) == now, statement
            assert capture.replayed("t") == capture.stored("t")
            capture.reopen()
            for statement in CHANGES[-3:]:
                database.execute(statement)
            capture.catch_up()
            first = [(event.topic, event.raw and ASIDE.sub(b"", event.raw)) for event in capture.events]
            assert after_all(capture) == capture.stored("t")
        with capturing(database, position=position, state=state) as again:
            again.catch_up()
            assert [(event.topic, event.raw and ASIDE.sub(b"", event.raw)) for event in again.events] == first
            assert after_all(again) == again.stored("t")


@pytest.mark.parametrize("metadata", ["FULL", "NO_LOG"])
def test_columns_of_a_period_come_and_go(mariadb: servers.MariaDB, metadata: str) -> None:
    with globally(mariadb, "binlog_row_metadata", metadata, "FULL"), mariadb.database() as database:
        database.execute("SET SESSION system_versioning_alter_history = KEEP")
        database.execute(f"CREATE TABLE t {TABLES['invisible']}")
        with capturing(database) as capture:
            for statement in (
                "INSERT INTO t (id, a, n) VALUES (1, 'one', 1), (2, 'two', 2)",
                "UPDATE t SET n = 3 WHERE id = 2",
                "ALTER TABLE t DROP COLUMN b, DROP COLUMN e",  # versioned still, by columns that nobody sees
                "UPDATE t SET n = 4 WHERE id = 1",
                "INSERT INTO t VALUES (3, 'three', 3)",
                "ALTER TABLE t ADD COLUMN c TIMESTAMP(6) NOT NULL DEFAULT '2024-01-31 01:02:03' FIRST",  # these move
                "DELETE FROM t WHERE id = 1",
                "ALTER TABLE t DROP COLUMN c",
                "ALTER TABLE t DROP SYSTEM VERSIONING",
                "UPDATE t SET a = 'drei' WHERE id = 3",
            ):
                database.execute(statement)
                capture.catch_up()
            assert capture.suspension("t") == ""
            rows = {row["id"]: {name: row[name] for name in ("id", "a", "n")} for row in capture.replayed("t").values()}
            assert rows == {2: {"id": 2, "a": "two", "n": 3}, 3: {"id": 3, "a": "drei", "n": 3}}
            # The rows that are there begin with the statement, to the microsecond.
            database.execute(
                f"ALTER TABLE t ADD {PERIOD.format('').replace(', e', ', ADD e')},"
                " ADD PERIOD FOR SYSTEM_TIME (b, e), ADD SYSTEM VERSIONING"
            )
            database.execute("UPDATE t SET n = 8 WHERE id = 3")
            database.execute("ALTER TABLE t ADD COLUMN d INT")
            capture.catch_up()
            assert capture.suspension("t") == ""
            added = {column.name: column.initial for column in capture.schema("t", 6).columns}
            old, new = (capture.stored("t")[key] for key in (b'{"id":2}', b'{"id":3}'))
            assert (added["b"], added["e"]) == (old["b"], old["e"])
            assert new == {**capture.replayed("t")[b'{"id":3}'], "d": None}
            assert new["b"] > old["b"]


def test_hidden_columns_that_cannot_be_told_from_others_suspend_their_table(mariadb: servers.MariaDB) -> None:
    columns = "(id INT PRIMARY KEY, c TIMESTAMP(6) NOT NULL DEFAULT '2024-01-31 01:02:03')"
    with globally(mariadb, "binlog_row_metadata", "NO_LOG", "FULL"), mariadb.database() as database:
        database.execute(f"CREATE TABLE t {columns} WITH SYSTEM VERSIONING")
        with capturing(database) as capture:
            database.execute(f"CREATE TABLE known {columns} WITH SYSTEM VERSIONING")
            database.execute("CREATE TABLE copied LIKE known")
            capture.catch_up()
            for table in ("t", "known", "copied"):
                database.execute(f"INSERT INTO {table} (id) VALUES (1)")
            row = {"id": 1, "c": "2024-01-31T01:02:03.000000Z"}
            assert capture.brief() == [("known", "c", None, row), ("copied", "c", None, row)]
            assert "binlog_row_metadata = FULL" in capture.suspension("t")
            capture.reopen()
            database.execute("DELETE FROM known")
            assert capture.brief() == [("known", "d", row, None)]


# ---- history that others write


def test_history_that_is_inserted_is_no_row(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        for table in ("implicit", "explicit"):
            database.execute(f"CREATE TABLE {table} {TABLES[table]}")
        with capturing(database) as capture:
            database.execute("SET SESSION system_versioning_insert_history = 1")
            for table, period in (("implicit", "row_start, row_end"), ("explicit", "b, e")):
                database.execute(
                    f"INSERT INTO {table} (id, a, n, {period}) VALUES"
                    " (1, 'past', 1, '2001-01-01 00:00:00', '2002-01-01 00:00:00'),"
                    " (2, 'now', 2, '2003-01-01 00:00:00', '2038-01-19 03:14:07.999999'),"
                    " (2, 'past', 2, '2002-01-01 00:00:00', '2003-01-01 00:00:00')"
                )
            capture.catch_up()
            assert_current(capture, "implicit", "explicit")
            [row] = capture.replayed("explicit").values()
            assert (row["a"], row["b"]) == ("now", "2003-01-01T00:00:00.000000Z")


def test_a_versioned_table_is_not_truncated(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        database.execute(f"CREATE TABLE implicit {TABLES['implicit']}")
        with pytest.raises(pymysql.MySQLError, match="TRUNCATE"):
            database.execute("TRUNCATE TABLE implicit")


def test_rows_without_a_key(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        database.execute("CREATE TABLE t (a INT, n INT) WITH SYSTEM VERSIONING")
        database.execute(f"CREATE TABLE u (a INT NOT NULL UNIQUE, n INT, {INVISIBLE}) WITH SYSTEM VERSIONING")
        with capturing(database) as capture:
            database.execute("INSERT INTO t VALUES (1, 1), (1, 1), (2, 2)")
            database.execute("UPDATE t SET n = 3 WHERE a = 2")
            database.execute("DELETE FROM t WHERE a = 1 LIMIT 1")
            database.execute("INSERT INTO u VALUES (1, 1)")
            database.execute("UPDATE u SET n = 2")
            one = {"a": 1, "n": 1}
            assert [brief for brief in capture.brief() if brief[0] == "t"] == [
                ("t", "c", None, one),
                ("t", "c", None, one),
                ("t", "c", None, {"a": 2, "n": 2}),
                ("t", "u", {"a": 2, "n": 2}, {"a": 2, "n": 3}),
                ("t", "d", one, None),
            ]
            assert capture.suspension("u") == ""
            assert [event.op for event in capture.events if event.table == "u"] == ["c", "u"]


def test_row_images_without_all_columns(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        database.execute(f"CREATE TABLE implicit {TABLES['implicit']}")
        with capturing(database) as capture:
            database.execute("SET SESSION binlog_row_image = MINIMAL")
            database.execute("INSERT INTO implicit (id, a) VALUES (1, 'one'), (2, 'two')")
            database.execute("DELETE FROM implicit WHERE id = 1")
            database.execute("REPLACE INTO implicit (id, a) VALUES (2, 'replaced')")
            database.execute("UPDATE implicit SET n = 2")
            database.execute("UPDATE implicit SET id = 5")
            database.execute("DELETE HISTORY FROM implicit")
            capture.catch_up()
            assert_current(capture, "implicit")
            assert len(capture.replayed("implicit")) == 1


def test_what_is_known_of_periods_outlives_a_restart(mariadb: servers.MariaDB) -> None:
    """Also for what is held, and read again: a transaction prepared by XA."""
    with mariadb.database() as database:
        for table in ("explicit", "parted"):
            database.execute(f"CREATE TABLE {table} {TABLES[table]}")
        with capturing(database) as capture:
            capture.flush()
            for table in ("explicit", "parted"):
                for statement in WORK[:2]:
                    database.execute(statement.format(t=table))
            name = f"'{database.name}'"
            for statement in (f"XA START {name}", *(s.format(t="explicit") for s in WORK[2:5]), f"XA END {name}"):
                database.execute(statement)
            database.execute(f"XA PREPARE {name}")
            assert "".join(op for _, op, _, _ in capture.brief()) == "cccucccu"
            capture.reopen()
            database.execute(f"XA COMMIT {name}")
            database.execute("ALTER TABLE parted DROP PARTITION p0")
            for statement in WORK[2:]:
                database.execute(statement.format(t="parted"))
            assert "".join(op for table, op, _, _ in capture.brief() if table == "explicit") == "uuuuud"
            assert_current(capture, "explicit", "parted")


# ---- periods of other kinds


def test_periods_of_application_time(mariadb: servers.MariaDB) -> None:
    """Their bounds are columns like others; a row that is changed for a portion of its period becomes several."""
    columns = "id INT, n INT, b DATE, e DATE, PERIOD FOR p (b, e)"
    created = {
        "plain": f"({columns}, PRIMARY KEY (id, b))",
        "apart": f"({columns}, PRIMARY KEY (id, p WITHOUT OVERLAPS))",
        "bitemporal": f"({columns}, PRIMARY KEY (id, p WITHOUT OVERLAPS)) WITH SYSTEM VERSIONING",
    }
    changes = (
        "INSERT INTO {t} VALUES (1, 1, '2020-01-01', '2021-01-01'), (2, 2, '2020-01-01', '2021-01-01')",
        "UPDATE {t} FOR PORTION OF p FROM '2020-03-01' TO '2020-06-01' SET n = 10 WHERE id = 1",
        "DELETE FROM {t} FOR PORTION OF p FROM '2020-02-01' TO '2020-04-01'",
    )
    with mariadb.database() as database:
        for table, text_ in created.items():
            database.execute(f"CREATE TABLE {table} {text_}")
        with capturing(database) as capture:
            for table, text_ in created.items():
                database.execute(f"CREATE TABLE {table}_live {text_}")
            tables = [*created, *(f"{table}_live" for table in created)]
            for table in tables:
                for statement in changes:
                    database.execute(statement.format(t=table))
                capture.catch_up()
                assert capture.suspension(table) == "", table
                assert capture.replayed(table) == capture.stored(table), table
                assert len(capture.stored(table)) == database.value(f"SELECT COUNT(*) FROM {table}") == 5, table
                database.execute(f"INSERT INTO {table} VALUES (3, 3, '2020-01-01', '2021-01-01')")
            database.execute("CREATE TABLE later (id INT PRIMARY KEY, b DATE NOT NULL, e DATE NOT NULL)")
            database.execute("ALTER TABLE later ADD PERIOD FOR p (b, e)")
            database.execute("INSERT INTO later VALUES (1, '2020-01-01', '2021-01-01')")
            database.execute("ALTER TABLE later DROP PERIOD FOR p")
            database.execute("UPDATE later SET e = '2022-01-01'")
            capture.catch_up()
            assert capture.replayed("later") == capture.stored("later")
            assert len(capture.stored("later")) == 1


def test_history_by_transaction_is_refused(mariadb: servers.MariaDB) -> None:
    period = EXPLICIT.replace("TIMESTAMP(6)", "BIGINT UNSIGNED")
    with mariadb.database() as database:
        database.execute("SET SESSION system_versioning_alter_history = KEEP")
        database.execute(f"CREATE TABLE t (id INT PRIMARY KEY, {period}) WITH SYSTEM VERSIONING")
        database.execute("CREATE TABLE u (id INT PRIMARY KEY)")
        database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
        with capturing(database) as capture:
            assert capture.source is not None
            findings = {finding.name: finding.detail for finding in capture.source.check()}
            assert "history is by transaction" in findings[f"table {database.name}.t"]
            capture.flush()
            assert "history is by transaction" in capture.suspension("t")
            database.execute(f"CREATE TABLE born (id INT PRIMARY KEY, {period}) WITH SYSTEM VERSIONING")
            database.execute("INSERT INTO born (id) VALUES (1)")
            database.execute(
                "ALTER TABLE u ADD b BIGINT UNSIGNED AS ROW START, ADD e BIGINT UNSIGNED AS ROW END,"
                " ADD PERIOD FOR SYSTEM_TIME (b, e), ADD SYSTEM VERSIONING"
            )
            database.execute("INSERT INTO u (id) VALUES (1)")
            database.execute("INSERT INTO t (id) VALUES (1)")
            database.execute("INSERT INTO other VALUES (1)")
            assert capture.brief() == [("other", "c", None, {"id": 1})]
            assert "history is by transaction" in capture.suspension("born")
            assert "history is by transaction" in capture.suspension("u")


# ---- targets


class Silent:
    def send(self, report: Any) -> None:
        """Nobody listens."""


def catch_up(pipeline: Pipeline) -> None:
    control = Control()
    control.finish.set()
    capture_worker.run(pipeline, control, Silent())
    for sink in pipeline.sinks:
        apply_worker.run(pipeline, sink.name, control, Silent())


def test_targets_have_the_current_rows(mariadb: servers.MariaDB, mysql: servers.MySQL, tmp_path: Path) -> None:
    with mariadb.database("src") as source, mysql.database("dst") as target:
        for table, columns in TABLES.items():
            source.execute(f"CREATE TABLE {table} {columns}")
            for statement in WORK[:9]:
                source.execute(statement.format(t=table))
        (tmp_path / "state").mkdir()
        sinks = [text.sink("lite", f"sqlite:///{tmp_path / 'target.db'}"), text.sink("my", target.url)]
        file = tmp_path / "pipeline.toml"
        file.write_text(text.pipeline(tmp_path, text.source(source.url), *sinks))
        pipeline = load(file)
        catch_up(pipeline)
        for table in TABLES:
            for statement in WORK[9:]:
                source.execute(statement.format(t=table))
        catch_up(pipeline)
        found = verify(pipeline, pause=0.1)
        assert found.equal, found.to_dict()
        counted = {(table["table"].rpartition(".")[2], table["source_rows"]) for table in found.to_dict()["tables"]}
        assert counted == {(table, 4) for table in TABLES}
