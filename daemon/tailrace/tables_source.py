"""Mode `full-load`: a source that has tables and no log. What is the same for every system."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from tailrace.batch import Batch
from tailrace.connectors import Context
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import RefusedError, StuckError, TableGoneError
from tailrace.logs import logger
from tailrace.position import NO_LOG, Position, suspension, table_key
from tailrace.schema import Column, TableName, TableSchema
from tailrace.sequence import NO_LOG_EPOCH, lsn_mark, mark_lsn
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shapes import Shapes
from tailrace.source import Opened, Retained, SourceTable

#: How many versions of a table there are here.
_ONLY = 1

log = logger()


class TablesSource:
    """The part of `tailrace.source.Source` that a log would be read for; a connector adds the rest.

    All rows carry one fence: of epoch 0, below every event of a log, so that a pipeline which follows the log later
    overwrites them; and of the load's first start in microseconds, above all loads before; what is asked to be loaded
    again is above what was loaded until then.

    Args:
        connector: Debezium's name of it, for events.
    """

    def __init__(self, context: Context, connector: str) -> None:
        self._pipeline = context.pipeline
        self._context = context
        self._shapes = Shapes(context)
        self._debezium_name = connector
        self._emitter: Emitter | None = None
        self._versions: dict[str, EventTable] = {}

    def tables(self) -> list[SourceTable]:
        raise NotImplementedError

    def schemas(self) -> list[TableSchema]:
        raise NotImplementedError

    def open(self, position: Position | None, state: Mapping[str, bytes]) -> Opened:
        """See `Source.open`."""
        if position is None:
            position = Position(NO_LOG_EPOCH, "", NO_LOG, mark=_now())
        self._emitter = Emitter(position.epoch, position.restart, position.delivered, position.mark)
        self._emitter.record = self._shapes.record
        tables = self.tables()
        # By shapes of their own: ids of columns are others here than in versions that were recorded.
        Shapes(self._context).refuse_misfits(self.schemas())
        captured = {table.name for table in tables}
        self._versions = {}
        for schema in self._shapes.recalled(state, captured.__contains__):
            if schema.name in captured:
                self._versions[schema.topic] = self._event_table(schema)
                self._emitter.already_announced(schema)
        return Opened(position, tables, self._emitter)

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        """Nothing ever comes."""
        time.sleep(timeout)
        return None

    def take_up(self, topic: str) -> bool:
        """See `Source.take_up`: there is no place in a log from which a table could be followed again."""
        raise RefusedError(
            "a table that was altered while it was loaded cannot be taken up without a log",
            fix="empty the target's table, run `tailrace teardown`, then `tailrace run`",
        )

    def renew(self, position: Position, state: Mapping[str, bytes]) -> Opened:
        """Not to be asked for: no log can be gone."""
        raise RefusedError("mode full-load reads no log", fix="run `tailrace teardown`, then `tailrace run`")

    def retained(self, position: Position | None) -> Retained | None:
        """There is no log to be kept."""
        return None

    def give_up(self) -> str:
        """See `renew`."""
        raise RefusedError("mode full-load has no slot")

    def acknowledge(self, position: Position) -> None:
        """There is no log to be freed."""

    def position_text(self, position: Position) -> str:
        return "full load"

    def log_end(self) -> str:
        return self.end()

    def lag_bytes(self, mark: str) -> int:
        return 0

    def end(self) -> str:
        assert self._emitter is not None
        return self._emitter.mark

    def teardown(self, position: Position | None, dry_run: bool) -> list[str]:
        """Nothing was created at the server."""
        return []

    # ---- for the connector

    def advance(self) -> None:
        """Rows that are read from now on are newer than all before, also where the clock was set back."""
        assert self._emitter is not None
        self._emitter.idle(NO_LOG, max(_now(), lsn_mark(mark_lsn(self._emitter.mark) + 1)))

    def version(self, name: TableName, topic: str, columns: tuple[Column, ...]) -> EventTable:
        """The version of the table's rows, recorded when it is met first.

        Raises:
            TableGoneError: the table was altered since; it is suspended, for no log says what became of rows that were
                read before.
        """
        known = self._versions.get(topic)
        if known is None:
            schema = TableSchema(_ONLY, name, topic, columns)
            known = self._versions[topic] = self._event_table(schema)
            if self._emitter is not None:
                self._emitter.first_schema(schema)
        elif _plain(known.schema.columns) != _plain(columns):
            reason = (
                "the table was altered while it was loaded, and without a log nobody knows what became of the rows that"
                " were read before; empty the target's table, run `tailrace teardown`, then `tailrace run`"
            )
            if self._emitter is not None:
                self._emitter.record_state(table_key(topic), suspension(reason))
            log.error("table suspended", table=str(name), reason=reason)
            raise TableGoneError(f"table {name} was altered while it was loaded")
        return known

    def _event_table(self, schema: TableSchema) -> EventTable:
        try:
            shape = self._shapes.of(schema)
        except ShapeError as error:
            what = f"its entry in [[tables]] does not fit its columns: {error}"
            raise StuckError(what, where=f"table {schema.name}", fix="correct it, then load anew") from None
        return EventTable(schema, self._debezium_name, self._pipeline, shape)


def _now() -> str:
    return lsn_mark(time.time_ns() // 1_000)


def _plain(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Without what rows older than a column got, which no row read here lacks."""
    return tuple(replace(column, initial=None) for column in columns)
