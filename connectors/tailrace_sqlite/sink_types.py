"""How values lie in a SQLite target: exactly, whatever SQLite's affinities would make of them.

==================================  ============  ==========================================================
kind                                declared      stored
==================================  ============  ==========================================================
boolean                             BOOLEAN       0, 1
integer, year                       INTEGER       integer
integer, unsigned, 64 bits          (none)        integer up to 2^63-1, above that its digits as text
float                               (none)        8-byte float; NaN, Infinity, -Infinity as text
decimal                             TEXT          digits with the declared scale: as a number it would be rounded
bytes                               BLOB          bytes
text, bits, date, time, timetz,     TEXT          the event's own form (`tailrace.schema`)
timestamp, timestamptz, interval,
json, uuid, enum, set, other
==================================  ============  ==========================================================

A column without a declared type converts nothing. REAL would lose the sign of -0.0, NUMERIC the digits of a decimal.
https://www.sqlite.org/datatype3.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from tailrace.schema import Kind, Type

_LARGEST = 2**63 - 1

#: JSON form to bound value, and back; neither sees None. None: they are the same.
Conversion = Callable[[Any], Any] | None


def declared(type_: Type) -> str:
    """The column's type in CREATE TABLE; "" for none."""
    match type_.kind:
        case Kind.BOOLEAN:
            return "BOOLEAN"
        case Kind.INTEGER:
            return "" if _beyond_int64(type_) else "INTEGER"
        case Kind.YEAR:
            return "INTEGER"
        case Kind.FLOAT:
            return ""
        case Kind.BYTES:
            return "BLOB"
        case _:
            return "TEXT"


def affinity(declared_type: str) -> str:
    """What SQLite makes of a declared type: https://www.sqlite.org/datatype3.html, 3.1."""
    text = declared_type.upper()
    if "INT" in text:
        return "INTEGER"
    if any(word in text for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in text or not text:
        return "BLOB"
    return "REAL" if any(word in text for word in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def obstacle(type_: Type, from_postgres: bool, wanted: str) -> str:
    """Why values of a column cannot be in a declared type that a person wants; "" where they can."""
    usual = affinity(declared(type_))
    if affinity(wanted) == usual:
        return ""
    return f"values of {type_.name} need a column of affinity {usual}, and SQLite would convert them"


def binder(type_: Type) -> Conversion:
    """From the JSON form to what is bound."""
    match type_.kind:
        case Kind.BOOLEAN:
            return int
        case Kind.INTEGER:
            return _bind_unsigned if _beyond_int64(type_) else None
        case Kind.FLOAT:
            return _bind_float
        case Kind.BYTES:
            return base64.b64decode
        case _:
            return None


def reader(type_: Type) -> Conversion:
    """From what is stored to the JSON form."""
    match type_.kind:
        case Kind.BOOLEAN:
            return bool
        case Kind.INTEGER:
            return int if _beyond_int64(type_) else None
        case Kind.BYTES:
            return _read_bytes
        case _:
            return None


def _beyond_int64(type_: Type) -> bool:
    return type_.unsigned and type_.size == 64


def _bind_unsigned(value: int) -> int | str:
    return value if value <= _LARGEST else str(value)


def _bind_float(value: float | str) -> float | str:
    # The three that JSON has no number for stay text: SQLite would store NaN as NULL.
    return value if isinstance(value, str) else float(value)


def _read_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
