"""Mode `full-load`: a copy of the tables as they are, by who may only SELECT, from servers that keep no log for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database

#: Without a binlog, or with a log that no slot can read.
LOGLESS: dict[str, dict[str, Any]] = {
    "mariadb": {"log-bin": None, "binlog-format": None, "binlog-row-metadata": None},
    "mysql": {"log-bin": None, "binlog-row-metadata": None, "skip-log-bin": True, "gtid-mode": "OFF"},
    "postgres15": {"wal_level": "replica"},
}
PASSWORD = "only-to-read"


@pytest.fixture(scope="module", params=LOGLESS)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    with servers.start(request.param, LOGLESS[request.param]) as started:
        yield started


@pytest.fixture
def source(server: Any) -> Iterator[Database]:
    with server.database("copied") as database:
        yield database


def reader_url(source: Database) -> str:
    """Of a user who may SELECT, and nothing else."""
    login = source.server.login
    where = f"{login.host}:{login.port}/{source.name}"
    if login.scheme == "mysql":
        for statement in (
            f"CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT ON {source.name}.* TO reader@'%'",
        ):
            source.execute(statement)
    else:
        source.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'reader') THEN"
            f" CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; END IF; END $$"
        )
        source.execute("GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    return f"{login.scheme}://reader:{PASSWORD}@{where}"


def pipeline_file(folder: Path, source: Database, mode: str = "full-load") -> PipelineFile:
    sink = text.sink("copy", f"sqlite:///{folder / 'copy.db'}")
    return PipelineFile(
        folder, text.pipeline(folder, text.source(reader_url(source)), sink, top=f'mode = "{mode}"\n', name="copy")
    )


def create(source: Database) -> None:
    source.execute("CREATE TABLE keyed (a int, b varchar(20), c varchar(20), PRIMARY KEY (a, b))")
    source.executemany("INSERT INTO keyed VALUES (%s, %s, %s)", [(n // 7, f"k{n % 7}", f"v{n}") for n in range(500)])
    source.execute("CREATE TABLE keyless (n int, v varchar(20))")
    source.executemany("INSERT INTO keyless VALUES (%s, %s)", [(n % 3, "twice") for n in range(30)])
    source.execute("CREATE TABLE bare (id int PRIMARY KEY)")


def copied(folder: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "copy.db")) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}"))


def test_a_copy_is_made_by_who_may_only_read_from_a_server_without_a_log(source: Database, tmp_path: Path) -> None:
    create(source)
    file = pipeline_file(tmp_path, source)
    checked = file.command("check", "--json")
    assert checked.code == 0, checked.stdout
    done = file.until_caught_up()
    assert done.code == 0, done.stderr
    for table in ("keyed", "keyless", "bare"):
        assert copied(tmp_path, table) == sorted(tuple(row) for row in source.query(f"SELECT * FROM {table}"))
    assert file.command("verify").code == 0
    events = file.tail("--from", "beginning", "--timeout", "1")
    assert {event["value"]["op"] for event in events} == {"r", "s"}  # and marks of where a load begins and ends
    assert file.command("teardown", "--yes").code == 0


def test_a_copy_that_is_done_stays_as_it_is_and_says_so(source: Database, tmp_path: Path) -> None:
    create(source)
    file = pipeline_file(tmp_path, source)
    assert file.until_caught_up().code == 0
    source.execute("INSERT INTO keyed VALUES (1000, 'later', 'row')")
    again = file.until_caught_up()
    assert again.code == 0, again.stderr
    assert len(copied(tmp_path, "keyed")) == 500
    with file.running():
        servers.wait_until(
            lambda: {table["state"] for table in file.status().get("tables", [])} == {"loaded"}, 30, "tables are loaded"
        )
        servers.wait_until(
            lambda: [worker["lag_bytes"] for worker in file.status()["workers"]] == [0, 0], 30, "nothing is behind"
        )


def test_the_state_of_another_mode_is_refused(source: Database, tmp_path: Path) -> None:
    """A copy has no place in a log to go on from; and a slot would keep its log for ever if nobody read it any more."""
    create(source)
    assert pipeline_file(tmp_path, source).until_caught_up().code == 0
    refused = pipeline_file(tmp_path, source, mode="full-load-and-cdc").until_caught_up()
    assert refused.code == 5
    if source.server.login.scheme == "postgresql":
        assert "tailrace teardown" in refused.stderr or "wal_level" in refused.stderr


def test_a_table_that_comes_later_is_copied_by_the_next_run(source: Database, tmp_path: Path) -> None:
    create(source)
    file = pipeline_file(tmp_path, source)
    assert file.until_caught_up().code == 0
    source.execute("CREATE TABLE late (id int PRIMARY KEY)")
    source.execute("INSERT INTO late VALUES (1)")
    source.execute("CREATE TABLE late_keyless (n int)")
    source.execute("INSERT INTO late_keyless VALUES (1), (1)")
    reader_url(source)  # grants, which on PostgreSQL are a table's own
    again = file.until_caught_up()
    assert again.code == 0, again.stderr
    assert copied(tmp_path, "late") == [(1,)]
    assert copied(tmp_path, "late_keyless") == [(1,), (1,)]
    assert len(copied(tmp_path, "keyed")) == 500


def test_a_copy_without_a_key_is_made_again_whole(source: Database, tmp_path: Path) -> None:
    create(source)
    file = pipeline_file(tmp_path, source)
    with file.running():
        servers.wait_until(lambda: len(copied(tmp_path, "keyless")) == 30, 30, "it is copied")
        source.execute("DELETE FROM keyless WHERE n = 1")
        source.execute("INSERT INTO keyless VALUES (7, 'later'), (7, 'later')")
        done = file.command("reload", "--table", "*keyless", "--wait")
        assert done.code == 0, (done.stdout, done.stderr)
        expected = sorted([(0, "twice"), (2, "twice")] * 10 + [(7, "later")] * 2)
        servers.wait_until(lambda: copied(tmp_path, "keyless") == expected, 30, "it is copied again")
