"""Little-endian numbers in an event. Compiled where a compiler was there (`integers.pxd`)."""

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
