"""Column types of a PostgreSQL target: what each source column becomes, and how its values are written and read.

======================  ==============================================================================================
source column           target column
======================  ==============================================================================================
from PostgreSQL         the same type. Types of the user's own (enums, extensions, composites): the type of that name
                        where the target has one, else text. Names of the source's own tables, roles, … (regclass,
                        aclitem): text, since the target may not have them. "char": text, since before release
                        16 it takes the first byte of ``\\303`` and leaves the rest out
boolean                 boolean
integer                 smallint, integer, bigint, by its bits and sign; unsigned 64 bits: numeric(20)
decimal                 numeric(p,s), numeric where it is unbounded. NaN fits both, Infinity numeric alone
float                   real (32 bits), double precision (64)
text                    character varying(n) for CHAR(n) and VARCHAR(n), else text. Never character(n): it pads
bytes                   bytea
bits                    bit(n), bit varying
date                    date. Zero and partial dates are refused
time                    interval: time ends at 24:00, MySQL's TIME goes from -838:59:59 to 838:59:59
timetz                  time with time zone
timestamp, timestamptz  timestamp(n) without / with time zone. Zero and partial dates are refused
year                    smallint
interval                interval
json                    json: it keeps the document's text, which jsonb would not
uuid                    uuid
enum, set, other        text
======================  ==============================================================================================

Every value is handed over and read back as text, under the session settings that `sink_connection` pins. A zero byte
within a text is refused: PostgreSQL has no way to hold one.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import orjson

from tailrace.schema import Kind, Type
from tailrace_postgres import types

#: JSON form to the text that PostgreSQL reads, and the text that it prints to the JSON form. Neither sees NULL.
Writer = Callable[[Any], str]
Reader = Callable[[str], Any]

_MAX_VARCHAR = 10_485_760
_MODIFIER = re.compile(r"\(.*?\)")
#: Built-in types that every PostgreSQL has under these names (`format_type`, without modifiers).
_BUILT_IN = frozenset(
    {
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "oid",
        "numeric",
        "real",
        "double precision",
        "text",
        "character varying",
        "character",
        "name",
        "bytea",
        "bit",
        "bit varying",
        "date",
        "time without time zone",
        "time with time zone",
        "timestamp without time zone",
        "timestamp with time zone",
        "interval",
        "json",
        "jsonb",
        "uuid",
    }
)
#: Types that are not the same in every server: names of what it has (tables, functions, roles, …), and "char".
_AS_TEXT = re.compile(r'(reg[a-z]+|aclitem|"char")(\[\])?')
_PLAIN: dict[Kind, str] = {
    Kind.BOOLEAN: "boolean",
    Kind.BYTES: "bytea",
    Kind.DATE: "date",
    Kind.TIME: "interval",
    Kind.YEAR: "smallint",
    Kind.INTERVAL: "interval",
    Kind.JSON: "json",
    Kind.UUID: "uuid",
}


def column_type(type_: Type, from_postgres: bool, exists: Callable[[str], bool]) -> str:
    """The column's type as SQL and `format_type` write it.

    Args:
        from_postgres: the source is PostgreSQL, so that the type's name means the same in the target.
        exists: whether the target has a type of this name.
    """
    if from_postgres:
        if _AS_TEXT.fullmatch(type_.name):
            return "text"
        if _MODIFIER.sub("", type_.name) in _BUILT_IN:
            return type_.name
        if type_.kind in (Kind.ENUM, Kind.OTHER) and type_.name and exists(type_.name):
            return type_.name
    return _by_kind(type_, from_postgres)


def _by_kind(type_: Type, from_postgres: bool) -> str:
    size = type_.size
    match type_.kind:
        case Kind.INTEGER:
            return _integer(size, type_.unsigned)
        case Kind.DECIMAL:
            return f"numeric({size},{type_.scale})" if size else "numeric"
        case Kind.FLOAT:
            return "real" if size == 32 else "double precision"
        case Kind.TEXT:
            bounded = 0 < size <= _MAX_VARCHAR and "text" not in type_.name.lower()
            return f"character varying({size})" if bounded else "text"
        case Kind.BITS:
            if size and (type_.fixed or not from_postgres):
                return f"bit({size})"
            return f"bit varying({size})" if size else "bit varying"
        case Kind.TIMETZ:
            return f"time({min(size, 6)}) with time zone"
        case Kind.TIMESTAMP:
            return f"timestamp({min(size, 6)}) without time zone"
        case Kind.TIMESTAMPTZ:
            return f"timestamp({min(size, 6)}) with time zone"
        case kind:
            return _PLAIN.get(kind, "text")


def _integer(bits: int, unsigned: bool) -> str:
    needed = bits + 1 if unsigned else bits
    if needed <= 16:
        return "smallint"
    if needed <= 32:
        return "integer"
    return "bigint" if needed <= 64 else "numeric(20,0)"


# ---- writing


def writer(type_: Type) -> Writer | None:
    """None: the JSON form is a string that PostgreSQL reads as it is."""
    return _WRITERS.get(type_.kind)


#: The form in which `copylines.pyx` writes a kind; all others are texts.
_NATIVE: dict[Kind, str] = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.YEAR: "integer",
    Kind.FLOAT: "float",
    Kind.BYTES: "bytes",
}


def native(type_: Type) -> str:
    """The name of the compiled form that does what `writer` does."""
    return _NATIVE.get(type_.kind, "text")


def _write_boolean(value: Any) -> str:
    return "t" if value else "f"


def _write_float(value: Any) -> str:
    return value if isinstance(value, str) else repr(float(value))


def write_bytes(value: Any) -> str:
    return "\\x" + b64decode(value).hex()


_WRITERS: dict[Kind, Writer] = {
    Kind.BOOLEAN: _write_boolean,
    Kind.INTEGER: str,
    Kind.YEAR: str,
    Kind.FLOAT: _write_float,
    Kind.BYTES: write_bytes,
}


# ---- reading


def reader(type_: Type, from_postgres: bool) -> Reader | None:
    """None: the text is the JSON form."""
    kind = type_.kind
    if kind in _READERS:
        return _READERS[kind]
    if kind in (Kind.TIME, Kind.TIMETZ, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return _as_the_source_prints(type_) if from_postgres else _with_all_digits(type_)
    return None


def _read_boolean(text: str) -> bool:
    return text[:1] == "t"


def _read_float(text: str) -> float | str:
    return text if text[-1] in "Ny" else float(text)  # NaN, Infinity


def _read_bytes(text: str) -> str:
    return b64encode(bytes.fromhex(text[2:])).decode("ascii")


_READERS: dict[Kind, Reader] = {
    Kind.BOOLEAN: _read_boolean,
    Kind.INTEGER: int,
    Kind.YEAR: int,
    Kind.FLOAT: _read_float,
    Kind.BYTES: _read_bytes,
}


def _as_the_source_prints(type_: Type) -> Reader:
    convert = types.converter(type_)

    def read(text: str) -> Any:
        return orjson.loads(convert(text.encode()))

    return read


def _with_all_digits(type_: Type) -> Reader:
    """MySQL prints as many fraction digits as the column has, PostgreSQL as few as the value needs."""
    digits = type_.size
    zoned = type_.kind is Kind.TIMESTAMPTZ

    def read(text: str) -> str:
        if text[:1] == "P":
            text = _clock(text)
        if zoned:
            text = text.removesuffix("+00")
        whole, _, fraction = text.replace(" ", "T", 1).partition(".")
        tail = "." + fraction.ljust(digits, "0") if digits or fraction else ""
        return whole + tail + ("Z" if zoned else "")

    return read


_DURATION = re.compile(r"PT(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+)(?:\.(\d+))?S)?")


def _clock(text: str) -> str:
    """An interval of hours to microseconds, ``PT-838H-59M-59S``, as a clock writes it."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return text  # days or months: nothing that was written by us
    hours, minutes, seconds, fraction = match.groups()
    sign = "-" if "-" in text else ""
    clock = ":".join(f"{abs(int(part or 0)):02}" for part in (hours, minutes, seconds))
    return f"{sign}{clock}" + (f".{fraction}" if fraction else "")
