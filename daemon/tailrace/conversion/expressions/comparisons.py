"""Comparisons: of which kinds two values are, and whether the target compares them as the source does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.kinds import MOMENTS, NUMBERS, Comparison
from tailrace.conversion.expressions.literals import as_kind, string
from tailrace.conversion.expressions.piece import Piece, loosest, of
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind

_SIGNS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_EQUALITY = ("=", "<>")
_COMPARED_TEXTS = frozenset({Kind.TEXT, Kind.ENUM})
#: A double tells decimals of so many digits apart, and keeps their order.
_DOUBLE_DIGITS = 15
_CHAINED = (*_SIGNS, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.Not)


@writes(*_SIGNS)
def _compare(writer: Writer, node: exp.Expr) -> Piece:
    sign = _SIGNS[type(node)]
    for side in (node.this, node.expression):
        if isinstance(side, _CHAINED):
            raise RefusalError("chained-comparison", "comparisons side by side without parentheses")
    members = _any_of(writer, node, sign)
    if members is not None:
        return among(writer, node.this, members, sign == "<>")
    return compare(writer, writer.value(node.this), sign, writer.value(node.expression))


def equal(writer: Writer, left: Piece, right: Piece) -> Piece:
    return compare(writer, left, "=", right)


def compare(writer: Writer, left: Piece, sign: str, right: Piece) -> Piece:
    """
    Raises:
        RefusalError: the target would not surely compare them alike.
    """
    left, right = align(writer, left, right, sign in _EQUALITY)
    return of(f"{left.wrapped} {sign} {right.wrapped}", Kind.BOOLEAN, left, right, atom=False)


def align(writer: Writer, left: Piece, right: Piece, equality: bool) -> tuple[Piece, Piece]:
    """Both so that the target compares them as the source does."""
    if left.kind is None or right.kind is None:
        return left, right
    left, right = _unpadded(writer, left, right), _unpadded(writer, right, left)
    if (left.constant is not None and right.constant is None) or (left.kind is Kind.BOOLEAN and _flag(right, left)):
        right, left = align(writer, right, left, equality)
        return left, right
    if left.kind is Kind.BOOLEAN and not (right.kind is Kind.BOOLEAN or _truth(right)):
        left = writer.number(left)
    if right.constant is not None and (right.quoted or left.kind in (Kind.BOOLEAN, Kind.BITS)):
        right = as_kind(writer, right, left)
    elif right.kind is Kind.BOOLEAN and left.kind is not Kind.BOOLEAN:
        right = writer.number(right)
    elif right.kind is Kind.BOOLEAN and right.sql in ("TRUE", "FALSE"):
        right = as_kind(writer, right, left)
    return _same(writer, left, right, equality)


def _truth(piece: Piece) -> bool:
    return (piece.constant is not None and piece.constant in ("0", "1") and not piece.quoted) or piece.quoted


def _flag(right: Piece, left: Piece) -> bool:
    """A truth value's literal stands on the left of a column."""
    return left.sql in ("TRUE", "FALSE") and right.sql not in ("TRUE", "FALSE") and right.constant is None


def _same(writer: Writer, left: Piece, right: Piece, equality: bool) -> tuple[Piece, Piece]:
    kinds = {left.kind, right.kind}
    if kinds <= NUMBERS:
        return _numbers(writer, left, right)
    if kinds <= _COMPARED_TEXTS or (kinds == {Kind.TEXT, Kind.UUID} and right.constant is not None):
        return _texts(writer, left, right, equality)
    if kinds <= MOMENTS:
        return _moments(writer, left, right)
    one = kinds in ({Kind.BOOLEAN}, {Kind.UUID}, {Kind.TIME}, {Kind.BYTES}, {Kind.BITS}, {Kind.SET})
    if one and left.made is right.made:
        if equality or left.kind in (Kind.BOOLEAN, Kind.UUID):
            return left, right
        if left.kind is Kind.TIME and writer.target is not Dialect.SQLITE:
            return left, right
        if left.kind is Kind.BYTES and not any(p.type and p.type.fixed for p in (left, right)):
            return left, right
    raise RefusalError("types-differ", f"a {left.kind} is compared with a {right.kind}")


# ---- numbers


def _numbers(writer: Writer, left: Piece, right: Piece) -> tuple[Piece, Piece]:
    if writer.target is Dialect.SQLITE:
        return _numbers_in_sqlite(writer, left, right)
    if Kind.TEXT in (left.made, right.made):
        raise RefusalError("decimal-as-text", "a decimal that the target keeps as text is compared")
    return left, right


def _numbers_in_sqlite(writer: Writer, left: Piece, right: Piece) -> tuple[Piece, Piece]:
    if Kind.OTHER in (left.made, right.made):
        raise RefusalError("unsigned-64", "an unsigned 64-bit number, which SQLite keeps as text above 2^63-1")
    if writer.source.mysql_like:
        shown_digits(left, right)
    if writer.source is Dialect.POSTGRESQL and any(p.made is Kind.FLOAT and p.constant is None for p in (left, right)):
        writer.say(
            "not-a-number",
            "NaN and infinities are texts in SQLite, and greater than every number there",
            "see whether the column has any",
        )
    if Kind.TEXT not in (left.made, right.made):
        return left, right
    both = (left, right)
    exact = all(_digits(piece) <= _DOUBLE_DIGITS for piece in both)
    sign_only = any(piece.constant is not None and _is_zero(piece.constant) for piece in both)
    if not exact and not sign_only:
        writer.say(
            "decimal-as-double",
            f"decimals of more than {_DOUBLE_DIGITS} digits are compared as doubles",
            "see whether digits past those matter in it",
        )
    return _as_real(left), _as_real(right)


def shown_digits(*pieces: Piece) -> None:
    """
    Raises:
        RefusalError: one has 32 bits: MySQL computes with all of its digits, SQLite with those that are shown.
    """
    if any(p.type and p.type.size == 32 and p.kind is Kind.FLOAT for p in pieces):
        raise RefusalError("float-32", "a FLOAT of 32 bits, of which SQLite has the digits that are shown")


def _digits(piece: Piece) -> int:
    if piece.kind is Kind.FLOAT:
        return _DOUBLE_DIGITS + 1
    if piece.constant is not None:
        return len(piece.constant.lstrip("-+0").replace(".", ""))
    if piece.kind is Kind.DECIMAL and piece.made is not Kind.INTEGER:
        return piece.type.size if piece.type and piece.type.size else _DOUBLE_DIGITS + 1
    return 10 if piece.type is not None and piece.type.size <= 32 else _DOUBLE_DIGITS + 1


def _is_zero(text: str) -> bool:
    return not text.strip("-+0.")


def _as_real(piece: Piece) -> Piece:
    if piece.made is not Kind.TEXT:
        return piece
    if piece.constant is not None:
        return replace(piece, sql=piece.constant, made=Kind.FLOAT, atom=not piece.constant.startswith("-"))
    return replace(piece.become(f"CAST({piece.sql} AS REAL)"), made=Kind.FLOAT)


# ---- texts


def _texts(writer: Writer, left: Piece, right: Piece, equality: bool) -> tuple[Piece, Piece]:
    if Kind.ENUM in (left.kind, right.kind) and not equality:
        raise RefusalError("enum-order", "labels are compared by their order")
    if left.kind is Kind.ENUM and right.kind is Kind.ENUM and left.type != right.type:
        raise RefusalError("types-differ", "labels of two enums are compared")
    if any(piece.made not in (Kind.TEXT, Kind.ENUM, Kind.UUID) for piece in (left, right)) or (
        left.kind is not Kind.UUID and Kind.UUID in (left.made, right.made)
    ):
        raise RefusalError("other-type", "a text that has another type in the target is compared")
    compare_texts(writer, left, right, order=not equality)
    return left, right


def compare_texts(writer: Writer, *pieces: Piece, order: bool = False) -> None:
    """Says how the target compares them, where that is another way than the source's."""
    if writer.source.mysql_like and not any(piece.rooted for piece in pieces):
        _compare_by_session(writer, pieces, order)
        return
    if writer.like:
        together_in_target(pieces)
        return
    if (
        writer.target.mysql_like
        and not any(piece.rooted for piece in pieces)
        and (order or not any(map(_figures, pieces)))
    ):
        raise RefusalError("collation", "texts that are no column's are compared, by the collation of each session")
    kind = loosest(*(piece for piece in pieces if not _chosen_label(piece)))
    by_label = any(piece.kind is Kind.ENUM for piece in pieces)
    if kind is Comparison.FOLDS and not by_label:
        writer.say(
            "text-case",
            "the source compares these texts without regard to case (and perhaps accents); the target tells them apart",
            "see whether rows hold the same text in different letters; if so, compare lower(…) on both sides, or give "
            "the column a case-insensitive collation",
        )
    elif kind is Comparison.PADS and not by_label:
        writer.say(
            "trailing-blanks",
            "the source sets blanks at the end of these texts aside when it compares them; the target does not",
            "see whether texts have blanks at their end",
        )
    if order:
        codes = all(piece.by_code for piece in pieces) and writer.target is not Dialect.POSTGRESQL
        if not codes:
            writer.say(
                "text-order",
                "texts are put in order by the rules of the collation, which are others in the target",
                "see whether it matters; if so, name a collation",
            )


_FIGURES = re.compile(r"[0-9.:+-]+")


def _figures(piece: Piece) -> bool:
    """Every collation compares it alike, beside what is a number's or a time's text."""
    return piece.constant is not None and bool(_FIGURES.fullmatch(piece.constant))


def together_in_target(pieces: Sequence[Piece]) -> None:
    """
    Raises:
        RefusalError: texts have different collations at the source, and the target may not take them together.
    """
    if len({piece.collation for piece in pieces if piece.rooted}) > 1:
        raise RefusalError("collation-mix", "texts of different collations, which the target may not take together")


def _compare_by_session(writer: Writer, pieces: Sequence[Piece], order: bool) -> None:
    """Texts that are no column's: of literals, numbers and dates."""
    if all(piece.constant is not None for piece in pieces):
        raise RefusalError("session-collation", "literals are compared with each other, by the session's collation")
    plain = (piece.constant is not None and not any(map(_letter, piece.constant)) for piece in pieces)
    if order or not any(plain):
        writer.say(
            "session-collation",
            "the source compares these texts by the collation of the session, which is another one in the target",
            "see whether it matters; if so, name a collation",
        )


def _letter(letter: str) -> bool:
    return letter.isalpha() or not letter.isascii()


def _chosen_label(piece: Piece) -> bool:
    return piece.kind is Kind.ENUM and piece.constant is not None


def _unpadded(writer: Writer, piece: Piece, other: Piece) -> Piece:
    """Blanks at a CHAR's end do not count at the source; they are there in the target."""
    if piece.padded:
        if writer.source is Dialect.ORACLE and not other.padded and other.constant is None:
            raise RefusalError("padded-text", "a CHAR is compared with a VARCHAR2, blanks and all")
        return replace(piece.become(f"RTRIM({piece.sql})"), padded=False)
    if other.padded and piece.quoted and piece.constant is not None:
        return string(piece.constant.rstrip(" "), writer.target)
    return piece


# ---- moments


def _moments(writer: Writer, left: Piece, right: Piece) -> tuple[Piece, Piece]:
    if any(piece.kind is not Kind.TIMESTAMPTZ and piece.made is not piece.kind for piece in (left, right)):
        raise RefusalError("other-type", "a time that has another type in the target is compared")
    zones = {left.kind, right.kind}
    if Kind.TIMESTAMPTZ in zones and len(zones) > 1:
        if left.other or right.other:
            return writer.instead(left), writer.instead(right)
        if writer.target is not Dialect.POSTGRESQL and not writer.like:
            raise RefusalError("session-zone", "a moment is compared with a time that has no zone")
        writer.say(
            "session-zone",
            "a moment is compared with a time that has no zone, which is the session's",
            "see that the application's sessions have the zone that they had at the source",
        )
        left, right = replace(left, steady=False), replace(right, steady=False)
    if writer.target is Dialect.SQLITE and (len(zones) > 1 or _odd_digits(left, right, zones)):
        raise RefusalError("date-as-text", "dates and times are texts in SQLite, and these two are not written alike")
    return left, right


def _odd_digits(left: Piece, right: Piece, kinds: set[Kind | None]) -> bool:
    """Whether times of so many digits, as texts, might not sort as they follow each other."""
    if kinds == {Kind.DATE}:
        return False
    types = [piece.type for piece in (left, right) if piece.type is not None]
    sizes = {type_.size for type_ in types}
    return len(types) < 2 or len(sizes) > 1 or (kinds == {Kind.TIMESTAMPTZ} and sizes != {0})


# ---- lists, ranges, NULL-safe equality


def _any_of(writer: Writer, node: exp.Expr, sign: str) -> list[exp.Expr] | None:
    """PostgreSQL prints IN as ``= ANY (ARRAY[…])`` and NOT IN as ``<> ALL (ARRAY[…])``."""
    right = node.expression
    inner: exp.Expr | None = None
    if sign == "=" and isinstance(right, exp.Any):
        inner = right.this
    elif sign == "<>" and isinstance(right, exp.Anonymous) and right.name.upper() == "ALL" and right.expressions:
        inner = right.expressions[0]
    elif isinstance(right, exp.All) and sign == "<>":
        inner = right.this
    if inner is None:
        return None
    inner = inner.unnest()
    while isinstance(inner, exp.Cast):
        inner = inner.this.unnest()
    if not isinstance(inner, exp.Array):
        raise RefusalError("unknown-construct", f"{sign} ANY or ALL of something that is no list")
    return list(inner.expressions)


def among(writer: Writer, node: exp.Expr, members: list[exp.Expr], negate: bool) -> Piece:
    """IN and NOT IN of values."""
    subject = writer.value(node)
    if not members:
        raise RefusalError("unknown-construct", "IN of an empty list")
    written: list[tuple[Piece, Piece]] = []
    for member in members:
        subject_now, value = align(writer, subject, writer.value(member), True)
        if value.kind is not None and subject_now.sql != subject.sql and not subject.padded and written:
            subject = subject_now
        written.append((subject_now, value))
    lefts = {left.sql for left, _ in written}
    if len(lefts) > 1:
        raise RefusalError("types-differ", "values of different kinds in one list")
    left = written[0][0]
    values = [value for _, value in written]
    text = f"{left.wrapped} {'NOT IN' if negate else 'IN'} ({', '.join(value.sql for value in values)})"
    return of(text, Kind.BOOLEAN, left, *values, atom=False)


@writes(exp.In, parts=("this", "expressions", "query"))
def _in(writer: Writer, node: exp.Expr) -> Piece:
    query = node.args.get("query")
    if query is not None:
        if writer.select is None:
            raise RefusalError("subquery", "a query within an expression")
        inner = query.unnest() if isinstance(query, exp.Subquery) else query
        inside = writer.select(inner)
        left, right = align(writer, writer.value(node.this), inside, True)
        if right.sql != inside.sql:
            raise RefusalError("types-differ", "values of different kinds are compared with a query's")
        return of(f"{left.wrapped} IN ({inside.sql})", Kind.BOOLEAN, left, inside, atom=False)
    if isinstance(node.this.unnest(), exp.Tuple):
        raise RefusalError("unknown-construct", "IN of rows")
    return among(writer, node.this, list(node.expressions), False)


@writes(exp.Between, parts=("this", "low", "high"))
def _between(writer: Writer, node: exp.Expr) -> Piece:
    subject = writer.value(node.this)
    first, low = align(writer, subject, writer.value(node.args["low"]), False)
    second, high = align(writer, subject, writer.value(node.args["high"]), False)
    if first.sql != second.sql:
        raise RefusalError("types-differ", "values of different kinds around BETWEEN")
    text = f"{first.wrapped} BETWEEN {low.wrapped} AND {high.wrapped}"
    return of(text, Kind.BOOLEAN, first, low, high, atom=False)


@writes(exp.NullSafeEQ, exp.NullSafeNEQ)
def _null_safe(writer: Writer, node: exp.Expr) -> Piece:
    same = isinstance(node, exp.NullSafeEQ)
    left, right = align(writer, writer.value(node.this), writer.value(node.expression), True)
    written: Callable[[str, str], str] = _NULL_SAFE[_family(writer.target)]
    text = written(left.wrapped, right.wrapped)
    if not same:
        text = f"NOT ({text})"
    return of(text, Kind.BOOLEAN, left, right, atom=False, nullable=False)


_NULL_SAFE: dict[str, Callable[[str, str], str]] = {
    "mysql": lambda left, right: f"{left} <=> {right}",
    "sqlite": lambda left, right: f"{left} IS {right}",
    "postgresql": lambda left, right: f"{left} IS NOT DISTINCT FROM {right}",
}


def _family(target: Dialect) -> str:
    return "mysql" if target.mysql_like else str(target)
