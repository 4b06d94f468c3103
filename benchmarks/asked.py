"""What the command line asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.figures import Run
from benchmarks.processes import ContenderError
from benchmarks.works import WORKS, Work
from tests.servers import ServerError

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
        failures: what could not be measured, and why.
    """

    sources: tuple[str, ...]
    works: tuple[str, ...]
    sinks: tuple[str, ...]
    rounds: int
    rows: int | None
    contenders: tuple[str, ...]
    rates: tuple[int, ...]
    seconds: int
    failures: list[str] = field(default_factory=list)

    def rows_of(self, work: type[Work]) -> int:
        """How many events the work is to make."""
        return self.rows or work.default_rows

    def wants(self, contender: str) -> bool:
        """Whether it takes part."""
        return not self.contenders or contender in self.contenders

    def each(self, names: Collection[str], measure: Callable[[str, Work], None]) -> None:
        """Measures each source with each work that was asked for and is one of `names`; a part each."""
        for source in self.sources:
            for name in self.works:
                if name in names:
                    with self.part(f"{source}, {name}"):
                        measure(source, WORKS[name](self.rows_of(WORKS[name])))

    @contextmanager
    def part(self, what: str) -> Iterator[None]:
        """A part of the run: if a contender or a server fails in it, that is told at once and the run goes on."""
        try:
            yield
        except (ContenderError, ServerError) as error:
            self.failures.append(f"{what}: {error}")
            print(f"benchmarks: {self.failures[-1]}", file=sys.stderr, flush=True)
