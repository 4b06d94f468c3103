"""MariaDB's stored form of COMPRESSED columns."""

from __future__ import annotations

import zlib

import pytest

from tailrace_mysql.types import column_type, parse
from tailrace_mysql.types.compressed import inflated


def deflated(value: bytes, raw: bool, length: int | None = None) -> bytes:
    pack = zlib.compressobj(wbits=-15 if raw else 15)
    stream = pack.compress(value) + pack.flush()
    size = len(value) if length is None else length
    return bytes([0x80 | (8 if raw else 0) | 2]) + size.to_bytes(2, "big") + stream


def test_values_are_unpacked() -> None:
    assert inflated(b"") == b""
    assert inflated(b"\0plain") == b"plain"
    assert inflated(deflated(b"x" * 1000, raw=False)) == b"x" * 1000
    assert inflated(deflated(b"x" * 1000, raw=True)) == b"x" * 1000


@pytest.mark.parametrize(
    "value",
    [
        deflated(b"x" * 1000, raw=True, length=999),
        deflated(b"x" * 1000, raw=True, length=1001),
        deflated(b"x" * 1000, raw=True)[:-1],
        deflated(b"x" * 1000, raw=False)[:-1],
        b"\x80",
        b"\x8a\x00\x05garbage",
        b"\x10unknown",
    ],
)
def test_what_is_no_such_value_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="compressed"):
        inflated(value)


def test_a_value_takes_no_more_memory_than_it_says() -> None:
    bomb = deflated(b"\0" * 50_000_000, raw=True, length=10)
    with pytest.raises(ValueError, match="another length"):
        inflated(bomb)


def test_the_reader_unpacks_and_decodes() -> None:
    found = column_type(parse("varchar(300) character set latin1 compressed"))
    value = deflated(b"\xe4" * 200, raw=True)
    read = found.reader(301)
    fragment = ('"' + "ä" * 200 + '"').encode()
    assert read(len(value).to_bytes(2, "little") + value, 0) == (fragment, 2 + len(value))
    assert found.convert(b"\xe4" * 200) == fragment
