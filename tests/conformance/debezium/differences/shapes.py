"""Differences in geometry and vectors."""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from collections.abc import Callable

from tests.conformance.debezium.comparison import Found

_MYSQL_SHAPES = re.compile(r"(geometry|point|linestring|polygon|multi\w+|geom\w*collection)( /\*.*\*/)?", re.IGNORECASE)


def _geometry(found: Found) -> bool:
    """An object with well-known binary and the reference system's number, where ours is the server's own bytes."""
    if not _MYSQL_SHAPES.fullmatch(found.type) or not isinstance(found.ours, str) or not isinstance(found.theirs, dict):
        return False
    if found.ours.startswith("("):  # PostgreSQL's
        return False
    raw = b64decode(found.ours)
    number = int.from_bytes(raw[:4], "little")
    return b64decode(found.theirs["wkb"]) == raw[4:] and (found.theirs["srid"] or 0) == number


def _points(found: Found) -> bool:
    """Only points; Debezium leaves the others out."""
    if found.type != "point" or not isinstance(found.ours, str) or not isinstance(found.theirs, dict):
        return False
    point = re.fullmatch(r"\((.+),(.+)\)", found.ours)
    return point is not None and (float(point[1]), float(point[2])) == (found.theirs["x"], found.theirs["y"])


def _vectors(found: Found) -> bool:
    if not found.type.startswith("vector") or not isinstance(found.theirs, list):
        return False
    raw = b64decode(found.ours)
    numbers = struct.unpack(f"<{len(raw) // 4}f", raw)
    return [struct.pack("<f", number) for number in found.theirs] == [struct.pack("<f", number) for number in numbers]


RULES: dict[str, Callable[[Found], bool]] = {"geometry": _geometry, "points": _points, "vectors": _vectors}
