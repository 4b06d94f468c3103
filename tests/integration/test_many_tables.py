"""The full load of very many small tables: all of them, and with few questions for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailrace.capture import worker
from tailrace.config import load
from tailrace.report import Control, WorkerReport
from tailrace_postgres.connection import Connection
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.replica import Replica
from tests.servers import Database

TABLES = 500
#: Each takes a transaction of its own, a look at the catalogue by both sides, and its place in the log.
MOST_QUESTIONS = {"mariadb": 15, "mysql": 14, "postgres15": 14}


@pytest.fixture(params=MOST_QUESTIONS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("many") as found:
        yield found


@pytest.fixture
def questions(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many statements were run so far."""
    if not database.server.kind.startswith("postgres"):
        return lambda: int(database.query("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])
    asked: list[str] = []
    query = Connection.query

    def counted(self: Connection, sql: str, *arguments: Any, **named: Any) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return query(self, sql, *arguments, **named)

    monkeypatch.setattr(Connection, "query", counted)
    return lambda: len(asked)


class Reports:
    """Keeps the last word on each table."""

    def __init__(self) -> None:
        self.tables: dict[str, tuple[str, int]] = {}

    def send(self, report: WorkerReport) -> None:
        self.tables.update({table.name: (table.state, table.rows) for table in report.tables})


def test_all_are_loaded_with_few_questions_for_each(
    database: Database, questions: Callable[[], int], tmp_path: Path
) -> None:
    expected = {f"t{number:03}": number % 4 for number in range(TABLES)}
    for name, rows in expected.items():
        database.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, a VARCHAR(20))")
        if rows:
            database.execute(f"INSERT INTO {name} VALUES {', '.join(f'({row}, {row})' for row in range(rows))}")
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(database.url)))
    (tmp_path / "state").mkdir()
    pipeline = load(file.path)
    control, reports = Control(), Reports()
    control.finish.set()
    before = questions()
    try:
        worker.run(pipeline, control, reports)
        assert questions() - before < MOST_QUESTIONS[database.server.kind] * TABLES + 200
        replica = Replica()
        with closing(pipeline.create_stream().reader("")) as reader:
            replica.read(reader)
        found = {topic.rpartition(".")[2]: list(rows.values()) for topic, rows in replica.rows.items()}
        assert found == {
            name: [{"id": row, "a": str(row)} for row in range(rows)] for name, rows in expected.items() if rows
        }
        assert {name.rpartition(".")[2]: told for name, told in reports.tables.items()} == {
            name: ("streaming", rows) for name, rows in expected.items()
        }
    finally:
        assert file.command("teardown", "--yes").code == 0
