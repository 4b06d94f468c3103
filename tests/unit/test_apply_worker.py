"""A sink's worker as the daemon runs it: from a pipeline file, between an embedded stream and SQLite files."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.apply.worker import run
from tailrace.config import Pipeline, load
from tailrace.errors import ConfigError, RefusedError
from tailrace.report import Control, WorkerReport
from tailrace.schema import Column, Kind, Type
from tailrace.testing import Script
from tests.servers import wait_until

ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NAME = Column(2, "name", Type(Kind.TEXT, "text"))


class Reports:
    def __init__(self) -> None:
        self.last = WorkerReport("none")

    def send(self, report: WorkerReport) -> None:
        self.last = report


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    file = tmp_path / "shop.toml"
    file.write_text(f"""
name = "shop"
state_dir = "{tmp_path}/state"
[source]
connector = "postgres"
url = "postgresql://app@127.0.0.1/app"
[[sinks]]
name = "all"
connector = "sqlite"
url = "sqlite:///{tmp_path}/all.db"
[[sinks]]
name = "users"
connector = "sqlite"
url = "sqlite:///{tmp_path}/users.db"
tables = ["public.us*"]
[[sinks]]
name = "nowhere"
connector = "sqlite"
url = "sqlite:///{tmp_path}/missing/x.db"
""")
    (tmp_path / "state").mkdir()
    return load(file)


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def finished() -> Control:
    control = Control()
    control.finish.set()
    return control


def test_each_sink_takes_its_tables(pipeline: Pipeline, tmp_path: Path) -> None:
    with contextlib.closing(pipeline.create_stream().writer()) as writer:
        script = Script(writer)
        users, orders = (script.table(f"public.{name}", [ID, NAME]) for name in ("users", "orders"))
        script.table("public.usage", [ID])
        with script.transaction():
            users.insert({"id": 1, "name": "x"})
            orders.insert({"id": 2, "name": "y"})
        reports = Reports()
        for name in ("all", "users"):
            run(pipeline, name, finished(), reports)
        orders.insert({"id": 3, "name": "z"})
        run(pipeline, "all", finished(), reports)
    assert query(tmp_path / "all.db", "SELECT id FROM orders ORDER BY id") == [(2,), (3,)]
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name"
    assert query(tmp_path / "all.db", tables) == [("orders",), ("usage",), ("users",)]
    assert query(tmp_path / "users.db", tables) == [("usage",), ("users",)]
    assert query(tmp_path / "users.db", "SELECT name FROM users") == [("x",)]
    assert reports.last.state == "finished"
    assert reports.last.position == "offset 3"


def test_a_worker_that_comes_before_its_stream_waits_for_it(pipeline: Pipeline, tmp_path: Path) -> None:
    control, reports = Control(), Reports()
    thread = threading.Thread(target=run, args=(pipeline, "all", control, reports))
    thread.start()
    try:
        wait_until(lambda: reports.last.state == "starting", 5, "it waits")
        with contextlib.closing(pipeline.create_stream().writer()) as writer:
            Script(writer).table("public.users", [ID, NAME]).insert({"id": 1, "name": "x"})
            there = tmp_path / "all.db"
            wait_until(lambda: there.exists() and query(there, "SELECT id FROM users") == [(1,)], 10, "the row")
    finally:
        control.stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert reports.last.state == "stopped"


def test_a_refusal_ends_the_worker_with_its_line(pipeline: Pipeline) -> None:
    with contextlib.closing(pipeline.create_stream().writer()):
        reports = Reports()
        with pytest.raises(RefusedError, match=r"missing/x\.db: the file cannot be opened"):
            run(pipeline, "nowhere", Control(), reports)
    assert reports.last.state == "stuck"
    assert "cannot be opened" in reports.last.error


def test_a_sink_that_the_file_does_not_name_is_an_error(pipeline: Pipeline) -> None:
    with pytest.raises(ConfigError, match="no sink 'other'"):
        run(pipeline, "other", Control(), Reports())
