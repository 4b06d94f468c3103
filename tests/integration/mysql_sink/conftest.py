"""Sinks on MySQL and MariaDB, each test with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink import MySQLSink
from tests.servers.sql import Database
from tests.sinks import Applied
from tests.sinks.mysql import MakeSink


@pytest.fixture(params=["mariadb", "mysql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("sink") as made:
        yield made


@pytest.fixture
def make_sink(database: Database) -> Iterator[MakeSink]:
    made: list[MySQLSink] = []

    def make(url: str = "", mode: str = "full-load-and-cdc", name: str = "wh", **settings: Any) -> MySQLSink:
        validated = MySQLSinkSettings.model_validate(
            {"name": name, "connector": "mysql", "url": url or database.url, **settings}
        )
        sink = MySQLSink(validated, Context("shop", mode, Path("/nonexistent")))
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def applied(make_sink: MakeSink) -> Applied:
    return Applied(make_sink())
