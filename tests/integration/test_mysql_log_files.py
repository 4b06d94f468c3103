"""The binlog's files on real servers: their ends, their numbers, and what a server says of events that it lost."""

from __future__ import annotations

from pathlib import Path

import pymysql
import pytest

from tailrace.errors import DataLossError
from tailrace.sequence import mark_binlog
from tests import servers
from tests.integration.mysql_capture import Capture, capturing, create_t, log_events, log_place
from tests.servers import Database

LAST_OF_SIX_DIGITS = 999_999


def renumber(server: servers.MySQL) -> None:
    """Gives the newest file of a server that is down the last name but one of six digits."""
    data = Path(server.folder) / "data"
    (index,) = data.glob("binlog.index")
    *older, last = index.read_text().split()
    name = f"{last.rpartition('.')[0]}.{LAST_OF_SIX_DIGITS - 1}"
    (data / last).rename(data / name)
    for extra in data.glob(f"{Path(last).name}.*"):  # MariaDB keeps a state beside its log
        extra.rename(data / extra.name.replace(Path(last).name, Path(name).name))
    index.write_text("".join(f"{line}\n" for line in [*older, name]))


def ids(capture: Capture) -> list[int]:
    return [after["id"] for _, _, _, after in capture.brief() if after]


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_files_that_end_and_numbers_of_seven_digits(kind: str) -> None:
    """By FLUSH, by an orderly stop of the server, and beyond number 999999; at the last one incidents are data loss."""
    with servers.start(kind, {"server-id": 1}) as server, server.database() as database:
        create_t(database)
        server.shut_down()
        renumber(server)
        server.relaunch()
        with capturing(database) as capture:
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            assert _number(database) == LAST_OF_SIX_DIGITS
            assert ids(capture) == [1]
            server.query("FLUSH BINARY LOGS")
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            assert ids(capture) == [2]
            capture.close()
            file, _ = log_place(database)
            # It would wait for a reader that it has not noticed to be gone.
            readers = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
            for (thread,) in server.query(readers):
                server.query(f"KILL {thread}")
            server.shut_down()
            server.relaunch()
            assert "Stop" in log_events(database, (file, 4))
            database.execute("INSERT INTO t VALUES (3, 'x', 1)")
            capture.open()
            assert ids(capture) == [3]
            assert capture.position is not None
            number, _ = mark_binlog(capture.position.mark)
            assert number == _number(database) == LAST_OF_SIX_DIGITS + 2
            marks = [event.source["tailrace_seq"] for event in capture.events]
            assert marks == sorted(set(marks))
            _lose_events(server, database)
            with pytest.raises(DataLossError, match=r"events were lost.*incident.*--resync"):
                capture.catch_up()


def _number(database: Database) -> int:
    return int(log_place(database)[0].rpartition(".")[2])


def _lose_events(server: servers.MySQL, database: Database) -> None:
    """Rows of an engine without transactions that do not fit into the log's cache are stored and not logged."""
    database.execute("CREATE TABLE m (id INT PRIMARY KEY, body TEXT) ENGINE = MyISAM")
    server.query("SET GLOBAL max_binlog_stmt_cache_size = 4096")
    database.disconnect()
    values = ", ".join(f"({number}, REPEAT('x', 1000))" for number in range(40))
    with pytest.raises(pymysql.MySQLError):
        database.execute(f"INSERT INTO m VALUES {values}")
    assert database.value("SELECT COUNT(*) FROM m") > 0
