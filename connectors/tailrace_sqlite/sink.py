"""A SQLite database file as target: rows and positions in one transaction of one file."""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from tailrace import failpoints
from tailrace.completion import at_load
from tailrace.connectors import Context
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.overrides import Overrides
from tailrace.errors import StuckError, TailraceError
from tailrace.load_mark import LoadMark
from tailrace.sink import Preview, Row, RowChange, TableWork, TargetTable, refuse_nothing_seen
from tailrace.source import Finding
from tailrace.stream import Partition
from tailrace.structure import Outcome, TableStructure
from tailrace_sqlite import sink_positions, sink_structure, sink_tables
from tailrace_sqlite.sink_dead_letters import SQLiteLetters
from tailrace_sqlite.sink_errors import translated
from tailrace_sqlite.sink_positions import Positions
from tailrace_sqlite.sink_tables import HAD, Statements, generated, listed, quoted
from tailrace_sqlite.sink_types import declared, obstacle

_BUSY_SECONDS = 5.0
_CACHE_BYTES = 16 << 20
#: Of the write-ahead log, 4 KB each where the file was made by SQLite's defaults.
_CHECKPOINT_PAGES = 4000
#: PRAGMA table_xinfo came with 3.26, RENAME COLUMN with 3.25, the upsert with 3.24.
_OLDEST = (3, 26)


class Settings(Protocol):
    """What the sink needs of its table in the pipeline file."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path: ...


class SQLiteSink:
    """Writes one database file (`tailrace.sink.Sink`); other programs may read it at the same time (WAL)."""

    transactional = True
    transactional_ddl = True
    overlaps = True

    def __init__(self, settings: Settings, context: Context) -> None:
        self._name = settings.name
        self._pipeline = context.pipeline
        # Without a full load, rows from before the start may be missing in the target.
        self._complete = context.mode != "cdc"
        self._indexes = context.indexes != "none"
        self._path = settings.path
        self._conversion = context.conversion
        self._overrides = Overrides(context.conversion, Dialect.SQLITE, obstacle)
        self._connection: sqlite3.Connection | None = None
        self._positions: Positions
        self._statements: dict[str, Statements] = {}
        self.dead_letters = SQLiteLetters(
            self._pipeline, self._name, self._path, self._begin, lambda: self._connect("rw")
        )
        # Topics whose tables the open transaction has changed.
        self._written: set[str] = set()

    def check(self) -> list[Finding]:
        version = sqlite3.sqlite_version_info >= _OLDEST
        fix = "" if version else "use a Python with SQLite 3.26 or newer"
        return [Finding("SQLite", version, sqlite3.sqlite_version, fix), self._check_file()]

    def preview(self, table: TargetTable) -> Preview:
        types = ((c.name, self._overrides.of(table, c) or declared(c.type) or "(any)") for c in table.columns)
        return Preview(table.name, tuple(types))

    def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        with translated(self._path):
            self._connection = connection = self._connect("rwc")
            connection.execute("PRAGMA journal_mode = WAL")
            # The stream may forget what the target has: a commit must survive a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            # SQLite's own 2 MB would write the pages of a large transaction more than once.
            connection.execute(f"PRAGMA cache_size = {-_CACHE_BYTES // 1024}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self._begin()
            self._positions = Positions(connection, self._pipeline, self._name, str(self._path))
            stored = self._positions.take_over(stream_id, topics)
            connection.execute("COMMIT")
        return stored

    def fold(self, name: str) -> str:
        return sink_tables.folded(name)

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> None:
        with translated(self._path, str(table.source)):
            connection = self._begin()
            sink_tables.ensure(connection, table, previous, self._overrides)
            self._statements[table.topic] = Statements(table, generated(connection, table.name))
        self._written.add(table.topic)

    def drop(self, table: TargetTable) -> None:
        with translated(self._path, str(table.source)):
            self._begin().execute(f"DROP TABLE IF EXISTS {quoted(table.name)}")
        self._written.add(table.topic)
        self._statements.pop(table.topic, None)

    def remove_others(self, table: TargetTable, load: LoadMark, seen: TargetTable | None) -> int | None:
        assert seen is not None
        connection = self._begin()
        with translated(self._path, str(table.source)):
            there = connection.execute(f"SELECT 1 FROM {quoted(seen.name)} LIMIT 1").fetchone()
            refuse_nothing_seen(table, load, bool(there))
            names = listed([column.name for column in table.key])
            return connection.execute(
                f"DELETE FROM {quoted(table.name)} WHERE ({names}) NOT IN (SELECT {names} FROM {quoted(seen.name)})"
            ).rowcount

    def apply(self, work: Sequence[TableWork]) -> None:
        connection = self._begin()
        for table_work in work:
            table = table_work.table
            self._written.add(table.topic)
            statements = self._statements.get(table.topic)
            if statements is None or statements.table != table:
                computed = generated(connection, table.name)
                statements = self._statements[table.topic] = Statements(table, computed)
            with translated(self._path, str(table.source), statements.columns):
                self._write(connection, statements, table_work)

    def attempt(self, work: Sequence[TableWork], keep: bool) -> StuckError | None:
        connection = self._begin()
        with translated(self._path):
            connection.execute("SAVEPOINT tailrace_attempt")
        try:
            self.apply(work)
        except StuckError as error:
            self._end_attempt(connection, undo=True)
            return error
        self._end_attempt(connection, undo=not keep)
        return None

    def _end_attempt(self, connection: sqlite3.Connection, undo: bool) -> None:
        with translated(self._path):
            if undo:
                connection.execute("ROLLBACK TO tailrace_attempt")
            connection.execute("RELEASE tailrace_attempt")

    def commit(self, positions: Mapping[Partition, int]) -> None:
        with translated(self._path):
            connection = self._begin()
            try:
                self._positions.move(positions, self._written)
            except TailraceError:
                self._written.clear()
                connection.execute("ROLLBACK")
                raise
            failpoints.reached("target.positioned")
            connection.execute("COMMIT")
        failpoints.reached("target.committed")
        self._written.clear()

    def rollback(self) -> None:
        self._written.clear()
        if self._connection is not None and self._connection.in_transaction:
            with translated(self._path):
                self._connection.execute("ROLLBACK")

    def add_indexes(self, table: TargetTable, structure: TableStructure, unique: bool) -> Sequence[Outcome]:
        with translated(self._path, str(table.source)):
            made = sink_structure.indexes(
                self._begin(),
                table,
                structure,
                lambda index: at_load(index, unique),
                dry_run=False,
                rules=self._conversion,
            )
            return list(made)

    def complete(self, tables: Sequence[tuple[TargetTable, TableStructure]], dry_run: bool) -> Iterator[Outcome]:
        if not self._path.exists():
            return
        with translated(self._path), closing(self._connect("ro" if dry_run else "rw")) as connection:
            for table, structure in tables:
                yield from sink_structure.complete(
                    connection, table, structure, self._indexes, dry_run, self._conversion
                )

    def rows(self, table: TargetTable) -> Iterator[dict[str, Any]]:
        statements = Statements(table)
        if not self._path.exists():
            return
        with translated(self._path, str(table.source)), closing(self._connect("ro")) as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
                (table.name,),
            ).fetchone():
                return
            for row in connection.execute(statements.select(connection)):
                yield statements.read(row)

    def teardown(self, dry_run: bool) -> list[str]:
        if not self._path.exists():
            return []
        with translated(self._path), closing(self._connect("ro" if dry_run else "rw")) as connection:
            if not dry_run:
                connection.execute("BEGIN IMMEDIATE")
            found = sink_positions.remove(connection, self._pipeline, self._name, dry_run)
            if not dry_run:
                connection.execute("COMMIT")
        letters = self.dead_letters.forget(dry_run)
        parked = [f"{letters} parked events of sink {self._name} in {self._path}"] if letters else []
        return [f"positions of sink {self._name} in {self._path}", *parked] if found else parked

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    # ---- writing

    def _write(self, connection: sqlite3.Connection, statements: Statements, work: TableWork) -> None:
        if work.truncate:
            connection.execute(f"DELETE FROM {statements.name}")
        if work.deletes:
            keys = list(statements.bind_all((row.values for row in work.deletes), statements.key))
            connection.executemany(statements.delete, keys)
        if work.upserts or work.updates:
            connection.execute("SAVEPOINT tailrace_put")
            try:
                self._put(connection, statements, work)
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode not in (
                    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
                    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
                ):
                    raise
                connection.execute("ROLLBACK TO tailrace_put")
                self._put_aside(connection, statements, work)
            connection.execute("RELEASE tailrace_put")
        for change in work.sequential:
            self._write_one(connection, statements, change)

    def _put(self, connection: sqlite3.Connection, statements: Statements, work: TableWork) -> None:
        rows = statements.bind_all((row.values for row in work.upserts), statements.written)
        connection.executemany(statements.upsert, rows)
        for names, updates in _by_columns(work.updates, statements).items():
            if names:
                order = (*names, *statements.key)
                rows = statements.bind_all((row.values for row in updates), order)
                connection.executemany(statements.update(names), rows)

    def _put_aside(self, connection: sqlite3.Connection, statements: Statements, work: TableWork) -> None:
        """All rows out, changed aside, then all in: values of another unique index are free when their new owners come.

        Columns that only the target has, or that the source has no more, keep their values.
        """
        kept = statements.make_aside(connection)
        aside = statements.aside()
        every, own = listed(kept), listed(statements.written)
        keys = list(statements.bind_all((row.values for row in (*work.upserts, *work.updates)), statements.key))
        moved = f"INSERT INTO {aside.name} SELECT {every}, 1 FROM {statements.name} WHERE {statements.matches_key}"
        connection.executemany(moved, keys)
        connection.executemany(statements.delete, keys)
        self._put(connection, aside, work)
        for columns, there in ((every, "IS NOT NULL"), (own, "IS NULL")):
            connection.execute(
                f"INSERT INTO {statements.name} ({columns}) SELECT {columns} FROM {aside.name}"
                f" WHERE {quoted(HAD)} {there}"
            )
        connection.execute(f"DROP TABLE {aside.name}")

    def _write_one(self, connection: sqlite3.Connection, statements: Statements, change: RowChange) -> None:
        """A change of a table without a key: exactly one row that is like `before`."""
        after, before = change.after, change.before
        if change.op in ("c", "r"):
            assert after is not None
            connection.execute(statements.insert, statements.bind(after, statements.written))
            return
        assert before is not None
        known = [name for name in statements.written if name in before]
        if change.op == "d":
            done = connection.execute(statements.delete_one(known), statements.bind(before, known)).rowcount
        else:
            assert after is not None
            names = [name for name in statements.written if name in after]
            values = [*statements.bind(after, names), *statements.bind(before, known)]
            done = connection.execute(statements.update_one(names, known), values).rowcount
        if done == 1:
            return
        if self._complete:
            raise StuckError(
                "no row of the target is like the one that was updated or deleted at the source",
                where=f"{self._path}, table {statements.table.source}",
                fix="something else wrote to the target: load the table anew",
            )
        if change.op == "u" and after is not None and after.keys() >= set(statements.columns):
            connection.execute(statements.insert, statements.bind(after, statements.written))

    # ---- the connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        # The path is quoted, because "?" and "#" have a meaning in a URI.
        return sqlite3.connect(
            f"file:{quote(str(self._path))}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
            check_same_thread=False,
        )

    def _begin(self) -> sqlite3.Connection:
        """The connection, within the target transaction."""
        connection = self._connection
        if connection is None:
            raise ValueError("the sink is not open")
        if not connection.in_transaction:
            with translated(self._path):
                # IMMEDIATE: a transaction that began by reading could not become a writing one beside another.
                connection.execute("BEGIN IMMEDIATE")
        return connection

    def _check_file(self) -> Finding:
        path = self._path
        if path.exists():
            try:
                with translated(path), closing(self._connect("rw")) as connection:
                    connection.execute("PRAGMA user_version").fetchone()
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("ROLLBACK")
            except TailraceError as error:
                return Finding("database file", False, f"{path}: {error.what}", error.fix)
            return Finding("database file", True, f"{path} can be written")
        folder = path.parent
        if not folder.is_dir():
            return Finding("database file", False, f"there is no folder {folder}", f"mkdir -p {folder}")
        if not os.access(folder, os.W_OK | os.X_OK):
            fix = "make it writable for the daemon's user"
            return Finding("database file", False, f"no permission to make a file in {folder}", fix)
        return Finding("database file", True, f"{path} will be made")


def _by_columns(rows: Sequence[Row], statements: Statements) -> dict[tuple[str, ...], list[Row]]:
    """Partial rows grouped by the columns that they have besides the key."""
    groups: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    wanted = set(statements.written).difference(statements.key)
    for row in rows:
        groups[tuple(name for name in row.values if name in wanted)].append(row)
    return groups
