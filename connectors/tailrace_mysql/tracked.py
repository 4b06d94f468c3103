"""The captured tables along the log: which columns a row event has, at its own place in the log.

A table's version holds from the statement that made it on, and comes from that statement, applied to the version
before. Each table map of the log must fit the version in hand. Where it does not, or a statement was not understood,
the server's catalogue helps only if nothing can have changed the table between that place and the log's end; otherwise
the table is suspended, and the others go on. Versions and suspensions are kept in the stream's state store.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import orjson

from tailrace.connectors import Context
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import RefusedError
from tailrace.logs import logger
from tailrace.position import TABLE_PREFIX, streaming, suspension, table_key
from tailrace.schema import TableName, TableSchema
from tailrace.sequence import transaction_prefix
from tailrace.shaping.shapes import Shapes
from tailrace.tables import Selection, topic_name
from tailrace_mysql.absent import Absent
from tailrace_mysql.binlog.binding import Binding, Version
from tailrace_mysql.binlog.table_map import TableMap
from tailrace_mysql.binlog.tables import Effect, Place
from tailrace_mysql.captured import Table
from tailrace_mysql.conversions import refuse_doubtful
from tailrace_mysql.ddl import statements
from tailrace_mysql.definition import ColumnDefinition, Period, TableDefinition
from tailrace_mysql.engines import Engines
from tailrace_mysql.initials import moment
from tailrace_mysql.matching import Match, bound, match
from tailrace_mysql.questions import Catalogue
from tailrace_mysql.refusals import refused, unsupported
from tailrace_mysql.server import Server
from tailrace_mysql.types import UnsupportedTypeError
from tailrace_mysql.versions import VERSIONED, first_schema, next_schema, same_columns, shaped

#: What mends most suspensions.
RELOAD = "load the table anew: `tailrace reload`"
_UNKNOWN = Match("its columns are not known")
log = logger()


class TrackedTables:
    """The captured tables with their versions; what statements make of them is in `history`."""

    def __init__(
        self,
        server: Server,
        selection: Selection,
        context: Context,
        emitter: Emitter,
        catalogue: Catalogue,
    ) -> None:
        self.generation = 0
        self._server = server
        self._selection = selection
        self._context = context
        self._emitter = emitter
        self._catalogue = catalogue
        self._absent = Absent(catalogue)
        self._shapes = Shapes(context)
        emitter.record = self._shapes.record
        self._engines = Engines(catalogue)
        self._tables: dict[tuple[str, str], Table | None] = {}
        self._by_topic: dict[str, Table] = {}
        self._suspensions: dict[str, str] = {}  # by topic, what earlier runs stored

    # ---- from the catalogue and the state store

    def recall(self, state: Mapping[str, bytes], mark: str) -> None:
        """Takes over what earlier runs stored; `mark` is where the log will be read from."""
        prefix = transaction_prefix(self._emitter.epoch, mark)
        # Also of tables that have no version yet: these are met later.
        for key, record in state.items():
            if key.startswith(TABLE_PREFIX) and (entry := orjson.loads(record))["state"] == "suspended":
                self._suspensions[key.removeprefix(TABLE_PREFIX)] = entry["reason"]
        self._recall_versions(state)
        for table in self.tables:
            latest = table.at(prefix)
            if latest is not None:
                table.version = Version(self.event_table(latest))
                self._emitter.already_announced(latest)
            table.recall(state, prefix)

    def begin(self, found: Mapping[TableName, TableDefinition], state: Mapping[str, bytes]) -> None:
        """A first start: these definitions hold from the start position on.

        One that broke off before it has left versions, and rows that have them; all rows are loaded again.
        """
        self._recall_versions(state)
        for definition in found.values():
            table = self._table(definition.name.database, definition.name.table)
            if table is None:
                continue
            if table.period_key in state:
                self._emitter.record_state(table.period_key, b"{}")
            reason = refused(definition, self._context.mode != "cdc")
            if reason:
                self._suspend(table, reason)
            else:
                self._adopt(table, definition, "", empty=True)

    def _recall_versions(self, state: Mapping[str, bytes]) -> None:
        for schema in self._shapes.recalled(state, self._selection.selects):
            table = self._table(schema.name.database, schema.name.table)
            if table is not None and table.topic == schema.topic:
                table.versions[schema.id] = schema

    def missed(self, earlier: Selection | None) -> None:
        """Suspends tables that were captured once, but that the globs of the run before this one (`earlier`) left out:
        their changes of that time went by."""
        for table in self.tables:
            if table.versions and not table.suspended and earlier is not None and not earlier.selects(table.name):
                self._suspend(table, f"the pipeline ran without it for a while, and its changes went by; {RELOAD}")

    def meet(self, found: Mapping[TableName, TableDefinition]) -> None:
        """Notes tables that are there now; what is not known of them already, the log must tell."""
        for definition in found.values():
            table = self._table(definition.name.database, definition.name.table)
            if table is None:
                continue
            if not table.charsets:
                table.set_charset(definition.charset, "", self._emitter)
            if table.version is None and not table.suspended:
                reason = definition.refusal or unsupported(definition)
                if reason:
                    self._suspend(table, reason)

    def adopt(self, name: TableName) -> Version | None:
        """Takes the catalogue's definition for a table of which the log has told nothing up to its end."""
        table = self._table(name.database, name.table)
        definition = self._catalogue.definition(name)
        if table is None or definition is None or table.suspended:
            return None
        if table.version is None:
            self._adopt(table, definition, "")
            self.generation += 1
        return table.version

    def correct(self, name: TableName, definition: TableDefinition) -> Version | None:
        """The log was read to its end and the catalogue differs all the same: a statement was kept out of the log."""
        table = self._table(name.database, name.table)
        if table is None or table.suspended or table.version is None:
            return None
        if definition.refusal or table.ambiguous(definition) or table.reordered(definition):
            reason = definition.refusal or f"columns went and came without a statement in the log; {RELOAD}"
            self._suspend(table, reason)
            return None
        since = transaction_prefix(self._emitter.epoch, self._emitter.mark)
        try:
            schema = next_schema(table.versions, table.version.table.schema, definition.columns, since)
            event_table = self.event_table(schema)
        except UnsupportedTypeError as error:
            self._suspend(table, f"{error}; {RELOAD}")
            return None
        self._set_period(table, definition.period, since)
        if schema is not table.version.table.schema:
            table.versions[schema.id] = schema
            table.version = Version(event_table, announced=False)  # recorded when it is announced
            self.generation += 1
        return table.version

    def refusal(self, definition: TableDefinition) -> str:
        """Why a table cannot be captured, by its definition; "" where it can."""
        if definition.period is not None and self._shapes.rules(definition.name) is not None:
            return VERSIONED
        return refused(definition, self._context.mode != "cdc")

    def take_up(self, name: TableName, definition: TableDefinition, members: bytes) -> None:
        """A suspended table is followed again from the stream's place on, where it has this definition.

        What its rows hold by then, nobody has to know: they are loaded. Without a key the targets' rows go first.

        Args:
            members: of `source`, of the events that say so.

        Raises:
            RefusedError: its columns cannot be carried.
        """
        table = self._table(name.database, name.table)
        assert table is not None
        since = transaction_prefix(self._emitter.epoch, self._emitter.mark)
        # What targets were brought to, not what was only met.
        current = table.versions.get(self._emitter.announced(table.topic) or 0) or self._newest(table)
        empty = definition.keyless
        try:
            if current is None:
                schema = first_schema(table.topic, name, definition.columns, since)
            else:
                unknown = dict.fromkeys(column.name for column in definition.columns)
                schema = next_schema(table.versions, current, definition.columns, since, empty=empty, initials=unknown)
            event_table = self.event_table(schema)
        except UnsupportedTypeError as error:
            raise RefusedError(str(error)) from None
        table.suspended = ""
        self._suspensions.pop(table.topic, None)
        table.versions[schema.id] = schema
        table.version = Version(event_table)
        table.set_dropped(False, self._emitter)
        table.set_charset(definition.charset, since, self._emitter)
        self._set_period(table, definition.period, since)
        self.generation += 1
        self._emitter.record_state(table_key(table.topic), streaming())
        if current is None:
            self._emitter.first_schema(schema)
            return
        if empty and schema is not current:
            self._emitter.snapshot_truncate(self.event_table(current), self._emitter.mark, members)
        self._emitter.announce(event_table, self._emitter.mark, members)

    def renew(self, found: Mapping[TableName, TableDefinition], members: bytes) -> None:
        """The log is begun anew at a place where the tables have these definitions; all of them are loaded.

        Args:
            members: as for `take_up`.
        """
        there = []
        for definition in found.values():
            table = self._table(definition.name.database, definition.name.table)
            if table is None:
                continue
            there.append(table.topic)
            try:
                if reason := self.refusal(definition):
                    raise RefusedError(reason)
                self.take_up(definition.name, definition, members)
            except RefusedError as error:
                self._suspend(table, str(error))
        for table in self.tables:
            if table.topic not in there:
                table.set_dropped(True, self._emitter)

    @property
    def mark(self) -> str:
        """How far the stream stands."""
        return self._emitter.mark

    @property
    def tables(self) -> list[Table]:
        return [table for table in self._tables.values() if table is not None]

    def by_topic(self, topic: str) -> Table | None:
        return self._by_topic.get(topic)

    def find(self, name: TableName) -> Table | None:
        return self._table(name.database, name.table)

    # ---- what the decoder asks

    def captures(self, database: str, table: str) -> bool:
        found = self._table(database, table)
        return found is not None and not found.suspended

    def bind(self, table_map: TableMap, place: Place) -> Binding | None:
        table = self._table(table_map.database, table_map.table)
        if table is None or table.suspended:
            return None
        version, period, again = table.version, table.period, place.mark < self._emitter.mark
        if again:
            since = self._since(place)
            past, period = table.at(since), table.period_at(since)
            if past is None:
                return None  # it was not captured then
            version = Version(self.event_table(past))
        found = self._match(version.table.schema, period, table_map) if version is not None else _UNKNOWN
        if found.difference and again:
            self._suspend(table, f"{found.difference} (at {place}); {RELOAD}")
        elif found.difference:
            found = self._refine(table, table_map, place, found.difference)
            version = table.version
        if version is None or table.suspended:
            return None
        if found.hidden is not None and not again:
            table.set_places(found.hidden, self._emitter)
        if found.end >= 0 and version.table.shape is not None:
            self._suspend(table, VERSIONED)
        return None if table.suspended else bound(version, found)

    def holds(self, binding: Binding, place: Place) -> bool:
        name = binding.table.schema.name
        table = self._table(name.database, name.table)
        if table is None or table.suspended:
            return False
        if table.version is None or table.version.table.schema.id != binding.table.schema.id:
            reason = "its columns were changed while rows waited for the outcome of their transaction"
            self._suspend(table, f"{reason} (at {place}); {RELOAD}")
            return False
        return True

    def takes_back(self, binding: Binding, place: Place) -> None:
        name = binding.table.schema.name
        doubt = self._engines.doubt(name, place.end)
        if doubt:
            reason = f"the log takes changes back (at {place}), {doubt}: {RELOAD}, and do not mix engines"
            self.suspend(name.database, name.table, f"{reason} in one transaction")

    def defaults(self, name: TableName, columns: Sequence[str], place: Place) -> Sequence[bytes]:
        """See `Tables.defaults`."""
        return self._absent.defaults(name, columns, place)

    def current(
        self,
        schema: TableSchema,
        key: Sequence[tuple[str, bytes]],
        columns: Sequence[str],
        place: Place,
        transaction: str,
    ) -> Sequence[bytes] | None:
        """See `Tables.current`."""
        return self._absent.current(schema, key, columns, place, transaction)

    def release(self) -> None:
        """See `Tables.release`."""
        self._absent.release()

    def suspend(self, database: str, table: str, reason: str) -> None:
        found = self._table(database, table)
        if found is not None:
            self._suspend(found, reason)

    # ---- versions

    def _advance(
        self,
        table: Table,
        columns: Sequence[ColumnDefinition],
        place: Place,
        renamed: Mapping[str, str] | None = None,
        added: Collection[str] = (),
        recreated: bool = False,
        initials: Mapping[str, Any] | None = None,
    ) -> list[Effect]:
        """Moves to the version with these columns, from `place` on; raises UnsupportedTypeError."""
        since = self._since(place)
        newest = self._newest(table)
        if newest is None:
            schema = first_schema(table.topic, table.name, columns, since)
            table.versions[schema.id] = schema
            table.version = Version(self.event_table(schema))
            self._emitter.first_schema(schema)
            self.generation += 1
            return []
        system_zone = self._server.variables.get("system_time_zone", "")
        at = moment(place.started, place.time_zone, system_zone, place.micros, self._server.version)
        current = table.version.table.schema if table.version is not None else newest
        schema = next_schema(
            table.versions, current, columns, since, renamed, at, empty=recreated, initials=initials, added=added
        )
        if not recreated:
            refuse_doubtful(current, schema, place.strict)
        if schema is current:
            if table.version is None:
                table.version = Version(self.event_table(current))
                self.generation += 1
            return []
        # The same place read again: the version is there already.
        again = next((s for s in table.versions.values() if s.since == since), None)
        if again is not None and same_columns(again, schema):
            schema = again
        table.versions[schema.id] = schema
        table.version = Version(self.event_table(schema))
        self.generation += 1
        return [Effect(table.version.table)]

    def _adopt(self, table: Table, definition: TableDefinition, since: str, empty: bool = False) -> None:
        here = transaction_prefix(self._emitter.epoch, self._emitter.mark) if table.charsets else since
        table.set_charset(definition.charset, here, self._emitter)
        self._set_period(table, definition.period, here if table.periods else since)
        versioned = definition.period is not None and self._shapes.rules(table.name) is not None
        reason = definition.refusal or unsupported(definition) or (VERSIONED if versioned else "")
        if reason:
            self._suspend(table, reason)
            return
        newest = self._newest(table)
        try:
            if newest is None:
                schema = first_schema(table.topic, table.name, definition.columns, since)
            else:
                schema = next_schema(table.versions, newest, definition.columns, since, empty=empty)
            event_table = self.event_table(schema)
        except UnsupportedTypeError as error:
            self._suspend(table, f"{error}; {RELOAD}")
            return
        table.versions[schema.id] = schema
        if newest is None:
            self._emitter.first_schema(schema)
        table.version = Version(event_table, announced=newest is None or schema is newest)

    def _reread(self, table: Table, place: Place, reason: str, sql: str, replaces: bool = False) -> list[Effect]:
        """The catalogue's word on a table, if it holds at `place`; else the table is suspended.

        Args:
            replaces: columns may have gone and others of their names come, which the catalogue does not show.
        """
        definition = self._catalogue.definition(table.name)
        shown = f": {statements.shown(sql)}" if sql else ""
        if definition is None or not self._catalogue.unchanged(table.name, place.end):
            self._suspend(table, f"{reason} (at {place}){shown}; {RELOAD}")
            return []
        if definition.refusal:
            self._suspend(table, f"{definition.refusal} (at {place}){shown}")
            return []
        if replaces or table.ambiguous(definition) or (not sql and table.reordered(definition)):
            self._suspend(table, f"{reason}, and columns went and came (at {place}){shown}; {RELOAD}")
            return []
        table.set_charset(definition.charset, self._since(place), self._emitter)
        self._set_period(table, definition.period, self._since(place))
        try:
            return self._advance(table, definition.columns, place)
        except UnsupportedTypeError as error:
            self._suspend(table, f"{error} (at {place}){shown}; {RELOAD}")
            return []

    def _refine(self, table: Table, table_map: TableMap, place: Place, difference: str) -> Match:
        """A table map does not fit the version in hand."""
        if table.version is None and self._catalogue.is_sequence(table.name):
            # MariaDB logs its sequences as if they were tables.
            self._tables[self._name((table.name.database, table.name.table))] = None
            self._by_topic.pop(table.topic, None)
            return _UNKNOWN
        definition = self._catalogue.definition(table.name)
        reason = difference
        if definition is not None and definition.refusal:
            reason = f"{difference}, and {definition.refusal}"
        elif definition is not None and table.reordered(definition):
            reason = "the columns stand in another order than the statements in the log have put them"
        elif definition is not None and not table.ambiguous(definition):
            try:
                candidate = first_schema(table.topic, table.name, definition.columns, "")
                found = self._match(candidate, definition.period, table_map)
                reason = found.difference
                # With names, labels and key in the map, what fits is the same, but for a period that the columns do not
                # show; without, nothing may lie between.
                named = table_map.names and (definition.period is None or definition.period.hidden)
                if not reason and (named or self._catalogue.unchanged(table.name, place.mark)):
                    for effect in self._advance(table, definition.columns, place):
                        del effect
                        assert table.version is not None
                        table.version.announced = False  # goes out before the next row
                    self._set_period(table, definition.period, self._since(place))
                    return found
            except UnsupportedTypeError as error:
                reason = str(error)
        reason = f"{reason or difference} (at {place}), and the catalogue cannot tell what was there; {RELOAD}"
        self._suspend(table, reason)
        return _UNKNOWN

    def _newest(self, table: Table) -> TableSchema | None:
        if table.version is not None:
            return table.version.table.schema
        return table.versions[max(table.versions)] if table.versions else None

    # ---- inside

    def _match(self, schema: TableSchema, period: Period | None, table_map: TableMap) -> Match:
        return match(schema.columns, period, table_map, self._server.charsets)

    def _folded(self, name: str) -> str:
        """A database's or table's name as the server compares it: it may not tell cases apart."""
        return name.lower() if self._server.name_case else name

    def _name(self, name: tuple[str, str]) -> tuple[str, str]:
        return self._folded(name[0]), self._folded(name[1])

    def _table(self, database: str, table: str) -> Table | None:
        key = self._name((database, table))
        known = self._tables.get(key, False)
        if known is not False:
            return cast(Table | None, known)
        # Stored as compared, or (2) as first written, which the catalogue then has too.
        name = TableName(database, None, table) if self._server.name_case == 2 else TableName(key[0], None, key[1])
        found = None
        if self._selection.selects(name):
            topic = topic_name(self._context, name)
            found = self._by_topic[topic] = Table(name, topic, suspended=self._suspensions.get(topic, ""))
        self._tables[key] = found
        return found

    def event_table(self, schema: TableSchema) -> EventTable:
        return EventTable(schema, self._server.connector, self._context.pipeline, shaped(self._shapes, schema))

    def _suspend(self, table: Table, reason: str) -> None:
        if table.suspended:
            return
        table.suspended = reason
        self.generation += 1
        self._emitter.record_state(table_key(table.topic), suspension(reason))
        log.warning("table suspended", table=str(table.name), reason=reason)

    def _set_period(self, table: Table, period: Period | None, since: str) -> None:
        if period != table.period:
            table.set_period(period, since, self._emitter)
            self.generation += 1

    def _since(self, place: Place) -> str:
        return transaction_prefix(self._emitter.epoch, place.mark)
