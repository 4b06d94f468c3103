"""A target's tables made complete: what of the source's structure is made, and what became of it.

What is the same for every SQL sink; the statements are each sink's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from tailrace.sink import TargetTable
from tailrace.structure import FOREIGN_KEY, LEFT_OUT, ForeignKey, Index, LeftOut, Outcome, TableStructure


class Structured(NamedTuple):
    """A target's table, and what the source's has."""

    table: TargetTable
    structure: TableStructure


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that makes one thing.

    Attributes:
        statement: without the table's ALTER TABLE where a sink joins several.
        detail: in which way it differs from the source's.
        unique: the columns that are unique then.
        likeness: the same for indexes that serve alike.
    """

    kind: str
    name: str
    statement: str
    detail: str = ""
    unique: frozenset[str] = frozenset()
    likeness: object = None


def wanted_indexes(table: TargetTable, structure: TableStructure) -> Iterator[Index]:
    """The source's indexes but for that of the target's key, which is there."""
    key = {column.name for column in table.key}
    for index in structure.indexes:
        whole = index.plain and not any(part.prefix for part in index.parts)
        if not (index.unique and whole and not index.deferrable and set(index.columns) == key):
            yield index


def at_load(index: Index, unique: bool) -> bool:
    """Whether an index is made while changes are applied, and not at cut-over only.

    Args:
        unique: the table's changes are applied in the source's order.
    """
    # A deferred constraint may be broken in the middle of a transaction, of which a target gets parts at a time.
    return not index.unique or (unique and not index.deferrable)


def serves(name: str, present: str | None) -> str:
    """`Outcome.detail` of an index that is not made: another of its definition is there, or one (None) of its name."""
    if present is None:
        return "an index of that name is there, with another definition"
    return "" if present == name else f"as {present}"


def referenced(key: ForeignKey, tables: Mapping[str, TargetTable]) -> TargetTable | LeftOut:
    """The table that a foreign key refers to, among those of the sink by topic."""
    found = tables.get(key.topic)
    if found is None:
        return LeftOut(FOREIGN_KEY, key.name, f"the table {key.references}, to which it refers, is not in this target")
    return found


def following(after: int | None, last: int | None, step: int) -> int:
    """The next value of a numbering: beyond the target's greatest, and not before the source's next.

    Args:
        after: the source's next value, None unknown.
        last: the target's greatest value, None without rows.
    """
    if after is None:
        return 1 if last is None else last + 1
    if last is None or last < after:
        return after
    return after + ((last - after) // step + 1) * step


def fitting(name: str, limit: int) -> str:
    """A name of at most so many bytes: cut, with a digest of the whole."""
    raw = name.encode()
    if len(raw) <= limit:
        return name
    digest = sha256(raw).hexdigest()[:8]
    return raw[: limit - 9].decode(errors="ignore") + "_" + digest


def left_out(table: TargetTable, entry: LeftOut) -> Outcome:
    return Outcome(str(table.source), entry.kind, entry.name, LEFT_OUT, entry.reason)


def outcomes(table: TargetTable, entries: Sequence[LeftOut]) -> list[Outcome]:
    return [left_out(table, entry) for entry in entries]
