"""COPY's text format: a row is a line, columns are parted by tabs, NULL is ``\\N``.

PostgreSQL manual, "COPY", "Text Format".
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_MEANING = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\"}


def parse_row(line: bytes) -> list[bytes | None]:
    """The columns of one CopyData message of COPY … TO STDOUT, its newline included; None is NULL.

    A table without columns has one empty column here.
    """
    fields = line[:-1].split(b"\t")
    if b"\\" not in line:
        return list(fields)
    return [None if field == b"\\N" else unescape(field) for field in fields]


def unescape(field: bytes) -> bytes:
    return _ESCAPE.sub(_meaning, field) if b"\\" in field else field


def _meaning(match: re.Match[bytes]) -> bytes:
    return _MEANING.get(match[1], match[1])
