"""FLOAT as JSON: the shortest number that reads back as the same 32 bits."""

import struct

import pytest

from tailrace_mysql.types.numbers import shortest_float


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("0.1", b"0.1"),
        ("16777216", b"16777216.0"),
        ("3.4028235e38", b"3.4028235e+38"),
        ("1.17549435e-38", b"1.1754944e-38"),
        ("1e-40", b"1e-40"),
        ("1e-45", b"1e-45"),
        ("-2.8e-45", b"-3e-45"),
        ("0", b"0.0"),
    ],
)
def test_a_float_is_written_with_as_few_digits_as_tell_it(text: str, shortest: bytes) -> None:
    value = struct.unpack("<f", struct.pack("<f", float(text)))[0]
    written = shortest_float(value)
    assert written == shortest
    assert struct.pack("<f", float(written)) == struct.pack("<f", value)
