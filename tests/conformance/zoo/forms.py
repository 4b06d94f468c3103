"""How a target is asked for a column's value, and what it must answer for a value of the event.

Written from the tables of forms in the documentation, with nothing of the product's own conversions.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Reading:
    """One target's side.

    Attributes:
        ask: SQL with ``{}`` for the column; for DynamoDB the attribute's type.
        wanted: the answer for a value of the event.
        comparable: brings the answer into the form of `wanted`, where digits may be printed in several ways.
    """

    ask: str
    wanted: Callable[[Any], Any] = _same
    comparable: Callable[[Any], Any] = _same


@dataclass(frozen=True)
class Form:
    """By target: PostgreSQL, MySQL, MariaDB, SQLite, DynamoDB."""

    pg: Reading
    my: Reading
    maria: Reading
    lite: Reading
    kv: Reading

    def reading(self, target: str) -> Reading:
        found: Reading = getattr(self, target)
        return found


def _form(pg: Reading, my: Reading, lite: Reading, kv: Reading) -> Form:
    return Form(pg, my, my, lite, kv)


def base64(digits: str) -> str:
    """Hexadecimal digits as the event has bytes."""
    return b64encode(bytes.fromhex(digits)).decode()


def _hex(value: str) -> str:
    return b64decode(value).hex()


def _trimmed(text: str) -> str:
    """PostgreSQL prints as many digits of a fraction as there are."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _six(text: str) -> str:
    """MySQL prints as many digits of a fraction as the type has."""
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(6, '0')}"


def _spaced(text: str) -> str:
    return text.replace("T", " ")


def _digits(value: Any) -> str:
    return repr(float(value))


def _single(value: Any) -> str:
    """A 32-bit number as the 64-bit one that it is."""
    return repr(struct.unpack("<f", struct.pack("<f", float(value)))[0])


def _plain(number: str) -> str:
    return format(Decimal(number).normalize(), "f")


def _offset(text: str) -> str:
    """PostgreSQL prints whole hours of an offset alone."""
    return text[:-3] if text[-6] in "+-" and text.endswith(":00") else text


_TEXT = "{}::text"
_CHAR = "CAST({} AS CHAR)"

TEXT = _form(Reading(_TEXT), Reading(_CHAR), Reading("{}"), Reading("S"))
#: A cast to text would take the blanks of CHAR(n) away, and IS NOT NULL is false of a composite with a NULL in it.
PADDED = replace(TEXT, pg=Reading("CASE WHEN {} IS DISTINCT FROM NULL THEN format('%s', {}) END"))
BOOLEAN = _form(
    Reading(_TEXT, lambda value: "true" if value else "false"),
    Reading(_CHAR, lambda value: "1" if value else "0"),
    Reading("{}", int),
    Reading("BOOL"),
)
INTEGER = _form(
    Reading(_TEXT, str),
    Reading(_CHAR, str),
    Reading("{}", lambda value: value if value < 1 << 63 else str(value)),
    Reading("N", str),
)
YEAR = replace(INTEGER, my=Reading(_CHAR, "{:04d}".format), maria=Reading(_CHAR, "{:04d}".format))
#: Of at most 38 digits, which DynamoDB's numbers have.
DECIMAL = replace(TEXT, kv=Reading("N", _plain, _plain))
DOUBLE = _form(
    Reading(_TEXT, _digits, _digits),
    Reading("{} * 1e0", _digits, _digits),
    Reading("{}"),
    Reading("S", _digits, _digits),
)
FLOAT = replace(DOUBLE, my=Reading("{} * 1e0", _single, _digits), maria=Reading("{} * 1e0", _single, _digits))
BYTES = _form(
    Reading("encode({}, 'hex')", _hex),
    Reading("HEX({})", lambda value: _hex(value).upper()),
    Reading("{}", b64decode),
    Reading("B", b64decode),
)
_BIN = Reading("BIN({})", lambda value: value.lstrip("0") or "0")
BITS = replace(TEXT, my=_BIN, maria=_BIN)

# ---- MySQL's and MariaDB's

TIME = replace(TEXT, pg=Reading(_TEXT, _trimmed))
DATETIME = _form(
    Reading(_TEXT, lambda value: _trimmed(_spaced(value))), Reading(_CHAR, _spaced), Reading("{}"), Reading("S")
)
TIMESTAMP = _form(
    Reading(_TEXT, lambda value: _trimmed(_spaced(value[:-1])) + "+00"),
    Reading(_CHAR, lambda value: _spaced(value[:-1])),
    Reading("{}"),
    Reading("S"),
)

# ---- PostgreSQL's

_PG_TIME = Reading(_CHAR, _six)
PG_TIME = replace(TEXT, my=_PG_TIME, maria=_PG_TIME)
PG_TIMETZ = replace(TEXT, pg=Reading(_TEXT, _offset))
PG_TIMESTAMP = _form(
    Reading(_TEXT, _spaced), Reading(_CHAR, lambda value: _six(_spaced(value))), Reading("{}"), Reading("S")
)
PG_TIMESTAMPTZ = _form(
    Reading(_TEXT, lambda value: _spaced(value[:-1]) + "+00" if value[-1] == "Z" else value),
    Reading(_CHAR, lambda value: _six(_spaced(value[:-1]))),
    Reading("{}"),
    Reading("S"),
)
