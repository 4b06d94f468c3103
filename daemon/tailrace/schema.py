"""Tables and their column types, as every connector understands them.

A source maps each of its own column types to one `Type`; a sink maps a `Type` to its own column type. The kind
decides the JSON form that a value has in an event:

=============  ==========================================================================================
kind           JSON form of a value (SQL NULL is always ``null``)
=============  ==========================================================================================
boolean        ``true`` / ``false``
integer        JSON integer, exact; `size` = 8, 16, 24, 32, 64 bits, `unsigned`
decimal        string, plain digits with the declared scale (``"12.50"``); PostgreSQL's ``"NaN"``, ``"Infinity"``
float          shortest number that reads back the same (`size` = 32 or 64); ``"NaN"``, ``"Infinity"``, ``"-Infinity"``
text           string; `size` = greatest length in characters, 0 unbounded
bytes          base64 string (RFC 4648, padded); `size` = greatest length in bytes, 0 unbounded
bits           string of ``0`` and ``1``, most significant first; `size` = number of bits, 0 = varying unbounded
date           ``"2024-01-31"``; what no calendar has (zero and partial dates, infinity, BC) in the source's own text
time           ``"12:34:56.123456"`` with the fraction digits the source prints; sign and hours past 24 kept
timetz         ``"12:34:56+02:00"``
timestamp      ``"2024-01-31T12:34:56.123456"``: no zone, no ``Z``
timestamptz    ``"2024-01-31T12:34:56.123456Z"``, always in UTC
year           JSON integer
interval       ISO 8601 duration string (``"P1Y2M3DT4H5M6.5S"``)
json           string holding the JSON document as the source prints it
uuid           lower-case string with dashes
enum           the label as a string
set            labels joined by a comma, as a string
other          the source's own text form as a string; `name` tells which type
=============  ==========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson


class Kind(StrEnum):
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BYTES = "bytes"
    BITS = "bits"
    DATE = "date"
    TIME = "time"
    TIMETZ = "timetz"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    YEAR = "year"
    INTERVAL = "interval"
    JSON = "json"
    UUID = "uuid"
    ENUM = "enum"
    SET = "set"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Type:
    """A column type without its source's dialect.

    Attributes:
        kind: decides the JSON form of the values (table above).
        name: the source's own type as a person writes it there (``"bigint unsigned"``, ``"numeric(12,2)"``).
        size: bits of an integer, float or bits; greatest length of text and bytes; precision of a decimal;
            fraction digits of time and timestamp kinds. 0: unbounded or not stated.
        scale: digits after a decimal's point; meaningless where `size` is 0.
        unsigned: integers only.
        fixed: text and bytes of a fixed length (CHAR(n), BINARY(n)).
        labels: enum and set only, in their declared order.
    """

    kind: Kind
    name: str = ""
    size: int = 0
    scale: int = 0
    unsigned: bool = False
    fixed: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one version of a table.

    Attributes:
        id: stable across the versions of a table: a renamed column keeps it, a dropped and re-added one gets a
            new one. Unique within the table. (PostgreSQL: attnum, as long as it is the same table. MySQL: counted by
            the source.)
        key: 1-based place in the row's identity (primary key, or the replica identity index that stands in
            for it), 0 for columns outside it.
        initial: for a column added to a table that had rows: what those rows got (ADD COLUMN … DEFAULT), in
            the event's JSON form; None means NULL.
        generated: the source computes it; it is carried as a plain value.
    """

    id: int
    name: str
    type: Type
    nullable: bool = True
    key: int = 0
    initial: Any = None
    generated: bool = False


@dataclass(frozen=True, slots=True)
class TableName:
    """A source table. `schema` is None on MySQL and MariaDB, where a database is a schema."""

    database: str
    schema: str | None
    table: str

    def __str__(self) -> str:
        return f"{self.schema or self.database}.{self.table}"


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One version of a table's columns.

    Attributes:
        id: the version, counted from 1 within its table; `source.schema_id` of the events.
        topic: where the table's events go.
        columns: in the order of the source's log.
        since: `tailrace_seq` prefix (epoch and position) from which the version holds; "" from the start.
        target: the name of the targets' table; "" where it is the source's.
    """

    id: int
    name: TableName
    topic: str
    columns: tuple[Column, ...]
    since: str = ""
    target: str = ""
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False, hash=False)
    key: tuple[Column, ...] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})
        key = tuple(sorted((c for c in self.columns if c.key), key=lambda c: c.key))
        object.__setattr__(self, "key", key)

    @property
    def keyless(self) -> bool:
        return not self.key

    def to_json(self) -> bytes:
        """The record of `{pipeline}.__schemas`; `from_json` reads it back unchanged."""
        name = self.name
        record = {
            "schema_id": self.id,
            "topic": self.topic,
            "db": name.database,
            "schema": name.schema,
            "table": name.table,
            "since": self.since,
            "columns": [_column_record(column) for column in self.columns],
        }
        if self.target:
            record["target"] = self.target
        return orjson.dumps(record)

    @classmethod
    def from_json(cls, record: bytes) -> TableSchema:
        raw = orjson.loads(record)
        return cls(
            id=raw["schema_id"],
            name=TableName(raw["db"], raw["schema"], raw["table"]),
            topic=raw["topic"],
            since=raw["since"],
            target=raw.get("target", ""),
            columns=tuple(_column_from(column) for column in raw["columns"]),
        )


def _column_record(column: Column) -> dict[str, Any]:
    type_ = column.type
    record: dict[str, Any] = {
        "id": column.id,
        "name": column.name,
        "kind": str(type_.kind),
        "type": type_.name,
        "nullable": column.nullable,
    }
    if column.initial is not None:
        record["initial"] = column.initial
    optional = {
        "key": column.key,
        "generated": column.generated,
        "size": type_.size,
        "scale": type_.scale,
        "unsigned": type_.unsigned,
        "fixed": type_.fixed,
        "labels": list(type_.labels),
    }
    record.update({key: value for key, value in optional.items() if value})
    return record


def _column_from(raw: dict[str, Any]) -> Column:
    type_ = Type(
        kind=Kind(raw["kind"]),
        name=raw["type"],
        size=raw.get("size", 0),
        scale=raw.get("scale", 0),
        unsigned=raw.get("unsigned", False),
        fixed=raw.get("fixed", False),
        labels=tuple(raw.get("labels", ())),
    )
    return Column(
        id=raw["id"],
        name=raw["name"],
        type=type_,
        nullable=raw["nullable"],
        key=raw.get("key", 0),
        initial=raw.get("initial"),
        generated=raw.get("generated", False),
    )
