"""Functions of many rows: with DISTINCT, FILTER, an order, or over a window."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.arithmetic import as_text
from tailrace.conversion.expressions.calls import call, special
from tailrace.conversion.expressions.ordering import ordered
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind


def _aggregate(writer: Writer, name: str, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 1:
        return None
    node = nodes[0]
    if isinstance(node, exp.Star) and name == "count":
        return call(writer, "count all", [])
    if isinstance(node, exp.Distinct):
        if len(node.expressions) != 1 or node.args.get("on"):
            raise RefusalError("query-form", f"{name}(DISTINCT …) of more than one value")
        return call(writer, f"distinct {name}", [writer.number(writer.value(node.expressions[0]))])
    if isinstance(node, exp.Star):
        return None
    return call(writer, name, [writer.number(writer.value(node))])


def _register() -> None:
    for called, name in {
        **{word: word for word in ("count", "sum", "avg", "min", "max")},
        "count_big": "count",
    }.items():

        def aggregate(writer: Writer, nodes: list[exp.Expr], name: str = name) -> Piece | None:
            return _aggregate(writer, name, nodes)

        special(called)(aggregate)


_register()


@writes(exp.GroupConcat, parts=("this", "separator"))
def _joined(writer: Writer, node: exp.Expr) -> Piece:
    inner, order = node.this, ""
    if isinstance(inner, exp.Order):
        order = " ORDER BY " + ", ".join(ordered(writer, part) for part in inner.expressions)
        inner = inner.this
    distinct = ""
    if isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1 or (order and writer.target is Dialect.POSTGRESQL):
            raise RefusalError("query-form", "texts put together with DISTINCT and an order, or of more than one value")
        distinct, inner = "DISTINCT ", inner.expressions[0]
    value = writer.value(inner)
    separator = node.args.get("separator")
    between = writer.value(separator) if separator is not None else writer.value(exp.Literal.string(","))
    extra = {"distinct": distinct, "order": order}
    return call(writer, "joined", [as_text(writer, value), between], extra, "texts put together")


@writes(exp.Window, parts=("this", "partition_by", "order", "over"))
def _window(writer: Writer, node: exp.Expr) -> Piece:
    if node.args.get("over") not in (None, "OVER"):
        raise RefusalError("query-form", "a window with words of its own")
    inner = writer.value(node.this)
    parts = [writer.value(part) for part in node.args.get("partition_by") or []]
    words = []
    if parts:
        words.append("PARTITION BY " + ", ".join(part.sql for part in parts))
    order = node.args.get("order")
    if order is not None:
        words.append("ORDER BY " + ", ".join(ordered(writer, part) for part in order.expressions))
    return replace(inner, sql=f"{inner.sql} OVER ({' '.join(words)})", atom=True)


@writes(exp.Filter)
def _filter(writer: Writer, node: exp.Expr) -> Piece:
    """FILTER (WHERE …): only rows of the condition are looked at; the others give NULL, which no aggregate counts."""
    inner = node.this
    if not isinstance(inner, exp.Anonymous) or inner.name.lower() not in ("count", "sum", "avg", "min", "max"):
        raise RefusalError("query-form", "FILTER of such a function")
    condition = writer.condition(node.expression.this)
    name, argument = inner.name.lower(), inner.expressions[0] if inner.expressions else exp.Star()
    if isinstance(argument, exp.Distinct):
        raise RefusalError("query-form", "FILTER with DISTINCT")
    one = Piece("1", Kind.INTEGER, Kind.INTEGER)
    value = one if isinstance(argument, exp.Star) else writer.value(argument)
    chosen = replace(
        value.become(f"CASE WHEN {condition.sql} THEN {value.sql} END"), nullable=True, quoted=False, padded=False
    )
    return call(writer, name, [chosen])
