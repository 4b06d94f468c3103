"""Tables that cannot be loaded just now wait: the log, with the changes of all others, must not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tailrace.errors import RefusedError, TableBusyError
from tailrace.logs import logger

#: A table that cannot be read just now is asked for again after these, doubling.
FIRST_SECONDS, LONGEST_SECONDS = 0.25, 10.0

log = logger()


@dataclass(slots=True)
class _Delay:
    """Why a table is not read, and until when (by the monotonic clock)."""

    reason: str
    seconds: float
    until: float


class Delays:
    """By topic."""

    def __init__(self) -> None:
        self._delays: dict[str, _Delay] = {}

    def reason(self, concerns: Callable[[str], bool]) -> str:
        """Why the first of the topics that this is true of is left; "" where none is."""
        return next((delay.reason for topic, delay in self._delays.items() if concerns(topic)), "")

    def is_due(self, topic: str) -> bool:
        """Whether the table may be asked for."""
        return topic not in self._delays or time.monotonic() >= self._delays[topic].until

    def add(self, topic: str, error: TableBusyError | RefusedError) -> None:
        """It could not be read; said once for each reason."""
        last = self._delays.get(topic)
        seconds = min(last.seconds * 2, LONGEST_SECONDS) if last is not None else FIRST_SECONDS
        reason = f"{topic} cannot be loaded just now: {error}"
        if last is None or last.reason != reason:
            log.warning("a table cannot be loaded just now", topic=topic, error=str(error))
        self._delays[topic] = _Delay(reason, seconds, time.monotonic() + seconds)

    def end(self, topic: str) -> None:
        """It could be read."""
        self._delays.pop(topic, None)
