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
    """

    name: str
    declared: Declared
    nullable: bool = True
    key: int = 0
    default: Default | None = None
    generated: bool = False
    numbered: bool = False
    collation: str = ""


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as declared.

    Attributes:
        refusal: why the table cannot be captured at all; "" where it can.
        engine: that stores it, as the catalogue has it.
        charset: of text columns that do not name their own.
    """

    name: TableName
    columns: tuple[ColumnDefinition, ...]
    charset: str = "utf8mb4"
    estimated_rows: int = 0
    refusal: str = ""
    engine: str = "InnoDB"

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
