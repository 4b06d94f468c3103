"""Casts: of literals to what they are for, and of values by the tables' lines."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from datetime import datetime

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.arithmetic import known_scale
from tailrace.conversion.expressions.calls import call, special
from tailrace.conversion.expressions.grammar import grammar_of
from tailrace.conversion.expressions.kinds import NUMBERS, Comparison, stored, type_of, usual_places
from tailrace.conversion.expressions.literals import as_kind, rounded, string
from tailrace.conversion.expressions.logic import trimmed
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind, Type

#: sqlglot's names of types that its generator would write as something wider or other.
_NAMES = {"BIGINT": "bigint", "UBIGINT": "bigint unsigned", "INT": "integer", "SMALLINT": "smallint", "FLOAT": "real"}
#: More than any literal that is read has.
_LITERAL_DIGITS = 200
_WHOLE = re.compile(r"-?\d{1,18}")
#: A bigint has all numbers of so many.
_BIGINT_DIGITS = 18
_LITERAL_KINDS = frozenset(
    {
        *(Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TIME, Kind.UUID, Kind.BYTES, Kind.BITS, Kind.BOOLEAN),
        *NUMBERS,
    }
)


@writes(exp.Cast, parts=("this", "to"))
def _cast(writer: Writer, node: exp.Expr) -> Piece:
    return cast_to(writer, node.this, node.args["to"])


@writes(exp.Convert, parts=("this", "expression", "style", "safe"))
def _convert(writer: Writer, node: exp.Expr) -> Piece:
    if node.args.get("safe"):
        raise RefusalError("try-cast", "TRY_CONVERT gives NULL where the text is no such value; the target refuses it")
    style = node.args.get("style")
    if style is not None:
        return _styled(writer, node, style.name)
    return cast_to(writer, node.expression, node.this)


#: Of SQL Server's styles of moments: how many letters they have.
_STYLES = {"23": 10, "101": 10, "103": 10, "104": 10, "108": 8, "111": 10, "112": 8, "120": 19}


def _styled(writer: Writer, node: exp.Expr, style: str) -> Piece:
    """``CONVERT(varchar(10), moment, 120)``."""
    moment, wanted = writer.value(node.expression), wanted_type(writer, node.this)
    made = call(writer, f"convert style {style}", [moment], shown=f"CONVERT(…, {style})")
    if wanted.kind is not Kind.TEXT or style not in _STYLES:
        raise RefusalError("unknown-function", f"CONVERT to {wanted.name} in the style {style}")
    size = wanted.size or 30
    if wanted.fixed and size <= _STYLES[style]:
        wanted = replace(wanted, fixed=False)
    return _shortened(writer, made, wanted) if wanted.fixed or size < _STYLES[style] else made


@writes(exp.TryCast, parts=("this", "to", "safe"))
def _try(writer: Writer, node: exp.Expr) -> Piece:
    raise RefusalError("try-cast", "TRY_CAST gives NULL where the text is no such value; the target refuses it")


@writes(exp.DateStrToDate)
def _date_literal(writer: Writer, node: exp.Expr) -> Piece:
    kind = Kind.TIMESTAMP if writer.source is Dialect.ORACLE else Kind.DATE
    return as_kind(writer, writer.value(node.this), Piece("", kind, kind, Type(kind)))


def wanted_type(writer: Writer, to: exp.Expr) -> Type:
    """
    Raises:
        RefusalError: the type is the user's own, or not known here.
    """
    if not isinstance(to, exp.DataType):
        raise RefusalError("cast", f"a cast to {to.sql()}")
    name = to.this.name if hasattr(to.this, "name") else str(to.this)
    given = _NAMES.get(name) or to.sql(dialect=grammar_of(writer.source))
    text = "char" if name == "CHARACTER_SET" else given
    if name in ("FLOAT", "DOUBLE") and not writer.source.mysql_like:
        text = (
            "double precision" if name == "DOUBLE" or (to.expressions and int(to.expressions[0].name) > 24) else "real"
        )
    if name == "VARBINARY" and writer.source is Dialect.POSTGRESQL:
        text = "bytea"
    if name == "BPCHAR":
        text = "bpchar"
    return type_of(text, writer.source)


def cast_to(writer: Writer, node: exp.Expr, to: exp.Expr) -> Piece:
    if isinstance(to, exp.DataType) and to.this == exp.DType.USERDEFINED:
        return _own_type(writer, node)
    type_ = wanted_type(writer, to)
    piece = writer.value(node)
    if piece.kind is None:
        return piece
    if piece.constant is not None or (piece.kind is Kind.BOOLEAN and piece.sql in ("TRUE", "FALSE")):
        made = _literal(writer, piece, type_)
        if made is not None:
            return made
    return _value(writer, trimmed(writer, piece), type_)


def _own_type(writer: Writer, node: exp.Expr) -> Piece:
    """PostgreSQL's enums: the label is a text, and so is a column of labels as it is."""
    piece = writer.value(node)
    if piece.quoted or piece.kind in (Kind.ENUM, None):
        return piece
    raise RefusalError("cast", f"a {piece.kind} is cast to a type of the user's own")


def _literal(writer: Writer, piece: Piece, type_: Type) -> Piece | None:
    """None: it is cast as a value is."""
    kind, text = type_.kind, piece.constant
    if kind is Kind.TEXT and piece.quoted and text is not None:
        if type_.fixed and len(text) != type_.size:
            raise RefusalError("padded-text", f"'{text}' as CHAR({type_.size})")
        return string(text[: type_.size] if type_.size else text, writer.target)
    if kind in (Kind.JSON, Kind.INTERVAL, Kind.OTHER) and piece.quoted:
        return replace(piece, kind=kind, type=type_)
    if kind not in _LITERAL_KINDS:
        return None
    if kind is Kind.FLOAT and type_.size == 32 and text is not None and not _single(text):
        raise RefusalError("types-differ", f"{text} as a number of 32 bits")
    if kind in NUMBERS and not piece.quoted and piece.kind is not Kind.BOOLEAN:
        whole = piece.kind is Kind.INTEGER
        if (kind is Kind.INTEGER and not whole) or (kind is Kind.DECIMAL and type_.size):
            return None
        rounds = kind is Kind.FLOAT and writer.source.mysql_like and writer.target is not Dialect.SQLITE
        if rounds and piece.kind is not Kind.FLOAT:
            return None
        if kind is Kind.FLOAT:
            return replace(piece, kind=kind, type=type_, made=kind, sql=text or piece.sql)
        return replace(piece, kind=kind, type=type_)
    if kind is Kind.INTEGER and piece.quoted and not _WHOLE.fullmatch(text or ""):
        raise RefusalError("cast", f"'{text}' is cast to {type_.name}")
    if (piece.quoted and kind is not Kind.BITS) or kind is Kind.BOOLEAN:
        if kind is Kind.TIMESTAMPTZ and not piece.quoted:
            return None
        made = stored(type_, writer.source, writer.target)
        written = as_kind(writer, piece, Piece("", kind, made, type_))
        if kind is Kind.DECIMAL and type_.size and made is not Kind.TEXT:
            return _with_places(writer, written, type_)
        if kind in NUMBERS:
            return replace(written, kind=kind)
        return written if kind is Kind.BOOLEAN else replace(written, constant=None, quoted=False)
    return None


def _with_places(writer: Writer, piece: Piece, type_: Type) -> Piece:
    """A decimal's literal with as many places as its type has."""
    number = rounded(piece.constant or "0", type_.scale)
    if len(number.as_tuple().digits) > type_.size:
        raise RefusalError("literal-kind", f"{piece.constant} is no {type_.name}")
    text = f"{number:f}"
    return replace(piece, sql=text, constant=text, kind=Kind.DECIMAL, type=type_, atom=not text.startswith("-"))


def _single(text: str) -> bool:
    """Whether 32 bits hold the number as 64 do."""
    try:
        number = float(text)
        return bool(struct.unpack("f", struct.pack("f", number))[0] == number)
    except (ValueError, OverflowError):
        return False


def _value(writer: Writer, piece: Piece, type_: Type) -> Piece:
    kind = type_.kind
    if kind is Kind.TEXT and piece.kind is Kind.ENUM and piece.made in (Kind.TEXT, Kind.ENUM):
        return _shortened(writer, replace(piece, kind=Kind.TEXT), type_)
    if kind is piece.kind and kind is Kind.TEXT and type_.name == "bpchar":
        return replace(piece, padded=True)
    if kind is piece.kind and kind is Kind.TEXT:
        # MySQL's has the session's collation.
        if writer.like:
            length = f"({type_.size})" if type_.size and "(" in type_.name else ""
            whole = piece.become(f"CAST({piece.sql} AS CHAR{length})")
            return replace(whole, rooted=False, compared=Comparison.FOLDS)
        piece = replace(piece, rooted=False, compared=Comparison.FOLDS) if writer.source.mysql_like else piece
        return _shortened(writer, piece, type_)
    if kind is Kind.BITS and piece.kind is Kind.BITS:
        return piece
    if kind in (Kind.BOOLEAN, Kind.DATE, Kind.UUID) and kind is piece.kind:
        return piece
    if kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ) and kind is piece.kind:
        if type_.size in (0, 6) and writer.source is not Dialect.TSQL and not writer.source.mysql_like:
            return piece
        if piece.type is not None and type_.size >= piece.type.size:
            return piece
        raise RefusalError("cast", f"a cast to {type_.name} that cuts off digits of a second")
    if kind is Kind.INTEGER and writer.source is Dialect.POSTGRESQL and piece.made is Kind.INTEGER:
        return replace(piece, kind=kind, type=type_)
    if kind is Kind.INTEGER:
        _said_of_size(writer, piece, type_)
        made = call(
            writer, f"cast {'unsigned' if type_.unsigned else 'integer'}", [piece], shown=f"a cast to {type_.name}"
        )
        return replace(made, kind=Kind.INTEGER, made=Kind.INTEGER, type=type_)
    if kind is Kind.DECIMAL:
        extra = {"p": str(type_.size), "s": str(type_.scale)}
        if writer.source.mysql_like and not writer.like and _rounded_digits(piece, type_) > type_.size - type_.scale:
            writer.say(
                "decimal-overflow",
                f"what is too large for {type_.name} becomes its largest value at the source; the target refuses it",
                "see whether such values come up",
            )
        if type_.size and writer.target.mysql_like and not usual_places(type_):
            raise RefusalError("cast", f"a cast to {type_.name}, which the target has not")
        name = "cast decimal" if type_.size else "cast numeric"
        made = call(writer, name, [piece], extra, f"a cast to {type_.name}")
        if not type_.size and piece.made is Kind.INTEGER:
            return replace(made, made=Kind.INTEGER, type=piece.type)
        return replace(made, type=type_)
    if kind is Kind.FLOAT:
        return call(
            writer, f"cast {'real' if type_.size == 32 else 'double'}", [piece], shown=f"a cast to {type_.name}"
        )
    if kind is Kind.TEXT:
        if type_.fixed and not writer.source.mysql_like:
            raise RefusalError("padded-text", f"a cast to {type_.name}, which pads with blanks")
        if piece.zeros:
            raise RefusalError("types-differ", "a ZEROFILL number as a text has its zeros")
        known_scale(writer, piece)
        return _shortened(writer, call(writer, "cast text", [piece], shown="a cast to text"), type_)
    return call(writer, f"cast {kind}", [piece], shown=f"a cast to {type_.name}")


def _said_of_size(writer: Writer, piece: Piece, type_: Type) -> None:
    """What a cast to a whole number makes of one that is too large for it."""
    if not writer.source.mysql_like or type_.unsigned:
        return
    if piece.kind is Kind.INTEGER and piece.type is not None and piece.type.unsigned and piece.type.size == 64:
        raise RefusalError("cast", "an unsigned number past 2^63-1 becomes a negative one at the source")
    if piece.kind is Kind.DECIMAL and _whole_digits(piece) > _BIGINT_DIGITS:
        writer.say(
            "integer-overflow",
            f"what is too large for {type_.name} becomes its largest value at the source; the target refuses it",
            "see whether such values come up",
        )


def _rounded_digits(piece: Piece, type_: Type) -> int:
    """Before the point, at most, once what is after it is rounded: 9.9 has two."""
    rounded = piece.kind is Kind.DECIMAL and (piece.type is None or piece.type.scale > type_.scale)
    return _whole_digits(piece) + rounded


def _whole_digits(piece: Piece) -> int:
    """Before the point, at most."""
    type_ = piece.type
    if type_ is None:
        return 65
    if piece.kind is Kind.DECIMAL:
        return type_.size - type_.scale if type_.size else 65
    return {8: 3, 16: 5, 24: 8, 32: 10}.get(type_.size, 20)


def _shortened(writer: Writer, piece: Piece, type_: Type) -> Piece:
    """A cast to VARCHAR(n) cuts off what is longer."""
    if type_.fixed and not writer.source.mysql_like:
        raise RefusalError("padded-text", f"a cast to {type_.name}, which pads with blanks")
    size = type_.size
    if not size or (type_.fixed and size == 1 and "(" not in type_.name):
        return piece
    if piece.type is not None and piece.plain_column and 0 < piece.type.size <= size:
        return piece
    length = Piece(str(size), Kind.INTEGER, Kind.INTEGER, nullable=False, constant=str(size))
    return call(writer, "left", [piece, length], shown=f"a cast to {type_.name}")


_ORACLE_FORMATS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYY-MM-DD HH24:MI:SS": "%Y-%m-%d %H:%M:%S",
    "YYYY-MM-DD HH24:MI": "%Y-%m-%d %H:%M",
    "DD-MM-YYYY": "%d-%m-%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "DD.MM.YYYY": "%d.%m.%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "YYYYMMDD": "%Y%m%d",
}


@special("to_date", "to_timestamp")
def _to_date(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    """Oracle's literals of dates, in the forms that are known."""
    pieces = writer.values(nodes)
    if writer.source is not Dialect.ORACLE or len(pieces) != 2 or any(piece.constant is None for piece in pieces):
        return None
    text, form = (str(piece.constant) for piece in pieces)
    pattern = _ORACLE_FORMATS.get(form.upper())
    try:
        moment = datetime.strptime(text, pattern or "")
    except ValueError:
        raise RefusalError("literal-kind", f"'{text}' in the form '{form}'") from None
    written = string(moment.strftime("%Y-%m-%d %H:%M:%S"), writer.target)
    return as_kind(writer, written, Piece("", Kind.TIMESTAMP, Kind.TIMESTAMP, Type(Kind.TIMESTAMP)))
