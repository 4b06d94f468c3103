"""A MySQL or MariaDB database as target: rows and positions in one InnoDB transaction.

DDL ends a transaction there, so it runs on a connection of its own, and the apply loop commits first
(`transactional_ddl`). Changes compacted per key are written set-wise; a table without a key gets its changes one by
one, each of which must find exactly one row.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pymysql.err
from pymysql.connections import Connection
from pymysql.constants import SERVER_STATUS

from tailrace import failpoints
from tailrace.completion import Structured, at_load
from tailrace.connectors import Context
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.overrides import Overrides
from tailrace.errors import StuckError, TailraceError, TransactionConflictError
from tailrace.load_mark import LoadMark
from tailrace.sink import KEPT_KEYS, Preview, RowChange, TableWork, TargetTable, refuse_nothing_seen
from tailrace.source import Finding
from tailrace.stream import Partition
from tailrace.structure import Outcome, TableStructure
from tailrace_mysql import sink_sleepers
from tailrace_mysql.quoting import identifier
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink_catalog import TableState
from tailrace_mysql.sink_check import findings
from tailrace_mysql.sink_completion import Completion
from tailrace_mysql.sink_connection import Server, Session, Target, describe, streaming
from tailrace_mysql.sink_dead_letters import MySQLLetters
from tailrace_mysql.sink_errors import DUPLICATE_ENTRY, MET_ELSEWHERE, column_named, number, rows_met, translate
from tailrace_mysql.sink_positions import TABLE as POSITIONS_TABLE
from tailrace_mysql.sink_positions import Positions
from tailrace_mysql.sink_statements import TablePlan, reader
from tailrace_mysql.sink_tables import Tables
from tailrace_mysql.sink_types import obstacle

#: Single-row statements that go out in one round trip.
_PIPELINED = 200
_FETCHED_ROWS = 1000
#: Shorter than the time in which a stop must be done, and so that a predecessor that sleeps is soon found out.
_LOCK_SECONDS = 8


class MySQLSink:
    """Writes one database (`tailrace.sink.Sink`)."""

    transactional = True
    transactional_ddl = False
    overlaps = False

    def __init__(self, settings: MySQLSinkSettings, context: Context) -> None:
        self._name = settings.name
        self._pipeline_name = context.pipeline
        # Without a full load, rows from before the start may be missing in the target.
        self._complete = context.mode != "cdc"
        self._indexes = context.indexes != "none"
        self._target = Target(settings)
        self._owner = f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(8)}"
        self._rules = context.conversion
        self._overrides: Overrides | None = None
        self._work: Session | None = None
        self._ddl: Session | None = None
        self._server: Server
        self._positions: Positions
        self._plans: dict[str, TablePlan] = {}
        # Topics whose tables the open transaction has changed.
        self._written: set[str] = set()
        # The workers that had what we have taken over; one of them may be asleep.
        self._former: set[str] = set()
        self._table = ""  # being written, for errors
        self.dead_letters = MySQLLetters(
            context.pipeline,
            settings.name,
            self._target.database,
            self._target.where,
            self._open_connection,
            self._target.connect,
        )

    def _tables(self, connection: Connection[Any], server: Server) -> Tables:
        dialect = Dialect.MARIADB if server.mariadb else Dialect.MYSQL
        if self._overrides is None:
            self._overrides = Overrides(self._rules, dialect, partial(obstacle, mariadb=server.mariadb))
        return Tables(connection, server, self._target.database, self._target.where, self._overrides)

    def check(self) -> list[Finding]:
        return findings(self._target)

    def preview(self, table: TargetTable) -> Preview:
        with contextlib.closing(self._target.connect()) as connection:
            try:
                server = describe(connection)
            except pymysql.err.Error as error:
                raise translate(error, self._target.where, table.name) from None
            return self._tables(connection, server).preview(table)

    def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        self.close()
        try:
            self._work = work = self._target.connect()
            work.watch(self._target)
            self._ddl = self._target.connect()
            self._ddl.watch(self._target)
            self._server = describe(work)
            self._positions = self._new_positions()
            with contextlib.closing(work.cursor()) as cursor:
                cursor.execute("SELECT @@innodb_lock_wait_timeout")
                seconds = min(int((cursor.fetchone() or (_LOCK_SECONDS,))[0]), _LOCK_SECONDS)
                cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {seconds}")
            sink_sleepers.be_found(self._owner, work, self._ddl)
            self._positions.create(self._ddl, self._server.collation)
            work.rollback()
            self._former = self._positions.owners(self._ddl, topics)
            if topics is not None:
                # Whoever was given them before, and is awake, has been told to let them go.
                sink_sleepers.end(self._ddl, self._former)
            stored = self._positions.take(work, stream_id, topics)
            work.commit()
        except pymysql.err.Error as error:
            failed = translate(error, self._target.where, POSITIONS_TABLE)
            self._end_sleepers()
            self.close()
            raise failed from None
        except TailraceError:
            self.close()
            raise
        return stored

    def fold(self, name: str) -> str:
        return name.lower() if self._server.folds_names else name

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> None:
        plan = self._plans.get(table.topic)
        if plan is not None and plan.table == table:
            return
        ddl = self._ddl
        if ddl is None:
            raise ValueError("the sink is not open")
        tables = self._tables(ddl, self._server)
        with self._alone_at(table):
            state = tables.ensure(table, previous)
        self._plans[table.topic] = self._plan(table, state, self._server)

    def _plan(self, table: TargetTable, state: TableState, server: Server) -> TablePlan:
        return TablePlan(table, state, server, self._target.database, self._target.where)

    def drop(self, table: TargetTable) -> None:
        ddl = self._ddl
        if ddl is None:
            raise ValueError("the sink is not open")
        with self._alone_at(table):
            self._tables(ddl, self._server).drop(table.name)
        self._plans.pop(table.topic, None)

    def remove_others(self, table: TargetTable, load: LoadMark, seen: TargetTable | None) -> int | None:
        assert seen is not None
        plan, others = self._plans[table.topic], self._plans[seen.topic]
        self._table = table.name
        try:
            refuse_nothing_seen(table, load, bool(self._execute(f"SELECT 1 FROM {others.name} LIMIT 1")))
            first = identifier(table.key[0].name)
            return self._execute(
                f"DELETE t FROM {plan.name} t LEFT JOIN {others.name} s ON {plan.same_row('t', 's')}"
                f" WHERE s.{first} IS NULL"
            )
        except pymysql.err.Error as error:
            raise translate(error, self._target.where, self._table) from None

    def apply(self, work: Sequence[TableWork]) -> None:
        try:
            for table_work in work:
                self._table = table_work.table.name
                self._written.add(table_work.table.topic)
                self._apply(table_work)
        except pymysql.err.Error as error:
            raise translate(error, self._target.where, self._table) from None

    def attempt(self, work: Sequence[TableWork], keep: bool) -> StuckError | None:
        self._savepoint("SAVEPOINT tailrace_attempt")
        try:
            self.apply(work)
        except StuckError as error:
            self._end_attempt(undo=True)
            return error
        self._end_attempt(undo=not keep)
        return None

    def _end_attempt(self, undo: bool) -> None:
        if undo:
            self._savepoint("ROLLBACK TO SAVEPOINT tailrace_attempt")
        self._savepoint("RELEASE SAVEPOINT tailrace_attempt")

    def commit(self, positions: Mapping[Partition, int]) -> None:
        work = self._open_connection()
        try:
            self._positions.advance(work, positions, self._written)
            failpoints.reached("target.positioned")
            work.commit()
        except pymysql.err.Error as error:
            self.rollback()
            raise translate(error, self._target.where, POSITIONS_TABLE) from None
        except TailraceError:
            self.rollback()
            raise
        failpoints.reached("target.committed")
        self._written.clear()
        self._positions.advanced(positions)

    def rollback(self) -> None:
        """The server does it by itself where the connection is lost."""
        self._written.clear()
        if self._work is not None:
            with contextlib.suppress(pymysql.err.Error):
                self._work.rollback()
            # What was undone may have met the locks of one that sleeps.
            self._end_sleepers()

    def add_indexes(self, table: TargetTable, structure: TableStructure, unique: bool) -> Sequence[Outcome]:
        ddl = self._ddl
        if ddl is None:
            raise ValueError("the sink is not open")
        try:
            completion = Completion(ddl, self._server, self._target.database, patient=True, conversion=self._rules)
            with self._alone_at(table):
                made = list(completion.indexes(table, structure, lambda index: at_load(index, unique)))
            state = self._tables(ddl, self._server).read(table.name)
        except pymysql.err.Error as error:
            raise translate(error, self._target.where, table.name) from None
        assert state is not None
        self._plans[table.topic] = self._plan(table, state, self._server)  # it may have another unique index now
        return made

    def complete(self, tables: Sequence[tuple[TargetTable, TableStructure]], dry_run: bool) -> Iterator[Outcome]:
        with contextlib.closing(self._target.connect()) as connection:
            try:
                server = describe(connection)
                completion = Completion(
                    connection,
                    server,
                    self._target.database,
                    dry_run=dry_run,
                    patient=False,
                    conversion=self._rules,
                )
                yield from completion.complete([Structured(*entry) for entry in tables], self._indexes)
            except pymysql.err.Error as error:
                raise translate(error, self._target.where) from None

    def rows(self, table: TargetTable) -> Iterator[dict[str, Any]]:
        name = table.name
        with contextlib.closing(self._target.connect()) as connection:
            try:
                server = describe(connection)
                tables = self._tables(connection, server)
                state = tables.read(name)
                if state is None:
                    return
                # Columns still to be added are NULL in every row.
                columns = tuple(column for column in table.columns if column.name.lower() in state.columns)
                plan = self._plan(replace(table, columns=columns), state, server)
                read = reader(plan)
                with streaming(connection, plan.select()) as cursor:
                    while chunk := cursor.fetchmany(_FETCHED_ROWS):
                        for row in chunk:
                            yield read(row)
            except pymysql.err.Error as error:
                raise translate(error, self._target.where, name) from None

    def teardown(self, dry_run: bool) -> list[str]:
        try:
            with contextlib.closing(self._target.connect()) as connection:
                positions = self._new_positions()
                found = positions.forget(connection, dry_run) if positions.exists(connection) else 0
        except pymysql.err.Error as error:
            raise translate(error, self._target.where, POSITIONS_TABLE) from None
        at = f"of sink {self._name} in {self._target.where}"
        letters = self.dead_letters.forget(dry_run)
        parked = [f"{letters} parked events {at}"] if letters else []
        return [f"positions {at}, table {POSITIONS_TABLE}", *parked] if found else parked

    def close(self) -> None:
        for connection in (self._work, self._ddl):
            if connection is not None:
                with contextlib.suppress(pymysql.err.Error, OSError):
                    connection.close()
        self._work = self._ddl = None
        self._plans.clear()

    # ---- whose it is

    @contextlib.contextmanager
    def _alone_at(self, table: TargetTable) -> Iterator[None]:
        """Nobody takes the table's topic over meanwhile: DDL has no transaction that could fail for it.

        Raises:
            OwnershipLostError: somebody has.
        """
        work: Any = self._open_connection()  # the stubs leave server_status out
        open_before = bool(work.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)
        try:
            self._lock(work, table)
            yield
        finally:
            if not open_before:
                with contextlib.suppress(pymysql.err.Error):
                    work.rollback()

    def _lock(self, work: Connection[Any], table: TargetTable) -> None:
        try:
            self._positions.lock(work, table.topic.removesuffix(KEPT_KEYS))
        except pymysql.err.Error as error:
            raise translate(error, self._target.where, POSITIONS_TABLE) from None

    def _end_sleepers(self) -> None:
        if self._former and self._ddl is not None:
            with contextlib.suppress(pymysql.err.Error):
                sink_sleepers.end(self._ddl, self._former)

    # ---- writing

    def _apply(self, work: TableWork) -> None:
        plan = self._plans.get(work.table.topic)
        if plan is None or plan.table != work.table:
            raise ValueError(f"{work.table.source} was not ensured in version {work.table.version}")
        if work.truncate:
            self._execute(f"DELETE FROM {plan.name}")  # TRUNCATE would end the transaction
        # Deletes first: a unique value that a deleted row gives up may stand in another one now.
        if work.deletes:
            self._execute_all(plan.deletes(work.deletes))
        if plan.otherwise_unique and (work.upserts or work.updates):
            self._put(plan, work)
        else:
            try:
                self._execute_all(plan.upserts(work.upserts))
                self._pipeline_all(plan.updates(work.updates))
            except pymysql.err.IntegrityError as error:
                if number(error) in MET_ELSEWHERE and self._has_become_unique(plan):
                    raise TransactionConflictError(
                        "rows met in a unique index that the target has got since the sink looked at it",
                        where=f"{self._target.where}, table {self._table}",
                        fix="they are applied again, with regard to it",
                    ) from None
                raise
        if work.sequential:
            self._in_sequence(plan, work.sequential)

    def _has_become_unique(self, plan: TablePlan) -> bool:
        """Whether the target's table has another unique index than the sink knows of; then the sink knows."""
        assert self._ddl is not None
        state = self._tables(self._ddl, self._server).read(plan.table.name)
        if state is None or plan.table.keyless:
            return False
        now = self._plans[plan.table.topic] = self._plan(plan.table, state, self._server)
        return now.otherwise_unique

    def _put(self, plan: TablePlan, work: TableWork) -> None:
        """Rows of a table with another unique index: in place, or, where they meet there, all out and all in again."""
        attempts = [self._put_aside]
        if work.inserts_only or plan.guarded:
            attempts.insert(0, self._put_all)
        if not plan.guarded:
            attempts.insert(-1, self._update_or_insert)
        self._execute("SAVEPOINT tailrace_put")
        while True:
            try:
                attempts.pop(0)(plan, work)
            except pymysql.err.IntegrityError as error:
                if number(error) not in MET_ELSEWHERE:
                    raise
                if not attempts:
                    if number(error) != DUPLICATE_ENTRY and plan.guards(column_named(error)):
                        raise rows_met("", number(error), f"{self._target.where}, table {self._table}") from None
                    raise
                self._execute("ROLLBACK TO SAVEPOINT tailrace_put")
            else:
                break
        self._execute("RELEASE SAVEPOINT tailrace_put")

    def _put_all(self, plan: TablePlan, work: TableWork) -> None:
        # Created rows last: those before them may give up their unique values.
        self._execute_all(plan.upserts(sorted(work.upserts, key=lambda row: row.created)))
        self._pipeline_all(plan.updates(work.updates))

    def _update_or_insert(self, plan: TablePlan, work: TableWork) -> None:
        rows = work.upserts
        if plan.settable:
            found: list[int] = []
            statements = list(plan.updates(rows))
            for start in range(0, len(statements), _PIPELINED):
                found += self._pipeline(statements[start : start + _PIPELINED])
            rows = [row for row, there in zip(rows, found, strict=True) if not there]
        self._execute_all(plan.upserts(rows))
        self._pipeline_all(plan.updates(work.updates))

    def _put_aside(self, plan: TablePlan, work: TableWork) -> None:
        aside = plan.aside()
        self._execute_all(plan.make_aside(aside, [*work.upserts, *work.updates]))
        self._execute_all(aside.upserts(work.upserts))
        self._pipeline_all(aside.updates(work.updates))
        self._execute_all(plan.bring_back(aside))

    def _in_sequence(self, plan: TablePlan, changes: Sequence[RowChange]) -> None:
        """Changes of a table without a key, in order; neighbouring inserts go together."""
        waiting: list[RowChange] = []
        inserts = False
        for change in changes:
            inserting = change.op in ("c", "r")
            if waiting and inserting != inserts:
                self._sequence_part(plan, waiting, inserts)
                waiting = []
            inserts = inserting
            waiting.append(change)
        if waiting:
            self._sequence_part(plan, waiting, inserts)

    def _sequence_part(self, plan: TablePlan, changes: Sequence[RowChange], inserts: bool) -> None:
        if inserts:
            self._execute_all(plan.inserts(changes))
            return
        # Where rows may be missing, an update is answered before the next one is sent: it may become an insert.
        step = _PIPELINED if self._complete else 1
        for start in range(0, len(changes), step):
            part = changes[start : start + step]
            for change, found in zip(part, self._pipeline([plan.change(c) for c in part]), strict=True):
                if found != 1:
                    self._not_found(plan, change)

    def _not_found(self, plan: TablePlan, change: RowChange) -> None:
        if self._complete:
            raise StuckError(
                "no row of the target is like the one that was updated or deleted at the source",
                where=f"{self._target.where}, table {self._table}",
                fix="something else wrote to the target: load the table anew",
            )
        if change.op == "u" and change.after is not None and len(change.after) == len(plan.table.columns):
            self._execute_all(plan.inserts([change]))

    # ---- statements

    def _open_connection(self) -> Connection[Any]:
        if self._work is None:
            raise ValueError("the sink is not open")
        return self._work

    def _savepoint(self, statement: str) -> None:
        try:
            self._execute(statement)
        except pymysql.err.Error as error:
            raise translate(error, self._target.where) from None

    def _execute(self, statement: str | bytes) -> int:
        return int(self._open_connection().query(statement))

    def _execute_all(self, statements: Iterable[str | bytes]) -> None:
        for statement in statements:
            self._execute(statement)

    def _pipeline_all(self, statements: Iterator[str]) -> None:
        waiting: list[str] = []
        for statement in statements:
            waiting.append(statement)
            if len(waiting) == _PIPELINED:
                self._pipeline(waiting)
                waiting = []
        if waiting:
            self._pipeline(waiting)

    def _pipeline(self, statements: Sequence[str]) -> list[int]:
        """Runs statements, as many in one round trip as one packet takes; returns the rows that each has found."""
        found: list[int] = []
        packet: list[str] = []
        size = 0
        for statement in statements:
            length = len(statement.encode()) + 1
            if packet and size + length > self._server.packet_limit:
                found += self._send(packet)
                packet, size = [], 0
            packet.append(statement)
            size += length
        return found + self._send(packet) if packet else found

    def _send(self, statements: Sequence[str]) -> list[int]:
        connection = self._open_connection()
        first = int(connection.query(";".join(statements)))
        return [first, *(int(connection.next_result()) for _ in statements[1:])]

    def _new_positions(self) -> Positions:
        return Positions(self._target.database, self._pipeline_name, self._name, self._owner, self._target.where)
