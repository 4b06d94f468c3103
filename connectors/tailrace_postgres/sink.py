"""A PostgreSQL database as target: rows and positions in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2

from tailrace import failpoints
from tailrace.completion import Structured, at_load
from tailrace.connectors import Context
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.overrides import Overrides
from tailrace.errors import RefusedError, StuckError, TailraceError
from tailrace.load_mark import LoadMark
from tailrace.schema import Column, Kind
from tailrace.sink import Preview, TableWork, TargetTable, refuse_nothing_seen
from tailrace.source import Finding
from tailrace.stream import Partition
from tailrace.structure import LEFT_OUT, NOTE, Outcome, TableStructure
from tailrace_postgres import sink_check, sink_connection
from tailrace_postgres.settings import PostgresSinkSettings
from tailrace_postgres.sink_completion import Completion
from tailrace_postgres.sink_connection import literal, quoted
from tailrace_postgres.sink_dead_letters import PostgresLetters
from tailrace_postgres.sink_errors import explain, translated
from tailrace_postgres.sink_merge import TableWriter
from tailrace_postgres.sink_overrides import obstacle
from tailrace_postgres.sink_positions import Positions
from tailrace_postgres.sink_sleepers import Sleepers
from tailrace_postgres.sink_tables import Present, Tables, refuse_long_names
from tailrace_postgres.sink_types import Reader, reader

_ENFORCED = (
    "foreign keys act on what the sink writes, for its user may not set session_replication_role; GRANT SET ON"
    " PARAMETER session_replication_role TO it (PostgreSQL 15 and newer), or stop the pipeline"
)
#: Rows that a server-side cursor sends at a time.
_FETCH_ROWS = 2000


class PostgresSink:
    """Writes the tables of one schema (`tailrace.sink.Sink`)."""

    transactional = True
    transactional_ddl = True
    overlaps = True

    def __init__(self, settings: PostgresSinkSettings, context: Context) -> None:
        self._settings = settings
        self._pipeline = context.pipeline
        # Without a full load, rows from before the start may be missing in the target.
        self._complete = context.mode != "cdc"
        self._indexes = context.indexes != "none"
        self._where = sink_connection.where(settings)
        self._connection: Any = None
        self._cursor: Any = None
        self._schema = ""
        self._replica = False
        self._tables: Tables
        self._conversion = context.conversion
        self._overrides = Overrides(context.conversion, Dialect.POSTGRESQL, obstacle)
        self._positions: Positions
        self._sleepers: Sleepers
        self._writers: dict[str, TableWriter] = {}
        self._attempting = False
        self.dead_letters = PostgresLetters(
            self._pipeline,
            settings.name,
            self._where,
            lambda: self._cursor,
            lambda: self._session("dead letters"),
            self._find_schema,
        )
        # Topics whose tables the open transaction has changed.
        self._written: set[str] = set()

    def check(self) -> list[Finding]:
        return sink_check.check(self._settings)

    def preview(self, table: TargetTable) -> Preview:
        refuse_long_names(table)
        with self._session("explain") as connection, translated(self._where), connection.cursor() as cursor:
            tables = Tables(cursor, self._find_schema(cursor), self._overrides)
            columns = tuple((column.name, tables.column_type(table, column)) for column in table.columns)
            return Preview(tables.name(table), columns)

    def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        self._connection = sink_connection.connect(self._settings, f"tailrace {self._pipeline}/{self._settings.name}")
        self._connection.watch(self._settings)
        with translated(self._where):
            self._replica = sink_connection.take_replica_role(self._connection)
            self._cursor = self._connection.cursor()
            self._sleepers = Sleepers(self._connection, self._pipeline, self._settings.name)
            self._sleepers.join()
            self._sleepers.end()
            self._schema = self._make_schema()
            self._tables = Tables(self._cursor, self._schema, self._overrides)
            self._positions = self._new_positions(self._schema)
            stored = self._positions.take_over(self._cursor, stream_id, topics)
            self._connection.commit()
        return stored

    def fold(self, name: str) -> str:
        return name

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> None:
        with translated(self._where, str(table.source)):
            present = self._tables.ensure(table, previous)
        self._written.add(table.topic)
        self._write_as(table, present)

    def _write_as(self, table: TargetTable, present: Present) -> None:
        stage = f"_tailrace_stage_{len(self._writers)}"
        known = self._writers.get(table.topic)
        self._writers[table.topic] = TableWriter(
            self._cursor,
            table,
            self._tables.name(table),
            known.stage if known else stage,
            present,
            self._complete,
            self._replica,
        )

    def drop(self, table: TargetTable) -> None:
        with translated(self._where, str(table.source)):
            self._cursor.execute(f"DROP TABLE IF EXISTS {self._tables.name(table)}")
        self._written.add(table.topic)

    def remove_others(self, table: TargetTable, load: LoadMark, seen: TargetTable | None) -> int | None:
        assert seen is not None
        name, others = self._tables.name(table), self._tables.name(seen)
        with translated(self._where, str(table.source)):
            self._cursor.execute(f"SELECT EXISTS (SELECT FROM {others})")
            refuse_nothing_seen(table, load, self._cursor.fetchone()[0])
            same = " AND ".join(f"s.{quoted(column.name)} = t.{quoted(column.name)}" for column in table.key)
            self._cursor.execute(
                f"ANALYZE {others}; DELETE FROM {name} t WHERE NOT EXISTS (SELECT FROM {others} s WHERE {same})"
            )
            return int(self._cursor.rowcount)

    def apply(self, work: Sequence[TableWork]) -> None:
        for table_work in work:
            writer = self._writers[table_work.table.topic]
            self._written.add(table_work.table.topic)
            name = str(table_work.table.source)
            with translated(self._where, name):
                try:
                    writer.write(table_work)
                except psycopg2.errors.NotNullViolation as error:
                    column = error.diag.column_name
                    if column in {known.name for known in table_work.table.columns}:
                        raise
                    # No row's matter: every row would be refused.
                    raise StuckError(
                        f"the target's column {column} takes no NULL, and the source has no such column",
                        where=f"{self._where}, table {name}",
                        fix="give it a default, or let it be NULL",
                    ) from None
                except psycopg2.DataError as error:
                    raise self._locate(writer, table_work, error, name) from None

    def attempt(self, work: Sequence[TableWork], keep: bool) -> StuckError | None:
        with translated(self._where):
            self._cursor.execute("SAVEPOINT tailrace_attempt")
        self._attempting = True
        refusal: StuckError | None = None
        try:
            self.apply(work)
        except StuckError as error:
            refusal = error
        finally:
            self._attempting = False
        if refusal is not None or not keep:
            self._undo_attempt()
        with translated(self._where):
            self._cursor.execute("RELEASE SAVEPOINT tailrace_attempt")
        return refusal

    def commit(self, positions: Mapping[Partition, int]) -> None:
        with translated(self._where):
            try:
                self._positions.move(self._cursor, positions, self._written)
            except TailraceError:
                self.rollback()
                raise
            failpoints.reached("target.positioned")
            self._connection.commit()
        failpoints.reached("target.committed")
        self._written.clear()
        self._positions.moved(positions)
        for writer in self._writers.values():
            writer.committed()

    def rollback(self) -> None:
        self._written.clear()
        if self._connection is not None:
            with translated(self._where):
                self._connection.rollback()
                # What was undone may have met the locks of one that sleeps.
                self._sleepers.end()
        self._forget_stages()

    def _forget_stages(self) -> None:
        """Tables may be back at an earlier version, and temporary ones gone."""
        for writer in self._writers.values():
            writer.forget_stage()

    def _undo_attempt(self) -> None:
        with translated(self._where):
            self._cursor.execute("ROLLBACK TO SAVEPOINT tailrace_attempt")
        self._forget_stages()

    def _undo(self) -> None:
        """Back to where the transaction can go on."""
        if self._attempting:
            self._undo_attempt()
        else:
            self.rollback()

    def add_indexes(self, table: TargetTable, structure: TableStructure, unique: bool) -> Sequence[Outcome]:
        with translated(self._where, str(table.source)):
            completion = Completion(self._cursor, self._schema, patient=True, conversion=self._conversion)
            made = list(completion.indexes(table, structure, lambda index: at_load(index, unique)))
            present = self._tables.look(table)
        assert present is not None
        self._write_as(table, present)  # it may have another unique index now
        return made

    def complete(self, tables: Sequence[tuple[TargetTable, TableStructure]], dry_run: bool) -> Iterator[Outcome]:
        with self._session("cutover") as connection, translated(self._where):
            if sink_connection.take_replica_role(connection):
                with connection.cursor() as cursor:  # foreign keys are to be looked at now
                    cursor.execute("SET session_replication_role = DEFAULT")
                connection.commit()
            elif any(structure.foreign_keys for _, structure in tables):
                yield Outcome("", NOTE, "foreign keys", LEFT_OUT, _ENFORCED)
            with connection.cursor() as cursor:
                completion = Completion(
                    cursor,
                    self._find_schema(cursor),
                    dry_run=dry_run,
                    done=connection.commit,
                    patient=False,
                    conversion=self._conversion,
                )
                yield from completion.complete([Structured(*entry) for entry in tables], self._indexes)

    def rows(self, table: TargetTable) -> Iterator[dict[str, Any]]:
        refuse_long_names(table)
        with self._session("verify") as connection, translated(self._where, str(table.source)):
            with connection.cursor() as cursor:
                name = quoted(self._find_schema(cursor), table.name)
                present = Tables(cursor, self._find_schema(cursor), self._overrides).look(table)
                if present is None:
                    return
            from_postgres = table.source.schema is not None
            names = [column.name for column in table.columns]
            readers = [reader(column.type, from_postgres) for column in table.columns]
            # A column that is still to be added is NULL in every row.
            printed = ", ".join(
                _printed(column, from_postgres) if column.name in present.columns else "NULL::text"
                for column in table.columns
            )
            with connection.cursor("tailrace_rows") as cursor:
                cursor.itersize = _FETCH_ROWS
                cursor.execute(f"SELECT {printed} FROM {name}")
                for row in cursor:
                    yield {
                        name: text if text is None or read is None else _value(read, text)
                        for name, text, read in zip(names, row, readers, strict=True)
                    }

    def teardown(self, dry_run: bool) -> list[str]:
        with self._session("teardown") as connection, translated(self._where):
            with connection.cursor() as cursor:
                found = self._new_positions(self._find_schema(cursor)).remove(cursor, dry_run)
            connection.commit()
        name, letters = self._settings.name, self.dead_letters.forget(dry_run)
        parked = [f"{letters} parked events of sink {name} in {self._where}"] if letters else []
        return [f"positions of sink {name} in {self._where}", *parked] if found else parked

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            sink_connection.quietly_close(connection)

    # ---- inside

    @contextmanager
    def _session(self, purpose: str) -> Iterator[Any]:
        connection = sink_connection.connect(self._settings, f"tailrace {self._pipeline} {purpose}")
        try:
            yield connection
        finally:
            sink_connection.quietly_close(connection)

    def _new_positions(self, schema: str) -> Positions:
        return Positions(schema, self._pipeline, self._settings.name, self._where)

    def _find_schema(self, cursor: Any) -> str:
        if self._settings.target_schema:
            return self._settings.target_schema
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
        if schema is None:
            raise RefusedError(
                "no schema of the user's search_path exists",
                where=self._where,
                fix='create one, or name one with `schema = "…"`',
            )
        return str(schema)

    def _make_schema(self) -> str:
        schema = self._find_schema(self._cursor)
        self._cursor.execute(f"SELECT to_regnamespace({literal(quoted(schema))})")
        if self._cursor.fetchone()[0] is None:
            self._cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        return schema

    def _locate(self, writer: TableWriter, work: TableWork, error: psycopg2.Error, table: str) -> TailraceError:
        """Which column it was, if the error does not say: a literal's error names none, COPY's does."""
        found = explain(error, self._where, table)
        if "column" in found.where or (self._attempting and not _single(work)):
            return found
        self._undo()
        try:
            self._tables.ensure(work.table, None)  # it may have been made in the transaction that is rolled back
            writer.stage_all(work)
        except psycopg2.Error as located:
            again = explain(located, self._where, table)
            return again if isinstance(again, type(found)) else found
        except TailraceError:
            pass
        finally:
            self._undo()
        return found


def _single(work: TableWork) -> bool:
    return len(work.upserts) + len(work.updates) + len(work.deletes) + len(work.sequential) == 1


def _value(read: Reader, text: str) -> Any:
    """A column that is still to change its type holds what is no value of the new one, and equals none."""
    try:
        return read(text)
    except ValueError:
        return text


def _printed(column: Column, from_postgres: bool) -> str:
    """The column as its type prints it. A cast strips the blanks of character(n), and adds /32 to an inet."""
    name = quoted(column.name)
    if from_postgres and (column.type.kind is Kind.OTHER or column.type.fixed):
        # IS NOT NULL would be false of a composite with a NULL in it.
        return f"CASE WHEN {name} IS DISTINCT FROM NULL THEN format('%s', {name}) END"
    return f"{name}::text"
