"""What every event is made of: numbers as text, from tables that are quick in compiled and in interpreted code, and the
names of an object's members."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

_SMALL = [b"%d" % number for number in range(10_000)]
#: Two hexadecimal digits of each byte.
HEX = [b"%02x" % byte for byte in range(256)]


def digits(number: int) -> bytes:
    """A number of at most 63 bits in decimal."""
    return _SMALL[number] if 0 <= number < 10_000 else f"{number}".encode()


def object_heads(names: Iterable[str]) -> list[bytes]:
    """What stands before each value of a JSON object."""
    return [(b"," if index else b"{") + orjson.dumps(name) + b":" for index, name in enumerate(names)]
