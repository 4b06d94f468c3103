"""Oracle's types.

Oracle Database SQL Language Reference, "Data Types" (19c to 23ai).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tailrace.conversion.script.written import Written
from tailrace.schema import Kind, Type

_MAX_PRECISION = 38
#: Digits that every number of a so wide integer has.
_INTEGERS = ((4, 16), (9, 32), (18, 64))


def number(written: Written) -> Type:
    """NUMBER(p,s). Whole numbers of up to 18 digits are integers; without a precision there is no scale either."""
    if not written.arguments:
        return Type(Kind.DECIMAL)
    precision = _MAX_PRECISION if written.arguments[0] == "*" else written.integers[0]
    scale = int(written.arguments[1]) if len(written.arguments) > 1 else 0
    if not scale:
        bits = next((bits for digits, bits in _INTEGERS if precision <= digits), 0)
        if bits:
            return Type(Kind.INTEGER, size=bits)
    return Type(Kind.DECIMAL, size=precision, scale=scale)


def _whole(_: Written) -> Type:
    return Type(Kind.DECIMAL, size=_MAX_PRECISION)


def _float(_: Written) -> Type:
    """FLOAT(b) is a decimal of b binary digits, no binary number: no float holds 0.1 as it does."""
    return Type(Kind.DECIMAL)


def _text(fixed: bool = False, default: int = 0) -> Callable[[Written], Type]:
    def make(written: Written) -> Type:
        return Type(Kind.TEXT, size=(*written.integers, default)[0], fixed=fixed)

    return make


def _timestamp(written: Written) -> Type:
    kind = Kind.TIMESTAMPTZ if "time zone" in written.suffix else Kind.TIMESTAMP
    return Type(kind, size=(*written.integers, 6)[0])


def _plain(kind: Kind, size: int = 0) -> Callable[[Written], Type]:
    return lambda _: Type(kind, size=size)


TYPES: Mapping[str, Callable[[Written], Type]] = {
    "number": number,
    "numeric": number,
    "decimal": number,
    "dec": number,
    "integer": _whole,
    "int": _whole,
    "smallint": _whole,
    "float": _float,
    "real": _float,
    "double precision": _float,
    "binary_float": _plain(Kind.FLOAT, 32),
    "binary_double": _plain(Kind.FLOAT, 64),
    "varchar2": _text(),
    "varchar": _text(),
    "character varying": _text(),
    "char varying": _text(),
    "nvarchar2": _text(),
    "national character varying": _text(),
    "national char varying": _text(),
    "char": _text(fixed=True, default=1),
    "character": _text(fixed=True, default=1),
    "nchar": _text(fixed=True, default=1),
    "national character": _text(fixed=True, default=1),
    "national char": _text(fixed=True, default=1),
    "clob": _plain(Kind.TEXT),
    "character large object": _plain(Kind.TEXT),
    "nclob": _plain(Kind.TEXT),
    "long": _plain(Kind.TEXT),
    "blob": _plain(Kind.BYTES),
    "binary large object": _plain(Kind.BYTES),
    "raw": lambda written: Type(Kind.BYTES, size=(*written.integers, 0)[0]),
    "long raw": _plain(Kind.BYTES),
    "bfile": _plain(Kind.OTHER),
    "date": _plain(Kind.TIMESTAMP),
    "timestamp": _timestamp,
    "interval": lambda written: Type(Kind.INTERVAL, size=(*written.integers, 6)[0]),
    "rowid": _plain(Kind.OTHER),
    "urowid": _plain(Kind.OTHER),
    "xmltype": _plain(Kind.OTHER),
    "sdo_geometry": _plain(Kind.OTHER),
    "anydata": _plain(Kind.OTHER),
    "uritype": _plain(Kind.OTHER),
    "json": _plain(Kind.JSON),
    "boolean": _plain(Kind.BOOLEAN),
    "bool": _plain(Kind.BOOLEAN),
    "vector": _plain(Kind.OTHER),
}
#: Schemas of Oracle's own object types.
_OWN_SCHEMAS = ("", "sys", "public", "mdsys", "xdb")


def _base(written: Written) -> str:
    return written.base.lower() if written.schema.lower() in _OWN_SCHEMAS else ""


def described(written: Written) -> Type | None:
    make = TYPES.get(_base(written))
    return replace(make(written), name=text(written)) if make else None


def text(written: Written) -> str:
    if _base(written) not in TYPES:
        own = f"{written.schema}.{written.base}" if written.schema else written.base.upper()
        return f"{own}%{written.suffix.upper()}" if written.suffix else own
    base = _base(written).upper()
    if base == "INTERVAL":
        return " ".join(written.text.upper().split())
    arguments = f"({','.join(written.arguments)})" if written.arguments else ""
    suffix = f" {written.suffix.upper()}" if written.suffix else ""
    return f"{base}{arguments}{suffix}"
