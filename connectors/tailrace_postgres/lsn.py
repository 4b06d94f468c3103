"""Log sequence numbers: bytes of WAL since the cluster's creation, written ``16/B374D848``."""

from __future__ import annotations


def lsn_text(lsn: int) -> str:
    """As PostgreSQL prints it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def parse_lsn(text: str) -> int:
    """Raises ValueError for anything else."""
    high, slash, low = text.partition("/")
    if not slash or not 0 < len(high) <= 8 or not 0 < len(low) <= 8:
        raise ValueError(f"{text!r} is no log sequence number")
    return int(high, 16) << 32 | int(low, 16)
