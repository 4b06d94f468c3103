"""A whole pipeline: source, Kafka, PostgreSQL, all at once."""

from __future__ import annotations

from benchmarks.asked import Asked, Report
from benchmarks.contenders.sinks import TailraceSink, target
from benchmarks.rounds import take_turns
from benchmarks.stage import kafka_stage
from benchmarks.works import Work

_WORKS = ("bulk", "single")
_TARGET = "postgres18"


def measure(asked: Asked, report: Report) -> None:
    """Each source with the works of ten columns."""
    asked.each(_WORKS, lambda source, work: _measure(source, work, asked, report))


def _measure(source: str, work: Work, asked: Asked, report: Report) -> None:
    path = f"{source} -> kafka -> {_TARGET}"
    with kafka_stage(source, work) as made, target(_TARGET, made.folder) as where:
        runs = take_turns(path, work, [TailraceSink(made, where)], asked.rounds, lambda: work.change(made.source))
    for contender, taken in runs.items():
        report(path, work.name, contender, taken)
