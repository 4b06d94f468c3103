"""Changes of a table gathered by key, so that a target writes each row once (I3, I4).

Compiled where a compiler is there (`compaction.pxd`).
"""

from __future__ import annotations

from typing import Any

from tailrace.apply.change import TRUNCATE, Change, values
from tailrace.apply.targets import RowMap
from tailrace.errors import StuckError
from tailrace.row import Row
from tailrace.sink import RowChange, TableWork, TargetTable


class TableCompaction:
    """Gathers changes of one version of one table.

    A key is in one of three dicts. What comes later wins; an update that lacks columns is laid over what the batch
    has of the row, or kept as an update of what the target has.
    """

    def __init__(self, table: TargetTable) -> None:
        self.table = table
        self._keyless = table.keyless
        self._upserts: dict[bytes, Row] = {}
        self._updates: dict[bytes, Row] = {}
        self._deletes: dict[bytes, Row] = {}
        self._sequential: list[RowChange] = []
        self._truncate_seq = ""
        self._truncate = False
        self._loaded_only = True

    def add(self, change: Change, rows: RowMap) -> None:
        """Takes one change in; schema changes hold no row and are not for here."""
        op = change.op
        if op == TRUNCATE:
            self._clear(change.seq)
        elif self._keyless:
            self._sequential.append(_row_change(change, rows))
        elif change.key is None:
            raise StuckError(
                "an event has no key, though its table has one",
                where=f"table {self.table.source}, offset {change.offset}",
                fix="load the table anew; this should not happen, please report it",
            )
        elif op == "d":
            self._delete(change, rows)
        elif op in ("c", "r", "u"):
            self._write(change, rows)
        else:
            raise StuckError(
                f"an event has the unknown operation {op!r}",
                where=f"table {self.table.source}, offset {change.offset}",
                fix="a newer tailrace wrote it: upgrade the sink's side too",
            )

    def work(self) -> TableWork:
        """What the target must do."""
        return TableWork(
            self.table,
            upserts=list(self._upserts.values()),
            updates=list(self._updates.values()),
            deletes=list(self._deletes.values()),
            sequential=self._sequential,
            truncate=self._truncate,
            truncate_seq=self._truncate_seq,
            inserts_only=self._loaded_only and bool(self._upserts) and not self._truncate,
        )

    def _clear(self, seq: str) -> None:
        self._upserts.clear()
        self._updates.clear()
        self._deletes.clear()
        self._sequential.clear()
        self._truncate = True
        self._truncate_seq = seq
        self._loaded_only = False

    def _write(self, change: Change, rows: RowMap) -> None:
        key, after = change.key, change.after
        before: Row | None
        assert key is not None
        if after is None:
            raise _no_row(change, "after")
        if change.op != "r":
            self._loaded_only = False
        if not change.unchanged:
            before = self._upserts.get(key)
            if before is None:
                created = change.op == "c" and key not in self._updates and key not in self._deletes
            else:
                created = before.created
            if rows.identity and isinstance(after, bytes):
                row = Row(change.seq, None, after, rows.read_whole, created)
            else:
                row = Row(change.seq, rows.whole(values(after)), None, None, created)
            self._upserts[key] = row
            if self._updates:
                self._updates.pop(key, None)
            if self._deletes:
                self._deletes.pop(key, None)
            return
        some = rows.part(values(after), change.unchanged)
        if (whole := self._upserts.get(key)) is not None:
            self._upserts[key] = Row(change.seq, {**whole.values, **some}, None, None, whole.created)
        elif (part := self._updates.get(key)) is not None:
            self._updates[key] = Row(change.seq, {**part.values, **some})
        elif key not in self._deletes:  # else: an update of a row that is not there changes nothing
            self._updates[key] = Row(change.seq, some)

    def _delete(self, change: Change, rows: RowMap) -> None:
        key = change.key
        assert key is not None
        self._loaded_only = False
        self._upserts.pop(key, None)
        self._updates.pop(key, None)
        if rows.identity:
            self._deletes[key] = Row(change.seq, None, key, rows.read_part)
        else:
            self._deletes[key] = Row(change.seq, rows.read_part(key))


def _row_change(change: Change, rows: RowMap) -> RowChange:
    before = rows.part(values(change.before)) if change.before is not None else None
    after: dict[str, Any] | None = None
    if change.op != "d":
        if change.after is None:
            raise _no_row(change, "after")
        if change.unchanged:
            # What the log left out did not change: where the old row has it, the new one has the same.
            after = {**(before or {}), **rows.part(values(change.after), change.unchanged)}
        else:
            after = rows.whole(values(change.after))
    if change.op in ("u", "d") and before is None:
        raise _no_row(change, "before")
    return RowChange(change.seq, change.op, before, after)


def _no_row(change: Change, side: str) -> StuckError:
    return StuckError(
        f"an event of operation {change.op!r} has no {side!r}",
        where=f"table {change.schema.name}, partition {change.partition.number}, offset {change.offset}",
        fix="load the table anew; a PostgreSQL table without a key needs REPLICA IDENTITY FULL",
    )
