"""What a source's server knows of its tables besides their definition: sizes, how values are spread, what is written.

Estimates, as the server's optimizer has them. A source's reader fills what its system tells and leaves the rest None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tailrace.conversion.catalog import ObjectName


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """
    Attributes:
        distinct: different values.
        nulls: share of rows that have none, 0 to 1.
        width: bytes of a value as the source stores it, on average.
        most_common: share of rows that have the most common value, 0 to 1.
        correlation: of the order of values with that of rows on disk, -1 to 1; near 1 where values only grow.
    """

    distinct: float | None = None
    nulls: float | None = None
    width: float | None = None
    most_common: float | None = None
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows, counted or per second."""

    inserts: float = 0.0
    updates: float = 0.0
    deletes: float = 0.0

    @property
    def total(self) -> float:
        return self.inserts + self.updates + self.deletes


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """
    Attributes:
        rows: how many.
        row_bytes: of a row as the source stores it, on average, indexes aside.
        changes: counted since `Statistics.seconds` ago.
    """

    rows: float | None = None
    row_bytes: float | None = None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    changes: Changes | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """
    Attributes:
        tables: by the source's name, as in its catalog.
        seconds: how long the server has counted changes; None unknown.
        notes: what could not be asked, and why.
    """

    tables: Mapping[ObjectName, TableStatistics] = field(default_factory=dict)
    seconds: float | None = None
    notes: tuple[str, ...] = ()


def rates(before: Statistics, after: Statistics, seconds: float) -> dict[ObjectName, Changes]:
    """Changes a second between two looks, of tables that both counted; a counter that was reset between counts anew."""
    found: dict[ObjectName, Changes] = {}
    for name, table in after.tables.items():
        earlier = before.tables.get(name)
        if table.changes is None or earlier is None or earlier.changes is None:
            continue
        pairs = (
            (table.changes.inserts, earlier.changes.inserts),
            (table.changes.updates, earlier.changes.updates),
            (table.changes.deletes, earlier.changes.deletes),
        )
        found[name] = Changes(*((now - then if now >= then else now) / seconds for now, then in pairs))
    return found


def average_rates(counted: Statistics) -> dict[ObjectName, Changes]:
    """Changes a second since the server began to count; nothing where it is not known when that was."""
    if not counted.seconds:
        return {}
    zero = Statistics({name: TableStatistics(changes=Changes()) for name in counted.tables})
    return rates(zero, counted, counted.seconds)
