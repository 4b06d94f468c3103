"""What arrived in Kafka: counted, checked, and when the broker appended it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from benchmarks.fold import Fold
from benchmarks.processes import ContenderError
from tests.servers import Kafka, unique_name

_IDLE_SECONDS = 10


@dataclass
class Arrived:
    """What a consumer that reads committed sees of some topics.

    Attributes:
        times: when the broker appended each change of a row, in seconds since 1970.
    """

    fold: Fold
    times: list[float]


def create_topics(kafka: Kafka, names: Sequence[str]) -> None:
    """One partition each, with the broker's own time on every record."""
    for name in names:
        kafka.create_topic(name, 1, {"message.timestamp.type": "LogAppendTime"})


def delete_topics(kafka: Kafka, names: Sequence[str]) -> None:
    """Gives the disk back; returns when the broker has agreed."""
    for future in kafka.admin().delete_topics(list(names)).values():
        future.result(30)


def reader(kafka: Kafka, topics: Sequence[str]) -> Consumer:
    """A consumer at the beginning of these topics' only partitions."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": unique_name("bench"),
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0) for topic in topics])
    return consumer


def messages(kafka: Kafka, topics: Sequence[str]) -> Iterator[list[Message]]:
    """Every message up to the topics' ends, in lists."""
    consumer = reader(kafka, topics)
    open_topics = set(topics)
    try:
        heard = time.monotonic()
        while open_topics:
            # It waits until there are so many, or for the whole time.
            received: list[Message] = consumer.consume(10_000, 0.2)
            if received:
                heard = time.monotonic()
            elif time.monotonic() > heard + _IDLE_SECONDS:
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


def arrived(kafka: Kafka, topics: Sequence[str]) -> Arrived:
    """Reads the topics to their ends."""
    seen = Arrived(Fold(), [])
    for batch in messages(kafka, topics):
        for message in batch:
            if seen.fold.add(message.topic() or "", message.key(), message.value()):
                seen.times.append(message.timestamp()[1] / 1000)
    return seen


def await_records(kafka: Kafka, topics: Sequence[str], count: int, alive: Callable[[], None], seconds: float) -> None:
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
