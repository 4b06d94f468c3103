"""PostgreSQL's types: what each column is to tailrace, and how its text becomes JSON.

One function per kind turns the text that PostgreSQL prints for a value into a JSON fragment. Log (pgoutput) and full
load (COPY) both carry that text, printed under the settings that `connection.PINNED` fixes, so the same value has the
same JSON from both. Every type has a text form: a type unknown here is carried as that text, kind "other".

Text forms: PostgreSQL manual, "Data Types". Type modifiers: the typmodin functions of `src/backend/utils/adt`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import orjson

from tailrace.schema import Kind, Type

#: Text as PostgreSQL prints it, in UTF-8, to a JSON fragment. Raises ValueError for what the type cannot print.
Converter = Callable[[bytes], bytes]

_VARLENA_HEADER = 4  # typmods of length-limited types count it


@dataclass(frozen=True, slots=True)
class TypeEntry:
    """A row of `pg_type`.

    Attributes:
        oid: its own.
        category: typtype: b base, d domain, e enum, c composite, r range, m multirange, p pseudo.
        base: a domain's base type, 0 otherwise.
        base_modifier: the typmod that a domain gives its base type.
        labels: an enum's, in their order.
    """

    oid: int
    category: str = "b"
    base: int = 0
    base_modifier: int = -1
    labels: tuple[str, ...] = ()


class TypeCatalog(Protocol):
    """Where types are looked up; each method raises LookupError for a type that was dropped since."""

    def entry(self, oid: int) -> TypeEntry: ...

    def name(self, oid: int, modifier: int) -> str:
        """As SQL writes it (`format_type`)."""
        ...


# ---- the types


def _length(modifier: int) -> int:
    return modifier - _VARLENA_HEADER if modifier >= _VARLENA_HEADER else 0


def _fraction_digits(modifier: int) -> int:
    return 6 if modifier < 0 else modifier


def _numeric(modifier: int) -> Type:
    if modifier < _VARLENA_HEADER:
        return Type(Kind.DECIMAL)
    packed = modifier - _VARLENA_HEADER
    # 11 bits, signed: numeric(3,-2) rounds to hundreds.
    scale = ((packed & 0x7FF) ^ 1024) - 1024
    return Type(Kind.DECIMAL, size=packed >> 16 & 0xFFFF, scale=scale)


def _interval(modifier: int) -> Type:
    digits = modifier & 0xFFFF
    return Type(Kind.INTERVAL, size=6 if modifier < 0 or digits == 0xFFFF else digits)


_BUILT_IN: dict[int, Callable[[int], Type]] = {
    16: lambda _: Type(Kind.BOOLEAN),
    17: lambda _: Type(Kind.BYTES),
    # One byte; PostgreSQL 16 and later print one that is no character by itself as \303.
    18: lambda _: Type(Kind.TEXT, size=4),  # "char"
    19: lambda _: Type(Kind.TEXT, size=63),  # name
    20: lambda _: Type(Kind.INTEGER, size=64),
    21: lambda _: Type(Kind.INTEGER, size=16),
    23: lambda _: Type(Kind.INTEGER, size=32),
    25: lambda _: Type(Kind.TEXT),
    26: lambda _: Type(Kind.INTEGER, size=32, unsigned=True),  # oid
    114: lambda _: Type(Kind.JSON),
    700: lambda _: Type(Kind.FLOAT, size=32),
    701: lambda _: Type(Kind.FLOAT, size=64),
    1042: lambda m: Type(Kind.TEXT, size=_length(m), fixed=True),  # char(n)
    1043: lambda m: Type(Kind.TEXT, size=_length(m)),  # varchar(n)
    1082: lambda _: Type(Kind.DATE),
    1083: lambda m: Type(Kind.TIME, size=_fraction_digits(m)),
    1114: lambda m: Type(Kind.TIMESTAMP, size=_fraction_digits(m)),
    1184: lambda m: Type(Kind.TIMESTAMPTZ, size=_fraction_digits(m)),
    1186: _interval,
    1266: lambda m: Type(Kind.TIMETZ, size=_fraction_digits(m)),
    1560: lambda m: Type(Kind.BITS, size=max(m, 0), fixed=True),  # bit(n)
    1562: lambda m: Type(Kind.BITS, size=max(m, 0)),  # varbit(n)
    1700: _numeric,
    2950: lambda _: Type(Kind.UUID),
    3802: lambda _: Type(Kind.JSON),  # jsonb
}


def describe(oid: int, modifier: int, catalog: TypeCatalog) -> Type:
    """A column's type. Domains are what they are made of; a type that was dropped since is carried as text."""
    try:
        entry = catalog.entry(oid)
        while entry.category == "d":
            oid, modifier = entry.base, entry.base_modifier if modifier < 0 else modifier
            entry = catalog.entry(oid)
        name = catalog.name(oid, modifier)
    except LookupError:
        return Type(Kind.OTHER, name="unknown")
    if oid in _BUILT_IN:
        return replace(_BUILT_IN[oid](modifier), name=name)
    if entry.category == "e":
        return Type(Kind.ENUM, name=name, labels=entry.labels)
    return Type(Kind.OTHER, name=name)


# ---- the values


def _boolean(text: bytes) -> bytes:
    if text == b"t":
        return b"true"
    if text == b"f":
        return b"false"
    raise ValueError("neither t nor f")


def _integer(text: bytes) -> bytes:
    if text.isdigit() or (text[:1] == b"-" and text[1:].isdigit()):
        return text
    raise ValueError("no integer")


#: Without an exponent the server prints a float as the shortest text that reads back as the same (up to 17 digits).
_PLAIN_FLOAT = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
_PLAIN_FLOAT_BYTES = 20


def _float(text: bytes) -> bytes:
    if (plain := _PLAIN_FLOAT.fullmatch(text)) and len(text.lstrip(b"-")) <= _PLAIN_FLOAT_BYTES:
        return text if plain[1] else text + b".0"
    number = float(text)
    if number - number == 0.0:
        return orjson.dumps(number)
    if text in (b"NaN", b"Infinity", b"-Infinity"):
        return b'"' + text + b'"'
    raise ValueError("no number")


def _text(text: bytes) -> bytes:
    return orjson.dumps(text.decode())


def _bytes(text: bytes) -> bytes:
    if text[:2] != b"\\x":
        raise ValueError("no hexadecimal bytea")
    return b'"' + b64encode(unhexlify(text[2:])) + b'"'


def _timestamp(text: bytes) -> bytes:
    # "… BC" and "infinity" are no ISO 8601 and stay as they are.
    if text[-1:] == b"C" or text[-1:] == b"y":
        return _text(text)
    return _text(text.replace(b" ", b"T", 1))


def _timestamptz(text: bytes) -> bytes:
    if text[-3:] == b"+00":
        return _text(text[:-3].replace(b" ", b"T", 1) + b"Z")
    if text[-1:] == b"C" or text[-1:] == b"y":
        return _text(text)
    raise ValueError("not in UTC")


def _timetz(text: bytes) -> bytes:
    # The offset is printed as +02, +05:30 or +00:19:32.
    return _text(text + b":00") if text[-3:-2] in (b"+", b"-") else _text(text)


_CONVERTERS: dict[Kind, Converter] = {
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.FLOAT: _float,
    Kind.BYTES: _bytes,
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _timestamptz,
    Kind.TIMETZ: _timetz,
}


#: The compiled form (`tuples.pyx`) of a kind's converter; "" where it is called. Kinds that are not named are text.
_NATIVE: dict[Kind, str] = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.FLOAT: "float",
    Kind.BYTES: "",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMPTZ: "timestamptz",
    Kind.TIMETZ: "",
    Kind.ENUM: "",
}


def native(type_: Type, lenient: bool = False) -> str:
    """The name of the compiled form that does what `converter`'s function does, or `lenient`'s."""
    if lenient and type_.kind is Kind.ENUM:
        return "text"
    return _NATIVE.get(type_.kind, "text")


class UnknownLabelError(ValueError):
    """A label that the enum did not have when the schema version was made.

    The log tells of ALTER TYPE … ADD VALUE in no other way.
    """


class _Labels(dict[bytes, bytes]):
    """The JSON form of each label of an enum."""

    def __missing__(self, label: bytes) -> bytes:
        raise UnknownLabelError


def _enum(labels: frozenset[bytes]) -> Converter:
    return _Labels({label: _text(label) for label in labels}).__getitem__


def converter(type_: Type) -> Converter:
    """The function for a column's values."""
    if type_.kind is Kind.ENUM:
        return _enum(frozenset(label.encode() for label in type_.labels))
    return _CONVERTERS.get(type_.kind, _text)


def lenient(type_: Type) -> Converter:
    """As `converter`; takes labels that the catalog does not know any more."""
    return _CONVERTERS.get(type_.kind, _text)
