"""How fast the full load may read."""

from __future__ import annotations

import time

from tailrace.capture.pressure import Limits, Watch
from tailrace.config.file import LoadSettings
from tailrace.source import Source


class Throttle:
    """Lets so many rows a second pass, on average; a chunk goes as a whole, and the next one waits for it.

    Args:
        rows_per_second: 0: no limit.
        watch: of the source's state; None: it does not matter.
    """

    def __init__(self, rows_per_second: int, watch: Watch | None = None) -> None:
        self._rate = rows_per_second
        self._from = 0.0
        self._watch = watch

    @property
    def open(self) -> bool:
        """Whether a chunk may be read now."""
        if self._watch is not None and not self._watch.clear:
            return False
        return not self._rate or time.monotonic() >= self._from

    @property
    def reason(self) -> str:
        """What of the source's state is in the way; "" where nothing is."""
        return self._watch.reason if self._watch is not None else ""

    def read(self, rows: int) -> None:
        """So many rows were read."""
        if self._rate:
            self._from = max(self._from, time.monotonic()) + rows / self._rate

    def limit(self, rows: int) -> int:
        """Rows of a chunk, so that it takes no more than a second's worth."""
        return min(rows, max(1, self._rate)) if self._rate else rows

    def rest(self) -> None:
        """Nothing is to be read for now: nobody need be asked."""
        if self._watch is not None:
            self._watch.close()


def opened_throttle(source: Source, settings: LoadSettings) -> Throttle:
    """As the pipeline file has it."""
    limits = Limits.of(settings)
    watch = Watch(lambda: source.gauges(settings.throttle_replicas), limits) if limits else None
    return Throttle(settings.throttle_rows, watch)
