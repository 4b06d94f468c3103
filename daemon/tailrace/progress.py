"""What capture and a sink's worker have in common when they report (`tailrace.capture.progress`, `.apply.progress`)."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

from tailrace.report import Reporter, TableReport, WorkerReport

REPORT_SECONDS = 1.0


class WorkerProgress(ABC):
    """Gathers what a worker does and sends it about once a second.

    Attributes (for subclasses):
        _tables: by topic.
    """

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter = reporter
        self._report = WorkerReport(name=name)
        self._tables: dict[str, TableReport] = {}
        self._sent = 0.0

    @property
    def due(self) -> bool:
        return time.monotonic() - self._sent >= REPORT_SECONDS

    def proven_idle(self) -> None:
        """The log, or the stream, ends where we stand: there is nothing to do."""
        self._report.progress += 1

    def state(self, state: str, error: str = "") -> None:
        """A change of state is told at once."""
        report = self._report
        if report.state != state or report.error != error:
            report.state = state
            report.error = error
            self.send()

    def send(self) -> None:
        self._sent = time.monotonic()
        self._tell_lag()
        self._report.tables = list(self._tables.values())
        self._reporter.send(self._report)

    @abstractmethod
    def _tell_lag(self) -> None:
        """Writes into the reports how far behind we are at this moment, measured a moment ago or long ago."""
