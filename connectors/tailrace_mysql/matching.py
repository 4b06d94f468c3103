"""Does a table map of the log belong to these columns?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tailrace.schema import Column
from tailrace_mysql.binlog.binding import Binding, Version
from tailrace_mysql.binlog.rows import PlanColumn, RowPlan
from tailrace_mysql.binlog.table_map import JSON_CODE, MapColumn, TableMap, real_code
from tailrace_mysql.definition import Period
from tailrace_mysql.system_time import MOMENT, ROW_END, ROW_START
from tailrace_mysql.types import Declared, UnsupportedTypeError, column_type, parse
from tailrace_mysql.types.charsets import decoder
from tailrace_mysql.types.declared import UTF8_CHARSETS

_INTEGERS = frozenset({1, 2, 3, 8, 9})
_TIMESTAMP, _MICROSECONDS = 17, 6


@dataclass(frozen=True, slots=True)
class Match:
    """A version of a table beside a table map.

    Attributes:
        difference: what does not fit, for a person; "" where everything that the map says fits.
        logged: the map's columns of the version's.
        hidden: places of the others in the map: the start and the end of the period.
        end: place of the end of the period in the map; -1 without one.
    """

    difference: str
    logged: Sequence[MapColumn] = ()
    hidden: tuple[int, int] | None = None
    end: int = -1


def match(columns: Sequence[Column], period: Period | None, table_map: TableMap, charsets: Mapping[int, str]) -> Match:
    """Holds a table map against a version's columns.

    Args:
        charsets: character set of each collation number.
    """
    logged = table_map.columns
    if period is None:
        return Match(mismatch(columns, logged, charsets), logged)
    if not period.hidden:
        end = next((place for place, column in enumerate(columns) if column.name == period.end), -1)
        difference = "" if end >= 0 else "the end of its period is not among its columns"
        return Match(difference or mismatch(columns, _keyed(logged, end), charsets), logged, end=end)
    found = [_hidden(columns, places, logged, charsets) for places in _possible_places(period, table_map)]
    if not found:
        return Match("the log has no columns that could be those of its period")
    fitting = [one for one in found if not one.difference]
    if len(fitting) > 1:
        return Match(
            "the log does not say which of its TIMESTAMP(6) columns are those of its period"
            " (SET GLOBAL binlog_row_metadata = FULL)"
        )
    return fitting[0] if fitting else found[-1]


def bound(version: Version, found: Match) -> Binding:
    """The plan for rows of a version whose map fits."""
    columns = [
        _planned(column, logged) for column, logged in zip(version.table.schema.columns, found.logged, strict=True)
    ]
    if found.hidden is not None:
        reader = column_type(MOMENT).reader(_MICROSECONDS)
        start, end = (PlanColumn(name, reader, hidden=True) for name in (ROW_START, ROW_END))
        for place, column in sorted(zip(found.hidden, (start, end), strict=True), key=lambda pair: pair[0]):
            columns.insert(place, column)
    # Rows with a period are read one by one: some are history.
    return Binding(version, RowPlan(columns, compiled=found.end < 0, shape=version.table.shape), found.end)


def _planned(column: Column, logged: MapColumn) -> PlanColumn:
    kind = column_type(declared_of(column))
    reader, native = kind.reader(logged.metadata), kind.native(logged.metadata)
    document = logged.metadata if logged.code == JSON_CODE else 0
    return PlanColumn(column.name, reader, column.key, native, document)


def _possible_places(period: Period, table_map: TableMap) -> Sequence[tuple[int, int]]:
    """Where the hidden columns can be: by their names, as it is known, or wherever two of their type stand together."""
    columns = table_map.columns
    if table_map.names:
        names = {column.name: place for place, column in enumerate(columns)}
        known = names.get(period.start, -1), names.get(period.end, -1)
        return [known] if min(known) >= 0 else []
    if period.places is not None:
        return [period.places] if max(period.places) < len(columns) else []
    return [(at, at + 1) for at in range(len(columns) - 1) if _moment(columns[at]) and _moment(columns[at + 1])]


def _hidden(
    columns: Sequence[Column], places: tuple[int, int], logged: Sequence[MapColumn], charsets: Mapping[int, str]
) -> Match:
    if not all(_moment(logged[place]) for place in places):
        return Match("the columns of its period are no TIMESTAMP(6)")
    shown = [column for place, column in enumerate(_keyed(logged, places[1])) if place not in places]
    return Match(mismatch(columns, shown, charsets), shown, places, places[1])


def _moment(column: MapColumn) -> bool:
    """Whether it is TIMESTAMP(6) NOT NULL."""
    return column.code == _TIMESTAMP and column.metadata == _MICROSECONDS and not column.nullable


def _keyed(logged: Sequence[MapColumn], end: int) -> list[MapColumn]:
    """The map's columns with the end of the period left out of the key, into which the server puts it."""
    kept = sorted(column.key for place, column in enumerate(logged) if column.key and place != end)
    return [
        column if column.key is None else replace(column, key=kept.index(column.key) + 1 if column.key in kept else 0)
        for column in logged
    ]


def mismatch(columns: Sequence[Column], logged: Sequence[MapColumn], charsets: Mapping[int, str]) -> str:
    """How columns of a map differ from a version's, for a person; "" where everything that the map says fits."""
    if len(columns) != len(logged):
        return f"the log has {len(logged)} columns, not {len(columns)}"
    keyless = not any(column.key for column in columns)
    for column, one in zip(columns, logged, strict=True):
        difference = _difference(column, one, charsets, keyless)
        if difference:
            return f"column {column.name}: {difference}"
    return ""


def declared_of(column: Column) -> Declared:
    """The declared type behind a column of ours: its name holds all of it."""
    declared = parse(column.type.name)
    if not declared.charset and declared.base in _TEXT_BASES:
        return parse(column.type.name, "utf8mb4")
    return declared


_TEXT_BASES = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})


def _difference(column: Column, logged: MapColumn, charsets: Mapping[int, str], keyless: bool) -> str:
    try:
        kind = column_type(declared_of(column))
    except UnsupportedTypeError as error:
        return str(error)
    if logged.name is not None and logged.name != column.name:
        return f"the log calls it {logged.name}"
    if logged.code not in kind.codes or not kind.accepts(logged.metadata):
        return f"the log has type {real_code(logged.code, logged.metadata)}, not {column.type.name}"
    if logged.unsigned is not None and logged.code in _INTEGERS and logged.unsigned != column.type.unsigned:
        return f"the log has it {'unsigned' if logged.unsigned else 'signed'}"
    charset = charsets.get(logged.charset) if logged.charset is not None else None
    if charset is not None and kind.charset and not _same(charset, kind.charset):
        return f"the log has character set {charset}, not {kind.charset}"
    if logged.labels is not None and not _same_labels(column.type.labels, logged.labels, charset or "utf8mb4"):
        return "the log has other labels"
    # For a table without a primary key the log names a unique index of columns that cannot be NULL, as if it were one.
    stands_in = keyless and not column.nullable
    if logged.key is not None and logged.key != column.key and not stands_in:
        return "the log has another primary key"
    return ""


def _same(one: str, other: str) -> bool:
    return one == other or (one in UTF8_CHARSETS and other in UTF8_CHARSETS)


def _same_labels(labels: Sequence[str], logged: Sequence[bytes], charset: str) -> bool:
    if len(labels) != len(logged):
        return False
    try:
        decode = decoder(charset)
        return all(label == decode(raw) for label, raw in zip(labels, logged, strict=True))
    except (UnsupportedTypeError, UnicodeDecodeError):
        return True
