"""Integers, YEAR, DECIMAL, FLOAT, DOUBLE and BIT.

Binary forms: https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html and, for DECIMAL,
``strings/decimal.cc`` (``decimal2bin``).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from tailrace.schema import Kind, Type
from tailrace_mysql.types.column_type import (
    ColumnType,
    Native,
    Reader,
    UnsupportedTypeError,
    any_metadata,
    plain,
    printed,
)
from tailrace_mysql.types.declared import Declared

_TINY, _SHORT, _LONG, _FLOAT, _DOUBLE, _LONGLONG, _INT24, _YEAR, _BIT, _NEWDECIMAL = 1, 2, 3, 4, 5, 8, 9, 13, 16, 246

_INTEGERS = {
    "tinyint": (_TINY, 8),
    "smallint": (_SHORT, 16),
    "mediumint": (_INT24, 24),
    "int": (_LONG, 32),
    "bigint": (_LONGLONG, 64),
}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_YEAR_TEXT = re.compile(r"19[1-9][0-9]|190[1-9]|20[0-9]{2}|21[0-4][0-9]|215[0-5]")
# No more digits than a literal keeps before it is rounded to its column.
_FIXED = re.compile(r"[+-]?([0-9]{1,35}(\.[0-9]{0,30})?|\.[0-9]{1,30})")
_LONGEST_DECIMAL = 100
_FLOATING = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LONGEST_FLOAT = 30
_FORMATS = {8: "b", 16: "h", 32: "i", 64: "q"}


def _integer_reader(bits: int, unsigned: bool) -> Reader:
    size = bits // 8
    if bits == 24:

        def read_24(event: bytes, at: int) -> tuple[bytes, int]:
            end = at + 3
            if end > len(event):
                raise IndexError
            return b"%d" % int.from_bytes(event[at:end], "little", signed=not unsigned), end

        return read_24
    code = _FORMATS[bits]
    unpack = struct.Struct("<" + (code.upper() if unsigned else code)).unpack_from

    def read(event: bytes, at: int) -> tuple[bytes, int]:
        return b"%d" % unpack(event, at)[0], at + size

    return read


def _convert_integer(value: bytes) -> bytes:
    return b"%d" % int(value)  # int() drops the zeros of ZEROFILL


def _integer(declared: Declared) -> ColumnType:
    code, bits = _INTEGERS[declared.base]
    return ColumnType(
        type=Type(Kind.INTEGER, declared.name, size=bits, unsigned=declared.unsigned),
        codes=frozenset({code}),
        accepts=any_metadata,
        reader=lambda _: _integer_reader(bits, declared.unsigned),
        native=lambda _: Native("uint" if declared.unsigned else "int", bits // 8),
        convert=_convert_integer,
        selected=Native("integer"),
        literal=plain,
        default=lambda text: _integer_default(text, bits, declared.unsigned),
    )


def _integer_default(text: str, bits: int, unsigned: bool) -> int:
    if text in ("TRUE", "FALSE"):
        return int(text == "TRUE")
    value = int(text[2:-1], 2) if text.startswith("b'") else int(_matched(_WHOLE, text))
    if not (0 <= value < 1 << bits if unsigned else -(1 << bits - 1) <= value < 1 << bits - 1):
        raise ValueError("out of range")
    return value


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError("not in the form that the server keeps")
    return text


def _year(declared: Declared) -> ColumnType:
    def read(event: bytes, at: int) -> tuple[bytes, int]:
        value = event[at]
        return (b"%d" % (1900 + value) if value else b"0"), at + 1

    return ColumnType(
        type=Type(Kind.YEAR, declared.name),
        codes=frozenset({_YEAR}),
        accepts=any_metadata,
        reader=lambda _: read,
        native=lambda _: Native("year"),
        convert=_convert_integer,
        selected=Native("integer"),
        literal=plain,
        # Of fewer digits the server makes a year near ours.
        default=lambda text: int(_matched(_YEAR_TEXT, text)),
    )


# ---- DECIMAL: groups of nine digits in four bytes, the outer groups in as few bytes as they need

_BYTES_OF_DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


def decimal_reader(precision: int, scale: int) -> Reader:
    groups: list[int] = []  # digits per group, most significant first
    whole = precision - scale
    if whole % 9:
        groups.append(whole % 9)
    groups += [9] * (whole // 9) + [9] * (scale // 9)
    if scale % 9:
        groups.append(scale % 9)
    size = sum(_BYTES_OF_DIGITS[digits] for digits in groups)
    parts: list[tuple[int, int, int]] = []  # shift, mask, power of ten
    left = size * 8
    for digits in groups:
        bits = _BYTES_OF_DIGITS[digits] * 8
        left -= bits
        parts.append((left, (1 << bits) - 1, 10**digits))
    sign = 1 << (size * 8 - 1)
    inverted = sign - 1
    width = scale + 1

    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(event):
            raise IndexError
        raw = int.from_bytes(event[at:end], "big")
        positive = raw & sign
        raw ^= sign if positive else inverted
        value = 0
        for shift, mask, power in parts:
            group = (raw >> shift) & mask
            if group >= power:
                raise ValueError("a decimal group holds more digits than it may")
            value = value * power + group
        digits = str(value).rjust(width, "0")
        text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
        return (f'"{text}"' if positive else f'"-{text}"').encode(), end

    return read


def _decimal(declared: Declared) -> ColumnType:
    precision, scale = (*declared.arguments, 0)[:2] if declared.arguments else (10, 0)

    def convert(value: bytes) -> bytes:
        if declared.zerofill:
            whole, point, fraction = value.partition(b".")
            value = (whole.lstrip(b"0") or b"0") + point + fraction
        return printed(value)

    def default(text: str) -> str:
        with localcontext(prec=_LONGEST_DECIMAL):
            # Half away from zero, as the server does it.
            value = Decimal(_matched(_FIXED, text)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
        # Not abs(): it rounds to 28 digits.
        if value.copy_abs() >= 10 ** (precision - scale) or (value.is_signed() and (declared.unsigned or not value)):
            raise ValueError("out of range")
        return format(value, "f")

    return ColumnType(
        type=Type(Kind.DECIMAL, declared.name, size=precision, scale=scale, unsigned=declared.unsigned),
        codes=frozenset({_NEWDECIMAL}),
        accepts=lambda metadata: metadata == (precision | scale << 8),
        reader=lambda _: decimal_reader(precision, scale),
        native=lambda _: Native("decimal", precision, scale),
        convert=convert,
        selected=None if declared.zerofill else Native("printed"),
        literal=plain,
        default=default,
    )


# ---- floating point


def _json_float(value: float) -> bytes:
    if value - value != 0:
        raise ValueError("a floating-point value is no number")
    return repr(value).encode()


#: Both servers print a double as the shortest text that reads back as the same, as Python does; they write an exponent
#: from 1e15 on, Python from 1e16 on, and below 0.0001 only Python always does.
_PLAIN = re.compile(rb"-?(?:0(\.(?!0000)[0-9]*[1-9])?|[1-9][0-9]{0,14}(\.[0-9]*[1-9])?)")
_PLAIN_BYTES = 20


def _convert_double(value: bytes) -> bytes:
    if (plain := _PLAIN.fullmatch(value)) and len(value.lstrip(b"-")) <= _PLAIN_BYTES:
        return value if plain[1] or plain[2] else value + b".0"
    return _json_float(float(value))


def _convert_float(value: bytes) -> bytes:
    try:
        return shortest_float(float(value))
    except OverflowError:
        raise ValueError("a floating-point value has more than 32 bits") from None


_UNPACK_FLOAT = struct.Struct("<f").unpack_from
_UNPACK_DOUBLE = struct.Struct("<d").unpack_from


_LEAST_NORMAL_FLOAT = 2.0**-126


def shortest_float(value: float) -> bytes:
    """The shortest decimal that reads back as the same 32-bit number."""
    # Six digits always tell a normal number; a subnormal one has fewer significant bits, and may need one digit only.
    for digits in (6, 7, 8) if abs(value) >= _LEAST_NORMAL_FLOAT else range(1, 9):
        text = f"{value:.{digits}g}"
        if struct.pack("<f", float(text)) == struct.pack("<f", value):
            return _json_float(float(text))
    return _json_float(float(f"{value:.9g}"))


def _read_float(event: bytes, at: int) -> tuple[bytes, int]:
    return shortest_float(_UNPACK_FLOAT(event, at)[0]), at + 4


def _read_double(event: bytes, at: int) -> tuple[bytes, int]:
    return _json_float(_UNPACK_DOUBLE(event, at)[0]), at + 8


def _float_literal(value: bytes) -> str:
    text = value.decode("ascii")
    return text if "e" in text else f"{text}e0"  # without an exponent it would be a DECIMAL


def _float_default(text: str, declared: Declared) -> float:
    # With digits stated the server rounds by a way of its own.
    value = float(_matched(_WHOLE if declared.arguments else _FLOATING, text))
    if len(text) > _LONGEST_FLOAT or value - value != 0 or (text.startswith("-") and (declared.unsigned or not value)):
        raise ValueError("out of range")
    return value


def _float(declared: Declared) -> ColumnType:
    # FLOAT(p) with p > 24 is a DOUBLE; the catalogue says "double" for it already.
    return ColumnType(
        type=Type(Kind.FLOAT, declared.name, size=32),
        codes=frozenset({_FLOAT}),
        accepts=any_metadata,
        reader=lambda _: _read_float,
        convert=_convert_float,
        selected=Native("float"),
        literal=_float_literal,
        default=lambda text: float(shortest_float(_UNPACK_FLOAT(struct.pack("<f", _float_default(text, declared)))[0])),
        # As a FLOAT the server prints six digits; as a DOUBLE expression all that the number has.
        select="{} * 1e0",
    )


def _double(declared: Declared) -> ColumnType:
    return ColumnType(
        type=Type(Kind.FLOAT, declared.name, size=64),
        codes=frozenset({_DOUBLE}),
        accepts=any_metadata,
        reader=lambda _: _read_double,
        native=lambda _: Native("double"),
        convert=_convert_double,
        selected=Native("double"),
        literal=_float_literal,
        default=lambda text: _float_default(text, declared),
        # DOUBLE(m,d) would be printed with d digits.
        select="{} * 1e0",
    )


def _bit(declared: Declared) -> ColumnType:
    bits = declared.arguments[0] if declared.arguments else 1
    if not 1 <= bits <= 64:
        raise UnsupportedTypeError(f"BIT({bits}) is no type of MySQL")
    size = (bits + 7) // 8

    def fragment(value: bytes) -> bytes:
        return b'"' + format(int.from_bytes(value, "big"), f"0{bits}b").encode() + b'"'

    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(event):
            raise IndexError
        return fragment(event[at:end]), end

    def default(text: str) -> Any:
        number = int(text[2:-1], 2) if text.startswith("b'") else int(_matched(_WHOLE, text))
        if not 0 <= number < 1 << bits:
            raise ValueError("out of range")
        return format(number, f"0{bits}b")

    return ColumnType(
        type=Type(Kind.BITS, declared.name, size=bits),
        codes=frozenset({_BIT}),
        # Whole bytes in the high byte, the bits above them in the low one.
        accepts=lambda metadata: (metadata >> 8) * 8 + (metadata & 0xFF) == bits,
        reader=lambda _: read,
        convert=fragment,
        selected=Native("bit", bits),
        literal=lambda value: str(int.from_bytes(value, "big")),
        default=default,
    )


BASES: dict[str, Callable[[Declared], ColumnType]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    "year": _year,
    "decimal": _decimal,
    "float": _float,
    "double": _double,
    "bit": _bit,
}
