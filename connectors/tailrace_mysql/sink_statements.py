"""The statements that write rows into one target table."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from tailrace.compiled import compiled_class
from tailrace.errors import StuckError, ValueRefusedError
from tailrace.sink import Row, RowChange, TargetTable
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_catalog import TableState
from tailrace_mysql.sink_connection import Server
from tailrace_mysql.sink_values import (
    Decoder,
    Encoder,
    UnfitError,
    comparison,
    decoder,
    encoder,
    native,
    select_expression,
)
from tailrace_mysql.types.declared import UTF8_CHARSETS

#: Longer statements gain nothing; from 1 MiB on they cost the server more for each row.
STATEMENT_BYTES = 256 << 10
#: More keys in one IN list could exceed MySQL's range_optimizer_max_mem_size, and scan the whole table.
KEYS_PER_STATEMENT = 1000
_NEW = "tailrace_new"
#: Character sets whose texts have the bytes of our literals; "" no text.
_AS_LITERALS = ("", "ascii", *UTF8_CHARSETS)
#: In a table's copy, whether the table had the row.
_HAD = "`_tailrace_had`"


class Tuples(Protocol):
    """Rows of some columns as SQL."""

    def fill(self, rows: list[Row], start: int, room: int) -> tuple[bytes, int]:
        """Rows from `start` on, at least one and then as many as `room` bytes take, with commas between; the index of
        the first one left."""
        ...


class InterpretedTuples:
    """`Tuples` where there is no compiler (see `literals.pyx`)."""

    def __init__(
        self, names: Sequence[str], natives: Sequence[tuple[str, int]], literal: Callable[[str, Any], str]
    ) -> None:
        self._names = names
        self._literal = literal

    def fill(self, rows: list[Row], start: int, room: int) -> tuple[bytes, int]:
        literal = self._literal
        gathered: list[bytes] = []
        size = 0
        for row in islice(rows, start, None):
            values = row.values
            text = ("(" + ",".join([literal(name, values[name]) for name in self._names]) + ")").encode()
            if gathered and size + 1 + len(text) > room:
                break
            size += len(text) + bool(gathered)
            gathered.append(text)
        return b",".join(gathered), start + len(gathered)


class TablePlan:
    """What does not change from row to row of one version of a table.

    Attributes:
        otherwise_unique: the target has another unique index, or a key to which texts that differ may be equal; where
            rows meet in it, they change aside (`aside`). ON DUPLICATE KEY UPDATE would update the row that *it* names:
            a guard makes that an error (`guarded`).
        inexact: columns whose collation takes texts that differ for equal, or whose literals must be converted. The
            source's collation sees to it that only one of these is there at a time; statements name it by its very
            text all the same, so that whatever else is met is an error, and never another row.
    """

    def __init__(self, table: TargetTable, state: TableState, server: Server, database: str, where: str) -> None:
        self.table = table
        self._server = server
        self._where = f"{where}, table {table.name}"
        self._database = identifier(database)
        self.name = f"{self._database}.{identifier(table.name)}"
        self._limit = min(STATEMENT_BYTES, server.packet_limit)
        from_mysql = table.source.schema is None
        self._columns: dict[str, tuple[str, Encoder, Encoder]] = {}
        self.reads: list[tuple[str, str, Decoder | None]] = []
        for column in table.columns:
            present = state.columns[column.name.lower()]
            encode = encoder(column, present.type, from_mysql, server.mariadb)
            if not present.generated:
                compare = comparison(column, present.type, encode)
                self._columns[column.name] = (identifier(column.name), encode, compare)
            self.reads.append(
                (
                    column.name,
                    select_expression(identifier(column.name), column),
                    decoder(column, present.type, from_mysql),
                )
            )
        self._key = [column.name for column in table.key]
        keys = {column.name.lower() for column in table.key}
        others = [index.columns for index in state.unique]
        if set(state.primary) != keys:
            others.append(state.primary)
        # MariaDB's (a, b) IN (…) compares literals without converting them: an é in UTF-8 is no é of latin1 there.
        composite = server.mariadb and len(self._key) > 1
        self._narrow = {
            name: (present.charset, present.collation)
            for name, present in ((name, state.columns[name.lower()]) for name in (self._key if composite else ()))
            if present.charset not in _AS_LITERALS
        }
        self.inexact = {
            column.name
            for column in table.columns
            if column.name in self._columns
            and (column.name in self._narrow or state.columns[column.name.lower()].merges(column.type.kind))
        }
        self._inexact_key = not self.inexact.isdisjoint(self._key)
        self.otherwise_unique = self._inexact_key or any(columns and set(columns) != keys for columns in others)
        # A column of the key that takes no NULL.
        firm = (name for name in self._key if not state.columns[name.lower()].nullable)
        self._guard = next((self._columns[name][0] for name in firm), "")
        self._renderers: dict[tuple[str, ...], Tuples] = {}
        self._kept = [identifier(column.name) for column in state.columns.values() if not column.generated]
        # What the source has set, or left, it has set or left by itself.
        carried = (state.columns.get(column.name.lower()) for column in (*table.columns, *table.retained))
        self._touched = [identifier(column.name) for column in carried if column is not None and column.touched]

    # ---- literals

    def _literal(self, name: str, value: Any, compare: bool = False) -> str:
        if value is None:
            return "NULL"
        try:
            _, encode, encode_compared = self._columns[name]
            return (encode_compared if compare else encode)(value)
        except UnfitError as error:
            raise self._refused(name, str(error)) from None
        except (TypeError, ValueError, AttributeError, OverflowError):
            raise self._refused(name, "no value of the column's type") from None

    def _refused(self, name: str, what: str) -> ValueRefusedError:
        return ValueRefusedError(
            f"the event holds {what}",
            where=f"{self._where}, column {name}",
            fix="change the value at the source, or leave the table out of this sink",
        )

    def _tuple(self, names: Sequence[str], values: dict[str, Any]) -> str:
        literal = self._literal
        return "(" + ",".join([literal(name, values[name]) for name in names]) + ")"

    # ---- rows

    def upserts(self, rows: Sequence[Row]) -> Iterator[bytes]:
        """Statements that insert or overwrite these rows."""
        for names, group in self._by_columns(rows):
            columns = ", ".join(self._columns[name][0] for name in names)
            head = f"INSERT INTO {self.name} ({columns}) VALUES ".encode()
            overwrites = self._key and (self._guard or not self.otherwise_unique)
            tail = self._on_duplicate(names).encode() if overwrites else b""
            fixed = len(head) + len(tail)
            tuples = self._tuples(names)
            start = 0
            while start < len(group):
                text, start = tuples.fill(group, start, self._limit - fixed)
                if fixed + len(text) > self._server.packet_limit:
                    raise self._too_large()
                yield head + text + tail

    def _tuples(self, names: Sequence[str]) -> Tuples:
        kept = self._renderers.get(tuple(names))
        if kept is None:
            form = compiled_class("tailrace_mysql.literals", "Tuples") or InterpretedTuples
            natives = [native(self._columns[name][1]) for name in names]
            kept = self._renderers[tuple(names)] = form(names, natives, self._literal)
        return kept

    def _on_duplicate(self, names: Sequence[str]) -> str:
        """Overwrites the row that has the key. One that is met in another unique index would get NULL in its key, which
        the server refuses (1048)."""
        key = [self._columns[name][0] for name in self._key]
        others = [self._columns[name][0] for name in names if name not in self._key]
        sets = [f"{name} = {self._given(name)}" for name in others] + self._untouched(others)
        if self._guard:
            same = " AND ".join(
                f"{self._exactly(column, f'{self.name}.{name}')} = {self._given(name)}"
                for column, name in zip(self._key, key, strict=True)
            )
            sets.insert(0, f"{self._guard} = IF({same}, {self.name}.{self._guard}, NULL)")
        alias = "" if self._server.mariadb else f" AS {_NEW}"
        return f"{alias} ON DUPLICATE KEY UPDATE {', '.join(sets or [f'{key[0]} = {self._given(key[0])}'])}"

    def _untouched(self, names: Sequence[str]) -> list[str]:
        """Keeps the values of columns that the server would set, where these are not among what a statement sets."""
        return [f"{name} = {self.name}.{name}" for name in self._touched if name not in names]

    def _given(self, name: str) -> str:
        """The value that was to be inserted."""
        return f"VALUES({name})" if self._server.mariadb else f"{_NEW}.{name}"

    def inserts(self, changes: Iterable[RowChange]) -> Iterator[bytes]:
        """Statements that insert rows of a table without a key."""
        return self.upserts([Row(change.seq, change.after or {}) for change in changes])

    def deletes(self, rows: Iterable[Row]) -> Iterator[str]:
        """Statements that delete the rows with these rows' keys."""
        yield from self._by_keys(f"DELETE FROM {self.name}", rows)

    def _by_keys(self, statement: str, rows: Iterable[Row]) -> Iterator[str]:
        columns = ", ".join(self._columns[name][0] for name in self._key)
        single = self._key[0] if len(self._key) == 1 else None
        head = f"{statement} WHERE {columns if single else f'({columns})'} IN ("
        if self._inexact_key:
            yield from self._by_exact_keys(head, rows)
            return
        keys = (
            self._literal(single, row.values[single]) if single else self._tuple(self._key, row.values) for row in rows
        )
        yield from self._joined(head, keys, ")", KEYS_PER_STATEMENT)

    def _by_exact_keys(self, head: str, rows: Iterable[Row]) -> Iterator[str]:
        """The index finds what is equal, and the same list once more leaves only what is the same."""
        texts = [self._exactly(name, self._columns[name][0]) for name in self._key]
        again = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
        room = self._limit - len(again.encode())
        equal: list[str] = []
        same: list[str] = []
        size = 0
        for row in rows:
            literals = [self._literal(name, row.values[name]) for name in self._key]
            key = _tuple(literals)
            found = _tuple(list(map(self._in_charset, self._key, literals))) if self._narrow else key
            length = len(key.encode()) + len(found.encode()) + 2
            if same and (size + length > room or len(same) >= KEYS_PER_STATEMENT):
                yield f"{head}{','.join(equal)}) AND {again} IN ({','.join(same)})"
                equal, same, size = [], [], 0
            equal.append(found)
            same.append(key)
            size += length
        if same:
            yield self._checked(f"{head}{','.join(equal)}) AND {again} IN ({','.join(same)})")

    def _in_charset(self, column: str, literal: str) -> str:
        if column not in self._narrow:
            return literal
        charset, collation = self._narrow[column]
        return f"CONVERT({literal} USING {charset}) COLLATE {collation}"

    def _exactly(self, column: str, written: str) -> str:
        """A column, as it is written, in a comparison that takes only the same for equal."""
        if column not in self.inexact:
            return written
        return f"CONVERT({written} USING utf8mb4) COLLATE {self._server.collation}"

    def same_row(self, mine: str, other: str) -> str:
        """The condition on rows of this table and of the sink's own one of its keys, by their aliases."""
        return " AND ".join(
            f"{other}.{self._columns[name][0]} = {self._exactly(name, f'{mine}.{self._columns[name][0]}')}"
            for name in self._key
        )

    # ---- rows that exchange unique values

    @property
    def guarded(self) -> bool:
        """Whether `upserts` refuses a row that is met by another unique index than the key's."""
        return bool(self._guard)

    def guards(self, column: str) -> bool:
        """Whether it is the guard that has set this column to NULL: no row brings one in a key's column."""
        return bool(self._guard) and identifier(column).lower() == self._guard.lower()

    @property
    def settable(self) -> bool:
        """Whether a row has anything that an UPDATE could set."""
        return any(name not in self._key for name in self._columns)

    def aside(self) -> TablePlan:
        """The same for a temporary copy of the table, which has no other unique index than the key's."""
        plan = copy.copy(self)
        plan.name = f"{self._database}.`_tailrace_aside`"
        plan.otherwise_unique = False
        return plan

    def make_aside(self, aside: TablePlan, rows: Sequence[Row]) -> Iterator[str]:
        """Statements that make the copy, move the rows with these rows' keys there, and out of the table."""
        kept = ", ".join(self._kept)
        key = ", ".join(self._columns[name][0] for name in self._key)
        yield f"DROP TEMPORARY TABLE IF EXISTS {aside.name}"
        yield (
            f"CREATE TEMPORARY TABLE {aside.name} ({_HAD} TINYINT NULL, PRIMARY KEY ({key})) "
            f"SELECT {kept} FROM {self.name} WHERE FALSE"
        )
        yield from self._by_keys(f"INSERT INTO {aside.name} ({kept}, {_HAD}) SELECT {kept}, 1 FROM {self.name}", rows)
        yield from self.deletes(rows)

    def bring_back(self, aside: TablePlan) -> Iterator[str]:
        """Statements that insert all rows of the copy: columns that only the target has keep their values."""
        own = [name for name, _, _ in self._columns.values()]
        for columns, there in ((self._kept, "IS NOT NULL"), (own, "IS NULL")):
            listed = ", ".join(columns)
            yield f"INSERT INTO {self.name} ({listed}) SELECT {listed} FROM {aside.name} WHERE {_HAD} {there}"
        yield f"DROP TEMPORARY TABLE {aside.name}"

    def updates(self, rows: Iterable[Row]) -> Iterator[str]:
        """A statement per row that sets the columns it has; it may find no row."""
        for row in rows:
            changed = {
                self._columns[name][0]: self._literal(name, value)
                for name, value in row.values.items()
                if name in self._columns and name not in self._key
            }
            if changed:
                sets = self._sets(changed)
                found = " AND ".join(
                    self._equal(name, "=", self._literal(name, row.values[name])) for name in self._key
                )
                yield self._checked(f"UPDATE {self.name} SET {sets} WHERE {found}")

    def change(self, change: RowChange) -> str:
        """The statement for an update or a delete in a table without a key; it must find one row."""
        before = change.before or {}
        found = " AND ".join(
            self._equal(name, "<=>", self._literal(name, value, compare=True))
            for name, value in before.items()
            if name in self._columns
        )
        if not found:
            raise StuckError(
                "a change says nothing about the row that it changed",
                where=self._where,
                fix="give the source table a primary key (or REPLICA IDENTITY FULL) and load it anew",
            )
        if change.op == "d":
            return self._checked(f"DELETE FROM {self.name} WHERE {found} LIMIT 1")
        changed = {
            self._columns[name][0]: self._literal(name, value)
            for name, value in (change.after or {}).items()
            if name in self._columns
        }
        return self._checked(f"UPDATE {self.name} SET {self._sets(changed)} WHERE {found} LIMIT 1")

    def _equal(self, name: str, operator: str, literal: str) -> str:
        column = self._columns[name][0]
        found = f"{column} {operator} {literal}"
        return f"{found} AND {self._exactly(name, column)} {operator} {literal}" if name in self.inexact else found

    def _sets(self, changed: Mapping[str, str]) -> str:
        """By the columns' names in SQL, their new values."""
        sets = [f"{name} = {value}" for name, value in changed.items()]
        return ", ".join(sets + self._untouched(list(changed)) if self._touched else sets)

    # ---- reading

    def select(self) -> str:
        return f"SELECT {', '.join(expression for _, expression, _ in self.reads)} FROM {self.name}"

    # ---- inside

    def _by_columns(self, rows: Sequence[Row]) -> Iterator[tuple[list[str], list[Row]]]:
        """Rows with the columns that they bring; all of them, but for rows of an older version."""
        groups: dict[frozenset[str] | None, list[Row]] = {}
        width = len(self.table.columns)
        for row in rows:
            present = None if len(row.values) == width else frozenset(row.values)
            groups.setdefault(present, []).append(row)
        for present, group in groups.items():
            yield [name for name in self._columns if present is None or name in present], group

    def _joined(self, head: str, items: Iterable[str], tail: str, most: int = 1 << 30) -> Iterator[str]:
        """Statements of as many items as fit."""
        gathered: list[str] = []
        size = fixed = len(head.encode()) + len(tail)
        for item in items:
            length = len(item) if item.isascii() else len(item.encode())
            if gathered and (size + length + 1 > self._limit or len(gathered) >= most):
                yield head + ",".join(gathered) + tail
                gathered, size = [], fixed
            if fixed + length > self._server.packet_limit:
                raise self._too_large()
            gathered.append(item)
            size += length + 1
        if gathered:
            yield head + ",".join(gathered) + tail

    def _checked(self, statement: str) -> str:
        if len(statement) * 4 > self._limit and len(statement.encode()) > self._server.packet_limit:
            raise self._too_large()
        return statement

    def _too_large(self) -> ValueRefusedError:
        return ValueRefusedError(
            f"a row is larger than the target's max_allowed_packet ({self._server.max_packet} bytes)",
            where=self._where,
            fix="raise max_allowed_packet on the target server",
        )


def _tuple(literals: list[str]) -> str:
    return literals[0] if len(literals) == 1 else f"({','.join(literals)})"


def _value(decode: Decoder, value: Any) -> Any:
    """A column that is still to change its type holds what is no value of the new one, and equals none."""
    try:
        return decode(value)
    except (ValueError, TypeError, AttributeError):
        return repr(value)


Read = Callable[[tuple[Any, ...]], dict[str, Any]]


def reader(plan: TablePlan) -> Read:
    """The function from a selected row to its JSON forms."""
    places = [(name, decode) for name, _, decode in plan.reads]

    def read(row: tuple[Any, ...]) -> dict[str, Any]:
        return {
            name: value if value is None or decode is None else _value(decode, value)
            for (name, decode), value in zip(places, row, strict=True)
        }

    return read
