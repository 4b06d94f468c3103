"""PostgreSQL to PostgreSQL: what is read, written as statements and applied, is what was there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.conversion.catalog import Catalog
from tailrace_postgres.connection import Connection
from tailrace_postgres.schema import reader
from tailrace_postgres.schema.renaming import objects
from tailrace_postgres.schema.target import PostgresSchemaTarget
from tailrace_postgres.settings import PostgresSinkSettings
from tests import servers

SCRIPT = Path(__file__).with_name("postgres_shop.sql")
SCHEMAS = ("Odd names", "shop")


def statements(server: servers.Postgres) -> Iterator[str]:
    """Those of the script that this release takes."""
    for statement in SCRIPT.read_text().removesuffix("\n;\n").split("\n;\n"):
        release = re.match(r"-- (from|below) (\d+)\n", statement)
        if release is None or (int(server.version) >= int(release[2])) == (release[1] == "from"):
            yield statement


def settings(database: servers.Database, **keys: Any) -> PostgresSinkSettings:
    return PostgresSinkSettings.model_validate({"name": "t", "connector": "postgres", "url": database.url, **keys})


def catalog_of(database: servers.Database) -> Catalog:
    with closing(Connection(settings(database))) as connection:
        return reader.read(connection, SCHEMAS)


@contextmanager
def target_of(database: servers.Database, **keys: Any) -> Iterator[PostgresSchemaTarget]:
    target = PostgresSchemaTarget(settings(database, **keys))
    try:
        yield target
    finally:
        target.close()


def without_figures(catalog: Catalog) -> Catalog:
    """Statistics are those of rows, and rows are not converted."""
    tables = tuple(replace(table, rows=None, bytes=None) for table in catalog.tables)
    return replace(catalog, origin="", tables=tables)


def dump(server: servers.Postgres, database: servers.Database) -> list[str]:
    """The lines of pg_dump, without what says whose and where."""
    program = server.binaries() / "pg_dump"
    url = ["--host", server.login.host, "--port", str(server.login.port), "--username", server.login.user]
    words = [str(program), *url, "--schema-only", "--no-owner", database.name]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\"))]
    return sorted(lines)


def assert_same(found: Catalog, wanted: Catalog) -> None:
    for name in Catalog.__dataclass_fields__:
        one, other = getattr(without_figures(found), name), getattr(without_figures(wanted), name)
        if isinstance(one, tuple):
            assert [each for each in one if each not in other] == [each for each in other if each not in one], name
        assert one == other, name


@pytest.mark.parametrize("kind", ["postgres15", "postgres18"])
def test_what_was_read_is_made_again(kind: str, request: pytest.FixtureRequest) -> None:
    server: servers.Postgres = request.getfixturevalue(kind)
    with server.database("src") as source, server.database("dst") as copy:
        source.script(*statements(server))
        found = catalog_of(source)
        with target_of(copy, schema="shop") as target:
            meant = target.canonical(found)
            assert copy.query("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1") == [
                ("information_schema",),
                ("public",),
            ]
            target.apply(target.render(found))
            assert_same(meant, replace(found, default_schema="shop", origin=meant.origin))
            back = target.read(sorted(objects(found)))
            assert_same(back, replace(meant, schemas=back.schemas))
            # While all of it is there, too.
            assert_same(target.canonical(found), meant)
        assert_same(catalog_of(copy), found)
        assert dump(server, copy) == dump(server, source)
