"""Values of the source's driver as the sink would have written them, and results of both sides held together."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from tailrace.conversion.catalog import Column
from tailrace.schema import Kind
from tests.integration.schema.expression_rows import alike as _alike


def carried(value: Any, column: Column, source: str, target: str) -> Any:
    """What the target's driver is given for a stored value.

    Args:
        source, target: kinds of server ("mysql", "postgres18", "sqlite", …).
    """
    if value is None:
        return None
    if isinstance(value, memoryview):
        value = bytes(value)
    kind, mysql = column.type.kind, source in ("mysql", "mariadb")
    if kind is Kind.BITS and isinstance(value, bytes):
        bits = format(int.from_bytes(value, "big"), f"0{column.type.size or 1}b")
        return value if target in ("mysql", "mariadb") else bits
    own = isinstance(value, list) or type(value).__module__ == "psycopg2._range"
    if own and not target.startswith("postgres"):
        value = _array(value) if isinstance(value, list) else str(value)
    if kind in (Kind.JSON,) and not isinstance(value, str):
        value = json.dumps(value)
    if isinstance(value, Decimal) and target in ("mysql", "mariadb"):
        return format(value, "f")
    if target == "sqlite":
        return _written_in_sqlite(value, column)
    if target in ("mysql", "mariadb") and isinstance(value, dt.datetime) and value.tzinfo:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if mysql and isinstance(value, dt.datetime) and kind is Kind.TIMESTAMPTZ and target.startswith("postgres"):
        return value.replace(tzinfo=dt.UTC)
    return value


def _array(value: Any) -> str:
    """As PostgreSQL writes it."""
    if isinstance(value, list):
        return "{" + ",".join(map(_array, value)) + "}"
    return "NULL" if value is None else json.dumps(str(value), ensure_ascii=False)


def _written_in_sqlite(value: Any, column: Column) -> Any:
    type_ = column.type
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        zone = value.tzinfo is not None or type_.kind is Kind.TIMESTAMPTZ
        value = value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
        text = value.isoformat(timespec="microseconds" if type_.size else "seconds")
        return text[: len(text) - 6 + type_.size if type_.size else None] + ("Z" if zone else "")
    if isinstance(value, dt.timedelta):
        return _span(value, type_.size)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, int) and value > 2**63 - 1:
        return str(value)
    return value


def _span(value: dt.timedelta, digits: int) -> str:
    micros = abs(value) // dt.timedelta(microseconds=1)
    seconds, fraction = divmod(micros, 1_000_000)
    text = f"{'-' if value < dt.timedelta() else ''}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + (f".{fraction:06}"[: digits + 1] if digits else "")


def alike(one: Any, other: Any) -> bool:
    """Whether a value of the source's and one of the target's are the same."""
    if one is None or other is None:
        return one is other
    if isinstance(one, list) or isinstance(other, list) or type(one).__module__ == "psycopg2._range":
        return True  # the sink's business
    if isinstance(one, dt.time):
        one = dt.timedelta(hours=one.hour, minutes=one.minute, seconds=one.second, microseconds=one.microsecond)
    if isinstance(one, dt.timedelta) and isinstance(other, str):
        return _plain_span(one) == other.rstrip("0").rstrip(".") if "." in other else _plain_span(one) == other
    if isinstance(other, dt.time):
        other = dt.timedelta(
            hours=other.hour, minutes=other.minute, seconds=other.second, microseconds=other.microsecond
        )
    if isinstance(one, str) and isinstance(other, dt.date) and not isinstance(other, dt.datetime):
        return one in (other.isoformat(), f"{other.isoformat()} 00:00:00")  # what MySQL makes of a day beside a text
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return bool(_document(one) == _document(other))
    if isinstance(one, bytes) and isinstance(other, str) and set(other) <= {"0", "1"} and other:
        return int.from_bytes(one, "big") == int(other, 2)
    if isinstance(one, dt.datetime) and isinstance(other, dt.datetime):
        return _in_utc(one) == _in_utc(other)
    try:
        return _alike(one, other)
    except (ValueError, ArithmeticError):
        return False


def _in_utc(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def _plain_span(value: dt.timedelta) -> str:
    text = _span(value, 6)
    return text.rstrip("0").rstrip(".")


def _document(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str | bytes) else value
    except ValueError:
        return None
