"""SQL Server's types.

Transact-SQL reference, "Data types".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tailrace.conversion.script.written import Written
from tailrace.schema import Kind, Type

_DECIMAL = (18, 0)
#: Fraction digits where none are stated.
_FRACTION = 7


def _integer(bits: int, unsigned: bool = False) -> Callable[[Written], Type]:
    return lambda _: Type(Kind.INTEGER, size=bits, unsigned=unsigned)


def _decimal(written: Written) -> Type:
    integers = written.integers
    precision = integers[0] if integers else _DECIMAL[0]
    return Type(Kind.DECIMAL, size=precision, scale=integers[1] if len(integers) > 1 else 0)


def _float(written: Written) -> Type:
    return Type(Kind.FLOAT, size=32 if written.integers and written.integers[0] <= 24 else 64)


def _sized(kind: Kind, fixed: bool = False) -> Callable[[Written], Type]:
    """Texts and bytes: one character where no length is stated, no bound for MAX."""

    def make(written: Written) -> Type:
        if written.arguments == ("MAX",):
            return Type(kind)
        return Type(kind, size=(*written.integers, 1)[0], fixed=fixed)

    return make


def _fraction(kind: Kind) -> Callable[[Written], Type]:
    return lambda written: Type(kind, size=(*written.integers, _FRACTION)[0])


def _plain(kind: Kind, size: int = 0, scale: int = 0, fixed: bool = False) -> Callable[[Written], Type]:
    return lambda _: Type(kind, size=size, scale=scale, fixed=fixed)


TYPES: Mapping[str, Callable[[Written], Type]] = {
    "bit": _plain(Kind.BOOLEAN),
    "tinyint": _integer(8, unsigned=True),
    "smallint": _integer(16),
    "int": _integer(32),
    "integer": _integer(32),
    "bigint": _integer(64),
    "decimal": _decimal,
    "dec": _decimal,
    "numeric": _decimal,
    "money": _plain(Kind.DECIMAL, 19, 4),
    "smallmoney": _plain(Kind.DECIMAL, 10, 4),
    "float": _float,
    "real": _plain(Kind.FLOAT, 32),
    "double precision": _plain(Kind.FLOAT, 64),
    "date": _plain(Kind.DATE),
    "time": _fraction(Kind.TIME),
    "datetime": _plain(Kind.TIMESTAMP, 3),
    "datetime2": _fraction(Kind.TIMESTAMP),
    "smalldatetime": _plain(Kind.TIMESTAMP),
    "datetimeoffset": _fraction(Kind.TIMESTAMPTZ),
    "char": _sized(Kind.TEXT, fixed=True),
    "character": _sized(Kind.TEXT, fixed=True),
    "nchar": _sized(Kind.TEXT, fixed=True),
    "national character": _sized(Kind.TEXT, fixed=True),
    "national char": _sized(Kind.TEXT, fixed=True),
    "varchar": _sized(Kind.TEXT),
    "char varying": _sized(Kind.TEXT),
    "character varying": _sized(Kind.TEXT),
    "nvarchar": _sized(Kind.TEXT),
    "national character varying": _sized(Kind.TEXT),
    "national char varying": _sized(Kind.TEXT),
    "text": _plain(Kind.TEXT),
    "ntext": _plain(Kind.TEXT),
    "sysname": _plain(Kind.TEXT, 128),
    "binary": _sized(Kind.BYTES, fixed=True),
    "varbinary": _sized(Kind.BYTES),
    "binary varying": _sized(Kind.BYTES),
    "image": _plain(Kind.BYTES),
    "uniqueidentifier": _plain(Kind.UUID),
    "rowversion": _plain(Kind.BYTES, 8, fixed=True),
    "timestamp": _plain(Kind.BYTES, 8, fixed=True),
    "xml": _plain(Kind.OTHER),
    "json": _plain(Kind.JSON),
    "sql_variant": _plain(Kind.OTHER),
    "hierarchyid": _plain(Kind.OTHER),
    "geography": _plain(Kind.OTHER),
    "geometry": _plain(Kind.OTHER),
    "vector": _plain(Kind.OTHER),
}


def described(written: Written) -> Type | None:
    make = None if written.schema else TYPES.get(written.base)
    return replace(make(written), name=text(written)) if make else None


def text(written: Written) -> str:
    if written.schema:
        return f"{written.schema}.{written.base}"
    arguments = f"({','.join(written.arguments).lower()})" if written.arguments else ""
    return written.base + arguments
