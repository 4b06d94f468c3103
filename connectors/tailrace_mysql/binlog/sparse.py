"""Row images that lack columns, JSON documents that are logged as differences, and rows of tables with a filter or with
calculated columns (`Shape.rowwise`): read column by column.

What an image has is said by the event's bit fields (``binlog_row_image``: MINIMAL and NOBLOB leave out what did not
change, or what the key makes unnecessary) and, of documents, by the image itself (``binlog_row_value_options``):
https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Rows__event.html.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import orjson

from tailrace.emitter import UNCHANGED_JSON, Emitter
from tailrace.render import digits
from tailrace.shaping.moves import carry_update
from tailrace.shaping.predicate import LackingValueError
from tailrace.shaping.shape import Shape
from tailrace_mysql.binlog.binding import Binding
from tailrace_mysql.binlog.events import packed_integer
from tailrace_mysql.binlog.rows import PlanColumn, object_template, refusal
from tailrace_mysql.binlog.skipping import skipper
from tailrace_mysql.binlog.tables import LackingError, Place, Tables
from tailrace_mysql.types.json_diff import patched

_PARTIAL_JSON = 1
#: Why an update of MariaDB's that lacks columns cannot be followed.
UNCERTAIN = (
    "an update was logged without all columns (binlog_row_image), and MariaDB's log does not tell whether those changed"
    " (it leaves out what a REPLACE sets to its DEFAULT)"
)
_JSON_FIX = "set binlog_row_value_options='' or binlog_row_image=FULL for every session, then load the table anew"


class Image:
    """A row's values.

    Attributes:
        values: JSON by column; None where the image lacks it.
        documents: binary JSON by column.
    """

    __slots__ = ("documents", "values")

    def __init__(self, width: int) -> None:
        self.values: list[bytes | None] = [None] * width
        self.documents: dict[int, bytes] = {}


class SparsePlan:
    """Reads the images of one table.

    Attributes:
        key: the key's columns, in its order.
        names: the source's.
        shape: what becomes of the columns; None: they are carried as they are.
        shown: the columns of the events.
        wanted: the columns of which values are needed.
        width: number of columns.
    """

    def __init__(self, columns: Sequence[PlanColumn], shape: Shape | None = None) -> None:
        self.width = len(columns)
        self.shape = shape
        self.names = [column.name for column in columns]
        self.key = [index for _, index in sorted((c.key, i) for i, c in enumerate(columns) if c.key)]
        self._reads = [column.read for column in columns]
        self.wanted = frozenset(range(self.width))
        if shape is not None:
            self.key = list(shape.key)
            self.wanted = wanted = shape.wanted
            self._reads = [
                column.read if index in wanted else skipper(column.read, column.native)
                for index, column in enumerate(columns)
            ]
        self._columns = columns
        self.shown = [index for index, column in enumerate(columns) if not column.hidden]
        self._bits = {index: bit for bit, index in enumerate(i for i, c in enumerate(columns) if c.document)}
        self._row = object_template([self.names[index] for index in self.shown])
        self._key = object_template([self.names[index] for index in self.key])

    def row_json(self, values: Sequence[bytes | None]) -> bytes:
        """What is missing has the placeholder; raises LackingError where something must be calculated of it."""
        if self.shape is not None:
            try:
                return self.shape.row(values)
            except LackingValueError as error:
                raise LackingError(f"an added column needs {error.column}, which a row image lacks") from None
        shown = (values[index] for index in self.shown)
        return self._row % tuple(UNCHANGED_JSON if value is None else value for value in shown)

    def key_json(self, values: Sequence[bytes | None]) -> bytes | None:
        if self.shape is not None:
            return self.shape.key_of(values)
        return self._key % tuple(values[index] for index in self.key) if self.key else None

    def unchanged(self, values: Sequence[bytes | None]) -> tuple[str, ...]:
        """The names of what is missing, as events have them."""
        if self.shape is not None:
            return self.shape.unchanged(values)
        return tuple(self.names[index] for index, value in enumerate(values) if value is None)

    def passes(self, values: Sequence[bytes | None]) -> bool:
        """Whether the table's filter lets a new row leave; raises LackingError where it cannot be told."""
        try:
            return self.shape is None or self.shape.passes(values)
        except LackingValueError as error:
            raise LackingError(f"the table's filter needs {error.column}, which a row image lacks") from None

    def passed(self, values: Sequence[bytes | None]) -> bool | None:
        """The same of an old row; None where it cannot be told."""
        return self.shape is None or self.shape.passed(values)

    def differences(self, event: bytes, at: int) -> tuple[int, int]:
        """What stands before the new image of a PARTIAL_UPDATE_ROWS: which documents are differences, a bit each; the
        place behind it."""
        options, at = packed_integer(event, at)
        if not options:
            return 0, at
        if options != _PARTIAL_JSON:
            raise ValueError(f"a row is logged with unknown options ({options})")
        end = at + (len(self._bits) + 7) // 8
        return int.from_bytes(_cut(event, at, end), "little"), end

    def read(
        self, event: bytes, at: int, present: Sequence[int], differences: int = 0, old: Image | None = None
    ) -> tuple[Image, int]:
        """The image at `at`, and the place behind it.

        Args:
            present: the columns that it has.
            differences, old: which documents are differences to those of the old image.

        Raises:
            LackingError: the old image has not the document.
            LogFormatError, ValueRefusedError: without a place; they name the column.
        """
        image = Image(self.width)
        end = at + (len(present) + 7) // 8
        nulls = int.from_bytes(_cut(event, at, end), "little")
        at = end
        for place, index in enumerate(present):
            if nulls >> place & 1:
                image.values[index] = b"null"
                continue
            column = self._columns[index]
            try:
                start = at
                if differences and index in self._bits and differences >> self._bits[index] & 1:
                    image.values[index], at = self._patched(column, event, at, self._old_document(index, old))
                else:
                    image.values[index], at = self._reads[index](event, at)
                    if column.document:
                        image.documents[index] = event[start + column.document : at]
            except (IndexError, ValueError, TypeError, struct.error) as error:
                raise refusal(column.name, error) from None
        return image, at

    def _old_document(self, index: int, old: Image | None) -> bytes:
        if old is None or old.values[index] is None:
            raise LackingError(
                f"the log has only what changed in a document of column {self.names[index]}, and not the document"
                " before (binlog_row_value_options=PARTIAL_JSON without binlog_row_image=FULL)",
                _JSON_FIX,
            )
        if index not in old.documents:
            raise ValueError("a JSON difference has no document before it")
        return old.documents[index]

    def _patched(self, column: PlanColumn, event: bytes, at: int, document: bytes) -> tuple[bytes, int]:
        start = at + 4
        end = start + int.from_bytes(_cut(event, at, start), "little")
        return orjson.dumps(patched(document, _cut(event, start, end))), end


class SparseRows:
    """Row events of which the images are read here become events.

    Args:
        mariadb: which of the two dialects the server writes.
    """

    def __init__(self, emitter: Emitter, tables: Tables, mariadb: bool) -> None:
        self._mariadb = mariadb
        self._emitter = emitter
        self._tables = tables
        self._binding: Binding | None = None
        self._plan = SparsePlan(())

    def plan(self, binding: Binding) -> SparsePlan:
        """That of the rows in hand."""
        if self._binding is not binding:
            self._binding, self._plan = binding, SparsePlan(binding.columns, binding.shape)
        return self._plan

    def identifies(self, binding: Binding, first: Sequence[int]) -> bool:
        """Whether rows can be told apart by the columns that the first image of each has."""
        plan = self.plan(binding)
        return bool(plan.key) and set(plan.key) <= set(first)

    def inserts(
        self, event: bytes, at: int, binding: Binding, present: Sequence[int], ordinal: int, place: Place
    ) -> None:
        """Rows of which the log has the new image. What it leaves out has its DEFAULT; raises LackingError."""
        plan, emitter, table = self.plan(binding), self._emitter, binding.table
        absent = [index for index in range(plan.width) if index not in present and index in plan.wanted]
        defaults = self._tables.defaults(table.schema.name, [plan.names[index] for index in absent], place)
        row = 0
        while at < len(event):
            image, at = plan.read(event, at, present)
            values = image.values
            for index, value in zip(absent, defaults, strict=True):
                values[index] = value
            row += 1
            if not plan.passes(values):
                continue
            emitter.insert(table, ordinal | row, plan.key_json(values), plan.row_json(values), fields_at(place, row))

    def deletes(
        self, event: bytes, at: int, binding: Binding, present: Sequence[int], ordinal: int, place: Place
    ) -> None:
        """Rows of which the log has the old image: one that lacks columns leaves as its key alone."""
        plan, emitter = self.plan(binding), self._emitter
        whole = len(present) == plan.width
        row = 0
        while at < len(event):
            image, at = plan.read(event, at, present)
            row += 1
            if plan.passed(image.values) is False:
                continue
            key = plan.key_json(image.values)
            before = plan.row_json(image.values) if whole else key or b"null"
            emitter.delete(binding.table, ordinal | row, key, before, fields_at(place, row))

    def updates(
        self,
        event: bytes,
        at: int,
        binding: Binding,
        present: tuple[Sequence[int], Sequence[int]],
        ordinal: int,
        place: Place,
        transaction: str,
        partial: bool,
    ) -> None:
        """Rows of which the log has both images.

        Args:
            present: the columns of the old image, and of the new one.
            transaction: as read views know it.
            partial: documents may be differences.

        Raises:
            LackingError: a value can be had neither from the log nor from the source.
        """
        plan, emitter, table = self.plan(binding), self._emitter, binding.table
        if self._mariadb and len(present[1]) < plan.width:
            # A REPLACE is logged as an update without the columns that it sets back to their DEFAULT, and an update
            # without the virtual columns that it changes.
            raise LackingError(UNCERTAIN)
        whole = len(present[0]) == plan.width
        complete = whole and len(present[1]) == plan.width
        row = 0
        while at < len(event):
            if complete and not binding.rowwise:
                # Most rows of a PARTIAL_UPDATE_ROWS have no differences.
                row_before, old_key, behind = binding.read(event, at)
                differences, behind = plan.differences(event, behind)
                if not differences:
                    row_after, key, at = binding.read(event, behind)
                    row += 1
                    emitter.update(table, ordinal | row, old_key, key, row_before, row_after, (), fields_at(place, row))
                    continue
            old, at = plan.read(event, at, present[0])
            differences, at = plan.differences(event, at) if partial else (0, at)
            new, at = plan.read(event, at, present[1], differences, old)
            before, values = old.values, new.values
            for index, value in enumerate(values):
                if value is None:
                    values[index] = before[index]
            old_key, key = plan.key_json(before), plan.key_json(values)
            was = plan.passed(before)
            row += 1
            now = self._settle(plan, binding, values, old_key != key or was is not True, place, transaction)
            if not now and was is False:
                continue
            row_before = plan.row_json(before) if whole else b"null" if old_key == key else old_key or b"null"
            row_after = plan.row_json(values) if now else b"null"
            unchanged, here = plan.unchanged(values), fields_at(place, row)
            carry_update(emitter, table, ordinal | row, was, now, old_key, key, row_before, row_after, unchanged, here)

    def _settle(
        self,
        plan: SparsePlan,
        binding: Binding,
        values: list[bytes | None],
        whole: bool,
        place: Place,
        transaction: str,
    ) -> bool:
        """Whether the new row passes the table's filter.

        Args:
            whole: targets may have no row under its key: it needs all of its columns.
        """
        if whole:
            self._fill(plan, binding, values, place, transaction)
        try:
            return plan.passes(values)
        except LackingError:
            if not whole:
                raise
            return False  # it is gone at the source: an event follows that removes it

    def _fill(
        self, plan: SparsePlan, binding: Binding, values: list[bytes | None], place: Place, transaction: str
    ) -> None:
        """A row under another key needs all of its columns; only one that is gone has an event to follow."""
        absent = [index for index, value in enumerate(values) if value is None and index in plan.wanted]
        if not absent:
            return
        key = [(plan.names[index], values[index] or b"null") for index in plan.key]
        columns = [plan.names[index] for index in absent]
        found = self._tables.current(binding.table.schema, key, columns, place, transaction)
        if found is not None:
            for index, value in zip(absent, found, strict=True):
                values[index] = value


def columns_of(event: bytes, at: int, count: int) -> list[int]:
    """The columns that a bit field at `at` names."""
    bits = int.from_bytes(_cut(event, at, at + (count + 7) // 8), "little")
    return [index for index in range(count) if bits >> index & 1]


def fields_at(place: Place, row: int) -> bytes:
    """Members of `source` for one row, counted from 1."""
    return b'"pos":' + digits(place.pos) + b',"row":' + digits(row - 1) + b","


def _cut(event: bytes, at: int, end: int) -> bytes:
    if end > len(event):
        raise IndexError
    return event[at:end]
