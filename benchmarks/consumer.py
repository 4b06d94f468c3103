"""What arrived in Kafka: counted, checked, and when the broker appended it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from benchmarks.processes import ContenderError
from benchmarks.works import CHECKED, row_digest
from tests.servers import Kafka, unique_name

_IDLE_SECONDS = 10


@dataclass
class Arrived:
    """What a consumer that reads committed sees of some topics.

    Attributes:
        events: changes of rows.
        times: when the broker appended each, in seconds since 1970.
        rows, checksum: of the rows that the events leave, each as its last event has it.
        bytes: of keys and values.
    """

    events: int
    times: list[float]
    rows: int
    checksum: int
    bytes: int


def create_topics(kafka: Kafka, names: Sequence[str]) -> None:
    """One partition each, with the broker's own time on every record."""
    for name in names:
        kafka.create_topic(name, 1, {"message.timestamp.type": "LogAppendTime"})


def delete_topics(kafka: Kafka, names: Sequence[str]) -> None:
    """Gives the disk back; returns when the broker has agreed."""
    for future in kafka.admin().delete_topics(list(names)).values():
        future.result(30)


def reader(kafka: Kafka, topics: Sequence[str], **more: Any) -> Consumer:
    """A consumer at the beginning of these topics' only partitions."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": unique_name("bench"),
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            **more,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0) for topic in topics])
    return consumer


def messages(kafka: Kafka, topics: Sequence[str]) -> Any:
    """Every message up to the topics' ends, in lists."""
    consumer = reader(kafka, topics)
    open_topics = set(topics)
    try:
        while open_topics:
            received: list[Message] = consumer.consume(10_000, _IDLE_SECONDS)
            if not received:
                raise ContenderError(f"Kafka gave nothing for {_IDLE_SECONDS} s; not at the end of {open_topics}")
            events = []
            for message in received:
                error = message.error()
                if error is None:
                    events.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_topics.discard(message.topic())
                else:
                    raise ContenderError(f"reading {message.topic()}: {error}")
            yield events
    finally:
        consumer.close()


def row(value: bytes | None) -> dict[str, Any] | None:
    """The row after a change, of Debezium's envelope; None for what is no change of a row."""
    after: dict[str, Any] | None = orjson.loads(value).get("after") if value else None
    return after


def arrived(kafka: Kafka, topics: Sequence[str]) -> Arrived:
    """Reads the topics to their ends."""
    state: dict[tuple[str, int], int] = {}
    times: list[float] = []
    size = 0
    for batch in messages(kafka, topics):
        for message in batch:
            after = row(message.value())
            if after is not None:
                digest = row_digest(tuple(after[name] for name in CHECKED))
                state[message.topic(), after["id"]] = digest
                times.append(message.timestamp()[1] / 1000)
                size += len(message.key() or b"") + len(message.value())
    return Arrived(len(times), times, len(state), sum(state.values()), size)


def await_records(kafka: Kafka, topics: Sequence[str], count: int, alive: Any, seconds: float) -> None:
    """Waits until the topics have `count` records; `alive` is called meanwhile and raises if there is no hope."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "bench"})
    deadline = time.monotonic() + seconds
    try:
        while True:
            there = sum(consumer.get_watermark_offsets(TopicPartition(topic, 0), 10)[1] for topic in topics)
            if there >= count:
                return
            alive()
            if time.monotonic() > deadline:
                raise ContenderError(f"{there} of {count} records in {', '.join(topics)} after {seconds:g} s")
            time.sleep(0.1)
    finally:
        consumer.close()
