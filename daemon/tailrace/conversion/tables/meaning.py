"""What a column's type means otherwise in a target: said of the column that it is of."""

from __future__ import annotations

import re

from tailrace.conversion.catalog import Column, Dialect, ObjectKind, Table
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.literals import parsed
from tailrace.conversion.tables.type_remarks import remarks
from tailrace.conversion.work import Work
from tailrace.schema import Kind

#: Types of texts, in every SQL target.
_TEXTS = frozenset(
    {
        "text",
        "character varying",
        "varchar",
        "character",
        "char",
        "tinytext",
        "mediumtext",
        "longtext",
        "citext",
    }
)
_UNBOUNDED = frozenset({"text", "tinytext", "mediumtext", "longtext"})
_SPATIAL = ("geometry", "point", "linestring", "polygon", "multi", "geometrycollection")
#: Kinds that mean more than their text.
_MORE = {
    Kind.DECIMAL: "numbers of which it holds the digits: they are ordered and compared as texts",
    Kind.TIMETZ: "times with a zone",
    Kind.INTERVAL: "durations (ISO 8601)",
    Kind.BITS: "bits, as digits 0 and 1",
    Kind.OTHER: "values of a type that the target has not, in the source's own text",
}


_FRACTION = re.compile(r"^time.*\(([0-5])\)")


def textual(sql_type: str) -> bool:
    return parsed(sql_type).base in _TEXTS


def say_of_type(work: Work, table: Table, column: Column, made: Column) -> None:
    """Says of the column in which way the target's type is another one."""
    source = work.source.dialect
    if work.rules.type_of(source, work.dialect, table.name, column.name, column.sql_type) is None:
        own = [one for one in remarks(column, source, work.dialect) if one.grade is not Grade.BY_HAND]
        work.ledger.remarks(ObjectKind.COLUMN, table.name, column.name, own, column.sql_type, made.sql_type)
        if column.type.kind is Kind.OTHER and any(one.grade is Grade.CHANGED for one in own):
            return  # that it is a text there is said already, and of what
    said = _meaning(work, column, made)
    if said is None:
        return
    code, reason, proposal = said
    work.ledger.say(
        ObjectKind.COLUMN,
        table.name,
        column.name,
        code,
        Grade.CHANGED,
        reason,
        proposal,
        Complexity.SIMPLE,
        original=column.sql_type,
        replacement=made.sql_type,
    )


def _meaning(work: Work, column: Column, made: Column) -> tuple[str, str, str] | None:
    kind = column.type.kind
    target = parsed(made.sql_type)
    as_text = target.base in _TEXTS
    if as_text and kind in _MORE:
        return "type-as-text", f"it is a text there, of {_MORE[kind]}", "see what compares or computes with it"
    if as_text and kind is Kind.JSON and work.dialect.mysql_like and work.source.dialect is Dialect.POSTGRESQL:
        reason = "it is a text there: MySQL's JSON would write the document anew"
        return "type-as-text", reason, "use JSON functions on the text, which they take; index a generated column"
    if as_text and kind is Kind.SET and work.dialect not in (Dialect.MYSQL, Dialect.MARIADB):
        return (
            "set-as-text",
            "it is a text of labels with commas between them",
            "make a table of the labels, or an array",
        )
    if as_text and kind is Kind.ENUM and list(column.type.labels) != sorted(column.type.labels):
        reason = "ORDER BY and comparisons go by the label's letters, and no longer by the labels' order"
        return "enum-order", reason, "order by a CASE, or by a table of the labels"
    if kind is Kind.TIMESTAMPTZ and target.base == "datetime":
        reason = "it holds the moment in UTC, and a DATETIME knows of no zone"
        return "time-zone", reason, "let the application convert, or set its session's time zone to UTC"
    scale = column.type.scale
    unusual = kind is Kind.DECIMAL and not as_text and not 0 <= scale <= column.type.size
    if unusual and work.dialect is not Dialect.POSTGRESQL:
        reason = f"of {column.sql_type} the target keeps digits that the source rounds off, or refuses"
        return "decimal-scale", reason, "let the application round, or add a check"
    digits = _FRACTION.search(column.sql_type)
    if digits and work.source.dialect is Dialect.POSTGRESQL and target.base in ("datetime", "time"):
        reason = f"the source rounds to {digits[1]} digits of a second; the target keeps six"
        return "fraction-digits", reason, "let the application round, or change the type after cut-over"
    if kind is Kind.TIME and target.base == "interval":
        reason = "MySQL's TIME goes from -838:59:59 to 838:59:59, which PostgreSQL's time does not hold"
        return "time-as-interval", reason, "where it is a time of day, change it to time after cut-over"
    if kind is Kind.BYTES and column.sql_type.lower().startswith(_SPATIAL) and not target.base.startswith(_SPATIAL):
        reason = "it holds four bytes of reference system and well-known binary"
        if work.related:
            shape = column.sql_type.partition(" ")[0]
            return "spatial", f"{reason}, as bytes", f"after cut-over: ALTER TABLE … MODIFY {made.name} {shape} …"
        return "spatial", reason, "PostGIS: ST_GeomFromWKB(substring(column from 5))"
    return _length(work, column, made)


def _length(work: Work, column: Column, made: Column) -> tuple[str, str, str] | None:
    if column.type.kind not in (Kind.TEXT, Kind.BYTES) or work.dialect is Dialect.SQLITE:
        return None
    target = parsed(made.sql_type)
    size = column.type.size
    source = parsed(column.sql_type).base
    if target.base in _UNBOUNDED and size and "text" not in source and source in _TEXTS | {"nvarchar", "varchar2"}:
        reason = f"its length of {size} is not kept: a row of the target's has no room for it, or no such length"
        return "length-lost", reason, f"CHECK (char_length({made.name}) <= {size})"
    taken = target.arguments[0] if target.arguments and target.base in ("varchar", "varbinary", "char") else 0
    if taken and work.dialect.mysql_like and (not size or size > taken):
        reason = f"it is part of the key, where MySQL takes {taken}: a longer value is refused"
        return "key-length", reason, "see how long its values are"
    return None
