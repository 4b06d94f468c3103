"""What a worker's end means for the worker and for the whole run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
#: A worker that ran this long was well: its next failure begins with the shortest backoff again.
WELL_SECONDS = 60.0
#: With --until-caught-up somebody waits: a worker that crashes this often in a row will not get there.
CRASHES_BEFORE_GIVING_UP = 5

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
        until_caught_up: whether the run is to end by itself.
        crashes: how often in a row it crashed, this time included.
    """

    exit_code: int
    capture: bool
    settled: bool
    finishing: bool
    until_caught_up: bool
    crashes: int


def judge(ending: Ending) -> Verdict:
    """Retry what time can mend, stop where going on would lose data (DESIGN §8, Errors)."""
    code = ending.exit_code
    if code == 0:
        # Unasked: somebody sent it the SIGTERM that was the supervisor's to send.
        return Verdict.FINISHED if ending.finishing else Verdict.RESTART
    if code == DATA_LOSS:
        return Verdict.END if ending.capture else Verdict.FAILED
    if code in (FILE_IS_WRONG, REFUSED) and not ending.settled:
        return Verdict.END  # somebody is still there to read the line
    if not ending.until_caught_up:
        return Verdict.RESTART
    if code in (FILE_IS_WRONG, STUCK, REFUSED) or ending.crashes >= CRASHES_BEFORE_GIVING_UP:
        return Verdict.END if ending.capture else Verdict.FAILED
    return Verdict.RESTART


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
    """The exit code of a run in which several workers failed: what loses data speaks first."""
    order = [DATA_LOSS, FILE_IS_WRONG, REFUSED, STUCK, 1]
    return min((code if code in order else 1 for code in codes if code), key=order.index, default=0)
