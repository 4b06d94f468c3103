"""Which table is loaded before which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tailrace.capture.spans import TableLoad
from tailrace.source import SourceTable
from tailrace.tables import matches


def ordered(
    tables: Iterable[SourceTable], globs: Sequence[str], loads: Mapping[str, TableLoad] | None = None
) -> list[SourceTable]:
    """Tables that an earlier glob names come first, those that none names last; among equals small ones first.

    Args:
        loads: by topic, of an earlier start: a table keeps the size that it was taken to have then.
    """
    loads = loads or {}

    def place(table: SourceTable) -> tuple[int, int, str]:
        rank = next((rank for rank, glob in enumerate(globs) if matches((glob,), table.name)), len(globs))
        load = loads.get(table.topic)
        rows = table.estimated_rows if load is None else load.total
        return rank, rows, str(table.name)

    return sorted(tables, key=place)
