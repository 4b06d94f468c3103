"""The main job: every source, through both streams, into every target, and again with every worker killed.

`make test` applies 2,000 changes to each source × stream with all four targets at once, half of the pairs with
kills; `TAILRACE_TEST_MATRIX=all` (make test-all) runs every pair both ways with 20,000.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.workload import LINES, ORDERS, Workload, comparable, is_mysql
from tests.servers import Database, unique_name

SOURCES = ("mysql", "mysql_defaults", "mariadb", "postgres15", "postgres18")
STREAMS = ("embedded", "kafka")
ALL = os.environ.get("TAILRACE_TEST_MATRIX") == "all"
CHANGES = 20_000 if ALL else 2_000
INITIAL_ROWS = 2_000

#: What `make test` runs: each source meets each stream, and both ways are met by each source and each stream.
PAIRWISE = (
    ("mysql", "embedded", "killed"),
    ("mysql", "kafka", "calm"),
    ("mysql_defaults", "kafka", "killed"),
    ("mysql_defaults", "embedded", "calm"),
    ("mariadb", "embedded", "calm"),
    ("mariadb", "kafka", "killed"),
    ("postgres15", "embedded", "killed"),
    ("postgres15", "kafka", "calm"),
    ("postgres18", "embedded", "calm"),
    ("postgres18", "kafka", "killed"),
)
EVERY = tuple((source, stream, way) for source in SOURCES for stream in STREAMS for way in ("calm", "killed"))


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    server = request.getfixturevalue(request.param)
    with server.database("src") as database:
        yield database


@pytest.fixture
def targets(
    request: pytest.FixtureRequest, mysql: Any, postgres18: Any, dynamodb: Any, tmp_path: Path
) -> Iterator[dict[str, Any]]:
    with mysql.database("dst") as my, postgres18.database("dst") as pg:
        yield {"my": my, "pg": pg, "lite": tmp_path / "target.db", "kv": dynamodb.endpoint}


def pipeline_text(name: str, source: Database, stream: str, kafka: str, targets: dict[str, Any], folder: Path) -> str:
    connector = "mysql" if is_mysql(source) else "postgres"
    stream_text = (
        f'connector = "kafka"\npartitions = 2\n[stream.kafka]\n"bootstrap.servers" = "{kafka}"'
        if stream == "kafka"
        else 'connector = "embedded"'
    )
    keyed = json.dumps([f"*.{ORDERS}", f"*.{LINES}"])
    return f"""
name = "{name}"
state_dir = "{folder / "state"}"
[source]
connector = "{connector}"
url = "{source.url}"
heartbeat = "{text.HEARTBEAT}"
[stream]
{stream_text}
[[sinks]]
name = "pg"
connector = "postgres"
url = "{targets["pg"].url}"
[[sinks]]
name = "my"
connector = "mysql"
url = "{targets["my"].url}"
[[sinks]]
name = "lite"
connector = "sqlite"
url = "sqlite:///{targets["lite"]}"
[[sinks]]
name = "kv"
connector = "dynamodb"
endpoint_url = "{targets["kv"]}"
region = "eu-west-1"
prefix = "{name}_"
tables = {keyed}
"""


@pytest.mark.parametrize(("source", "stream", "way"), EVERY if ALL else PAIRWISE, indirect=["source"])
def test_all_targets_equal_the_source(
    source: Database,
    stream: str,
    way: str,
    targets: dict[str, Any],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    bootstrap = request.getfixturevalue("kafka").bootstrap if stream == "kafka" else ""
    name = unique_name("m").lower()
    pipeline = PipelineFile(tmp_path, pipeline_text(name, source, stream, bootstrap, targets, tmp_path))
    work = Workload(source, seed=7)
    work.create()
    work.fill(INITIAL_ROWS)
    try:
        with pipeline.running():
            if way == "calm":
                apply_all(work, CHANGES // 2)  # meets the full load
                until(lambda: all_at_work(pipeline), 60, "every worker streams")
                apply_all(work, CHANGES - CHANGES // 2)
            else:
                changes_with_kills(pipeline, work)
        caught_up = pipeline.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr[-3000:]
        assert_equal(work, targets)
        verified = pipeline.command("verify", "--json")
        assert verified.code == 0, verified.stdout[-2000:] + verified.stderr[-2000:]
        assert {t["sink"] for t in json.loads(verified.stdout)["tables"]} == {"pg", "my", "lite", "kv"}
    finally:
        torn_down = pipeline.command("teardown", "--yes")
    assert torn_down.code == 0, torn_down.stderr


def apply_all(work: Workload, changes: int) -> None:
    for _ in work.run(changes):
        pass


def all_at_work(pipeline: PipelineFile) -> bool:
    states = pipeline.states()
    return bool(states) and set(states.values()) == {"streaming"}


def changes_with_kills(pipeline: PipelineFile, work: Workload) -> None:
    """SIGKILLs every worker once, at moments spread over the changes."""
    names = ["capture", "pg", "my", "lite", "kv"]
    until(lambda: set(pipeline.worker_pids()) >= set(names), 60, "all workers run")
    random.Random(3).shuffle(names)
    step = CHANGES // (len(names) + 1)
    for done in work.run(CHANGES):
        if names and done >= CHANGES - step * len(names):
            name = names.pop()
            pid = pipeline.worker_pids().get(name)
            if pid is not None:  # it may be between two lives, which is as good
                os.kill(pid, signal.SIGKILL)


def assert_equal(work: Workload, targets: dict[str, Any]) -> None:
    """Read with the databases' own drivers, not with the product."""
    with sqlite3.connect(targets["lite"]) as lite:
        for table in work.tables:
            expected = [normal(row) for row in work.rows(table)]
            assert expected, table
            for name in ("pg", "my"):
                rows = [normal(row) for row in work.rows(table, targets[name])]
                assert rows == expected, f"{name}.{table}"
            columns = ", ".join(f'"{c}"' for c in column_names(work.database, table))
            found = comparable([tuple(row) for row in lite.execute(f'SELECT {columns} FROM "{table}"')])
            assert len(found) == len(expected), f"lite.{table}"
    lite.close()


def column_names(database: Database, table: str) -> list[str]:
    where = "table_schema = DATABASE()" if is_mysql(database) else "table_schema = 'public'"
    rows = database.query(
        f"SELECT column_name FROM information_schema.columns WHERE {where} AND table_name = %s"
        " ORDER BY ordinal_position",
        (table,),
    )
    return [row[0] for row in rows]


def normal(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(str(value) if isinstance(value, float) else value for value in row)
