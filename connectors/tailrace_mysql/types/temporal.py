"""DATE, TIME, DATETIME and TIMESTAMP.

Binary forms: ``mysys/my_time.cc`` (``my_datetime_packed_from_binary`` and its like), the same in MariaDB since 10.1.2
with ``mysql56_temporal_format``. The server's session time zone is pinned to UTC, so a selected TIMESTAMP is UTC too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tailrace.schema import Kind, Type
from tailrace_mysql.types.column_type import ColumnType, Native, Reader, any_metadata, printed, quoted
from tailrace_mysql.types.declared import Declared

_DATE, _TIMESTAMP2, _DATETIME2, _TIME2 = 10, 17, 18, 19

_DATETIME_BIAS = 0x8000000000
_TIME_BIAS = 0x800000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME_TEXT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]*))?)?")
_TIME_TEXT = re.compile(r"(-?(?:[0-9]{2}|[1-9][0-9]{2}):[0-9]{2}:[0-9]{2})(?:\.([0-9]*))?")


def _fraction(event: bytes, at: int, digits: int) -> tuple[str, int]:
    """The fraction's text with its point; stored in hundredths, ten-thousandths or millionths."""
    size = (digits + 1) // 2
    end = at + size
    if end > len(event):
        raise IndexError
    value = int.from_bytes(event[at:end], "big")
    if value >= 100**size:
        raise ValueError("a fraction of a second has too many digits")
    return "." + str(value).rjust(size * 2, "0")[:digits], end


def _moment(value: bytes) -> bytes:
    return printed(value.replace(b" ", b"T"))


def _instant(value: bytes) -> bytes:
    return _moment(value)[:-1] + b'Z"'


@lru_cache(maxsize=4096)
def _date_text(packed: int) -> str:
    """Year and month in one number (13 months a year), five bits of day."""
    year, month = divmod(packed >> 5, 13)
    return f"{year:04d}-{month:02d}-{packed & 31:02d}"


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")


def _padded(whole: str, fraction: str | None, digits: int) -> str:
    """With the fraction digits of the column; of more digits the server makes fewer in a way of its own."""
    fraction = fraction or ""
    if len(fraction) > digits:
        raise ValueError("more digits than the column has")
    return f"{whole}.{fraction.ljust(digits, '0')}" if digits else whole


def _date_default(text: str) -> str:
    if not _DATE_TEXT.fullmatch(text):
        raise ValueError("not in the form that the server keeps")
    return text


def _datetime_default(text: str, digits: int) -> str:
    parts = _DATETIME_TEXT.fullmatch(text)
    if parts is None:
        raise ValueError("not in the form that the server keeps")
    return _padded(f"{parts[1]}T{parts[2] or '00:00:00'}", parts[3], digits)


def _time_default(text: str, digits: int) -> str:
    parts = _TIME_TEXT.fullmatch(text)
    if parts is None or (text.startswith("-") and not text.strip("-0:.")):
        raise ValueError("not in the form that the server keeps")
    return _padded(parts[1], parts[2], digits)


def _digits(declared: Declared) -> int:
    return declared.arguments[0] if declared.arguments else 0


def _date(declared: Declared) -> ColumnType:
    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + 3
        if end > len(event):
            raise IndexError
        value = int.from_bytes(event[at:end], "little")
        return b'"%04d-%02d-%02d"' % (value >> 9, (value >> 5) & 15, value & 31), end

    return ColumnType(
        type=Type(Kind.DATE, declared.name),
        codes=frozenset({_DATE}),
        accepts=any_metadata,
        reader=lambda _: read,
        native=lambda _: Native("date"),
        convert=printed,
        selected=Native("printed"),
        literal=quoted,
        default=_date_default,
    )


def _time_reader(digits: int) -> Reader:
    fraction_size = (digits + 1) // 2
    shift = 8 * fraction_size
    size = 3 + fraction_size
    bias = _TIME_BIAS << shift
    mask = (1 << shift) - 1

    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(event):
            raise IndexError
        # The sign covers the fraction too: one number in two's complement, moved up by its bias.
        packed = int.from_bytes(event[at:end], "big") - bias
        sign = ""
        if packed < 0:
            sign = "-"
            packed = -packed
        whole = packed >> shift
        text = f'"{sign}{whole >> 12 & 0x3FF:02d}:{whole >> 6 & 63:02d}:{whole & 63:02d}'
        if digits:
            if packed & mask >= 100**fraction_size:
                raise ValueError("a fraction of a second has too many digits")
            text += "." + str(packed & mask).rjust(fraction_size * 2, "0")[:digits]
        return text.encode() + b'"', end

    return read


def _time(declared: Declared) -> ColumnType:
    digits = _digits(declared)
    return ColumnType(
        type=Type(Kind.TIME, declared.name, size=digits),
        codes=frozenset({_TIME2}),
        accepts=lambda metadata: metadata == digits,
        reader=lambda _: _time_reader(digits),
        native=lambda _: Native("time", digits),
        convert=printed,
        selected=Native("printed"),
        literal=quoted,
        default=lambda text: _time_default(text, digits),
    )


def _datetime_reader(digits: int) -> Reader:
    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + 5
        if end > len(event):
            raise IndexError
        packed = int.from_bytes(event[at:end], "big") - _DATETIME_BIAS
        if packed < 0:
            raise ValueError("a DATETIME is negative")
        fraction = ""
        if digits:
            fraction, end = _fraction(event, end, digits)
        clock = packed & 0x1FFFF
        date = _date_text(packed >> 17)
        return f'"{date}T{clock >> 12:02d}:{clock >> 6 & 63:02d}:{clock & 63:02d}{fraction}"'.encode(), end

    return read


def _datetime(declared: Declared) -> ColumnType:
    digits = _digits(declared)
    return ColumnType(
        type=Type(Kind.TIMESTAMP, declared.name, size=digits),
        codes=frozenset({_DATETIME2}),
        accepts=lambda metadata: metadata == digits,
        reader=lambda _: _datetime_reader(digits),
        native=lambda _: Native("datetime", digits),
        convert=_moment,
        selected=Native("moment"),
        literal=quoted,
        default=lambda text: _datetime_default(text, digits),
    )


def _timestamp_reader(digits: int) -> Reader:
    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + 4
        if end > len(event):
            raise IndexError
        seconds = int.from_bytes(event[at:end], "big")
        fraction = ""
        if digits:
            fraction, end = _fraction(event, end, digits)
        if not seconds:
            return f'"0000-00-00T00:00:00{fraction}Z"'.encode(), end
        day, rest = divmod(seconds, 86400)
        hour, rest = divmod(rest, 3600)
        return f'"{_day_text(day)}T{hour:02d}:{rest // 60:02d}:{rest % 60:02d}{fraction}Z"'.encode(), end

    return read


def _timestamp(declared: Declared) -> ColumnType:
    digits = _digits(declared)
    return ColumnType(
        type=Type(Kind.TIMESTAMPTZ, declared.name, size=digits),
        codes=frozenset({_TIMESTAMP2}),
        accepts=lambda metadata: metadata == digits,
        reader=lambda _: _timestamp_reader(digits),
        native=lambda _: Native("timestamp", digits),
        convert=_instant,
        selected=Native("instant"),
        literal=quoted,
        # Of a session in UTC.
        default=lambda text: _datetime_default(text, digits) + "Z",
    )


BASES: dict[str, Callable[[Declared], ColumnType]] = {
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "timestamp": _timestamp,
}
