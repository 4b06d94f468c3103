"""What the source's tables, columns and other objects are called in a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tailrace.conversion.catalog import ObjectName
from tailrace.conversion.outcome import Item
from tailrace.schema import TableSchema


@dataclass(frozen=True, slots=True)
class Names:
    """
    Attributes:
        objects: by the source's name: tables, views, routines, types, sequences. What is not in it is not converted.
        columns: by the source's name of the table: its columns, by their names. What is missing is not there.
        left_out: why an object is not in `objects`, where there is more to say than that nothing selects it.
        altered: by table and column, why a column is not there, or has other values than the source's: what the
            pipeline's `[[tables]]` makes of it. Its defaults, checks, indexes and foreign keys are not converted.
        streams: what the pipeline's stream has of a table, where `[[tables]]` changes it: types, added columns, key.
        schema: the target's schema (database) for what is in no other; "" where there is but one.
        items: what is to be said of the names themselves.
        piped: a pipeline's sink writes the tables.
        in_order: it meets the changes of a table in the source's order, those of different keys too.
    """

    objects: Mapping[ObjectName, ObjectName]
    columns: Mapping[ObjectName, Mapping[str, str]] = field(default_factory=dict)
    left_out: Mapping[ObjectName, str] = field(default_factory=dict)
    altered: Mapping[ObjectName, Mapping[str, str]] = field(default_factory=dict)
    streams: Mapping[ObjectName, TableSchema] = field(default_factory=dict)
    schema: str = ""
    items: tuple[Item, ...] = ()
    piped: bool = False
    in_order: bool = True
