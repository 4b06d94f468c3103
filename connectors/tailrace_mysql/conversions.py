"""What ALTER TABLE makes of stored values when a column's definition changes.

The server writes the rows anew, and no event says what it made of them. Sinks judge a change to another kind of type
(`tailrace.apply.evolution`); here is what they cannot see: the session's sql_mode, character sets, labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tailrace.schema import Column, Kind, TableSchema
from tailrace_mysql.binlog.tables import Place
from tailrace_mysql.ddl.alter import Alteration
from tailrace_mysql.ddl.columns import ParsedColumn
from tailrace_mysql.definition import ColumnDefinition
from tailrace_mysql.matching import declared_of
from tailrace_mysql.types import Declared, UnsupportedTypeError

#: Of the eight-bit forms of Unicode, which are one in `Declared`, those that do not hold all of it.
NARROW_UNICODE = frozenset({"utf8", "utf8mb3"})
_MOST_BYTES = 4


def refuse_doubtful(old: TableSchema, new: TableSchema, strict: bool) -> None:
    """Compares two versions of a table.

    Raises:
        UnsupportedTypeError: the server may have changed what a column's rows hold.
    """
    before = {column.id: column for column in old.columns}
    for column in new.columns:
        was = before.get(column.id)
        if was is not None and (reason := doubt(was, column, strict)):
            raise UnsupportedTypeError(f"column {column.name} was changed: {reason}")


def refuse_rewritten(clauses: Sequence[Alteration], columns: Sequence[ColumnDefinition], place: Place) -> None:
    """Looks for what no column's type tells: values that are computed anew, forms of Unicode that lack characters,
    TIMESTAMP columns that get a DEFAULT of the server's own.

    Args:
        columns: of the table after all clauses.

    Raises:
        UnsupportedTypeError: the server may have changed what a column's rows hold.
    """
    texts = [column.name for column in columns if column.declared.charset == "utf8mb4"]
    for clause in clauses:
        parsed = clause.column
        name, charset = "", ""
        if clause.action == "add" and parsed is not None and _own_default(parsed) and not place.explicit_timestamps:
            raise UnsupportedTypeError(
                f"what the rows hold in column {clause.name} is not known: explicit_defaults_for_timestamp was off"
            )
        if clause.action == "convert" and texts:
            name, charset = texts[0], clause.name
        elif clause.action == "change" and parsed is not None:
            name, charset = parsed.column.name, parsed.charset
            if parsed.column.generated:
                raise UnsupportedTypeError(f"column {name} was changed: the server computed its values anew")
        if charset in NARROW_UNICODE and not place.strict:
            raise UnsupportedTypeError(f"column {name} was changed: characters that {charset} has not were replaced")


def _own_default(parsed: ParsedColumn) -> bool:
    return parsed.silent and parsed.column.declared.base == "timestamp" and not parsed.column.system


def doubt(old: Column, new: Column, strict: bool) -> str:
    """Why stored values may be others now; "" where they surely are not, or where sinks judge.

    Args:
        strict: the statement's sql_mode refuses values that do not fit; False where it is not known.
    """
    # A TIMESTAMP may turn NULL into the present moment, whatever the mode.
    if old.nullable and not new.nullable and not (strict and new.type.kind is not Kind.TIMESTAMPTZ):
        return "NULL may have become another value"
    if old.type == new.type or old.type.kind is not new.type.kind:
        return ""
    was, now = declared_of(old), declared_of(new)
    match new.type.kind:
        case Kind.ENUM | Kind.SET:
            return _labels(was.labels, now.labels, strict)
        case Kind.TEXT:
            if was.charset != now.charset and now.charset != "utf8mb4" and not strict:
                return f"characters that {now.charset} has not were replaced"
            # Blanks at the end of a TEXT, or of what becomes one, go in strict mode too.
            return "" if _holds_texts(old, was, new, now, strict) else "longer values may have been cut off"
        case Kind.FLOAT:
            rounds = len(now.arguments) == 2 and now.arguments != was.arguments
            return "values were rounded to its decimals" if rounds else ""
    if strict:
        return ""
    match new.type.kind:
        case Kind.INTEGER:
            fits = _holds_integers(old, new)
        case Kind.DECIMAL:
            fits = new.type.size - new.type.scale >= old.type.size - old.type.scale
        case Kind.BYTES:
            fits = (new.type.size or math.inf) >= (old.type.size or math.inf)
        case _:
            fits = True
    return "" if fits else "values that do not fit were changed, because sql_mode was not strict"


def _holds_integers(old: Column, new: Column) -> bool:
    if old.type.unsigned == new.type.unsigned:
        return new.type.size >= old.type.size
    return old.type.unsigned and new.type.size > old.type.size


def _holds_texts(old: Column, was: Declared, new: Column, now: Declared, strict: bool) -> bool:
    """Whether the longest value fits: TEXT types count bytes, the others characters."""
    widest, room = old.type.size or math.inf, new.type.size or math.inf
    by_characters = ("char", "varchar")
    if now.base in by_characters:
        return room >= widest or (strict and was.base in by_characters)
    if was.base in by_characters or not (strict or was.charset == now.charset):
        widest *= _MOST_BYTES
    return room >= widest


def _may_be_one(one: str, other: str) -> bool:
    """Whether some collation may hold two labels for one: those of plain ASCII only if case or blanks part them."""
    plain = all(text.isascii() and text.isprintable() for text in (one, other))
    return not plain or one.casefold().rstrip(" ") == other.casefold().rstrip(" ")


def _labels(was: tuple[str, ...], now: tuple[str, ...], strict: bool) -> str:
    """Values are looked up by their labels as the collation compares them, then, where these are numbers, as places."""
    gone = [label for label in was if label not in now]
    new = [label for label in now if label not in was]
    for label in gone:
        if not strict or label.strip().isdigit() or any(_may_be_one(label, other) for other in new):
            return f"what was {label!r} may be another label now"
    return ""
