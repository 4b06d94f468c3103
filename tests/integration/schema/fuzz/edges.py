"""Values at the edges of what a column's type holds."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

from tests.integration.schema.rows.tables import Column
from tests.integration.schema.rows.values import BITS, TEXTS

_TEXTS = (
    "", " ", "a", "A", "a ", " a", "ab", "AB", "aB ", "0", "1", "-1", "12abc", "1.5", "1e3", "NULL", "null", "true",
    "2024-02-29", "2024-01-31 23:59:59", "%", "_", "a%b", "a_b", "\\", "\\\\", "a\\b", "'", '"', "`", "it's", "\n",
    "a\nb",
    "\t", "ß", "SS", "ss", "é", "e\u0301", "E", "ä", "Ä", "ae", "ı", "İ", "😀", "漢字", "a.b", "[a]", "(x)", "^a$", "*",
    "?",
    "abc", "ABC", "abcabc", "x,y", "{}", "[1]", "0x1F",
)  # fmt: skip
_DATES = (
    "1000-01-01", "1970-01-01", "1999-12-31", "2000-02-29", "2023-01-01", "2024-02-29", "2024-12-30", "2024-12-31",
    "2038-01-19", "9999-12-31", "1900-02-28",
)  # fmt: skip
_FRACTIONS = (0, 0, 1, 500_000, 999_999, 123_456)
_LONG = 123456789.0
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0.1, 1e15, 1e-5, _LONG, 3.25)
_BYTES = (b"", b"\x00", b"\xff", b"a", b"A", b"a ", b"\x00\xff\x80", b"abc")


def edge(column: Column, usual: Any, dice: random.Random) -> Any:
    """One of them, or the usual value where none is known."""
    base = column.type.removesuffix(" unsigned").removesuffix("(1)")
    unsigned = "unsigned" in column.type
    if column.nullable and dice.random() < 0.2:
        return None
    if base in ("tinyint", "smallint", "mediumint", "int", "integer", "bigint"):
        return _whole(BITS[base], unsigned, dice)
    if base in ("decimal", "numeric"):
        return _decimal(column, unsigned, dice)
    if base in ("float", "double", "real", "double precision"):
        # Of a FLOAT the source prints six digits.
        found = [
            number for number in _FLOATS if (number >= 0 or not unsigned) and (base == "double" or number != _LONG)
        ]
        return dice.choice(found)
    if base in TEXTS and not column.choices:
        text = dice.choice(_TEXTS)
        return text[: column.length or None]
    if base in ("binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob", "bytea"):
        return dice.choice(_BYTES)[: column.length or None]
    if base == "date":
        return dt.date.fromisoformat(dice.choice(_DATES))
    if base.startswith(("datetime", "timestamp")):
        day = dt.datetime.fromisoformat(dice.choice(_DATES[1:9] if base == "timestamp" else _DATES))
        clock = dice.choice((dt.timedelta(), dt.timedelta(hours=23, minutes=59, seconds=59), dt.timedelta(hours=12)))
        zone = dt.UTC if base == "timestamp with time zone" else None
        return (day + clock).replace(microsecond=dice.choice(_FRACTIONS) if column.length else 0, tzinfo=zone)
    if base == "time":
        return dice.choice((dt.timedelta(), dt.timedelta(hours=838, minutes=59, seconds=59), -dt.timedelta(hours=1)))
    return usual


def _whole(bits: int, unsigned: bool, dice: random.Random) -> int:
    high = (1 << bits) - 1 if unsigned else (1 << bits - 1) - 1
    low = 0 if unsigned else -high - 1
    found = (low, low + 1, -7, -1, 0, 1, 2, 3, 7, 10, 100, high - 1, high)
    return dice.choice([number for number in found if low <= number <= high])


def _decimal(column: Column, unsigned: bool, dice: random.Random) -> Decimal:
    digits = column.length or 20
    high = Decimal(10**digits - 1).scaleb(-column.scale)
    one = Decimal(1).scaleb(-column.scale)
    half = Decimal("0.5") if column.scale else Decimal(0)
    low = Decimal(0) if unsigned else -high
    found = (low, high, Decimal(0), one, half, half * 3, half * 5, Decimal(1), high - one)
    return dice.choice([number for number in found if low <= number <= high])
