"""The full load: of tailrace into both streams, and Debezium's snapshot."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping

from benchmarks import consumer
from benchmarks.contenders.checks import verified, verify
from benchmarks.contenders.debezium import THROUGHPUT, Debezium
from benchmarks.contenders.embedded import split
from benchmarks.contenders.tailrace import kafka_stream, pipeline, until_caught_up
from benchmarks.figures import Run, second_half_rate
from benchmarks.fold import Fold
from benchmarks.processes import Watch, cpu_seconds, python, server_cpu
from benchmarks.stage import KafkaStage
from tests.servers import debezium

_MODE = "full-load-and-cdc"
_SECONDS = 3600


class LoadIntoKafka:
    """tailrace, with `--until-caught-up`; a second run, of nothing, shows what starting and stopping takes."""

    name = "tailrace"
    rounds = None

    def __init__(self, stage: KafkaStage) -> None:
        self._stage = stage

    def prepare(self, number: int) -> None:
        """The topics."""
        consumer.create_topics(self._stage.kafka, self._stage.topics(f"ld{number}"))

    def run(self, number: int) -> Run:
        """`seconds` ends with the last record's arrival at the broker."""
        stage = self._stage
        stream = kafka_stream(stage.kafka.bootstrap)
        path = pipeline(stage.folder, f"ld{number}", stage.source, f"{stage.schema}.bench_*", stream, _MODE)
        with server_cpu(**stage.servers) as servers:
            done = until_caught_up(path)
        idle = until_caught_up(path)
        topics = stage.topics(f"ld{number}")
        arrived = verified(self.name, stage, topics)
        consumer.delete_topics(stage.kafka, topics)
        return Run(
            rows=arrived.fold.events,
            seconds=max(arrived.times) - done.started,
            cpu_seconds=done.cpu_seconds,
            peak_rss_mb=done.peak_mb,
            more={
                "warm_rows_per_second": second_half_rate(arrived.times) or 0.0,
                "load_peak_rss_mb": done.workers_mb.get("capture", 0.0),
                "idle_seconds": idle.seconds,
                "idle_cpu_seconds": idle.cpu_seconds,
                **servers,
            },
        )


class LoadIntoEmbedded:
    """The same into the embedded stream; `seconds` are the whole process's."""

    name = "tailrace-embedded"
    rounds = None

    def __init__(self, stage: KafkaStage) -> None:
        self._stage = stage

    def prepare(self, number: int) -> None:
        """Nothing."""

    def run(self, number: int) -> Run:
        """`tailrace tail` shows what arrived."""
        stage = self._stage
        path = pipeline(stage.folder, f"le{number}", stage.source, f"{stage.schema}.bench_*", mode=_MODE)
        with server_cpu(source=stage.source.server.pid) as servers:
            done = until_caught_up(path)
        idle = until_caught_up(path)
        fold = Fold()
        words = python("tailrace.cli", "tail", path, "--from", "beginning", "--timeout", "1")
        with subprocess.Popen(words, stdout=subprocess.PIPE) as tail:
            assert tail.stdout is not None
            for line in tail.stdout:
                fold.add(line[: line.index(b",")].decode(), *split(line))
        verify(self.name, stage, fold)
        return Run(
            rows=fold.events,
            seconds=done.seconds,
            cpu_seconds=done.cpu_seconds,
            peak_rss_mb=done.peak_mb,
            more={
                "warm_rows_per_second": fold.events / max(done.seconds - idle.seconds, 0.001),
                "load_peak_rss_mb": done.workers_mb.get("capture", 0.0),
                "idle_seconds": idle.seconds,
                "idle_cpu_seconds": idle.cpu_seconds,
                **servers,
            },
        )


class Snapshot(Debezium):
    """Debezium's initial snapshot of the same tables; once, because it takes long."""

    rounds = 1

    def __init__(self, stage: KafkaStage, profile: Mapping[str, str] = THROUGHPUT) -> None:
        super().__init__(stage, profile, "snap")

    def prepare(self, number: int) -> None:
        """The topics."""
        consumer.create_topics(self._stage.kafka, self._stage.topics(f"snap{number}"))

    def run(self, number: int) -> Run:
        """`seconds` ends with the last record's arrival at the broker."""
        stage = self._stage
        topics = stage.topics(f"snap{number}")
        settings = {**self.settings(number), "snapshot.mode": "initial"}
        with server_cpu(**stage.servers) as servers:
            started = time.time()
            with debezium.Engine(settings) as engine, Watch(engine.pid) as watch:
                consumer.await_records(stage.kafka, topics, stage.work.rows, engine.check, _SECONDS)
                spent = cpu_seconds(engine.pid)
        arrived = verified(self.name, stage, topics)
        consumer.delete_topics(stage.kafka, topics)
        return Run(
            rows=arrived.fold.events,
            seconds=max(arrived.times) - started,
            cpu_seconds=spent,
            peak_rss_mb=watch.total_mb,
            more={"warm_rows_per_second": second_half_rate(arrived.times) or 0.0, **servers},
        )
