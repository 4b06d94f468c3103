"""Names and texts as a target's SQL writes them, and types as `Column.sql_type` has them taken apart."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

from tailrace.conversion.catalog import Dialect, ObjectName

_COLLATED = re.compile(r"\s+character set\s+(\w+)(?:\s+collate\s+(\w+))?|\s+collate\s+(\w+)", re.IGNORECASE)
_PARTS = re.compile(r"\s*([a-z_\"][\w\". ]*?)\s*(?:\(\s*([^()]*)\)\s*([a-z ]*?))?\s*((?:\[\])*)\s*", re.IGNORECASE)


def text(value: str, dialect: Dialect) -> str:
    """A literal; MySQL's in a session that reads backslashes as escapes."""
    if dialect.mysql_like:
        value = value.replace("\\", "\\\\")
    return "'" + value.replace("'", "''") + "'"


def kept_text(value: str, dialect: Dialect) -> str:
    """A literal within an expression that the server keeps: as `text`, but for MySQL.

    MySQL prints what it keeps with backslashes, and reads it anew in the mode of whoever opens the table: in a session
    with NO_BACKSLASH_ESCAPES, as the sink's, a quote breaks it, and a backslash is another text.
    """
    if dialect.mysql_like and _PRINTED_ESCAPED.search(value):
        return f"CONVERT(0x{value.encode().hex()} USING utf8mb4)"
    return text(value, dialect)


def with_kept_texts(sql: str, collation: str = "") -> str:
    """An expression of MySQL's with each of its texts so that the server can keep it.

    Args:
        collation: of the columns that it is about, by which such a text is then compared, as a literal would be.
    """

    def kept(match: re.Match[str]) -> str:
        if match["text"] is None:
            return match[0]
        value = _ESCAPED.sub(_unescaped, match["text"])
        if not _PRINTED_ESCAPED.search(value):
            return match[0]
        given = kept_text(value, Dialect.MYSQL)
        return f"({given} COLLATE {collation})" if collation else given

    return _MYSQL_TEXT.sub(kept, sql)


def is_text(sql: str) -> bool:
    """Whether an expression of MySQL's is one text, and nothing else."""
    found = _MYSQL_TEXT.fullmatch(sql.strip())
    return found is not None and found["text"] is not None


_NUMBER = re.compile(r"-?\d{1,80}(?:\.\d{0,80})?")
_RANGES = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}


def fits(sql: str, sql_type: str) -> bool:
    """Whether a literal is a value of a type of MySQL's; what is no plain one is taken to be."""
    type_ = parsed(sql_type)
    if is_text(sql):
        text = sql.strip()[1:-1].replace("''", "'").replace("\\\\", "\\")
        return type_.base not in ("varchar", "char") or not type_.arguments or len(text) <= type_.arguments[0]
    if not _NUMBER.fullmatch(sql.strip()):
        return True
    number = Decimal(sql)
    if type_.base in _RANGES:
        half = 1 << (_RANGES[type_.base] - 1)
        return -half <= round(number) < half
    if type_.base == "decimal" and type_.arguments:
        digits, scale = (*type_.arguments, 0)[:2]
        places = Decimal(1).scaleb(-scale)
        return number.copy_abs().quantize(places, ROUND_HALF_UP, Context(prec=200)) < Decimal(10) ** (digits - scale)
    return True


def _unescaped(match: re.Match[str]) -> str:
    if match[0] == "''":
        return "'"
    # Patterns keep their escapes of % and _.
    return _ESCAPES.get(match[1], "\\" + match[1] if match[1] in "%_" else match[1])


def quoted(name: str, dialect: Dialect) -> str:
    if dialect.mysql_like:
        return "`" + name.replace("`", "``") + "`"
    return '"' + name.replace('"', '""') + '"'


def qualified(name: ObjectName, dialect: Dialect) -> str:
    parts = [name.schema, name.name] if name.schema else [name.name]
    return ".".join(quoted(part, dialect) for part in parts)


#: What MySQL writes with a backslash where it keeps an expression.
_PRINTED_ESCAPED = re.compile(r"['\\\0\n\r\x1a]")
#: Names are passed over; a character set may be said before a text.
_MYSQL_TEXT = re.compile(r"`(?:[^`]|``)*`|(?:_\w+\s*)?'(?P<text>(?:[^'\\]|\\.|'')*)'", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


class Written(NamedTuple):
    """A type as a target's CREATE TABLE has it, in parts."""

    sql: str
    charset: str
    collation: str


def without_collation(sql_type: str) -> Written:
    """Parts the type from the character set and collation that may stand behind it."""
    found = _COLLATED.search(sql_type)
    if found is None:
        return Written(sql_type, "", "")
    bare = sql_type[: found.start()] + sql_type[found.end() :]
    return Written(bare, (found[1] or "").lower(), (found[2] or found[3] or "").lower())


class Parsed(NamedTuple):
    """
    Attributes:
        base: in lower case, with what stands behind its arguments: ``"timestamp with time zone"``, ``"int unsigned"``.
        arguments: numbers in parentheses; empty where there are others.
        array: it is one.
    """

    base: str
    arguments: tuple[int, ...]
    array: bool


def parsed(sql_type: str) -> Parsed:
    found = _PARTS.fullmatch(sql_type)
    if found is None:
        return Parsed(sql_type.lower(), (), False)
    base = " ".join(part for part in (found[1].lower(), (found[3] or "").lower()) if part)
    written = [part.strip() for part in (found[2] or "").split(",")]
    arguments = tuple(int(part) for part in written) if all(part.isdigit() for part in written) else ()
    return Parsed(base, arguments, bool(found[4]))
