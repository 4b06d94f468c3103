"""The records of a stream, each once, in the order of its partition; asked again, those that have come since.

Kafka is read with confluent-kafka's consumer, `read_committed`, as any consumer of the topics would. The embedded
stream has no other reader than tailrace's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from tailrace.stream import Stream, StreamReader

DEADLINE_SECONDS = 60.0


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Follower(Protocol):
    def records(self) -> Iterator[Record]:
        """Everything that has become readable since the last call."""
        ...

    def close(self) -> None: ...


class KafkaFollower:
    """Of the topics whose names begin so, but for the pipeline's own."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._prefix = prefix
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"check-{prefix}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "allow.auto.create.topics": False,
            }
        )
        self._next: dict[tuple[str, int], int] = {}

    def records(self) -> Iterator[Record]:
        found = self._consumer.list_topics(timeout=30).topics.items()
        places = [
            TopicPartition(topic, number, self._next.get((topic, number), OFFSET_BEGINNING))
            for topic, about in found
            if topic.startswith(self._prefix) and ".__" not in topic
            for number in about.partitions
        ]
        self._consumer.assign(places)
        left = {(place.topic, place.partition) for place in places}
        deadline = time.monotonic() + DEADLINE_SECONDS
        while left:
            assert time.monotonic() < deadline, f"no end of {left}"
            for message in self._consumer.consume(1000, 0.2):
                topic, partition, offset = message.topic(), message.partition(), message.offset()
                assert topic is not None
                assert partition is not None
                assert offset is not None
                error = message.error()
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left.discard((topic, partition))
                    self._next[topic, partition] = offset
                    continue
                deadline = time.monotonic() + DEADLINE_SECONDS
                yield Record(topic, partition, offset, message.key(), message.value())

    def close(self) -> None:
        self._consumer.close()


class EmbeddedFollower:
    """Of the whole log."""

    def __init__(self, stream: Callable[[], Stream]) -> None:
        self._stream = stream
        self._reader: StreamReader | None = None

    def records(self) -> Iterator[Record]:
        if self._reader is None:
            self._reader = self._stream().reader("")
            self._reader.seek({})
        reader, ends = self._reader, self._reader.ends()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while any(reader.positions().get(partition, 0) < end for partition, end in ends.items()):
            assert time.monotonic() < deadline, "no end of the stream"
            for piece in reader.poll(0.2, 4 << 20):
                deadline = time.monotonic() + DEADLINE_SECONDS
                for run, offsets in zip(piece.runs, piece.offsets, strict=True):
                    for offset, (key, value) in zip(offsets, run, strict=True):
                        yield Record(run.topic, piece.partition.number, offset, key, value)

    def close(self) -> None:
        if self._reader is not None:
            with closing(self._reader):
                self._reader = None
