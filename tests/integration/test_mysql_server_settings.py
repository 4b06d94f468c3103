"""Servers with unusual settings: zone, small row events, compression from a length on, encryption, hidden keys.

What the log and the load say of a row does not depend on any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from tests import servers
from tests.capture.chunks import read_chunk
from tests.integration.mysql_capture import Capture, capturing, create_t, log_events, log_place
from tests.servers import Database

#: A row event ends once it has so many bytes: a statement of many rows is many row events.
SMALL_EVENTS = 256
#: MariaDB compresses from this length on, which is its default.
COMPRESSED_FROM = 256


@pytest.fixture(scope="module")
def odd_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.MariaDB]:
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_text("1;770A8A65DA156D24EE2A093277530142\n")
    options: dict[str, str | int | None] = {
        "default-time-zone": "+05:30",
        "binlog-row-event-max-size": SMALL_EVENTS,
        "log-bin-compress": "ON",
        "log-bin-compress-min-len": COMPRESSED_FROM,
        "plugin-load-add": "file_key_management",
        "file-key-management-filename": str(keys),
        "encrypt-binlog": "ON",
        "max-allowed-packet": 64 << 20,
    }
    with servers.start("mariadb", options) as server:
        yield server


@pytest.fixture(scope="module")
def odd_mysql() -> Iterator[servers.MySQL]:
    options: dict[str, str | int | None] = {
        "default-time-zone": "-09:30",
        "binlog-row-event-max-size": SMALL_EVENTS,
        "sql-generate-invisible-primary-key": "ON",
        "show-gipk-in-create-table-and-information-schema": "OFF",
    }
    with servers.start("mysql", options) as server:
        yield server


@pytest.fixture(params=["odd_mariadb", "odd_mysql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database() as found:
        yield found


def loaded(capture: Capture, table: str) -> dict[bytes | None, bytes]:
    """A table's rows as a load reads them."""
    with closing(capture.reader()) as reader:
        return dict(read_chunk(reader, capture.topic(table), None, 10_000, 1 << 26).rows)


def test_moments_are_utc_whatever_the_servers_zone(database: Database) -> None:
    """A TIMESTAMP is stored in UTC and shown in the session's zone; a DATETIME is as it was written."""
    zone = database.value("SELECT @@global.time_zone")
    assert zone == database.value("SELECT @@session.time_zone") != "+00:00"
    moment = {"+05:30": "2024-06-30T06:30:00.25Z", "-09:30": "2024-06-30T21:30:00.25Z"}[zone]
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, m TIMESTAMP(2) NULL, d DATETIME(2), t TIME)")
    row = "'2024-06-30 12:00:00.25', '2024-06-30 12:00:00.25', '-01:30:00'"
    database.execute(f"INSERT INTO t VALUES (1, {row})")
    with capturing(database) as capture:
        database.execute(f"INSERT INTO t VALUES (2, {row})")
        (event,) = capture.catch_up()
        wanted = {"m": moment, "d": "2024-06-30T12:00:00.25", "t": "-01:30:00"}
        rows = loaded(capture, "t")
        assert event.value is not None
        assert event.value["after"] == {"id": 2, **wanted}
        assert orjson.loads(rows[b'{"id":1}']) == {"id": 1, **wanted}
        assert rows[b'{"id":2}'] == event.after_json()


def test_a_statement_of_many_row_events(database: Database) -> None:
    """One table map stands before all of them; a restart comes back in the middle."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(100), n INT)")
    with capturing(database) as capture:
        since = log_place(database)
        values = ", ".join(f"({number}, REPEAT('x', {number % 90}), {number})" for number in range(400))
        database.script(f"INSERT INTO t VALUES {values}", "UPDATE t SET n = n + 1", "DELETE FROM t WHERE id % 2 = 0")
        file, pos = since
        events = database.query(f"SHOW BINLOG EVENTS IN '{file}' FROM {pos}")
        kinds = [str(event[2]).partition("_")[0] for event in events]
        assert kinds.count("Write") > 50
        assert kinds.count("Update") > 100
        assert capture.source is not None
        goal = capture.source.log_end()
        reads = 0
        while capture.position is not None and capture.position.mark < goal:
            if capture.read(limit_bytes=1) is not None and reads % 2 == 0:
                capture.reopen()
            reads += 1
        assert [event.op for event in capture.events if event.value] == ["c"] * 400 + ["u"] * 400 + ["d"] * 200
        sequences = [event.source["tailrace_seq"] for event in capture.events if event.value]
        assert sequences == sorted(set(sequences))
        assert capture.replayed("t") == capture.stored("t")


def test_row_events_around_the_length_from_which_they_are_compressed(odd_mariadb: servers.MariaDB) -> None:
    """In one transaction, by all of its lengths; and where a compressed length takes one byte, two, three and four."""
    with odd_mariadb.database() as database:
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)")
        lengths = [*range(COMPRESSED_FROM - 60, COMPRESSED_FROM + 20), 70_000, 17 << 20]
        with capturing(database) as capture:
            since = log_place(database)
            with database.transaction() as cursor:
                for length in lengths:
                    cursor.execute("INSERT INTO t VALUES (%s, REPEAT('y', %s))", (length, length))
            database.execute("DELETE FROM t WHERE id < 1000")
            kinds = log_events(database, since)
            assert {"Write_rows_v1", "Write_rows_compressed_v1", "Delete_rows_compressed_v1"} <= kinds
            rows = [event.value["after"] for event in capture.catch_up() if event.value and event.op == "c"]
            assert [(row["id"], len(row["body"])) for row in rows] == [(length, length) for length in lengths]
            assert len(capture.events) == len(lengths) + 2 * (len(lengths) - 2)


def test_an_encrypted_log_is_read_as_any_other(odd_mariadb: servers.MariaDB) -> None:
    """The server decrypts it for its replicas, also from the middle of a file on and in the next one."""
    with odd_mariadb.database() as database:
        create_t(database)
        data = Path(odd_mariadb.folder) / "data"
        with capturing(database) as capture:
            assert capture.source is not None
            assert [finding for finding in capture.source.check() if finding.ok is False] == []
            file, since = log_place(database)
            database.execute("INSERT INTO t VALUES (1, 'a rare secret', 1)")
            assert "Start_encryption" in log_events(database, (file, 4))
            assert b"a rare secret" not in (data / file).read_bytes()[since:]
            assert len(capture.catch_up()) == 1
            capture.close()
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            odd_mariadb.query("FLUSH BINARY LOGS")
            database.execute("INSERT INTO t VALUES (3, 'x', 1)")
            # Its columns are known only once the log has been searched to its end.
            database.execute("CREATE TABLE copied (PRIMARY KEY (id)) AS SELECT id, b FROM t")
            capture.open()
            found = [(table, after["id"]) for table, op, _, after in capture.brief() if op == "c"]
            assert found == [("t", 2), ("t", 3), ("copied", 1), ("copied", 2), ("copied", 3)]


def test_a_key_that_the_server_made_and_hides(odd_mysql: servers.MySQL) -> None:
    """It is in the log: so it must be in what is loaded, whatever the server shows of it."""
    with odd_mysql.database() as database:
        database.execute("CREATE TABLE t (a INT)")
        hidden = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 't'"
        assert database.value(hidden) == 1
        database.execute("INSERT INTO t VALUES (10), (20)")
        with capturing(database) as capture:
            rows = loaded(capture, "t")
            assert rows == {
                b'{"my_row_id":1}': b'{"my_row_id":1,"a":10}',
                b'{"my_row_id":2}': b'{"my_row_id":2,"a":20}',
            }
            database.script("INSERT INTO t VALUES (30)", "UPDATE t SET a = 11 WHERE a = 10", "CREATE TABLE u (b INT)")
            database.execute("INSERT INTO u VALUES (1)")
            events = capture.catch_up()
            assert [(event.key, event.op) for event in events] == [
                (b'{"my_row_id":3}', "c"),
                (b'{"my_row_id":1}', "u"),
                (b'{"my_row_id":1}', "c"),
            ]
            assert loaded(capture, "t")[b'{"my_row_id":3}'] == events[0].after_json()
