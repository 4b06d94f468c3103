"""What a target's table must hold, folded from the schema versions met, and rows renamed to it by column id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from tailrace.apply.change import SCHEMA_CHANGE, Change
from tailrace.apply.changes import SchemaCatalog
from tailrace.errors import StuckError
from tailrace.schema import Column, TableSchema
from tailrace.sink import TargetTable


def target_of(versions: Iterable[TableSchema]) -> TargetTable:
    """The table after all these versions of it, the oldest `since` first."""
    return fold(sorted(versions, key=lambda schema: (schema.since, schema.id)))


def fold(history: Sequence[TableSchema]) -> TargetTable:
    """The table after these versions, in the order in which they held; the last one's columns are the live ones.

    A column that the last version lacks is retained under the name and type it had last. Where a live column has
    taken that name (dropped and added again), the old one is set aside as ``NAME_dropped_ID``.
    """
    newest = history[-1]
    live = {column.id for column in newest.columns}
    # Names are compared as the least particular target does: MySQL and SQLite do not tell a from A in columns.
    taken = {column.name.casefold() for column in newest.columns}
    retained: dict[int, Column] = {}
    for schema in reversed(history[:-1]):
        for column in schema.columns:
            if column.id in live or column.id in retained:
                continue
            name = column.name
            if name.casefold() in taken:
                name = f"{column.name}_dropped_{column.id}"
            taken.add(name.casefold())
            retained[column.id] = replace(column, name=name, nullable=True, key=0)
    return TargetTable(
        source=newest.name,
        topic=newest.topic,
        version=newest.id,
        columns=newest.columns,
        retained=tuple(retained[column_id] for column_id in sorted(retained)),
        renamed=newest.target,
    )


class RowMap:
    """Brings rows of one schema version into the shape of the target's live columns.

    Columns are matched by id. A column that the version does not have yet gets what its ADD COLUMN gave to rows that
    stood there; one that the target no longer has live is left out.
    """

    def __init__(self, schema: TableSchema, target: TargetTable) -> None:
        live = {column.id: column for column in target.columns}
        self._names: dict[str, str] = {
            column.name: live[column.id].name for column in schema.columns if column.id in live
        }
        self._known = {column.name for column in schema.columns}
        present = {column.id for column in schema.columns}
        self._initial = {column.name: column.initial for column in target.columns if column.id not in present}
        self._where = f"table {schema.name}, schema version {schema.id}"
        #: Nothing to rename, add or leave out: rows pass as they are.
        self.identity = not self._initial and all(
            column.id in live and live[column.id].name == column.name for column in schema.columns
        )
        self._width = len(schema.columns)

    def whole(self, values: dict[str, Any]) -> dict[str, Any]:
        """A row with all columns of its version."""
        if len(values) != self._width:
            raise self._unfit(values)
        if self.identity:
            return values
        row = dict(self._initial)
        try:
            for name, value in values.items():
                if (target := self._names.get(name)) is not None:
                    row[target] = value
                elif name not in self._known:
                    raise KeyError(name)
        except KeyError:
            raise self._unfit(values) from None
        return row

    def part(self, values: dict[str, Any], leave_out: Iterable[str] = ()) -> dict[str, Any]:
        """A row of which some columns are missing, or are to be left out."""
        without = frozenset(leave_out)
        if not values.keys() <= self._known:
            raise self._unfit(values)
        names = self._names
        return {names[name]: value for name, value in values.items() if name not in without and name in names}

    def read_whole(self, row: bytes) -> dict[str, Any]:
        """`whole` of a JSON object."""
        return self.whole(orjson.loads(row))

    def read_part(self, row: bytes) -> dict[str, Any]:
        """`part` of a JSON object."""
        return self.part(orjson.loads(row))

    def _unfit(self, values: dict[str, Any]) -> StuckError:
        odd = sorted(values.keys() ^ self._known)
        return StuckError(
            f"an event's columns are not those of its schema version ({', '.join(odd[:5])})",
            where=self._where,
            fix="load the table anew; this should not happen, please report it",
        )


class _Table:
    """One table as this process knows it."""

    def __init__(self, history: list[TableSchema], seq: str) -> None:
        self.history = history
        self.seq = seq
        self.target = replace(fold(history), since=seq)
        self.maps: dict[int, RowMap] = {}

    def row_map(self, schema: TableSchema) -> RowMap:
        found = self.maps.get(schema.id)
        if found is None:
            found = self.maps[schema.id] = RowMap(schema, self.target)
        return found


class Targets:
    """Follows the tables through their versions.

    Args:
        fold: `Sink.fold`.
    """

    def __init__(self, catalog: SchemaCatalog, fold: Callable[[str], str] = str) -> None:
        self._catalog = catalog
        self._fold = fold
        self._tables: dict[str, _Table] = {}
        self._names: dict[str, str] = {}

    def current(self, topic: str) -> TargetTable:
        return self._tables[topic].target

    def row_map(self, change: Change) -> RowMap:
        return self._tables[change.schema.topic].row_map(change.schema)

    def meet(self, change: Change) -> tuple[TargetTable, TargetTable | None] | None:
        """Takes note of a change's version.

        Returns:
            The target and what it was before (None: unknown, look at the catalog of the target), if the target must
            be brought to another version before this change is applied; otherwise None.
        """
        schema = change.schema
        table = self._tables.get(schema.topic)
        if table is None:
            return self._first(schema, change.seq, change.op == SCHEMA_CHANGE and change.load is None)
        if schema.id == table.history[-1].id:
            return None
        if change.seq < table.seq:
            return None  # a version that was left behind already: its rows are mapped by column id
        previous = table.target
        advanced = _Table(self._history(schema, change.seq, table.history), change.seq)
        self._tables[schema.topic] = advanced
        return advanced.target, previous

    def introduce(self, versions: Sequence[TableSchema]) -> TargetTable | None:
        """A table of which no event was met: it is empty, or has not changed since we began.

        None: it was met, or will be. Each version after the first is announced by an event, which may be still to come
        and tells what to rename; where that event has been applied before, the target is there already.
        """
        newest = versions[-1]
        if newest.topic in self._tables or len(versions) > 1:
            return None
        self.claim_name(newest)
        table = self._tables[newest.topic] = _Table(list(versions), newest.since)
        return table.target

    def knows(self, topic: str) -> bool:
        """Whether an event of the table was met, or the table taken as it is."""
        return topic in self._tables

    def adopt(self, versions: Sequence[TableSchema]) -> TargetTable:
        """Takes a table of which no event was met, and whose last version the target has."""
        newest = versions[-1]
        self.claim_name(newest)
        table = self._tables[newest.topic] = _Table(list(versions), newest.since)
        return table.target

    def _first(self, schema: TableSchema, seq: str, is_schema_change: bool) -> tuple[TargetTable, TargetTable | None]:
        self.claim_name(schema)
        history = self._history(schema, seq, [])
        table = self._tables[schema.topic] = _Table(history, seq)
        # Every version after a table's first is announced by an event. Where we meet that event, the target stands at
        # the version before (or at this one, if a crash came between); where we meet rows only, it is there already.
        known = is_schema_change and len(history) > 1
        return table.target, fold(history[:-1]) if known else None

    def _history(self, schema: TableSchema, seq: str, met: list[TableSchema]) -> list[TableSchema]:
        """The versions that have held up to this place in the log, ending with `schema`.

        The catalog also holds versions of the future, which must not count yet; and a table that returns to an
        earlier shape returns to that version's id, so that ids alone do not tell what came before.
        """
        before = {version.id: version for version in met}
        for version in self._catalog.versions(schema.topic):
            held = version.since <= seq if version.since else version.id < schema.id
            if held:
                before.setdefault(version.id, version)
        before.pop(schema.id, None)
        return [*sorted(before.values(), key=lambda version: (version.since, version.id)), schema]

    def claim_name(self, schema: TableSchema) -> None:
        """Two source tables must not meet in one target table."""
        name = schema.target or schema.name.table
        other = self._names.setdefault(self._fold(name), schema.topic)
        if other != schema.topic:
            versions = self._catalog.versions(other)
            raise StuckError(
                f"{schema.name} and {versions[-1].name if versions else other} would both go to the table {name}",
                where=f"table {schema.name}",
                fix="give each a sink of its own, with `tables` and `schema`, or a name of its own with `rename`",
            )
