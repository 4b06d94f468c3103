"""Row filters as they are written: ``status <> 'test' AND age >= 18``.

A condition compares columns with values, and joins comparisons by AND, OR and NOT. All else is refused: what it would
mean depends on the server.

================================  ==============================================================================
``column = value``                also ``<>`` ``!=`` ``<`` ``<=`` ``>`` ``>=``; the value may stand first
``column [NOT] IN (value, …)``
``column [NOT] BETWEEN a AND b``  both ends included
``column [NOT] LIKE 'a%'``        ``%`` any text, ``_`` one character, ``\\`` before either for itself
``column IS [NOT] NULL``
``column``                        a boolean column
================================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tailrace.shaping.tokens import SyntaxProblem, Tokens

#: A value as it is written.
Literal = str | Decimal | bool

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator`: one of ``= <> < <= > >=``, "like", "null" (IS NULL, without a value), "true" (the column itself)."""

    column: str
    operator: str
    value: Literal | None = None


@dataclass(frozen=True, slots=True)
class Negation:
    of: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """All of the parts (AND), or any of them (OR)."""

    all: bool
    parts: tuple[Condition, ...]


Condition = Comparison | Negation | Junction


def parse_condition(text: str) -> Condition:
    """Reads a row filter.

    Raises:
        SyntaxProblem: it is none.
    """
    tokens = Tokens(text)
    if tokens.next.kind == "end":
        raise SyntaxProblem("there is no condition in it")
    condition = _any(tokens)
    if tokens.next.kind != "end":
        raise tokens.unexpected()
    return condition


def columns_of(condition: Condition) -> Iterator[str]:
    """The columns that it names, with repeats."""
    match condition:
        case Comparison():
            yield condition.column
        case Negation():
            yield from columns_of(condition.of)
        case Junction():
            for part in condition.parts:
                yield from columns_of(part)


def _any(tokens: Tokens) -> Condition:
    parts = [_all(tokens)]
    while tokens.accept("or"):
        parts.append(_all(tokens))
    return parts[0] if len(parts) == 1 else Junction(False, tuple(parts))


def _all(tokens: Tokens) -> Condition:
    parts = [_negated(tokens)]
    while tokens.accept("and"):
        parts.append(_negated(tokens))
    return parts[0] if len(parts) == 1 else Junction(True, tuple(parts))


def _negated(tokens: Tokens) -> Condition:
    if tokens.accept("not"):
        return Negation(_negated(tokens))
    if tokens.accept("("):
        inner = _any(tokens)
        tokens.expect(")")
        return inner
    return _comparison(tokens)


def _comparison(tokens: Tokens) -> Condition:
    column = tokens.column()
    if column is None:
        value = literal(tokens)
        operator = tokens.accept(*_COMPARISONS)
        column = tokens.column() if operator else None
        if column is None:
            raise tokens.unexpected("a condition compares a column with a value")
        return Comparison(column, _TURNED["<>" if operator == "!=" else operator], value)
    if operator := tokens.accept(*_COMPARISONS):
        return Comparison(column, "<>" if operator == "!=" else operator, literal(tokens))
    if tokens.accept("is"):
        negated = bool(tokens.accept("not"))
        tokens.expect("null")
        found: Condition = Comparison(column, "null")
        return Negation(found) if negated else found
    negated = bool(tokens.accept("not"))
    if tokens.accept("in"):
        found = Junction(False, tuple(Comparison(column, "=", value) for value in _listed(tokens)))
    elif tokens.accept("between"):
        low = literal(tokens)
        tokens.expect("and")
        found = Junction(True, (Comparison(column, ">=", low), Comparison(column, "<=", literal(tokens))))
    elif tokens.accept("like"):
        pattern = literal(tokens)
        if not isinstance(pattern, str):
            raise SyntaxProblem("LIKE takes a text")
        if tokens.accept("escape"):
            raise SyntaxProblem("LIKE … ESCAPE is not supported: a backslash escapes")
        found = Comparison(column, "like", pattern)
    elif negated:
        raise tokens.unexpected("IN, BETWEEN or LIKE follow after NOT")
    else:
        return Comparison(column, "true")
    return Negation(found) if negated else found


def _listed(tokens: Tokens) -> Iterator[Literal]:
    tokens.expect("(")
    yield literal(tokens)
    while tokens.accept(","):
        yield literal(tokens)
    tokens.expect(")")


def literal(tokens: Tokens) -> Literal:
    """Takes a value; NULL is none: what compares with it is never true."""
    if tokens.accept("true"):
        return True
    if tokens.accept("false"):
        return False
    negative = bool(tokens.accept("-"))
    token = tokens.next
    if token.kind == "number":
        tokens.take()
        number = Decimal(token.text)
        return number.copy_negate() if negative else number
    if token.kind == "text" and not negative:
        tokens.take()
        return token.text
    if token.kind == "word" and token.text == "null":
        raise SyntaxProblem("nothing equals NULL; write IS NULL or IS NOT NULL")
    if token.kind == "name" and token.shown.startswith('"'):
        raise SyntaxProblem(f"{token.shown} names a column, and columns are compared with values; text is 'quoted'")
    raise tokens.unexpected("a value is expected: a number, a 'text', TRUE or FALSE")
