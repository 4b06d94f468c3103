"""Makes a draft at the source: what it refuses is thrown away."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import psycopg2
import pymysql

from tests.integration.schema.fuzz.draft import Draft, Piece

_REFUSALS = (psycopg2.Error, pymysql.err.MySQLError)


def make(database: Any, draft: Draft) -> Draft:
    """Of the draft, what the source has taken.

    Args:
        database: empty.
    """
    taken = []
    for piece in draft.pieces:
        kept = _made(database, piece)
        if kept is not None:
            taken.append(kept)
    return replace(draft, pieces=tuple(taken))


def _made(database: Any, piece: Piece) -> Piece | None:
    if not _refused(database, piece.sql):
        return piece
    base = replace(piece, parts=piece.parts[: piece.kept])
    rest = piece.parts[piece.kept :]
    if not rest or _refused(database, base.sql):
        return None
    _undo(database, base)
    good = _good(database, base, rest)
    made = replace(base, parts=base.parts + good)
    return None if _refused(database, made.sql) else made


def _good(database: Any, base: Piece, parts: tuple[str, ...]) -> tuple[str, ...]:
    """Those that the source takes besides the base's: halves of them, where it does not take all."""
    if not parts:
        return ()
    whole = replace(base, parts=base.parts + parts)
    if not _refused(database, whole.sql):
        _undo(database, whole)
        return parts
    if len(parts) == 1:
        return ()
    half = len(parts) // 2
    first = _good(database, base, parts[:half])
    return first + _good(database, replace(base, parts=base.parts + first), parts[half:])


def _refused(database: Any, sql: str) -> bool:
    try:
        database.execute(sql)
    except _REFUSALS:
        return True
    return False


def _undo(database: Any, piece: Piece) -> None:
    """Only tables have parts; others are kept whole."""
    if piece.head.startswith("CREATE TABLE ") and piece.parts:
        with contextlib.suppress(*_REFUSALS):
            database.execute(f"DROP TABLE {piece.head.removeprefix('CREATE TABLE ').rstrip(' (')}")
