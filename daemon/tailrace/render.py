"""Numbers as text in the forms that every event holds, from tables: quick in compiled and in interpreted code."""

from __future__ import annotations

_SMALL = [b"%d" % number for number in range(10_000)]
#: Two hexadecimal digits of each byte.
HEX = [b"%02x" % byte for byte in range(256)]


def digits(number: int) -> bytes:
    """A number of at most 63 bits in decimal."""
    return _SMALL[number] if 0 <= number < 10_000 else b"%d" % number
