"""How far the full load is, of all tables together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tailrace.capture.pace import Pace


@dataclass(frozen=True, slots=True)
class Loading:
    """What is left of the load.

    Attributes:
        tables: of `tailrace.supervisor.status.tables`, those that are being loaded or wait for it, the former first.
        rows, total: sent, and about how many there are; a table that is loaded has as many as were sent.
        percent: 100 is not said before the load's end; None where no table's size is known.
        rows_per_second, seconds_left: None unknown.
    """

    tables: list[dict[str, Any]]
    rows: int
    total: int
    percent: float | None
    rows_per_second: float | None
    seconds_left: float | None


class LoadPace:
    """Follows the load from one look at the tables to the next."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._rows = 0

    def look(self, tables: Sequence[dict[str, Any]]) -> Loading | None:
        """None where nothing is loaded."""
        loading = [table for table in tables if table["state"] == "loading"]
        rows = sum(table["rows"] for table in tables)
        if not loading or rows < self._rows:
            self._pace = Pace()
        self._rows = rows
        if not loading:
            return None
        if rows:
            self._pace.reached(time.monotonic(), rows)
        total = rows + sum(max(0, table["total"] - table["rows"]) for table in loading)
        known = total and any(table["total"] for table in loading)
        return Loading(
            tables=sorted(loading, key=lambda table: not table["rows"]),
            rows=rows,
            total=total,
            percent=min(99.9, round(100 * rows / total, 1)) if known else None,
            rows_per_second=self._pace.rows_per_second,
            seconds_left=self._pace.seconds_left(total),
        )
