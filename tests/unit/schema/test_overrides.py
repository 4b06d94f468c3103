"""Types that a person's rules give columns: the same for the conversion and for sinks, or refused by name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.overrides import Overrides
from tailrace.errors import StuckError
from tailrace.schema import Column, TableName, Type
from tailrace.sink import TargetTable
from tailrace_mysql.sink_types import obstacle as mysql_obstacle
from tailrace_postgres.sink_overrides import obstacle as postgres_obstacle
from tailrace_sqlite.sink_types import obstacle as sqlite_obstacle
from tests.unit.schema.catalogs import MYSQL_TYPES, POSTGRES_TYPES

TIME = MYSQL_TYPES["time"]


@pytest.mark.parametrize(
    ("type_", "wanted", "holds"),
    [
        (MYSQL_TYPES["int"], "bigint", True),
        (MYSQL_TYPES["int"], "numeric(12,0)", True),
        (MYSQL_TYPES["bigint unsigned"], "bigint", True),
        (MYSQL_TYPES["int"], "boolean", False),
        (MYSQL_TYPES["decimal(10,2)"], "numeric", True),
        (MYSQL_TYPES["decimal(10,2)"], "numeric(20,2)", True),
        (MYSQL_TYPES["decimal(10,2)"], "numeric(20,3)", False),
        (MYSQL_TYPES["varchar(20)"], "text", True),
        (MYSQL_TYPES["varchar(20)"], "varchar(10)", True),
        (MYSQL_TYPES["varchar(20)"], "character(20)", False),
        (MYSQL_TYPES["varchar(20)"], "uuid", False),
        (MYSQL_TYPES["double"], "real", False),
        (MYSQL_TYPES["json"], "jsonb", False),
        (TIME, "time", True),
        (TIME, "time(3) without time zone", True),
        (MYSQL_TYPES["timestamp"], "timestamptz", True),
        (MYSQL_TYPES["timestamp"], "timestamp", False),
        (MYSQL_TYPES["datetime"], "timestamp(3)", True),
        (MYSQL_TYPES["datetime"], "date", False),
    ],
)
def test_postgresql_takes_what_reads_back_as_it_was_written(type_: Type, wanted: str, holds: bool) -> None:
    assert (postgres_obstacle(type_, False, wanted) == "") is holds


@pytest.mark.parametrize(
    ("type_", "postgres", "wanted", "holds"),
    [
        (MYSQL_TYPES["int"], False, "bigint", True),
        (MYSQL_TYPES["bigint"], False, "int", False),
        (POSTGRES_TYPES["text"], True, "varchar(100)", False),
        (POSTGRES_TYPES["character varying(20)"], True, "varchar(100)", True),
        (POSTGRES_TYPES["boolean"], True, "int", True),
        (POSTGRES_TYPES["numeric(10,2)"], True, "decimal(12,2)", True),
        (POSTGRES_TYPES["numeric(10,2)"], True, "decimal(12,3)", False),
        (POSTGRES_TYPES["jsonb"], True, "json", False),
        (POSTGRES_TYPES["jsonb"], True, "nonsense", False),
    ],
)
def test_mysql_takes_what_holds_every_value(type_: Type, postgres: bool, wanted: str, holds: bool) -> None:
    assert (mysql_obstacle(type_, postgres, wanted, mariadb=False) == "") is holds


def test_sqlite_takes_what_converts_nothing() -> None:
    assert sqlite_obstacle(MYSQL_TYPES["varchar(20)"], False, "VARCHAR(20)") == ""
    assert sqlite_obstacle(MYSQL_TYPES["decimal(10,2)"], False, "DECIMAL(10,2)") != ""


def test_a_sink_asks_by_the_source_s_table_and_the_stream_s_column(tmp_path: Path) -> None:
    rules = tmp_path / "house.toml"
    rules.write_text(
        '[[types]]\ntable = "shop.orders"\ncolumn = "at"\ntype = "time"\nbecome = "time"\n'
        '[[types]]\ntype = "json"\nbecome = "jsonb"\n'
        '[[types]]\nfrom = "mariadb"\ntype = "int"\nbecome = "bigint"\n'
    )
    overrides = Overrides((rules,), Dialect.POSTGRESQL, postgres_obstacle)
    at, document = Column(1, "at", TIME), Column(2, "document", MYSQL_TYPES["json"])
    number = Column(3, "number", MYSQL_TYPES["int"])
    orders = TargetTable(TableName("shop", None, "orders"), "t", 1, (at, document, number))
    others = TargetTable(TableName("shop", None, "others"), "t", 1, (at,))

    assert overrides.of(orders, at) == "time"
    assert overrides.of(others, at) == ""
    with pytest.raises(StuckError, match="it cannot be jsonb"):
        overrides.of(orders, document)
    with pytest.raises(StuckError, match="one type from MySQL and another from MariaDB"):
        overrides.of(orders, number)
    assert Overrides((), Dialect.MYSQL, partial(mysql_obstacle, mariadb=False)).of(orders, at) == ""
