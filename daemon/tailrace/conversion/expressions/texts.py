"""Functions of texts that have words of their own, or depend on what may be NULL; and those that choose a value."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.arithmetic import concatenation
from tailrace.conversion.expressions.calls import call, refuse_single, special
from tailrace.conversion.expressions.comparisons import compare, compare_texts, equal
from tailrace.conversion.expressions.kinds import NUMBERS
from tailrace.conversion.expressions.logic import chosen, together, unite
from tailrace.conversion.expressions.piece import Piece, of
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind


@writes(exp.Substring, parts=("this", "start", "length"))
def _substring(writer: Writer, node: exp.Expr) -> Piece:
    given = [node.this, node.args.get("start"), node.args.get("length")]
    if node.args.get("start") is None:
        raise RefusalError("unknown-construct", "SUBSTRING without a start")
    return call(writer, "substring", writer.values([part for part in given if part is not None]))


@writes(exp.Trim, parts=("this", "expression", "position"))
def _trim(writer: Writer, node: exp.Expr) -> Piece:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
    parts = [node.this, node.expression] if node.args.get("expression") else [node.this]
    return call(writer, name, writer.values(parts))


@writes(exp.StrPosition, parts=("this", "substr"))
def _position(writer: Writer, node: exp.Expr) -> Piece:
    _refuse_literal(writer, node.this)
    return call(writer, "position", [writer.value(node.args["substr"]), writer.value(node.this)])


@special("strpos")
def _strpos(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if nodes:
        _refuse_literal(writer, nodes[0])
    return call(writer, "strpos", writer.values(nodes))


def _refuse_literal(writer: Writer, searched: exp.Expr) -> None:
    """MySQL looks for a column's text in a literal by the rules of the session's collation, whatever the column's."""
    if writer.target is Dialect.MYSQL and not writer.like and searched.find(exp.Column) is None:
        raise RefusalError("collation", "a text is looked for in a literal, by the collation of each session")


@special("nullif")
def _nullif(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 2:
        return None
    left, right = writer.values(nodes)
    if right.kind is None:
        return left
    when = equal(writer, left, right)
    one, other = together(writer, [left, right])
    plain = when.sql == f"{one.wrapped} = {other.wrapped}"
    sql = f"NULLIF({one.sql}, {other.sql})" if plain else f"CASE WHEN {when.sql} THEN NULL ELSE {one.sql} END"
    whole = of(sql, one.kind or Kind.TEXT, one, other, made=one.made, nullable=True)
    return replace(whole, padded=one.padded, type=one.type if one.kind not in NUMBERS else None)


@special("concat")
def _concat(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    pieces = writer.values(nodes)
    if writer.source.mysql_like or writer.source is Dialect.ORACLE:
        return concatenation(writer, pieces)
    if any(piece.padded for piece in pieces):
        raise RefusalError("padded-text", "CONCAT takes the blanks at a CHAR's end with it at the source")
    # PostgreSQL and SQL Server leave NULLs out.
    texts = [
        replace(piece, sql=f"COALESCE({piece.sql}, '')", atom=True, nullable=False)
        if piece.nullable and piece.kind is Kind.TEXT
        else piece
        for piece in pieces
    ]
    if any(piece.nullable for piece in texts):
        raise RefusalError("types-differ", "CONCAT of something that is no text, and may be NULL")
    return concatenation(writer, texts)


@special("decode")
def _decode(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    """Oracle's. NULL is equal to NULL in it."""
    if writer.source is not Dialect.ORACLE or len(nodes) < 3:
        return None
    subject, rest = writer.value(nodes[0]), nodes[1:]
    default = writer.value(rest.pop()) if len(rest) % 2 else None
    branches = []
    for wanted, then in zip(rest[::2], rest[1::2], strict=True):
        value = writer.value(wanted)
        if value.kind is None:
            when = of(f"{subject.wrapped} IS NULL", Kind.BOOLEAN, subject, nullable=False)
        elif value.constant is None:
            raise RefusalError("other-arguments", "DECODE that looks for something other than a literal")
        else:
            when = compare(writer, subject, "=", value)
        branches.append((when, writer.value(then)))
    return chosen(writer, branches, default)


@special("iif")
def _iif(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 3:
        return None
    return chosen(writer, [(writer.condition(nodes[0]), writer.value(nodes[1]))], writer.value(nodes[2]))


@special("nvl2")
def _nvl2(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 3:
        return None
    subject = writer.value(nodes[0])
    when = of(f"{subject.wrapped} IS NOT NULL", Kind.BOOLEAN, subject, nullable=False)
    return chosen(writer, [(when, writer.value(nodes[1]))], writer.value(nodes[2]))


@special("isnull")
def _isnull(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    pieces = writer.values(nodes)
    if writer.source.mysql_like and len(pieces) == 1:
        return of(f"{pieces[0].wrapped} IS NULL", Kind.BOOLEAN, pieces[0], atom=False, nullable=False)
    if writer.source is not Dialect.TSQL or len(pieces) != 2:
        return None
    first, second = pieces
    if first.kind is Kind.TEXT:
        limit = first.type.size if first.type else 0
        longest = len(second.constant) if second.constant is not None else second.type.size if second.type else 0
        if (limit and not 0 <= longest <= limit) or (limit and second.constant is None and not longest):
            writer.say(
                "isnull-length", f"ISNULL cuts the second text off at {limit} characters", "see whether it is longer"
            )
    return call(writer, "coalesce", pieces)


_NULL_IF_ANY = (Dialect.MYSQL, Dialect.MARIADB, Dialect.ORACLE)
_WORDS = {"greatest": "MAX", "least": "MIN"}


def _extreme(writer: Writer, name: str, nodes: list[exp.Expr]) -> Piece | None:
    """NULL if any is (MySQL, Oracle, SQLite), or the greatest of the others (PostgreSQL)."""
    if len(nodes) < 2:
        return None
    pieces = together(writer, writer.values(nodes))
    whole = unite(pieces)
    refuse_single(writer, *pieces)
    numbers = whole.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.DATE, Kind.TIMESTAMP)
    if whole.kind is Kind.TEXT:
        compare_texts(writer, *pieces, order=True)
    elif not numbers or whole.made is not whole.kind:
        raise RefusalError("other-arguments", f"{name} of {whole.kind}")
    word = _WORDS[name] if writer.target is Dialect.SQLITE else name.upper()
    sql = f"{word}({', '.join(piece.sql for piece in pieces)})"
    open_ = [piece for piece in pieces if piece.nullable]
    strict_source = writer.source in _NULL_IF_ANY
    strict_target = writer.target is not Dialect.POSTGRESQL
    if open_ and strict_source and not strict_target:
        nulls = " OR ".join(f"{piece.wrapped} IS NULL" for piece in open_)
        sql = f"CASE WHEN {nulls} THEN NULL ELSE {sql} END"
    elif open_ and not strict_source and strict_target:
        if len(pieces) != 2:
            raise RefusalError("other-arguments", f"{name} of more than two values of which some may be NULL")
        left, right = pieces
        sql = (
            f"CASE WHEN {left.wrapped} IS NULL THEN {right.sql} WHEN {right.wrapped} IS NULL THEN {left.sql} "
            f"ELSE {sql} END"
        )
    return replace(whole, sql=sql, constant=None, quoted=False, type=None)


def _extremes() -> None:
    for name in _WORDS:

        def extreme(writer: Writer, nodes: list[exp.Expr], name: str = name) -> Piece | None:
            return _extreme(writer, name, nodes)

        special(name)(extreme)


_extremes()


@special("length")
def _length(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    """MySQL's counts bytes, in the column's character set."""
    if not writer.source.mysql_like or len(nodes) != 1:
        return None
    piece = writer.value(nodes[0])
    if piece.kind in (Kind.TEXT, Kind.ENUM) and piece.charset.startswith("utf8"):
        return call(writer, "length in utf-8", [piece], shown="LENGTH()")
    return call(writer, "length", [piece], shown="LENGTH() in bytes")
