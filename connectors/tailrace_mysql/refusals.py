"""Why a table cannot be captured, by its definition."""

from __future__ import annotations

from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.types import UnsupportedTypeError, column_type


def unsupported(definition: TableDefinition) -> str:
    """Why a table cannot be captured: the first column whose type is not supported; "" where it can."""
    for column in definition.columns:
        try:
            column_type(column.declared)
        except UnsupportedTypeError as error:
            return f"column {column.name}: {error}; exclude the table, or change the column"
    return ""


def refused(definition: TableDefinition, loads: bool) -> str:
    """Why a table is not captured from the start on; "" where it is.

    Args:
        loads: its rows are to be loaded.
    """
    return definition.refusal or unsupported(definition) or (definition.unloadable if loads else "")
