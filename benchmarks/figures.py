"""The arithmetic: one run's figures, medians, ratios pair by pair, percentiles."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


@dataclass
class Run:
    """What one run of one contender gave.

    Attributes:
        rows: events that the consumer counted, or rows applied.
        seconds: from the start of the contender's process until the last of them was there.
        cpu_seconds: of the contender's processes, without the servers.
        peak_rss_mb: of the same, the processes' peaks (VmHWM, in MiB) added up.
        latency_ms: percentiles, where latency was measured.
        more: further figures by name; every run of a record has the same ones.
    """

    rows: int
    seconds: float
    cpu_seconds: float | None = None
    peak_rss_mb: float | None = None
    latency_ms: dict[str, float] | None = None
    more: dict[str, float] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds


def median(values: Sequence[float | None]) -> float | None:
    """Of those that are there; None if none is."""
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def ratios(ours: Sequence[float | None], theirs: Sequence[float | None]) -> list[float]:
    """Ours divided by theirs, round by round.

    Who ran fewer rounds is compared with the rounds it has; a round that lacks a figure, or has 0 below, gives none.
    """
    return [a / b for a, b in zip(ours, theirs, strict=False) if a is not None and b]


def ratio(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """The median of the ratios pair by pair."""
    return median(ratios(ours, theirs))


def second_half_rate(times: Sequence[float]) -> float | None:
    """Rows a second over the last half of the arrival times (seconds, in any order); None if they are one instant.

    A runtime that compiles while it runs has the first half to get warm.
    """
    ordered = sorted(times)
    half = len(ordered) // 2
    if not half or ordered[-1] <= ordered[half]:
        return None
    return (len(ordered) - 1 - half) / (ordered[-1] - ordered[half])


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """`PERCENTILES` by nearest rank: the least value that so large a part of the values does not exceed."""
    ordered = sorted(values)
    return {name: ordered[max(0, _rank(part, len(ordered)) - 1)] for name, part in PERCENTILES.items()}


def _rank(part: float, count: int) -> int:
    # Rounding away what binary fractions add, so that 99.9 % of 1,000 is the 999th.
    return int(-(-round(part * count, 6) // 1))
