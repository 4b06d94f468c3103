"""How old the oldest change is that has not been handed on, of one log: capture's, or a partition that a sink reads.

What lies between our position and the log's end is not read yet, so its age is unknown, and the age of what was handed
on last is no substitute: after an idle hour, or among changes that are not for us, that is hours old although nothing
waits. Two bounds are sound, and the newer one holds:

* **A sample** says where the log ended at some moment. Once our position has passed that end, everything written before
  that moment is handed on: whatever waits is younger.
* **A stamp** is the time that a change carries which was handed on. The log is in order: whatever waits is younger. It
  is finer than samples, which are taken once a second, and it is all there is after a start behind an old backlog,
  when no sample is old enough.

So `seconds` never says less than the age of the oldest waiting change, and says 0 only when the position was the log's
end a moment ago. While nothing can be measured the bounds stay and grow older, which is the truth: for all we know
something has been waiting since then.

A stamp is another machine's clock. One that runs behind only makes the bound wider; one that is seen to run ahead, by a
change that is handed on before its own time, is not gone by any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from tailrace.logs import logger

#: A place in the log: a mark of a source, an offset of a partition.
Place = TypeVar("Place", int, str)

#: Being caught up is measured about once a second; what was measured longer ago says nothing of now.
FRESH_SECONDS = 3.0
#: Clocks that agree within this are good enough.
CLOCK_SECONDS = 1.0
#: Samples kept, evenly: a longer lag is told less finely, to about a tenth.
MOST_SAMPLES = 32
#: What is not caught up is never 0.
_LEAST_SECONDS = 0.001

log = logger()


class Lag(Generic[Place]):
    """The bounds of one log.

    Args:
        clock: seconds that only grow; the moments handed in are its.
        wall: seconds since 1970, for stamps.
    """

    __slots__ = ("_clear_until", "_clock", "_measured_at", "_position", "_samples", "_stamps_good", "_wall")

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._position: Place | None = None
        self._samples: list[tuple[Place, float]] = []
        self._clear_until: float | None = None
        self._measured_at: float | None = None
        self._stamps_good = True

    def clear(self, moment: float) -> None:
        """Nothing from before this moment waits."""
        if self._clear_until is None or moment > self._clear_until:
            self._clear_until = moment

    def measured(self, moment: float, end: Place, position: Place) -> None:
        """Where the log ends, and up to where it is handed on.

        Args:
            moment: from before the log was asked.
        """
        if self._position is not None and position < self._position:
            # A target that was put back: what it had is to be handed on again.
            self._clear_until = None
            self._samples.clear()
        self._position = position
        samples = self._samples
        while samples and samples[-1][0] >= end:
            samples.pop()  # the same end at a later moment says more
        if len(samples) > 2 and samples[-1][1] - samples[-2][1] < (moment - samples[0][1]) / MOST_SAMPLES:
            samples.pop()  # so close to the one before that it makes no difference
        samples.append((end, moment))
        passed = 0
        for place, at in samples:
            if place > position:
                break
            self.clear(at)
            passed += 1
        del samples[:passed]
        self._measured_at = moment
        if len(samples) > MOST_SAMPLES:
            del samples[1::2]

    def handed_on(self, stamp_ms: int) -> None:
        """A change that carries this time is handed on, and all before it; 0: it carries none."""
        if not stamp_ms or not self._stamps_good:
            return
        age = self._wall() - stamp_ms / 1000
        if age < -CLOCK_SECONDS:
            self._stamps_good = False
            log.warning("changes carry times of a clock that is ahead of ours: lag is told without them", seconds=-age)
            return
        self.clear(self._clock() - max(age, 0.0))

    @property
    def fresh(self) -> bool:
        """Whether the last measurement holds still."""
        return self._measured_at is not None and self._clock() - self._measured_at <= FRESH_SECONDS

    def seconds(self) -> float | None:
        """None while nothing is known."""
        if not self._samples and self.fresh:
            return 0.0
        if self._clear_until is None:
            return None
        return max(self._clock() - self._clear_until, _LEAST_SECONDS)
