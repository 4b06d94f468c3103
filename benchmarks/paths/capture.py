"""Capture into Kafka: the source's log holds the work's events before anybody starts to read."""

from __future__ import annotations

from benchmarks.asked import Asked, Report
from benchmarks.contenders.debezium import Debezium
from benchmarks.contenders.limits import Binlog, PgRecvlogical
from benchmarks.contenders.naive import NaiveMySQL, NaivePostgres
from benchmarks.contenders.tailrace import Tailrace
from benchmarks.rounds import take_turns
from benchmarks.stage import Contender, KafkaStage, kafka_stage
from benchmarks.works import WORKS, Work, is_mysql


def contenders(made: KafkaStage, asked: Asked) -> list[Contender]:
    """Those that were asked for and can read this source."""
    readers = [NaiveMySQL, Binlog] if is_mysql(made.source) else [NaivePostgres, PgRecvlogical]
    every: list[Contender] = [one(made) for one in (Tailrace, Debezium, *readers)]
    return [contender for contender in every if asked.wants(contender.name)]


def measure(asked: Asked, report: Report) -> None:
    """Each source with each work."""
    asked.each(WORKS, lambda source, work: _measure(source, work, asked, report))


def _measure(source: str, work: Work, asked: Asked, report: Report) -> None:
    path = f"{source} -> kafka"
    with kafka_stage(source, work) as made:
        runs = take_turns(path, work, contenders(made, asked), asked.rounds, lambda: work.change(made.source))
    for contender, taken in runs.items():
        report(path, work.name, contender, taken)
