"""Little-endian numbers in an event, and pieces of it, as compiled code (`integers.pxd`) gets them quickly."""

from __future__ import annotations


def number(data: bytes, at: int, size: int) -> int:
    """The unsigned number in `size` bytes, 7 at most, at `at`.

    Raises:
        IndexError: `data` ends before.
    """
    if at < 0 or at + size > len(data):
        raise IndexError
    value = 0
    for index in range(size):
        byte = data[at + index]
        value |= byte << 8 * index
    return value


def cut(data: bytes, start: int, end: int) -> bytes:
    """``data[start:end]``: by pointer in compiled code, where a slice would be an object.

    Raises:
        IndexError: it is not all there.
    """
    if start < 0 or end < start or end > len(data):
        raise IndexError
    octets = data
    return octets[start:end]
