"""What rows hold in a column that was added after them: as the stream says it, and as the server does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
import pymysql
import pytest

from tests import servers
from tests.capture.chunks import read_chunk
from tests.integration.mysql_capture import Capture, capturing
from tests.servers import Database, wait_until

ENGINES = ["mariadb", "mysql", "mysql_defaults"]

EXACT = [
    "INT DEFAULT 5",
    "INT DEFAULT '-7'",
    "BIGINT UNSIGNED DEFAULT 18446744073709551615",
    "BOOL DEFAULT TRUE",
    "INT DEFAULT b'101'",
    "YEAR DEFAULT 2024",
    "YEAR DEFAULT '1999'",
    "DECIMAL(5,2) DEFAULT 0.125",
    "DECIMAL(5,2) DEFAULT '-0.125'",
    "DECIMAL(5,2) DEFAULT 1",
    "DECIMAL(5,2) NOT NULL",
    "DECIMAL(65,30) DEFAULT 12345678901234567890123456789012345.123456789012345678901234567891",
    "DOUBLE DEFAULT 0.1",
    "DOUBLE DEFAULT -1.5e300",
    "FLOAT DEFAULT 0.1",
    "DOUBLE(5,2) DEFAULT 3",
    "BIT(5) DEFAULT b'101'",
    "BIT(5) DEFAULT 3",
    "VARCHAR(20) DEFAULT '50\\% \\_ é \\n'",
    "VARCHAR(20) CHARACTER SET latin1 DEFAULT 'é€'",
    "VARCHAR(20) DEFAULT 12",
    "CHAR(5) DEFAULT 'ab  '",
    "CHAR(5) NOT NULL",
    "BINARY(5) DEFAULT 'ab'",
    "VARBINARY(5) DEFAULT 'ab '",
    "ENUM('small','big') DEFAULT 'SMALL'",
    "ENUM('small','big') NOT NULL",
    "SET('x','y','z') DEFAULT 'z,x,Z'",
    "DATE DEFAULT '2024-01-05'",
    "DATE NOT NULL",
    "TIME DEFAULT '-101:02:03'",
    "TIME(3) DEFAULT '01:02:03.5'",
    "DATETIME(3) DEFAULT '2024-01-05 10:00:00.25'",
    "DATETIME DEFAULT '2024-01-05'",
    "TIMESTAMP NULL DEFAULT '2024-01-05 10:00:00'",
    "TIMESTAMP(6) NULL DEFAULT '2024-01-05 00:30:00.5'",
    "TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00'",
    "TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP",
    "TIMESTAMP NULL DEFAULT NOW()",
]

# What the server makes of these is its own affair: exact, or refused by name.
UNSURE = [
    "INT DEFAULT '1e2'",
    "INT DEFAULT 1.6",
    "YEAR DEFAULT 24",
    "YEAR DEFAULT '0'",
    "DECIMAL(5,2) DEFAULT -0.001",
    "DECIMAL(5,2) DEFAULT 1e-1",
    "DOUBLE(5,2) DEFAULT 1.005",
    "BIT(8) DEFAULT '5'",
    "VARCHAR(20) DEFAULT 007",
    "VARCHAR(20) DEFAULT TRUE",
    "VARCHAR(20) DEFAULT b'1000001'",
    "VARCHAR(20) DEFAULT _ucs2'ab'",
    "VARCHAR(3) DEFAULT 'abc  '",
    "BINARY(5) DEFAULT 'é'",
    "VARBINARY(5) DEFAULT 0x00ff",
    "DATE DEFAULT '2024-1-5'",
    "DATE DEFAULT 20240105",
    "TIME DEFAULT '10:11'",
    "TIME DEFAULT '01:02:03.6'",
    "DATETIME DEFAULT '24-01-05 10:00'",
    "DATETIME DEFAULT '2024-01-05 10:00:00.6'",
    "TIMESTAMP NULL DEFAULT '2024-1-5'",
]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    with request.getfixturevalue(request.param).database() as found:
        found.execute("SET SESSION sql_mode = ''")
        yield found


def held(capture: Capture, table: str) -> dict[str, Any]:
    """The row of a table as the server has it, in the stream's form."""
    reader = capture.reader()
    [(_, row)] = read_chunk(reader, capture.topic(table), None, 10, 1 << 20).rows
    reader.close()
    found: dict[str, Any] = orjson.loads(row)
    return found


def initials(capture: Capture, table: str, version: int = 2) -> dict[str, Any]:
    return {column.name: column.initial for column in capture.schema(table, version).columns[1:]}


def create_with_a_row(database: Database, table: str = "t") -> None:
    database.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY)")
    database.execute(f"INSERT INTO {table} VALUES (1)")


@pytest.mark.parametrize("time_zone", ["SYSTEM", "+00:00", "+02:00", "-09:30"])
def test_defaults_are_what_earlier_rows_hold(database: Database, time_zone: str) -> None:
    create_with_a_row(database)
    with capturing(database) as capture:
        database.execute(f"SET SESSION time_zone = '{time_zone}'")
        database.execute("ALTER TABLE t " + ", ".join(f"ADD c{n} {column}" for n, column in enumerate(EXACT)))
        capture.catch_up()
        assert capture.suspension("t") == ""
        row = held(capture, "t")
        del row["id"]
        assert initials(capture, "t") == row


def test_defaults_that_the_server_converts_are_exact_or_refused(database: Database) -> None:
    for number in range(len(UNSURE)):
        create_with_a_row(database, f"t{number}")
    with capturing(database) as capture:
        taken = {}
        for number, column in enumerate(UNSURE):
            with suppress(pymysql.OperationalError):  # servers differ in what they take
                database.execute(f"ALTER TABLE t{number} ADD c {column}")
                taken[number] = column
        assert len(taken) > 15
        capture.catch_up()
        for number, column in taken.items():
            assert "column c" in capture.suspension(f"t{number}"), column


def test_current_timestamp_is_when_the_statement_began(database: Database) -> None:
    create_with_a_row(database)
    database.execute("CREATE TABLE lock_me (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        other = database.connect(autocommit=False)
        with other.cursor() as cursor:
            # The ALTER waits for this transaction, and commits seconds after it began.
            cursor.execute("SELECT * FROM t")
            altering = database.connect()
            number = altering.thread_id()
            altering._execute_command(3, "ALTER TABLE t ADD c TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP")
            waited = "SELECT time FROM information_schema.processlist WHERE id = %s"
            wait_until(lambda: database.query(waited, (number,))[0][0] >= 2, 30, "the ALTER waits")
            other.rollback()
            altering._read_query_result()
        capture.catch_up()
        assert initials(capture, "t") == {"c": held(capture, "t")["c"]}


def test_timestamps_of_a_session_whose_offset_changes_are_refused(database: Database) -> None:
    create_with_a_row(database)
    create_with_a_row(database, "zero")
    database.execute("SET SESSION sql_log_bin = 0")
    database.execute("DELETE FROM mysql.time_zone_name WHERE Name = 'Test/Zone'")
    database.execute("REPLACE INTO mysql.time_zone VALUES (4711, 'N')")
    database.execute("REPLACE INTO mysql.time_zone_transition_type VALUES (4711, 0, 7200, 0, 'TST')")
    database.execute("INSERT INTO mysql.time_zone_name VALUES ('Test/Zone', 4711)")
    database.execute("SET SESSION sql_log_bin = 1")
    with capturing(database) as capture:
        database.execute("SET SESSION time_zone = 'Test/Zone'")
        for table, value in (("t", "2024-07-01 00:00:00"), ("zero", "0000-00-00 00:00:00")):
            database.execute(f"ALTER TABLE {table} ADD c TIMESTAMP NOT NULL DEFAULT '{value}'")
        capture.catch_up()
        assert "time zone" in capture.suspension("t")
        assert initials(capture, "zero") == {"c": "0000-00-00T00:00:00Z"}


def test_backslashes_where_they_are_no_escapes(database: Database) -> None:
    create_with_a_row(database)
    with capturing(database) as capture:
        database.execute("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'")
        database.execute(r"ALTER TABLE t ADD c VARCHAR(20) DEFAULT 'a\\nb\\', ADD d INT DEFAULT 4")
        capture.catch_up()
        row = held(capture, "t")
        assert initials(capture, "t") == {"c": row["c"], "d": 4}
        assert "\\" in row["c"]


def test_defaults_of_mariadbs_own_types(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        create_with_a_row(database)
        create_with_a_row(database, "unsure")
        with capturing(database) as capture:
            database.execute(
                "ALTER TABLE t ADD a UUID DEFAULT '123E4567-e89b-12d3-a456-426655440000',"
                " ADD b INET4 DEFAULT '192.0.2.1', ADD c INET6 DEFAULT '2001:db8::1'"
            )
            database.execute("ALTER TABLE unsure ADD c INET6 DEFAULT '2001:0db8::1'")
            capture.catch_up()
            row = held(capture, "t")
            assert initials(capture, "t") == {name: row[name] for name in "abc"}
            assert "column c" in capture.suspension("unsure")
