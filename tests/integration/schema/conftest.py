"""The same rows on every system, made once for the tests that compare values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tailrace.conversion.catalog import Dialect
from tests.integration.schema.expression_rows import Place, SQLite, make


@pytest.fixture(scope="package")
def places(request: pytest.FixtureRequest) -> Iterator[dict[Dialect, Place]]:
    """The same rows on every system."""
    with ExitStack() as stack:
        found: dict[Dialect, Place] = {Dialect.SQLITE: SQLite()}
        for dialect, fixture in (
            (Dialect.MYSQL, "mysql"),
            (Dialect.MARIADB, "mariadb"),
            (Dialect.POSTGRESQL, "postgres18"),
        ):
            place = stack.enter_context(request.getfixturevalue(fixture).database("expr"))
            zone = "SET TIME ZONE 'UTC'" if dialect is Dialect.POSTGRESQL else "SET time_zone = '+00:00'"
            place.execute(zone)
            found[dialect] = place
        for dialect, place in found.items():
            make(place, dialect)
        yield found
