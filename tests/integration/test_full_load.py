"""The full load meets the stream exactly: small chunks, several readers, writers all the while, capture killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace.config import load
from tests.pipelines import text
from tests.pipelines.capture_process import capture, killed_after, loaded_rows, run_capture
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.replica import Replica
from tests.pipelines.workload import LINES, NOTES, ORDERS, Workload, is_mysql
from tests.servers import Database, unique_name

SOURCES = ("postgres15", "postgres18", "mariadb", "mysql", "mysql_defaults")


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    server = request.getfixturevalue(request.param)
    with server.database("load") as database:
        yield database


def pipeline_file(folder: Path, source: Database) -> PipelineFile:
    return PipelineFile(
        folder,
        f"""
name = "{unique_name("l").lower()}"
state_dir = "{folder / "state"}"
[source]
connector = "{"mysql" if is_mysql(source) else "postgres"}"
url = "{source.url}"
heartbeat = "{text.HEARTBEAT}"
""",
    )


class Writers:
    """Changes without end, in a thread of their own."""

    def __init__(self, work: Workload) -> None:
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.error: BaseException | None = None

    def __enter__(self) -> Writers:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join(timeout=30)
        assert self.error is None

    def _run(self) -> None:
        try:
            for _ in self._work.run(1_000_000):
                if self._ended.is_set():
                    return
        except BaseException as error:
            self.error = error


@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_a_load_under_writers_and_kills_leaves_what_the_source_holds(source: Database, tmp_path: Path) -> None:
    file = pipeline_file(tmp_path, source)
    work = Workload(source, seed=11)
    work.create()
    work.fill(3_000)
    analyze(source)
    pipeline = load(file.path)
    stream = pipeline.create_stream()
    (tmp_path / "state").mkdir()

    try:
        with Writers(work):
            for rows in (300, 1_500, 3_000):
                killed_after(file, stream, rows)
            with capture(file) as process:
                until(lambda: loaded_rows(stream) >= 4_000 or process.poll() is not None, 60, "most rows loaded")
        run_capture(file)

        replica = Replica()
        with closing(stream.reader("")) as reader:
            replica.read(reader)
        with closing(pipeline.create_source()) as opened, closing(opened.snapshot()) as snapshot:
            for table in opened.tables():
                if table.name.table == NOTES:
                    notes = [orjson.loads(row) for _, row in snapshot.rows(table.topic)]
                    assert by_text(replica.keyless[table.topic]) == by_text(notes)
                else:
                    expected = {key: orjson.loads(row) for key, row in snapshot.rows(table.topic)}
                    assert replica.rows[table.topic] == expected
                    assert expected
                assert table.name.table in (ORDERS, LINES, NOTES)
    finally:
        assert file.command("teardown", "--yes").code == 0


@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_tables_that_come_later_are_loaded(source: Database, tmp_path: Path) -> None:
    """Their old rows are in no log that we read: only a load brings them."""
    file = pipeline_file(tmp_path, source)
    (tmp_path / "state").mkdir()
    source.execute("CREATE TABLE first (id int PRIMARY KEY)")
    source.execute("INSERT INTO first VALUES (1)")
    pipeline = load(file.path)
    stream = pipeline.create_stream()
    try:
        run_capture(file)
        source.execute("CREATE TABLE later (id int PRIMARY KEY)")
        source.execute("INSERT INTO later VALUES (1), (2)")
        source.execute("CREATE TABLE keyless (id int)")
        source.execute("INSERT INTO keyless VALUES (1), (2)")
        if not is_mysql(source):
            source.execute("ALTER TABLE keyless REPLICA IDENTITY FULL")
        run_capture(file)
        source.execute("INSERT INTO later VALUES (3)")
        source.execute("INSERT INTO keyless VALUES (3)")
        run_capture(file)

        replica = Replica()
        with closing(stream.reader("")) as reader:
            replica.read(reader)
        with closing(pipeline.create_source()) as opened:
            topics = {table.name.table: table.topic for table in opened.tables()}
        assert [row["id"] for row in replica.rows[topics["later"]].values()] == [1, 2, 3]
        assert [row["id"] for row in replica.keyless[topics["keyless"]]] == [1, 2, 3]
    finally:
        assert file.command("teardown", "--yes").code == 0


def analyze(source: Database) -> None:
    """So that the server knows how large its tables are, which decides how they are divided."""
    for table in (ORDERS, LINES):
        source.execute(f"ANALYZE {'TABLE ' if is_mysql(source) else ''}{table}")


def by_text(rows: list[dict[str, Any]]) -> list[bytes]:
    return sorted(orjson.dumps(row) for row in rows)
