"""The next value of a sequence that stands by itself."""

from __future__ import annotations

from sqlglot import exp

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.calls import call, special
from tailrace.conversion.expressions.logic import column_of
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import plain, spelled
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind


@special("nextval")
def _nextval(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if writer.source is not Dialect.POSTGRESQL or len(nodes) != 1:
        if writer.source is Dialect.MARIADB and len(nodes) == 1 and isinstance(nodes[0], exp.Column):
            return _next(writer, _of_column(writer, nodes[0]))
        return None
    inner = nodes[0].unnest()
    while isinstance(inner, exp.Cast):
        inner = inner.this.unnest()
    if not isinstance(inner, exp.Literal):
        raise RefusalError("sequence", "nextval of something that is no name")
    parts = [part.strip('"') if part.startswith('"') else part.lower() for part in _dotted(inner.name)]
    return _next(writer, ObjectName(*(parts if len(parts) == 2 else ("", parts[-1]))))


def _dotted(name: str) -> list[str]:
    parts, quoted, current = [], False, ""
    for letter in name:
        if letter == '"':
            quoted = not quoted
        if letter == "." and not quoted:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [*parts, current]


def _of_column(writer: Writer, node: exp.Column) -> ObjectName:
    schema = spelled(node.args["table"], writer.source) if node.args.get("table") else ""
    return ObjectName(schema, spelled(node.this, writer.source))


@writes(exp.NextValueFor, parts=("this", "order"))
def _next_value_for(writer: Writer, node: exp.Expr) -> Piece:
    if node.args.get("order") or not isinstance(node.this, exp.Column):
        raise RefusalError("sequence", "NEXT VALUE FOR with an order")
    return _next(writer, _of_column(writer, node.this))


@writes(exp.Column, parts=("this", "table", "db", "join_mark"))
def _column(writer: Writer, node: exp.Expr) -> Piece:
    assert isinstance(node, exp.Column)
    word = node.name.lower()
    if writer.source is Dialect.ORACLE and word in ("nextval", "currval") and node.args.get("table"):
        if word == "currval":
            raise RefusalError("sequence", "CURRVAL of a sequence")
        schema = spelled(node.args["db"], writer.source) if node.args.get("db") else ""
        return _next(writer, ObjectName(schema, spelled(node.args["table"], writer.source)))
    if writer.source is Dialect.ORACLE and word == "user" and not node.args.get("table"):
        return call(writer, word, [], shown="USER")
    return column_of(writer, node)


def _next(writer: Writer, name: ObjectName) -> Piece:
    found = [
        (known, made)
        for known, made in writer.names.objects.items()
        if plain(known.name, writer.source) == plain(name.name, writer.source)
        and (not name.schema or plain(known.schema, writer.source) == plain(name.schema, writer.source))
    ]
    if len(found) != 1:
        raise RefusalError("sequence", f"the sequence {name} is not converted, or not the only one of that name")
    made = found[0][1]
    match writer.target:
        case Dialect.POSTGRESQL:
            quoted = quoting.text(quoting.qualified(made, writer.target), writer.target)
            sql = f"nextval({quoted}::regclass)"
        case Dialect.MARIADB:
            # Of the database that the table is in, wherever that is made.
            near = ObjectName("", made.name) if made.schema == writer.names.schema else made
            sql = f"NEXTVAL({quoting.qualified(near, writer.target)})"
        case _:
            raise RefusalError(
                "sequence", "the target has no sequences", "let the column count by itself, or draw numbers elsewhere"
            )
    return Piece(sql, Kind.INTEGER, Kind.INTEGER, nullable=False, steady=False)
