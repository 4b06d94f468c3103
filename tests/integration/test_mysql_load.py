"""The MySQL source's full load on real servers: keys that change under it, reads that end early, engines."""

from __future__ import annotations

import time
from collections.abc import Iterator

import orjson
import pymysql
import pytest
from pymysql.constants import CLIENT

from tailrace.errors import RefusedError, TableGoneError, UnreachableError
from tailrace.source import Chunk, SnapshotReader
from tailrace_mysql import connection
from tailrace_mysql.connection import DriverConnection
from tailrace_mysql.result import Result
from tailrace_mysql.resultset import JsonRow, SelectedColumn, TextPlan
from tailrace_mysql.types import column_type, parse
from tests import servers
from tests.capture.chunks import read_chunk, try_chunk
from tests.integration.mysql_capture import Capture, capturing
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    with request.getfixturevalue(request.param).database() as found:
        yield found


def next_chunk(capture: Capture, reader: SnapshotReader, after: str | None, limit: int) -> Chunk:
    """The next chunk; the stream goes on where the table's columns ask for it."""
    while (chunk := try_chunk(reader, capture.topic("t"), after, limit, 1 << 20)) is None:
        capture.catch_up()
    return chunk


def load(capture: Capture, reader: SnapshotReader, after: str | None) -> list[dict[str, object]]:
    """All rows from `after` on."""
    rows: list[dict[str, object]] = []
    while True:
        chunk = next_chunk(capture, reader, after, 3)
        rows += [orjson.loads(row) for _, row in chunk.rows]
        after = chunk.after
        if after is None:
            return rows


# ---- keys that change


@pytest.mark.parametrize(
    "change",
    [
        "DROP PRIMARY KEY, ADD PRIMARY KEY (b)",
        "MODIFY id VARCHAR(10) NOT NULL",
        "DROP PRIMARY KEY, ADD PRIMARY KEY (b, id)",
        "MODIFY c VARCHAR(9) NOT NULL, DROP PRIMARY KEY, ADD PRIMARY KEY (c)",
    ],
)
def test_a_load_begins_again_when_its_key_changes(database: Database, change: str) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, b INT NOT NULL, c VARCHAR(9) NOT NULL)")
    database.executemany("INSERT INTO t VALUES (%s, %s, %s)", [(n + 5, n, f"{n}") for n in range(10)])
    with capturing(database) as capture:
        reader = capture.reader()
        first = next_chunk(capture, reader, None, 3)
        assert len(first.rows) == 3
        database.execute(f"ALTER TABLE t {change}")
        capture.catch_up()
        rows = load(capture, reader, first.after)
        reader.close()
        assert sorted(int(str(row["id"])) for row in rows) == list(range(5, 15))


def test_a_load_begins_again_when_its_keys_collation_changes(database: Database) -> None:
    database.execute("CREATE TABLE t (id VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY)")
    database.executemany("INSERT INTO t VALUES (%s)", [(name,) for name in "ABCDabcde"])
    with capturing(database) as capture:
        reader = capture.reader()
        first = next_chunk(capture, reader, None, 5)
        assert [row for _, row in first.rows][-1] == b'{"id":"a"}'
        database.execute("DELETE FROM t WHERE id IN ('A', 'B', 'C', 'D')")
        database.execute("INSERT INTO t VALUES ('Z')")
        database.execute("ALTER TABLE t MODIFY id VARCHAR(9) COLLATE utf8mb4_general_ci")
        capture.catch_up()
        rows = load(capture, reader, first.after)
        reader.close()
        assert [row["id"] for row in rows] == ["a", "b", "c", "d", "e", "Z"]


def test_a_table_that_loses_its_key_under_the_load_is_suspended(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY)")
    database.executemany("INSERT INTO t VALUES (%s)", [(n,) for n in range(10)])
    with capturing(database) as capture:
        reader = capture.reader()
        first = next_chunk(capture, reader, None, 3)
        database.execute("ALTER TABLE t DROP PRIMARY KEY")
        capture.catch_up()
        with pytest.raises(TableGoneError):
            next_chunk(capture, reader, first.after, 3)
        reader.close()
        capture.flush()
        assert "no primary key any more" in capture.suspension("t")


# ---- reads that end early


def sent(database: Database) -> int:
    """Bytes that the server has sent to everybody."""
    return int(database.query("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")[0][1])


def _fill_80_mb(database: Database, columns: str) -> None:
    database.execute(f"CREATE TABLE t ({columns})")
    with database.transaction() as cursor:
        for start in range(0, 4000, 100):
            cursor.executemany("INSERT INTO t VALUES (%s, REPEAT('x', 20000))", [(start + n,) for n in range(100)])


@pytest.mark.parametrize("keyless", [False, True])
def test_a_read_cut_off_leaves_the_rest_at_the_server(database: Database, keyless: bool) -> None:
    _fill_80_mb(database, f"id INT {'' if keyless else 'PRIMARY KEY'}, a MEDIUMTEXT")
    with capturing(database) as capture:
        before = sent(database)
        reader = capture.reader()
        if keyless:
            whole = iter(reader.whole(capture.topic("t"), 1 << 20))
            assert len(next(whole).rows) > 10
            whole.close()  # type: ignore[attr-defined]
        else:
            chunk = read_chunk(reader, capture.topic("t"), None, 20_000, 1 << 20)
            assert 10 < len(chunk.rows) < 100
            assert len(read_chunk(reader, capture.topic("t"), chunk.after, 5, 1 << 20).rows) == 5
        reader.close()
        # Of 80 MB; what the sockets' buffers hold is on its way.
        assert sent(database) - before < 30_000_000


def test_rows_of_more_than_16_mib_are_loaded(database: Database) -> None:
    """Their packets are in pieces. Virtual columns, because a redo log as small as the tests' takes no such value, and
    unlogged, because MariaDB cannot read such an event itself."""
    database.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9000), b MEDIUMTEXT AS (REPEAT(a, 1000)) VIRTUAL,"
        " c MEDIUMTEXT AS (REPEAT(a, 900)) VIRTUAL)"
    )
    database.script(
        "SET SESSION sql_log_bin = 0",
        "INSERT INTO t (id, a) VALUES (1, REPEAT('x', 9000)), (2, 'y'), (3, REPEAT('z', 9000)), (4, NULL)",
        "SET SESSION sql_log_bin = 1",
    )
    with capturing(database) as capture:
        reader = capture.reader()
        chunks = [read_chunk(reader, capture.topic("t"), None, 3, 1 << 30)]
        chunks.append(read_chunk(reader, capture.topic("t"), chunks[0].after, 3, 1 << 30))
        reader.close()
        rows = [orjson.loads(row) for chunk in chunks for _, row in chunk.rows]
        assert [row["id"] for row in rows] == [1, 2, 3, 4]
        assert (rows[0]["b"], rows[0]["c"]) == ("x" * 9_000_000, "x" * 8_100_000)
        assert (rows[1]["b"], rows[2]["c"], rows[3]["b"]) == ("y" * 1000, "z" * 8_100_000, None)


@pytest.mark.parametrize(
    ("kill", "error", "reason"), [("KILL QUERY", RefusedError, "interrupted"), ("KILL", UnreachableError, "server")]
)
def test_an_answer_that_breaks_off_is_an_error_with_its_reason(
    database: Database, kill: str, error: type[Exception], reason: str
) -> None:
    _fill_80_mb(database, "id INT, a MEDIUMTEXT")
    with capturing(database) as capture:
        reader = capture.reader()
        chunks = iter(reader.whole(capture.topic("t"), 1 << 20))
        assert len(next(chunks).rows) > 10
        [(query,)] = database.query(
            "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT `id`, `a` FROM%'"
        )
        database.execute(f"{kill} {query}")
        with pytest.raises(error, match=reason):
            list(chunks)
        reader.close()


def test_a_driver_that_agrees_on_answers_without_ends_of_columns_is_understood(database: Database) -> None:
    """PyMySQL does not yet."""
    login = database.server.login
    flags = CLIENT.DEPRECATE_EOF | CLIENT.FOUND_ROWS
    made: DriverConnection = pymysql.connect(
        user=login.user, password=login.password or "", host=login.host, port=login.port, client_flag=flags
    )
    column = column_type(parse("int"))
    plan = TextPlan([SelectedColumn("n", column.convert, 1, column.selected)])
    for _ in range(2):  # the connection is usable after it
        with Result(made, plan, "SELECT 1 AS n UNION SELECT 2", "the server", "t") as result:
            rows: list[JsonRow] = []
            result.read(rows, 1 << 20)
        assert result.ended
        assert rows == [(b'{"n":1}', b'{"n":1}'), (b'{"n":2}', b'{"n":2}')]
    made.close()


def test_the_log_is_not_asked_for_before_it_is_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server gives up a reader that takes nothing for net_write_timeout, however long the load takes."""
    monkeypatch.setattr(connection, "_SESSION", connection._SESSION.replace("timeout = 600", "timeout = 1"))
    database.execute("CREATE TABLE t (id INT, a MEDIUMTEXT)")
    with capturing(database) as capture:
        deadline = time.monotonic() + 2
        rows = 0
        while rows < 50 or time.monotonic() < deadline:
            database.execute("INSERT INTO t VALUES (%s, REPEAT('x', 1000000))", (rows,))
            rows += 1
        assert [event.op for event in capture.catch_up(60)] == ["c"] * rows


# ---- engines


@pytest.mark.parametrize("engine", ["MyISAM", "MEMORY"])
def test_keyless_tables_without_read_views_are_suspended(database: Database, engine: str) -> None:
    _assert_suspended(database, engine)


def test_keyless_aria_tables_are_suspended(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        _assert_suspended(database, "Aria")


def _assert_suspended(database: Database, engine: str) -> None:
    database.execute(f"CREATE TABLE k (a INT) ENGINE={engine}")
    database.execute(f"CREATE TABLE t (id INT PRIMARY KEY) ENGINE={engine}")
    with capturing(database) as capture:
        capture.flush()
        assert engine.lower() in capture.suspension("k").lower()
        assert capture.suspension("t") == ""
        assert capture.opened is not None
        assert [table.state for table in capture.opened.tables] == ["suspended", "streaming"]
        findings = {finding.name: finding for finding in capture.create().check()}
        assert "read views" in findings[f"table {database.name}.k"].detail
    with capturing(database, mode="cdc", pipeline="changes") as capture:
        database.execute("INSERT INTO k VALUES (1)")
        assert capture.brief() == [("k", "c", None, {"a": 1})]
