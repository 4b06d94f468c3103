"""Makes in a PostgreSQL target what `sink_structure` says, as far as it is not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2

from tailrace.completion import Step, Structured, following, left_out, outcomes, referenced, serves, wanted_indexes
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.indexes.stream import StreamIndexes
from tailrace.logs import logger
from tailrace.sink import TargetTable
from tailrace.structure import (
    FAILED,
    FOREIGN_KEY,
    INDEX,
    MADE,
    NUMBERING,
    POSTGRES,
    PRESENT,
    TO_MAKE,
    ForeignKey,
    Index,
    LeftOut,
    Numbering,
    Outcome,
    TableStructure,
)
from tailrace_postgres.sink_connection import literal, quoted
from tailrace_postgres.sink_errors import passing
from tailrace_postgres.sink_structure import (
    foreign_key_step,
    index_names,
    index_step,
    numbering_statement,
)
from tailrace_postgres.structure import INDEXES, NUMBERINGS, read_indexes

_COUNTED = ("smallint", "integer", "bigint", "numeric")

log = logger()


class Completion:
    """Works on a cursor within a transaction.

    Args:
        dry_run: nothing is made.
        done: called after each statement.
        patient: what time may mend is raised, to be tried again, instead of told.
        conversion: files of the pipeline's key of that name.
    """

    def __init__(
        self,
        cursor: Any,
        schema: str,
        *,
        dry_run: bool = False,
        done: Callable[[], None] | None = None,
        patient: bool,
        conversion: tuple[Path, ...] = (),
    ) -> None:
        self._cursor = cursor
        self._schema = schema
        self._version: int = cursor.connection.server_version
        self._dry_run = dry_run
        self._done = done or (lambda: None)
        self._patient = patient
        self._conversion = conversion
        # What is unique once the indexes are made, by topic.
        self._unique: dict[str, list[frozenset[str]]] = {}

    def complete(self, tables: Sequence[Structured], indexes: bool) -> Iterator[Outcome]:
        """Everything: indexes, then numbering, then foreign keys."""
        by_topic = {table.topic: table for table, _ in tables}
        for table, structure in tables:
            yield from outcomes(table, structure.left_out)
            if self._oid(table) is None:
                continue
            if indexes:
                yield from self.indexes(table, structure, lambda index: True)
            else:
                self._present(table)
        names = [n.sequence for _, structure in tables for n in structure.numberings if n.sequence]
        for table, structure in tables:
            if self._oid(table) is not None:
                for numbering in structure.numberings:
                    yield self._number(table, numbering, names.count(numbering.sequence) > 1)
        for table, structure in tables:
            if self._oid(table) is not None:
                for key in structure.foreign_keys:
                    yield self._foreign_key(table, key, by_topic)

    def indexes(
        self, table: TargetTable, structure: TableStructure, chosen: Callable[[Index], bool]
    ) -> Iterator[Outcome]:
        """Those of the table that are chosen."""
        present = self._present(table)
        names = {index.name for index in present}
        wanted = [index for index in wanted_indexes(table, structure) if chosen(index)]
        decided = StreamIndexes(
            table, structure, Dialect.POSTGRESQL, self._types(table) if wanted else {}, self._conversion
        )
        for index in wanted:
            candidates = index_names(table, structure, index)
            made = decided.of(index)
            if isinstance(made, LeftOut):
                yield left_out(table, made)
                continue
            step = index_step(self._schema, table, made, "", self._version)
            if isinstance(step, LeftOut):
                yield left_out(table, step)
                continue
            own = candidates if structure.dialect != POSTGRES else []
            there = next((other for other in present if _alike(made.index, other, own)), None)
            if there is not None or names & set(candidates):
                yield Outcome(
                    str(table.source),
                    INDEX,
                    index.name,
                    PRESENT,
                    serves(index.name, there.name if there is not None else None),
                )
                continue
            name = next((name for name in candidates if self._free(name)), candidates[-1])
            step = index_step(self._schema, table, made, name, self._version)
            assert isinstance(step, Step)
            outcome = self._run(table, step)
            if outcome.state in (MADE, TO_MAKE) and step.unique:
                self._unique[table.topic].append(step.unique)
            yield outcome

    # ---- inside

    def _oid(self, table: TargetTable) -> int | None:
        self._cursor.execute(f"SELECT to_regclass({literal(quoted(self._schema, table.name))})::oid")
        oid = self._cursor.fetchone()[0]
        return None if oid is None else int(oid)

    def _present(self, table: TargetTable) -> tuple[Index, ...]:
        self._cursor.execute(INDEXES, [self._oid(table)])
        found, _, _ = read_indexes(self._cursor.fetchall())
        self._unique[table.topic] = [
            frozenset(index.columns) for index in found if index.unique and index.plain and not index.deferrable
        ]
        return found

    def _types(self, table: TargetTable) -> dict[str, str]:
        """Of its columns, by name."""
        self._cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped",
            [self._oid(table)],
        )
        return dict(self._cursor.fetchall())

    def _free(self, name: str) -> bool:
        self._cursor.execute(f"SELECT to_regclass({literal(quoted(self._schema, name))}) IS NULL")
        return bool(self._cursor.fetchone()[0])

    def _foreign_key(self, table: TargetTable, key: ForeignKey, tables: dict[str, TargetTable]) -> Outcome:
        other = referenced(key, tables)
        if isinstance(other, LeftOut):
            return left_out(table, other)
        step = foreign_key_step(self._schema, table, key, other, self._unique.get(other.topic, ()))
        if isinstance(step, LeftOut):
            return left_out(table, step)
        self._cursor.execute(
            "SELECT k.conname FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = %s AND k.confrelid = %s"
            " AND ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY p (n, place) JOIN pg_attribute a"
            " ON a.attrelid = k.conrelid AND a.attnum = p.n ORDER BY place) = %s",
            [self._oid(table), self._oid(other), list(key.columns)],
        )
        if (found := self._cursor.fetchone()) is not None:
            detail = "" if found[0] == key.name else f"as {found[0]}"
            return Outcome(str(table.source), FOREIGN_KEY, key.name, PRESENT, detail)
        outcome = self._run(table, step)
        if outcome.state != FAILED:
            return outcome
        return replace(outcome, detail=f"{outcome.detail}{self._orphans(table, key, other)}")

    def _orphans(self, table: TargetTable, key: ForeignKey, other: TargetTable) -> str:
        """How many rows refer to nothing, and how to see them."""
        pairs = list(zip(key.columns, key.referenced_columns, strict=True))
        same = " AND ".join(f"p.{quoted(theirs)} = c.{quoted(own)}" for own, theirs in pairs)
        there = " AND ".join(f"c.{quoted(own)} IS NOT NULL" for own, _ in pairs)
        orphaned = (
            f"FROM {quoted(self._schema, table.name)} c WHERE {there} AND NOT EXISTS"
            f" (SELECT FROM {quoted(self._schema, other.name)} p WHERE {same})"
        )
        self._cursor.execute(f"SELECT count(*) {orphaned}")
        count = self._cursor.fetchone()[0]
        return f"; {count} rows refer to no row of {other.name}: SELECT * {orphaned}" if count else ""

    def _number(self, table: TargetTable, numbering: Numbering, shared: bool) -> Outcome:
        self._cursor.execute(
            "SELECT format_type(a.atttypid, -1), pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a"
            " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
            " WHERE a.attrelid = %s AND a.attname = %s AND NOT a.attisdropped",
            [self._oid(table), numbering.column],
        )
        found = self._cursor.fetchone()
        if found is None or found[0] not in _COUNTED:
            reason = "is not in its table" if found is None else f"is {found[0]}"
            return left_out(table, LeftOut(NUMBERING, numbering.column, f"the target's column {reason}"))
        type_, default = found
        column = quoted(numbering.column)
        self._cursor.execute(f"SELECT max({column})::text FROM {quoted(self._schema, table.name)}")
        last = self._cursor.fetchone()[0]
        wanted = following(numbering.next, None if last is None else int(last), numbering.step)
        sequence = self._sequence(table, numbering)
        if sequence is None and default is not None:
            reason = f"the target's column has a default of its own: {default}"
            return left_out(table, LeftOut(NUMBERING, numbering.column, reason))
        made: list[str] = []
        if sequence is None:
            statement = numbering_statement(self._schema, table, numbering, type_, wanted, shared)
            outcome = self._run(table, Step(NUMBERING, numbering.column, statement, f"next {wanted}"))
            if outcome.state != MADE:
                return outcome
            made.append(statement)
            sequence = self._sequence(table, numbering)
            assert sequence is not None
        name, goes_on = sequence
        if goes_on >= wanted:
            state, told = (MADE, made[0]) if made else (PRESENT, "")
            return Outcome(str(table.source), NUMBERING, numbering.column, state, f"next {goes_on}", told)
        statement = f"SELECT setval({literal(name)}, {wanted}, false)"
        step = Step(NUMBERING, numbering.column, "; ".join([*made, statement]), f"next {wanted}")
        return self._run(table, step, statement)

    def _sequence(self, table: TargetTable, numbering: Numbering) -> tuple[str, int] | None:
        """What numbers the column now, and with which value it goes on."""
        self._cursor.execute(NUMBERINGS, [self._oid(table)])
        for column, _, _, schema, sequence, step, _ in self._cursor.fetchall():
            if column == numbering.column:
                name = quoted(schema, sequence)
                self._cursor.execute(f"SELECT last_value, is_called FROM {name}")
                last, called = self._cursor.fetchone()
                return name, int(last + step if called else last)
        return None

    def _run(self, table: TargetTable, step: Step, statement: str = "") -> Outcome:
        """
        Args:
            statement: what is run, where the step's tells of more.
        """
        source = str(table.source)
        if self._dry_run:
            return Outcome(source, step.kind, step.name, TO_MAKE, step.detail, step.statement)
        self._cursor.execute("SAVEPOINT tailrace_structure")
        try:
            self._cursor.execute(statement or step.statement)
        except psycopg2.Error as error:
            if error.pgcode is None or (self._patient and passing(error.pgcode)):
                raise
            self._cursor.execute("ROLLBACK TO SAVEPOINT tailrace_structure")
            # The detail, which may quote a row, is left out.
            reason = f"{error.diag.message_primary} ({error.pgcode})"
            return Outcome(source, step.kind, step.name, FAILED, reason, step.statement)
        self._cursor.execute("RELEASE SAVEPOINT tailrace_structure")
        self._done()
        return Outcome(source, step.kind, step.name, MADE, step.detail, step.statement)


def _alike(wanted: Index, present: Index, names: Sequence[str]) -> bool:
    """Whether an index that is there serves for the one that is wanted.

    Args:
        names: what one of another system may be called here. The server keeps SQL in words of its own: what has this
            name, and is the same but for its expressions, is the one.
    """
    if present.name in names:
        wanted, present = _without_sql(wanted), _without_sql(present)
    same = ("parts", "method", "nulls_distinct", "include", "where", "deferrable")
    if any(getattr(wanted, name) != getattr(present, name) for name in same):
        return False
    return present.unique or not wanted.unique


def _without_sql(index: Index) -> Index:
    parts = tuple(replace(part, expression="…") if part.expression else part for part in index.parts)
    return replace(index, parts=parts, where="…" if index.where else "")
