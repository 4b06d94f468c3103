"""A row filter bound to a table's columns: true, false, or unknown, as SQL's three-valued logic has it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from tailrace.errors import ValueRefusedError
from tailrace.schema import Kind, TableSchema
from tailrace.shaping.condition import Comparison, Condition, Junction
from tailrace.shaping.values import TEXTS, comparable, compared_literal, is_flag

#: A row's values as JSON text, by the source's columns; None where the log does not carry it.
Values = Sequence[bytes | None]
#: None: unknown. Raises LackingValueError.
Predicate = Callable[[Values], bool | None]

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NULL = b"null"


class LackingValueError(Exception):
    """The log does not carry a value that is needed; `column` names it."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def bind(condition: Condition, schema: TableSchema) -> Predicate:
    """The condition as a function of a row of this version.

    Raises:
        ValueError: a comparison does not fit its column's type; the message names both. Columns that the table does not
            have are looked for beforehand (KeyError).
    """
    places = {column.name: index for index, column in enumerate(schema.columns)}
    return _bound(condition, schema, places)


def passes(predicate: Predicate, values: Values) -> bool:
    """Only what is true passes: unknown does not."""
    return predicate(values) is True


def _bound(condition: Condition, schema: TableSchema, places: dict[str, int]) -> Predicate:
    if isinstance(condition, Comparison):
        return _comparison(condition, schema, places[condition.column])
    if isinstance(condition, Junction):
        parts = [_bound(part, schema, places) for part in condition.parts]
        return _junction(parts, not condition.all)
    inner = _bound(condition.of, schema, places)

    def negated(values: Values) -> bool | None:
        found = inner(values)
        return None if found is None else not found

    return negated


def _junction(parts: list[Predicate], decisive: bool) -> Predicate:
    """One part with the `decisive` value decides; else an unknown part makes the whole unknown."""

    def joined(values: Values) -> bool | None:
        result: bool | None = not decisive
        for part in parts:
            found = part(values)
            if found is decisive:
                return decisive
            if found is None:
                result = None
        return result

    return joined


def _comparison(condition: Comparison, schema: TableSchema, index: int) -> Predicate:
    column = schema.columns[index]
    name = f"{schema.name}.{column.name}"

    def value(values: Values) -> bytes:
        found = values[index]
        if found is None:
            raise LackingValueError(column.name)
        return found

    if condition.operator == "null":
        return lambda values: value(values) == _NULL
    test = _test(condition, schema, index)

    def compared(values: Values) -> bool | None:
        found = value(values)
        if found == _NULL:
            return None
        try:
            return test(found)
        except (ValueError, ArithmeticError):
            raise ValueRefusedError(
                f"a value of {name} cannot be compared with that of the table's filter",
                fix="leave the column out of `where`",
            ) from None

    return compared


def _test(condition: Comparison, schema: TableSchema, index: int) -> Callable[[bytes], bool]:
    """From a value that is not NULL."""
    column = schema.columns[index]
    type_ = column.type
    key = comparable(type_)
    try:
        if key is None:
            raise ValueError(f"values of type {type_.name} cannot be compared, but for IS NULL")
        if condition.operator == "true":
            if is_flag(type_) and type_.kind is Kind.INTEGER:
                return lambda found: found != b"0"
            if type_.kind is not Kind.BOOLEAN:
                raise ValueError(f"it is {type_.name}, and only a boolean column can stand alone")
            return lambda found: bool(key(found))
        if condition.operator == "like":
            if type_.kind not in TEXTS:
                raise ValueError(f"LIKE takes a text, and it is {type_.name}")
            assert isinstance(condition.value, str)
            pattern = like(condition.value)
            return lambda found: pattern.fullmatch(orjson.loads(found)) is not None
        assert condition.value is not None
        wanted = compared_literal(type_, condition.value)
    except ValueError as error:
        raise ValueError(f"column {column.name}: {error}") from None
    compare = _OPERATORS[condition.operator]
    return lambda found: compare(key(found), wanted)


def like(pattern: str) -> re.Pattern[str]:
    """A pattern of LIKE as a regular expression for the whole text.

    Raises:
        ValueError: it ends in a backslash.
    """
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            escaped = next(characters, None)
            if escaped is None:
                raise ValueError("the pattern ends in a backslash")
            parts.append(re.escape(escaped))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)
