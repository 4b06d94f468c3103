"""Oracle's and SQL Server's scripts, made in a real PostgreSQL: what is there, and how it takes rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest

from tailrace.conversion.application import plan, run
from tailrace.conversion.catalog import Dialect, ObjectKind
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.script import read
from tailrace.conversion.target import Stage
from tailrace_postgres.schema.target import PostgresSchemaTarget
from tailrace_postgres.settings import PostgresSinkSettings
from tests import servers

HERE = Path(__file__).parent


@dataclass
class Made:
    """A script's conversion, and the database in which it was made in one transaction."""

    conversion: Conversion
    database: servers.Database
    not_held: list[object]
    left_to_make: int

    def names(self, grade: Grade, *kinds: ObjectKind) -> set[str]:
        found = set()
        for verdict in self.conversion.verdicts:
            if verdict.grade is grade and (not kinds or verdict.kind in kinds):
                found.add(verdict.member or verdict.name.name)
        return found

    @contextmanager
    def session(self) -> Iterator[psycopg2.extensions.cursor]:
        """Whose rows are gone afterwards."""
        connection = psycopg2.connect(self.database.url)
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.rollback()
            connection.close()


def made(server: servers.Postgres, dialect: Dialect) -> Iterator[Made]:
    source = read((HERE / f"{dialect}.sql").read_text(), dialect, f"{dialect}.sql")
    with server.database(f"from_{dialect}") as database:
        settings = PostgresSinkSettings.model_validate({"name": "t", "connector": "postgres", "url": database.url})
        target = PostgresSchemaTarget(settings)
        try:
            rules = load()
            conversion = convert(source, target, rules, script_names(source, target, rules, ""), "postgres")
            not_held = run(target, plan(target, conversion.target, set(Stage)))
            again = plan(target, conversion.target, set(Stage))
            yield Made(conversion, database, [*not_held], len(again.statements))
        finally:
            target.close()


@pytest.fixture(scope="module")
def oracle(postgres18: servers.Postgres) -> Iterator[Made]:
    yield from made(postgres18, Dialect.ORACLE)


@pytest.fixture(scope="module")
def tsql(postgres18: servers.Postgres) -> Iterator[Made]:
    yield from made(postgres18, Dialect.TSQL)


@pytest.mark.parametrize("name", ["oracle", "tsql"])
def test_all_that_is_converted_is_made_and_read_back_as_it_was_meant(name: str, request: pytest.FixtureRequest) -> None:
    found: Made = request.getfixturevalue(name)
    assert found.not_held == []
    assert found.left_to_make == 0
