"""What the decoder asks about tables, and tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tailrace.emitter import EventTable
from tailrace.schema import TableName, TableSchema
from tailrace_mysql.binlog.binding import Binding
from tailrace_mysql.binlog.events import Query
from tailrace_mysql.binlog.table_map import TableMap


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the log something stands.

    Attributes:
        mark: the fence mark of its transaction.
        end: mark behind the event.
        started: seconds since 1970 at which its statement began; 0: it is none, or began elsewhere.
        time_zone: of the statement's session; "" unknown.
        explicit_timestamps: explicit_defaults_for_timestamp of that session; False where it is not known.
        micros: microseconds behind `started`; -1: they are not known.
        strict: the sql_mode of that session refuses values that do not fit; False where it is not known.
    """

    file: str
    pos: int
    mark: str
    end: str
    started: int = 0
    time_zone: str = ""
    strict: bool = False
    explicit_timestamps: bool = False
    micros: int = -1

    def __str__(self) -> str:
        return f"{self.file}:{self.pos}"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a statement means for a captured table: a new version of its columns, or that it was emptied."""

    table: EventTable
    truncated: bool = False


class LackingError(Exception):
    """A value that the log leaves out cannot be had: its table is to be suspended.

    Args:
        reason, fix: for a person.
    """

    def __init__(
        self, reason: str, fix: str = "set binlog_row_image=FULL for every session, then load the table anew"
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


class Tables(Protocol):
    """What the decoder asks about tables.

    Attributes:
        generation: grows when a table's version or state changes: bindings made before are void.
    """

    generation: int

    def captures(self, database: str, table: str) -> bool: ...

    def bind(self, table: TableMap, place: Place) -> Binding | None:
        """The plan for a captured table's rows; None while the table is suspended.

        A place before where the stream stands is read again, for rows that were held.
        """
        ...

    def holds(self, binding: Binding, place: Place) -> bool:
        """Whether rows that were held under this plan may become events at `place`."""
        ...

    def takes_back(self, binding: Binding, place: Place) -> None:
        """A ROLLBACK at `place` is taken to undo changes of this table: suspends it where that is not certain."""
        ...

    def statement(self, query: Query, place: Place) -> Sequence[Effect]:
        """A statement that is no transaction's boundary."""
        ...

    def suspend(self, database: str, table: str, reason: str) -> None: ...

    def defaults(self, name: TableName, columns: Sequence[str], place: Place) -> Sequence[bytes]:
        """What columns hold that the log leaves out of a new row, as JSON; raises LackingError."""
        ...

    def current(
        self,
        schema: TableSchema,
        key: Sequence[tuple[str, bytes]],
        columns: Sequence[str],
        place: Place,
        transaction: str,
    ) -> Sequence[bytes] | None:
        """Columns of a row as it is now at the source, after a transaction at least; None: it is gone.

        Args:
            key: names and JSON values.
            transaction: as read views know it.

        Raises:
            LackingError: they cannot be read although the row may be there.
        """
        ...

    def release(self) -> None:
        """`current` is asked no more for the event in hand."""
        ...
