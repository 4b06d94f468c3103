"""One expression, from text to text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Column, Dialect, ObjectName

# Each of these writes some kinds of nodes; see `writer.HANDLERS`.
from tailrace.conversion.expressions import (  # noqa: F401
    aggregates,
    arithmetic,
    casts,
    moments,
    patterns,
    queries,
    sequences,
    splicing,
    texts,
)
from tailrace.conversion.expressions.grammar import expression
from tailrace.conversion.expressions.kinds import NUMBERS, usual_places
from tailrace.conversion.expressions.literals import as_kind, rounded
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import Relation, Scope, column_piece, of_table
from tailrace.conversion.expressions.writer import Writer
from tailrace.conversion.names import Names
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Translation, Use
from tailrace.schema import Kind, Type

#: Where a target takes only what is always the same.
_STEADY: dict[Dialect, frozenset[Use]] = {
    Dialect.POSTGRESQL: frozenset({Use.GENERATED, Use.INDEX, Use.PREDICATE, Use.PARTITION}),
    **dict.fromkeys(
        (Dialect.MYSQL, Dialect.MARIADB, Dialect.SQLITE),
        frozenset({Use.GENERATED, Use.INDEX, Use.PREDICATE, Use.PARTITION, Use.CHECK}),
    ),
}
_CONDITIONS = (Use.CHECK, Use.PREDICATE)
_ESCAPED = re.compile(r"(?:^|[\s(,=])(?:_[a-z0-9]+)?\\'")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "Z": "\x1a"}


def translate(
    sql: str,
    use: Use,
    source: Dialect,
    target: Dialect,
    columns: Mapping[str, Column],
    names: Names,
    table: ObjectName | None,
    rules: Rules,
    *,
    column: str = "",
    types: Mapping[str, str] | None = None,
) -> Translation:
    """An expression of the source in the target's dialect, where it surely means the same.

    Args:
        sql: as the source's catalog has it.
        use: where it stands. A whole query is for `programs.view`.
        columns: of the source's table, by name, with their collations: what the expression may speak of.
        table: of the source, for rules and names; None where there is none (a domain: `VALUE` is its column).
        column: the one whose default or generating expression it is.
        types: the target's column types by the source's names of the columns; where one is missing, the column is
            taken to have what the sinks make of its `Type`.

    Returns:
        The expression, without parentheses around it that the target's grammar may want (`DEFAULT (…)`): the target's
        `render` writes them. Where `grade` is by hand, `sql` is "" and the remark says what is in the way.
    """
    given = rules.expression_of(source, target, str(table or ""), column, sql)
    if given is not None:
        return Translation(given)
    try:
        if source is target:
            return Translation(splicing.expression(sql, source, columns, names, table))
        writer, piece = _written(sql, use, source, target, columns, names, table, rules, column, types or {})
    except RefusalError as refusal:
        return Translation("", (refusal.remark,))
    return Translation(piece.sql, writer.remarks)


def _written(
    sql: str,
    use: Use,
    source: Dialect,
    target: Dialect,
    columns: Mapping[str, Column],
    names: Names,
    table: ObjectName | None,
    rules: Rules,
    column: str,
    types: Mapping[str, str],
) -> tuple[Writer, Piece]:
    relation = Relation(
        table.name if table else "",
        of_table(columns, source, target, names.columns.get(table or ObjectName("", ""), {}), types),
        schema=table.schema if table else "",
    )
    writer = Writer(source, target, rules, names, Scope(source, target, [relation]))
    tree = expression(unescaped(sql) if source.mysql_like else sql, source)
    if use is Use.GENERATED and target is Dialect.POSTGRESQL and tree.find(exp.Column) is None:
        texts = [literal for literal in tree.find_all(exp.Literal) if literal.is_string]
        if texts:
            raise RefusalError("constant-text", "PostgreSQL knows no collation for texts that no column is in")
    piece = writer.condition(tree) if use in _CONDITIONS else writer.value(tree)
    if use is Use.CHECK and target is Dialect.MYSQL and piece.atom and piece.sql not in ("TRUE", "FALSE"):
        # A column, a CASE and a call are numbers to MySQL, which it takes for no check.
        piece = piece.become(f"{piece.sql} <> 0", False)
    place = columns.get(column)
    if use is Use.GENERATED and target is Dialect.MARIADB and place is not None and place.stored:
        _keeps_fraction(tree, place, columns)
    if place is not None and use in (Use.DEFAULT, Use.GENERATED, Use.PARTITION):
        wanted = column_piece(place, source, target, "", types.get(column, ""))
        piece = assigned(writer, piece, wanted, use is not Use.GENERATED)
    if use is not Use.QUERY and writer.like and isinstance(tree.unnest(), exp.Div):
        arithmetic.say_of_quotient(writer)
    if use in _STEADY.get(target, ()) and not piece.steady:
        raise RefusalError("not-immutable", f"the target takes only what is always the same in a {use}: {piece.sql}")
    return writer, piece


def _keeps_fraction(tree: exp.Expr, place: Column, columns: Mapping[str, Column]) -> None:
    """
    Raises:
        RefusalError: MariaDB stores no moment with fewer digits, since a setting says whether it rounds them.
    """
    clocks = (Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TIME)
    if place.type.kind not in clocks:
        return
    named = {node.name.lower() for node in tree.find_all(exp.Column)}
    sizes = [c.type.size for name, c in columns.items() if name.lower() in named and c.type.kind in clocks]
    fine = any(unit.name.lower() == "microsecond" for unit in tree.find_all(exp.Var))
    if max([6 if fine else 0, *sizes]) > place.type.size:
        raise RefusalError("fraction-digits", "MariaDB stores no moment with fewer digits than what it is made of")


def assigned(writer: Writer, piece: Piece, wanted: Piece, default: bool) -> Piece:
    """A value as a column takes it.

    Raises:
        RefusalError: the target would not surely make the same of it.
    """
    if piece.kind is None:
        return piece
    if piece.constant is not None or piece.sql in ("TRUE", "FALSE"):
        return _whole(writer, as_kind(writer, piece, wanted, default), wanted)
    if piece.kind is Kind.BOOLEAN and wanted.kind is not Kind.BOOLEAN:
        piece = writer.number(piece)
    if piece.other is not None and wanted.kind is piece.other.kind:
        return writer.instead(piece)
    if default and writer.target.mysql_like and _decimal(wanted):
        piece = _with_places(piece, wanted.type or Type(Kind.DECIMAL))
    if piece.kind is Kind.UUID and wanted.kind is Kind.TEXT and wanted.made is Kind.TEXT:
        return piece.become(f"CAST({piece.sql} AS text)") if writer.target is Dialect.POSTGRESQL else piece
    if writer.source is Dialect.POSTGRESQL and not default and _rounded(piece, wanted):
        raise RefusalError("types-differ", "a moment is rounded to the digits of its column, which the target's is not")
    if piece.kind in NUMBERS and wanted.kind in NUMBERS and _held(writer, piece, wanted):
        return piece
    if piece.kind is wanted.kind and _kept(writer, piece, wanted):
        return piece
    if {piece.kind, wanted.kind, piece.made, wanted.made} <= {Kind.TEXT, Kind.ENUM}:
        return piece
    if writer.target is not Dialect.SQLITE and piece.kind is Kind.TIMESTAMP and wanted.kind is Kind.DATE:
        # MySQL rounds a moment that it is given for a day, where the source is not MySQL.
        return piece if writer.like else piece.become(f"CAST({piece.sql} AS date)")
    raise RefusalError("types-differ", f"a {piece.kind} is put into a column of {wanted.kind}")


def _whole(writer: Writer, piece: Piece, wanted: Piece) -> Piece:
    """A number for a column of whole ones, which SQLite would keep with its places."""
    if writer.target is not Dialect.SQLITE or wanted.kind is not Kind.INTEGER or "." not in (piece.constant or ""):
        return piece
    text = f"{rounded(piece.constant or '0', 0):f}"
    return replace(piece, sql=text, constant=text)


def _decimal(wanted: Piece) -> bool:
    return wanted.kind is Kind.DECIMAL and wanted.made is Kind.DECIMAL


def _with_places(piece: Piece, wanted: Type) -> Piece:
    """Rounded to a decimal column's places: MySQL warns where it must do it by itself.

    Raises:
        RefusalError: the target's column has other places.
    """
    if not usual_places(wanted):
        raise RefusalError("types-differ", "a default that the source rounds to places that the target has not")
    return piece.become(f"CAST({piece.sql} AS DECIMAL({wanted.size},{wanted.scale}))")


def _rounded(piece: Piece, wanted: Piece) -> bool:
    if piece.kind not in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ) or wanted.kind is not piece.kind or wanted.type is None:
        return False
    digits = piece.type.size if piece.type is not None and piece.plain_column else 6
    return digits > wanted.type.size


def _held(writer: Writer, piece: Piece, wanted: Piece) -> bool:
    """A number that a column of numbers takes as at the source: rounded alike, if at all."""
    if wanted.made not in NUMBERS or piece.made not in NUMBERS:
        return False
    if writer.target is Dialect.SQLITE:
        return piece.kind is wanted.kind
    return piece.kind is not Kind.FLOAT or wanted.kind is Kind.FLOAT


def _kept(writer: Writer, piece: Piece, wanted: Piece) -> bool:
    if piece.made is wanted.made:
        return True
    # Of PostgreSQL's moments MySQL has the time in UTC.
    return piece.kind is Kind.UUID and {piece.made, wanted.made} == {Kind.UUID, Kind.TEXT}


def unescaped(sql: str) -> str:
    """MySQL's information_schema escapes what it shows of a check or generated column: ``_utf8mb4\\'x\\'``."""
    if not _ESCAPED.search(sql):
        return sql
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), sql, flags=re.DOTALL)
