"""Debezium's embedded engine with kafka-clients, on the connector of the source's own kind."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks import consumer
from benchmarks.contenders.checks import verified
from benchmarks.figures import Run, second_half_rate
from benchmarks.processes import Watch, cpu_seconds, server_cpu
from benchmarks.stage import KafkaStage
from benchmarks.works import MARKER
from tests.servers import debezium
from tests.servers.process import wait_until

# Twice the default sizes: more cost CPU without being faster. The engine waits this long for a batch to fill.
THROUGHPUT = {"max.batch.size": "4096", "max.queue.size": "16384", "poll.interval.ms": "50"}
LATENCY = {"max.batch.size": "2048", "max.queue.size": "8192", "poll.interval.ms": "1"}
PRODUCER = {
    "acks": "all",
    "enable.idempotence": "true",
    "linger.ms": "5",
    "batch.size": "1000000",
    "buffer.memory": "134217728",
    "compression.type": "lz4",
}
_SECONDS = 1800


class Debezium:
    """A backlog into Kafka: the engine is started, and stopped when the broker has all records."""

    rounds: int | None = None

    def __init__(self, stage: KafkaStage, profile: Mapping[str, str] = THROUGHPUT, prefix: str = "dbz") -> None:
        self.name = "debezium"
        self._stage = stage
        self._profile, self._prefix = profile, prefix

    def settings(self, number: int | str) -> dict[str, str]:
        """All of the engine's and the producer's properties."""
        stage = self._stage
        state = self._state(number)
        state.mkdir(exist_ok=True)
        tables = [MARKER, *stage.work.tables]
        producer = {name.replace(".", "_"): value for name, value in PRODUCER.items()}
        return (
            debezium.properties(stage.source, f"{self._prefix}{number}", state, tables)
            | debezium.to_kafka(stage.kafka.bootstrap, **producer)
            | {"offset.flush.interval.ms": "1000", **self._profile}
        )

    def _state(self, number: int | str) -> Path:
        return self._stage.folder / f"{self._prefix}{number}"

    def prepare(self, number: int) -> None:
        """A first engine reads the schema and a row of the marker table, whose place in the log it stores."""
        stage = self._stage
        marker = f"{self._prefix}{number}.{stage.schema}.{MARKER}"
        consumer.create_topics(stage.kafka, [marker, *stage.topics(f"{self._prefix}{number}")])
        with debezium.Engine(self.settings(number)) as engine:

            def mark() -> None:
                engine.check()
                stage.source.execute(f"INSERT INTO {MARKER} VALUES (%s)", (time.time_ns(),))

            def stored() -> bool:
                mark()
                return (self._state(number) / "offsets.dat").exists()

            consumer.await_records(stage.kafka, [marker], 1, mark, 120)
            # It stores them at its next event once a second has passed, not when it is stopped.
            wait_until(stored, 30, f"Debezium stores offsets in {self._state(number)}", 0.2)

    def run(self, number: int) -> Run:
        """The backlog; `seconds` ends with the last record's arrival at the broker."""
        stage = self._stage
        topics = stage.topics(f"{self._prefix}{number}")
        with server_cpu(**stage.servers) as servers:
            started = time.time()
            with debezium.Engine(self.settings(number)) as engine, Watch(engine.pid) as watch:
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
