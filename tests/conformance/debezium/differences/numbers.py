"""Differences in numbers and bits."""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import Callable
from decimal import Decimal

from tests.conformance.debezium.comparison import Found


def _unsigned_bigint(found: Found) -> bool:
    return "bigint" in found.type and isinstance(found.ours, int) and found.theirs == found.ours - (1 << 64)


def _bits(found: Found) -> bool:
    """A boolean for one bit, else bytes with the least significant first."""
    if not found.type.startswith("bit") or not isinstance(found.ours, str):
        return False
    if isinstance(found.theirs, bool):
        return found.theirs == (found.ours == "1")
    return isinstance(found.theirs, str) and int.from_bytes(b64decode(found.theirs), "little") == int(
        found.ours or "0", 2
    )


def _negative_scale(found: Found) -> bool:
    """PostgreSQL's NUMERIC with a negative scale is taken for one with 2048 digits behind the point."""
    if found.type != "numeric(5,-2)" or not isinstance(found.theirs, str):
        return False
    return Decimal(found.ours) == Decimal(found.theirs) and len(found.theirs.partition(".")[2]) > 2000


def _year_zero(found: Found) -> bool:
    """1900 in the log, 2000 in the snapshot."""
    return found.type.startswith("year") and found.ours == 0 and found.theirs in (1900, 2000)


def _money(found: Found) -> bool:
    """Without the sign of the currency and the commas."""
    if found.type != "money" or not isinstance(found.ours, str):
        return False
    return bool(found.theirs == found.ours.replace("$", "").replace(",", ""))


def _float_digits(found: Found) -> bool:
    """Other digits of the same 32-bit number."""
    if not found.type.startswith(("float", "real")) or not isinstance(found.ours, float | int):
        return False
    if not isinstance(found.theirs, float | int) or isinstance(found.theirs, bool):
        return False
    return struct.pack("<f", found.ours) == struct.pack("<f", found.theirs)


def _float_rounded(found: Found) -> bool:
    """Six digits, as MySQL prints a FLOAT, in rows of a snapshot."""
    if not found.type.startswith("float") or found.event is None or found.event.op != "r":
        return False
    return isinstance(found.ours, float) and float(f"{found.ours:.6g}") == found.theirs


def _specials(found: Found) -> bool:
    return (found.ours, found.theirs) in (
        ("NaN", "NAN"),
        ("Infinity", "POSITIVE_INFINITY"),
        ("-Infinity", "NEGATIVE_INFINITY"),
    )


RULES: dict[str, Callable[[Found], bool]] = {
    "unsigned-bigint": _unsigned_bigint,
    "bits": _bits,
    "negative-scale": _negative_scale,
    "year-zero": _year_zero,
    "money": _money,
    "float-digits": _float_digits,
    "float-rounded": _float_rounded,
    "numeric-specials": _specials,
}
