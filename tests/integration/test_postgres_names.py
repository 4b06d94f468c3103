"""Names of PostgreSQL's tables and columns: in any letters, as long as they can be, and apart by case alone."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from tests.capture.chunks import read_chunk
from tests.capture.postgres import Capture
from tests.servers import Database


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


def test_names_that_differ_by_case_alone_and_names_as_long_as_they_can_be(database: Database) -> None:
    """Of 63 bytes, of which a character takes several."""
    long = "ä" * 31 + "x"
    for name, column in (("Things", "Value"), ("things", "value"), ("THINGS", "VALUE"), (long, long)):
        database.execute(f'CREATE TABLE "{name}" (id int PRIMARY KEY, "{column}" int, "{column.swapcase()}" int)')
    with Capture(database) as capture:
        names = ["Things", "things", "THINGS", long]
        for number, name in enumerate(names):
            database.execute(f'INSERT INTO "{name}" VALUES ({number}, 1, 2)')
        events = capture.catch_up()
        assert [event.source["table"] for event in events] == names
        assert len({event.topic for event in events}) == len(names)
        assert [list(event.after)[1:] for event in events] == [
            ["Value", "vALUE"],
            ["value", "VALUE"],
            ["VALUE", "value"],
            [long, long.swapcase()],
        ]
        assert {tuple(event.after.values())[1:] for event in events} == {(1, 2)}


def test_names_that_need_quotes(database: Database) -> None:
    database.script(
        'CREATE SCHEMA "Größe ""x"""',
        'CREATE TABLE "Größe ""x"""."Tab\'le; 100%%s" ("I d" int PRIMARY KEY, "v\\n""" text)'.replace("%%", "%"),
    )
    with Capture(database) as capture:
        database.execute('INSERT INTO "Größe ""x"""."Tab\'le; 100%s" VALUES (1, \'a\')')
        (event,) = capture.catch_up()
        assert event.after == {"I d": 1, 'v\\n"': "a"}
        assert (event.source["schema"], event.source["table"]) == ('Größe "x"', "Tab'le; 100%s")
        reader = capture.reader()
        chunk = read_chunk(reader, event.topic, None, 10, 1000)
        assert [orjson.loads(row) for _, row in chunk.rows] == [event.after]
        reader.close()
