"""What the command line asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.figures import Run
from benchmarks.works import Work

Report = Callable[[str, str, str, list[Run]], None]
"""Takes path, work, contender and runs when they are complete."""


@dataclass(frozen=True)
class Asked:
    """The selection.

    Attributes:
        rows: instead of each work's own number; None: as the work says.
        contenders: names; empty: all.
        rates: transactions a second, for latency.
        seconds: how long latency is measured at each rate.
    """

    sources: tuple[str, ...]
    works: tuple[str, ...]
    sinks: tuple[str, ...]
    rounds: int
    rows: int | None
    contenders: tuple[str, ...]
    rates: tuple[int, ...]
    seconds: int

    def rows_of(self, work: type[Work]) -> int:
        """How many events the work is to make."""
        return self.rows or work.default_rows

    def wants(self, contender: str) -> bool:
        """Whether it takes part."""
        return not self.contenders or contender in self.contenders
