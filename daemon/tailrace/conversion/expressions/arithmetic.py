"""Operators between numbers, texts, and moments with intervals."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.calls import call, refuse_single
from tailrace.conversion.expressions.comparisons import shown_digits
from tailrace.conversion.expressions.kinds import MOMENTS, NUMBERS
from tailrace.conversion.expressions.logic import trimmed
from tailrace.conversion.expressions.moments import interval_of, shift
from tailrace.conversion.expressions.piece import Piece, of
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind

#: Behind the point, MySQL's decimals have at most.
_PLACES = 30
#: And altogether.
_DIGITS = 65
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.IntDiv: "div",
}


@writes(*_OPERATORS, parts=("this", "expression", "typed", "safe"))
def _operate(writer: Writer, node: exp.Expr) -> Piece:
    sign = _OPERATORS[type(node)]
    if sign in "+-":
        interval = interval_of(writer, node.expression)
        if interval is not None:
            return shift(writer, writer.value(node.this), interval, sign == "-")
        interval = interval_of(writer, node.this) if sign == "+" else None
        if interval is not None:
            return shift(writer, writer.value(node.expression), interval, False)
    left, right = writer.number(writer.value(node.this)), writer.number(writer.value(node.expression))
    if sign == "/" and writer.like and not shown_alone(node):
        say_of_quotient(writer)
    if sign == "+" and writer.source is Dialect.TSQL and Kind.TEXT in (left.kind, right.kind):
        return concatenation(writer, [*_sides(writer, node.this, left), right])
    refuse_single(writer, left, right)
    if writer.source is Dialect.POSTGRESQL and writer.target.mysql_like:
        left = _widened(left, right, sign)
    if writer.target is Dialect.SQLITE:
        shown_digits(left, right)
        if Kind.DECIMAL in (left.kind, right.kind) and Kind.FLOAT not in (left.kind, right.kind):
            raise RefusalError("types-differ", "decimals, which SQLite computes as doubles")
    if sign == "*" and writer.target is Dialect.POSTGRESQL and _may_have_64_bits(left, right):
        # Their product may have 64 bits, which a signed bigint has not.
        left = replace(left.become(f"CAST({left.sql} AS numeric)"), made=Kind.DECIMAL)
    many = _places(left) + _places(right) > _PLACES or _digits(left) + _digits(right) > _DIGITS
    if sign == "*" and writer.source.mysql_like and many:
        writer.say(
            "decimal-digits",
            f"MySQL keeps {_DIGITS} digits of a product, {_PLACES} of them behind the point; others keep more",
            "see whether so many places matter",
        )
    return call(writer, sign, [left, right], shown=sign)


def _widened(left: Piece, right: Piece, sign: str) -> Piece:
    """The left side, as MySQL computes with both as PostgreSQL does: it takes literals for decimals, and adds whole
    numbers in 64 bits whatever they were cast to."""
    kinds = {left.kind, right.kind}
    if not kinds <= NUMBERS or kinds == {Kind.INTEGER}:
        return left
    if Kind.FLOAT in kinds:
        double = any(piece.made is Kind.FLOAT and piece.constant is None for piece in (left, right))
        return left if double else left.become(f"CAST({left.sql} AS DOUBLE)")
    wide = any(_wide(piece) for piece in (left, right))
    if sign in "+-*" and wide and {left.made, right.made} == {Kind.INTEGER}:
        return left.become(f"CAST({left.sql} AS DECIMAL(20,0))")
    return left


def _wide(piece: Piece) -> bool:
    """Whether it may be more than 32 bits."""
    if piece.number is not None:
        return abs(piece.number) >= 1 << 31
    return piece.type is None or piece.type.size > 32


def _digits(piece: Piece) -> int:
    return piece.type.size if piece.kind is Kind.DECIMAL and piece.type is not None else 0


def _places(piece: Piece) -> int:
    return piece.type.scale if piece.kind is Kind.DECIMAL and piece.type is not None else 0


def _may_have_64_bits(left: Piece, right: Piece) -> bool:
    """The product of an unsigned number and another one that is none of few digits."""
    sides = ((left, right), (right, left))
    return any(_unsigned(one) and other.kind is Kind.INTEGER and other.constant is None for one, other in sides)


def _unsigned(piece: Piece) -> bool:
    return piece.kind is Kind.INTEGER and piece.type is not None and piece.type.unsigned and piece.type.size >= 32


def _sides(writer: Writer, node: exp.Expr, whole: Piece) -> list[Piece]:
    """SQL Server's + of texts, taken apart, so that all of them stand side by side."""
    bare = node.unnest()
    if isinstance(bare, exp.Add) and whole.kind is Kind.TEXT:
        return [*_sides(writer, bare.this, writer.value(bare.this)), writer.value(bare.expression)]
    return [whole]


@writes(exp.Neg)
def _negative(writer: Writer, node: exp.Expr) -> Piece:
    inner = writer.number(writer.value(node.this))
    if inner.constant is not None and not inner.quoted and not inner.constant.startswith("-"):
        text = f"-{inner.constant}"
        return replace(inner, sql=text, constant=text, atom=False)
    if writer.source is Dialect.POSTGRESQL and writer.target.mysql_like and inner.kind is Kind.DECIMAL:
        inner = _widened(inner, inner, "-")
    return call(writer, "negative", [inner], shown="-")


@writes(exp.DPipe, parts=("this", "expression", "safe"))
def _pipes(writer: Writer, node: exp.Expr) -> Piece:
    parts: list[exp.Expr] = []
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, exp.DPipe):
            todo += [part.expression, part.this]
        elif isinstance(part, exp.Paren) and isinstance(part.unnest(), exp.DPipe):
            todo.append(part.unnest())
        else:
            parts.append(part)
    return concatenation(writer, writer.values(parts))


def concatenation(writer: Writer, pieces: list[Piece]) -> Piece:
    """Texts side by side; NULL if one of them is, but at Oracle, where NULL is the empty text.

    Raises:
        RefusalError: one is no text, and not surely written alike as one.
    """
    texts = [_side(writer, trimmed(writer, piece)) for piece in pieces]
    if any(piece.made is not Kind.TEXT and piece.made is not Kind.ENUM for piece in texts):
        raise RefusalError("types-differ", "not only texts are put together")
    oracle = writer.source is Dialect.ORACLE
    if oracle:
        texts = [replace(t, sql=f"COALESCE({t.sql}, '')", atom=True) if t.nullable else t for t in texts]
    if writer.target.mysql_like:
        whole = of(f"CONCAT({', '.join(piece.sql for piece in texts)})", Kind.TEXT, *texts)
    else:
        whole = of(" || ".join(piece.wrapped for piece in texts), Kind.TEXT, *texts, atom=False)
    if oracle:
        full = any(piece.constant or not piece.nullable for piece in texts)
        whole = replace(whole, nullable=not full)
        if not full:
            whole = replace(whole, sql=f"NULLIF({whole.sql}, '')", atom=True)
    return replace(whole, made=Kind.TEXT)


def _side(writer: Writer, piece: Piece) -> Piece:
    """One of the texts. Between MySQL and MariaDB a number stays one: a cast would have a collation of its own."""
    if writer.like and piece.kind in (Kind.INTEGER, Kind.DECIMAL):
        return replace(piece, made=Kind.TEXT)
    return as_text(writer, piece)


def as_text(writer: Writer, piece: Piece) -> Piece:
    """As the source writes it where a text is wanted."""
    if piece.kind in (Kind.TEXT, Kind.ENUM) or piece.kind is None:
        return piece
    if piece.kind in MOMENTS or piece.kind in (Kind.FLOAT, Kind.BOOLEAN):
        raise RefusalError("types-differ", f"a {piece.kind} is put into a text, which systems write in different ways")
    if piece.zeros:
        raise RefusalError("types-differ", "a ZEROFILL number is put into a text, with its zeros")
    known_scale(writer, piece)
    return call(writer, "cast text", [piece], shown="a cast to text")


def known_scale(writer: Writer, piece: Piece) -> None:
    """
    Raises:
        RefusalError: a decimal is computed, and how many places the source writes of it is not known.
    """
    if writer.source.mysql_like and piece.kind is Kind.DECIMAL and piece.type is None:
        raise RefusalError("types-differ", "a decimal that is computed is put into a text, with places of its own")


def shown_alone(node: exp.Expr) -> bool:
    """It is what a query gives, and nothing is computed with it."""
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    return above is None or isinstance(above, (exp.Alias, exp.Select))


def say_of_quotient(writer: Writer) -> None:
    """MySQL rounds a quotient to the places that it shows, MariaDB computes with more."""
    writer.say(
        "division-digits",
        "MySQL computes with four more places of a quotient than the dividend has, MariaDB with up to nine and more",
        "round the quotient where the last places matter",
    )
