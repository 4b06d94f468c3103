"""A bare producer and a bare consumer of confluent-kafka: messages of one size, nothing else. Run as a module, this is
their process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks import consumer
from benchmarks.figures import Run
from benchmarks.processes import python, run, server_cpu
from tests.servers import Kafka

SIZE = 800
PRODUCER = {"enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4", "batch.num.messages": 100_000}


def measure(kafka: Kafka, number: int, rows: int) -> dict[str, Run]:
    """Produces and then consumes a topic."""
    topic = f"bare{number}"
    consumer.create_topics(kafka, [topic])
    runs = {}
    for name in ("producer", "consumer"):
        with server_cpu(broker=kafka.pid) as spent:
            done = run(python("benchmarks.contenders.librdkafka", name, kafka.bootstrap, topic, rows))
        seconds = json.loads(done.output)["seconds"]
        more = {"warm_rows_per_second": rows / seconds, **spent}
        runs[f"librdkafka {name}"] = Run(rows, seconds, done.cpu_seconds, done.peak_mb, more=more)
    consumer.delete_topics(kafka, [topic])
    return runs


def produce(bootstrap: str, topic: str, rows: int) -> float:
    """Seconds until all are acknowledged. The values do not compress to nothing, as rows do not."""
    producer = Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": 1_000_000, **PRODUCER})
    values = [
        (f'{{"id":{n},"doc":"' + f"{n * 7919:020}" * (SIZE // 20)).encode()[: SIZE - 2] + b'"}' for n in range(1000)
    ]
    keys = [b'{"id":%d}' % n for n in range(1000)]
    started = time.monotonic()
    for number in range(rows):
        while True:
            try:
                producer.produce(topic, values[number % 1000], keys[number % 1000])
                break
            except BufferError:
                producer.poll(0.01)
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush()
    return time.monotonic() - started


def consume(bootstrap: str, topic: str, rows: int) -> float:
    """Seconds until all are there."""
    settings = {"group.id": "bare", "isolation.level": "read_committed", "auto.offset.reset": "error"}
    reader = Consumer({"bootstrap.servers": bootstrap, **settings})
    started = time.monotonic()
    reader.assign([TopicPartition(topic, 0, 0)])
    while rows > 0:
        rows -= len(reader.consume(min(10_000, rows), 1.0))
    seconds = time.monotonic() - started
    reader.close()
    return seconds


if __name__ == "__main__":
    ways: dict[str, Callable[[str, str, int], float]] = {"producer": produce, "consumer": consume}
    print(json.dumps({"seconds": ways[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))}))
