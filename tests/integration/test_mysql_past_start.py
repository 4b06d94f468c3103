"""`[source] start` on real servers: a place, transaction ids, a time; and what is no such place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.config.start import moment_text
from tailrace.errors import DataLossError, RefusedError, TailraceError
from tailrace_mysql.restart import Restart
from tests import servers
from tests.integration.mysql_capture import Capture, capturing, create_t, log_place
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database, wait_until

#: MariaDB, MySQL with GTIDs and all metadata, MySQL with neither.
KINDS = ["mariadb", "mysql", "mysql_defaults"]


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database() as found:
        yield found


def starting(database: Database, start: str) -> Capture:
    return Capture(database, mode="cdc", settings={"start": start})


def ids(capture: Capture) -> list[int]:
    return [after["id"] for _, _, _, after in capture.brief() if after]


def from_start(database: Database, start: str) -> list[int]:
    """The ids of table t that a first start finds there, up to the log's end."""
    with capturing(database, mode="cdc", settings={"start": start}) as capture:
        return ids(capture)


def insert(database: Database, *numbers: int) -> None:
    for number in numbers:
        database.execute("INSERT INTO t VALUES (%s, 'x', 1)", (number,))


def refusal(database: Database, start: str, kind: type[TailraceError] = RefusedError) -> TailraceError:
    """Opening is refused, and `check` says the same."""
    capture = starting(database, start)
    with pytest.raises(kind) as refused:
        capture.open()
    capture.close()
    ok, what, fix = check(database, start)
    assert (ok, fix) == (False, refused.value.fix)
    assert what[:40] == refused.value.what[:40]  # the server's clock may follow
    return refused.value


def check(database: Database, start: str) -> tuple[bool | None, str, str]:
    source = starting(database, start).create()
    found = [(finding.ok, finding.detail, finding.fix) for finding in source.check() if finding.name == "start"]
    source.close()
    assert len(found) == 1
    return found[0]


def gtids(database: Database) -> str:
    """What is done now, as the server says it."""
    variable = "gtid_binlog_pos" if database.server.kind == "mariadb" else "gtid_executed"
    return "".join(str(database.value(f"SELECT @@GLOBAL.{variable}")).split())


def has_gtids(database: Database) -> bool:
    return database.server.kind != "mysql_defaults"


def micros(database: Database) -> int:
    return int(database.value("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)"))


def next_second(database: Database) -> int:
    """The beginning of a second of the server's clock in which nothing was written yet; microseconds."""
    second = micros(database) // 1_000_000 + 1
    wait_until(lambda: micros(database) >= second * 1_000_000, 5, "the next second")
    return second * 1_000_000


# ---- a file and a position


def test_a_start_at_a_place_is_exact_and_is_not_applied_again(database: Database) -> None:
    create_t(database)
    insert(database, 1)
    done = gtids(database) if has_gtids(database) else ""
    file, pos = log_place(database)
    insert(database, 2, 3)
    start = f"position:{file}:{pos}"
    ok, detail, _ = check(database, start)
    assert ok, detail
    with capturing(database, mode="cdc", settings={"start": start}) as capture:
        assert capture.opened is not None
        assert capture.opened.past
        assert capture.position is not None
        assert capture.position.commit_ts_ms > 0
        begun = Restart.from_text(capture.position.restart)
        assert (begun.file, begun.pos, begun.gtid) == (file, pos, done)
        assert ids(capture) == [2, 3]
        insert(database, 4)
        capture.settings["start"] = "position:binlog.999999:4"  # read at a first start alone
        capture.reopen()
        assert ids(capture) == [4]
        capture.reopen()
        assert ids(capture) == []


def test_a_start_at_the_logs_end_and_at_the_beginning_and_end_of_a_file(database: Database) -> None:
    create_t(database)
    insert(database, 1)
    file, pos = log_place(database)
    assert from_start(database, f"position:{file}:{pos}") == []
    database.server.query("FLUSH BINARY LOGS")
    size = next(row[1] for row in database.query("SHOW BINARY LOGS") if row[0] == file)
    newest, _ = log_place(database)
    insert(database, 2)
    for start in (f"{file}:{pos}", f"{file}:{size}", f"{newest}:4"):
        assert from_start(database, f"position:{start}") == [2], start


def test_what_is_no_place_between_transactions_is_refused_with_those_that_are(database: Database) -> None:
    create_t(database)
    insert(database, 1)
    file, before = log_place(database)
    database.execute("INSERT INTO t VALUES (2, 'x', 1), (3, 'y', 1)")
    _, behind = log_place(database)
    insert(database, 4)
    rows = database.query(f"SHOW BINLOG EVENTS IN '{file}' FROM {before}")
    inside = next(int(row[1]) for row in rows if "rows" in str(row[2]).lower())
    for pos in (inside, inside + 3, behind - 1):
        error = refusal(database, f"position:{file}:{pos}")
        assert "inside a transaction" in error.what
        assert f'"position:{file}:{before}"' in error.fix
        assert f'"position:{file}:{behind}"' in error.fix
    error = refusal(database, f"position:{file}:5")
    assert "where no event begins" in error.what
    assert f'"position:{file}:4"' in error.fix
    assert from_start(database, f"position:{file}:{before}") == [2, 3, 4]
    assert from_start(database, f"position:{file}:{behind}") == [4]
    assert "ends at" in refusal(database, f"position:{file}:{10**9}").what
    assert "there is no binlog" in refusal(database, "position:binlog.999999:4").what


# ---- transaction ids


@pytest.mark.parametrize("database", ["mariadb", "mysql"], indirect=True)
def test_a_start_by_transaction_ids(database: Database) -> None:
    create_t(database)
    insert(database, 1)
    done = gtids(database)
    insert(database, 2)
    database.server.query("FLUSH BINARY LOGS")
    later = gtids(database)
    insert(database, 3)
    with capturing(database, mode="cdc", settings={"start": f"position:gtid:{done}"}) as capture:
        assert ids(capture) == [2, 3]
        insert(database, 4)
        capture.reopen()
        assert ids(capture) == [4]
    assert from_start(database, f"position:gtid:{later}") == [3, 4]
    assert from_start(database, f"position:gtid:{gtids(database)}") == []
    assert check(database, f"position:gtid:{done}")[0]


@pytest.mark.parametrize("database", ["mariadb", "mysql"], indirect=True)
def test_transaction_ids_that_the_server_has_not_are_refused(database: Database) -> None:
    create_t(database)
    insert(database, 1)
    mariadb = database.server.kind == "mariadb"
    if mariadb:
        first, *others = gtids(database).split(",")
        domain, server, number = first.split("-")
        unknown = f"{domain}-{server}-{int(number) + 1000}"
        elsewhere = ",".join([f"{domain}-{int(server) + 7}-{number}", *others])
        assert "has no transaction" in refusal(database, f"position:gtid:{elsewhere}").what
        foreign = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"
    else:
        unknown = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"
        foreign = "0-1-42"
    assert "has not executed" in refusal(database, f"position:gtid:{unknown}").what
    assert "the server is" in refusal(database, f"position:gtid:{foreign}").what


def test_transaction_ids_without_any_at_the_server(request: pytest.FixtureRequest) -> None:
    with request.getfixturevalue("mysql_defaults").database() as database:
        create_t(database)
        error = refusal(database, "position:gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5")
        assert "has no GTIDs" in error.what


# ---- a time


def test_a_start_at_a_time_begins_with_the_first_transaction_committed_then(database: Database) -> None:
    create_t(database)
    insert(database, 1)
    first = next_second(database)
    insert(database, 2)
    database.server.query("FLUSH BINARY LOGS")
    second = next_second(database)
    database.execute("BEGIN")
    insert(database, 3)
    third = next_second(database)
    database.execute("COMMIT")
    with capturing(database, mode="cdc", settings={"start": f"timestamp:{moment_text(first)}"}) as capture:
        assert ids(capture) == [2, 3]
        insert(database, 4)
        capture.reopen()
        assert ids(capture) == [4]
    # Committed, not executed.
    assert from_start(database, f"timestamp:{moment_text(second)}") == [3, 4]
    assert from_start(database, f"timestamp:{moment_text(third)}") == [3, 4]
    nothing = next_second(database)
    assert from_start(database, f"timestamp:{moment_text(nothing)}") == []
    assert check(database, f"timestamp:{moment_text(first)}")[0]
    future = refusal(database, f"timestamp:{moment_text(micros(database) + 3_600_000_000)}")
    assert "in the future" in future.what
    early = refusal(database, "timestamp:2001-01-01T00:00:00Z", DataLossError)
    assert "does not reach back" in early.what


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_log_that_was_purged_is_refused_by_place_ids_and_time(kind: str) -> None:
    with servers.start(kind, {"server-id": 7}) as server, server.database() as database:
        create_t(database)
        insert(database, 1)
        done = gtids(database)
        place = log_place(database)
        at = next_second(database)
        insert(database, 2)
        next_second(database)
        database.execute("FLUSH BINARY LOGS")
        insert(database, 3)
        newest, _ = log_place(database)

        def purged() -> bool:
            database.execute(f"PURGE BINARY LOGS TO '{newest}'")
            return len(database.query("SHOW BINARY LOGS")) == 1

        wait_until(purged, 30, "the log is purged")
        starts = (f"position:{place[0]}:{place[1]}", f"position:gtid:{done}", f"timestamp:{moment_text(at)}")
        for start in starts:
            error = refusal(database, start, DataLossError)
            assert "does not reach back" in error.what, start
        assert from_start(database, f"position:{newest}:4") == [3]


# ---- tables as they were


def test_tables_are_as_they_were_there_or_suspended(database: Database) -> None:
    create_t(database)
    database.execute("CREATE TABLE early (id INT PRIMARY KEY, a INT)")
    database.execute("CREATE TABLE late (id INT PRIMARY KEY, a INT)")
    database.execute("CREATE TABLE gone (id INT PRIMARY KEY, a INT)")
    file, pos = log_place(database)
    insert(database, 1)
    database.execute("INSERT INTO early VALUES (1, 1)")
    database.execute("INSERT INTO gone VALUES (1, 1)")
    database.execute("ALTER TABLE early ADD b INT FIRST")
    database.execute("ALTER TABLE late ADD b INT FIRST")
    database.execute("DROP TABLE gone")
    database.execute("CREATE TABLE made (id INT PRIMARY KEY, c TEXT)")
    database.execute("INSERT INTO early VALUES (2, 2, 2)")
    database.execute("INSERT INTO late VALUES (2, 2, 2)")
    database.execute("INSERT INTO made VALUES (1, 'x')")
    with capturing(database, mode="cdc", settings={"start": f"position:{file}:{pos}"}) as capture:
        capture.flush()
        events = [(table, after) for table, op, _, after in capture.brief() if op == "c"]
        assert events == [
            ("t", {"id": 1, "a": "x", "b": "1.00"}),
            ("late", {"b": 2, "id": 2, "a": 2}),
            ("made", {"id": 1, "c": "x"}),
        ]
        assert "load the table anew" in capture.suspension("early")
        assert capture.suspension("gone")
        assert not capture.suspension("late")


def test_a_transaction_prepared_before_the_place_and_decided_behind_it_is_refused(database: Database) -> None:
    create_t(database)
    file, pos = log_place(database)
    database.execute("XA START 'x'")
    insert(database, 1)
    database.execute("XA END 'x'")
    database.execute("XA PREPARE 'x'")
    _, between = log_place(database)
    database.disconnect()
    database.execute("XA COMMIT 'x'")
    _, behind = log_place(database)
    insert(database, 2)
    error = refusal(database, f"position:{file}:{between}")
    assert "prepared by XA" in error.what
    assert f'"position:{file}:{pos}"' in error.fix
    assert from_start(database, f"position:{file}:{pos}") == [1, 2]
    assert from_start(database, f"position:{file}:{behind}") == [2]


def test_an_outcome_of_xa_whose_beginning_was_not_read_is_data_loss(database: Database) -> None:
    """It stands in an earlier file, which is not read: nobody can say what was changed."""
    create_t(database)
    database.execute("XA START 'y'")
    insert(database, 1)
    database.execute("XA END 'y'")
    database.execute("XA PREPARE 'y'")
    database.disconnect()
    database.server.query("FLUSH BINARY LOGS")
    file, pos = log_place(database)
    insert(database, 2)
    database.execute("XA COMMIT 'y'")
    with (
        capturing(database, mode="cdc", settings={"start": f"position:{file}:{pos}"}) as capture,
        pytest.raises(DataLossError, match=r"prepared by XA before capture began.*begin before it was prepared"),
    ):
        capture.catch_up()


# ---- the daemon


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_a_pipeline_begins_there_and_check_tells_of_it_until_it_has_begun(database: Database, tmp_path: Path) -> None:
    create_t(database)
    insert(database, 1)
    file, pos = log_place(database)
    insert(database, 2)
    source = text.source(database.url, start=f"position:{file}:{pos}")
    pipeline = PipelineFile(tmp_path, text.pipeline(tmp_path, source, top='mode = "cdc"\n'))

    def told() -> list[Any]:
        found = json.loads(pipeline.command("check", "--json").stdout)["findings"]
        return [finding["ok"] for finding in found if finding["name"] == "start"]

    assert told() == [True]
    assert pipeline.until_caught_up().code == 0
    assert told() == []
    pipeline.path.write_text(pipeline.path.read_text().replace(f"{file}:{pos}", f"{file}:5"))
    insert(database, 3)
    assert pipeline.until_caught_up().code == 0
    events = pipeline.tail("--from", "beginning", "--timeout", "1")
    assert [event["value"]["after"]["id"] for event in events] == [2, 3]
    assert pipeline.command("teardown", "--yes").code == 0
    assert told() == [False]
    assert pipeline.command("run").code == RefusedError.exit_code
