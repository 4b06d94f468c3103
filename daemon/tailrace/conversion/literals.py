"""Names and texts as a target's SQL writes them, and types as `Column.sql_type` has them taken apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from tailrace.conversion.catalog import Dialect, ObjectName

_COLLATED = re.compile(r"\s+character set\s+(\w+)(?:\s+collate\s+(\w+))?|\s+collate\s+(\w+)", re.IGNORECASE)
_PARTS = re.compile(r"\s*([a-z_\"][\w\". ]*?)\s*(?:\(\s*([^()]*)\)\s*([a-z ]*?))?\s*((?:\[\])*)\s*", re.IGNORECASE)


def text(value: str, dialect: Dialect) -> str:
    """A literal; MySQL's in a session that reads backslashes as escapes."""
    if dialect.mysql_like:
        value = value.replace("\\", "\\\\")
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str, dialect: Dialect) -> str:
    if dialect.mysql_like:
        return "`" + name.replace("`", "``") + "`"
    return '"' + name.replace('"', '""') + '"'


def qualified(name: ObjectName, dialect: Dialect) -> str:
    parts = [name.schema, name.name] if name.schema else [name.name]
    return ".".join(quoted(part, dialect) for part in parts)


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
    base = " ".join(part for part in (found[1].lower().strip(), (found[3] or "").lower().strip()) if part)
    written = [part.strip() for part in (found[2] or "").split(",")]
    arguments = tuple(int(part) for part in written) if all(part.isdigit() for part in written) else ()
    return Parsed(base, arguments, bool(found[4]))
