"""The schema versions of the captured tables: which are known, and what a new one is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tailrace.connectors import Context
from tailrace.emitter import Emitter, EventTable
from tailrace.schema import Column, TableName, TableSchema
from tailrace.shaping.shapes import Shapes

CONNECTOR = "postgresql"  # Debezium's name


class Versions:
    """Numbers a table's versions. Each holds from a place in the log on, so that a re-read of an earlier place finds
    the version of that place again; columns that come back after others are a new version, not the old one.

    Args:
        state: the stream's state entries, with the versions of earlier runs.
        emitter: records new versions; None where nothing is recorded (`verify`).
        captured: whether a table's changes are followed in this run.
    """

    def __init__(
        self,
        context: Context,
        state: Mapping[str, bytes],
        emitter: Emitter | None,
        captured: Callable[[TableName], bool] = lambda _: True,
    ) -> None:
        self._pipeline = context.pipeline
        self._emitter = emitter
        self._shapes = Shapes(context)
        if emitter is not None:
            emitter.record = self._shapes.record
        self._known: dict[str, list[TableSchema]] = {}
        self._tables: dict[tuple[str, int], EventTable] = {}
        for schema in self._shapes.recalled(state, captured):
            self._known.setdefault(schema.topic, []).append(schema)
        for known in self._known.values():
            known.sort(key=_order)

    def at(self, topic: str, place: str) -> TableSchema | None:
        """The version that holds at a place in the log (`transaction_prefix`)."""
        past = [schema for schema in self.known(topic) if schema.since <= place]
        return past[-1] if past else None

    def known(self, topic: str) -> list[TableSchema]:
        return self._known.get(topic, [])

    def get(self, topic: str, schema_id: int) -> TableSchema | None:
        return next((schema for schema in self.known(topic) if schema.id == schema_id), None)

    def find(self, topic: str, columns: Iterable[Column], place: str, ahead: bool = False) -> TableSchema | None:
        """The known version with these columns that holds at this place or begins there.

        What rows older than a column got is no part of the comparison: the catalog forgets it when the table is written
        anew.

        Args:
            ahead: the columns are the catalog's, which the log may not have reached: later versions count too.
        """
        wanted = _comparable(columns)
        holding = self.at(topic, place)
        for schema in reversed(self.known(topic)):
            begins = schema.since >= place if ahead else schema.since == place
            if (begins or schema is holding) and _comparable(schema.columns) == wanted:
                return schema
        return None

    def add(self, name: TableName, topic: str, columns: tuple[Column, ...], since: str = "") -> TableSchema:
        """A version that `find` does not know. A table's first one is recorded with the next batch, a later one with
        the event that announces it: a record without its event would be taken for announced after a crash."""
        known = self._known.setdefault(topic, [])
        schema = TableSchema(max((other.id for other in known), default=0) + 1, name, topic, columns, since)
        known.append(schema)
        known.sort(key=_order)
        if self._emitter is not None and len(known) == 1:
            self._emitter.first_schema(schema)
        return schema

    def event_table(self, schema: TableSchema) -> EventTable:
        """Raises ShapeError where the table's rules do not fit its columns any more."""
        found = self._tables.get((schema.topic, schema.id))
        if found is None:
            found = self._tables[schema.topic, schema.id] = EventTable(
                schema, CONNECTOR, self._pipeline, self._shapes.of(schema)
            )
        return found


def _order(schema: TableSchema) -> tuple[str, int]:
    return schema.since, schema.id


def _comparable(columns: Iterable[Column]) -> tuple[Column, ...]:
    return tuple(replace(column, initial=None) for column in columns)
