"""MariaDB's COMPRESSED columns: the log has their text and bytes as they are stored, a SELECT has them unpacked.

Form: ``sql/field_comp.cc`` of MariaDB. A byte says how, and how many bytes the length behind it has; then comes the
value's length, most significant byte first, and a zlib stream. An empty value has none of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

from tailrace_mysql.types.column_type import ColumnType, any_metadata
from tailrace_mysql.types.declared import Declared

BLOB_COMPRESSED, VARCHAR_COMPRESSED = 140, 141
_AS_IT_IS, _ZLIB = 0, 8
#: Of the first byte: the stream has no header and no checksum of its own.
_RAW = 0x08
_LENGTH_BYTES = 0x07


def inflated(value: bytes) -> bytes:
    """A stored value as it was before.

    Raises:
        ValueError: the bytes are no such value.
    """
    if not value:
        return value
    method = value[0] >> 4
    if method == _AS_IT_IS:
        return value[1:]
    if method != _ZLIB:
        raise ValueError(f"a value is compressed by method {method}, which is not known")
    start = 1 + (value[0] & _LENGTH_BYTES)
    length = int.from_bytes(value[1:start], "big")
    stream = zlib.decompressobj(-zlib.MAX_WBITS if value[0] & _RAW else zlib.MAX_WBITS)
    try:
        # One byte more than there may be: to see the stream's end, and never more than the value says.
        plain = stream.decompress(value[start:], length + 1)
    except zlib.error:
        raise ValueError("a compressed value is malformed") from None
    if len(plain) != length or not stream.eof:
        raise ValueError("a compressed value has another length than it says")
    return plain


def compressible(
    build: Callable[[Declared], ColumnType],
    code: int,
    read: Callable[[int, Callable[[bytes], bytes]], Callable[[bytes, int], tuple[bytes, int]]],
) -> Callable[[Declared], ColumnType]:
    """The function that makes the type with or without COMPRESSED.

    Args:
        code: under which a table map announces the compressed form.
        read: makes the reader for a table map's metadata and what is done with the bytes.
    """

    def made(declared: Declared) -> ColumnType:
        plain = build(declared)
        if not declared.compressed:
            return plain
        return replace(
            plain,
            codes=frozenset({code}),
            accepts=any_metadata,
            reader=lambda metadata: read(metadata, lambda value: plain.convert(inflated(value))),
            native=lambda _: None,
        )

    return made
