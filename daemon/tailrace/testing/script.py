"""A source that is a script: rows as dictionaries in, events of a real `Emitter` in the stream out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from tailrace.emitter import UNCHANGED_PLACEHOLDER, Emitter, EventTable
from tailrace.position import schema_key
from tailrace.schema import Column, TableName, TableSchema
from tailrace.sequence import lsn_mark
from tailrace.stream import StreamWriter

Values = dict[str, Any]


class ScriptTable:
    """A table of the script, at its present version.

    Args:
        columns: of the first version.
        connector: "postgresql" or "mysql": decides how the table is named.
    """

    def __init__(self, script: Script, name: str, columns: Iterable[Column], connector: str) -> None:
        self._script = script
        self._connector = connector
        postgres = connector == "postgresql"
        schema, _, table = name.partition(".")
        self.name = TableName("app" if postgres else schema, schema if postgres else None, table)
        self.versions = [self._version(1, columns)]

    @property
    def schema(self) -> TableSchema:
        return self.versions[-1]

    @property
    def event_table(self) -> EventTable:
        return EventTable(self.schema, self._connector, self._script.pipeline)

    def insert(self, values: Values) -> None:
        with self._script.transaction() as emitter:
            emitter.insert(self.event_table, self._script.ordinal(), self.key(values), orjson.dumps(values))

    def update(self, before: Values, after: Values, unchanged: tuple[str, ...] = ()) -> None:
        """`after` may leave `unchanged` columns out; the event then carries the placeholder, as the wire does."""
        whole = {**after, **dict.fromkeys(unchanged, UNCHANGED_PLACEHOLDER)}
        with self._script.transaction() as emitter:
            emitter.update(
                self.event_table,
                self._script.ordinal(),
                self.key(before),
                self.key(after),
                orjson.dumps(before),
                orjson.dumps(whole),
                unchanged,
            )

    def delete(self, values: Values) -> None:
        with self._script.transaction() as emitter:
            emitter.delete(self.event_table, self._script.ordinal(), self.key(values), orjson.dumps(values))

    def truncate(self) -> None:
        with self._script.transaction() as emitter:
            emitter.truncate(self.event_table, self._script.ordinal())

    def load(self, rows: Iterable[Values]) -> None:
        """Rows of a full load; outside any transaction."""
        pairs = [(self.key(row), orjson.dumps(row)) for row in rows]
        self._script.emitter.snapshot_rows(self.event_table, pairs, self._script.mark, b"")
        self._script.publish()

    def alter(self, columns: Iterable[Column]) -> None:
        """The table gets its next version, announced by an event."""
        with self._script.transaction() as emitter:
            self.versions.append(self._version(len(self.versions) + 1, columns))
            emitter.schema_change(self.event_table, self._script.ordinal())

    def key(self, values: Values) -> bytes | None:
        if self.schema.keyless:
            return None
        return orjson.dumps({column.name: values[column.name] for column in self.schema.key})

    def _version(self, number: int, columns: Iterable[Column]) -> TableSchema:
        topic = f"{self._script.pipeline}.{self.name}"
        since = "" if number == 1 else f"0001-{self._script.mark}-"
        return TableSchema(number, self.name, topic, tuple(columns), since)


class Script:
    """Writes transactions into a stream.

    with script.transaction():
        users.insert({"id": 1})
        users.delete({"id": 2})
    users.insert({"id": 3})  # a transaction of its own
    """

    def __init__(self, stream: StreamWriter, pipeline: str = "shop") -> None:
        self.pipeline = pipeline
        self.emitter = Emitter(1, "0")
        self._stream = stream
        self._lsn = 0
        self._ordinal = 0
        self._open = False

    @property
    def mark(self) -> str:
        """Of the transaction that is open, or of the next one."""
        return lsn_mark(self._lsn + (0 if self._open else 1))

    def table(self, name: str, columns: Iterable[Column], connector: str = "postgresql") -> ScriptTable:
        """A table, `schema.table`, whose first schema record is published at once."""
        table = ScriptTable(self, name, columns, connector)
        schema = table.schema
        self._stream.prepare([schema.topic])
        self._stream.publish([], {schema_key(schema.topic, schema.id): schema.to_json()})
        return table

    def ordinal(self) -> int:
        self._ordinal += 1
        return self._ordinal

    @contextmanager
    def transaction(self) -> Iterator[Emitter]:
        """Changes within are one transaction, published at its end; nested ones join it."""
        if self._open:
            yield self.emitter
            return
        self._lsn += 1
        self._ordinal = 0
        self.emitter.begin(lsn_mark(self._lsn), time.time_ns() // 1_000_000, b"")
        self._open = True
        try:
            yield self.emitter
        finally:
            self._open = False
        self.emitter.commit(str(self._lsn), lsn_mark(self._lsn + 1))
        self.publish()

    def publish(self) -> None:
        """Sends what the emitter has; inside a transaction all but its last event."""
        batch = self.emitter.take()
        self._stream.publish(batch.runs, batch.state)
