"""A captured table, as the history of the log knows it at the place that is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from tailrace.schema import TableName, TableSchema
from tailrace_mysql.binlog.binding import Version
from tailrace_mysql.definition import TableDefinition


@dataclass(slots=True)
class Table:
    """One captured table.

    Attributes:
        versions: all that are known, by id.
        version: the one in hand; None while it is not known.
        charsets: of text columns whose definition names none: from which place in the log on (`TableSchema.since`), and
            which.
        suspended: why; "" while it streams.
        dropped: the name has no table now.
    """

    name: TableName
    topic: str
    versions: dict[int, TableSchema] = field(default_factory=dict)
    version: Version | None = None
    charsets: dict[str, str] = field(default_factory=dict)
    suspended: str = ""
    dropped: bool = False

    @property
    def charset(self) -> str:
        return self.charsets[max(self.charsets)] if self.charsets else "utf8mb4"

    @property
    def charset_key(self) -> str:
        """State entry: `charsets`."""
        return f"charset:{self.topic}"

    @property
    def dropped_key(self) -> str:
        """State entry: `dropped`."""
        return f"dropped:{self.topic}"

    def at(self, place: str) -> TableSchema | None:
        """The version that held at a place (as `TableSchema.since` says it)."""
        past = [schema for schema in self.versions.values() if schema.since <= place]
        return max(past, key=lambda schema: (schema.since, schema.id), default=None)

    def ambiguous(self, definition: TableDefinition) -> bool:
        """Columns both went and came: a rename cannot be told from that."""
        if self.version is None:
            return False
        old = {column.name for column in self.version.table.schema.columns}
        new = {column.name for column in definition.columns}
        return bool(old - new) and bool(new - old)

    def reordered(self, definition: TableDefinition) -> bool:
        """The columns that stayed stand in another order: one may have been dropped, and another of its name added."""
        if self.version is None:
            return False
        old = [column.name for column in self.version.table.schema.columns]
        new = [column.name for column in definition.columns]
        return [name for name in old if name in new] != [name for name in new if name in old]
