"""The PostgreSQL source: a logical slot read through pgoutput, and the load's reader beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from tailrace import renewal
from tailrace.batch import Batch
from tailrace.config.interpolation import Interpolated
from tailrace.config.start import StartAt
from tailrace.connectors import Context
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import (
    LogGoneError,
    RefusedError,
    StuckError,
    TableBusyError,
    TailraceError,
    UnreachableError,
)
from tailrace.position import Position
from tailrace.schema import Column, TableSchema
from tailrace.sequence import lsn_mark, mark_lsn
from tailrace.shaping.building import ShapeError
from tailrace.shaping.findings import entry_findings, shape_findings
from tailrace.shaping.shapes import Shapes
from tailrace.source import Finding, Gauges, Opened, Retained, SourceTable
from tailrace.tables import Selection
from tailrace_postgres import wal
from tailrace_postgres.catalog import Catalog, CatalogColumns
from tailrace_postgres.checks import findings, old_row_findings
from tailrace_postgres.chunks import Horizon, table_schemas
from tailrace_postgres.connection import Connection
from tailrace_postgres.gauges import PostgresGauges
from tailrace_postgres.inheritance import uncaptured_children
from tailrace_postgres.inprogress import InProgress
from tailrace_postgres.lsn import lsn_text, parse_lsn
from tailrace_postgres.opening import PAST_KEY, SLOT_SECONDS, Beginning, Opening, recreated
from tailrace_postgres.partitions import Partitions
from tailrace_postgres.past_start import PastStart
from tailrace_postgres.pgoutput import Decoder
from tailrace_postgres.publication import Publications
from tailrace_postgres.relations import CapturedRelations
from tailrace_postgres.replication import ReplicationStream
from tailrace_postgres.retained import retained
from tailrace_postgres.selection import Selected, select_tables
from tailrace_postgres.settings import PostgresSourceSettings
from tailrace_postgres.slot import drop_slot, find_slot, freed_slot, refuse_foreign
from tailrace_postgres.snapshot import Anchor, PostgresSnapshotReader
from tailrace_postgres.streaming import Streaming
from tailrace_postgres.versions import Versions

#: Of the worker's memory, the part that messages of transactions in progress may take.
_IN_PROGRESS_SHARE = 32
#: A server that does not answer this question in time is taken for gone.
_ALIVE_SECONDS = 5.0
#: So long `check` searches a slot for a time.
_SEARCH_SECONDS = 20.0


class PostgresSource:
    """See `tailrace.source.Source`."""

    def __init__(self, settings: PostgresSourceSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        url = settings.database_url()
        self._where = str(url)
        self._database = url.database
        self._selection = Selection(settings.tables, settings.exclude, url.database)
        self._slot = settings.slot_name(context.pipeline)
        self._publication = settings.publication_name(context.pipeline)
        self._shapes = Shapes(context)
        self._queries: Connection | None = None
        self._replication: Connection | None = None
        self._beginning: Beginning | None = None
        self._relations: CapturedRelations
        self._partitions: Partitions
        self._emitter: Emitter
        self._decoder: Decoder
        self._streaming: Streaming | None = None
        self._in_progress: InProgress | None = None
        self._standby = False

    # ---- without the log

    def check(self) -> list[Finding]:
        result = findings(
            connect=lambda replication: Connection(self._settings, replication=replication),
            select=self._select,
            rules=self._check_rules,
            slot_name=self._slot,
            publication_name=self._publication,
            goes_on=self._context.begun() and renewal.asked(self._context.state_dir) is None,
        )
        asked = self._settings.start_at
        if asked is not None and all(finding.ok is not False for finding in result) and not self._context.begun():
            result.append(self._check_start(asked))
        return result

    def _check_start(self, asked: StartAt) -> Finding:
        looking = PastStart(self._connection, self._connect_replication, self._slot, self._database, self._publications)
        try:
            place = looking.find(self._select(self._connection), asked, seconds=_SEARCH_SECONDS)
        except UnreachableError as error:
            return Finding("start", None, error.what, error.fix)
        except TailraceError as error:
            return Finding("start", False, error.what, error.fix)
        return Finding("start", True, f"{asked.text} is in the log, at {lsn_text(place)}")

    def _connect_replication(self) -> Connection:
        return Connection(self._settings, replication=True)

    def _check_rules(self, connection: Connection, selected: Sequence[Selected]) -> list[Finding]:
        """What is to be said of `[[tables]]`."""
        shaped = (table for table in selected if table.captured and self._shapes.rules(table.source.name))
        found = list(table_schemas(connection, shaped))
        result = list(entry_findings(self._context, (table.source.name for table in selected)))
        result += shape_findings(self._shapes, (schema for schema, _ in found))
        for schema, table in found:
            with contextlib.suppress(ShapeError):
                if shape := self._shapes.of(schema):
                    result += old_row_findings(shape, table)
        return result

    def tables(self) -> list[SourceTable]:
        return [selected.source for selected in self._select(self._connection)]

    def schemas(self) -> list[TableSchema]:
        return [schema for schema, _ in table_schemas(self._connection, self._select(self._connection))]

    def snapshot(self) -> PostgresSnapshotReader:
        beginning = self._beginning
        return PostgresSnapshotReader(
            connect=lambda replication: Connection(self._settings, replication=replication),
            tables=lambda: beginning.selected if beginning is not None else self._select(self._connection),
            describe=self._describe,
            anchor=lambda: self._anchor,
            horizon=beginning.horizon if beginning is not None else Horizon(),
            awaited=self._await,
            shapes=Shapes(self._context),
        )

    def gauges(self, replicas: Sequence[Interpolated]) -> Gauges:
        return PostgresGauges(self._settings, replicas)

    def position_text(self, position: Position) -> str:
        return position.restart

    def teardown(self, position: Position | None, dry_run: bool) -> list[str]:
        result = []
        slot = find_slot(self._connection, self._slot)
        if slot is not None:
            refuse_foreign(slot, self._database, self._where)
            if not dry_run:
                drop_slot(self._connection, freed_slot(self._connection, slot))
            result.append(f"replication slot {slot.name}")
        return result + self._publications.dropped(dry_run)

    def close(self) -> None:
        self._release_anchor()
        if self._streaming is not None:
            self._streaming.close()
        if self._in_progress is not None:
            self._in_progress.close()
        for connection in (self._replication, self._queries):
            if connection is not None:
                connection.close()
        self._replication = self._queries = self._streaming = None

    # ---- the log

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        """See `Source.open`."""
        return self._open(position, state)

    def _open(self, position: Position | None, state: dict[str, bytes], renews: bool = False) -> Opened:
        self._replication = Connection(self._settings, replication=True)
        opening = Opening(
            queries=self._connection,
            replication=self._replication,
            connect=lambda: Connection(self._settings),
            slot=self._slot,
            publications=self._publications,
            database=self._database,
            loads=self._context.mode != "cdc",
            failover=self._settings.failover,
        )
        self._standby = wal.in_recovery(self._connection)
        selected = self._select(self._connection)
        if position is None:
            shaped = (table for table in selected if table.captured and self._shapes.rules(table.source.name))
            self._shapes.refuse_misfits(schema for schema, _ in table_schemas(self._connection, shaped))
        asked = self._settings.start_at
        if position is not None and renews:
            beginning = opening.renewed(selected, position, state)
        elif position is not None:
            beginning = opening.resumed(selected, position, state)
        elif asked is not None:
            beginning = opening.past(selected, asked, self._connect_replication)
        else:
            beginning = opening.first(selected)
        self._beginning = beginning
        position = beginning.position
        self._emitter = Emitter(position.epoch, position.restart, position.delivered, position.mark)
        for key, value in beginning.records.items():
            self._emitter.record_state(key, value)
        captured = {selected.source.name for selected in beginning.selected if selected.captured}
        self._relations = CapturedRelations(
            Catalog(self._connection),
            beginning.selected,
            Versions(self._context, state, self._emitter, captured.__contains__),
            self._emitter,
            {**state, **beginning.records},
        )
        if not beginning.past and {**state, **beginning.records}.get(PAST_KEY) != b"1":
            self._relations.first_versions()  # else the log itself says what tables were before
        self._partitions = Partitions(Catalog(self._connection), self._emitter, {**state, **beginning.records})
        for table in beginning.taken_up:
            self._relations.take_up(table, beginning.elsewhere)
            self._partitions.forget(table.source.topic)
        self._end_attached(beginning.selected)
        self._relations.say_of_children(uncaptured_children(Catalog(self._connection), beginning.selected))
        folder = self._context.state_dir
        self._in_progress = InProgress(self._context.memory // _IN_PROGRESS_SHARE, folder if folder.is_dir() else None)
        self._decoder = Decoder(
            self._emitter,
            self._relations,
            parse_lsn(position.restart),
            self._relations.current,
            self._in_progress,
        )
        if self._anchor is None:
            self._start()
        tables = [selected.source for selected in beginning.selected]
        return Opened(position, tables, self._emitter, beginning.warnings, past=beginning.past)

    def renew(self, position: Position, state: dict[str, bytes]) -> Opened:
        """See `Source.renew`."""
        return self._open(position, state, renews=True)

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        streaming = self._start()
        try:
            batch = streaming.read(timeout, limit_bytes)
        except RefusedError:
            # Among others: PostgreSQL up to 17 ends the stream where a publication is gone.
            self._inspect()
            self._require_publications()
            raise
        if batch is not None and self._standby and not wal.in_recovery(self._connection):
            # A session lives on through a promotion; what follows is on another timeline, which the position must name.
            raise UnreachableError("the standby was promoted; reading begins again", where=self._where)
        return batch

    def take_up(self, topic: str) -> bool:
        """See `Source.take_up`: opening does it, because a session's publications and relations are as they were."""
        assert self._beginning is not None
        if reason := self._beginning.declined.get(topic):
            raise RefusedError(reason)
        selected = next((table for table in self._select(self._connection) if table.source.topic == topic), None)
        if selected is None:
            raise RefusedError("there is no such table any more", where=self._where)
        if not selected.captured:
            raise RefusedError(selected.source.reason)
        raise UnreachableError(f"reading begins again, to take up table {selected.source.name}", where=self._where)

    def retained(self, position: Position | None) -> Retained | None:
        """See `Source.retained`."""
        return retained(self._connection, self._slot)

    def give_up(self) -> str:
        """See `Source.give_up`."""
        self.close()
        slot = find_slot(self._connection, self._slot)
        if slot is not None:
            refuse_foreign(slot, self._database, self._where)
            drop_slot(self._connection, freed_slot(self._connection, slot, SLOT_SECONDS))
        return f"replication slot {self._slot}"

    def acknowledge(self, position: Position) -> None:
        # Before streaming begins the slot stands at the position anyway.
        if self._streaming is not None:
            self._streaming.acknowledge(parse_lsn(position.restart))

    def log_end(self) -> str:
        end = wal.log_end(self._connection)
        self._await(lsn_mark(end))
        return lsn_mark(end)

    def lag_bytes(self, mark: str) -> int:
        return max(0, wal.current(self._connection) - mark_lsn(mark))

    def end(self) -> str:
        return lsn_mark(wal.current(self._connection))

    # ---- inside

    @property
    def _connection(self) -> Connection:
        """For queries; connects when first used."""
        if self._queries is None:
            self._queries = Connection(self._settings)
        return self._queries

    @property
    def _publications(self) -> Publications:
        return Publications(self._connection, self._publication)

    @property
    def _anchor(self) -> Anchor | None:
        return self._beginning.anchor if self._beginning is not None else None

    def _select(self, connection: Connection) -> list[Selected]:
        return select_tables(Catalog(connection), self._context, self._selection, self._database)

    def _describe(self, selected: Selected, columns: CatalogColumns, now: tuple[Column, ...]) -> EventTable:
        """The schema version that a table has now, recorded if it is new and something is captured."""
        name = selected.source.name
        try:
            if self._beginning is not None:
                return self._relations.now(selected, columns, now)
            versions = Versions(self._context, {}, None)
            return versions.event_table(versions.add(name, selected.source.topic, now))
        except ShapeError as error:
            if self._beginning is not None:
                self._relations.misfits(selected, error)
                raise TableBusyError(f"table {name} is suspended", where=self._where) from None
            raise StuckError(
                f"its entry in [[tables]] does not fit its columns: {error}",
                where=f"table {name}",
                fix="correct it, then load the table anew",
            ) from None

    def _start(self) -> Streaming:
        """Begins to stream, after what was to be read with the slot's snapshot."""
        if self._streaming is None:
            assert self._replication is not None
            assert self._beginning is not None
            self._release_anchor()
            start = parse_lsn(self._beginning.position.restart)
            stream = ReplicationStream(
                self._replication,
                self._slot,
                start,
                list(self._beginning.membership.publications),
                self._settings.streaming,
            )
            self._streaming = Streaming(
                stream,
                self._decoder,
                self._emitter,
                flushed=start,
                heartbeat=self._settings.heartbeat,
                alive=self._alive,
                inspect=self._inspect,
            )
        return self._streaming

    def _await(self, mark: str) -> None:
        if self._streaming is not None:
            self._streaming.await_mark(mark)

    def _alive(self) -> bool:
        slot = find_slot(self._connection, self._slot, seconds=_ALIVE_SECONDS)
        return slot is not None and self._replication is not None and slot.active_pid == self._replication.pid

    def _inspect(self) -> bool:
        """Looks whether somebody changed what we capture by."""
        present = self._publications.present()
        if self._publication not in present:
            raise LogGoneError(
                f"somebody dropped publication {self._publication}: changes made without it cannot be had from the log",
                where=self._where,
            )
        assert self._beginning is not None
        membership = self._beginning.membership
        if membership.recreated(self._publication, present):
            raise recreated(self._publication, self._where)
        self._publications.require_whole(present)
        published = membership.unbroken(present, {})
        existing = Catalog(self._connection).names(self._relations.oids)
        selected = self._select(self._connection)
        suspended = self._relations.inspect(existing, published, selected)
        for table in suspended:
            self._unpublish(table)
        self._relations.say_of_children(uncaptured_children(Catalog(self._connection), selected))
        captured = set(self._relations.oids)
        attached = self._end_attached(table for table in selected if table.table.oid in captured)
        return bool(suspended) or attached

    def _end_attached(self, tables: Iterable[Selected]) -> bool:
        """Suspends the tables that have got partitions with rows; whether there are any."""
        attached = self._partitions.look(tables)
        for table, reason in attached:
            self._relations.suspend(table, reason)
        return bool(attached)

    def _unpublish(self, table: Selected) -> None:
        """At once: PostgreSQL refuses updates to the application of a published table that has lost its identity."""
        statements = self._publications.removal(table)
        try:
            if statements:
                self._publications.apply(statements)
        except RefusedError as error:
            self._relations.amend(table, f"updates and deletes of it may fail while it is published: {error.fix}")

    def _require_publications(self) -> None:
        """Opening finds out what the loss of the publication for inserts means for its tables; the others go on."""
        assert self._beginning is not None
        if gone := self._beginning.membership.publications.keys() - self._publications.present().keys():
            raise UnreachableError(
                f"somebody dropped publication {', '.join(gone)}; reading begins again without it", where=self._where
            )

    def _release_anchor(self) -> None:
        if self._beginning is not None and self._beginning.anchor is not None:
            with contextlib.suppress(Exception):
                self._beginning.anchor.connection.close()
            self._beginning.anchor = None
