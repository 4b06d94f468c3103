"""What the rows that were there before a column hold in it.

That is the value of its DEFAULT as the server stored it, which the log does not have. What a statement says is taken
where it is certain what the server made of it; all else is refused (I5).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tailrace.schema import Kind
from tailrace_mysql.definition import ColumnDefinition, Default
from tailrace_mysql.types import ColumnType, UnsupportedTypeError, column_type

#: What a NOT NULL column without a DEFAULT holds.
_IMPLICIT: dict[Kind, Any] = {
    Kind.INTEGER: 0,
    Kind.FLOAT: 0.0,
    Kind.YEAR: 0,
    Kind.DATE: "0000-00-00",
}
_NUMBERS = frozenset({Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT, Kind.BITS})
_TEXTS = frozenset({Kind.TEXT, Kind.BYTES, Kind.ENUM, Kind.SET})
#: Numbers that are the same when the server writes them as text.
_PLAIN_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_OFFSET = re.compile(r"([+-])([0-9]{1,2}):([0-9]{2})")
#: The last moment of a TIMESTAMP(6), at which the period of a current row ends: up to MariaDB 11.4, and from 11.5 on.
LAST_MOMENTS = ("2038-01-19T03:14:07.999999Z", "2106-02-07T06:28:15.999999Z")
_LONGER_TIMESTAMPS = (11, 5)
_ZERO_DATE = "0000-00-00T00:00:00"


@dataclass(frozen=True, slots=True)
class Moment:
    """What else the values of a statement depend on.

    Attributes:
        now: CURRENT_TIMESTAMP in UTC, as a JSON value of TIMESTAMP(0) without its ``Z``; "" unknown.
        offset: of the session's time zone from UTC; None: unknown, or not the same all the year.
        micros: the microseconds of that moment; -1 unknown.
        never: where the period of a current row ends, as a JSON value.
    """

    now: str = ""
    offset: timedelta | None = None
    micros: int = -1
    never: str = ""


def moment(started: int, time_zone: str, system_zone: str, micros: int = -1, version: tuple[int, ...] = ()) -> Moment:
    """The moment of a statement.

    Args:
        started: seconds since 1970; 0: there was no statement.
        time_zone: of its session, as the log has it.
        system_zone: what SYSTEM means at this server.
        micros: microseconds behind `started`; -1 unknown.
        version: of the server.
    """
    if not started:
        return Moment()
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(started))
    never = LAST_MOMENTS[version >= _LONGER_TIMESTAMPS]
    zone = system_zone if time_zone == "SYSTEM" else time_zone
    if fixed := _OFFSET.fullmatch(zone):
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return Moment(now, -offset if fixed[1] == "-" else offset, micros, never)
    return Moment(now, timedelta() if zone == "UTC" else None, micros, never)


def initial(definition: ColumnDefinition, at: Moment, known: Mapping[str, Any] | None = None) -> Any:
    """The JSON value that earlier rows hold in an added column; None for NULL.

    Args:
        known: what is known of it by name; None: the DEFAULT says it.

    Raises:
        UnsupportedTypeError: nobody can say; the message names the column.
    """
    name = definition.name
    if known is not None:
        if name not in known:
            raise UnsupportedTypeError(f"what the rows hold in column {name} is not known")
        return known[name]
    if definition.system and at.now and at.micros >= 0:
        return f"{at.now}.{at.micros:06d}Z" if definition.system == "start" else at.never
    if definition.generated or definition.numbered:
        raise UnsupportedTypeError(f"the server computed column {name} for the rows that were there before it")
    kind = column_type(definition.declared)
    default = definition.default
    if default is None:
        return None if definition.nullable else _implicit(definition, kind)
    if default.kind in ("literal", "number"):
        try:
            return _literal(default, kind, at)
        except (ValueError, ArithmeticError) as error:
            reason = str(error) if type(error) is _Unsure else "cannot be read for certain"
            raise UnsupportedTypeError(
                f"the DEFAULT of column {name}, which its earlier rows hold now, {reason}"
            ) from None
    if default.kind == "now" and at.now and kind.type.kind is Kind.TIMESTAMPTZ and not kind.type.size:
        return f"{at.now}Z"
    raise UnsupportedTypeError(
        f"the DEFAULT of column {name} is an expression, whose value in earlier rows the log does not have"
    )


class _Unsure(ValueError):
    """With the reason."""


def _literal(default: Default, kind: ColumnType, at: Moment) -> Any:
    what, text = kind.type.kind, default.text
    if default.kind == "number":
        if what not in _NUMBERS and not (what in _TEXTS and _PLAIN_NUMBER.fullmatch(text)):
            raise _Unsure("is a number, which the server converted")
    elif what is Kind.BITS:
        raise _Unsure("is text, of which the server took the bytes")
    value = kind.default(text)
    if what is not Kind.TIMESTAMPTZ or value.startswith(_ZERO_DATE):
        return value
    if at.offset is None:
        raise _Unsure("depends on the session's time zone, which was not at a fixed offset")
    # Nineteen characters to the second, then the fraction and Z.
    return (datetime.fromisoformat(value[:19]) - at.offset).isoformat() + value[19:]


def _implicit(definition: ColumnDefinition, kind: ColumnType) -> Any:
    type_ = kind.type
    if type_.kind in _IMPLICIT:
        return _IMPLICIT[type_.kind]
    if type_.kind is Kind.ENUM:
        return type_.labels[0]
    if type_.kind in (Kind.TEXT, Kind.SET):
        return ""
    if type_.kind in (Kind.DECIMAL, Kind.BITS):
        return kind.default("0")
    if type_.kind is Kind.BYTES and definition.declared.base not in ("geometry", "point", "vector"):
        return kind.default("")
    if type_.kind is Kind.TIME:
        return kind.default("00:00:00")
    if type_.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return kind.default("0000-00-00 00:00:00")
    raise UnsupportedTypeError(f"what column {definition.name} holds in the rows before it is not known")
