"""Does a table map of the log belong to these columns?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailrace.schema import Column
from tailrace_mysql.binlog.table_map import MapColumn, TableMap, real_code
from tailrace_mysql.types import Declared, UnsupportedTypeError, column_type, parse
from tailrace_mysql.types.charsets import decoder
from tailrace_mysql.types.declared import UTF8_CHARSETS

_INTEGERS = frozenset({1, 2, 3, 8, 9})


def mismatch(columns: Sequence[Column], table_map: TableMap, charsets: Mapping[int, str]) -> str:
    """How the map differs from the columns, for a person; "" where everything that the map says fits.

    Args:
        charsets: character set of each collation number.
    """
    if len(columns) != len(table_map.columns):
        return f"the log has {len(table_map.columns)} columns, not {len(columns)}"
    keyless = not any(column.key for column in columns)
    for column, logged in zip(columns, table_map.columns, strict=True):
        difference = _difference(column, logged, charsets, keyless)
        if difference:
            return f"column {column.name}: {difference}"
    return ""


def declared_of(column: Column) -> Declared:
    """The declared type behind a column of ours: its name holds all of it."""
    declared = parse(column.type.name)
    if not declared.charset and declared.base in _TEXT_BASES:
        return parse(column.type.name, "utf8mb4")
    return declared


_TEXT_BASES = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})


def _difference(column: Column, logged: MapColumn, charsets: Mapping[int, str], keyless: bool) -> str:
    try:
        kind = column_type(declared_of(column))
    except UnsupportedTypeError as error:
        return str(error)
    if logged.name is not None and logged.name != column.name:
        return f"the log calls it {logged.name}"
    if logged.code not in kind.codes or not kind.accepts(logged.metadata):
        return f"the log has type {real_code(logged.code, logged.metadata)}, not {column.type.name}"
    if logged.unsigned is not None and logged.code in _INTEGERS and logged.unsigned != column.type.unsigned:
        return f"the log has it {'unsigned' if logged.unsigned else 'signed'}"
    charset = charsets.get(logged.charset) if logged.charset is not None else None
    if charset is not None and kind.charset and not _same(charset, kind.charset):
        return f"the log has character set {charset}, not {kind.charset}"
    if logged.labels is not None and not _same_labels(column.type.labels, logged.labels, charset or "utf8mb4"):
        return "the log has other labels"
    # For a table without a primary key the log names a unique index of columns that cannot be NULL, as if it were one.
    stands_in = keyless and not column.nullable
    if logged.key is not None and logged.key != column.key and not stands_in:
        return "the log has another primary key"
    return ""


def _same(one: str, other: str) -> bool:
    return one == other or (one in UTF8_CHARSETS and other in UTF8_CHARSETS)


def _same_labels(labels: Sequence[str], logged: Sequence[bytes], charset: str) -> bool:
    if len(labels) != len(logged):
        return False
    try:
        decode = decoder(charset)
        return all(label == decode(raw) for label, raw in zip(labels, logged, strict=True))
    except (UnsupportedTypeError, UnicodeDecodeError):
        return True
