"""A table as it is declared: what the catalogue says, and what DDL statements change."""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.schema import TableName
from tailrace_mysql.types import Declared


@dataclass(frozen=True, slots=True)
class Default:
    """A column's DEFAULT.

    Attributes:
        kind: "literal", "now" (CURRENT_TIMESTAMP) or "expression" (a value per row, which nobody can foretell).
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
    """

    name: str
    declared: Declared
    nullable: bool = True
    key: int = 0
    default: Default | None = None
    generated: bool = False
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as declared.

    Attributes:
        refusal: why the table cannot be captured at all; "" where it can.
        charset: of text columns that do not name their own.
    """

    name: TableName
    columns: tuple[ColumnDefinition, ...]
    charset: str = "utf8mb4"
    estimated_rows: int = 0
    refusal: str = ""

    @property
    def keyless(self) -> bool:
        return not any(column.key for column in self.columns)
