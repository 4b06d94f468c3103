"""Capture into the embedded stream."""

from __future__ import annotations

from benchmarks.asked import Asked, Report
from benchmarks.contenders.embedded import Embedded, SqliteWriter
from benchmarks.rounds import take_turns
from benchmarks.stage import Contender, stage
from benchmarks.works import Work

_WORKS = ("bulk", "single")


def measure(asked: Asked, report: Report) -> None:
    """Each source with the works of ten columns."""
    asked.each(_WORKS, lambda source, work: _measure(source, work, asked, report))


def _measure(source: str, work: Work, asked: Asked, report: Report) -> None:
    path = f"{source} -> embedded"
    with stage(source, work) as made:
        # The bare writer writes what tailrace wrote just before it, so it cannot run alone.
        both: list[Contender] = [Embedded(made), SqliteWriter(made)]
        runs = take_turns(path, work, both, asked.rounds, lambda: work.change(made.source))
    for contender, taken in runs.items():
        report(path, work.name, contender, taken)
