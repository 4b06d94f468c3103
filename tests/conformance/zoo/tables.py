"""A table of the zoo: columns with what is inserted and what the event must say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.zoo.forms import DOUBLE, INTEGER, TEXT, Form

#: What is added to the number of a row: loaded, inserted while streaming, updated, and inserted and deleted there.
LOADED, LOGGED, UPDATED, DELETED = 0, 1000, 2000, 3000

#: SQL as it is inserted (None: the server computes the value), and the JSON value in the event, written by hand.
Cell = tuple[str | None, Any]


@dataclass(frozen=True)
class Column:
    """Attributes:
    carried: False: the log does not have the column, and neither has the event.
    """

    type: str
    form: Form
    cells: Sequence[Cell]
    carried: bool = True

    def cell(self, row: int) -> Cell:
        """Of rows that the column has no value for: NULL."""
        return self.cells[row] if row < len(self.cells) else ("NULL", None)


@dataclass(frozen=True)
class Table:
    """Attributes:
    columns: by name; each gets a `c_` before it, so that no name is a keyword of some server's.
    refused: targets that cannot hold the value of the one column, and what they say.
    meanwhile: statements after the load, before the rows come through the log.
    blank: a row of nothing but NULL is among the rows.
    late: row numbers that can be inserted only after `meanwhile`.
    added: columns that come then too, with their first value as DEFAULT, which the rows before them get.
    keyless: without a primary key: a sink finds a row by all of its values. DynamoDB takes none.
    """

    name: str
    columns: Mapping[str, Column]
    refused: Mapping[str, str] = field(default_factory=dict)
    meanwhile: Sequence[str] = ()
    blank: bool = True
    late: frozenset[int] = frozenset()
    added: Mapping[str, Column] = field(default_factory=dict)
    keyless: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "added", {f"c_{name}": column for name, column in self.added.items()})
        first = {f"c_{name}": column for name, column in self.columns.items()}
        object.__setattr__(self, "columns", {**first, **self.added})

    @property
    def rows(self) -> int:
        return max(len(column.cells) for column in self.columns.values())

    @property
    def carried(self) -> dict[str, Column]:
        return {name: column for name, column in self.columns.items() if column.carried}

    def create(self) -> str:
        first = {name: column for name, column in self.columns.items() if name not in self.added}
        columns = ", ".join(f"{name} {column.type}" for name, column in first.items())
        return f"CREATE TABLE {self.name} (id INT{'' if self.keyless else ' PRIMARY KEY'}, {columns})"

    def without_key(self) -> Table:
        columns = {name.removeprefix("c_"): column for name, column in self.columns.items()}
        return Table(f"keyless_{self.name}", columns, blank=self.blank, keyless=True)

    def held_by(self, target: str) -> bool:
        return target not in self.refused and not (self.keyless and target == "kv")

    def alter(self) -> list[str]:
        adds = [
            f"ALTER TABLE {self.name} ADD COLUMN {name} {column.type} DEFAULT {column.cells[0][0]}"
            for name, column in self.added.items()
        ]
        return [*self.meanwhile, *adds]

    def _given(self, row: int, shift: int) -> dict[str, str]:
        cells = {name: column.cell(row)[0] for name, column in self.columns.items() if column.cells[0][0] is not None}
        there = self.columns.keys() - (self.added.keys() if shift == LOADED else set())
        return {name: sql for name, sql in cells.items() if sql is not None and name in there}

    def insert(self, row: int, shift: int) -> str:
        given = self._given(row, shift)
        names = "".join(f", {name}" for name in given)
        values = "".join(f", {sql}" for sql in given.values())
        return f"INSERT INTO {self.name} (id{names}) VALUES ({row + 1 + shift}{values})"

    def insert_blank(self, number: int) -> str:
        return f"INSERT INTO {self.name} (id) VALUES ({number})"

    def update(self, row: int, shift: int) -> str:
        changes = ", ".join(f"{name} = {sql}" for name, sql in self._given(row, shift).items())
        return f"UPDATE {self.name} SET {changes} WHERE id = {row + 1 + shift}"

    def delete(self, row: int, shift: int) -> str:
        return f"DELETE FROM {self.name} WHERE id = {row + 1 + shift}"

    def wanted(self, row: int | None, shift: int) -> dict[str, Any]:
        """The values of a row, without the key; None: of a blank one."""
        return {
            name: column.cells[0][1]
            if name in self.added and (shift == LOADED or row is None)
            else None
            if row is None
            else column.cell(row)[1]
            for name, column in self.carried.items()
        }


@dataclass(frozen=True)
class Uncarried:
    """A type that is not carried.

    Attributes:
        columns: as CREATE TABLE has them, behind the key.
        reason: part of why the table is suspended.
    """

    name: str
    columns: str
    reason: str


def whole(type_: str, *numbers: int) -> Column:
    return Column(type_, INTEGER, [(str(number), number) for number in numbers])


def double(type_: str, *numbers: float, form: Form = DOUBLE) -> Column:
    return Column(type_, form, [(repr(number), number) for number in numbers])


def quoted(text: str) -> str:
    """For MySQL without NO_BACKSLASH_ESCAPES, and, without a backslash within, for PostgreSQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def texts(type_: str, *values: str, form: Form = TEXT) -> Column:
    """Values that the event has as they are inserted."""
    return Column(type_, form, [(quoted(value), value) for value in values])


def printed(type_: str, *pairs: str | tuple[str, str], form: Form = TEXT) -> Column:
    """Text forms: as inserted and as in the event, one text where both are the same."""
    both = [(pair, pair) if isinstance(pair, str) else pair for pair in pairs]
    return Column(type_, form, [(quoted(given), wanted) for given, wanted in both])


def single(name: str, type_: str, form: Form, cell: Cell, **refused: str) -> Table:
    """A table of one value, which some targets refuse."""
    return Table(name, {"v": Column(type_, form, [cell])}, refused)
