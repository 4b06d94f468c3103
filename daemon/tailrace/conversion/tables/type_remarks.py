"""What is to be said of columns of Oracle's and SQL Server's types, wherever they go.

One table for each dialect: types, when the line holds, and what follows. `convert` says it of each such column; the
page docs/reference/scripts.md is made of it. A grade of "by hand" means that the column is not made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tailrace.conversion.catalog import Column, Dialect
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.translation import Remark
from tailrace.schema import Kind, Type

_SIMPLE, _MEDIUM, _SIGNIFICANT = Complexity.SIMPLE, Complexity.MEDIUM, Complexity.SIGNIFICANT
#: Fraction digits of a second that SQL targets hold.
_FRACTION = 6


class Line(NamedTuple):
    """
    Attributes:
        types: their names, without arguments.
        when: holds for which of them; `condition` says it to a person.
    """

    types: tuple[str, ...]
    remark: Remark
    when: Callable[[Type], bool] = lambda _: True
    condition: str = ""


def _known(code: str, reason: str, proposal: str) -> Remark:
    """Something to know: nothing means anything else for the values that the source has."""
    return Remark(code, Grade.AUTOMATIC, reason, proposal)


def _changed(code: str, reason: str, proposal: str, complexity: Complexity = _SIMPLE) -> Remark:
    return Remark(code, Grade.CHANGED, reason, proposal, complexity)


def _by_hand(code: str, reason: str, proposal: str, complexity: Complexity = _MEDIUM) -> Remark:
    return Remark(code, Grade.BY_HAND, reason, proposal, complexity)


_FIXED_BYTES = _changed(
    "binary-padding",
    "the source fills it with zero bytes up to its length; the target keeps what it is given",
    "let the application write all bytes",
)
_ROUNDED = _changed(
    "fraction-digits",
    "the target holds microseconds: the seventh and further digits of a second are rounded",
    "see whether anything orders or compares by them",
)
_ZONE = _changed(
    "zone-lost",
    "the source keeps the zone that was written; the target keeps the moment, and shows it in the session's zone",
    "where the zone matters, keep it in a column of its own",
)
_DIGITS = _known(
    "digits-wider",
    "the target's integer takes numbers that have more digits than the source allows",
    "add a check where the application relies on being refused",
)
_OBJECTS = _by_hand(
    "object-type",
    "it holds an object of a type that the target has not, with no text of its own",
    "take its attributes apart into columns, or into a table",
    _SIGNIFICANT,
)
_COMPUTED = _by_hand(
    "computed-type",
    "the source takes its type from the expression, and it is not sure which one that is",
    "add a generated column with the type that it shall have",
    _SIMPLE,
)

ORACLE: tuple[Line, ...] = (
    Line(("number", "numeric", "decimal", "dec"), _DIGITS, lambda t: t.kind is Kind.INTEGER, "whole, up to 18 digits"),
    Line(
        ("float", "real", "double precision"),
        _known(
            "binary-precision",
            "the source rounds to its binary digits (a FLOAT(63) has about 19 decimal ones); the target keeps all",
            "see whether anything relies on being rounded",
        ),
    ),
    Line(("timestamp",), _ZONE, lambda t: t.name.upper().endswith("WITH TIME ZONE"), "WITH TIME ZONE"),
    Line(("timestamp", "interval"), _ROUNDED, lambda t: t.size > _FRACTION, "more than 6 fraction digits"),
    Line(
        ("varchar2", "varchar", "char", "character"),
        _known("bytes-counted", "the source counts bytes, the target characters", "nothing: all values fit"),
        lambda t: t.size > 1 and "CHAR)" not in t.name.upper(),
        "without CHAR behind the length",
    ),
    Line(
        ("long", "long raw"),
        _known("long", "of a type that Oracle gave up for CLOB and BLOB", "nothing"),
    ),
    Line(
        ("raw",),
        _known("bytes-length", "its greatest length is not kept", "add a check on octet_length where it matters"),
    ),
    Line(
        ("bfile",),
        _changed(
            "bfile",
            "it names a file outside of the database; the target holds the text of that name",
            "load the files into bytea, or keep them where the application finds them",
            _MEDIUM,
        ),
    ),
    Line(
        ("rowid", "urowid"),
        _changed(
            "rowid",
            "it is the address of a row, which means nothing in another database",
            "refer to a key instead",
            _MEDIUM,
        ),
    ),
    Line(
        ("xmltype",),
        _changed(
            "xml-as-text",
            "it is a text there: nothing sees that it is XML, and the source's functions for XML are not there",
            "override the type with xml where the target has it",
        ),
    ),
    Line(
        ("sdo_geometry",),
        _by_hand(
            "spatial",
            "an object of Oracle Spatial, with no text of its own",
            "PostGIS's geometry, if there is one",
            _SIGNIFICANT,
        ),
    ),
    Line(("anydata", "uritype"), _OBJECTS),
    Line(
        ("vector",),
        _changed("vector", "the target holds its text", "pgvector's type, where the target has it", _MEDIUM),
    ),
)
TSQL: tuple[Line, ...] = (
    Line(("bit",), _known("bit-as-boolean", "1 and 0 are true and false to a client", "see what reads it as a number")),
    Line(
        ("money", "smallmoney"),
        _known(
            "money",
            "a decimal of four digits behind the point; the source computes with four, the target with more",
            "see what divides it",
        ),
    ),
    Line(
        ("datetime",),
        _known("datetime-steps", "the source rounds to 1/300 of a second; the target keeps milliseconds", "nothing"),
    ),
    Line(
        ("smalldatetime",),
        _changed(
            "datetime-steps", "the source rounds to the minute; the target keeps seconds", "round where it matters"
        ),
    ),
    Line(
        ("datetime2", "datetimeoffset", "time"), _ROUNDED, lambda t: t.size > _FRACTION, "more than 6 fraction digits"
    ),
    Line(("datetimeoffset",), _ZONE),
    Line(
        ("nvarchar", "nchar", "national character", "national char", "national character varying"),
        _known("utf16-counted", "the source counts UTF-16 units, the target characters", "nothing: all values fit"),
        lambda t: t.size > 1,
    ),
    Line(("binary",), _FIXED_BYTES),
    Line(
        ("varbinary", "binary varying"),
        _known("bytes-length", "its greatest length is not kept", "add a check on octet_length where it matters"),
        lambda t: t.size > 0,
        "but MAX",
    ),
    Line(
        ("uniqueidentifier",),
        _known("uuid-order", "it is ordered by its last bytes at the source, by its first in the target", "nothing"),
    ),
    Line(
        ("rowversion", "timestamp"),
        _by_hand(
            "rowversion",
            "the source counts it up with every change of a row, and no client writes it",
            "leave it out (PostgreSQL's xmin tells a changed row), or write a trigger",
        ),
    ),
    Line(
        ("xml",),
        _changed(
            "xml-as-text",
            "it is a text there: nothing sees that it is XML, and the source's methods for XML are not there",
            "override the type with xml where the target has it",
        ),
    ),
    Line(
        ("sql_variant",),
        _changed(
            "sql-variant",
            "the target holds the text of a value, and not of which type it was",
            "columns by type",
            _MEDIUM,
        ),
    ),
    Line(
        ("hierarchyid",),
        _changed(
            "hierarchyid",
            "the target holds its text (/1/2/), which is ordered as a text; its methods are not there",
            "ltree, or a column with the parent's key",
            _MEDIUM,
        ),
    ),
    Line(
        ("geography", "geometry"),
        _changed("spatial", "the target holds its text (WKT)", "PostGIS's type, if there is one", _SIGNIFICANT),
    ),
    Line(
        ("text", "ntext", "image"),
        _known("long", "of a type that SQL Server gave up for VARCHAR(MAX) and its like", "nothing"),
    ),
    Line(
        ("vector",),
        _changed("vector", "the target holds its text", "pgvector's type, where the target has it", _MEDIUM),
    ),
)
MYSQL: tuple[Line, ...] = (
    Line(
        ("float", "double", "double precision", "real"),
        _changed(
            "float-digits",
            "the source rounds what is written and computed to its places behind the point; the target keeps all",
            "a DECIMAL, or round where it matters",
        ),
        lambda t: "," in t.name,
    ),
)
_LINES: Mapping[Dialect, tuple[Line, ...]] = {
    Dialect.ORACLE: ORACLE,
    Dialect.TSQL: TSQL,
    Dialect.MYSQL: MYSQL,
    Dialect.MARIADB: MYSQL,
}
#: Codes that speak of text and time as SQL databases keep them.
_KEPT_ELSEWHERE = frozenset({"bytes-length", "digits-wider", "fraction-digits"})


def remarks(column: Column, source: Dialect, target: Dialect) -> tuple[Remark, ...]:
    """All that is to be said of a column's type; empty for those that all targets have.

    Args:
        target: where texts are kept: SQLite keeps digits and lengths as they come.
    """
    if source not in _LINES or source is target:
        return ()
    if column.generated and not column.sql_type:
        return (_COMPUTED,)
    if column.type.kind is Kind.OTHER and column.user_type is not None:
        return (_OBJECTS,)
    found = []
    for line in matching(column.type, source):
        if target is Dialect.SQLITE and line.remark.code in _KEPT_ELSEWHERE:
            continue
        found.append(line.remark)
    return tuple(found)


def refused(column: Column, source: Dialect, target: Dialect) -> Remark | None:
    """Why a column is not made; None: it is."""
    found = remarks(column, source, target)
    return next((remark for remark in found if remark.grade is Grade.BY_HAND), None)


def matching(type_: Type, source: Dialect) -> Iterator[Line]:
    """The lines of the table that hold for a type."""
    head = type_.name.lower().partition("(")[0]
    for line in _LINES[source]:
        named = any(head == name or head.startswith(name + " ") for name in line.types)
        # LONG RAW is no LONG, TIMESTAMP WITH TIME ZONE is a TIMESTAMP.
        if named and (head in line.types or head.split()[0] in ("timestamp", "interval")) and line.when(type_):
            yield line
