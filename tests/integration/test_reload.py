"""`tailrace reload`: tables are loaded again while the stream goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.workload import is_mysql
from tests.servers import Database

SOURCES = ("postgres15", "mariadb", "mysql", "mysql_defaults")


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("again") as database:
        yield database


def damaged(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "copy.db", timeout=30)) as connection, connection:
        connection.execute(statement)


def copied(folder: Path) -> dict[int, str]:
    with closing(sqlite3.connect(folder / "copy.db", timeout=30)) as connection:
        return dict(connection.execute("SELECT id, v FROM t"))


def test_rows_that_a_target_has_lost_or_damaged_come_back(source: Database, tmp_path: Path) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v varchar(20))")
    source.executemany("INSERT INTO t VALUES (%s, %s)", [(n, f"v{n}") for n in range(300)])
    source.execute("CREATE TABLE bare (n int)")
    if not is_mysql(source):
        source.execute("ALTER TABLE bare REPLICA IDENTITY FULL")
    sink = text.sink("copy", f"sqlite:///{tmp_path / 'copy.db'}")
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(source.url), sink))
    name = f"{source.name}.t" if is_mysql(source) else "public.t"
    expected = {n: f"v{n}" for n in range(300)}
    assert file.command("reload", "--table", name).code == 3
    try:
        with file.running():
            servers.wait_until(lambda: copied(tmp_path) == expected, 60, "the copy is whole")

            damaged(tmp_path, "UPDATE t SET v = 'damaged' WHERE id >= 100")
            done = file.command("reload", "--table", name, "--where", "id < 200", "--wait")
            assert done.code == 0, done.stderr
            part = {n: f"v{n}" if n < 200 else "damaged" for n in range(300)}
            servers.wait_until(lambda: copied(tmp_path) == part, 30, "a part came again")

            done = file.command("reload", "--table", name, "--wait")
            assert done.code == 0, done.stderr
            servers.wait_until(lambda: copied(tmp_path) == expected, 30, "all came again")

            wrong = file.command("reload", "--table", name, "--where", "no_such_column = 1")
            assert wrong.code == 1
            assert "no_such_column" in wrong.stdout + wrong.stderr
            every = file.command("reload", "--all", "--wait")
            assert every.code == 0, (every.stdout, every.stderr)
            assert file.command("reload", "--table", "no.such").code == 1
            assert file.command("reload").code == 2

            source.execute("INSERT INTO t VALUES (1000, 'later')")
            expected[1000] = "later"
            servers.wait_until(lambda: copied(tmp_path) == expected, 30, "the stream goes on")
            [table] = [table for table in file.status()["tables"] if table["name"] == name]
            assert (table["state"], table["loads"]) == ("streaming", 3)
    finally:
        assert file.command("teardown", "--yes").code == 0
