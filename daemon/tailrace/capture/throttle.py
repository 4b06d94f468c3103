"""How fast the full load may read."""

from __future__ import annotations

import time


class Throttle:
    """Lets so many rows a second pass, on average; a chunk goes as a whole, and the next one waits for it.

    Args:
        rows_per_second: 0: no limit.
    """

    def __init__(self, rows_per_second: int) -> None:
        self._rate = rows_per_second
        self._from = 0.0

    @property
    def open(self) -> bool:
        """Whether a chunk may be read now."""
        return not self._rate or time.monotonic() >= self._from

    def read(self, rows: int) -> None:
        """So many rows were read."""
        if self._rate:
            self._from = max(self._from, time.monotonic()) + rows / self._rate

    def limit(self, rows: int) -> int:
        """Rows of a chunk, so that it takes no more than a second's worth."""
        return min(rows, max(1, self._rate)) if self._rate else rows
