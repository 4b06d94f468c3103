"""Ids of the columns of a table that took the place of another one of its name.

A column's id is its attnum, which the server gives once. A table that is dropped and made again, or is another
server's, begins at 1 again: the same numbers are other columns there, and targets would take these for the old ones,
renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tailrace.schema import Column, TableSchema
from tailrace_postgres.columns import INVENTED

#: PostgreSQL gives no more numbers.
_LAST = 1600


@dataclass(frozen=True, slots=True)
class Numbering:
    """Which ids a table's attnums are.

    Attributes:
        ids: by attnum, of the columns that were there when the table was met.
        shift: of a column that was added later, what its id is greater by.
    """

    ids: Mapping[int, int] = field(default_factory=dict)
    shift: int = 0

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Numbering:
        """As `entry` wrote it; without it, each id is the attnum."""
        return cls(dict(entry.get("numbers", ())), entry.get("shift", 0))

    @property
    def entry(self) -> dict[str, Any]:
        """For the table's state entry; empty where each id is the attnum."""
        return {"numbers": sorted(self.ids.items()), "shift": self.shift} if self.ids else {}

    def id_of(self, number: int) -> int:
        """Invented numbers (`columns.INVENTED`) are ids already."""
        return number if number >= INVENTED else self.ids.get(number, number + self.shift)

    def with_ids(self, columns: Iterable[Column]) -> tuple[Column, ...]:
        """Columns whose `id` is the attnum."""
        return tuple(replace(column, id=self.id_of(column.id)) for column in columns)

    def with_numbers(self, schema: TableSchema) -> TableSchema:
        """The version, with attnums in place of ids."""
        if not self.ids:
            return schema
        numbers = {column_id: number for number, column_id in self.ids.items()}
        last = max(self.ids)
        columns = []
        for column in schema.columns:
            later = column.id - self.shift
            number = numbers.get(column.id, later if last < later <= _LAST else column.id)
            columns.append(replace(column, id=number))
        return replace(schema, columns=tuple(columns))


def numbered_anew(
    now: Sequence[Column], others: Iterable[int], before: TableSchema, known: Iterable[TableSchema]
) -> Numbering:
    """For a table that was made anew.

    What has the name and type of a column of before is that column, and so is what has the name of a part of the key:
    targets find rows by it. All others are new.

    Args:
        now: its columns; `id` is the attnum.
        others: attnums that it has besides, which the log does not carry.
        before: what targets were brought to.
        known: all versions of either table.
    """
    free = max(column.id for schema in known for column in schema.columns if column.id < INVENTED)
    ids = {}
    for column in now:
        old = before.by_name.get(column.name)
        if old is not None and (old.type == column.type or (old.key and column.key)):
            ids[column.id] = old.id
        else:
            free += 1
            ids[column.id] = free
    for number in others:
        free += 1
        ids[number] = free
    return Numbering(ids, free - max(ids, default=0))
