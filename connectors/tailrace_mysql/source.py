"""MySQL and MariaDB as a source: the binlog, read as a replica reads it."""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from tailrace import failpoints
from tailrace.batch import Batch
from tailrace.config.interpolation import Interpolated
from tailrace.config.start import StartAt
from tailrace.connectors import Context
from tailrace.emitter import Emitter
from tailrace.errors import RefusedError, TailraceError, UnreachableError
from tailrace.position import Position
from tailrace.schema import TableName, TableSchema
from tailrace.sequence import binlog_mark, mark_binlog
from tailrace.shaping.shapes import Shapes
from tailrace.source import Finding, Gauges, Opened, Retained, SnapshotReader, SourceTable
from tailrace.tables import Selection, topic_name
from tailrace_mysql import catalog, dump, first_start, past_start, prerequisites, resume, scan, seek, xa
from tailrace_mysql.binlog.decoder import Decoder, ServerError
from tailrace_mysql.binlog.held import Room
from tailrace_mysql.chunks import fields
from tailrace_mysql.connection import Connector, DriverConnection, Session, quietly_close
from tailrace_mysql.gauges import MySQLGauges
from tailrace_mysql.history import SchemaHistory
from tailrace_mysql.refusals import refused
from tailrace_mysql.restart import Restart, file_number
from tailrace_mysql.server import Server, bytes_behind, inspect, log_end, log_files
from tailrace_mysql.settings import MySQLSourceSettings
from tailrace_mysql.snapshot import MySQLSnapshotReader, Whole
from tailrace_mysql.takeup import TakingUp
from tailrace_mysql.versions import schemas

_BUFFER_BYTES = 64 << 10
_SLICE_BYTES = 16 << 10
#: So long a batch waits, rather than end inside a transaction of MariaDB, and so much larger it may become.
_INSIDE_SECONDS = 0.2
INSIDE_BYTES = 4 << 20
#: Memory for changes of undecided transactions (XA), at most; beyond it they are in a temporary file.
_HELD_BYTES = 8 << 20
#: The server sends its position after this much silence at the latest, so that an idle source's position moves.
_LONGEST_HEARTBEAT = 5.0
_MISSED_HEARTBEATS = 3
#: But so much silence is borne in any case: MariaDB sends no heartbeats while it looks for our place in its log.
_LEAST_SILENCE = 30.0
#: One read returns after this much time at the latest, even while more arrives (of tables that nobody wants).
_LONGEST_READ = 0.5


#: State entry: the globs with which the pipeline ran last.
SELECTION_KEY = "mysql-selection"


class MySQLSource:
    """Implements `tailrace.source.Source`.

    One connection carries the log, a second one answers questions; the snapshot has its own.
    """

    def __init__(self, settings: MySQLSourceSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._connector = Connector(settings)
        self._session = Session(self._connector)
        self._selection: Selection | None = None
        self._server: Server | None = None
        self._history: SchemaHistory | None = None
        self._whole: Whole | None = None
        self._taking_up: TakingUp | None = None
        self._catalogue: catalog.LiveCatalogue | None = None
        self._emitter: Emitter
        self._decoder: Decoder | None = None
        self._connection: DriverConnection | None = None
        # Where to read from, and our place among the replicas, until the first `read`: a server gives up a reader that
        # takes nothing for long, as we would be while keyless tables are loaded.
        self._pending: Restart | None = None
        self._registered: DriverConnection | None = None
        self._buffer = bytearray(_BUFFER_BYTES)
        self._start = self._end = 0  # what of the buffer is not decoded yet
        self._heard = 0.0
        self._heartbeat = min(max(settings.heartbeat, 0.1), _LONGEST_HEARTBEAT)
        self._taken = ("", "")  # restart and mark of the last batch

    # ---- questions

    def check(self) -> list[Finding]:
        """See `Source.check`."""
        findings = prerequisites.check(self._session, self._selected, self._settings, self._context)
        asked = self._settings.start_at
        if asked is not None and all(finding.ok is not False for finding in findings) and not self._context.begun():
            findings.append(self._check_start(asked))
        return findings

    def _check_start(self, asked: StartAt) -> Finding:
        try:
            found = seek.find(self._connector, self._session, self._inspected, asked)
        except TailraceError as error:
            return Finding("start", False, error.what, error.fix)
        return Finding("start", True, f"{asked.text} is in the log, at {found.restart}")

    def tables(self) -> list[SourceTable]:
        """See `Source.tables`."""
        return self._source_tables(catalog.read(self._session, self._selected))

    def schemas(self) -> list[TableSchema]:
        """See `Source.schemas`."""
        return schemas(self._context, catalog.read(self._session, self._selected))

    def log_end(self) -> str:
        """See `Source.log_end`."""
        return log_end(self._session, self._inspected).mark

    def lag_bytes(self, mark: str) -> int:
        """See `Source.lag_bytes`."""
        return bytes_behind(log_files(self._session), *mark_binlog(mark))

    def end(self) -> str:
        """See `Source.end`."""
        file, size = log_files(self._session)[-1]
        return binlog_mark(file_number(file), size)

    # ---- reading

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        """See `Source.open`."""
        server = self._inspected
        prerequisites.refuse(self._session, server, self._settings, self._context)
        warnings: list[str] = []
        asked = self._settings.start_at if position is None else None
        if asked is not None:
            Shapes(self._context).refuse_misfits(self.schemas())
            past = past_start.begin(self._connector, self._session, server, self._selected, asked)
            found = {**past.kept, **past.others}
            position = past.position
            restart = Restart.from_text(position.restart)
            self._prepare(position)
            assert self._history is not None
            self._history.begin(past.kept, state)
            self._history.meet(past.others)
        elif position is None:
            Shapes(self._context).refuse_misfits(self.schemas())
            start = first_start.begin(self._connector, self._session, server, self._selected, load=self._loads)
            self._whole = start.whole
            found = start.tables
            created = scan.begun(self._connector, server, start.restart.file)
            restart = replace(start.restart, created=created, blind=start.blind)
            position = Position(1, server.identity, restart.to_text(), mark=start.mark)
            self._prepare(position)
            assert self._history is not None
            self._history.begin(found, state)
            xa.await_end(self._session, server)
        else:
            stored = position
            position = resume.verify(self._connector, self._session, server, stored)
            if position.epoch != stored.epoch:
                warnings.append(
                    f"another log than before, but with all that was read ({server.identity}): epoch {position.epoch}"
                )
            restart = Restart.from_text(position.restart)
            self._prepare(position)
            assert self._history is not None
            self._history.recall(state, position.mark if position.epoch == stored.epoch else _HIGHEST_MARK)
            self._history.missed(Selection(*orjson.loads(state[SELECTION_KEY])) if SELECTION_KEY in state else None)
            found = catalog.read(self._session, self._selected)
            self._history.meet(found)
            if any(table.version is None and not table.suspended for table in self._history.tables):
                xa.await_end(self._session, server)  # tables that are loaded now, as at a first start
        return self._begin(server, position, restart, found, warnings, past=asked is not None)

    def renew(self, position: Position, state: dict[str, bytes]) -> Opened:
        """See `Source.renew`.

        All tables are read beside the stream, so that the place needs no view; nothing may be prepared by XA there.
        """
        server = self._inspected
        prerequisites.refuse(self._session, server, self._settings, self._context)
        start = first_start.begin(self._connector, self._session, server, self._selected, load=False)
        created = scan.begun(self._connector, server, start.restart.file)
        restart = replace(start.restart, created=created, blind=start.blind)
        begun = Position(position.epoch + 1, server.identity, restart.to_text(), position.delivered, start.mark)
        self._prepare(begun)
        assert self._history is not None
        self._history.recall(state, _HIGHEST_MARK)
        self._history.renew(start.tables, fields(start.restart, server))
        return self._begin(server, begun, restart, start.tables, [])

    def _begin(
        self,
        server: Server,
        position: Position,
        restart: Restart,
        found: dict[TableName, Any],
        warnings: list[str],
        past: bool = False,
    ) -> Opened:
        self._emitter.record_state(SELECTION_KEY, orjson.dumps(self._globs))
        self._pending = restart
        self._registered = self._connector.connect()
        dump.register(self._registered, server, self._replica, self._connector.address)
        return Opened(position, self._source_tables(found), self._emitter, warnings, past=past)

    def snapshot(self) -> SnapshotReader:
        """See `Source.snapshot`."""
        whole, self._whole = self._whole, None
        if self._history is not None:
            tables = {table.topic: table.name for table in self._history.tables}
        else:
            names = catalog.read(self._session, self._selected)
            tables = {topic_name(self._context, name): name for name in names}
        return MySQLSnapshotReader(
            self._connector,
            Session(self._connector),
            self._inspected,
            tables,
            self._history,
            whole,
            Shapes(self._context),
        )

    def gauges(self, replicas: Sequence[Interpolated]) -> Gauges:
        """See `Source.gauges`."""
        return MySQLGauges(self._settings, replicas)

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        """See `Source.read`."""
        started = time.monotonic()
        if self._pending is not None:
            restart, self._pending = self._pending, None
            self._connect(self._inspected, restart)
            self._withdraw()
        received = self._receive(timeout)
        silence = time.monotonic() - self._heard
        if not received and silence > max(self._heartbeat * _MISSED_HEARTBEATS + 1, _LEAST_SILENCE):
            raise UnreachableError(
                f"the server has been silent for {silence:.0f} s",
                where=self._connector.address,
                fix="see whether the server and the network are well",
            )
        while received:
            failpoints.reached("read.received")
            self._feed(limit_bytes)
            late = time.monotonic() - started > timeout + _LONGEST_READ and not self._inside
            if late or self._emitter.size >= self._bound(limit_bytes):
                break
            received = self._receive(_INSIDE_SECONDS if self._inside else 0)
        batch = self._emitter.take()
        taken = (batch.restart, batch.mark)
        if not batch.runs and not batch.state and not batch.touched and taken == self._taken:
            return None
        self._taken = taken
        return batch

    def take_up(self, topic: str) -> bool:
        """See `Source.take_up`."""
        assert self._history is not None
        if self._taking_up is None:
            self._taking_up = TakingUp(self._connector, self._session, self._inspected, self._history)
        return self._taking_up.take_up(topic)

    def retained(self, position: Position | None) -> Retained | None:
        """See `Source.retained`: the binlog from where a restart would read, which the server keeps as it likes."""
        if position is None:
            return None
        begin = Restart.from_text(position.restart).begin
        behind = bytes_behind(log_files(self._session), file_number(begin.file), begin.pos)
        return Retained(behind, limit_seconds=self._inspected.expiry or None)

    def give_up(self) -> str:
        """Not to be asked for: see `SourceSettings.drops_slot`."""
        raise RefusedError("there is no slot to drop", where=self._connector.address)

    def acknowledge(self, position: Position) -> None:
        """Nothing: a binlog is kept by the server's own rules (`check` says when they are too short)."""

    def teardown(self, position: Position | None, dry_run: bool) -> list[str]:
        """Nothing was created at the server."""
        return []

    def position_text(self, position: Position) -> str:
        """See `Source.position_text`."""
        return str(Restart.from_text(position.restart))

    def close(self) -> None:
        """See `Source.close`."""
        self._pending = None
        self._withdraw()
        connection, self._connection = self._connection, None
        if connection is not None:
            quietly_close(connection)
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()
        if self._whole is not None:
            quietly_close(self._whole.connection)
            self._whole = None
        if self._catalogue is not None:
            self._catalogue.rows.close()
        self._session.close()

    # ---- inside

    @property
    def _loads(self) -> bool:
        return self._context.mode != "cdc"

    @property
    def _inspected(self) -> Server:
        if self._server is None:
            self._server = inspect(self._session)
        return self._server

    @property
    def _selected(self) -> Selection:
        if self._selection is None:
            self._selection = Selection(*self._globs)
        return self._selection

    @property
    def _globs(self) -> tuple[list[str], list[str], str | None]:
        settings = self._settings
        return list(settings.tables), list(settings.exclude), self._connector.url.database or None

    def _prepare(self, position: Position) -> None:
        server = self._inspected
        self._emitter = Emitter(position.epoch, position.restart, position.delivered, position.mark)
        self._taken = (position.restart, position.mark)
        self._catalogue = catalog.LiveCatalogue(self._connector, self._session, server)
        self._history = SchemaHistory(server, self._selected, self._context, self._emitter, self._catalogue)

    @property
    def _replica(self) -> dump.Replica:
        pipeline = self._context.pipeline
        return dump.Replica(pipeline, self._settings.server_id_for(pipeline), self._heartbeat)

    def _withdraw(self) -> None:
        registered, self._registered = self._registered, None
        if registered is not None:
            quietly_close(registered)

    def _connect(self, server: Server, restart: Restart) -> None:
        assert self._history is not None
        connection = self._connector.connect(answer_seconds=_LEAST_SILENCE)
        self._connection = connection
        skip_to = dump.start(connection, server, restart.begin, self._replica, self._connector.address)
        folder = self._context.state_dir
        room = Room(min(_HELD_BYTES, self._context.memory // 16), folder if folder.is_dir() else None)
        self._decoder = Decoder(
            self._emitter,
            self._history,
            restart,
            server.gtid_state(restart),
            mariadb=server.mariadb,
            checksum=server.variables.get("binlog_checksum", "NONE").upper() == "CRC32",
            skip_to=skip_to,
            room=room,
        )
        # Longer than one record of TLS may take to arrive; `read` waits by poll.
        connection._sock.settimeout(10.0)
        self._poll = select.poll()
        self._poll.register(connection._sock, select.POLLIN)
        self._start = self._end = 0
        self._heard = time.monotonic()

    @property
    def _more(self) -> bool:
        """Whether a compressed transaction, or held changes, were read that are not decoded to their end."""
        return self._decoder is not None and self._decoder.pending

    @property
    def _inside(self) -> bool:
        return self._decoder is not None and self._decoder.inside

    def _bound(self, limit_bytes: int) -> int:
        """A transaction that MariaDB takes back at its end can be undone while no part of it is handed on."""
        return limit_bytes + (min(4 * limit_bytes, INSIDE_BYTES) if self._inside else 0)

    def _receive(self, timeout: float) -> bool:
        """Whether there is something to decode; False when nothing came in time."""
        if self._start < self._end or self._more:
            return True
        connection = self._connection
        if connection is None:
            raise UnreachableError("the connection is closed", where=self._connector.address, fix="it is opened again")
        sock: Any = connection._sock
        buffered = isinstance(sock, ssl.SSLSocket) and sock.pending()
        if not buffered and not self._poll.poll(timeout * 1000):
            return False
        try:
            received = int(sock.recv_into(self._buffer))
        except (ssl.SSLWantReadError, TimeoutError):
            return False
        except OSError as error:
            raise self._lost(str(error)) from None
        if not received:
            raise self._lost("the server closed it")
        self._heard = time.monotonic()
        self._start, self._end = 0, received
        return True

    def _feed(self, limit_bytes: int) -> None:
        """Decodes the buffer, in slices, since a few bytes of log can become many of events."""
        decoder = self._decoder
        assert decoder is not None
        try:
            if decoder.pending:
                decoder.feed(self._buffer, 0, 0)
            while self._start < self._end and self._emitter.size < self._bound(limit_bytes) and not decoder.pending:
                start, self._start = self._start, min(self._start + _SLICE_BYTES, self._end)
                decoder.feed(self._buffer, start, self._start)
        except ServerError as error:
            known = resume.log_error(error.number, error.message, self._connector.address, error.place)
            raise known or self._lost(error.message) from None

    def _lost(self, reason: str) -> UnreachableError:
        return UnreachableError(
            f"the connection that carries the log was lost: {reason}",
            where=self._connector.address,
            fix="see whether the server runs",
        )

    def _source_tables(self, found: dict[TableName, Any]) -> list[SourceTable]:
        tables: list[SourceTable] = []
        for name, definition in sorted(found.items(), key=lambda item: str(item[0])):
            known = self._history.find(name) if self._history is not None else None
            reason = known.suspended if known is not None else refused(definition, self._loads)
            tables.append(
                SourceTable(
                    name=name,
                    topic=topic_name(self._context, name),
                    state="suspended" if reason else "streaming",
                    reason=reason,
                    keyless=definition.keyless,
                    estimated_rows=definition.estimated_rows,
                )
            )
        return tables


_HIGHEST_MARK = "f" * 20
