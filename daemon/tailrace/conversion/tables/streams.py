"""What a pipeline's stream has of a table: the source's columns as `[[tables]]` shapes them."""

from __future__ import annotations

from typing import NamedTuple

from tailrace.conversion.catalog import Catalog, Column, Dialect, Table
from tailrace.conversion.tables.keys import declared
from tailrace.schema import Column as StreamColumn
from tailrace.schema import TableName, TableSchema
from tailrace.shaping.shapes import Shapes
from tailrace.shaping.structures import Reason, names

#: Generated columns are in publications from this release on, where they are stored.
_PUBLISHES_GENERATED = 18


class Carried(NamedTuple):
    """
    Attributes:
        table: the targets' name.
        columns: the targets' names, by the source's.
        altered: by the source's name, why a column is not there, or not with the source's values.
        schema: what the stream has; None: the table as it is.
    """

    table: str
    columns: dict[str, str]
    altered: dict[str, str]
    schema: TableSchema | None


def stream_of(table: Table, source: Catalog, name: TableName, shapes: Shapes) -> Carried:
    """
    Raises:
        ShapeError: what the file says of the table does not fit its columns.
    """
    schema = source_schema(table, source, name)
    shape = shapes.of(schema)
    if shape is None:
        return Carried(name.table, {column.name: column.name for column in table.columns}, {}, None)
    columns = {column.name: column.name for column in table.columns if not carried(column, source)}
    altered: dict[str, str] = {}
    becomes = {column.id: column.name for column in shape.schema.columns}
    found = names(schema, shape)
    for column in schema.columns:
        said = found[column.name]
        if isinstance(said, Reason):
            altered[column.name] = str(said)
        if column.id in becomes:
            columns[column.name] = becomes[column.id]
    return Carried(shape.rules.target(name), columns, altered, shape.schema)


def source_schema(table: Table, source: Catalog, name: TableName) -> TableSchema:
    """The table as the source's log has it; ids are places."""
    primary = table.primary_key
    key = {part.column: place for place, part in enumerate(declared(table, primary) if primary else (), start=1)}
    return TableSchema(
        1,
        name,
        str(name),
        tuple(
            StreamColumn(
                number,
                column.name,
                column.type,
                nullable=column.nullable,
                key=key.get(column.name, 0),
                generated=bool(column.generated),
            )
            for number, column in enumerate(table.columns, start=1)
            if carried(column, source)
        ),
    )


def carried(column: Column, source: Catalog) -> bool:
    """Whether the source's log brings the column's values."""
    if not column.generated or source.dialect.mysql_like:
        return True
    if source.dialect is not Dialect.POSTGRESQL:
        return False
    release = source.version.strip().partition(".")[0].partition(" ")[0]
    return column.stored and release.isdigit() and int(release) >= _PUBLISHES_GENERATED
