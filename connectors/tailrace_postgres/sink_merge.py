"""Writes a table's work: set-wise by COPY and a merge, or in one statement where the rows are few."""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import psycopg2
import psycopg2.errors

from tailrace.errors import StuckError
from tailrace.schema import Kind
from tailrace.sink import Row, RowChange, TableWork, TargetTable
from tailrace_postgres.sink_connection import listed, quoted
from tailrace_postgres.sink_rows import RowWriter
from tailrace_postgres.sink_tables import Present

#: Up to so many rows one statement with literals is quicker than COPY and a merge.
FEW_ROWS = 50
_COPY_BYTES = 1 << 20
#: After new rows met rows that are there already they are merged for this long.
_MERGE_SECONDS = 30.0
#: Kinds of which two values that PostgreSQL calls equal are printed alike. Others (1.0 and 1.00, a month and 30 days)
#: are compared as they are printed.
_EQUAL_MEANS_SAME = frozenset(
    {Kind.BOOLEAN, Kind.INTEGER, Kind.TEXT, Kind.BYTES, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.YEAR}
)


class TableWriter:
    """One version of one table.

    Args:
        name: the table's, qualified and quoted.
        stage: name for a temporary table of the session.
        present: what the target's catalog says.
        complete: rows that a keyless change is for must be there.
        replica: foreign keys do not act on what is written.
    """

    def __init__(
        self, cursor: Any, table: TargetTable, name: str, stage: str, present: Present, complete: bool, replica: bool
    ) -> None:
        self._cursor = cursor
        self.table = table
        self._name = name
        self.stage = stage
        self._stage = f"pg_temp.{quoted(stage)}"
        self._complete = complete
        self._where = f"table {table.source}"
        # The target computes its generated columns itself.
        live = [column for column in table.columns if not present.columns[column.name].generated]
        self._columns = [column.name for column in live]
        self._kept = [name for name, column in present.columns.items() if not column.generated]
        self._key = [column.name for column in table.key]
        self._others = [name for name in self._columns if name not in self._key]
        self._rows = RowWriter(table.columns, table.key, self._columns, self._where)
        self._types = {column.name: present.columns[column.name].type for column in live}
        self._native = {column.name for column in live if column.type.kind in _EQUAL_MEANS_SAME}
        self._row_id = "(tableoid, ctid)" if present.partitioned else "ctid"
        self._select_id = "tableoid, ctid" if present.partitioned else "ctid"
        # Rows that exchange values of another unique index cannot be merged one after the other; taking them out
        # first would take the rows with them that refer to them, where foreign keys act.
        self._exchanges = present.unique_indexes > 1 and (replica or not present.referenced)
        # Rows met in the key's order lie together; texts cost more to sort than that spares.
        numbers = table.key and all(column.type.kind is Kind.INTEGER for column in table.key)
        self._order = f" ORDER BY {listed(self._key)}" if numbers else ""
        self._staged = False
        self._stage_used = False
        self._merge_until = 0.0

    def write(self, work: TableWork) -> None:
        if work.truncate:
            self._truncate()
        if work.deletes:
            self._delete(work.deletes)
        # Rows of a load and created rows are not there yet, as a rule. Those go first that may give up unique values.
        new = work.upserts if work.inserts_only else [row for row in work.upserts if row.created]
        if len(new) <= FEW_ROWS or time.monotonic() < self._merge_until:
            new, rows = [], work.upserts
        else:
            rows = [] if work.inserts_only else [row for row in work.upserts if not row.created]
        if rows or work.updates:
            self._put(rows, work.updates)
        if new and not self._load(new):
            self._put(new, [])
        if work.sequential:
            self._in_order(work.sequential)

    def committed(self) -> None:
        """The transaction has ended, and with it the stage's rows."""
        self._stage_used = False

    def forget_stage(self) -> None:
        """The transaction was rolled back: whether the stage was made in it is not known any more."""
        self._staged = False
        self._stage_used = False

    # ---- sets

    def _truncate(self) -> None:
        self._cursor.execute("SAVEPOINT tailrace_truncate")
        try:
            self._cursor.execute(f"TRUNCATE {self._name}")
        except (psycopg2.errors.FeatureNotSupported, psycopg2.errors.InsufficientPrivilege):
            # Another table's foreign key is in the way, or the table is somebody else's.
            self._cursor.execute("ROLLBACK TO SAVEPOINT tailrace_truncate")
            self._cursor.execute(f"DELETE FROM {self._name}")
        self._cursor.execute("RELEASE SAVEPOINT tailrace_truncate")

    def _load(self, rows: list[Row]) -> bool:
        """New rows straight into the table; False where some are there already, and nothing was done.

        COPY writes all of them or none, so that loading twice leaves what loading once leaves (I4).
        """
        self._cursor.execute("SAVEPOINT tailrace_load")
        try:
            self._copy(self._name, rows, self._columns)
        except psycopg2.errors.UniqueViolation:
            self._cursor.execute("ROLLBACK TO SAVEPOINT tailrace_load")
            self._merge_until = time.monotonic() + _MERGE_SECONDS
            return False
        self._cursor.execute("RELEASE SAVEPOINT tailrace_load")
        return True

    def stage_all(self, work: TableWork) -> None:
        """Brings the values to the target's types, by COPY: its errors name the column."""
        images = [
            Row(change.seq, image) for change in work.sequential for image in (change.before, change.after) if image
        ]
        for row in (*work.upserts, *images, *work.updates, *work.deletes):
            self._fill_stage([row], [name for name in self._columns if name in row.values])

    def _put(self, rows: list[Row], updates: Sequence[Row]) -> None:
        if not self._exchanges:
            self._put_into(self._name, rows, updates)
            return
        self._cursor.execute("SAVEPOINT tailrace_put")
        try:
            self._put_into(self._name, rows, updates)
        except psycopg2.errors.UniqueViolation:
            self._cursor.execute("ROLLBACK TO SAVEPOINT tailrace_put")
            self.forget_stage()
            self._put_aside(rows, updates)
        self._cursor.execute("RELEASE SAVEPOINT tailrace_put")

    def _put_into(self, name: str, rows: list[Row], updates: Sequence[Row]) -> None:
        if rows:
            self._merge(name, rows)
        for names, group in _by_columns(updates, self._key).items():
            settable = [name for name in names if name in self._columns]
            if settable:
                self._update(name, group, settable)

    def _put_aside(self, rows: list[Row], updates: Sequence[Row]) -> None:
        """All rows out, changed aside, then all in: values of another unique index are free when their new owners come.

        Columns that only the target has, or that the source has no more, keep their values.
        """
        execute = self._cursor.execute
        aside, had = f"pg_temp.{quoted(self.stage + '_aside')}", quoted("_tailrace_had")
        key, every, own = listed(self._key), listed(self._kept), listed(self._columns)
        execute(
            f"DROP TABLE IF EXISTS {aside}; CREATE TEMPORARY TABLE {aside} ON COMMIT DROP"
            f" AS SELECT {every}, true AS {had} FROM {self._name} WITH NO DATA; ALTER TABLE {aside} ADD UNIQUE ({key})"
        )
        self._fill_stage([*rows, *updates], self._key)
        moved = ", ".join(f"t.{quoted(name)}" for name in self._kept)
        execute(
            f"INSERT INTO {aside} SELECT {moved}, true FROM {self._name} AS t"
            f" JOIN {self._stage} AS s ON {self._same_key()}"
        )
        execute(f"DELETE FROM {self._name} AS t USING {aside} AS s WHERE {self._same_key()}")
        self._put_into(aside, rows, updates)
        for columns, there in ((every, "IS NOT NULL"), (own, "IS NULL")):
            execute(
                f"INSERT INTO {self._name} ({columns}) OVERRIDING SYSTEM VALUE"
                f" SELECT {columns} FROM {aside} WHERE {had} {there}"
            )

    def _merge(self, name: str, rows: list[Row]) -> None:
        sets = ", ".join(f"{quoted(name)} = EXCLUDED.{quoted(name)}" for name in self._others)
        action = f"DO UPDATE SET {sets}" if sets else "DO NOTHING"
        self._insert(name, rows, f" ON CONFLICT ({listed(self._key)}) {action}")

    def _insert(self, name: str, rows: list[Row], on_conflict: str) -> None:
        columns = listed(self._columns)
        # An identity column of the user's own takes the source's value.
        into = f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE"
        if len(rows) <= FEW_ROWS:
            self._cursor.execute(f"{into} VALUES {self._values(rows, self._columns)}{on_conflict}")
        else:
            self._fill_stage(rows, self._columns)
            self._cursor.execute(f"{into} SELECT {columns} FROM {self._stage}{self._order}{on_conflict}")

    def _delete(self, rows: list[Row]) -> None:
        if len(rows) <= FEW_ROWS:
            self._cursor.execute(
                f"DELETE FROM {self._name} WHERE ({listed(self._key)}) IN ({self._values(rows, self._key)})"
            )
            return
        self._fill_stage(rows, self._key)
        self._cursor.execute(f"DELETE FROM {self._name} AS t USING {self._stage} AS s WHERE {self._same_key()}")

    def _update(self, name: str, rows: list[Row], names: Sequence[str]) -> None:
        """Sets some columns of rows that are there."""
        if len(rows) <= FEW_ROWS:
            statements = [
                f"UPDATE {name} SET {self._assignments(row.values, names)} WHERE ({listed(self._key)})"
                f" IN ({self._values([row], self._key)})"
                for row in rows
            ]
            self._cursor.execute("; ".join(statements))
            return
        self._fill_stage(rows, [*self._key, *names])
        sets = ", ".join(f"{quoted(column)} = s.{quoted(column)}" for column in names)
        self._cursor.execute(f"UPDATE {name} AS t SET {sets} FROM {self._stage} AS s WHERE {self._same_key()}")

    def _same_key(self) -> str:
        return " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in self._key)

    def _values(self, rows: Sequence[Row], names: Sequence[str]) -> str:
        return ", ".join(f"({', '.join(self._rows.texts(row.values, names))})" for row in rows)

    def _assignments(self, row: dict[str, Any], names: Sequence[str]) -> str:
        return ", ".join(f"{quoted(name)} = {self._rows.literal(name, row[name])}" for name in names)

    def _fill_stage(self, rows: list[Row], names: Sequence[str]) -> None:
        if not self._staged:
            self._cursor.execute(
                f"DROP TABLE IF EXISTS {self._stage}; CREATE TEMPORARY TABLE {self._stage} ON COMMIT DELETE ROWS"
                f" AS SELECT {listed(self._columns)} FROM {self._name} WITH NO DATA"
            )
            self._staged = True
        elif self._stage_used:
            self._cursor.execute(f"TRUNCATE {self._stage}")
        self._stage_used = True
        self._copy(self._stage, rows, names)

    def _copy(self, into: str, rows: list[Row], names: Sequence[str]) -> None:
        data = self._rows.copy(rows, names)
        # In large pieces: for each of them this thread waits for the interpreter, which reads the next batch meanwhile.
        self._cursor.copy_expert(f"COPY {into} ({listed(names)}) FROM STDIN", io.BytesIO(data), _COPY_BYTES)

    # ---- keyless tables

    def _in_order(self, changes: Sequence[RowChange]) -> None:
        inserts: list[Row] = []
        for change in changes:
            if change.op in ("c", "r"):
                assert change.after is not None
                inserts.append(Row(change.seq, change.after))
                continue
            self._insert_all(inserts)
            self._change_one(change)
        self._insert_all(inserts)

    def _insert_all(self, rows: list[Row]) -> None:
        if len(rows) > FEW_ROWS:
            self._copy(self._name, rows, self._columns)
        elif rows:
            self._insert(self._name, rows, "")
        rows.clear()

    def _change_one(self, change: RowChange) -> None:
        """Exactly one row that is like `before`."""
        before, after = change.before, change.after
        assert before is not None
        alike = " AND ".join(self._alike(name, before[name]) for name in self._columns if name in before) or "true"
        one = f"{self._row_id} = (SELECT {self._select_id} FROM {self._name} WHERE {alike} LIMIT 1)"
        if change.op == "d":
            self._cursor.execute(f"DELETE FROM {self._name} WHERE {one}")
        else:
            assert after is not None
            names = [name for name in self._columns if name in after]
            self._cursor.execute(f"UPDATE {self._name} SET {self._assignments(after, names)} WHERE {one}")
        if self._cursor.rowcount == 1:
            return
        if self._complete:
            raise StuckError(
                "no row of the target is like the one that was updated or deleted at the source",
                where=self._where,
                fix="something else wrote to the target: load the table anew",
            )
        if change.op == "u" and after is not None and after.keys() >= set(self._columns):
            self._insert(self._name, [Row(change.seq, after)], "")

    def _alike(self, name: str, value: Any) -> str:
        column = quoted(name)
        if value is None:
            return f"{column} IS NOT DISTINCT FROM NULL"  # IS NULL is true of a composite of nothing but NULLs too
        text = self._rows.literal(name, value)
        if name in self._native:
            return f"{column} = {text}"
        return f"{column}::text = {text}::{self._types[name]}::text"


def _by_columns(rows: Sequence[Row], key: Sequence[str]) -> dict[tuple[str, ...], list[Row]]:
    """Partial rows grouped by the columns that they have besides the key."""
    groups: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(name for name in row.values if name not in key)].append(row)
    return groups
