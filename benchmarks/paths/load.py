"""The full load: the tables hold the work's rows before anybody starts to read."""

from __future__ import annotations

from benchmarks.asked import Asked, Report
from benchmarks.contenders.dumps import Dump
from benchmarks.contenders.loads import LoadIntoEmbedded, LoadIntoKafka, Snapshot
from benchmarks.rounds import take_turns
from benchmarks.stage import Contender, kafka_stage
from benchmarks.works import Loaded


def measure(asked: Asked, report: Report) -> None:
    """Each source."""
    for source in asked.sources:
        with asked.part(f"{source}, {Loaded.name}"):
            _measure(source, Loaded(asked.rows_of(Loaded)), asked, report)


def _measure(source: str, work: Loaded, asked: Asked, report: Report) -> None:
    path = f"{source} load -> kafka"
    with kafka_stage(source, work) as made:
        every: list[Contender] = [one(made) for one in (LoadIntoKafka, LoadIntoEmbedded, Dump, Snapshot)]
        taking_part = [one for one in every if asked.wants(one.name)]
        runs = take_turns(path, work, taking_part, asked.rounds, lambda: work.change(made.source))
    for contender, taken in runs.items():
        report(path, work.name, contender, taken)
