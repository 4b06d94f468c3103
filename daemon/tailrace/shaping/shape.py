"""What one version of a source's table becomes: the version that the stream has, and how a row gets there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from tailrace.emitter import UNCHANGED_JSON
from tailrace.errors import ValueRefusedError
from tailrace.schema import TableSchema
from tailrace.shaping.expressions import Bound
from tailrace.shaping.masks import Alter
from tailrace.shaping.predicate import LackingValueError, Predicate, Values
from tailrace.shaping.rules import Rules

#: Ids of added columns; those of the source's own are far below.
FIRST_ADDED = 1_000_000
#: `Column.initial` of a masked column, in the record of the source's own columns: masked already.
_MASKED = "masked"


@dataclass(frozen=True, slots=True)
class Carried:
    """What becomes of a source's column.

    Attributes:
        name: the stream's and the targets'; "" where the column is dropped.
        alter: what is done to a value's JSON text; None: it is carried as it is.
        note: for a person; "" where nothing is to be said.
    """

    name: str
    alter: Alter | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """A column that the source has not.

    Attributes:
        bound: makes its values.
        constant: the value's JSON text, where it is the same in every row.
    """

    name: str
    bound: Bound
    constant: bytes | None


class Shape:
    """One version of one table.

    Attributes:
        source: the source's version.
        schema: the stream's.
        columns: what becomes of each of the source's columns, in their order.
        added: what stands behind them.
        key: the source's columns that are the events' key, in key order.
        where, filtered: rows of which this is not true are left out; the columns that it names, by index.
        rowwise: rows must be looked at one by one, with all of their values: there is a filter or an expression.
        constants: the added constants as members of an object, each with a comma before it.
    """

    def __init__(
        self,
        source: TableSchema,
        schema: TableSchema,
        columns: Sequence[Carried],
        added: Sequence[Added],
        rules: Rules,
        where: Predicate | None = None,
        filtered: frozenset[int] = frozenset(),
    ) -> None:
        self.source = source
        self.schema = schema
        self.columns = tuple(columns)
        self.added = tuple(added)
        self.where = where
        self.filtered = filtered
        self.rules = rules
        key = rules.key or tuple(column.name for column in source.key)
        places = {column.name: index for index, column in enumerate(source.columns)}
        self.key = tuple(places[name] for name in key)
        self.rowwise = where is not None or any(column.constant is None for column in added)
        self.constants = b"".join(
            b"," + orjson.dumps(column.name) + b":" + column.constant for column in added if column.constant is not None
        )
        kept = [(index, carried) for index, carried in enumerate(columns) if carried.name]
        self._members = [
            ((b"," if place else b"{") + orjson.dumps(carried.name) + b":", index, carried.alter)
            for place, (index, carried) in enumerate(kept)
        ]
        heads = {index: orjson.dumps(carried.name) + b":" for index, carried in kept}
        self._key_members = [
            ((b"," if place else b"{") + heads[index], index, columns[index].alter)
            for place, index in enumerate(self.key)
        ]
        self._added = [(b"," + orjson.dumps(column.name) + b":", column) for column in added]

    # ---- columns

    @property
    def names(self) -> list[str]:
        """Of the stream's columns that come from the source's, in order."""
        return [carried.name for carried in self.columns if carried.name]

    @property
    def wanted(self) -> frozenset[int]:
        """The source's columns of which values are needed, by index."""
        needed = {index for index, carried in enumerate(self.columns) if carried.name}
        for column in self.added:
            needed |= column.bound.inputs
        return frozenset(needed | self.filtered)

    @property
    def hides_key(self) -> bool:
        """Whether a value of the source's own key does not leave as it is."""
        hidden = {
            column.id
            for column, carried in zip(self.source.columns, self.columns, strict=True)
            if not carried.name or carried.alter is not None
        }
        return any(column.id in hidden for column in self.source.key)

    # ---- rows

    def passes(self, values: Values) -> bool:
        """Whether a row leaves.

        Raises:
            LackingValueError: the filter needs a value that the log does not carry.
        """
        return self.where is None or self.where(values) is True

    def passed(self, values: Values | None) -> bool | None:
        """As `passes`, of a row as it was; None: the log does not tell."""
        if self.where is None:
            return True
        if values is None:
            return None
        try:
            return self.passes(values)
        except LackingValueError:
            return None

    def row(self, values: Values) -> bytes:
        """The stream's row; what the log does not carry has the placeholder.

        Raises:
            LackingValueError: an added column needs it.
            ValueRefusedError: a value cannot be had exactly.
        """
        parts: list[bytes] = []
        for head, index, alter in self._members:
            value = values[index]
            parts.append(head)
            if value is None:
                parts.append(UNCHANGED_JSON)
            else:
                parts.append(value if alter is None or value == b"null" else alter(value))
        for head, column in self._added:
            parts.append(head)
            parts.append(column.constant if column.constant is not None else self._evaluate(column, values))
        parts.append(b"}")
        return b"".join(parts)

    def key_of(self, values: Values) -> bytes | None:
        """The event's key; None in a table without one."""
        if not self._key_members:
            return None
        parts: list[bytes] = []
        for head, index, alter in self._key_members:
            value = values[index]
            parts.append(head)
            if value is None:
                parts.append(UNCHANGED_JSON)
            else:
                parts.append(value if alter is None or value == b"null" else alter(value))
        parts.append(b"}")
        return b"".join(parts)

    def unchanged(self, values: Values) -> tuple[str, ...]:
        """The stream's columns whose values the log does not carry."""
        lacking = [carried.name for carried, value in zip(self.columns, values, strict=True) if value is None]
        lacking += [column.name for column in self.added if self._lacks_all(column, values)]
        return tuple(name for name in lacking if name)

    def _lacks_all(self, column: Added, values: Values) -> bool:
        inputs = column.bound.inputs
        return bool(inputs) and all(values[index] is None for index in inputs)

    def _evaluate(self, column: Added, values: Values) -> bytes:
        if self._lacks_all(column, values):
            return UNCHANGED_JSON
        for index in column.bound.inputs:
            if values[index] is None:
                raise LackingValueError(self.source.columns[index].name)
        try:
            return column.bound.evaluate(values)
        except ValueError as error:
            raise self._refusal(column.name, error) from None

    def _refusal(self, column: str, error: ValueError) -> ValueRefusedError:
        return ValueRefusedError(
            f"a value for {self.source.name}.{column} cannot be made: {error}", fix="change `columns` of the table"
        )

    # ---- the record

    def recorded_source(self) -> TableSchema:
        """The source's version as it may be stored: without values of dropped or masked columns."""
        columns = []
        for column, carried in zip(self.source.columns, self.columns, strict=True):
            initial = column.initial
            if initial is not None and not isinstance(initial, dict):
                if not carried.name:
                    initial = None
                elif carried.alter is not None:
                    initial = {_MASKED: altered(initial, carried.alter)}
            columns.append(replace(column, initial=initial))
        return replace(self.source, columns=tuple(columns))


def altered(initial: Any, alter: Alter | None) -> Any:
    """What rows hold in an added column, as the stream shows it."""
    if isinstance(initial, dict):
        return initial[_MASKED]
    if initial is None or alter is None:
        return initial
    return orjson.loads(alter(orjson.dumps(initial)))


def refusing(alter: Alter, what: str) -> Alter:
    """A conversion whose refusals name the column."""

    def convert(fragment: bytes) -> bytes:
        try:
            return alter(fragment)
        except ValueError as error:
            raise ValueRefusedError(
                f"a value of {what}: {error}", fix="change `columns.type` of the table, or mend the row"
            ) from None

    return convert
