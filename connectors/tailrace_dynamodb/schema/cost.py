"""Capacity and cost of a table's design, from rows, sizes, and changes a second; prices are parameters.

A write takes a unit for each KB, begun ones whole, of the item before or after, whichever is larger; and of each index
whose entry changes. A delete is a write too: the marker stays (`tailrace_dynamodb.writes`). An index of keys alone
does not change with the other columns; one that holds all does with each, because it holds the fence.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tailrace.conversion.statistics import Changes, TableStatistics
from tailrace_dynamodb.attributes import ItemForm
from tailrace_dynamodb.key_form import DELETED, ENTITY, Index
from tailrace_dynamodb.prices import Prices
from tailrace_dynamodb.schema.sizes import OVERHEAD_BYTES, Size, column_widths, fence_bytes
from tailrace_dynamodb.writes import MARKER_SECONDS

WRITE_BYTES, READ_BYTES = 1024, 4096
HOURS = 730
GB = 1 << 30
#: Of provisioned capacity so much is used on average, where it follows the load (AWS's own default for auto scaling).
UTILIZATION = 0.7


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of a table and its indexes.

    Attributes:
        load_units: write units of the load of all rows.
        write_units, read_units: a second, on average.
        stored_bytes: with markers of deleted rows.
    """

    load_units: float = 0.0
    write_units: float = 0.0
    read_units: float = 0.0
    stored_bytes: float = 0.0

    def __add__(self, other: Capacity) -> Capacity:
        return Capacity(
            self.load_units + other.load_units,
            self.write_units + other.write_units,
            self.read_units + other.read_units,
            self.stored_bytes + other.stored_bytes,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """In the prices' currency, a month but for the load.

    Attributes:
        provisioned: writes and reads with provisioned capacity, instead of `writes` and `reads`.
    """

    load: float
    writes: float
    reads: float
    storage: float
    provisioned: float

    @property
    def month(self) -> float:
        return self.writes + self.reads + self.storage


def capacity(
    form: ItemForm, size: Size, statistics: TableStatistics | None, changes: Changes | None, reads: float = 0.0
) -> Capacity:
    """
    Args:
        changes: rows a second; None: not known, and taken for none.
        reads: items a second that the application reads, eventually consistent.
    """
    changes = changes or Changes()
    rows = (statistics.rows if statistics else None) or 0.0
    item = units(size.average)
    insert = update = delete = float(item)
    stored = rows * (size.average + OVERHEAD_BYTES)
    for index in form.indexes:
        entry = entry_bytes(form, index, size, statistics)
        share = _share(form, index, statistics)
        written = units(entry) * share
        insert += written
        delete += written
        if index.projection["ProjectionType"] == "ALL" or _included(index):
            update += written
        stored += rows * share * (entry + OVERHEAD_BYTES)
    widths, _ = column_widths(form.table.columns, statistics)
    key = sum(len(name) + sum(widths[c] for c in part.columns) for part in form.parts for name in (part.name,))
    marker = fence_bytes(form) + key + len("_tailrace_deleted") + len("_tailrace_expires") + 8
    stored += changes.deletes * MARKER_SECONDS * (marker + OVERHEAD_BYTES)
    return Capacity(
        rows * insert,
        changes.inserts * insert + changes.updates * update + changes.deletes * delete,
        reads * math.ceil(size.average / READ_BYTES) / 2,
        stored,
    )


def entry_bytes(form: ItemForm, index: Index, size: Size, statistics: TableStatistics | None) -> float:
    """Of an item in an index, on average."""
    if index.projection["ProjectionType"] == "ALL":
        return size.average
    widths, _ = column_widths(form.table.columns, statistics)
    parts = {part.name: part for part in (*form.parts, *form.texts)}
    names = {name for name, _ in (*form.key, *index.key)} | set(index.projection.get("NonKeyAttributes", ()))
    total = 0.0
    for name in names:
        columns = parts[name].columns if name in parts else (name,)
        total += len(name) + sum(widths.get(column, 0.0) for column in columns)
    return total


def _included(index: Index) -> set[str]:
    """Columns that it holds beside keys."""
    return set(index.projection.get("NonKeyAttributes", ())) - {DELETED, ENTITY}


def _share(form: ItemForm, index: Index, statistics: TableStatistics | None) -> float:
    """Of rows that are in the index: those without NULL in its key."""
    if statistics is None:
        return 1.0
    parts = {part.name: part for part in form.texts}
    share = 1.0
    for name, _ in index.key:
        for column in parts[name].columns if name in parts else (name,):
            found = statistics.columns.get(column)
            share *= 1 - ((found.nulls or 0.0) if found else 0.0)
    return share


def units(size: float) -> int:
    return max(math.ceil(size / WRITE_BYTES), 1)


def cost(needed: Capacity, prices: Prices) -> Cost:
    seconds = HOURS * 3600
    hourly = (
        math.ceil(needed.write_units / UTILIZATION) * prices.write_hour
        + math.ceil(needed.read_units / UTILIZATION) * prices.read_hour
    )
    return Cost(
        load=needed.load_units / 1e6 * prices.write_million,
        writes=needed.write_units * seconds / 1e6 * prices.write_million,
        reads=needed.read_units * seconds / 1e6 * prices.read_million,
        storage=needed.stored_bytes / GB * prices.storage_month,
        provisioned=hourly * HOURS,
    )


def total(parts: Iterable[Capacity]) -> Capacity:
    return sum(parts, Capacity())
