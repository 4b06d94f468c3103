"""pt-online-schema-change swaps a copy in while writers are at work; the target equals the source after it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pymysql
import pytest

from tailrace.config import load
from tailrace.verify import verify
from tests.pipelines import text
from tests.servers import Database, SqlServer
from tests.servers.percona import online_schema_change
from tests.statements.running import Runner

ROWS = 3000


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """Two writers that insert, update, delete and change keys until the end; each must have got far."""
    stop = threading.Event()
    errors: list[BaseException] = []
    done = [0, 0]

    def write(number: int) -> None:
        try:
            with closing(database.server.connect(database.name)) as connection, connection.cursor() as cursor:
                while not stop.is_set():
                    key = number + 2 * done[number]
                    done[number] += 1
                    with suppress(pymysql.OperationalError):  # a deadlock with the tool, which copies chunks
                        cursor.execute("INSERT INTO t (id, a, b) VALUES (%s, %s, %s)", (ROWS + key, key, f"new {key}"))
                        cursor.execute("UPDATE t SET a = a + 1 WHERE id = %s", (key % ROWS,))
                        cursor.execute("DELETE FROM t WHERE id = %s", ((7 * key) % ROWS,))
                        cursor.execute("UPDATE t SET id = id + 1000000 WHERE id = %s", ((11 * key) % ROWS,))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert min(done) > 20


@pytest.mark.parametrize("live", [True, False], ids=["live", "backlog"])
@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_table_changed_by_pt_online_schema_change_while_it_is_written(
    kind: str, live: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    with server.database("src") as source:
        source.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(40), gone INT)")
        source.executemany("INSERT INTO t VALUES (%s, %s, %s, 1)", [(n, n, f"row {n}") for n in range(ROWS)])
        file = tmp_path / "pipeline.toml"
        sink = text.sink("main", f"sqlite:///{tmp_path}/target.db")
        file.write_text(text.pipeline(tmp_path, text.source(source.url), sink))
        (tmp_path / "state").mkdir()
        runner = Runner(load(file))

        def change() -> None:
            with writing(source):
                alter = "ADD COLUMN c INT NOT NULL DEFAULT 5 AFTER id, DROP COLUMN gone, MODIFY a BIGINT, ADD INDEX (b)"
                said = online_schema_change(source, "t", alter, "--chunk-size=200", "--max-load=Threads_running=500")
                assert "Successfully altered" in said
            source.execute("UPDATE t SET c = 6 WHERE id % 5 = 0")

        if live:
            with runner.streaming():
                change()
                runner.await_end()
        else:
            runner.catch_up()
            change()
        runner.catch_up()
        runner.apply()
        found = verify(runner.pipeline, attempts=1)
        assert found.equal, found.to_dict()
        (compared,) = [table for table in found.tables if table.table.endswith(".t")]
        assert compared.source_rows > ROWS // 2
