"""What the parts of the reader share: one view of the catalogs, asked for many objects at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tailrace.conversion.catalog import Comment, ObjectKind, ObjectName, Other
from tailrace.schema import Type
from tailrace_postgres import types
from tailrace_postgres.catalog import Catalog as Types
from tailrace_postgres.connection import Connection

#: A question of the catalogs of thousands of tables.
SECONDS = 600.0
DEFERRABLE = {(False, False): "", (True, False): "deferrable", (True, True): "deferred"}


def own(catalog: str, oid: str) -> str:
    """A condition: the object belongs to no extension."""
    return (
        f"NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '{catalog}'::regclass AND x.objid = {oid}"
        " AND x.deptype = 'e')"
    )


@dataclass(slots=True)
class Reading:
    """One look at a database, under way.

    Attributes:
        schemas: whose objects are read.
        relations: names of the tables, partitions and views that were read, by OID.
        roots: by partition, the table that it is a part of.
        views: names of the views among the relations.
    """

    connection: Connection
    schemas: Sequence[str]
    types: Types = field(init=False)
    relations: dict[int, ObjectName] = field(default_factory=dict)
    roots: dict[ObjectName, ObjectName] = field(default_factory=dict)
    views: set[ObjectName] = field(default_factory=set)
    comments: list[Comment] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.types = Types(self.connection)

    def ask(self, sql: str, *values: Any, doing: str) -> list[tuple[Any, ...]]:
        return self.connection.query(sql, list(values), seconds=SECONDS, doing=f"reading {doing}")

    def grouped(self, sql: str, oids: Collection[int], *, doing: str) -> dict[int, list[tuple[Any, ...]]]:
        """Rows by their first column."""
        found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        if oids:
            for row in self.ask(sql, list(oids), doing=doing):
                found[row[0]].append(row[1:])
        return found

    def type(self, oid: int, modifier: int) -> Type:
        """Its type must have been asked for (`learn`)."""
        return types.describe(oid, modifier, self.types)

    def learn(self, wanted: Iterable[tuple[int, int]]) -> None:
        self.types.load_types(wanted)

    def comment(self, kind: ObjectKind, name: ObjectName, text: str | None, member: str = "") -> None:
        if text:
            self.comments.append(Comment(kind, name, text, member))

    def other(
        self, kind: ObjectKind, name: ObjectName, definition: str, table: ObjectName | None = None, reason: str = ""
    ) -> None:
        """
        Args:
            table: that it belongs to. What belongs to a partition is its table's, and what belongs to a view stands by
                itself, under a name that says of which.
        """
        holder = self.roots.get(table, table) if table is not None else None
        if table is not None and (table in self.views or holder != table) and not name.name.startswith(table.name):
            name = ObjectName(table.schema, f"{table.name} {name.name}")
        self.others.append(Other(kind, name, definition, None if table in self.views else holder, reason))
