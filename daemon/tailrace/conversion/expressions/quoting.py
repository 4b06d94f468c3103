"""Names and texts as a target writes them."""

from __future__ import annotations

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.tables import literals

identifier = literals.quoted


def qualified(name: ObjectName, target: Dialect) -> str:
    """An object's name; SQLite has no schemas."""
    parts = [name.schema, name.name] if name.schema and target is not Dialect.SQLITE else [name.name]
    return ".".join(identifier(part, target) for part in parts)


def text(value: str, target: Dialect) -> str:
    """A text literal.

    Raises:
        RefusalError: the target has none for it: a zero byte.
    """
    if "\0" in value:
        raise RefusalError("zero-byte", "a text with a zero byte in it, which SQL of the target cannot write")
    quoted = "'" + value.replace("'", "''") + "'"
    return quoted.replace("\\", "\\\\") if target.mysql_like else quoted


def bytes_(value: bytes, target: Dialect) -> str:
    if target is Dialect.POSTGRESQL:
        return f"'\\x{value.hex()}'::bytea"
    return f"X'{value.hex().upper()}'"
