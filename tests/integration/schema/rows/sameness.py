"""Values of two systems, as their drivers take and give them."""

from __future__ import annotations

import datetime
import json
import re
from decimal import Decimal
from typing import Any

from tests.integration.schema.rows.tables import Column
from tests.pipelines.workload import is_mysql
from tests.servers import Database

#: Types of PostgreSQL whose text a person's hand writes in more than one way: what is stored is not compared here.
_MANY_FORMS = ("interval", "jsonb", "json", "tsvector", "inet", "bit", "xml", "int4range")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def for_other(value: Any, column: Column, source: Database, target: Database) -> Any:
    """A value for the source, as the target's driver takes it for the counterpart of its column."""
    if is_mysql(source) == is_mysql(target):
        return value
    if is_mysql(target) and isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    if is_mysql(source) and isinstance(value, bool):
        return int(value)
    if is_mysql(source) and column.type == "bit" and value is not None:
        number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
        return format(number, f"0{column.length or 1}b")
    return value


def same(first: Any, second: Any, column: Column, given: bool) -> bool:
    """Are the source's and the target's stored values one? Defaults that are the present moment, or a new UUID, are
    others each time."""
    if column.type in _MANY_FORMS or column.type.endswith("[]"):
        return True
    if first is None or second is None:
        return first is second
    first, second = plain(first), plain(second)
    if not given and _UUID.fullmatch(str(first)) and _UUID.fullmatch(str(second)):
        return True
    if isinstance(first, datetime.datetime) and isinstance(second, datetime.datetime) and not given:
        return abs(first - second) < datetime.timedelta(hours=1)
    if isinstance(first, Decimal) and isinstance(second, Decimal) and not given and first > 10**12:
        return abs(first - second) < 3_600_000
    if isinstance(first, Decimal) != isinstance(second, Decimal):
        return str(first) == str(second)
    if isinstance(first, str) and isinstance(second, str) and column.type == "character":
        return first.rstrip(" ") == second.rstrip(" ")
    return bool(first == second)


def plain(value: Any) -> Any:
    """In a form in which equal values are equal."""
    if isinstance(value, bool | int | float | Decimal):
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal(int(value))
        return number.normalize()
    if isinstance(value, bytes | memoryview | bytearray):
        return bytes(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, datetime.time):
        return datetime.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
    if isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, datetime.date | datetime.timedelta):
        return value
    return str(value)
