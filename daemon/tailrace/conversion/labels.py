"""The check that keeps a text column to an enum's labels: one name and one form, for the conversion and for sinks.

A sink that meets other labels in the stream finds the check by its name, and puts another in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.completion import fitting
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.literals import quoted, text

#: What every target takes of a name.
_NAME_BYTES = 63


def labels_check_name(table: str, column: str) -> str:
    """In the target's names."""
    return fitting(f"{table}_{column}_labels", _NAME_BYTES)


def labels_check(column: str, labels: Sequence[str], dialect: Dialect) -> str:
    """The expression."""
    return f"{quoted(column, dialect)} IN ({', '.join(text(label, dialect) for label in labels)})"
