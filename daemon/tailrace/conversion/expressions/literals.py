"""Literals: as they stand, and as the kind of value that they are compared with or assigned to."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from uuid import UUID

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.kinds import Comparison
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind, Type

#: More than any literal that is read has.
_DIGITS = 200
_INTEGER = re.compile(r"[-+]?\d{1,40}")
_DECIMAL = re.compile(r"[-+]?(\d{1,80}(\.\d{0,80})?|\.\d{1,80})")
_FLOAT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?\s*(Z|[-+]\d\d(?::?\d\d)?)?")
_DIGITS_OF_A_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)( .*)?")
_TIME = re.compile(r"(-?)(\d{2,3}):(\d\d):(\d\d)(\.\d{1,6})?")
_ARRAY = re.compile(r"\{(?:[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+)*)?\}")
_TRUE, _FALSE = frozenset({"t", "true", "y", "yes", "on", "1"}), frozenset({"f", "false", "n", "no", "off", "0"})


def number(text: str, target: Dialect) -> Piece:
    """Of digits, with a point or an exponent perhaps."""
    if _INTEGER.fullmatch(text):
        kind = Kind.INTEGER if abs(int(text)) < 2**63 else Kind.DECIMAL
        plain = str(int(text))
        type_ = Type(kind, size=64 if kind is Kind.INTEGER else len(plain.lstrip("-")))
    elif _DECIMAL.fullmatch(text):
        kind, plain = Kind.DECIMAL, text
        whole, _, fraction = text.lstrip("-+").partition(".")
        type_ = Type(kind, size=len(whole.lstrip("0")) + len(fraction) or 1, scale=len(fraction))
    else:
        kind, plain, type_ = Kind.FLOAT, text, Type(Kind.FLOAT, size=64)
    made = Kind.FLOAT if target is Dialect.SQLITE and kind is Kind.DECIMAL else kind
    return Piece(plain, kind, made, type_, atom=not plain.startswith("-"), nullable=False, constant=plain)


def string(text: str, target: Dialect) -> Piece:
    sql = quoting.text(text, target)
    return Piece(sql, Kind.TEXT, Kind.TEXT, Type(Kind.TEXT, size=len(text)), nullable=False, constant=text, quoted=True)


@writes(exp.Literal, exp.National, exp.Introducer, exp.ByteString, parts=("this", "expression", "is_string"))
def _literal(writer: Writer, node: exp.Expr) -> Piece:
    if isinstance(node, exp.Introducer):
        if node.name.lower() not in ("_utf8mb4", "_utf8mb3", "_utf8", "_ascii", "_latin1"):
            raise RefusalError("character-set", f"a text in the character set {node.name}")
        inner = writer.value(node.expression)
        if inner.constant is None or (node.name.lower() == "_latin1" and not inner.constant.isascii()):
            raise RefusalError("character-set", f"a text in the character set {node.name}")
        return inner
    if isinstance(node, exp.ByteString) and writer.source is Dialect.POSTGRESQL:
        return string(node.name, writer.target)
    if writer.source is Dialect.ORACLE and not node.name:
        return Piece("NULL", None, None)  # to Oracle the empty text is NULL
    if isinstance(node, exp.National) or (isinstance(node, exp.Literal) and node.is_string):
        return string(node.name, writer.target)
    if isinstance(node, exp.Literal):
        return number(node.name, writer.target)
    raise RefusalError("unknown-construct", f"a literal of the kind {type(node).__name__}")


@writes(exp.Null)
def _null(writer: Writer, node: exp.Expr) -> Piece:
    return Piece("NULL", None, None)


@writes(exp.Boolean)
def _boolean(writer: Writer, node: exp.Expr) -> Piece:
    sql = "TRUE" if node.this else "FALSE"
    if writer.target is Dialect.SQLITE and writer.scope.has(sql.lower()):
        raise RefusalError("odd-name", f"a column is called {sql.lower()}, which SQLite then takes {sql} for")
    return Piece(sql, Kind.BOOLEAN, Kind.BOOLEAN, nullable=False)


@writes(exp.BitString, exp.HexString)
def _bits(writer: Writer, node: exp.Expr) -> Piece:
    digits = node.name
    if isinstance(node, exp.HexString):
        value = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
        return Piece(quoting.bytes_(value, writer.target), Kind.BYTES, Kind.BYTES, nullable=False)
    return bits(digits, Type(Kind.BITS, size=len(digits), fixed=True), writer.target)


def bits(digits: str, type_: Type, target: Dialect) -> Piece:
    size = type_.size or len(digits)
    if len(digits.lstrip("0")) > size:
        raise RefusalError("literal-kind", f"bits {digits} are more than the column has")
    digits = digits.lstrip("0").rjust(size, "0") if type_.size else digits
    if target is Dialect.SQLITE:
        return Piece(f"'{digits}'", Kind.BITS, Kind.TEXT, type_, nullable=False)
    sql = f"B'{digits}'" if target is Dialect.POSTGRESQL else f"b'{digits}'"
    return Piece(sql, Kind.BITS, Kind.BITS, type_, nullable=False, constant=digits)


def _dashed(writer: Writer, text: str) -> str:
    """SQL Server's ``20240131 10:00``, which no setting reads otherwise, as ``2024-01-31 10:00``."""
    if writer.source is Dialect.TSQL and (match := _DIGITS_OF_A_DAY.fullmatch(text)):
        return f"{match[1]}-{match[2]}-{match[3]}{match[4] or ''}"
    return text


def as_kind(writer: Writer, piece: Piece, wanted: Piece, default: bool = False) -> Piece:
    """A literal as the kind of what it stands beside.

    Args:
        wanted: what that is: kind, type, and how it is stored.
        default: it is the whole of a column's default, where plain quotes do.

    Raises:
        RefusalError: it is no literal of that kind, or not surely the same one.
    """
    text, kind = piece.constant, wanted.kind
    if kind is None or (text is None and piece.kind is not Kind.BOOLEAN):
        return piece
    if kind is Kind.BOOLEAN:
        return _as_boolean(writer, piece, wanted)
    if text is None:
        return writer.number(piece)
    if kind in (Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT):
        return _as_number(writer, text, piece, wanted)
    if kind is Kind.BITS:
        digits = bin(int(text))[2:] if not piece.quoted and text.isdigit() and piece.kind is Kind.INTEGER else text
        if not re.fullmatch("[01]+", digits) or (piece.quoted and writer.source is not Dialect.POSTGRESQL):
            raise _no_such(text, kind)
        return bits(digits, wanted.type or Type(kind), writer.target)
    if not piece.quoted and kind in (Kind.TEXT, Kind.ENUM, Kind.SET) and default and piece.kind is Kind.INTEGER:
        return replace(string(text, writer.target), kind=kind)
    if not piece.quoted:
        raise RefusalError("types-differ", f"the number {text} stands where a {kind} is wanted")
    made = _WRITTEN[kind](writer, text, wanted, default) if kind in _WRITTEN else _other(writer, text, wanted, default)
    return Piece(made, kind, wanted.made, wanted.type, nullable=False, constant=text, quoted=True)


def _as_boolean(writer: Writer, piece: Piece, wanted: Piece) -> Piece:
    if piece.kind is Kind.BOOLEAN:
        truth = {"TRUE": True, "FALSE": False}.get(piece.sql)
        if truth is None or wanted.made is Kind.BOOLEAN:
            return piece
    else:
        word = (piece.constant or "").lower()
        if word not in _TRUE | _FALSE or (not piece.quoted and word not in "01"):
            raise _no_such(piece.constant or "", Kind.BOOLEAN)
        truth = word in _TRUE
    if wanted.made is Kind.BOOLEAN:
        return Piece("TRUE" if truth else "FALSE", Kind.BOOLEAN, Kind.BOOLEAN, nullable=False)
    return Piece("1" if truth else "0", Kind.BOOLEAN, wanted.made, nullable=False)


def _as_number(writer: Writer, text: str, piece: Piece, wanted: Piece) -> Piece:
    pattern = _FLOAT if wanted.kind is Kind.FLOAT else _DECIMAL
    if not pattern.fullmatch(text):
        raise _no_such(text, wanted.kind)
    made = number(text, writer.target)
    if writer.target is Dialect.SQLITE and wanted.made is Kind.TEXT and wanted.kind is Kind.DECIMAL:
        # Without a precision a decimal keeps the places that it is given.
        digits = _with_scale(text, wanted.type.scale) if wanted.type and wanted.type.size else text
        return replace(made, sql=f"'{digits}'", atom=True, made=Kind.TEXT)
    if wanted.made is Kind.TEXT:  # a decimal that the target keeps as text
        return replace(made, sql=f"'{text}'", atom=True, made=Kind.TEXT)
    return made


def rounded(text: str, scale: int) -> Decimal:
    """Digits to so many places, half of one away from zero."""
    return Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, Context(prec=_DIGITS))


def _with_scale(text: str, scale: int) -> str:
    """Digits as a decimal column prints them."""
    return f"{rounded(text, scale):f}"


def _text(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    return quoting.text(text, writer.target)


def _label(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    labels = wanted.type.labels if wanted.type else ()
    if text not in labels:
        alike = [label for label in labels if label.lower() == text.lower()]
        if labels and (len(alike) != 1 or wanted.compared is not Comparison.FOLDS):
            raise RefusalError("literal-kind", f"'{text}' is none of the labels")
        text = alike[0] if alike else text
    return quoting.text(text, writer.target)


def _date(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    text = _dashed(writer, text)
    if not _DATE.fullmatch(text):
        raise _no_such(text, Kind.DATE)
    _day(text)
    quoted = f"'{text}'"
    return quoted if default or writer.target is Dialect.SQLITE else f"DATE {quoted}"


def _day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise RefusalError(
            "zero-date", f"'{text}' is a day that no calendar has", "decide what it shall be: NULL, or a day"
        ) from None


def _timestamp(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    text = _dashed(writer, text)
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise _no_such(text, wanted.kind)
    _day(match[1])
    clock = match[2] or "00:00:00"
    if len(clock) == 5:
        clock += ":00"
    zone = match[3]
    zoned = wanted.kind is Kind.TIMESTAMPTZ
    if zone and not zoned:
        raise _no_such(text, wanted.kind)
    stamp = f"{match[1]} {clock}"
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        raise _no_such(text, wanted.kind) from None
    if zoned and not zone:
        if writer.like:
            pass
        elif writer.source.mysql_like and writer.target is Dialect.POSTGRESQL:
            writer.say(
                "session-zone",
                f"'{text}' is a moment in the session's time zone, at the source and in the target",
                "see that the application's sessions have the zone that they had at the source",
            )
        else:
            raise RefusalError("session-zone", f"'{text}' is a moment in the time zone of the session")
    if zone:
        shift = zone if zone == "Z" or len(zone) > 3 else zone + ":00"
        moment = datetime.fromisoformat(stamp + ("+00:00" if shift == "Z" else shift)).astimezone(UTC)
        digits = f".{clock.partition('.')[2]}" if "." in clock else ""
        stamp = moment.strftime("%Y-%m-%d %H:%M:%S") + digits
    return _stamp(writer, stamp, wanted, default, bool(zone))


def _stamp(writer: Writer, stamp: str, wanted: Piece, default: bool, utc: bool) -> str:
    zoned = wanted.kind is Kind.TIMESTAMPTZ
    match writer.target:
        case Dialect.SQLITE:
            whole, _, fraction = stamp.replace(" ", "T").partition(".")
            if writer.source is Dialect.POSTGRESQL:
                fraction = fraction.rstrip("0")
            else:
                fraction = fraction.ljust(wanted.type.size if wanted.type else 0, "0")
            return f"'{whole}{'.' + fraction if fraction else ''}{'Z' if zoned else ''}'"
        case Dialect.POSTGRESQL:
            quoted = f"'{stamp}{'+00' if utc else ''}'"
            return quoted if default else f"TIMESTAMP{' WITH TIME ZONE' if zoned else ''} {quoted}"
        case _:
            return f"'{stamp}'" if default else f"TIMESTAMP '{stamp}'"


def _time(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    if writer.source is Dialect.TSQL and re.fullmatch(r"\d\d:\d\d", text):
        text += ":00"
    if not _TIME.fullmatch(text):
        raise _no_such(text, Kind.TIME)
    if writer.target is Dialect.SQLITE:
        if writer.source is Dialect.POSTGRESQL:
            return f"'{text}'"
        whole, _, fraction = text.partition(".")
        fraction = fraction.ljust(wanted.type.size if wanted.type else 0, "0")
        return f"'{whole}{'.' + fraction if fraction else ''}'"
    if default:
        return f"'{text}'"
    return f"INTERVAL '{text}'" if wanted.made is Kind.INTERVAL else f"TIME '{text}'"


def _uuid(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    try:
        plain = str(UUID(text))
    except ValueError:
        raise _no_such(text, Kind.UUID) from None
    quoted = f"'{plain}'"
    return f"CAST({quoted} AS uuid)" if wanted.made is Kind.UUID and not default else quoted


def _bytes(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    if writer.source is Dialect.POSTGRESQL:
        if not re.fullmatch(r"\\x(?:[0-9a-fA-F]{2})*", text) and (not text.isascii() or "\\" in text):
            raise _no_such(text, Kind.BYTES)
        value = bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
    elif text.isascii():
        value = text.encode()
    else:
        raise _no_such(text, Kind.BYTES)
    if wanted.type and wanted.type.fixed and writer.source.mysql_like:
        value = value.ljust(wanted.type.size, b"\0")
    return quoting.bytes_(value, writer.target)


def _json(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    if not default:
        raise RefusalError("types-differ", "a JSON document is compared")
    return quoting.text(text, writer.target)


def _other(writer: Writer, text: str, wanted: Piece, default: bool) -> str:
    name = wanted.type.name if wanted.type else ""
    if default and wanted.made is Kind.TEXT and name.endswith("[]") and _ARRAY.fullmatch(text):
        return quoting.text(text, writer.target)
    raise RefusalError("literal-kind", f"'{text}' as {name or wanted.kind}")


_WRITTEN = {
    Kind.TEXT: _text,
    Kind.ENUM: _label,
    Kind.SET: _text,
    Kind.DATE: _date,
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _timestamp,
    Kind.TIME: _time,
    Kind.UUID: _uuid,
    Kind.BYTES: _bytes,
    Kind.JSON: _json,
}


def _no_such(text: str, kind: Kind | None) -> RefusalError:
    return RefusalError("literal-kind", f"'{text}' is not surely a {kind} of the target")
