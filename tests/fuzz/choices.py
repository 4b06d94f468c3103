"""Bytes as choices: what a fuzzer mutates decides how a stream is made and damaged."""

from __future__ import annotations

from collections.abc import Callable

_EXTREMES = (
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    bytes(4),
    b"\xfe\xff\xff\xff",
    b"\xfd\xff\xff\x00",
)
_MOST_DAMAGES = 5
_MOST_PACKETS = 60


class Choices:
    """Hands out the bytes one after the other; zeros when there are no more."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, below: int) -> int:
        """From 0 on, less than `below`."""
        return int.from_bytes(self.take(1 if below <= 256 else 2), "little") % below

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken.ljust(count, b"\0")

    @property
    def rest(self) -> bytes:
        return self._data[self._at :]


def damaged(packets: list[bytes], choices: Choices, mended: Callable[[bytes], bytes]) -> list[bytes]:
    """The packets, some of them damaged.

    Args:
        mended: makes a packet of another length say its length rightly, so that what is inside is read.
    """
    packets = list(packets)
    for _ in range(choices.number(_MOST_DAMAGES)):
        if not packets:
            break
        index = choices.number(len(packets))
        packet = packets[index]
        place = choices.number(len(packet) + 1)
        what = choices.number(9)
        if what == 0:
            packet = packet[:place] + choices.take(1) + packet[place + 1 :]
        elif what == 1:
            packet = packet[:place]
        elif what == 2:
            packet = packet[:place] + choices.take(choices.number(40)) + packet[place:]
        elif what == 3:
            packet = packet[:place] + _EXTREMES[choices.number(len(_EXTREMES))] + packet[place + 4 :]
        elif what == 4:
            other = packets[choices.number(len(packets))]
            packet = packet[:place] + other[choices.number(len(other) + 1) :]
        elif what == 5:
            packets.insert(choices.number(len(packets)), packet)
        elif what == 6:
            partner = choices.number(len(packets))
            packets[index], packets[partner] = packets[partner], packet
            continue
        elif what == 7:
            del packets[index]
            continue
        else:
            packets[index:index] = packets[: _MOST_PACKETS - len(packets)]
            continue
        packets[index] = mended(packet) if choices.number(4) else packet
    if choices.number(8) == 0:
        packets.append(choices.rest)
    return packets
