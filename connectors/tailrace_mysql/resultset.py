"""The answer to a SELECT in the text protocol: how its packets become JSON rows.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html: the number of
columns, a description of each, an end, the rows, an end; an error may stand in the place of any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tailrace.compiled import compiled_class
from tailrace.errors import LogFormatError, TailraceError
from tailrace.render import object_heads
from tailrace.shaping.shape import Shape
from tailrace_mysql.binlog.rows import object_template, refusal
from tailrace_mysql.types import Converter, Native

#: A row's key (None without one) and its JSON object.
JsonRow = tuple[bytes | None, bytes]

#: First bytes: of a value or a packet, NULL; of a packet, an end, or of a value, a length of eight bytes; an error.
_NULL, _END, _ERROR = 0xFB, 0xFE, 0xFF
_LENGTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}
#: Of a packet that goes on in the next one.
_CONTINUED = 0xFFFFFF
#: An end is shorter, where no capability says otherwise.
_END_BYTES = 9


@dataclass(frozen=True, slots=True)
class SelectedColumn:
    """A column of an answer: its name, how its values become JSON, the compiled form of that, and its place in the
    primary key (1-based, else 0).

    Attributes:
        shown: its name in the row's object; "" where that is `name`.
    """

    name: str
    convert: Converter
    key: int = 0
    native: Native | None = None
    shown: str = ""


class TextPlan:
    """How rows that a SELECT returns, a text per column, become JSON.

    Args:
        shape: makes the row and its key of the columns' values, one by one; None: all of them are carried.
        constants: members behind the columns', without a shape (`Shape.constants`).

    Attributes:
        columns: these.
        key: indexes of the key's columns, in key order.
    """

    __slots__ = (
        "_constants",
        "_key_shown",
        "_key_template",
        "_names",
        "_row_template",
        "_shape",
        "_shown",
        "columns",
        "key",
    )

    def __init__(self, columns: Sequence[SelectedColumn], shape: Shape | None = None, constants: bytes = b"") -> None:
        self.columns = tuple(columns)
        self._shape = shape
        self._constants = constants
        self._names = tuple(column.name for column in columns)
        self._shown = tuple(column.shown or column.name for column in columns)
        self._row_template = object_template(self._shown, constants)
        self.key = tuple(index for _, index in sorted((c.key, index) for index, c in enumerate(columns) if c.key))
        self._key_shown = [self._shown[index] for index in self.key]
        self._key_template = object_template(self._key_shown)

    def read(self, row: Sequence[bytes | None]) -> JsonRow | None:
        """One row; None where the table's filter leaves it out.

        Raises:
            LogFormatError, ValueRefusedError: without a place; they name the column.
        """
        values: list[bytes] = []
        try:
            for column, value in zip(self.columns, row, strict=True):
                values.append(b"null" if value is None else column.convert(value))
        except (IndexError, ValueError, TypeError) as error:
            raise self.failed(len(values), error) from None
        shape = self._shape
        if shape is not None:
            return (shape.key_of(values), shape.row(values)) if shape.passes(values) else None
        key = self._key_template % tuple([values[index] for index in self.key]) if self.key else None
        return key, self._row_template % tuple(values)

    def failed(self, index: int, error: Exception) -> TailraceError:
        return refusal(self._names[index], error)

    def rows(self, sequence: int = 1, deprecate_eof: bool = False, overhead: int = 0) -> Rows:
        """Reads one answer, by compiled code where that is there and no row must be looked at.

        Args:
            sequence: number of the answer's first packet.
            deprecate_eof: CLIENT_DEPRECATE_EOF was agreed on: the columns have no end, and that of the rows is longer.
            overhead: what each row adds to `Rows.size` beside its bytes.
        """
        made = compiled_class("tailrace_mysql.textrows", "TextRows")
        if made is None or self._shape is not None:
            return TextRows(self, sequence, deprecate_eof, overhead)
        columns = [(column.convert, column.native) for column in self.columns]
        heads = object_heads(self._shown), object_heads(self._key_shown)
        tail = self._constants + b"}"
        rows: Rows = made(columns, *heads, self.key, self.failed, sequence, deprecate_eof, overhead, tail)
        return rows


class Rows(Protocol):
    """Reads the bytes of one answer.

    Attributes:
        ended: all rows have been read.
        error: the ERR packet that stands in place of the rest; None while there was none.
        seen: how many rows have come, with those that a filter leaves out.
        size: bytes of the rows and keys that were made, and the overhead of each row.
        last: the values of the last row's key, as they came; None before a row.
    """

    @property
    def ended(self) -> bool: ...

    @property
    def error(self) -> bytes | None: ...

    @property
    def seen(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def last(self) -> list[bytes] | None: ...

    def feed(self, buffer: bytes | bytearray, at: int, end: int, rows: list[JsonRow], limit: int) -> int:
        """Takes ``buffer[at:end]``, which the caller may overwrite afterwards, and adds its rows to `rows`.

        Args:
            limit: no more rows once `size` has come to it; an end behind the last row is still seen.

        Returns:
            The place behind what was taken. Where that is not `end`, the rest is to be fed again.

        Raises:
            LogFormatError: what came is no such answer; ValueRefusedError: a value cannot be carried; both without a
                place.
        """
        ...


def malformed(what: str) -> LogFormatError:
    return LogFormatError(
        f"the server's answer to a SELECT cannot be read: {what}", fix="see whether a proxy stands between; report this"
    )


class TextRows:
    """The interpreted form of `textrows.TextRows`. See `Rows`."""

    def __init__(self, plan: TextPlan, sequence: int = 1, deprecate_eof: bool = False, overhead: int = 0) -> None:
        self.ended = False
        self.error: bytes | None = None
        self.seen = 0
        self.size = 0
        self.last: list[bytes] | None = None
        self._plan = plan
        self._overhead = overhead
        self._width = len(plan.columns)
        self._sequence = sequence & 0xFF
        self._deprecate_eof = deprecate_eof
        self._end_below = _CONTINUED if deprecate_eof else _END_BYTES
        self._next: Any = self._count
        self._columns = 0  # still to be described
        self._partial = bytearray()  # of a packet that has not come whole
        self._wanted = 4  # so many bytes of it make more of it known
        self._joined = bytearray()  # the pieces so far of a packet of more than 16 MiB

    def feed(self, buffer: bytes | bytearray, at: int, end: int, rows: list[JsonRow], limit: int) -> int:
        """See `Rows`."""
        if not 0 <= at <= end <= len(buffer):
            raise IndexError
        data = bytes(memoryview(buffer)[at:end])
        before = len(self._partial)
        if before:
            self._partial += data
            if len(self._partial) < self._wanted:
                return end
            data = bytes(self._partial)
        taken, complete = self._take(data, rows, limit)
        if complete and taken >= before:
            self._partial.clear()
            return at + taken - before
        self._partial[:] = data[taken:]
        return end

    def _take(self, data: bytes, rows: list[JsonRow], limit: int) -> tuple[int, bool]:
        """The place of the first byte that was not taken, and whether a whole packet, or nothing, stands there."""
        at, size = 0, len(data)
        self._wanted = 4
        while not self._over:
            if size - at < 4:
                return at, size == at
            length = int.from_bytes(data[at : at + 3], "little")
            start = at + 4
            if size - start < length:
                self._wanted = 4 + length
                return at, False
            first = data[start] if length else None
            is_end = first == _END and length < self._end_below
            if self.size >= limit and self._next == self._row and not self._joined and not is_end:
                return at, True
            if data[at + 3] != self._sequence and not (data[at + 3] == 0 and first == _ERROR):
                raise malformed("a packet is not the next one")
            self._sequence = (data[at + 3] + 1) & 0xFF
            at = start + length
            payload = data[start:at]
            if length == _CONTINUED or self._joined:
                self._joined += payload
                if length == _CONTINUED:
                    continue
                payload = bytes(self._joined)
                self._joined.clear()
            self._packet(payload, rows)
        if at < size:
            raise malformed("there is more behind its end")
        return at, True

    @property
    def _over(self) -> bool:
        return self.ended or self.error is not None

    def _packet(self, payload: bytes, rows: list[JsonRow]) -> None:
        if not payload:
            raise malformed("a packet is empty")
        if payload[0] == _ERROR:
            self.error = payload
        else:
            self._next(payload, rows)

    def _count(self, payload: bytes, rows: list[JsonRow]) -> None:
        if payload[0] in (0, _NULL):
            raise malformed("it has no rows")
        length = _LENGTHS.get(payload[0], 0)
        number = int.from_bytes(payload[1:], "little") if length else payload[0]
        if len(payload) != 1 + length or number != self._width:
            raise malformed("it has other columns")
        self._columns = number
        self._next = self._column

    def _column(self, payload: bytes, rows: list[JsonRow]) -> None:
        if not payload.startswith(b"\x03def"):
            raise malformed("a column is not described")
        self._columns -= 1
        if not self._columns:
            self._next = self._row if self._deprecate_eof else self._columns_end

    def _columns_end(self, payload: bytes, rows: list[JsonRow]) -> None:
        if payload[0] != _END or len(payload) >= _END_BYTES:
            raise malformed("the columns have no end")
        self._next = self._row

    def _row(self, payload: bytes, rows: list[JsonRow]) -> None:
        if payload[0] == _END and len(payload) < self._end_below:
            self.ended = True
            return
        values = self._values(payload)
        last: list[bytes] = []
        for index in self._plan.key:
            value = values[index]
            if value is None:
                raise malformed("a key has no value")
            last.append(value)
        made = self._plan.read(values)
        self.seen += 1
        self.last = last
        if made is not None:
            key, row = made
            self.size += len(row) + len(key or b"") + self._overhead
            rows.append(made)

    def _values(self, payload: bytes) -> list[bytes | None]:
        values: list[bytes | None] = []
        at, size = 0, len(payload)
        for _ in range(self._width):
            if at == size:
                raise malformed("a row lacks values")
            length = payload[at]
            at += 1
            if length == _NULL:
                values.append(None)
                continue
            if length > _NULL:
                start = at
                at += _LENGTHS.get(length, size)
                if at > size:
                    raise malformed("a value is cut short")
                length = int.from_bytes(payload[start:at], "little")
            start = at
            at += length
            if at > size:
                raise malformed("a value is cut short")
            values.append(payload[start:at])
        if at != size:
            raise malformed("a row has more values than columns")
        return values
