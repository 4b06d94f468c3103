"""A schema version is announced once, whatever restarts: a target that met it again would rename and fill again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace.apply import worker as apply_worker
from tailrace.capture import load as load_module
from tailrace.capture import worker as capture_worker
from tailrace.config import Pipeline, load
from tailrace.position import LOAD_PREFIX
from tailrace.report import Control
from tailrace.verify import verify
from tests.pipelines import text
from tests.servers import Database, DynamoDB, unique_name

SINKS = ("kv", "pg", "lite")


class Silent:
    def send(self, report: Any) -> None:
        """Nobody listens."""


class When(threading.Event):
    """Set as soon as a condition holds; asked between two steps of a worker."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__()
        self._condition = condition

    def is_set(self) -> bool:
        return super().is_set() or self._condition()


def capture_until(pipeline: Pipeline, condition: Callable[[], bool]) -> None:
    control = Control()
    control.stop = When(condition)
    capture_worker.run(pipeline, control, Silent())


def catch_up(pipeline: Pipeline, capture: bool = True) -> None:
    control = Control()
    control.finish.set()
    if capture:
        capture_worker.run(pipeline, control, Silent())
    for name in SINKS:
        apply_worker.run(pipeline, name, control, Silent())


def loaded_rows(pipeline: Pipeline) -> int:
    with closing(pipeline.create_stream().reader("")) as reader:
        return sum(orjson.loads(v)["rows"] for k, v in reader.state().items() if k.startswith(LOAD_PREFIX))


def versions(pipeline: Pipeline) -> int:
    with closing(pipeline.create_stream().reader("")) as reader:
        return len(reader.schemas())


@pytest.fixture(params=["postgres15", "mysql"])
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("src") as database:
        yield database


@pytest.fixture
def pipeline(source: Database, postgres18: Any, dynamodb: DynamoDB, tmp_path: Path) -> Iterator[Pipeline]:
    name = unique_name("v").lower()
    kv = f'[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "{dynamodb.endpoint}"\n'
    kv += f'region = "eu-west-1"\nprefix = "{name}."\n'
    with postgres18.database("dst") as target:
        file = tmp_path / "pipeline.toml"
        parts = [text.source(source.url), kv, text.sink("pg", target.url)]
        parts.append(text.sink("lite", f"sqlite:///{tmp_path}/target.db"))
        file.write_text(text.pipeline(tmp_path, *parts, name=name))
        (tmp_path / "state").mkdir()
        pipeline = load(file)
        yield pipeline
        with closing(pipeline.create_source()) as opened:
            opened.teardown(None, dry_run=False)


def fill(source: Database, rows: int) -> None:
    source.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20), c VARCHAR(20))")
    with source.transaction() as cursor:
        for number in range(rows):
            cursor.execute("INSERT INTO t VALUES (%s, %s, %s, %s)", (number, f"a{number}", f"b{number}", f"c{number}"))


def alter(source: Database) -> None:
    """a and b change their names, c becomes d, status is new."""
    if source.server.kind.startswith("postgres"):
        for change in ("a TO x", "b TO a", "x TO b", "c TO d"):
            source.execute(f"ALTER TABLE t RENAME COLUMN {change}")
        source.execute("ALTER TABLE t ADD COLUMN status VARCHAR(10) NOT NULL DEFAULT 'new'")
    else:
        source.execute(
            "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a, RENAME COLUMN c TO d,"
            " ADD COLUMN status VARCHAR(10) NOT NULL DEFAULT 'new'"
        )


def assert_equal(pipeline: Pipeline) -> None:
    found = verify(pipeline, pause=0.1)
    assert found.equal, found.to_dict()
    assert len(found.tables) == len(SINKS)


def test_a_load_that_goes_on_after_a_restart_renames_nothing_again(
    source: Database, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "VIEW_ROWS", 10)
    fill(source, 300)
    capture_until(pipeline, lambda: loaded_rows(pipeline) >= 40)
    catch_up(pipeline, capture=False)
    alter(source)
    capture_until(pipeline, lambda: loaded_rows(pipeline) >= 80)
    source.execute("UPDATE t SET status = 'done', a = 'A' WHERE id < 60 AND id % 7 = 0")
    capture_until(pipeline, lambda: loaded_rows(pipeline) >= 120)
    catch_up(pipeline, capture=False)
    assert loaded_rows(pipeline) < 300, "this load is done too early to tell"
    catch_up(pipeline)
    assert_equal(pipeline)


def test_a_rename_while_nothing_runs_reaches_the_targets(source: Database, pipeline: Pipeline) -> None:
    fill(source, 30)
    catch_up(pipeline)
    alter(source)
    catch_up(pipeline)
    source.execute("UPDATE t SET status = 'done', a = 'A' WHERE id % 7 = 0")
    capture_until(pipeline, lambda: versions(pipeline) == 2)
    catch_up(pipeline)
    assert_equal(pipeline)
