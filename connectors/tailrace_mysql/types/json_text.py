"""MySQL's binary JSON as the text that the server prints for it.

Form: ``sql-common/json_binary.h`` of MySQL ("specification of the binary format"); text: ``Json_wrapper::to_string``.
Numbers, spacing and the order of members are the server's, so that a selected document and a logged one are equal.
"""

from __future__ import annotations

import struct
from binascii import b2a_base64
from collections.abc import Callable

import orjson

from tailrace.schema import Kind, Type
from tailrace_mysql.types.column_type import ColumnType, Native, any_metadata, hexadecimal
from tailrace_mysql.types.declared import Declared
from tailrace_mysql.types.numbers import decimal_reader
from tailrace_mysql.types.strings import prefixed_reader

_JSON = 245
_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY, _LITERAL = 0, 1, 2, 3, 4
_INT16, _UINT16, _INT32, _UINT32, _INT64, _UINT64, _DOUBLE, _STRING, _OPAQUE = 5, 6, 7, 8, 9, 10, 11, 12, 15
_LITERALS = {0: "null", 1: "true", 2: "false"}
_NUMBERS = {
    _INT16: struct.Struct("<h"),
    _UINT16: struct.Struct("<H"),
    _INT32: struct.Struct("<i"),
    _UINT32: struct.Struct("<I"),
    _INT64: struct.Struct("<q"),
    _UINT64: struct.Struct("<Q"),
}
_DOUBLE_STRUCT = struct.Struct("<d")
# What fits into the entry of its container, and so has no place of its own.
_INLINE_SMALL = frozenset({_LITERAL, _INT16, _UINT16})
_INLINE_LARGE = frozenset({_LITERAL, _INT16, _UINT16, _INT32, _UINT32})

_NEWDECIMAL, _DATE, _NEWDATE, _TIME, _DATETIME, _TIMESTAMP = 246, 10, 14, 11, 12, 7
#: The server refuses to nest deeper.
MAX_DEPTH = 100

_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}
_ESCAPES.update({number: f"\\u{number:04x}" for number in range(32) if number not in _ESCAPES})


def json_text(document: bytes) -> str:
    """The text of a binary document.

    Raises:
        ValueError: the bytes are no binary JSON.
    """
    if not document:
        return "null"  # what INSERT IGNORE leaves of an invalid document
    try:
        parts: list[str] = []
        _value(document, document[0], 1, parts, 0, [len(document)])
    except (IndexError, struct.error, UnicodeDecodeError, KeyError):
        raise ValueError("a JSON document is malformed") from None
    return "".join(parts)


def _value(document: bytes, kind: int, at: int, parts: list[str], depth: int, left: list[int]) -> None:
    """`left`: no byte belongs to two values, so that all of them together are no longer than the document."""
    if kind in (_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY):
        if depth > MAX_DEPTH:
            raise ValueError("a JSON document is nested too deeply")
        _container(document, kind, at, parts, depth + 1, left)
    elif kind == _STRING:
        length, at = _length(document, at)
        _take(left, length)
        parts.append(quoted(_slice(document, at, length).decode()))
    elif kind in _NUMBERS:
        parts.append(str(_NUMBERS[kind].unpack_from(document, at)[0]))
    elif kind == _DOUBLE:
        parts.append(double_text(_DOUBLE_STRUCT.unpack_from(document, at)[0]))
    elif kind == _LITERAL:
        parts.append(_LITERALS[document[at]])
    elif kind == _OPAQUE:
        length, start = _length(document, at + 1)
        _take(left, length)
        parts.append(_opaque(document[at], _slice(document, start, length)))
    else:
        raise ValueError(f"a JSON document has a value of type {kind}")


def _take(left: list[int], size: int) -> None:
    left[0] -= size
    if left[0] < 0:
        raise IndexError


def _container(document: bytes, kind: int, start: int, parts: list[str], depth: int, left: list[int]) -> None:
    large = kind in (_LARGE_OBJECT, _LARGE_ARRAY)
    width = 4 if large else 2
    inline = _INLINE_LARGE if large else _INLINE_SMALL
    is_object = kind in (_SMALL_OBJECT, _LARGE_OBJECT)

    def number(at: int) -> int:
        return int.from_bytes(_slice(document, at, width), "little")

    count = number(start)
    _take(left, count * (width + 1))
    entries = start + 2 * width
    values = entries + (count * (width + 2) if is_object else 0)
    if values + count * (width + 1) > len(document):
        raise IndexError
    parts.append("{" if is_object else "[")
    for index in range(count):
        if index:
            parts.append(", ")
        if is_object:
            entry = entries + index * (width + 2)
            length = int.from_bytes(_slice(document, entry + width, 2), "little")
            _take(left, length)
            parts.append(quoted(_slice(document, start + number(entry), length).decode()))
            parts.append(": ")
        entry = values + index * (width + 1)
        value_kind = document[entry]
        at = entry + 1 if value_kind in inline else start + number(entry + 1)
        _value(document, value_kind, at, parts, depth, left)
    parts.append("}" if is_object else "]")


def _slice(document: bytes, at: int, length: int) -> bytes:
    if at + length > len(document):
        raise IndexError
    return document[at : at + length]


def _length(document: bytes, at: int) -> tuple[int, int]:
    """Seven bits a byte, least significant first, the eighth bit says that another follows."""
    value = 0
    for place in range(5):
        byte = document[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    raise ValueError("a JSON length is too long")


def quoted(text: str) -> str:
    """A string of a document as the server prints it."""
    return '"' + text.translate(_ESCAPES) + '"'


def double_text(value: float) -> str:
    """As ``my_gcvt`` prints it, with ``.0`` behind a whole number so that it stays a double."""
    if value - value != 0:
        raise ValueError("a JSON number is not finite")
    mantissa, _, exponent_text = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent_text or 0)
    point -= len(whole + fraction) - len((whole + fraction).lstrip("0"))
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0.0"
    if -14 <= point <= 15 or len(digits) > point > 15:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}"
        if len(digits) <= point:
            return f"{sign}{digits.ljust(point, '0')}.0"
        return f"{sign}{digits[:point]}.{digits[point:]}"
    head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{head}e{point - 1}"


def _opaque(kind: int, value: bytes) -> str:
    """A value of an SQL type that JSON has not."""
    if kind == _NEWDECIMAL:
        fragment, _ = decimal_reader(value[0], value[1])(value, 2)
        return fragment.decode().strip('"')
    if kind in (_DATE, _NEWDATE, _DATETIME, _TIMESTAMP, _TIME):
        packed = int.from_bytes(_slice(value, 0, 8), "little", signed=True)
        return f'"{_time(packed) if kind == _TIME else _datetime(packed, kind)}"'
    return f'"base64:type{kind}:{b2a_base64(value, newline=False).decode()}"'


def _datetime(packed: int, kind: int) -> str:
    whole, micros = packed >> 24, packed & 0xFFFFFF
    year, month = divmod(whole >> 22, 13)
    date = f"{year:04d}-{month:02d}-{whole >> 17 & 31:02d}"
    if kind in (_DATE, _NEWDATE):
        return date
    clock = whole & 0x1FFFF
    return f"{date} {clock >> 12:02d}:{clock >> 6 & 63:02d}:{clock & 63:02d}.{micros:06d}"


def _time(packed: int) -> str:
    sign = "-" if packed < 0 else ""
    packed = abs(packed)
    whole, micros = packed >> 24, packed & 0xFFFFFF
    return f"{sign}{whole >> 12 & 0x3FF:02d}:{whole >> 6 & 63:02d}:{whole & 63:02d}.{micros:06d}"


def _json(declared: Declared) -> ColumnType:
    dumps = orjson.dumps
    return ColumnType(
        type=Type(Kind.JSON, declared.name),
        codes=frozenset({_JSON}),
        accepts=any_metadata,
        reader=lambda metadata: prefixed_reader(metadata, lambda value: dumps(json_text(value))),
        convert=lambda value: dumps(value.decode()),
        selected=Native("text"),
        literal=hexadecimal,
        default=str,
    )


BASES: dict[str, Callable[[Declared], ColumnType]] = {"json": _json}
