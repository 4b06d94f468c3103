"""DynamoDB, or what speaks its protocol, as target: every item fenced by the sequence of the event that wrote it.

There is no transaction over many items: rows are written, in any order but one after the other per key, and when all
are done the position moves on. After a crash the events since the stored position come again and change nothing,
because the fences are there already (I4).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from tailrace import failpoints
from tailrace.connectors import Context
from tailrace.errors import RefusedError, StuckError
from tailrace.load_mark import LoadMark
from tailrace.sink import Preview, TableWork, TargetTable
from tailrace.source import Finding
from tailrace.stream import Partition
from tailrace.structure import LEFT_OUT, NOTE, Outcome, TableStructure
from tailrace_dynamodb import indexes
from tailrace_dynamodb.attributes import ItemForm, stream_digest
from tailrace_dynamodb.check import findings
from tailrace_dynamodb.dead_letters import DynamoDBLetters
from tailrace_dynamodb.key_form import DELETED, ENTITY
from tailrace_dynamodb.positions import Positions
from tailrace_dynamodb.service import Service
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.tables import (
    Migration,
    check_key,
    create_table,
    delete_table,
    describe_table,
    is_empty,
    of_entity,
    scan,
    table_name,
    wait_active,
)
from tailrace_dynamodb.writes import Concurrent, TableWriter


class DynamoDBSink:
    """Writes the tables of one endpoint under one prefix (`tailrace.sink.Sink`)."""

    transactional = False
    transactional_ddl = False
    overlaps = False

    def __init__(self, settings: DynamoDBSinkSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._pipeline = context.pipeline
        self._owner = f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(8)}"
        self._connected: Service | None = None
        self._concurrent: Concurrent | None = None
        self._stream = ""
        self._shared = False
        self._positions: Positions
        self._writers: dict[str, TableWriter] = {}
        self._design = settings.design()
        # DynamoDB's tables with the topics whose rows they hold, and those that held nothing when we met them.
        self._met: dict[str, dict[str, ItemForm]] = {}
        self._empty: set[str] = set()
        # Topics whose table held none of their rows when we met them, and got only rows of a full load since.
        self._fresh: set[str] = set()
        self.dead_letters = DynamoDBLetters(
            settings.prefix, context.pipeline, settings.name, self._service, lambda: self._positions.check_owners()
        )

    def check(self) -> list[Finding]:
        return findings(self._settings, self._context)

    def preview(self, table: TargetTable) -> Preview:
        form = self._form(table)
        columns = tuple((column.name, form.attribute_type(column.name)) for column in table.columns)
        return Preview(self._name(table), columns)

    def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        self.close()
        self._stream = stream_digest(stream_id)
        self._shared = topics is not None
        self._concurrent = Concurrent(self._settings.concurrency)
        self._positions = self._new_positions(self._service())
        return self._positions.take(stream_id, topics)

    def fold(self, name: str) -> str:
        return name

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> None:
        known = self._writers.get(table.topic)
        if known is not None and known.form.table == table:
            return
        service = self._service()
        form = self._form(table)
        name = self._name(table)
        self._meet(name, table, form)
        described = describe_table(service, name)
        if described is None:
            create_table(service, name, form.key, indexes=form.indexes)
            described = describe_table(service, name) or {}
        else:
            wait_active(service, name)
        design = self._design.tables.get(str(table.source))
        check_key(service, name, described, form.key, self._design.path if design is not None else "")
        wanted = indexes.missing(service, name, described, form, self._design.path)
        if known is None:
            self._positions.remember_table(name)
            # Where workers share the sink every write has its condition: one of them may have been asleep.
            if not self._shared and (name in self._empty or is_empty(service, name)):
                self._empty.add(name)
                self._fresh.add(table.topic)
        filling = bool(wanted) and name not in self._empty
        if previous is not None:
            migration = Migration(service, name, self._stream, form, previous, design)
            if migration.needed:
                self._pool().each(migration.rewrite, migration.items())
                filling = filling or migration.touches_texts
        if filling:
            missed = indexes.Filling(service, name, form)
            self._pool().each(missed.write, missed.items())
        for index in wanted:
            indexes.make(service, name, form.key, index)
        self._writers[table.topic] = TableWriter(service, name, self._stream, form)

    def _meet(self, name: str, table: TargetTable, form: ItemForm) -> None:
        """Takes note of a table whose rows go to DynamoDB's table `name`.

        Raises:
            StuckError: it is not to be told apart from another one there, or an index of one cannot take the other.
        """
        met = self._met.setdefault(name, {})
        met[table.topic] = form
        where = f"{self._design.path}: table {table.source}"
        entities = [each.mark[ENTITY]["S"] for each in met.values() if each.mark]
        if len(met) > 1 and len(set(entities)) < len(met):
            raise StuckError(
                f"the rows of several tables would go to the DynamoDB table {name}",
                where=where,
                fix="give each an entity of its own in the key design, or another table",
            )
        for other in met.values():
            for one, two in ((form, other), (other, form)) if other is not form else ():
                if (column := two.contradicts(one)) is not None:
                    raise StuckError(
                        f"the column {column} of {two.table.source} would be key of an index of {one.table.source}, "
                        "with values that it does not take",
                        where=where,
                        fix="give that part of the index a name and a prefix",
                    )

    def drop(self, table: TargetTable) -> None:
        name = self._name(table)
        self._positions.check_owner(table.topic)  # no condition goes with it
        writer = self._writers.pop(table.topic, None)
        self._fresh.discard(table.topic)
        form = self._form(table)
        if not form.mark:
            delete_table(self._service(), name)
        elif describe_table(self._service(), name) is not None:
            writer = writer or TableWriter(self._service(), name, self._stream, form)
            writer.remove_all(self._pool())

    def remove_others(self, table: TargetTable, load: LoadMark, seen: TargetTable | None) -> int | None:
        self._writers[table.topic].clear(self._pool(), load.since)
        return None

    def apply(self, work: Sequence[TableWork]) -> None:
        for table_work in work:
            writer = self._writers.get(table_work.table.topic)
            if writer is None or writer.form.table != table_work.table:
                raise ValueError(f"{table_work.table.source} was not ensured in version {table_work.table.version}")
            self._apply(writer, table_work)

    def attempt(self, work: Sequence[TableWork], keep: bool) -> StuckError | None:
        """What is taken stays in any case: its fence keeps what comes again from doing harm."""
        try:
            self.apply(work)
        except StuckError as error:
            return error
        return None

    def _apply(self, writer: TableWriter, work: TableWork) -> None:
        concurrent = self._pool()
        if work.late:
            upserts, updates, deletes = (
                [writer.overtaking(row) for row in rows] for rows in (work.upserts, work.updates, work.deletes)
            )
            work = replace(work, upserts=upserts, updates=updates, deletes=deletes)
        if not work.inserts_only or work.updates or work.deletes or work.truncate:
            self._fresh.discard(work.table.topic)
        if work.truncate:
            writer.clear(concurrent, work.truncate_seq)
        if work.table.topic in self._fresh:
            self._positions.check_owner("")  # unconditional writes are the owner's only
            writer.load(concurrent, work.upserts, self._positions.recheck_owner)
        elif work.table.retained:
            concurrent.each(writer.overlay, work.upserts)
        else:
            concurrent.each(writer.put, work.upserts)
        concurrent.each(writer.update, work.updates)
        concurrent.each(writer.delete, work.deletes)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        failpoints.reached("target.positioned")
        self._positions.advance(positions)
        failpoints.reached("target.committed")

    def rollback(self) -> None:
        """Nothing to undo: what was written is fenced, and comes again."""

    def add_indexes(self, table: TargetTable, structure: TableStructure, unique: bool) -> Sequence[Outcome]:
        return ()

    def complete(self, tables: Sequence[tuple[TargetTable, TableStructure]], dry_run: bool) -> Iterator[Outcome]:
        detail = "a key-value store has neither the source's indexes and foreign keys nor its sequences: nothing to set"
        yield Outcome("", NOTE, "structure", LEFT_OUT, detail)

    def rows(self, table: TargetTable) -> Iterator[dict[str, Any]]:
        form = self._form(table)
        for item in scan(self._service(), self._name(table), **of_entity(form)):
            if DELETED not in item:
                yield form.values(item)

    def teardown(self, dry_run: bool) -> list[str]:
        positions = self._new_positions(self._service())
        try:
            found = positions.forget(dry_run)
        except ClientError:
            raise RefusedError(
                "the table of positions is in use", where=positions.table, fix="stop the pipeline, and try again"
            ) from None
        name, letters = self._settings.name, self.dead_letters
        count = letters.forget(dry_run)
        parked = [f"{count} parked events of sink {name} in the DynamoDB table {letters.table}"] if count else []
        return [f"positions of sink {name} in the DynamoDB table {positions.table}", *parked] if found else parked

    def close(self) -> None:
        service, self._connected = self._connected, None
        concurrent, self._concurrent = self._concurrent, None
        if service is not None:
            with contextlib.suppress(Exception):
                service.close()
        if concurrent is not None:
            concurrent.close()
        self._writers.clear()
        self._fresh.clear()
        self._empty.clear()
        self._met.clear()

    # ---- inside

    def _form(self, table: TargetTable) -> ItemForm:
        return ItemForm(table, self._design.tables.get(str(table.source)), self._design.path)

    def _name(self, table: TargetTable) -> str:
        return table_name(self._settings.prefix, table, self._design.tables.get(str(table.source)))

    def _service(self) -> Service:
        if self._connected is None:
            self._connected = Service(self._settings)
        return self._connected

    def _pool(self) -> Concurrent:
        if self._concurrent is None:
            raise ValueError("the sink is not open")
        return self._concurrent

    def _new_positions(self, service: Service) -> Positions:
        return Positions(service, self._settings.prefix, self._pipeline, self._settings.name, self._owner)
