"""The row plan: how one version of a table's row images become JSON, compiled once per table map."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tailrace.compiled import compiled_class
from tailrace.errors import LogFormatError, TailraceError, ValueRefusedError
from tailrace.render import object_heads
from tailrace.shaping.masks import Alter
from tailrace.shaping.shape import Shape
from tailrace_mysql.binlog.skipping import skipper
from tailrace_mysql.types import Native, Reader


@dataclass(frozen=True, slots=True)
class PlanColumn:
    """A column of a row image: its name, its reader and that reader's compiled form, and its place in the primary key
    (1-based, else 0).

    Attributes:
        document: of binary JSON: bytes of the length before it, else 0.
        hidden: it is no part of events (`versioned` reads such rows).
    """

    name: str
    read: Reader
    key: int = 0
    native: Native | None = None
    document: int = 0
    hidden: bool = False


def object_template(names: Sequence[str], constants: bytes = b"") -> bytes:
    """A JSON object with a place for each member's value; `constants` (`Shape.constants`) stand behind them."""
    members = [orjson.dumps(name).replace(b"%", b"%%") + b":%b" for name in names]
    return b"{" + b",".join(members) + constants.replace(b"%", b"%%") + b"}"


def shaped_template(shape: Shape) -> bytes:
    """As `object_template`, with a place for each of the source's columns; what is dropped leaves nothing there."""
    parts: list[bytes] = []
    begun = False
    for carried in shape.columns:
        if carried.name:
            parts.append((b"," if begun else b"") + orjson.dumps(carried.name).replace(b"%", b"%%") + b":%b")
            begun = True
        else:
            parts.append(b"%.0b")
    return b"{" + b"".join(parts) + shape.constants.replace(b"%", b"%%") + b"}"


def altering(read: Reader, alter: Alter) -> Reader:
    """A reader whose values are masked, or of another type."""

    def altered(event: bytes, at: int) -> tuple[bytes, int]:
        value, at = read(event, at)
        return alter(value), at

    return altered


#: One row image at a place of an event: its JSON object, its key's (None for a table without one), the place behind it.
ReadRow = Callable[[bytes, int], tuple[bytes, bytes | None, int]]


class RowPlan:
    """Reads row images of one table.

    Attributes:
        width: number of columns.
        columns: these.
        shape: what becomes of them; None: they are carried as they are.
        image: the compiled reader; None without one, and where rows are looked at one by one (`Shape.rowwise`).
        read: reads one image; raises LogFormatError and ValueRefusedError without a place; they name the column.
    """

    __slots__ = (
        "_key_indices",
        "_key_template",
        "_names",
        "_null_bytes",
        "_readers",
        "_row_template",
        "columns",
        "image",
        "read",
        "shape",
        "width",
    )

    def __init__(self, columns: Sequence[PlanColumn], compiled: bool = True, shape: Shape | None = None) -> None:
        self.width = len(columns)
        self.columns = tuple(columns)
        self.shape = shape
        self._names = tuple(column.name for column in columns)
        self._null_bytes = (self.width + 7) // 8
        readers = [(column.read, column.native) for column in columns]
        self._key_indices: tuple[int, ...]
        if shape is None:
            heads = object_heads(self._names)
            self._row_template = object_template(self._names)
            keys = sorted((column.key, index) for index, column in enumerate(columns) if column.key)
            self._key_indices = tuple(index for _, index in keys)
            key_names = [columns[index].name for index in self._key_indices]
            dropped, tail = frozenset[int](), b"}"
        else:
            named = iter(object_heads(shape.names))
            heads = [next(named) if carried.name else b"" for carried in shape.columns]
            self._row_template = shaped_template(shape)
            self._key_indices = shape.key
            key_names = [shape.columns[index].name for index in shape.key]
            dropped = frozenset(index for index, carried in enumerate(shape.columns) if not carried.name)
            tail = shape.constants + b"}"
            readers = [
                (read, native) if carried.alter is None else (altering(read, carried.alter), None)
                for (read, native), carried in zip(readers, shape.columns, strict=True)
            ]
        self._readers = tuple(
            skipper(read, native) if index in dropped else read for index, (read, native) in enumerate(readers)
        )
        self._key_template = object_template(key_names)
        plain = compiled and columns and (shape is None or not shape.rowwise)
        made = compiled_class("tailrace_mysql.binlog.image", "Image") if plain else None
        self.image: Any = None
        self.read: ReadRow = self._read
        if made is not None:
            key_heads = object_heads(key_names)
            self.image = made(readers, heads, key_heads, self._key_indices, self._failed, dropped, tail)
            self.read = self.image.read

    def _read(self, event: bytes, at: int) -> tuple[bytes, bytes | None, int]:
        width = self._null_bytes
        nulls = int.from_bytes(event[at : at + width], "little")
        at += width
        values: list[bytes] = []
        append = values.append
        try:
            if nulls:
                for read in self._readers:
                    if nulls & 1:
                        append(b"null")
                    else:
                        value, at = read(event, at)
                        append(value)
                    nulls >>= 1
            else:
                for read in self._readers:
                    value, at = read(event, at)
                    append(value)
        except (IndexError, ValueError, TypeError, struct.error) as error:
            raise self._failed(len(values), error) from None
        keys = self._key_indices
        key = self._key_template % tuple([values[index] for index in keys]) if keys else None
        return self._row_template % tuple(values), key, at

    def _failed(self, index: int, error: Exception) -> TailraceError:
        return refusal(self._names[index], error)


def refusal(column: str, error: Exception) -> TailraceError:
    """The error for a column's value that could not be read; never with the value in it."""
    if isinstance(error, UnicodeDecodeError):
        return ValueRefusedError(
            f"a value of column {column} is no valid text in the column's character set",
            fix="correct the value at the source, or exclude the table",
        )
    reason = str(error) if type(error) is ValueError else "the row image ends too early or holds an unknown value"
    return LogFormatError(f"column {column} cannot be read: {reason}", fix="exclude the table, and report this")
