"""How the values of a column are compared: exactly, by rules that are the same for every source.

=======================================  =========================================================================
kind                                     compared
=======================================  =========================================================================
integer, year, decimal, float            as numbers, exactly; a float is the number that its event shows; NaN equals
                                         itself and is above all, as in PostgreSQL
boolean                                  ``TRUE``, ``FALSE``, ``1``, ``0``; false is below true. MySQL's BOOLEAN is an
                                         integer, with which ``TRUE`` and ``FALSE`` are 1 and 0
text, enum, set, uuid, bits, other       by code points, so case counts; blanks at the end count but in CHAR(n)
date, timestamp                          in time; ``'2024-01-31'``, ``'2024-01-31 12:34:56.5'`` or with a ``T``
timestamptz                              in time; the value has ``Z`` or an offset
time                                     in time; ``'12:34:56'``, also ``'-838:59:59'``
bytes, json, interval, timetz            ``IS NULL`` only
=======================================  =========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from tailrace.schema import Kind, Type
from tailrace.shaping.condition import Literal

#: From a value's JSON text, never null, to what is compared. Raises ValueError for a value that has no order.
Comparable = Callable[[bytes], Any]

NUMBERS = frozenset({Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT})
TEXTS = frozenset({Kind.TEXT, Kind.ENUM, Kind.SET, Kind.UUID, Kind.BITS, Kind.OTHER})
_MOMENTS = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})

_MOMENT = re.compile(
    r"(?P<year>\d{4,})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[T ](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?(?P<bc> BC)?"
)
_CLOCK = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_NANOS = 9
_SECOND = 1_000_000_000


def comparable(type_: Type) -> Comparable | None:
    """None: values of this type are not compared."""
    if type_.kind in NUMBERS:
        return _number
    if type_.kind is Kind.BOOLEAN:
        return _boolean
    if type_.kind in TEXTS:
        return _padded if type_.fixed else orjson.loads
    if type_.kind in _MOMENTS:
        return _moment
    return _time if type_.kind is Kind.TIME else None


def compared_literal(type_: Type, value: Literal) -> Any:
    """The written value as `comparable` gives the column's.

    Raises:
        ValueError: it is not of the column's kind; the message is for a person.
    """
    kind = type_.kind
    if kind in NUMBERS:
        if isinstance(value, bool) and is_flag(type_):
            value = Decimal(int(value))
        if not isinstance(value, Decimal):
            raise ValueError("the column holds numbers: write one without quotes")
        return _ordered(value)
    if kind is Kind.BOOLEAN:
        if isinstance(value, bool) or value in (0, 1):
            return bool(value)
        raise ValueError("the column is boolean: compare it with TRUE or FALSE")
    if not isinstance(value, str):
        raise ValueError("the column holds no numbers: write the value in 'quotes'")
    if kind in TEXTS:
        value = value.lower() if kind is Kind.UUID else value
        return value.rstrip(" ") if type_.fixed else value
    if kind in _MOMENTS:
        return _moment_literal(kind, value)
    if kind is Kind.TIME:
        return clock_of(value)
    raise ValueError(f"values of type {type_.name} cannot be compared, but for IS NULL")


def is_flag(type_: Type) -> bool:
    """MySQL's BOOLEAN, which is an integer."""
    return type_.name == "tinyint(1)"


def number_of(fragment: bytes) -> Decimal:
    """A number's exact value; decimals are strings in JSON."""
    return Decimal((fragment[1:-1] if fragment[:1] == b'"' else fragment).decode())


def _number(fragment: bytes) -> tuple[int, Decimal]:
    return _ordered(number_of(fragment))


def _ordered(value: Decimal) -> tuple[int, Decimal]:
    if value.is_nan():
        return 2, Decimal()
    return (1 if value > 0 else -1, Decimal()) if value.is_infinite() else (0, value)


def _boolean(fragment: bytes) -> bool:
    return fragment in (b"true", b"1")


def _padded(fragment: bytes) -> str:
    text: str = orjson.loads(fragment)
    return text.rstrip(" ")


def _moment(fragment: bytes) -> tuple[int, ...]:
    return moment_of(orjson.loads(fragment))


def moment_of(text: str) -> tuple[int, ...]:
    """A date or timestamp of an event, in the order of time; a date is its midnight.

    Raises:
        ValueError: it is none.
    """
    if text in ("infinity", "-infinity"):
        return (1,) if text == "infinity" else (-1,)
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a date or timestamp")
    year = int(found["year"])
    hours, minutes, seconds = (int(part) for part in (found["clock"] or "0:0:0").split(":"))
    return (
        0,
        1 - year if found["bc"] else year,
        int(found["month"]),
        int(found["day"]),
        hours,
        minutes,
        seconds,
        _nanos(found["fraction"]),
    )


def _moment_literal(kind: Kind, value: str) -> tuple[int, ...]:
    if value in ("infinity", "-infinity"):
        return moment_of(value)
    found = _MOMENT.fullmatch(value)
    if found is None:
        raise ValueError("write it as '2024-01-31'" + ("" if kind is Kind.DATE else " or '2024-01-31 12:34:56'"))
    if kind is Kind.DATE and found["clock"]:
        raise ValueError("the column holds dates: write it as '2024-01-31'")
    if kind is Kind.TIMESTAMPTZ:
        return _in_utc(value, found)
    if found["zone"]:
        raise ValueError("the column has no time zone: write the value without one")
    return moment_of(value)


def _in_utc(value: str, found: re.Match[str]) -> tuple[int, ...]:
    zone = found["zone"]
    if not zone:
        raise ValueError("the column is a moment in time: write '2024-01-31 12:34:56Z', or with an offset")
    if zone == "Z":
        return moment_of(value)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    local = datetime.fromisoformat(f"{found['year']}-{found['month']}-{found['day']}T{found['clock']}")
    try:
        moment = local - (offset if zone[0] == "+" else -offset)
    except OverflowError:
        raise ValueError("in UTC it is in no year from 1 to 9999") from None
    return (
        0,
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        _nanos(found["fraction"]),
    )


def _time(fragment: bytes) -> int:
    return clock_of(orjson.loads(fragment))


def clock_of(text: str) -> int:
    """A time in nanoseconds, with its sign.

    Raises:
        ValueError: it is none.
    """
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError("write it as '12:34:56'")
    sign, hours, minutes, seconds, fraction = found.groups()
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    nanos = whole * _SECOND + _nanos(fraction)
    return -nanos if sign else nanos


def _nanos(fraction: str | None) -> int:
    return int((fraction or "").ljust(_NANOS, "0"))
