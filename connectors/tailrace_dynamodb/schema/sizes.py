"""How large the items of a table are: names of attributes, values, and what the sink adds.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tailrace.conversion.statistics import ColumnStatistics, TableStatistics
from tailrace.schema import Column, Kind, Type
from tailrace.sequence import sequence
from tailrace_dynamodb.attributes import FENCE, STREAM, ItemForm
from tailrace_dynamodb.codecs import codec
from tailrace_dynamodb.key_form import Part

ITEM_BYTES = 400 << 10
#: DynamoDB counts so many bytes for each item, and each entry of an index, of what is stored.
OVERHEAD_BYTES = 100
_DIGEST_BYTES = 12
#: Of a text of which nothing else is known.
_GUESSED_BYTES = 32
#: A character takes up to so many bytes of UTF-8.
_CHARACTER_BYTES = 4
_FIXED = {Kind.BOOLEAN: 1, Kind.YEAR: 3, Kind.DATE: 10, Kind.UUID: 36, Kind.INTERVAL: 12}
#: Without a point and the digits behind it, which they have only where the column has.
_TIMES = {Kind.TIME: 8, Kind.TIMETZ: 14, Kind.TIMESTAMP: 19, Kind.TIMESTAMPTZ: 20}
_VARIABLE = (Kind.TEXT, Kind.BYTES, Kind.JSON, Kind.OTHER)


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes.

    Attributes:
        largest: None: nothing bounds it.
        guessed: columns whose values' lengths nobody knows.
    """

    average: float
    largest: int | None
    guessed: tuple[str, ...] = ()

    @property
    def risk(self) -> bool:
        """Whether an item may be beyond what DynamoDB takes."""
        return self.largest is None or self.largest > ITEM_BYTES


def fence_bytes(form: ItemForm) -> int:
    """Of what every item has besides the columns: the fence, the stream's digest, the entity."""
    entity = sum(len(name) + len(value["S"].encode()) for name, value in form.mark.items())
    return len(FENCE) + len(sequence(1, "0" * 20, 1)) + len(STREAM) + _DIGEST_BYTES + entity


def item_size(form: ItemForm, statistics: TableStatistics | None) -> Size:
    """Of a table's items, with their key attributes and the texts of their indexes."""
    widths, guessed = column_widths(form.table.columns, statistics)
    average, largest = float(fence_bytes(form)), float(fence_bytes(form))
    bounded = True
    for column in form.table.columns:
        found = statistics.columns.get(column.name) if statistics else None
        present = 1 - (found.nulls or 0.0 if found else 0.0)
        name = len(column.name.encode())
        average += present * (name + widths[column.name])
        most = largest_bytes(column.type)
        bounded = bounded and most is not None
        largest += name + (most or 0)
    for part in form.texts:
        average += len(part.name) + text_bytes(part, widths)
        most_texts = [largest_bytes(column.type) for column in form.table.columns if column.name in part.columns]
        largest += len(part.name) + len(part.prefix) + len(part.columns) + sum(most or 0 for most in most_texts)
    return Size(average, int(largest) if bounded else None, tuple(guessed))


def text_bytes(part: Part, widths: Mapping[str, float]) -> float:
    """Of the text of a key attribute, on average."""
    values = sum(max(part.digits, widths[name]) for name in part.columns)
    return len(part.prefix.encode()) + values + max(len(part.columns) - 1 + bool(part.prefix), 0)


def column_widths(columns: Iterable[Column], statistics: TableStatistics | None) -> tuple[dict[str, float], list[str]]:
    """Bytes of each column's attribute, on average; and the columns of which they are guessed.

    What the server knows of a row as a whole is shared among those of which it tells nothing.
    """
    known: dict[str, float] = {}
    unknown: list[str] = []
    columns = list(columns)
    for column in columns:
        found = statistics.columns.get(column.name) if statistics else None
        width, most = _average(column.type, found), largest_bytes(column.type)
        if width is None:
            unknown.append(column.name)
        else:
            known[column.name] = width if most is None else min(width, most)
    if not unknown:
        return known, []
    if statistics is not None and statistics.row_bytes:
        # What numbers and times take at the source is less than what they take here; for a share that is near enough.
        left = statistics.row_bytes - sum(_stored(column.type) for column in columns if column.name in known)
        share = max(left / len(unknown), 1.0)
        return {**known, **dict.fromkeys(unknown, share)}, []
    limits = {column.name: column.type.size for column in columns}
    guesses = {name: min(limits[name] or _GUESSED_BYTES, _GUESSED_BYTES) for name in unknown}
    return {**known, **guesses}, unknown


def largest_bytes(type_: Type) -> int | None:
    """Of a value's attribute; None: nothing bounds it."""
    match type_.kind:
        case Kind.INTEGER | Kind.DECIMAL if codec(type_).type == "N":
            return _number_bytes(type_, largest=True)
        case Kind.DECIMAL:
            return type_.size + 2 if type_.size else None
        case Kind.TEXT:
            return type_.size * _CHARACTER_BYTES if type_.size else None
        case Kind.BYTES | Kind.BITS:
            return type_.size or None
        case Kind.ENUM | Kind.SET:
            labels = [len(label.encode()) for label in type_.labels]
            together = sum(labels) + max(len(labels) - 1, 0)
            return (max(labels, default=0) if type_.kind is Kind.ENUM else together) if labels else None
        case Kind.JSON | Kind.OTHER:
            return None
        case Kind.FLOAT:
            return 24
        case kind if kind in _TIMES:
            return _TIMES[kind] + (type_.size + 1 if type_.size else 7) + 6
        case _:
            return max(_FIXED.get(type_.kind, 64), 1) * 2


def _average(type_: Type, found: ColumnStatistics | None) -> float | None:
    match type_.kind:
        case Kind.INTEGER | Kind.DECIMAL if codec(type_).type == "N":
            return float(_number_bytes(type_, largest=False))
        case Kind.FLOAT:
            return 10.0
        case kind if kind in _FIXED:
            return float(_FIXED[kind])
        case kind if kind in _TIMES:
            return float(_TIMES[kind] + (type_.size + 1 if type_.size else 0))
        case Kind.ENUM if type_.labels:
            return sum(len(label.encode()) for label in type_.labels) / len(type_.labels)
        case Kind.BITS if type_.size:
            return float(type_.size)
        case _:
            # Of the variable length a byte or four tell the length.
            return max(found.width - 1, 0.0) if found is not None and found.width is not None else None


def _number_bytes(type_: Type, *, largest: bool) -> int:
    """A byte for every two digits, one besides, and one for a sign."""
    digits = {8: 3, 16: 5, 24: 8, 32: 10}.get(type_.size, 20) if type_.kind is Kind.INTEGER else type_.size
    if not largest:
        digits = (digits + 1) // 2
    return (digits + 1) // 2 + 1 + largest


def _stored(type_: Type) -> float:
    """At the source."""
    if type_.kind is Kind.INTEGER:
        return (type_.size or 64) / 8
    return 16.0 if type_.kind is Kind.UUID else 8.0
