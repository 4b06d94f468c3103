"""System-versioned tables (MariaDB): current rows and history in one table, told apart by the end of a row's period.

https://mariadb.com/kb/en/system-versioned-tables/. The period is two TIMESTAMP(6) columns that the server fills: those
that a statement names (AS ROW START, AS ROW END), or two that nobody sees but the log. The server also puts the end
into every key. Events are of current rows, which all end at the same moment: so their key is the declared one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tailrace_mysql.definition import ColumnDefinition, Period, TableDefinition
from tailrace_mysql.types import Declared

if TYPE_CHECKING:
    from tailrace_mysql.ddl.alter import Altered

#: What the server calls columns that it adds by itself.
ROW_START, ROW_END = "row_start", "row_end"
#: Such a table's periods are numbers of transactions, and its changes are logged as statements.
BY_TRANSACTION = "its history is by transaction (BIGINT row start and end), which is not supported"


class ByTransaction(ValueError):
    """A definition says so."""

    def __init__(self) -> None:
        super().__init__(BY_TRANSACTION)


MOMENT = Declared("timestamp", (6,))


def hidden_columns() -> tuple[ColumnDefinition, ColumnDefinition]:
    """What the server adds at the end of a table that names no period of its own."""
    start = ColumnDefinition(ROW_START, MOMENT, nullable=False, generated=True, system="start", hidden=True)
    return start, replace(start, name=ROW_END, system="end")


def joined(columns: Sequence[ColumnDefinition], period: Period | None) -> tuple[ColumnDefinition, ...]:
    """The columns of the events with those of the period, hidden ones last."""
    if period is None:
        return tuple(columns)
    if period.hidden:
        return *columns, *hidden_columns()
    roles = {period.start: "start", period.end: "end"}
    return tuple(replace(column, system=roles.get(column.name, "")) for column in columns)


def separated(
    columns: Sequence[ColumnDefinition], by_time: bool = False
) -> tuple[tuple[ColumnDefinition, ...], Period | None]:
    """The columns of the events, and the period, by all columns of the log.

    Raises:
        ValueError: there is one half of a period.
    """
    roles = {column.system: place for place, column in enumerate(columns) if column.system}
    if not roles:
        return tuple(columns), None
    if roles.keys() != {"start", "end"}:
        raise ValueError("a period has one column")
    places = roles["start"], roles["end"]
    start, end = (columns[place] for place in places)
    period = Period(start.name, end.name, end.hidden, places if end.hidden else None, by_time)
    return declared_key([column for column in columns if not column.hidden], period), period


def declared_key(columns: Sequence[ColumnDefinition], period: Period) -> tuple[ColumnDefinition, ...]:
    """The columns with their places in the key, the end of the period left out of it."""
    kept = sorted(column.key for column in columns if column.key and column.name != period.end)
    return tuple(replace(column, key=kept.index(column.key) + 1 if column.key in kept else 0) for column in columns)


def altered(after: Altered, before: Period | None) -> tuple[tuple[ColumnDefinition, ...], Period | None]:
    """`separated` after an ALTER TABLE of a table with the period `before`."""
    by_time = before is not None and before.by_time if after.by_time is None else after.by_time
    columns, period = separated(after.columns, by_time)
    if period is not None and period.hidden and before is not None and before.hidden and not after.rebuilt:
        # They stay, or go where a new table has them: one and the same, if that is where they are.
        period = replace(period, places=before.places if before.places == period.places else None)
    return columns, period


def created(definition: TableDefinition) -> Period | None:
    """The period of a table that is as it was created: hidden columns stand at its end."""
    period, count = definition.period, len(definition.columns)
    return replace(period, places=(count, count + 1)) if period is not None and period.hidden else period


def to_record(period: Period | None) -> dict[str, Any] | None:
    """For JSON."""
    if period is None:
        return None
    return {
        "start": period.start,
        "end": period.end,
        "hidden": period.hidden,
        "places": period.places,
        "by_time": period.by_time,
    }


def from_record(record: dict[str, Any] | None) -> Period | None:
    if record is None:
        return None
    places = record["places"]
    return Period(**{**record, "places": tuple(places) if places is not None else None})
