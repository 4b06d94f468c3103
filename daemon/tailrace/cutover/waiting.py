"""Waits until every sink of a running pipeline has applied all that the source's log held at a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from tailrace.errors import StuckError
from tailrace.position import POSITION_KEY, Position
from tailrace.stream import StreamReader
from tailrace.supervisor.status import SUSPENDED

POLL_SECONDS = 0.5
#: States of a worker whose lag says something.
_AT_WORK = ("streaming", "loading", "paused", "finished")

Status = dict[str, Any]


class Waiting:
    """
    Args:
        ask: gives the pipeline's status.
        log_end: the mark of the source's log end; None: there is no log.
        stream: what capture has stored is read from it.
        seconds: the longest wait.
        tell: what is waited for, for a person.
    """

    def __init__(
        self,
        ask: Callable[[], Status],
        log_end: Callable[[], str] | None,
        stream: StreamReader,
        seconds: float,
        tell: Callable[[str], None],
    ) -> None:
        self._ask = ask
        self._log_end = log_end
        self._stream = stream
        self._seconds = seconds
        self._asked_at = time.monotonic()
        self._deadline = self._asked_at + seconds
        self._tell = tell

    def caught_up(self) -> Position | None:
        """Waits; returns what capture had stored then.

        Raises:
            NotRunningError: the pipeline is not running.
            StuckError: it does not get on, a table is suspended, or the time is over.
        """
        self._until(lambda status: _loading(status["tables"]))
        if self._log_end is not None:
            mark = self._log_end()
            self._until(lambda status: "" if self._mark() >= mark else "capture has not read the source's log so far")
        passed = time.monotonic()
        self._until(lambda status: _behind(status, self._asked_at, passed))
        return self._position()

    def _until(self, missing: Callable[[Status], str]) -> None:
        while True:
            self._asked_at = time.monotonic()
            status = self._ask()
            _refuse_stuck(status)
            if not (what := missing(status)):
                return
            if time.monotonic() > self._deadline:
                raise StuckError(
                    f"the pipeline has not caught up within {self._seconds:g} s: {what}",
                    where=str(status["name"]),
                    fix="see tailrace status; a longer wait is given with --timeout",
                )
            self._tell(what)
            time.sleep(POLL_SECONDS)

    def _position(self) -> Position | None:
        record = self._stream.state().get(POSITION_KEY)
        return None if record is None else Position.from_json(record)

    def _mark(self) -> str:
        position = self._position()
        return "" if position is None else position.mark


def _loading(tables: Iterable[Status]) -> str:
    return next((f"{table['name']} is being loaded" for table in tables if table["state"] == "loading"), "")


def _behind(status: Status, asked_at: float, passed: float) -> str:
    """A lag is never understated: what had waited for longer is applied (`tailrace.lag`)."""
    for worker in status["workers"][1:]:
        lag = worker["lag_seconds"]
        if worker["state"] not in _AT_WORK or lag is None:
            return f"sink {worker['name']} is {worker['state']}"
        if asked_at - lag < passed:
            return f"sink {worker['name']} is {lag:.1f} s behind"
    return ""


def _refuse_stuck(status: Status) -> None:
    for table in status["tables"]:
        if table["parked"]:
            raise StuckError(
                f"{table['parked']} changes of table {table['name']} are parked",
                where=str(status["name"]),
                fix="retry or discard them (tailrace dead-letters list), then cut over",
            )
        if table["state"] == SUSPENDED:
            raise StuckError(
                f"table {table['name']} is suspended: {table['reason']}",
                where=str(status["name"]),
                fix="mend it, or leave the table out, then cut over",
            )
    if status["state"] == "stuck":
        problem = status["problems"][0] if status["problems"] else "the pipeline does not get on"
        raise StuckError(problem, where=str(status["name"]), fix="see tailrace status")
