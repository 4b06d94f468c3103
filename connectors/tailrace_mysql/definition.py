"""A table as it is declared: what the catalogue says, and what DDL statements change."""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.schema import TableName
from tailrace_mysql.types import Declared

#: Engines whose tables a transaction sees as they were when it began.
_VIEWED = frozenset({"INNODB", "ROCKSDB", "TOKUDB"})


@dataclass(frozen=True, slots=True)
class Default:
    """A column's DEFAULT.

    Attributes:
        kind: "literal" (a string), "number" (also TRUE, FALSE and ``b'101'``), "now" (CURRENT_TIMESTAMP) or
            "expression" (a value per row, which nobody can foretell).
    """

    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """A column as declared.

    Attributes:
        key: 1-based place in the primary key, else 0.
        default: for the rows that were there before the column; not part of what the column is.
        generated: computed by the server.
        numbered: AUTO_INCREMENT.
        collation: as the catalogue has it; "" where a statement says nothing, or the column is no text.
        system: "start" or "end" of the SYSTEM_TIME period of a system-versioned table, else "".
        hidden: only the log has it: the server added it by itself (`tailrace_mysql.system_time`).
    """

    name: str
    declared: Declared
    nullable: bool = True
    key: int = 0
    default: Default | None = None
    generated: bool = False
    numbered: bool = False
    collation: str = ""
    system: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """The SYSTEM_TIME period of the rows of a system-versioned table.

    Attributes:
        start, end: names of its columns.
        hidden: the server added them by itself: the log has them, the catalogue and the events have not.
        places: of hidden columns among all of the log, from 0; None where they are not known, or not hidden.
        by_time: PARTITION BY SYSTEM_TIME: history lies in partitions of its own.
    """

    start: str
    end: str
    hidden: bool = False
    places: tuple[int, int] | None = None
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as declared.

    Attributes:
        refusal: why the table cannot be captured at all; "" where it can.
        engine: that stores it, as the catalogue has it.
        charset: of text columns that do not name their own.
        columns: without those that are hidden.
        period: of a system-versioned table, else None.
    """

    name: TableName
    columns: tuple[ColumnDefinition, ...]
    charset: str = "utf8mb4"
    estimated_rows: int = 0
    refusal: str = ""
    engine: str = "InnoDB"
    period: Period | None = None

    @property
    def keyless(self) -> bool:
        return not any(column.key for column in self.columns)

    @property
    def unloadable(self) -> str:
        """Why its rows cannot be had as of a place in the log; "" where they can."""
        if self.keyless and self.engine.upper() not in _VIEWED:
            return (
                f"its engine {self.engine} has no read views, and without a primary key rows that are read twice cannot"
                " be told apart; add a primary key, or ALTER TABLE … ENGINE = InnoDB"
            )
        return ""

    @property
    def order(self) -> list[list[str]]:
        """What the order of its rows by the primary key depends on: the key's columns, their types and collations."""
        keys = sorted((column for column in self.columns if column.key), key=lambda column: column.key)
        return [[column.name, column.declared.name, column.collation] for column in keys]
