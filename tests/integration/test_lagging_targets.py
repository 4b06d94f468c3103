"""A target that does not have a version's columns yet is read all the same: what it lacks is NULL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace.schema import Column, Kind, Type
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.sink import DynamoDBSink
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink import MySQLSink
from tailrace_sqlite.settings import SQLiteSinkSettings
from tailrace_sqlite.sink import SQLiteSink
from tests.integration.sink_rig import ID, Rig
from tests.integration.test_postgres_sink import sink_at
from tests.servers import unique_name

NOTE = Column(2, "note", Type(Kind.TEXT, "text"))


@pytest.fixture(params=["postgres15", "mysql", "sqlite", "dynamodb"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    context = Context("shop", "full-load-and-cdc", tmp_path)
    kind = request.param
    if kind == "sqlite":
        lite = SQLiteSinkSettings.model_validate(
            {"name": "s", "connector": "sqlite", "url": f"sqlite:///{tmp_path}/t.db"}
        )
        yield Rig(lambda: SQLiteSink(lite, context))
        return
    server: Any = request.getfixturevalue(kind)
    if kind == "dynamodb":
        kv = DynamoDBSinkSettings.model_validate(
            {"name": "s", "connector": kind, "endpoint_url": server.endpoint, "region": "eu-west-1"}
            | {"prefix": unique_name("lag") + "."}
        )
        yield Rig(lambda: DynamoDBSink(kv, context))
        return
    with server.database("lag") as database:
        if kind == "mysql":
            my = MySQLSinkSettings.model_validate({"name": "s", "connector": "mysql", "url": database.url})
            yield Rig(lambda: MySQLSink(my, context))
        else:
            yield Rig(lambda: sink_at(database.url))


def test_a_column_that_the_target_lacks_is_null(rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, NOTE])
    table.insert({"id": 1, "note": "n"})
    rig.apply()
    table.alter([ID, NOTE, Column(3, "added", Type(Kind.TEXT, "text"), initial="new")])
    (row,) = rig.rows(table)
    assert {"added": None, **row} == {"id": 1, "note": "n", "added": None}


def test_a_value_that_is_none_of_the_new_type_equals_nothing(rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, NOTE])
    table.insert({"id": 1, "note": "n"})
    rig.apply()
    table.alter([ID, Column(2, "note", Type(Kind.INTEGER, "bigint", 64))])
    ((_, note),) = [row.values() for row in rig.rows(table)]
    assert note != 1
    assert note is not None
