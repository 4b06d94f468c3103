"""How the values of one version of a relation become JSON; made once per version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import orjson

from tailrace.compiled import compiled_class
from tailrace.emitter import UNCHANGED_JSON, EventTable
from tailrace.errors import LogFormatError, ValueRefusedError
from tailrace.render import object_heads
from tailrace_postgres.types import converter, lenient, native


class Reader(Protocol):
    """Reads ordinary rows in one pass (`tuples.pyx`).

    Attributes:
        row, key: the objects of the row that was read last; no key of a keyless table.
    """

    row: bytes
    key: bytes | None

    def read(self, buffer: bytes, position: int) -> int:
        """TupleData at `position`; where it ends, or -1 where something about the row is out of the ordinary."""
        ...

    def read_lines(self, lines: list[bytes], at: int, rows: list[tuple[bytes | None, bytes]]) -> int:
        """Lines of COPY from index `at` on: adds (key, row object) of each to `rows`, as far as they are ordinary.

        Returns:
            The index of the first one that is not, or how many there are.
        """
        ...


class RowPlan:
    """A relation's columns in the log's order, and which of them are the key.

    A row is handled as a list of fragments, one per column: ``"name":value``.

    Attributes:
        table: what the events say.
        topic, version: of the table's schema.
        columns: number of columns.
        key: indexes of the event key's columns, in key order; empty for a keyless table.
        identity: the same of the source's own key.
        whole_old: the log carries the whole old row (REPLICA IDENTITY FULL).
        heads: ``"name":`` per column.
        nulls: the fragment of NULL per column.
        unknowns: the fragment of an unchanged value that the log left out.
        suspended: the table's changes are not captured any more.
        shape: what becomes of the columns; None: they are carried as they are.
        reader: reads ordinary rows; None where nothing is compiled, or every row must be looked at.
    """

    def __init__(self, table: EventTable, whole_old: bool) -> None:
        schema = table.schema
        self.table = table
        self.topic = table.topic
        self.version = schema.id
        self.whole_old = whole_old
        self.suspended = False
        self.columns = len(schema.columns)
        self.names = tuple(column.name for column in schema.columns)
        self.heads = [orjson.dumps(name) + b":" for name in self.names]
        self.nulls = [head + b"null" for head in self.heads]
        self.unknowns = [head + UNCHANGED_JSON for head in self.heads]
        self.converters = [converter(column.type) for column in schema.columns]
        place = {column.id: index for index, column in enumerate(schema.columns)}
        self.key = self.identity = tuple(place[column.id] for column in schema.key)
        self.shape = table.shape
        self.reader: Reader | None = None
        self.lenient = False
        self._compile()

    def _compile(self) -> None:
        reader = compiled_class("tailrace_postgres.tuples", "Tuples")
        if reader is None:
            return
        natives = [native(column.type, self.lenient) for column in self.table.schema.columns]
        key_heads = object_heads(self.names[index] for index in self.key)
        self.reader = reader(natives, self.converters, object_heads(self.names), key_heads, self.key)

    def accept_all_labels(self) -> None:
        """The log is behind the catalog: it may have labels of enums that were renamed since."""
        self.lenient = True
        self.converters = [lenient(column.type) for column in self.table.schema.columns]
        self._compile()

    def unchanged(self, unknown: Sequence[int]) -> tuple[str, ...]:
        """The names of columns whose values the log left out, as events have them."""
        return tuple([self.names[index] for index in unknown])

    def relevant(self, unknown: list[int]) -> list[int]:
        """Of columns whose values the log left out, those that are needed."""
        return unknown

    def passes(self, fragments: Sequence[bytes]) -> bool:
        """Whether the table's filter lets a new row leave; raises LackingValueError where it needs what is left out."""
        return True

    def passed(self, old: Sequence[bytes] | None, now: bool) -> bool | None:
        """Whether it let an old row leave; None where the log does not tell.

        Args:
            old: None where the log has none: then its key is the new row's.
            now: of the new row.
        """
        return True

    def row_json(self, fragments: Sequence[bytes]) -> bytes:
        return b"{" + b",".join(fragments) + b"}"

    def key_json(self, fragments: Sequence[bytes]) -> bytes | None:
        key = self.key
        if not key:
            return None
        if len(key) == 1:
            return b"{" + fragments[key[0]] + b"}"
        return b"{" + b",".join([fragments[index] for index in key]) + b"}"

    def fragment(self, index: int, text: bytes | None) -> bytes:
        """One column's value from its text; None is NULL.

        Raises:
            ValueRefusedError, LogFormatError: see `refusal`.
        """
        if text is None:
            return self.nulls[index]
        try:
            return self.heads[index] + self.converters[index](text)
        except ValueError as error:
            raise self.refusal(index, error, "") from None

    def refusal(self, index: int, error: ValueError, where: str) -> ValueRefusedError | LogFormatError:
        """What a converter's ValueError means; names table and column, never the value."""
        column = self.table.schema.columns[index]
        name = f"{self.table.schema.name}.{column.name}"
        if isinstance(error, UnicodeDecodeError):
            return ValueRefusedError(
                f"a value of {name} is no valid UTF-8",
                where=where,
                fix="mend the row, or exclude the table (a database with encoding SQL_ASCII checks no text)",
            )
        return LogFormatError(
            f"a value of {name} does not look like {column.type.name}", where=where, fix="report this as a bug"
        )
