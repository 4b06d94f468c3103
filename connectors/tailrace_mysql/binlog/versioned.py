"""Rows of MariaDB's system-versioned tables: the log has current rows and history, events are of the current ones.

What is a row of the table is one whose period has not ended: its end is the last moment that a TIMESTAMP can hold. The
server logs an UPDATE as an update of the current row and a new row of history, a DELETE as an update that ends the
period, a REPLACE as such a one and a new row; and DELETE HISTORY as deletes of rows that are history already.
https://mariadb.com/kb/en/system-versioned-tables/
"""

from __future__ import annotations

from collections.abc import Sequence

from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.binding import Binding
from tailrace_mysql.binlog.sparse import UNCERTAIN, Image, SparsePlan, SparseRows, fields_at
from tailrace_mysql.binlog.tables import LackingError, Place
from tailrace_mysql.initials import LAST_MOMENTS

#: The end of a current row, as JSON.
_NEVER = frozenset(f'"{moment}"'.encode() for moment in LAST_MOMENTS)
_NEW_ALONE = frozenset({types.WRITE_ROWS, types.WRITE_ROWS_V1})
_OLD_ALONE = frozenset({types.DELETE_ROWS, types.DELETE_ROWS_V1})


class VersionedRows(SparseRows):
    """Row events whose rows have a period become events of the current rows."""

    def changes(
        self, event: bytes, at: int, binding: Binding, present: Sequence[Sequence[int]], ordinal: int, place: Place
    ) -> None:
        """The rows of one event, which are counted as they stand in it.

        Args:
            present: the columns that each image has.

        Raises:
            LackingError: an image lacks what decides, or a current row lacks values that cannot be had.
        """
        plan, emitter, table, end = self.plan(binding), self._emitter, binding.table, binding.end
        has_old, has_new = event[4] not in _NEW_ALONE, event[4] not in _OLD_ALONE
        whole, complete = len(present[0]) == plan.width, len(present[-1]) == plan.width
        row = 0
        while at < len(event):
            old = new = None
            if has_old:
                old, at = plan.read(event, at, present[0])
            if has_new:
                new, at = plan.read(event, at, present[-1])
            if old is not None and new is not None and not complete:
                # What an update leaves out is as it was.
                new.values = [
                    was if value is None else value for value, was in zip(new.values, old.values, strict=True)
                ]
            row += 1
            ordinal += 1
            was, is_ = _current(old, end), _current(new, end)
            if not was and not is_:
                continue
            if is_ and has_old and not complete:
                raise LackingError(UNCERTAIN)
            fields = fields_at(place, row)
            if new is None or not is_:
                assert old is not None
                key = plan.key_json(old.values)
                emitter.delete(table, ordinal, key, plan.row_json(old.values) if whole else key or b"null", fields)
                continue
            if old is None or not was:
                self._complete(plan, binding, new, place)
                emitter.insert(table, ordinal, plan.key_json(new.values), plan.row_json(new.values), fields)
                continue
            old_key, key = plan.key_json(old.values), plan.key_json(new.values)
            before = plan.row_json(old.values) if whole else b"null" if old_key == key else old_key or b"null"
            emitter.update(table, ordinal, old_key, key, before, plan.row_json(new.values), (), fields)

    def _complete(self, plan: SparsePlan, binding: Binding, image: Image, place: Place) -> None:
        """What a new row's image lacks has its DEFAULT."""
        values = image.values
        absent = [index for index in plan.shown if values[index] is None]
        if absent:
            defaults = self._tables.defaults(binding.table.schema.name, [plan.names[index] for index in absent], place)
            for index, value in zip(absent, defaults, strict=True):
                values[index] = value


def _current(image: Image | None, end: int) -> bool:
    """Whether a row's period has not ended; raises LackingError."""
    if image is None:
        return False
    value = image.values[end]
    if value is None:
        raise LackingError(
            "a row of a system-versioned table was logged without the end of its period (binlog_row_image)"
        )
    return value in _NEVER
