"""Log sequence numbers: bytes of WAL since the cluster's creation, written ``16/B374D848``."""

from __future__ import annotations

from tailrace.sequence import lsn_mark

_HEX = [f"{byte:02x}" for byte in range(256)]
_TWO_DIGITS = [b"%02d" % number for number in range(100)]


def lsn_text(lsn: int) -> str:
    """As PostgreSQL prints it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def parse_lsn(text: str) -> int:
    """Raises ValueError for anything else."""
    high, slash, low = text.partition("/")
    if not slash or not 0 < len(high) <= 8 or not 0 < len(low) <= 8:
        raise ValueError(f"{text!r} is no log sequence number")
    return int(high, 16) << 32 | int(low, 16)


class LsnTexts:
    """Texts of numbers that follow one another in a log: only the last digits of each are made anew."""

    def __init__(self) -> None:
        self._mark_high = self._decimal_high = -1
        self._mark_head = ""
        self._decimal_head = b""

    def mark(self, lsn: int) -> str:
        """As `tailrace.sequence.lsn_mark`."""
        high = lsn >> 16
        if high != self._mark_high:
            self._mark_head = lsn_mark(lsn)[:-4]
            self._mark_high = high
        return self._mark_head + _HEX[lsn >> 8 & 255] + _HEX[lsn & 255]

    def decimal(self, lsn: int) -> bytes:
        high = lsn // 10_000
        if high != self._decimal_high:
            self._decimal_head = b"%d" % high if high else b""
            self._decimal_high = high
        if not high:
            return b"%d" % lsn
        return self._decimal_head + _TWO_DIGITS[lsn // 100 % 100] + _TWO_DIGITS[lsn % 100]
