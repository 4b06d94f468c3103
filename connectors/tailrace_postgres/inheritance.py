"""Tables whose rows are partly in others that inherit from them, and are not captured.

A SELECT from such a table shows the rows of its children; the log has them as changes of the children, which are tables
of their own. TimescaleDB keeps all rows of a hypertable so.
"""

from __future__ import annotations

from collections.abc import Sequence

from tailrace_postgres.catalog import Catalog
from tailrace_postgres.selection import Selected

#: What is to be done, behind the table's name and `what`.
FIX = "select them too: each is captured as a table of its own"
_SHOWN = 3


def uncaptured_children(catalog: Catalog, tables: Sequence[Selected]) -> list[tuple[Selected, str]]:
    """The captured tables that have such children, each with what to say of them."""
    captured = {table.table.oid: table for table in tables if table.captured and table.table.kind == "r"}
    return [
        (captured[oid], f"rows of {_named(names)}, which inherit from it, are not captured with it")
        for oid, names in catalog.children(captured).items()
    ]


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
