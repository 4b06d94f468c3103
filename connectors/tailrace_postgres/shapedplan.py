"""The row plan of a table that `[[tables]]` changes: columns dropped, renamed, masked or retyped; rows left out."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.compiled import compiled_class
from tailrace.emitter import UNCHANGED_JSON, EventTable
from tailrace.render import object_heads
from tailrace.shaping.masks import Alter
from tailrace.shaping.shape import Shape
from tailrace_postgres.rowplan import RowPlan
from tailrace_postgres.types import Converter, native


def plan_for(table: EventTable, whole_old: bool) -> RowPlan:
    """The plan of a version's rows."""
    return RowPlan(table, whole_old) if table.shape is None else ShapedPlan(table, whole_old)


def key_not_logged(shape: Shape, identity: str) -> str:
    """Why the events' key cannot be had of old rows; "" where it can.

    Args:
        identity: REPLICA IDENTITY, as the catalog has it.
    """
    own = tuple(column.name for column in shape.source.key)
    chosen = tuple(shape.source.columns[index].name for index in shape.key)
    if identity == "f" or set(chosen) <= set(own):
        return ""
    return f"the key {', '.join(chosen)} is not in the log's old rows, which have {', '.join(own) or 'no columns'}"


class ShapedPlan(RowPlan):
    """As `RowPlan`, but fragments are the source's values alone: what becomes of them is the shape's part."""

    def __init__(self, table: EventTable, whole_old: bool) -> None:
        super().__init__(table, whole_old)
        self.heads = [b""] * self.columns
        self.nulls = [b"null"] * self.columns
        self.unknowns = [UNCHANGED_JSON] * self.columns
        self.key = self._shape.key
        identity = frozenset(self.identity)
        #: The filter needs no more of an old row than the log has of it.
        self._tells_old = whole_old or self._shape.filtered <= identity

    @property
    def _shape(self) -> Shape:
        shape = self.table.shape
        assert shape is not None
        return shape

    def _compile(self) -> None:
        shape = self._shape
        wanted = shape.wanted
        self.converters = [convert if index in wanted else _nothing for index, convert in enumerate(self.converters)]
        reader = compiled_class("tailrace_postgres.tuples", "Tuples")
        self.reader = None
        if reader is None or shape.rowwise:
            return
        named = iter(object_heads(shape.names))
        heads = [next(named) if carried.name else b"" for carried in shape.columns]
        converters = [
            convert if carried.alter is None else _altering(convert, carried.alter)
            for convert, carried in zip(self.converters, shape.columns, strict=True)
        ]
        natives = [
            "skip" if not carried.name else native(column.type, self.lenient) if carried.alter is None else ""
            for column, carried in zip(self.table.schema.columns, shape.columns, strict=True)
        ]
        key_heads = object_heads(shape.columns[index].name for index in shape.key)
        self.reader = reader(natives, converters, heads, key_heads, shape.key, shape.constants + b"}")

    def unchanged(self, unknown: Sequence[int]) -> tuple[str, ...]:
        values: list[bytes | None] = [None if index in unknown else b"" for index in range(self.columns)]
        return self._shape.unchanged(values)

    def row_json(self, fragments: Sequence[bytes]) -> bytes:
        return self._shape.row(self._values(fragments))

    def key_json(self, fragments: Sequence[bytes]) -> bytes | None:
        return self._shape.key_of(self._values(fragments))

    def relevant(self, unknown: list[int]) -> list[int]:
        wanted = self._shape.wanted
        return [index for index in unknown if index in wanted]

    def passes(self, fragments: Sequence[bytes]) -> bool:
        """See `RowPlan.passes`."""
        return self._shape.passes(self._values(fragments))

    def passed(self, old: Sequence[bytes] | None, now: bool) -> bool | None:
        """See `RowPlan.passed`."""
        if not self._tells_old:
            return None
        return now if old is None else self._shape.passed(self._values(old))

    def _values(self, fragments: Sequence[bytes]) -> list[bytes | None]:
        return [None if fragment is UNCHANGED_JSON else fragment for fragment in fragments]


def _nothing(text: bytes) -> bytes:
    """Of a column that is dropped."""
    return b""


def _altering(convert: Converter, alter: Alter) -> Converter:
    def altered(text: bytes) -> bytes:
        return alter(convert(text))

    return altered
