"""From a full topic into each kind of target."""

from __future__ import annotations

from benchmarks import consumer
from benchmarks.asked import Asked, Report
from benchmarks.contenders.sinks import SqlTarget, TailraceSink, target
from benchmarks.contenders.tailrace import kafka_stream, pipeline, until_caught_up
from benchmarks.contenders.upserts import ExecuteValues
from benchmarks.rounds import take_turns
from benchmarks.stage import Contender, KafkaStage, kafka_stage
from benchmarks.works import Mixed

# DynamoDB Local is a stand-in that takes a few thousand writes a second.
_FEWER = {"dynamodb": 20_000}
_FILL = "fill"


def measure(asked: Asked, report: Report) -> None:
    """Each sink; the topic is filled from the first source that was asked for."""
    for kind in asked.sinks:
        rows = asked.rows_of(Mixed)
        with asked.part(f"kafka -> {kind}"):
            _measure(asked.sources[0], kind, Mixed(min(rows, _FEWER.get(kind, rows))), asked, report)


def _measure(source: str, kind: str, work: Mixed, asked: Asked, report: Report) -> None:
    path = f"kafka -> {kind}"
    with kafka_stage(source, work) as made, target(kind, made.folder) as where:
        taking_part: list[Contender] = [TailraceSink(made, where, _FILL)]
        if isinstance(where, SqlTarget) and kind.startswith("postgres"):
            taking_part.append(ExecuteValues(made, where, made.topics(_FILL)[0]))
        taking_part = [contender for contender in taking_part if asked.wants(contender.name)]
        consumer.create_topics(made.kafka, made.topics(_FILL))
        runs = take_turns(path, work, taking_part, asked.rounds, lambda: _fill(made))
    for contender, taken in runs.items():
        report(path, work.name, contender, taken)


def _fill(made: KafkaStage) -> None:
    """The topic gets the work's events, by a run of tailrace without sinks."""
    stream = kafka_stream(made.kafka.bootstrap)
    path = pipeline(made.folder, _FILL, made.source, f"{made.schema}.bench_*", stream)
    until_caught_up(path)
    made.work.change(made.source)
    until_caught_up(path)
