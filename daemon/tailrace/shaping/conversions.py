"""Changed types: a value is carried exactly as the new type, or refused.

==================================  ===============================================================================
written                             from
==================================  ===============================================================================
``smallint`` ``integer`` ``bigint``  integers, decimals and texts that are whole numbers; booleans as 0 and 1
``numeric(p,s)``                    integers, decimals, texts that are numbers
``text``, ``varchar(n)``            everything but bytes: as the event shows it
``boolean``                         0 and 1, texts (``true``, ``t``, ``1``, ``false``, ``f``, ``0``)
``json``                            texts that are JSON documents; PostgreSQL only
``uuid``                            texts that are UUIDs
==================================  ===============================================================================
"""

from __future__ import annotations

import re
import uuid
from decimal import Context, Decimal, Inexact, InvalidOperation

import orjson

from tailrace.schema import Kind, Type
from tailrace.shaping.column_types import Dialect
from tailrace.shaping.masks import Alter, text_of

_WRITTEN = re.compile(r"([a-z ]+?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", re.IGNORECASE)
_BITS = {"smallint": 16, "int": 32, "integer": 32, "bigint": 64}
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,4})?")
_TRUE, _FALSE = frozenset({"true", "t", "1"}), frozenset({"false", "f", "0"})
_MOST_DIGITS = 1000
_EXACT = Context(prec=2 * _MOST_DIGITS, traps=[Inexact, InvalidOperation])
_KNOWN = "smallint, integer, bigint, numeric(p,s), text, varchar(n), boolean, json, uuid"


def converted(type_: Type, written: str, dialect: Dialect) -> tuple[Type, Alter]:
    """The new type, and what is done to a value; that raises ValueError for a value that it cannot hold exactly.

    Raises:
        ValueError: there is no such type, or no way to it; the message is for a person.
    """
    found = _WRITTEN.fullmatch(written.strip())
    if found is None:
        raise ValueError(f"{written!r} is none of {_KNOWN}")
    name, first, second = found[1].lower(), int(found[2] or 0), int(found[3] or 0)
    kind = type_.kind
    if name in _BITS and not first:
        _require(kind, written, Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.TEXT, Kind.BOOLEAN)
        return dialect.integer(_BITS[name]), _to_integer(_BITS[name])
    if name in ("numeric", "decimal") and 0 < first <= _MOST_DIGITS and second <= first:
        _require(kind, written, Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.TEXT)
        return dialect.decimal(first, second), _to_decimal(first, second)
    if name == "text" and not first:
        _require(kind, written, *(other for other in Kind if other is not Kind.BYTES))
        return dialect.text(), _to_text(0)
    if name in ("varchar", "character varying") and first and not found[3]:
        _require(kind, written, *(other for other in Kind if other is not Kind.BYTES))
        return dialect.text(first), _to_text(first)
    if name in ("boolean", "bool") and not first:
        _require(kind, written, Kind.INTEGER, Kind.TEXT, Kind.BOOLEAN)
        return dialect.boolean, _to_boolean
    if name == "json" and not first:
        if not dialect.postgres:
            raise ValueError("a JSON column of MySQL's would write the document anew; choose text")
        _require(kind, written, Kind.TEXT, Kind.JSON)
        return dialect.json, _to_json
    if name == "uuid" and not first:
        _require(kind, written, Kind.TEXT, Kind.UUID)
        return dialect.uuid, _to_uuid
    raise ValueError(f"{written!r} is none of {_KNOWN}")


def _require(kind: Kind, written: str, *kinds: Kind) -> None:
    if kind not in kinds:
        raise ValueError(f"a column of kind {kind} cannot become {written}")


def _number(fragment: bytes) -> Decimal:
    if fragment in (b"true", b"false"):
        return Decimal(int(fragment == b"true"))
    text = text_of(fragment)
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return Decimal(text)


def _to_integer(bits: int) -> Alter:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def convert(fragment: bytes) -> bytes:
        number = _number(fragment)
        if number != number.to_integral_value() or not low <= number <= high:
            raise ValueError("not a whole number of that size")
        return b"%d" % int(number)

    return convert


def _to_decimal(precision: int, scale: int) -> Alter:
    step = Decimal(1).scaleb(-scale)
    bound = Decimal(10) ** (precision - scale)

    def convert(fragment: bytes) -> bytes:
        try:
            number = _number(fragment).quantize(step, context=_EXACT)
        except (Inexact, InvalidOperation):
            raise ValueError("more digits than it may have") from None
        if number.copy_abs() >= bound:
            raise ValueError("more digits than it may have")
        return f'"{number if number else number.copy_abs():f}"'.encode()

    return convert


def _to_text(length: int) -> Alter:
    def convert(fragment: bytes) -> bytes:
        text = text_of(fragment)
        if length and len(text) > length:
            raise ValueError("longer than it may be")
        return orjson.dumps(text)

    return convert


def _to_boolean(fragment: bytes) -> bytes:
    text = text_of(fragment).lower()
    if text in _TRUE:
        return b"true"
    if text in _FALSE:
        return b"false"
    raise ValueError("neither true nor false")


def _to_json(fragment: bytes) -> bytes:
    orjson.loads(text_of(fragment))
    return fragment


def _to_uuid(fragment: bytes) -> bytes:
    return f'"{uuid.UUID(text_of(fragment))}"'.encode()
