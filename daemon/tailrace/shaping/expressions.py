"""Added columns: constants, and simple expressions over the source's columns.

==============================  ================================================================================
``'text'``, ``12``, ``1.50``    a constant; also ``TRUE``, ``FALSE``
``column``                      a copy
``a || ' ' || b``               texts and numbers joined; NULL where a part is NULL
``COALESCE(a, b, 'none')``      the first that is not NULL; all of one kind
``LOWER(a)``, ``UPPER(a)``      as Unicode says
``a + b``, ``a - b``, ``a * b``  integers of 64 bits; a result outside of them is refused
==============================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

import orjson

from tailrace.schema import Kind, TableSchema, Type
from tailrace.shaping.column_types import PLAIN_LENGTH, Dialect
from tailrace.shaping.condition import literal
from tailrace.shaping.masks import text_of
from tailrace.shaping.predicate import Values
from tailrace.shaping.tokens import RESERVED, Tokens

_FUNCTIONS = ("coalesce", "lower", "upper")
_NULL = b"null"
_JOINED = frozenset({Kind.TEXT, Kind.ENUM, Kind.SET, Kind.UUID, Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.OTHER})


@dataclass(frozen=True, slots=True)
class Constant:
    """`fragment`: its JSON text."""

    fragment: bytes
    value: str | Decimal | bool


@dataclass(frozen=True, slots=True)
class Reference:
    column: str


@dataclass(frozen=True, slots=True)
class Call:
    """`name`: one of the functions, or ``|| + - *``."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Constant | Reference | Call


@dataclass(frozen=True, slots=True)
class Bound:
    """An expression over the columns of one version.

    Attributes:
        inputs: the columns that it needs, by index; none: a constant.
        evaluate: the value's JSON text, of a row that has all inputs; raises ValueError where it cannot be had exactly.
    """

    type: Type
    inputs: frozenset[int]
    evaluate: Callable[[Values], bytes]


# ---- reading


def parse_expression(text: str) -> Expression:
    """Reads an expression.

    Raises:
        SyntaxProblem: it is none.
    """
    tokens = Tokens(text)
    expression = _joined(tokens)
    if tokens.next.kind != "end":
        raise tokens.unexpected()
    return expression


def references(expression: Expression) -> set[str]:
    """The columns that it names."""
    if isinstance(expression, Reference):
        return {expression.column}
    if isinstance(expression, Call):
        return set().union(*(references(argument) for argument in expression.arguments))
    return set()


def _joined(tokens: Tokens) -> Expression:
    parts = [_sum(tokens)]
    while tokens.accept("||"):
        parts.append(_sum(tokens))
    return parts[0] if len(parts) == 1 else Call("||", tuple(parts))


def _sum(tokens: Tokens) -> Expression:
    left = _product(tokens)
    while sign := tokens.accept("+", "-"):
        left = Call(sign, (left, _product(tokens)))
    return left


def _product(tokens: Tokens) -> Expression:
    left = _operand(tokens)
    while tokens.accept("*"):
        left = Call("*", (left, _operand(tokens)))
    return left


def _operand(tokens: Tokens) -> Expression:
    if tokens.accept("("):
        inner = _joined(tokens)
        tokens.expect(")")
        return inner
    if name := tokens.accept(*_FUNCTIONS):
        tokens.expect("(")
        arguments = [_joined(tokens)]
        while tokens.accept(","):
            arguments.append(_joined(tokens))
        tokens.expect(")")
        if len(arguments) > 1 and name != "coalesce":
            raise tokens.unexpected(f"{name.upper()} takes one value")
        return Call(name, tuple(arguments))
    token = tokens.next
    if token.kind == "name" or (token.kind == "word" and token.text not in RESERVED):
        column = tokens.column()
        assert column is not None
        return Reference(column)
    value = literal(tokens)
    return Constant(_constant(value), value)


def _constant(value: str | Decimal | bool) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, Decimal):
        return b"%d" % int(value) if _is_whole(value) else f'"{value:f}"'.encode()
    return orjson.dumps(value)


def _is_whole(value: Decimal) -> bool:
    return value.as_tuple().exponent == 0


# ---- binding


def bind_expression(expression: Expression, schema: TableSchema, dialect: Dialect) -> Bound:
    """The expression over this version's columns, which has all that it names.

    Raises:
        ValueError: its parts do not fit each other; the message is for a person.
    """
    places = {column.name: index for index, column in enumerate(schema.columns)}
    return _bound(expression, schema, dialect, places)


def _bound(expression: Expression, schema: TableSchema, dialect: Dialect, places: dict[str, int]) -> Bound:
    match expression:
        case Constant(fragment, value):
            return Bound(_constant_type(value, dialect), frozenset(), lambda _: fragment)
        case Reference(column):
            index = places[column]

            def copied(values: Values) -> bytes:
                found = values[index]
                assert found is not None
                return found

            return Bound(schema.columns[index].type, frozenset({index}), copied)
        case Call(name, arguments):
            parts = [_bound(argument, schema, dialect, places) for argument in arguments]
            return _call(name, parts, dialect)


def _constant_type(value: str | Decimal | bool, dialect: Dialect) -> Type:
    if isinstance(value, bool):
        return dialect.boolean
    if isinstance(value, Decimal):
        if _is_whole(value):
            if not -(1 << 63) <= value < 1 << 63:
                raise ValueError("the number has more than 64 bits")
            return dialect.integer(64)
        digits = f"{value:f}".lstrip("-").replace(".", "")
        scale = len(f"{value:f}".partition(".")[2])
        return dialect.decimal(len(digits), scale)
    return dialect.text(PLAIN_LENGTH if len(value) <= PLAIN_LENGTH else 0)


def _call(name: str, parts: list[Bound], dialect: Dialect) -> Bound:
    inputs = frozenset[int]().union(*(part.inputs for part in parts))
    evaluate = [part.evaluate for part in parts]
    if name == "||":
        for part in parts:
            if part.type.kind not in _JOINED:
                raise ValueError(f"|| joins texts and numbers, not {part.type.name}")
        return Bound(dialect.text(), inputs, lambda values: _join([one(values) for one in evaluate]))
    if name == "coalesce":
        if len({part.type.kind for part in parts}) > 1:
            raise ValueError("COALESCE takes values of one kind")
        return Bound(_widest(parts, dialect), inputs, lambda values: _first(one(values) for one in evaluate))
    if name in ("lower", "upper"):
        if parts[0].type.kind is not Kind.TEXT:
            raise ValueError(f"{name.upper()} takes a text, not {parts[0].type.name}")
        return Bound(dialect.text(), inputs, _folded(evaluate[0], str.lower if name == "lower" else str.upper))
    for part in parts:
        if part.type.kind not in (Kind.INTEGER, Kind.YEAR):
            raise ValueError(f"{name} takes integers, not {part.type.name}")
    return Bound(dialect.integer(64), inputs, _arithmetic(name, evaluate))


def _widest(parts: list[Bound], dialect: Dialect) -> Type:
    types = {part.type for part in parts}
    if len(types) == 1:
        return parts[0].type
    kind = parts[0].type.kind
    if kind is Kind.TEXT:
        return dialect.text()
    if kind is Kind.INTEGER and not any(type_.unsigned and type_.size == 64 for type_ in types):
        return dialect.integer(64)
    raise ValueError("COALESCE takes values of one type")


def _join(fragments: list[bytes]) -> bytes:
    return _NULL if _NULL in fragments else orjson.dumps("".join(text_of(fragment) for fragment in fragments))


def _first(fragments: Iterable[bytes]) -> bytes:
    return next((fragment for fragment in fragments if fragment != _NULL), _NULL)


def _folded(evaluate: Callable[[Values], bytes], fold: Callable[[str], str]) -> Callable[[Values], bytes]:
    def folded(values: Values) -> bytes:
        fragment = evaluate(values)
        return _NULL if fragment == _NULL else orjson.dumps(fold(text_of(fragment)))

    return folded


def _arithmetic(name: str, evaluate: list[Callable[[Values], bytes]]) -> Callable[[Values], bytes]:
    def calculated(values: Values) -> bytes:
        left, right = (one(values) for one in evaluate)
        if _NULL in (left, right):
            return _NULL
        a, b = int(left), int(right)
        result = a + b if name == "+" else a - b if name == "-" else a * b
        if not -(1 << 63) <= result < 1 << 63:
            raise ValueError("the result has more than 64 bits")
        return b"%d" % result

    return calculated
