"""How many requests may be in flight: up to a bound, and fewer while the service asks us to slow down.

Halved where a request is throttled, one more for each round of requests that were taken (AIMD, as TCP does): the rate
settles at what the tables' capacity allows. What was throttled before the last halving says nothing new.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tailrace.logs import logger

#: Between two lines of the log about being slowed down.
_SAY_SECONDS = 60.0

log = logger()


@dataclass(slots=True)
class Turn:
    """A request in flight.

    Attributes:
        began: how often the pace had been slowed down then.
        taken: set by who asks: the service has done it, or refused it for a reason of its own.
        throttled: set by who asks: the service wants fewer requests.
    """

    began: int
    taken: bool = False
    throttled: bool = False


class Pace:
    """Shared by all threads that send.

    Args:
        most: requests in flight at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = float(most)
        self._in_flight = 0
        self._slowed = 0
        self._changed = threading.Condition(threading.Lock())
        self._said_at = float("-inf")
        #: When a request was last taken; `time.monotonic`.
        self.taken_at = float("-inf")

    @property
    def allowed(self) -> int:
        return int(self._allowed)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Waits until one more request may be sent."""
        with self._changed:
            while self._in_flight >= self.allowed:
                self._changed.wait()
            self._in_flight += 1
            turn = Turn(self._slowed)
        try:
            yield turn
        finally:
            with self._changed:
                self._in_flight -= 1
                if turn.throttled:
                    self._slow_down(turn)
                elif turn.taken:
                    self.taken_at = time.monotonic()
                    if self._allowed < self._most:
                        self._allowed = min(self._allowed + 1 / self._allowed, self._most)
                # Whoever waits is let on by one that ends; a wider bound lets one more on.
                self._changed.notify(2)

    def _slow_down(self, turn: Turn) -> None:
        if turn.began < self._slowed:
            return
        self._slowed += 1
        self._allowed = max(self._allowed / 2, 1.0)
        if time.monotonic() - self._said_at > _SAY_SECONDS:
            self._said_at = time.monotonic()
            log.warning("DynamoDB slows us down", requests_in_flight=self.allowed, bound=self._most)
