"""What a worker's end means for the worker and for the whole run, and when an end is not waited for any longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from tailrace.supervisor.health import WorkerHealth

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
#: A worker that ran this long was well: its next failure begins with the shortest backoff again.
WELL_SECONDS = 60.0
#: With --until-caught-up somebody waits: a worker that crashes this often in a row will not get there.
CRASHES_BEFORE_GIVING_UP = 5
#: Nor will one that calls itself stuck for this long, instead of ending,
STUCK_SECONDS = 5.0
#: nor one that was at work and has tried in vain for this long to reach its system again.
RETRYING_SECONDS = 60.0
#: A full stream that waits for this long for a sink which is not started again will not be read any further.
BLOCKED_SECONDS = 5.0

FILE_IS_WRONG, STUCK, REFUSED, DATA_LOSS = 2, 4, 5, 6


class Verdict(Enum):
    FINISHED = "finished"  # its work is done; it is not started again
    RESTART = "restart"  # after the backoff
    FAILED = "failed"  # this worker stays down, the others go on
    END = "end"  # the whole run ends with the worker's exit code


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended, and in which circumstances.

    Attributes:
        exit_code: of the process; negative: killed by that signal.
        capture: whether it is the capture worker.
        settled: whether it was well at any time of this run; before that the pipeline is starting.
        finishing: whether it had been told to leave once caught up.
        finished: whether its last report says that it has; else somebody sent it the SIGTERM that is the supervisor's
            to send, and what it was told to do is not done.
        until_caught_up: whether the run is to end by itself.
        crashes: how often in a row it crashed, this time included.
    """

    exit_code: int
    capture: bool
    settled: bool
    finishing: bool
    finished: bool
    until_caught_up: bool
    crashes: int


def judge(ending: Ending) -> Verdict:
    """Retry what time can mend, stop where going on would lose data (DESIGN §8, Errors)."""
    code = ending.exit_code
    if code == 0:
        return Verdict.FINISHED if ending.finishing and ending.finished else Verdict.RESTART
    if code == DATA_LOSS:
        return Verdict.END if ending.capture else Verdict.FAILED
    if code in (FILE_IS_WRONG, REFUSED) and not ending.settled:
        return Verdict.END  # somebody is still there to read the line
    if not ending.until_caught_up:
        return Verdict.RESTART
    if code in (FILE_IS_WRONG, STUCK, REFUSED) or ending.crashes >= CRASHES_BEFORE_GIVING_UP:
        return Verdict.END if ending.capture else Verdict.FAILED
    return Verdict.RESTART


def hopeless(health: WorkerHealth) -> int:
    """The exit code of a worker that lives without getting anywhere, with --until-caught-up; 0 while there is hope."""
    if health.state == "stuck" and health.state_seconds() >= STUCK_SECONDS:
        return STUCK
    if health.state == "retrying" and health.retrying_seconds() >= RETRYING_SECONDS:
        return REFUSED
    return 0


class Blockage:
    """A full stream that keeps capture paused for a failed sink, while all the others have nothing left to do.

    As long as one of them has, the stream may be waiting for that one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    def lasts(self, capture: WorkerHealth, sinks: Sequence[WorkerHealth]) -> bool:
        """Whether it is one, as asked again and again, for long enough not to pass."""
        failed = any(sink.state == "failed" for sink in sinks)
        idle = all(sink.state == "failed" or sink.caught_up() for sink in sinks)
        if not (failed and idle and capture.state == "paused"):
            self._since = None
            return False
        if self._since is None:
            self._since = self._clock()
        return self._clock() - self._since >= BLOCKED_SECONDS


class Backoff:
    """Pauses between restarts: doubling, starting over after a worker was well."""

    def __init__(self, first: float = FIRST_BACKOFF_SECONDS, longest: float = LONGEST_BACKOFF_SECONDS) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def pause(self, ran_seconds: float) -> float:
        """Seconds to wait before the next start, after a process that ran this long."""
        if ran_seconds >= WELL_SECONDS:
            self._next = self._first
        pause = self._next
        self._next = min(pause * 2, self._longest)
        return pause


def worst(codes: list[int]) -> int:
    """The exit code of a run in which several workers failed: what loses data speaks first.

    What is no exit code of ours is 1: a negative one is the number of the signal that killed the process.
    """
    order = [DATA_LOSS, FILE_IS_WRONG, REFUSED, STUCK, 1]
    return min((code if code in order else 1 for code in codes if code), key=order.index, default=0)
