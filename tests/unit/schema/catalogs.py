"""Catalogs of sources for tests, and columns in a few words."""

from __future__ import annotations

from typing import Any

from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectName, Table
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part

MYSQL_TYPES = {
    "int": Type(Kind.INTEGER, "int", 32),
    "bigint": Type(Kind.INTEGER, "bigint", 64),
    "bigint unsigned": Type(Kind.INTEGER, "bigint unsigned", 64, unsigned=True),
    "varchar(20)": Type(Kind.TEXT, "varchar(20)", 20),
    "varchar(800)": Type(Kind.TEXT, "varchar(800)", 800),
    "char(3)": Type(Kind.TEXT, "char(3)", 3, fixed=True),
    "text": Type(Kind.TEXT, "text", 0),
    "date": Type(Kind.DATE, "date"),
    "datetime": Type(Kind.TIMESTAMP, "datetime"),
    "timestamp": Type(Kind.TIMESTAMPTZ, "timestamp"),
    "time": Type(Kind.TIME, "time"),
    "double": Type(Kind.FLOAT, "double", 64),
    "json": Type(Kind.JSON, "json"),
    "longblob": Type(Kind.BYTES, "longblob", 0),
    "decimal(10,2)": Type(Kind.DECIMAL, "decimal(10,2)", 10, 2),
    "enum('new','done')": Type(Kind.ENUM, "enum('new','done')", labels=("new", "done")),
    "set('a','b')": Type(Kind.SET, "set('a','b')", labels=("a", "b")),
    "point": Type(Kind.BYTES, "point"),
}
POSTGRES_TYPES = {
    "integer": Type(Kind.INTEGER, "integer", 32),
    "bigint": Type(Kind.INTEGER, "bigint", 64),
    "numeric": Type(Kind.DECIMAL, "numeric"),
    "numeric(10,2)": Type(Kind.DECIMAL, "numeric(10,2)", 10, 2),
    "text": Type(Kind.TEXT, "text"),
    "character varying(20)": Type(Kind.TEXT, "character varying(20)", 20),
    "character varying(900)": Type(Kind.TEXT, "character varying(900)", 900),
    "character(3)": Type(Kind.TEXT, "character(3)", 3, fixed=True),
    "boolean": Type(Kind.BOOLEAN, "boolean"),
    "date": Type(Kind.DATE, "date"),
    "timestamp with time zone": Type(Kind.TIMESTAMPTZ, "timestamp with time zone", 6),
    "timestamp without time zone": Type(Kind.TIMESTAMP, "timestamp without time zone", 6),
    "interval": Type(Kind.INTERVAL, "interval", 6),
    "jsonb": Type(Kind.JSON, "jsonb"),
    "uuid": Type(Kind.UUID, "uuid"),
    "double precision": Type(Kind.FLOAT, "double precision", 64),
    "bytea": Type(Kind.BYTES, "bytea"),
    "inet": Type(Kind.OTHER, "inet"),
    "public.mood": Type(Kind.ENUM, "public.mood", labels=("sad", "ok")),
}


def column(name: str, sql_type: str, dialect: Dialect = Dialect.MYSQL, **said: Any) -> Column:
    known = MYSQL_TYPES if dialect.mysql_like else POSTGRES_TYPES
    if dialect.mysql_like and known[sql_type].kind in (Kind.TEXT, Kind.ENUM, Kind.SET):
        said.setdefault("collation", "utf8mb4_0900_ai_ci" if dialect is Dialect.MYSQL else "utf8mb4_general_ci")
    return Column(name, known[sql_type], sql_type, **said)


def key(*columns: str, name: str = "PRIMARY") -> Index:
    return Index(name, tuple(Part(column) for column in columns), unique=True, primary=True)


def index(name: str, *columns: str, **said: Any) -> Index:
    return Index(name, tuple(Part(column) for column in columns), **said)


def table(name: str, *columns: Column, schema: str = "shop", **said: Any) -> Table:
    return Table(ObjectName(schema, name), columns, **said)


def catalog(dialect: Dialect, *tables: Table, **said: Any) -> Catalog:
    schema = "shop" if dialect.mysql_like else "public"
    said.setdefault("default_schema", schema)
    said.setdefault("schemas", (schema,))
    return Catalog(dialect, tables=tables, **said)
