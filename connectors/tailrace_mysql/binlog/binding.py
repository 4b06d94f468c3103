"""What table ids of the log stand for."""

from __future__ import annotations

from tailrace.emitter import EventTable
from tailrace_mysql.binlog.rows import RowPlan


class Version:
    """A version of a table as this run knows it.

    Attributes:
        announced: its schema change is in the stream; otherwise it goes out before the next row.
    """

    __slots__ = ("announced", "table")

    def __init__(self, table: EventTable, announced: bool = True) -> None:
        self.table = table
        self.announced = announced


class Binding:
    """A version, and the plan for its rows.

    Attributes:
        table: the version's.
        columns, image, read, shape, width: the plan's.
        end: place of the column that ends the period of system-versioned rows (see `versioned`); -1: they have none.
        rowwise: its rows are looked at one by one.
    """

    __slots__ = ("columns", "end", "image", "read", "rowwise", "shape", "table", "version", "width")

    def __init__(self, version: Version, plan: RowPlan, end: int = -1) -> None:
        self.version = version
        self.end = end
        self.table = version.table
        self.width = plan.width
        self.columns = plan.columns
        self.image = plan.image
        self.read = plan.read
        self.shape = plan.shape
        self.rowwise = plan.shape is not None and plan.shape.rowwise


class Mapped:
    """What the last table map of a table id has led to.

    Attributes:
        described: the map, but for its header and the id.
        generation: of `Tables` at that time: another one makes this void.
        binding: None where nobody wants the rows.
    """

    __slots__ = ("binding", "described", "generation")

    def __init__(self, described: bytes, generation: int, binding: Binding | None) -> None:
        self.described = described
        self.generation = generation
        self.binding = binding
