"""Which tables of the database are captured, how, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.connectors import Context
from tailrace.schema import TableName
from tailrace.source import SourceTable
from tailrace.tables import Selection, table_entry, topic_name
from tailrace_postgres.catalog import PUBLISHES_GENERATED, Catalog, CatalogTable
from tailrace_postgres.connection import identifier


@dataclass(frozen=True, slots=True)
class Selected:
    """A table that the pipeline's globs select.

    Attributes:
        inserts_only: it goes into the publication that publishes no updates and deletes.
        source: as the capture loop knows it.
    """

    table: CatalogTable
    source: SourceTable
    inserts_only: bool = False

    @property
    def captured(self) -> bool:
        return self.source.state == "streaming"

    @property
    def sql(self) -> str:
        """The table's name in SQL."""
        return identifier(self.table.schema, self.table.name)

    @property
    def only(self) -> str:
        """As `sql`; without the children that inherit from it, which are tables of their own."""
        return self.sql if self.table.kind == "p" else f"ONLY {self.sql}"


def select_tables(
    catalog: Catalog, context: Context, selection: Selection, database: str, logged: bool = True
) -> list[Selected]:
    """The selected tables, by name. A partition goes with the topmost selected table above it.

    Args:
        logged: their changes are to be captured, too.
    """
    every = catalog.tables()
    names = {table.oid: TableName(database, table.schema, table.name) for table in every}
    tables = [table for table in every if selection.selects(names[table.oid])]
    selected = {table.oid for table in tables}
    return [
        _selected(table, names[table.oid], context, catalog.connection.version, logged)
        for table in tables
        if not selected.intersection(table.ancestors)
    ]


def _selected(table: CatalogTable, name: TableName, context: Context, version: int, logged: bool) -> Selected:
    entry = table_entry(context, name, "inserts_only")
    inserts_only = bool(entry is not None and entry.inserts_only)
    reason = _unreadable(table) or (_obstacle(table, inserts_only, version) if logged else "")
    source = SourceTable(
        name=name,
        topic=topic_name(context, name),
        state="suspended" if reason else "streaming",
        reason=reason,
        keyless=not table.key,
        estimated_rows=table.rows,
    )
    return Selected(table, source, inserts_only)


def _unreadable(table: CatalogTable) -> str:
    """Why its rows cannot be read; "" when they can."""
    if table.readable:
        return ""
    sql = identifier(table.schema, table.name)
    return f"our role may not read it; GRANT SELECT ON {sql}, and USAGE ON SCHEMA {identifier(table.schema)}"


def _obstacle(table: CatalogTable, inserts_only: bool, version: int) -> str:
    """Why a table cannot be captured, with what mends it; "" when it can."""
    sql = identifier(table.schema, table.name)
    if table.unlogged:
        return f"an unlogged table has no changes in the log; ALTER TABLE {sql} SET LOGGED"
    if inserts_only:
        return ""
    if table.kind == "p" and not table.leaves:
        return ""  # no partitions yet, so no rows either
    if not table.identifiable:
        if table.kind == "p":
            return (
                "a partition has no usable replica identity, so its updates and deletes would fail once published;"
                f" give {sql} a primary key, or ALTER TABLE … REPLICA IDENTITY FULL for it and each partition,"
                " or set inserts_only"
            )
        return (
            "no primary key and no other replica identity, so updates and deletes of it would fail once published;"
            f" ALTER TABLE {sql} REPLICA IDENTITY FULL, or set inserts_only"
        )
    if not table.consistent:
        return (
            "the table and its partitions differ in REPLICA IDENTITY FULL, so the log does not say what it carries;"
            f" ALTER TABLE … REPLICA IDENTITY FULL (or DEFAULT) for {sql} and each partition alike"
        )
    if table.virtual and table.identity == "f" and version >= PUBLISHES_GENERATED:
        return (
            "REPLICA IDENTITY FULL includes a virtual generated column, which cannot be published, so updates and"
            f" deletes of it would fail; ALTER TABLE {sql} REPLICA IDENTITY DEFAULT or USING INDEX …"
        )
    return ""
