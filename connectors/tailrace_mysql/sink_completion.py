"""Makes in a MySQL or MariaDB target what `sink_structure` says, as far as it is not there yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from tailrace.completion import (
    Step,
    Structured,
    fitting,
    following,
    left_out,
    outcomes,
    referenced,
    serves,
    wanted_indexes,
)
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.indexes.stream import StreamIndexes
from tailrace.sink import TargetTable
from tailrace.structure import (
    FAILED,
    FOREIGN_KEY,
    INDEX,
    MADE,
    NUMBERING,
    PRESENT,
    TO_MAKE,
    ForeignKey,
    Index,
    LeftOut,
    Numbering,
    Outcome,
    TableStructure,
)
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_catalog import TableState, read_besides, read_table
from tailrace_mysql.sink_connection import Server
from tailrace_mysql.sink_errors import number, passing, quotes_values, translate
from tailrace_mysql.sink_structure import (
    NAME_BYTES,
    foreign_key_step,
    index_name,
    index_step,
    likeness_of,
    numbering_clause,
)
from tailrace_mysql.structure import read_indexes


class Completion:
    """Works on a connection of its own: DDL ends transactions.

    Args:
        dry_run: nothing is made.
        patient: what time may mend is raised, to be tried again, instead of told.
        conversion: files of the pipeline's key of that name.
    """

    def __init__(
        self,
        connection: Connection[Any],
        server: Server,
        database: str,
        *,
        dry_run: bool = False,
        patient: bool,
        conversion: tuple[Path, ...] = (),
    ) -> None:
        self._connection = connection
        self._server = server
        self._database = database
        self._dry_run = dry_run
        self._patient = patient
        self._conversion = conversion
        # What is unique once the indexes are made, by topic, in lower case.
        self._unique: dict[str, list[frozenset[str]]] = {}

    def complete(self, tables: Sequence[Structured], indexes: bool) -> Iterator[Outcome]:
        """Everything: indexes, then numbering, then foreign keys."""
        by_topic = {table.topic: table for table, _ in tables}
        for table, structure in tables:
            yield from outcomes(table, structure.left_out)
            yield from self.indexes(table, structure, lambda index: indexes)
        for table, structure in tables:
            for numbering in structure.numberings:
                if (state := self._state(table)) is not None:
                    yield self._number(table, numbering, state)
        taken = {str(row[0]) for row in self._query(_FOREIGN_KEY_NAMES, (self._database,))}
        for table, structure in tables:
            for key in structure.foreign_keys:
                if (state := self._state(table)) is not None:
                    yield self._foreign_key(table, key, state, by_topic, taken)

    def indexes(
        self, table: TargetTable, structure: TableStructure, chosen: Callable[[Index], bool]
    ) -> Iterator[Outcome]:
        """Those of the table that are chosen, in one statement where the server takes it so."""
        state = self._state(table)
        if state is None:
            return
        present = self._indexes(table)
        self._unique[table.topic] = [
            frozenset(column.lower() for column in index.columns)
            for index in present
            if index.unique and index.plain and not any(part.prefix for part in index.parts)
        ]
        names = {index.name.lower() for index in present}
        steps: list[Step] = []
        dialect = Dialect.MARIADB if self._server.mariadb else Dialect.MYSQL
        types = {
            column.name: held.declaration
            for column in table.columns
            if (held := state.columns.get(column.name.lower())) is not None
        }
        decided = StreamIndexes(table, structure, dialect, types, self._conversion)
        for index in wanted_indexes(table, structure):
            if not chosen(index):
                continue
            made = decided.of(index)
            if isinstance(made, LeftOut):
                yield left_out(table, made)
                continue
            step = index_step(table, made, self._server.mariadb)
            alike = (
                other
                for other in present
                if likeness_of(other.method, other.parts) == step.likeness and (other.unique or not index.unique)
            )
            there = next(alike, None)
            if there is not None or index_name(table, index).lower() in names:
                yield Outcome(
                    str(table.source),
                    INDEX,
                    index.name,
                    PRESENT,
                    serves(index.name, there.name if there is not None else None),
                )
            else:
                steps.append(step)
        yield from self._make_indexes(table, steps)

    # ---- inside

    def _make_indexes(self, table: TargetTable, steps: Sequence[Step]) -> Iterator[Outcome]:
        # InnoDB makes one FULLTEXT index at a time.
        together = [step for step in steps if "FULLTEXT" not in step.statement]
        made = len(together) > 1 and not self._dry_run and self._alter(table, [s.statement for s in together]) is None
        for step in steps:
            outcome = self._outcome(table, step, MADE) if made and step in together else self._run(table, step)
            if outcome.state in (MADE, TO_MAKE) and step.unique:
                self._unique[table.topic].append(step.unique)
            yield outcome

    def _state(self, table: TargetTable) -> TableState | None:
        state = read_table(self._connection, self._database, table.name)
        self._connection.rollback()  # or a later look would see the catalog as of the first one
        return state

    def _indexes(self, table: TargetTable) -> list[Index]:
        return list(read_indexes(self._query, self._server.mariadb, self._database, table.name))

    def _number(self, table: TargetTable, numbering: Numbering, state: TableState) -> Outcome:
        source, name = str(table.source), numbering.column
        rows = self._query(_COUNTED, (self._database, table.name))
        counted = str(rows[0][0]).lower() if rows else ""
        leading = {index.parts[0].column.lower() for index in self._indexes(table)}
        clause = numbering_clause(table, numbering, state, counted, leading)
        if isinstance(clause, LeftOut):
            return left_out(table, clause)
        last = self._query(f"SELECT MAX({identifier(name)}) FROM {self._qualified(table)}")[0][0]
        wanted = following(numbering.next, None if last is None else int(last), 1)
        if clause:
            besides = read_besides(self._connection, self._database, table.name).get(name.lower(), "")
            besides = besides.removeprefix(" DEFAULT NULL")
            if " DEFAULT " in f"{besides} ".partition(" COMMENT ")[0]:
                reason = f"the target's column has a default of its own:{besides}"
                return left_out(table, LeftOut(NUMBERING, name, reason))
            clause += besides
        if not clause:
            if not self._server.mariadb:
                # MySQL would answer by statistics of up to a day ago.
                self._query("SET SESSION information_schema_stats_expiry = 0")
            goes_on = self._query(_NEXT, (self._database, table.name))[0][0]
            if goes_on is not None and int(goes_on) >= wanted:
                return Outcome(source, NUMBERING, name, PRESENT, f"next {int(goes_on)}")
        clauses = [clause] if clause else []
        step = Step(NUMBERING, name, ", ".join([*clauses, f"AUTO_INCREMENT = {wanted}"]), f"next {wanted}")
        return self._run(table, step)

    def _foreign_key(
        self, table: TargetTable, key: ForeignKey, state: TableState, tables: dict[str, TargetTable], taken: set[str]
    ) -> Outcome:
        other = referenced(key, tables)
        if isinstance(other, LeftOut):
            return left_out(table, other)
        theirs = self._state(other)
        if theirs is None:
            return left_out(table, LeftOut(FOREIGN_KEY, key.name, f"the target has no table {other.name}"))
        found = self._query(_FOREIGN_KEYS, (self._database, table.name, self._database, other.name))
        for name, columns in groupby(found, key=lambda row: str(row[0])):
            if [str(row[1]).lower() for row in columns] == [column.lower() for column in key.columns]:
                detail = "" if name == key.name else f"as {name}"
                return Outcome(str(table.source), FOREIGN_KEY, key.name, PRESENT, detail)
        # Their names are a database's.
        name = fitting(key.name, NAME_BYTES)
        if name in taken:
            name = fitting(f"{table.name}_{key.name}", NAME_BYTES)
        qualified = f"{identifier(self._database)}.{identifier(other.name)}"
        step = foreign_key_step(key, name, state, (qualified, theirs), self._unique.get(other.topic, ()))
        if isinstance(step, LeftOut):
            return left_out(table, step)
        self._query(f"SET SESSION foreign_key_checks = {int(key.validated)}")
        outcome = self._run(table, step)
        self._query("SET SESSION foreign_key_checks = 0")
        taken.add(name)
        if outcome.state != FAILED:
            return outcome
        return replace(outcome, detail=f"{outcome.detail}{self._orphans(table, key, qualified, other)}")

    def _orphans(self, table: TargetTable, key: ForeignKey, qualified: str, other: TargetTable) -> str:
        """How many rows refer to nothing, and how to see them."""
        pairs = [(identifier(a), identifier(b)) for a, b in zip(key.columns, key.referenced_columns, strict=True)]
        same = " AND ".join(f"p.{theirs} = c.{own}" for own, theirs in pairs)
        there = " AND ".join(f"c.{own} IS NOT NULL" for own, _ in pairs)
        orphaned = (
            f"FROM {self._qualified(table)} c WHERE {there} AND NOT EXISTS (SELECT 1 FROM {qualified} p WHERE {same})"
        )
        count = int(self._query(f"SELECT COUNT(*) {orphaned}")[0][0])
        return f"; {count} rows refer to no row of {other.name}: SELECT * {orphaned}" if count else ""

    def _run(self, table: TargetTable, step: Step) -> Outcome:
        if self._dry_run:
            return self._outcome(table, step, TO_MAKE)
        error = self._alter(table, [step.statement])
        if error is None:
            return self._outcome(table, step, MADE)
        code = number(error)
        translated = translate(error, "", table.name)
        reason = translated.what if quotes_values(code) else f"{error.args[1]} (error {code})"
        return replace(self._outcome(table, step, FAILED), detail=reason)

    def _alter(self, table: TargetTable, clauses: Sequence[str]) -> pymysql.err.Error | None:
        """Why it failed, None if it did not."""
        try:
            self._query(self._statement(table, clauses))
        except pymysql.err.Error as error:
            if passing(error, self._patient):
                raise
            return error
        return None

    def _statement(self, table: TargetTable, clauses: Sequence[str]) -> str:
        return f"ALTER TABLE {self._qualified(table)} {', '.join(clauses)}"

    def _outcome(self, table: TargetTable, step: Step, state: str) -> Outcome:
        statement = self._statement(table, [step.statement])
        return Outcome(str(table.source), step.kind, step.name, state, step.detail, statement)

    def _qualified(self, table: TargetTable) -> str:
        return f"{identifier(self._database)}.{identifier(table.name)}"

    def _query(self, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, values)
            rows = list(cursor.fetchall()) if cursor.description else []
        self._connection.rollback()
        return rows


_FOREIGN_KEY_NAMES = (
    "SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = %s"
)
_FOREIGN_KEYS = (
    "SELECT CONSTRAINT_NAME, COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = %s"
    " AND TABLE_NAME = %s AND REFERENCED_TABLE_SCHEMA = %s AND REFERENCED_TABLE_NAME = %s"
    " ORDER BY CONSTRAINT_NAME, ORDINAL_POSITION"
)
_COUNTED = (
    "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    " AND EXTRA LIKE '%%auto_increment%%'"
)
_NEXT = "SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
