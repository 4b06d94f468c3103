"""CHAR, VARCHAR, TEXT; BINARY, VARBINARY, BLOB; ENUM and SET; geometry, VECTOR; MariaDB's UUID, INET4 and INET6.

The snapshot's session has ``character_set_results = NULL``, so that a SELECT returns text in the column's own
character set, as the log has it: one decoder serves both.
"""

from __future__ import annotations

import re
import socket
from binascii import b2a_base64
from collections.abc import Callable

import orjson

from tailrace.schema import Kind, Type
from tailrace_mysql.types import charsets
from tailrace_mysql.types.column_type import (
    ColumnType,
    Converter,
    Native,
    Reader,
    any_metadata,
    hexadecimal,
    printed,
    quoted,
)
from tailrace_mysql.types.compressed import BLOB_COMPRESSED, VARCHAR_COMPRESSED, compressible
from tailrace_mysql.types.declared import UTF8_CHARSETS, Declared

_VARCHAR, _VECTOR, _BLOB, _VAR_STRING, _STRING, _GEOMETRY = 15, 242, 252, 253, 254, 255
_ENUM, _SET = 247, 248

_UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TEXT_SIZES = {"tinytext": 255, "text": 65535, "mediumtext": 16777215, "longtext": 0}
_BLOB_SIZES = {"tinyblob": 255, "blob": 65535, "mediumblob": 16777215, "longblob": 0}
_GEOMETRIES = (
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
)


def prefixed_reader(width: int, convert: Converter) -> Reader:
    """A value behind its length of `width` bytes."""
    if width == 1:

        def read_short(event: bytes, at: int) -> tuple[bytes, int]:
            start = at + 1
            end = start + event[at]
            if end > len(event):
                raise IndexError
            return convert(event[start:end]), end

        return read_short

    def read(event: bytes, at: int) -> tuple[bytes, int]:
        start = at + width
        end = start + int.from_bytes(event[at:start], "little")
        if end > len(event):
            raise IndexError
        return convert(event[start:end]), end

    return read


def string_length(metadata: int) -> int:
    """Greatest length in bytes of a CHAR or BINARY: ten bits, two of them folded into the type byte, inverted."""
    type_byte, low = metadata & 0xFF, metadata >> 8
    return low | ((type_byte & 0x30) ^ 0x30) << 4


def string_type(metadata: int) -> int:
    """The type that stands behind code 254: CHAR/BINARY, ENUM or SET."""
    return (metadata & 0xFF) | 0x30 if (metadata & 0x30) != 0x30 else metadata & 0xFF


def _string_width(metadata: int) -> int:
    """Bytes of the length before a CHAR or BINARY."""
    return 1 if string_length(metadata) < 256 else 2


def _varchar_width(metadata: int) -> int:
    """Bytes of the length before a VARCHAR or VARBINARY."""
    return 1 if metadata < 256 else 2


def _string_reader(metadata: int, convert: Converter) -> Reader:
    return prefixed_reader(_string_width(metadata), convert)


def _native_text(charset: str, width: int = 0) -> Native | None:
    if charset in UTF8_CHARSETS:
        return Native("text", width)
    return Native("ascii", width) if charset in ("latin1", "ascii") else None


def _text_literal(charset: str) -> Callable[[bytes], str]:
    # As a literal it has the lowest precedence: the comparison goes by the column's own collation.
    return lambda value: f"_{charset} X'{value.hex()}'"


def _text_converter(charset: str) -> Converter:
    decode = charsets.decoder(charset)
    dumps = orjson.dumps
    return lambda value: dumps(decode(value))


def base64_fragment(value: bytes) -> bytes:
    return b'"' + b2a_base64(value, newline=False) + b'"'


def _text_default(text: str, size: int) -> str:
    if len(text) > size:
        raise ValueError("longer than the column")
    return text


def _base64_default(text: str, size: int = 0) -> str:
    # The bytes of other text depend on the session; MySQL's catalogue writes bytes as hexadecimal digits.
    if not text.isascii() or text.startswith("0x") or len(text) > size > 0:
        raise ValueError("not certain to be these bytes")
    return b2a_base64(text.encode(), newline=False).decode()


def _is_string(metadata: int) -> bool:
    return string_type(metadata) == _STRING


def _char(declared: Declared) -> ColumnType:
    convert = _text_converter(declared.charset)
    size = declared.arguments[0] if declared.arguments else 1
    return ColumnType(
        type=Type(Kind.TEXT, declared.name, size=size, fixed=True),
        codes=frozenset({_STRING}),
        accepts=_is_string,
        reader=lambda metadata: _string_reader(metadata, convert),
        native=lambda metadata: _native_text(declared.charset, _string_width(metadata)),
        convert=convert,
        selected=_native_text(declared.charset),
        literal=_text_literal(declared.charset),
        default=lambda text: _text_default(text.rstrip(" "), size),
        charset=declared.charset,
    )


def _varchar(declared: Declared) -> ColumnType:
    convert = _text_converter(declared.charset)
    return ColumnType(
        type=Type(Kind.TEXT, declared.name, size=declared.arguments[0]),
        codes=frozenset({_VARCHAR, _VAR_STRING}),
        accepts=any_metadata,
        reader=lambda metadata: prefixed_reader(_varchar_width(metadata), convert),
        native=lambda metadata: _native_text(declared.charset, _varchar_width(metadata)),
        convert=convert,
        selected=_native_text(declared.charset),
        literal=_text_literal(declared.charset),
        default=lambda text: _text_default(text, declared.arguments[0]),
        charset=declared.charset,
    )


def _text(declared: Declared) -> ColumnType:
    convert = _text_converter(declared.charset)
    return ColumnType(
        type=Type(Kind.TEXT, declared.name, size=_TEXT_SIZES[declared.base]),
        codes=frozenset({_BLOB}),
        accepts=any_metadata,
        reader=lambda metadata: prefixed_reader(metadata, convert),
        native=lambda metadata: _native_text(declared.charset, metadata),
        convert=convert,
        selected=_native_text(declared.charset),
        literal=_text_literal(declared.charset),
        default=str,
        charset=declared.charset,
    )


def _binary(declared: Declared) -> ColumnType:
    size = declared.arguments[0] if declared.arguments else 1

    def convert(value: bytes) -> bytes:
        return base64_fragment(value.ljust(size, b"\0"))  # the log has no trailing zeros

    return ColumnType(
        type=Type(Kind.BYTES, declared.name, size=size, fixed=True),
        codes=frozenset({_STRING}),
        accepts=lambda metadata: _is_string(metadata) and string_length(metadata) == size,
        reader=lambda metadata: _string_reader(metadata, convert),
        native=lambda metadata: Native("binary", _string_width(metadata), size),
        convert=convert,
        selected=Native("binary", size),
        literal=hexadecimal,
        default=lambda text: _base64_default(text.ljust(size, "\0"), size),
        charset="binary",
    )


def _varbinary(declared: Declared) -> ColumnType:
    size = declared.arguments[0]
    return ColumnType(
        type=Type(Kind.BYTES, declared.name, size=size),
        codes=frozenset({_VARCHAR, _VAR_STRING}),
        accepts=lambda metadata: metadata == size,
        reader=lambda metadata: prefixed_reader(_varchar_width(metadata), base64_fragment),
        native=lambda metadata: Native("base64", _varchar_width(metadata)),
        convert=base64_fragment,
        selected=Native("base64"),
        literal=hexadecimal,
        default=lambda text: _base64_default(text, size),
        charset="binary",
    )


def _blob(declared: Declared) -> ColumnType:
    return ColumnType(
        type=Type(Kind.BYTES, declared.name, size=_BLOB_SIZES[declared.base]),
        codes=frozenset({_BLOB}),
        accepts=any_metadata,
        reader=lambda metadata: prefixed_reader(metadata, base64_fragment),
        native=lambda metadata: Native("base64", metadata),
        convert=base64_fragment,
        selected=Native("base64"),
        literal=hexadecimal,
        default=_base64_default,
        charset="binary",
    )


def _geometry(declared: Declared) -> ColumnType:
    """The server's own bytes: the spatial reference system's number (4 bytes), then well-known binary."""
    return ColumnType(
        type=Type(Kind.BYTES, declared.name),
        codes=frozenset({_GEOMETRY}),
        accepts=any_metadata,
        reader=lambda metadata: prefixed_reader(metadata, base64_fragment),
        native=lambda metadata: Native("base64", metadata),
        convert=base64_fragment,
        selected=Native("base64"),
        literal=hexadecimal,
        default=_base64_default,
    )


def _vector(declared: Declared) -> ColumnType:
    """The server's own bytes: 32-bit floats, least significant byte first."""
    return ColumnType(
        type=Type(Kind.BYTES, declared.name, size=4 * (declared.arguments[0] if declared.arguments else 2048)),
        codes=frozenset({_VECTOR}),
        accepts=any_metadata,
        reader=lambda metadata: prefixed_reader(metadata, base64_fragment),
        native=lambda metadata: Native("base64", metadata),
        convert=base64_fragment,
        selected=Native("base64"),
        literal=hexadecimal,
        default=_base64_default,
    )


# ---- ENUM and SET: the label of a number


def _enum(declared: Declared) -> ColumnType:
    # 0 is the empty label of a value that was refused in non-strict mode.
    fragments = [b'""', *(orjson.dumps(label) for label in declared.labels)]
    size = 1 if len(declared.labels) < 256 else 2

    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(event):
            raise IndexError
        return fragments[int.from_bytes(event[at:end], "little")], end

    def default(text: str) -> str:
        return declared.labels[_label(declared.labels, text)]

    def convert(value: bytes) -> bytes:
        number = int(value)
        if number < 0:
            raise IndexError
        return fragments[number]

    native = Native("enum", size, fragments=fragments)
    return _labelled(Kind.ENUM, _ENUM, declared, size, read, convert, default, native)


def _label(labels: tuple[str, ...], text: str) -> int:
    """Which label the server found for a text: its collation may not tell cases apart, and more outside of ASCII."""
    places = [place for place, label in enumerate(labels) if label.casefold() == text.casefold()]
    if len(places) != 1 or (labels[places[0]] != text and not "".join((text, *labels)).isascii()):
        raise ValueError("not certain to be one of the labels")
    return places[0]


def _set(declared: Declared) -> ColumnType:
    labels = declared.labels
    count = (len(labels) + 7) // 8
    size = count if count <= 4 else 8
    known: dict[int, bytes] = {}

    def fragment(bits: int) -> bytes:
        text = known.get(bits)
        if text is None:
            if bits >> len(labels):
                raise IndexError
            text = orjson.dumps(",".join(label for place, label in enumerate(labels) if bits >> place & 1))
            if len(known) < 4096:
                known[bits] = text
        return text

    def read(event: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(event):
            raise IndexError
        return fragment(int.from_bytes(event[at:end], "little")), end

    def default(text: str) -> str:
        places = {_label(labels, part) for part in text.split(",")} if text else set()
        return ",".join(labels[place] for place in sorted(places))

    return _labelled(Kind.SET, _SET, declared, size, read, lambda value: fragment(int(value)), default)


def _labelled(
    kind: Kind,
    code: int,
    declared: Declared,
    size: int,
    read: Reader,
    convert: Converter,
    default: Callable[[str], str],
    native: Native | None = None,
) -> ColumnType:
    def accepts(metadata: int) -> bool:
        return metadata & 0xFF == code and metadata >> 8 == size

    return ColumnType(
        type=Type(kind, declared.name, labels=declared.labels),
        codes=frozenset({_STRING, code}),
        accepts=accepts,
        reader=lambda _: read,
        native=lambda _: native,
        convert=convert,
        selected=native,
        literal=lambda value: value.decode("ascii"),
        default=default,
        # By number: labels may be in a character set of their own, and the order is the numbers'.
        select="CAST({} AS UNSIGNED)",
        compare="CAST({} AS UNSIGNED)",
    )


# ---- MariaDB's types that travel as BINARY(n)


def _fixed_bytes(
    declared: Declared,
    kind: Kind,
    size: int,
    fragment: Converter,
    default: Callable[[str], str],
) -> ColumnType:
    def from_log(value: bytes) -> bytes:
        return fragment(value.ljust(size, b"\0"))

    return ColumnType(
        type=Type(kind, declared.name),
        codes=frozenset({_STRING}),
        accepts=lambda metadata: _is_string(metadata) and string_length(metadata) == size,
        reader=lambda metadata: _string_reader(metadata, from_log),
        convert=printed,
        selected=Native("printed"),
        literal=quoted,
        default=default,
    )


def _uuid_from_log(value: bytes) -> bytes:
    """MariaDB keeps versions 1 to 5 with the segments turned round, so that they sort by time.

    Turned values are told by the variant bits, which stand in byte 6 there (``sql/sql_type_uuid.h``).
    """
    text = value.hex()
    if value[6] & 0x80 and not value[8] & 0x80:
        text = text[24:32] + text[20:24] + text[16:20] + text[12:16] + text[0:12]
    return f'"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"'.encode()


def _uuid(declared: Declared) -> ColumnType:
    return _fixed_bytes(declared, Kind.UUID, 16, _uuid_from_log, _uuid_default)


def _uuid_default(text: str) -> str:
    if not _UUID_TEXT.fullmatch(text):
        raise ValueError("not in the form that the server keeps")
    return text.lower()


def _address_default(family: socket.AddressFamily) -> Callable[[str], str]:
    def default(text: str) -> str:
        try:
            kept = socket.inet_ntop(family, socket.inet_pton(family, text))
        except OSError:
            kept = ""
        if kept != text:
            raise ValueError("not in the form that the server keeps")
        return text

    return default


def _inet6(declared: Declared) -> ColumnType:
    def fragment(value: bytes) -> bytes:
        return printed(socket.inet_ntop(socket.AF_INET6, value).encode())

    return _fixed_bytes(declared, Kind.OTHER, 16, fragment, _address_default(socket.AF_INET6))


def _inet4(declared: Declared) -> ColumnType:
    def fragment(value: bytes) -> bytes:
        return printed(socket.inet_ntop(socket.AF_INET, value).encode())

    return _fixed_bytes(declared, Kind.OTHER, 4, fragment, _address_default(socket.AF_INET))


def _varying(build: Callable[[Declared], ColumnType]) -> Callable[[Declared], ColumnType]:
    def read(metadata: int, convert: Converter) -> Reader:
        return prefixed_reader(_varchar_width(metadata), convert)

    return compressible(build, VARCHAR_COMPRESSED, read)


def _large(build: Callable[[Declared], ColumnType]) -> Callable[[Declared], ColumnType]:
    return compressible(build, BLOB_COMPRESSED, prefixed_reader)


BASES: dict[str, Callable[[Declared], ColumnType]] = {
    "char": _char,
    "varchar": _varying(_varchar),
    **dict.fromkeys(_TEXT_SIZES, _large(_text)),
    "binary": _binary,
    "varbinary": _varying(_varbinary),
    **dict.fromkeys(_BLOB_SIZES, _large(_blob)),
    "enum": _enum,
    "set": _set,
    **dict.fromkeys(_GEOMETRIES, _geometry),
    "vector": _vector,
    "uuid": _uuid,
    "inet6": _inet6,
    "inet4": _inet4,
}
