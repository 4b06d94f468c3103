"""ORDER BY: the order of NULLs is the source's, whatever the target's own is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.comparisons import compare_texts
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer
from tailrace.schema import Kind

_ORDERED = frozenset(
    {Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT, Kind.TEXT, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
    | {Kind.BOOLEAN, Kind.UUID}
)


def ordered(writer: Writer, node: exp.Expr, outputs: Sequence[Piece] = ()) -> str:
    """One part of ORDER BY.

    Args:
        outputs: columns of the query, for their positions.

    Raises:
        RefusalError: the target would order it otherwise, in a way that cannot be named.
    """
    if not isinstance(node, exp.Ordered) or node.args.get("with_fill"):
        raise RefusalError("query-form", f"ORDER BY of {type(node).__name__}")
    piece = _what(writer, node.this, outputs)
    if piece.kind not in _ORDERED or piece.padded:
        raise RefusalError("query-form", f"ORDER BY of a {piece.kind}")
    if piece.kind is Kind.TEXT:
        compare_texts(writer, piece, order=True)
    if piece.made is Kind.TEXT and piece.kind is Kind.DECIMAL:
        writer.say(
            "decimal-as-double", "decimals are put in order as doubles", "see whether more than 15 digits come up"
        )
        kind = "REAL" if writer.target is Dialect.SQLITE else "DOUBLE"
        piece = replace(piece, sql=f"CAST({piece.sql} AS {kind})", atom=True)
    if (
        writer.target is Dialect.SQLITE
        and piece.kind is Kind.TIMESTAMPTZ
        and piece.type is not None
        and piece.type.size
    ):
        raise RefusalError(
            "date-as-text", "moments with fractions are texts in SQLite, which do not sort as they follow"
        )
    descending = bool(node.args.get("desc"))
    return _written(writer, piece, descending, bool(node.args.get("nulls_first")))


def _what(writer: Writer, node: exp.Expr, outputs: Sequence[Piece]) -> Piece:
    if isinstance(node, exp.Literal):
        position = int(node.name) - 1 if not node.is_string and node.name.isdigit() else -1
        if not 0 <= position < len(outputs):
            raise RefusalError("query-form", "ORDER BY of a literal")
        return outputs[position]
    if isinstance(node, exp.Column) and not node.args.get("table"):
        output = writer.scope.output(node)
        if output is not None:
            return output
    return writer.value(node)


def _written(writer: Writer, piece: Piece, descending: bool, nulls_first: bool) -> str:
    text = piece.sql + (" DESC" if descending else "")
    high = writer.target is Dialect.POSTGRESQL
    by_itself = descending if high else not descending
    if not piece.nullable or nulls_first == by_itself:
        return text
    if writer.target.mysql_like:
        return f"{piece.wrapped} IS {'NOT ' if nulls_first else ''}NULL, {text}"
    return f"{text} NULLS {'FIRST' if nulls_first else 'LAST'}"
