"""The check that keeps a text column to an enum's labels: one name and one form, for the conversion and for sinks.

A sink that meets other labels in the stream finds the check by its name, and puts another in its place.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from itertools import count

from tailrace.completion import fitting
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.tables.literals import kept_text, quoted
from tailrace.conversion.tables.meaning import textual
from tailrace.schema import Column, Kind, Type
from tailrace.sink import TargetTable

#: What every target takes of a name.
_NAME_BYTES = 63
_ENDING = "_labels"
_LITERAL = re.compile(r"'((?:[^'\\]|\\.|'')*)'", re.DOTALL)
_HEXADECIMAL = re.compile(r"convert\(0x([0-9a-f]*) using utf8mb4\)", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)


def keeps_labels(type_: Type, sql_type: str) -> bool:
    """Whether the target's type of a column is a text that is to be one of an enum's labels."""
    return type_.kind is Kind.ENUM and bool(type_.labels) and textual(sql_type)


def labels_check_name(table: str, column: str, number: int = 0) -> str:
    """In the target's names.

    Args:
        number: where others have the name already.
    """
    return fitting(f"{table}_{column}{f'_{number}' if number else ''}{_ENDING}", _NAME_BYTES)


def free_check_name(table: str, column: str, taken: Container[str]) -> str:
    """
    Args:
        taken: names of checks in lower case.
    """
    names = (labels_check_name(table, column, number) for number in count())
    return next(name for name in names if name.lower() not in taken)


def stream_labels(table: TargetTable, column: Column) -> tuple[str, ...]:
    """What a sink's check of a new column lets in: the labels, and what MySQL stores without strict mode for none."""
    labels = column.type.labels
    return labels if table.source.schema is not None or "" in labels else (*labels, "")


def followed(labels: tuple[str, ...], there: Container[str]) -> tuple[str, ...]:
    """The labels of now for a check that lets in others: one for none stays."""
    return (*labels, "") if labels and "" in there and "" not in labels else labels


def labels_check(column: str, labels: Sequence[str], dialect: Dialect) -> str:
    """The expression."""
    return f"{quoted(column, dialect)} IN ({', '.join(kept_text(label, dialect) for label in labels)})"


def is_labels_check(name: str) -> bool:
    """Whether it may be one of ours. Its column may have been renamed since, and a long name ends in a digest."""
    return name.endswith(_ENDING) or len(name.encode()) == _NAME_BYTES


def wanted_labels(table: TargetTable, previous: TargetTable | None) -> Mapping[str, tuple[str, ...]]:
    """By column, the labels that its check is to have; none: it was an enum's column, and is no more."""
    before = {column.id: column.type.kind for column in previous.columns} if previous is not None else {}
    found: dict[str, tuple[str, ...]] = {}
    for column in table.columns:
        if column.type.kind is Kind.ENUM and column.type.labels:
            found[column.name] = column.type.labels
        elif before.get(column.id) is Kind.ENUM and column.type.kind is not Kind.ENUM:
            found[column.name] = ()
    return found


def labels_of(expression: str, escapes: bool = False) -> frozenset[str]:
    """The texts in an expression.

    Args:
        escapes: it is MySQL's or MariaDB's: a backslash escapes what follows it, and texts may be in hexadecimal.
    """
    if not escapes:
        return frozenset(found.replace("''", "'") for found in re.findall(r"'((?:[^']|'')*)'", expression))
    plain = {_ESCAPE.sub(lambda match: match[1] or "'", found) for found in _LITERAL.findall(expression)}
    return frozenset(plain | {bytes.fromhex(found).decode() for found in _HEXADECIMAL.findall(expression)})
