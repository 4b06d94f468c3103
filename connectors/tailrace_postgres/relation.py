"""Relation messages: a table as the log describes it before its changes, and who makes a row plan of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tailrace_postgres.integers import i32, u16, u32
from tailrace_postgres.rowplan import RowPlan


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column as a Relation message has it.

    Attributes:
        key: part of the replica identity.
    """

    name: str
    type_oid: int
    modifier: int
    key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A Relation message: a table as it was when the changes that follow were made.

    Attributes:
        identity: REPLICA IDENTITY: d default, n nothing, f full, i index.
    """

    oid: int
    schema: str
    table: str
    identity: str
    columns: tuple[RelationColumn, ...]


class Relations(Protocol):
    """What the decoder asks of its surroundings."""

    def plan(self, relation: Relation, xid: int) -> RowPlan | None:
        """How to read this relation's rows; None where its changes are not captured.

        Args:
            xid: the transaction whose changes follow.
        """
        ...

    def renamed_label(self, plan: RowPlan) -> None:
        """A row has a label of an enum that the catalog has not: it was renamed since. Suspends the table."""
        ...

    def lack(self, plan: RowPlan, what: str) -> None:
        """The log left out a value that the table's entry in [[tables]] needs. Suspends the table."""
        ...

    def missing(self, plan: RowPlan, key: list[bytes | None], columns: list[int], xid: int) -> list[bytes] | None:
        """Fragments of values that the log left out, read from the source by key; None if the row is gone.

        Where the row cannot be read any more, the plan is suspended.

        Args:
            key: the text of the key's values, in key order.
            columns: indexes of the columns wanted.
            xid: the transaction that changed the key.

        Raises:
            UnreachableError: queries do not see that transaction in time.
        """
        ...


def read_relation(buffer: bytes, position: int) -> tuple[Relation, int]:
    """The content of a Relation message, and where it ends.

    Raises:
        IndexError, struct.error: it is cut short.
        UnicodeDecodeError: a name is no valid UTF-8.
    """
    oid = u32(buffer, position)
    schema, position = _string(buffer, position + 4)
    table, position = _string(buffer, position)
    identity = chr(buffer[position])
    count = u16(buffer, position + 1)
    position += 3
    columns = []
    for _ in range(count):
        key = buffer[position] & 1 == 1
        name, position = _string(buffer, position + 1)
        columns.append(RelationColumn(name, u32(buffer, position), i32(buffer, position + 4), key))
        position += 8
    # An empty namespace stands for pg_catalog.
    return Relation(oid, schema or "pg_catalog", table, identity, tuple(columns)), position


def string_end(buffer: bytes, position: int) -> int:
    """After the zero byte that ends the string at `position`; IndexError where none does."""
    stop = buffer.find(b"\0", position)
    if stop < 0:
        raise IndexError
    return stop + 1


def _string(buffer: bytes, position: int) -> tuple[str, int]:
    stop = string_end(buffer, position)
    return buffer[position : stop - 1].decode(), stop
