"""The SELECT statements that read a table for the full load: keys are compared by the database alone."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from tailrace.schema import Column, TableName
from tailrace.shaping.masks import Alter
from tailrace.shaping.shape import Shape
from tailrace_mysql.matching import declared_of
from tailrace_mysql.quoting import identifier
from tailrace_mysql.resultset import SelectedColumn, TextPlan
from tailrace_mysql.types import ColumnType, Converter, column_type
from tailrace_mysql.views import quote_table


class Select:
    """What is selected of a table, and how a row of it becomes JSON.

    Attributes:
        plan: of the rows of `sql`.
        key_plan: of the row of `nth_key`.
    """

    def __init__(self, name: TableName, columns: Sequence[Column], where: str = "", shape: Shape | None = None) -> None:
        """`where`: which rows, in the server's SQL, of a person; "" all."""
        self._condition = where
        self.name = name
        self.types: list[ColumnType] = [column_type(declared_of(column)) for column in columns]
        own = [SelectedColumn(c.name, t.convert, c.key, t.selected) for c, t in zip(columns, self.types, strict=True)]
        self.key = tuple(index for _, index in sorted((c.key, index) for index, c in enumerate(columns) if c.key))
        self.key_plan = TextPlan([own[index] for index in self.key])
        self._names = [identifier(column.name) for column in columns]
        self._chosen = [t.select.format(name) for t, name in zip(self.types, self._names, strict=True)]
        if shape is None:
            self.plan = TextPlan(own)
        elif shape.rowwise or shape.key != self.key:
            self.plan = TextPlan(own, shape)
            wanted = shape.wanted.union(self.key)
            self._chosen = [text if index in wanted else "NULL" for index, text in enumerate(self._chosen)]
        else:
            self.plan = TextPlan(_carried(own, shape), constants=shape.constants)
            kept = zip(self._chosen, shape.columns, strict=True)
            self._chosen = [text for text, carried in kept if carried.name]

    def sql(self, after: Sequence[str] = (), until: Sequence[str] = (), limit: int = 0) -> str:
        """All rows, in no order; with a limit the first ones of a range, in the key's order.

        Args:
            after, until: literals of the keys behind which to begin and with which to end.
        """
        text = f"SELECT {', '.join(self._chosen)} FROM {quote_table(self.name)}{self._where(after, until)}"
        return f"{text} ORDER BY {self._order} LIMIT {limit}" if limit else text

    def nth_key(self, after: Sequence[str], skipped: int) -> str:
        """The key of the row behind `after` and so many more."""
        chosen = ", ".join(self.types[index].select.format(self._names[index]) for index in self.key)
        text = f"SELECT {chosen} FROM {quote_table(self.name)}{self._where(after, ())}"
        return f"{text} ORDER BY {self._order} LIMIT 1 OFFSET {skipped}"

    def bound(self, key: Sequence[bytes], order: list[list[str]]) -> str:
        """The literals of a key, and the order in which they bound a range, as text to be stored."""
        literals = [self.types[index].literal(value) for index, value in zip(self.key, key, strict=True)]
        return orjson.dumps({"order": order, "key": literals}).decode()

    @property
    def _order(self) -> str:
        return ", ".join(self._names[index] for index in self.key)

    def _where(self, after: Sequence[str], until: Sequence[str]) -> str:
        """The range, spelt out so that the server reads it by the key's index."""
        conditions = [f"({self._condition})"] if self._condition else []
        if after:
            conditions.append(self._beyond(after, ">", ">"))
        if until:
            conditions.append(self._beyond(until, "<", "<="))
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _beyond(self, key: Sequence[str], sign: str, last: str) -> str:
        """``(a, b) > (x, y)``, or ``<=``."""
        left = [self.types[index].compare.format(self._names[index]) for index in self.key]
        text = f"{left[-1]} {last} {key[-1]}"
        for column, value in zip(reversed(left[:-1]), reversed(key[:-1]), strict=True):
            text = f"{column} {sign}= {value} AND ({column} {sign} {value} OR ({text}))"
        return text


def _carried(own: Sequence[SelectedColumn], shape: Shape) -> list[SelectedColumn]:
    """The columns that are not dropped, as they leave."""
    return [
        SelectedColumn(
            column.name,
            column.convert if carried.alter is None else _altering(column.convert, carried.alter),
            column.key,
            column.native if carried.alter is None else None,
            carried.name,
        )
        for column, carried in zip(own, shape.columns, strict=True)
        if carried.name
    ]


def _altering(convert: Converter, alter: Alter) -> Converter:
    def altered(text: bytes) -> bytes:
        return alter(convert(text))

    return altered


def literals(bound: str | None, order: list[list[str]]) -> list[str]:
    """What `Select.bound` made; none where it was made in another order, or there is no bound."""
    stored = orjson.loads(bound) if bound else {}
    if not isinstance(stored, dict) or stored.get("order") != order:
        return []
    found: list[str] = stored["key"]
    return found
