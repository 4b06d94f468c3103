"""The current time, parts of moments, and moments with intervals."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.calls import call, known, special
from tailrace.conversion.expressions.literals import as_kind
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind, Type

_UNITS = ("microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_SHORT = {
    "yy": "year",
    "yyyy": "year",
    "qq": "quarter",
    "q": "quarter",
    "mm": "month",
    "m": "month",
    "dd": "day",
    "d": "day",
    "dy": "dayofyear",
    "wk": "week",
    "ww": "week",
    "hh": "hour",
    "mi": "minute",
    "n": "minute",
    "ss": "second",
    "s": "second",
    "dw": "weekday",
    "mon": "month",
    "mons": "month",
    "min": "minute",
    "mins": "minute",
    "sec": "second",
    "secs": "second",
    "y": "dayofyear",
}
_PRINTED = re.compile(r"([-+]?\d{1,9}) ([a-z]+?)s?")
_CLOCK = re.compile(r"(-?)(\d{1,4}):(\d\d):(\d\d)")


CALENDAR_END = "a day before the year 1 or after 9999 is one like others at the source, and NULL in the target"


@dataclass(frozen=True, slots=True)
class Span:
    """So many of a unit."""

    amount: Piece
    unit: str


def _number(amount: int) -> Piece:
    text = str(amount)
    return Piece(text, Kind.INTEGER, Kind.INTEGER, atom=amount >= 0, nullable=False, constant=text)


def unit_of(text: str) -> str:
    word = text.lower().strip("'\"")
    word = _SHORT.get(word, word)
    return word[:-1] if word.endswith("s") and word[:-1] in _UNITS else word


def interval_of(writer: Writer, node: exp.Expr) -> Span | None:
    """An interval's literal; None: it is something else.

    Raises:
        RefusalError: it is one that is not known.
    """
    bare = node.unnest()
    if isinstance(bare, exp.Cast) and bare.to.this == exp.DType.INTERVAL:
        inner = bare.this.unnest()
        if isinstance(inner, exp.Literal) and inner.is_string:
            return _printed(inner.name)
        raise RefusalError("interval", "an interval that is no literal")
    if not isinstance(bare, exp.Interval):
        return None
    unit = bare.args.get("unit")
    if unit is None and isinstance(bare.this, exp.Literal) and bare.this.is_string:
        return _printed(bare.this.name)
    if bare.this is None or unit is None or not isinstance(unit, exp.Var):
        raise RefusalError("interval", "an interval of more than one unit")
    word = unit_of(unit.name)
    if word not in _UNITS:
        raise RefusalError("interval", f"an interval in {unit.name}")
    amount = bare.this.unnest()
    sign = 1
    while isinstance(amount, exp.Neg):
        amount, sign = amount.this.unnest(), -sign
    if isinstance(amount, exp.Literal):
        if not re.fullmatch(r"-?\d{1,9}", amount.name):
            raise RefusalError("interval", f"an interval of {amount.name} {word}s")
        return Span(_number(sign * int(amount.name)), word)
    return Span(writer.number(writer.value(bare.this)), word)


def _printed(text: str) -> Span:
    match = _PRINTED.fullmatch(text.strip().lower())
    if match and unit_of(match[2]) in _UNITS:
        return Span(_number(int(match[1])), unit_of(match[2]))
    clock = _CLOCK.fullmatch(text.strip())
    if clock:
        seconds = int(clock[2]) * 3600 + int(clock[3]) * 60 + int(clock[4])
        for unit, size in (("hour", 3600), ("minute", 60), ("second", 1)):
            if seconds % size == 0:
                return Span(_number((-1 if clock[1] else 1) * seconds // size), unit)
    raise RefusalError("interval", f"the interval '{text}' of more than one unit")


def shift(writer: Writer, moment: Piece, span: Span, back: bool) -> Piece:
    """A moment and an interval together.

    Raises:
        RefusalError: no table has it for this kind of moment and this unit.
    """
    amount = span.amount
    if amount.constant is not None:
        if amount.number is None:
            raise RefusalError("interval", f"an interval of {amount.constant} {span.unit}s")
        amount = _number(-amount.number if back else amount.number)
    elif back:
        amount = amount.become(f"-{amount.wrapped}", False)
    ends = amount.number is not None and amount.number > 0 and writer.target is Dialect.POSTGRESQL
    if (amount.constant is None or ends) and writer.source.mysql_like and not writer.like and moment.other is None:
        writer.say(
            "calendar-end",
            "a day past the calendar's end is NULL at the source, and an error or another value in the target",
            "see whether the interval can be so long",
        )
    if writer.source is Dialect.POSTGRESQL and writer.target.mysql_like:
        writer.say("calendar-end", CALENDAR_END, "see whether days as late as 9999-12-31 come up")
    shown = f"a {moment.kind} and an interval in {span.unit}s"

    def together(moment: Piece) -> Piece:
        return call(writer, f"add {span.unit}", [moment, amount], {"unit": span.unit}, shown)

    whole, other = together(moment), moment.other
    if other is None:
        return whole
    try:
        made, said = writer.apart(lambda: together(other))
    except RefusalError:
        return whole
    return replace(whole, said=moment.said, other=replace(made, said=(*other.said, *said)))


def _adding(back: bool) -> None:
    def add(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
        if len(nodes) != 2 or not writer.source.mysql_like:
            return None
        span = interval_of(writer, nodes[1]) or Span(writer.number(writer.value(nodes[1])), "day")
        return shift(writer, writer.value(nodes[0]), span, back)

    special(*(("date_sub", "subdate") if back else ("date_add", "adddate")))(add)


_adding(True)
_adding(False)


@special("dateadd")
def _dateadd(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 3:
        return None
    amount = nodes[1].unnest()
    piece = writer.number(writer.value(amount))
    return shift(writer, writer.value(nodes[2]), Span(piece, unit_of(nodes[0].name)), False)


@special("datediff", "timestampdiff", "date_diff")
def _datediff(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) == 2:
        return call(writer, "datediff", [_moment(writer, node) for node in nodes])
    if len(nodes) != 3:
        return None
    name = "boundaries" if writer.source is Dialect.TSQL else "whole"
    pieces = [_moment(writer, node) for node in nodes[1:]]
    unit = unit_of(nodes[0].name)
    return call(writer, f"{name} {unit}", pieces, shown=f"the difference in {unit}s")


def _moment(writer: Writer, node: exp.Expr) -> Piece:
    piece = writer.value(node)
    if piece.quoted and piece.constant is not None:
        kind = Kind.DATE if len(piece.constant) == 10 else Kind.TIMESTAMP
        return as_kind(writer, piece, Piece("", kind, kind))
    return piece


@writes(exp.Extract)
def _extract(writer: Writer, node: exp.Expr) -> Piece:
    return part(writer, unit_of(node.name), writer.value(node.expression))


def part(writer: Writer, word: str, moment: Piece, kind: Kind = Kind.DECIMAL) -> Piece:
    """
    Args:
        kind: what PostgreSQL makes of the whole number.
    """
    made = call(writer, f"extract {word}", [moment], shown=f"{word} of a {moment.kind}")
    if writer.source is Dialect.POSTGRESQL:
        return replace(made, kind=kind, made=Kind.INTEGER, type=Type(Kind.INTEGER, size=16))
    return made


@special("date_part", "datepart", "datename")
def _date_part(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 2:
        return None
    word = nodes[0].unnest()
    while isinstance(word, exp.Cast):
        word = word.this.unnest()
    return part(writer, unit_of(word.name), writer.value(nodes[1]), Kind.FLOAT)


# ---- now

_NOW_NODES: dict[type[exp.Expr], str] = {
    exp.CurrentTimestamp: "current_timestamp",
    exp.CurrentDatetime: "current_timestamp",
    exp.CurrentDate: "current_date",
    exp.CurrentTime: "current_time",
    exp.Localtime: "localtime",
    exp.Localtimestamp: "localtimestamp",
    exp.Systimestamp: "systimestamp",
    exp.CurrentUser: "current_user",
    exp.SessionUser: "session_user",
    exp.CurrentSchema: "current_schema",
    exp.CurrentCatalog: "current_catalog",
}
_CLOCKS = frozenset(
    {
        *("now", "current_timestamp", "localtime", "localtimestamp", "sysdate", "utc_timestamp", "statement_timestamp"),
        *("clock_timestamp", "transaction_timestamp", "getdate", "sysdatetime", "getutcdate", "sysutcdatetime"),
        *("sysdatetimeoffset", "systimestamp"),
    }
)


@writes(*_NOW_NODES, parts=("this", "sysdate"))
def _now_node(writer: Writer, node: exp.Expr) -> Piece:
    name = "sysdate" if node.args.get("sysdate") else _NOW_NODES[type(node)]
    argument = node.args.get("this")
    return _clock(writer, name, [argument] if isinstance(argument, exp.Expr) else [])


def _clock(writer: Writer, name: str, nodes: list[exp.Expr]) -> Piece:
    """The tables have a line for each precision: `now 3`."""
    if name not in _CLOCKS:
        return call(writer, name, writer.values(nodes), shown=name)
    digits = _digits(writer, name, nodes)
    if not (known(writer, f"{name} {digits}") or known(writer, f"{name} any")):
        raise RefusalError("unknown-function", f"{name}({digits}) has no counterpart that is known to mean the same")
    whole, said = writer.apart(lambda: _read(writer, name, digits, ""))
    writer.said += said
    word = "local" if whole.kind is Kind.TIMESTAMPTZ else "zoned"
    if not (known(writer, f"{name} {digits} {word}") or known(writer, f"{name} any {word}")):
        return whole
    other, others = writer.apart(lambda: _read(writer, name, digits, f" {word}"))
    return replace(whole, said=said, other=replace(other, said=others))


def _read(writer: Writer, name: str, digits: int, form: str) -> Piece:
    word = f"{name} {digits}{form}" if known(writer, f"{name} {digits}{form}") else f"{name} any{form}"
    return call(writer, word, [], {"n": str(digits), "digits": f"({digits})" if digits else ""}, f"{name}({digits})")


def _digits(writer: Writer, name: str, nodes: list[exp.Expr]) -> int:
    if nodes:
        given = writer.value(nodes[0]).number
        if len(nodes) != 1 or given is None or not 0 <= given <= 6:
            raise RefusalError("unknown-construct", f"{name} of something that is no number of digits")
        return given
    return 0 if writer.source.mysql_like else 6


def _clocks() -> None:
    for name in _CLOCKS:

        def clock(writer: Writer, nodes: list[exp.Expr], name: str = name) -> Piece | None:
            return _clock(writer, name, nodes)

        special(name)(clock)


_clocks()


@writes(exp.AtTimeZone, parts=("this", "zone"))
def _at_zone(writer: Writer, node: exp.Expr) -> Piece:
    zone = node.args["zone"].unnest()
    while isinstance(zone, exp.Cast):
        zone = zone.this.unnest()
    if not isinstance(zone, exp.Literal) or zone.name.lower() not in ("utc", "+00:00", "gmt", "etc/utc"):
        raise RefusalError("time-zone", "a moment in a zone other than UTC")
    return utc(writer, node.this)


@special("timezone")
def _timezone(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 2:
        return None
    zone = writer.value(nodes[0])
    if (zone.constant or "").lower() not in ("utc", "gmt", "etc/utc"):
        raise RefusalError("time-zone", "a moment in a zone other than UTC")
    return utc(writer, nodes[1])


def utc(writer: Writer, node: exp.Expr) -> Piece:
    """A moment as a time without zone, in UTC."""
    inner = node.unnest()
    while isinstance(inner, exp.Cast) and inner.to.this == exp.DType.TIMESTAMPTZ:
        inner = inner.this.unnest()
    now = (isinstance(inner, exp.Anonymous) and inner.name.lower() in ("now", "current_timestamp")) or isinstance(
        inner, exp.CurrentTimestamp
    )
    if now:
        return call(writer, "now at utc", [], shown="now() AT TIME ZONE 'utc'")
    piece = writer.value(inner)
    if piece.kind is not Kind.TIMESTAMPTZ:
        raise RefusalError("time-zone", f"a {piece.kind} AT TIME ZONE")
    return call(writer, "at utc", [piece], shown="AT TIME ZONE 'utc'")
