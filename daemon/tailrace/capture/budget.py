"""What the source keeps of its log for us, held against the budget and against the server's own bounds.

Said early: at half of a bound and at four fifths of it, once each, and again only after it has become less. What is
done at the end of the budget is the file's word (`[source] budget`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tailrace.config.settings import Budget
from tailrace.errors import LogGoneError
from tailrace.logs import logger
from tailrace.position import Position
from tailrace.report import RetainedReport
from tailrace.source import Retained, Source

#: Shares of a bound at which a warning is said.
EARLY, LATE = 0.5, 0.8
#: A warning is said again once the share was so much below it.
_SLACK = 0.1
#: Between two times in which the source is asked.
ASK_SECONDS = 2.0

log = logger()


@dataclass(frozen=True, slots=True)
class _Bound:
    """One bound and how much of it is used up.

    Attributes:
        what: that is held, of which bound, for a message.
        own: it is the budget's, and not the server's.
    """

    share: float
    what: str
    own: bool


class Guard:
    """Over all sessions of capture.

    Args:
        budget: None: only the server's own bounds are watched.
    """

    def __init__(self, budget: Budget | None) -> None:
        self._budget = budget
        self._asked = 0.0
        #: Where capture stands, as far as this process knows.
        self.position: Position | None = None
        self._said = {True: 0.0, False: 0.0}  # shares that were warned of, of the budget and of the server
        self._spilling = False
        self._spilled = ""
        self.report = RetainedReport()
        if budget is not None:
            self.report.budget_bytes, self.report.budget_seconds = budget.bytes, budget.time
            self.report.action = budget.action

    @property
    def due(self) -> bool:
        return time.monotonic() - self._asked >= ASK_SECONDS

    @property
    def budgeted(self) -> bool:
        """Whether there is a budget to be kept."""
        return self._budget is not None

    @property
    def spilling(self) -> bool:
        """Whether the stream goes on beyond its own bound."""
        return self._spilling

    def spilled(self, full: str) -> None:
        """While spilling, the stream is beyond its bound: `full` says which."""
        if full and not self._spilled:
            log.warning("the stream goes on beyond its bound, so that the source can forget its log", stream=full)
        self._spilled = full

    def look(self, source: Source, seconds: float | None) -> None:
        """Asks the source, and does what is due.

        Args:
            seconds: age of the oldest change that the stream does not hold; None unknown.

        Raises:
            LogGoneError: the budget is used up, and the slot was dropped as the file says.
        """
        self._asked = time.monotonic()
        self._take(source.retained(self.position), seconds)
        budget, problem = self._budget, self.report.problem
        if problem and budget is not None and budget.action == "drop-slot":
            dropped = source.give_up()
            log.error("the budget is used up", dropped=dropped, because=problem)
            raise LogGoneError(f"{problem}, so {dropped} was dropped, as the file says")

    def _take(self, retained: Retained | None, seconds: float | None) -> None:
        report = self.report
        report.bytes = retained.bytes if retained is not None else None
        report.seconds = seconds if retained is not None else None
        report.limit_bytes = retained.limit_bytes if retained is not None else None
        report.limit_seconds = retained.limit_seconds if retained is not None else None
        own, server = self._worst(True), self._worst(False)
        report.problem = f"the source holds back {own.what}, more than its budget" if own.share >= 1 else ""
        self._spill(own)
        self._warn(own, self._advice)
        self._warn(server, "the server gives up the rest by itself then: see what holds capture up, or raise its bound")
        note = retained.note if retained is not None else ""
        if self._spilling and self._spilled:
            note = f"spilling: {self._spilled}" + (f"; {note}" if note else "")
        report.note = note

    def _spill(self, own: _Bound) -> None:
        if self._budget is None or self._budget.action != "spill":
            return
        if not self._spilling and own.share >= LATE:
            self._spilling = True
        elif self._spilling and own.share < EARLY:
            self._spilling = False
            if self._spilled:
                log.info("the stream keeps to its bound again", source=own.what)
            self._spilled = ""

    @property
    def _advice(self) -> str:
        action = self._budget.action if self._budget is not None else ""
        if action == "drop-slot":
            return "see what holds capture up: at the budget's end the slot is dropped, and all tables must be loaded"
        if action == "spill":
            return "the stream goes on beyond its bound from 80 % on; see what holds its sinks up"
        return "see what holds capture up (tailrace status), or give it a larger budget: the source's disk fills"

    def _warn(self, bound: _Bound, advice: str) -> None:
        said = self._said[bound.own]
        due = next((share for share in (1.0, LATE, EARLY) if bound.share >= share), 0.0)
        if due > said:
            log.warning("the source holds back log for the pipeline", held=bound.what, fix=advice)
            self._said[bound.own] = due
        elif bound.share < said - _SLACK:
            self._said[bound.own] = due

    def _worst(self, own: bool) -> _Bound:
        report = self.report
        most_bytes = report.budget_bytes if own else report.limit_bytes
        most_seconds = report.budget_seconds if own else report.limit_seconds
        whose = "the budget" if own else "what the server keeps at most"
        found = [_Bound(0.0, "nothing", own)]
        if report.bytes is not None and most_bytes:
            text = f"{report.bytes:,} bytes of log ({whose}: {most_bytes:,})"
            found.append(_Bound(report.bytes / most_bytes, text, own))
        if report.seconds is not None and most_seconds:
            text = f"changes of {report.seconds:,.0f} s ago ({whose}: {most_seconds:,.0f} s)"
            found.append(_Bound(report.seconds / most_seconds, text, own))
        return max(found, key=lambda bound: bound.share)
