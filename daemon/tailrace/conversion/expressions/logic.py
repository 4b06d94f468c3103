"""Columns, parentheses, AND, OR, NOT, IS and CASE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.comparisons import equal, together_in_target
from tailrace.conversion.expressions.kinds import NUMBERS
from tailrace.conversion.expressions.literals import as_kind
from tailrace.conversion.expressions.piece import Piece, loosest, of, only
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind

#: Of which MySQL makes a text where they stand beside one.
_TEXTS_BESIDE_TEXTS = NUMBERS | {Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TIME}


@writes(exp.Paren)
def _paren(writer: Writer, node: exp.Expr) -> Piece:
    return writer.value(node.this)


@writes(exp.And, exp.Or)
def _connect(writer: Writer, node: exp.Expr) -> Piece:
    if isinstance(node, exp.Or) and writer.source.mysql_like and _concatenates(node):
        raise RefusalError("pipes", "|| means OR here, unless sql_mode has PIPES_AS_CONCAT", "say what was meant")
    word = "AND" if isinstance(node, exp.And) else "OR"
    parts = [writer.condition(part) for part in _chain(node, type(node))]
    return of(f" {word} ".join(part.wrapped for part in parts), Kind.BOOLEAN, *parts, atom=False)


def _chain(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    bare = node.unnest()
    if type(bare) is kind:
        return [*_chain(bare.this, kind), *_chain(bare.expression, kind)]
    return [node]


def _concatenates(node: exp.Expr) -> bool:
    """A text literal beside it: nobody means OR by that."""
    return any(
        isinstance(side, exp.Literal) and side.is_string for side in (node.this.unnest(), node.expression.unnest())
    )


@writes(exp.Not)
def _not(writer: Writer, node: exp.Expr) -> Piece:
    inner = writer.condition(node.this)
    if isinstance(node.this, exp.Is) and inner.sql.endswith(" IS NULL"):
        return replace(inner, sql=inner.sql.removesuffix("NULL") + "NOT NULL")
    return of(f"NOT {inner.wrapped}", Kind.BOOLEAN, inner, atom=False)


@writes(exp.Xor)
def _xor(writer: Writer, node: exp.Expr) -> Piece:
    left, right = writer.condition(node.this), writer.condition(node.expression)
    return of(f"{left.wrapped} <> {right.wrapped}", Kind.BOOLEAN, left, right, atom=False)


@writes(exp.Is, parts=("this", "expression", "negate"))
def _is(writer: Writer, node: exp.Expr) -> Piece:
    what = node.expression
    if isinstance(node.this, exp.Not):
        raise RefusalError("chained-comparison", "NOT and IS side by side without parentheses")
    word = "IS NOT" if node.args.get("negate") else "IS"
    if isinstance(what, exp.Null):
        inner = writer.value(node.this)
        return of(f"{inner.wrapped} {word} NULL", Kind.BOOLEAN, inner, atom=False, nullable=False)
    if isinstance(what, exp.Boolean):
        inner = writer.condition(node.this)
        truth = "TRUE" if what.this else "FALSE"
        return of(f"{inner.wrapped} {word} {truth}", Kind.BOOLEAN, inner, atom=False, nullable=False)
    raise RefusalError("unknown-construct", f"IS {what.sql()}")


def column_of(writer: Writer, node: exp.Column) -> Piece:
    word = node.name.lower()
    bare = not node.args.get("table") and not node.this.args.get("quoted")
    if bare and word in PSEUDO.get(writer.source, ()):
        raise RefusalError("pseudo-column", f"{word.upper()} has no counterpart that surely means the same")
    return writer.scope.column(node)


#: Words that look like columns.
PSEUDO: dict[Dialect, tuple[str, ...]] = {
    Dialect.ORACLE: ("rownum", "rowid", "level", "user", "uid", "ora_rowscn", "sysdate", "systimestamp"),
}


@writes(exp.Case, parts=("this", "ifs", "default"))
def _case(writer: Writer, node: exp.Expr) -> Piece:
    subject = node.this
    branches = []
    for branch in node.args.get("ifs") or []:
        if subject is None:
            when = writer.condition(branch.this)
        else:
            when = _when(writer, writer.value(subject), writer.value(branch.this))
        branches.append((when, branch.args["true"]))
    return choose(writer, branches, node.args.get("default"))


def _when(writer: Writer, subject: Piece, value: Piece) -> Piece:
    """
    Raises:
        RefusalError: MySQL takes -1 for 2^64-1 there.
    """
    wide = subject.type is not None and subject.type.unsigned and subject.type.size == 64
    if writer.source is Dialect.MYSQL and wide and (value.number is None or value.number < 0):
        raise RefusalError("unsigned-64", "CASE of an unsigned 64-bit number and a value that may be negative")
    return equal(writer, subject, value)


@writes(exp.If, parts=("this", "true", "false"))
def _if(writer: Writer, node: exp.Expr) -> Piece:
    return choose(writer, [(writer.condition(node.this), node.args["true"])], node.args.get("false"))


def choose(writer: Writer, branches: Sequence[tuple[Piece, exp.Expr]], default: exp.Expr | None) -> Piece:
    """CASE WHEN … THEN … ELSE … END."""
    results = [writer.value(then) for _, then in branches]
    last = writer.value(default) if default is not None else None
    return chosen(writer, [(when, then) for (when, _), then in zip(branches, results, strict=True)], last)


def chosen(writer: Writer, branches: Sequence[tuple[Piece, Piece]], last: Piece | None) -> Piece:
    everything = [then for _, then in branches] + ([last] if last else [])
    values = together(writer, everything)
    text = "".join(f" WHEN {when.sql} THEN {value.sql}" for (when, _), value in zip(branches, values, strict=False))
    if last:
        text += f" ELSE {values[-1].sql}"
    whole = unite(values)
    conditions = [when for when, _ in branches]
    return replace(
        whole,
        sql=f"CASE{text} END",
        nullable=whole.nullable or not last,
        steady=whole.steady and all(when.steady for when in conditions),
    )


def together(writer: Writer, pieces: Sequence[Piece]) -> list[Piece]:
    """Values that one expression gives in turn: of one kind, with literals brought to it.

    Raises:
        RefusalError: they are of different kinds.
    """
    # What is trimmed here has its blanks at the source still, where they matter to LIKE and some others.
    pieces = [replace(trimmed(writer, piece), padded=piece.padded) for piece in pieces]
    typed = [piece for piece in pieces if piece.kind is not None and not piece.quoted]
    if any(piece.kind is not Kind.BOOLEAN for piece in typed):
        pieces = [writer.number(piece) for piece in pieces]
        typed = [piece for piece in pieces if piece.kind is not None and not piece.quoted]
    if typed and any(piece.quoted for piece in pieces):
        model = next((piece for piece in typed if piece.constant is None), typed[0])
        if model.kind in (Kind.ENUM, Kind.SET, Kind.UUID) and model.made is Kind.TEXT:
            model = replace(model, kind=Kind.TEXT)  # any text may stand beside it
        if writer.source.mysql_like and model.kind in _TEXTS_BESIDE_TEXTS:
            raise RefusalError("types-differ", f"MySQL makes a text of a {model.kind} beside a text")
        pieces = [as_kind(writer, piece, model) if piece.quoted else piece for piece in pieces]
    typed = [piece for piece in pieces if piece.kind is not None]
    if writer.like:
        together_in_target(typed)
    if writer.source.mysql_like:
        _precise_alike(typed)
    kinds = {_family(piece) for piece in typed}
    stores = {_store(piece) for piece in typed}
    if len(kinds) > 1 or len(stores) > 1:
        names = ", ".join(sorted({str(piece.kind) for piece in typed}))
        raise RefusalError("types-differ", f"values of different kinds in one expression: {names}")
    return list(pieces)


def _precise_alike(pieces: Sequence[Piece]) -> None:
    """
    Raises:
        RefusalError: a FLOAT of 32 bits is beside more precise numbers, and systems show more or less of its digits.
    """
    numbers = [piece for piece in pieces if piece.kind in NUMBERS]
    narrow = [piece for piece in numbers if piece.kind is Kind.FLOAT and piece.type and piece.type.size == 32]
    if narrow and len(narrow) < len(numbers):
        raise RefusalError("float-32", "a FLOAT of 32 bits beside other numbers")


def unite(pieces: Sequence[Piece]) -> Piece:
    """What is known of one of them, whichever it is. They are of one family."""
    typed = [piece for piece in pieces if piece.kind is not None]
    if not typed:
        return Piece("NULL", None, None)
    order = (Kind.FLOAT, Kind.DECIMAL)
    single = all(piece.kind is Kind.FLOAT and piece.type is not None and piece.type.size == 32 for piece in typed)
    kind = next((k for k in order if any(piece.kind is k for piece in typed)), typed[0].kind)
    made = next((k for k in order if any(piece.made is k for piece in typed)), typed[0].made)
    return Piece(
        "",
        kind,
        made,
        typed[0].type if len(typed) == 1 or typed[0].kind not in NUMBERS or single else None,
        nullable=any(piece.nullable for piece in pieces),
        compared=loosest(*typed),
        by_code=all(piece.by_code for piece in typed),
        padded=any(piece.padded for piece in typed),
        steady=all(piece.steady for piece in pieces),
        zeros=any(piece.zeros for piece in typed),
        collation=only(piece.collation for piece in typed if piece.rooted),
        rooted=any(piece.rooted for piece in typed),
        charset=typed[0].charset if len({piece.charset for piece in typed}) == 1 else "",
    )


def trimmed(writer: Writer, piece: Piece) -> Piece:
    """CHAR(n) has blanks at its end that do not count; in the target they would.

    Raises:
        RefusalError: they count at the source too (Oracle's functions, ``||`` and LIKE see them).
    """
    if not piece.padded:
        return piece
    if writer.source is Dialect.ORACLE:
        raise RefusalError("padded-text", "Oracle counts the blanks at a CHAR's end in it")
    return replace(piece.become(f"RTRIM({piece.sql})"), padded=False)


def _family(piece: Piece) -> str:
    if piece.kind in (Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT):
        return "number"
    if piece.kind in (Kind.TEXT, Kind.ENUM, Kind.SET):
        return "text"
    return str(piece.kind)


def _store(piece: Piece) -> str:
    if piece.made in (Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT):
        return "number"
    return "text" if piece.made in (Kind.TEXT, Kind.ENUM, Kind.SET) else str(piece.made)
