"""Values on their way into a MySQL or MariaDB target and back: JSON form (`tailrace.schema`) to SQL literal and back.

The literals are for a session with NO_BACKSLASH_ESCAPES (a quote is doubled, nothing else means anything) in UTC.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tailrace.schema import Column, Kind
from tailrace_mysql.sink_types import ColumnType

Encoder = Callable[[Any], str]
Decoder = Callable[[Any], Any]

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,6})?")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?")
_NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")
#: A document without these holds no number that MySQL's JSON parser could print differently.
_RISKY_NUMBER = re.compile(r"\d\.\d|\d{19}")


class UnfitError(ValueError):
    """A value that the column's type cannot hold exactly; the message says why, without the value."""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def encoder(column: Column, type_: ColumnType, from_mysql: bool, mariadb: bool) -> Encoder:
    """The function from a value that is not NULL to its literal; it raises UnfitError, TypeError or ValueError."""
    kind = column.type.kind
    if kind == Kind.BOOLEAN:
        return _boolean
    if kind in (Kind.INTEGER, Kind.YEAR):
        return _integer
    if kind == Kind.FLOAT:
        return _FloatEncoder(column.type.size == 32, mariadb)
    if kind == Kind.BYTES:
        return _key_bytes if column.key else _bytes
    if type_.base == "decimal":
        return _DecimalEncoder(type_.scale)
    if type_.base == "bit":
        return _bits
    if type_.base == "json":
        return _json
    if from_mysql:
        return _utc if kind == Kind.TIMESTAMPTZ else quoted
    if kind == Kind.DATE:
        return _matching(_DATE, "a date that MySQL's DATE does not have (infinity, BC, past 9999)")
    if kind == Kind.TIME:
        return _matching(_TIME, "a time that MySQL's TIME does not have")
    if kind == Kind.TIMESTAMP:
        return _matching(_TIMESTAMP, "a timestamp that MySQL's DATETIME does not have (infinity, BC, past 9999)")
    if kind == Kind.TIMESTAMPTZ:
        return _utc_checked
    return quoted


def native(encode: Encoder) -> tuple[str, int]:
    """The compiled form (`literals.pyx`) that gives the same literals, "" for none, and the number that it needs."""
    if isinstance(encode, _DecimalEncoder):
        return "decimal", encode.scale
    if isinstance(encode, _FloatEncoder):
        return ("", 0) if encode.single else ("float", not encode.mariadb)
    return _NATIVE.get(encode, ""), 0


def comparison(column: Column, type_: ColumnType, encode: Encoder) -> Encoder:
    """The function to the literal that `<=>` finds the stored value by."""
    if type_.base == "json":
        return lambda value: f"CAST({encode(value)} AS JSON)"
    return encode


def _boolean(value: Any) -> str:
    if value is True:
        return "1"
    if value is False:
        return "0"
    raise UnfitError("a boolean that is neither true nor false")


def _integer(value: Any) -> str:
    return str(int(value))


@dataclass(frozen=True, slots=True)
class _FloatEncoder:
    single: bool
    mariadb: bool

    def __call__(self, value: Any) -> str:
        number = float(value)
        if not math.isfinite(number):
            raise UnfitError("NaN or infinity, which MySQL's numbers do not have")
        if self.single:
            # What the column will hold, so that a comparison with it finds it.
            number = struct.unpack("<f", struct.pack("<f", number))[0]
        if self.mariadb and number == 0 and math.copysign(1, number) < 0:
            raise UnfitError("a negative zero, which MariaDB does not have")
        text = repr(number)
        # Without an exponent it would be a DECIMAL literal, of 65 digits at most.
        return text if "e" in text else text + "e0"


@dataclass(frozen=True, slots=True)
class _DecimalEncoder:
    scale: int

    def __call__(self, value: Any) -> str:
        match = _NUMBER.fullmatch(value)
        if match is None:
            raise UnfitError("NaN or infinity, which MySQL's DECIMAL does not have")
        if match[1] and len(match[1]) > self.scale:
            raise UnfitError("more digits after the point than the target's DECIMAL")  # the server would round
        return match.group()


def _bytes(value: Any) -> str:
    # Decoded by the server: a third larger than the bytes in the statement, where X'…' is twice as large.
    return f"FROM_BASE64({quoted(value)})"


def _key_bytes(value: Any) -> str:
    return f"X'{base64.b64decode(value, validate=True).hex()}'"


def _bits(value: Any) -> str:
    return str(int(value, 2))


def _utc(value: Any) -> str:
    return quoted(value.removesuffix("Z"))


def _utc_checked(value: Any) -> str:
    text = value.removesuffix("Z")
    if not _TIMESTAMP.fullmatch(text):
        raise UnfitError("a timestamp that MySQL's DATETIME does not have (infinity, BC, past 9999)")
    return quoted(text)


_NATIVE: dict[Encoder, str] = {
    _boolean: "boolean",
    _integer: "integer",
    quoted: "text",
    _utc: "utc",
    _bytes: "base64",
}


def _matching(pattern: re.Pattern[str], otherwise: str) -> Encoder:
    def encode(value: Any) -> str:
        if not pattern.fullmatch(value):
            raise UnfitError(otherwise)
        return f"'{value}'"

    return encode


# ---- JSON of MySQL to MySQL
#
# MySQL's JSON holds DECIMALs (JSON_OBJECT of a DECIMAL column), which print as 1.10; the same text parsed is a DOUBLE
# and prints as 1.1. Such numbers are put back as DECIMALs, and the document reads the same again.


class _Exact(str):
    """A number of a document, as written."""


def _json(value: Any) -> str:
    literal = quoted(value)
    if not _RISKY_NUMBER.search(value):
        return literal
    document = json.loads(value, parse_float=_Exact, parse_int=_Exact)
    arguments = "".join(
        f", {quoted(path)}, {_json_decimal(number)}" for path, number in _numbers(document, "$") if _reprinted(number)
    )
    return f"JSON_REPLACE({literal}{arguments})" if arguments else literal


def _numbers(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Exact):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _numbers(item, f"{path}.{json.dumps(name, ensure_ascii=False)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{path}[{index}]")


def _reprinted(number: str) -> bool:
    """Whether MySQL, having parsed this number, may print another text."""
    if "e" in number or "E" in number:
        return False  # only a DOUBLE prints so
    if "." in number:
        return repr(float(number)) != number
    return not -(1 << 63) <= int(number) < 1 << 64


def _json_decimal(number: str) -> str:
    match = _NUMBER.fullmatch(number)
    digits = len(number.lstrip("-").replace(".", "").lstrip("0"))
    scale = len(match[1] or "") if match else 0
    if match is None or digits > 65 or scale > 30:
        raise UnfitError("a number in a JSON document that MySQL's JSON would change")
    return f"CAST({number} AS DECIMAL({max(digits, scale, 1)}, {scale}))"


# ---- and back


def select_expression(name: str, column: Column) -> str:
    """What `rows` selects: FLOATs by way of DOUBLE, since the server prints six digits of a FLOAT."""
    return f"{name} * 1e0" if column.type.kind == Kind.FLOAT else name


def decoder(column: Column, type_: ColumnType, from_mysql: bool) -> Decoder | None:
    """The function from what the server prints to the JSON form; None where it prints the JSON form itself."""
    kind = column.type.kind
    if kind == Kind.BOOLEAN:
        return lambda value: value != "0"
    if kind in (Kind.INTEGER, Kind.YEAR):
        return int
    if kind == Kind.FLOAT:
        return _shortest_single if column.type.size == 32 else float
    if kind == Kind.BYTES:
        return lambda value: base64.b64encode(value).decode()
    if type_.base == "bit":
        size = column.type.size
        return lambda value: format(int.from_bytes(value), f"0{size}b")
    if kind == Kind.TIME:
        return None if from_mysql else _without_trailing_zeros
    if kind == Kind.TIMESTAMP:
        if from_mysql:
            return lambda value: value.replace(" ", "T")
        return lambda value: _without_trailing_zeros(value).replace(" ", "T")
    if kind == Kind.TIMESTAMPTZ:
        if from_mysql:
            return lambda value: value.replace(" ", "T") + "Z"
        return lambda value: _without_trailing_zeros(value).replace(" ", "T") + "Z"
    return None


def _without_trailing_zeros(text: str) -> str:
    """PostgreSQL prints the fraction digits that there are, MySQL those of the type."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shortest_single(text: str) -> float:
    """The shortest decimal number that reads back as the same 32-bit float."""
    value = float(text)
    for digits in range(9):
        shorter = float(f"{value:.{digits}e}")
        try:
            if struct.unpack("<f", struct.pack("<f", shorter))[0] == value:
                return shorter
        except OverflowError:
            continue  # rounded up past the largest float
    return value
