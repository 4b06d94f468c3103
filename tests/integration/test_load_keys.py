"""The full load in order of twenty kinds of key, under writers who let rows jump within that order, and under kills."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from tailrace.config import load
from tests.pipelines import key_writers, text
from tests.pipelines.capture_process import killed_after, run_capture
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.key_kinds import KINDS
from tests.pipelines.replica import Replica
from tests.servers import Database

#: The server's collation that takes no notice of case and accents.
SOURCES = {"mariadb": "utf8mb4_unicode_ci", "mysql": "utf8mb4_0900_ai_ci", "postgres15": ""}
ROWS, VIEW_ROWS, SPAN_ROWS = 200, 10, 60


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("keys") as database:
        key_writers.create(database, SOURCES[request.param])
        yield database


def test_rows_that_jump_in_any_kind_of_key_are_loaded_exactly_across_kills(source: Database, tmp_path: Path) -> None:
    key_writers.fill(source, ROWS)
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(source.url)))
    (tmp_path / "state").mkdir()
    pipeline = load(file.path)
    stream = pipeline.create_stream()
    try:
        with key_writers.writing(source, ROWS, seed=5, rate=150) as words:
            for part in (0.1, 0.4, 0.7):
                killed_after(file, stream, int(part * ROWS * len(KINDS)), VIEW_ROWS, SPAN_ROWS)
        run_capture(file, VIEW_ROWS, SPAN_ROWS)
        assert all(word["changes"] > 100 for word in words)

        replica = Replica()
        with closing(stream.reader("")) as reader:
            replica.read(reader)
        with closing(pipeline.create_source()) as opened, closing(opened.snapshot()) as snapshot:
            tables = opened.tables()
            assert {table.name.table for table in tables} == {kind.name for kind in KINDS}
            for table in tables:
                expected = {key: orjson.loads(row) for key, row in snapshot.rows(table.topic)}
                assert replica.rows[table.topic] == expected, table.name
                assert len(expected) > ROWS / 2
        if SOURCES[source.server.kind]:
            _applied_to_the_same_keys(source, file)
    finally:
        assert file.command("teardown", "--yes").code == 0


def _applied_to_the_same_keys(source: Database, file: PipelineFile) -> None:
    """A target whose keys take for equal what the source's do: spellings of one key follow each other there."""
    without = file.path.read_text()
    with source.server.database("keys_target") as target:
        key_writers.create(target, SOURCES[source.server.kind])
        file.path.write_text(without + text.sink("same", target.url))
        assert file.until_caught_up().code == 0
        for kind in KINDS:
            rows = f"SELECT * FROM {kind.name}"
            assert sorted(target.query(rows), key=repr) == sorted(source.query(rows), key=repr), kind.name
        assert file.command("verify").code == 0
    file.path.write_text(without)
