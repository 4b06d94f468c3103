"""What the history of the tables asks the server."""

from __future__ import annotations

from typing import Protocol

from tailrace.schema import TableName
from tailrace_mysql.absent import CurrentRows
from tailrace_mysql.definition import TableDefinition


class Catalogue(Protocol):
    """What the server says of its tables now."""

    def definition(self, name: TableName) -> TableDefinition | None:
        """None where there is no such table."""
        ...

    def is_sequence(self, name: TableName) -> bool: ...

    def default_charset(self, database: str) -> str: ...

    def defaults_unchanged(self, mark: str) -> bool:
        """Whether no statement between the mark and the log's end can have changed a `default_charset`."""
        ...

    def unchanged(self, name: TableName, mark: str) -> bool:
        """Whether no statement between the mark and the log's end can have changed a table's columns."""
        ...

    @property
    def rows(self) -> CurrentRows: ...

    def same_table(self, name: TableName, mark: str) -> bool:
        """Whether a table of this name is the same one, in the same engine, from the mark on."""
        ...
