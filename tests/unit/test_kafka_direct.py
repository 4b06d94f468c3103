"""Records past the interpreter: taken in order, up to where the queue is full, and with librdkafka's own errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, Producer

from tailrace.compiled import compiled_class
from tailrace_kafka.direct import Direct, direct

pytestmark = pytest.mark.skipif(
    compiled_class("tailrace_kafka.records", "Records") is None, reason="only compiled code has this way"
)


@pytest.fixture
def producer() -> Iterator[Producer]:
    """Its broker never answers: what it takes stays in its queue."""
    made = Producer(
        {
            "bootstrap.servers": "127.0.0.1:1",
            "log_level": 0,
            "queue.buffering.max.messages": 100,
            "message.max.bytes": 2000,
        }
    )
    yield made
    made.purge()


def way(producer: Producer) -> Direct:
    found = direct(producer)
    assert found is not None, "the producer's handle was not found"
    return found


def test_a_full_queue_ends_with_the_first_record_that_it_did_not_take(producer: Producer) -> None:
    keys: list[bytes | None] = [b"k"] * 2500
    values: list[bytes | None] = [b"v"] * 2500
    assert way(producer).send("t", keys, values) == (100, KafkaError._QUEUE_FULL)
    producer.purge()
    assert producer.flush(5) == 0, "the reports of what was purged are served without a record of ours"
    assert way(producer).send("t", keys, values, 2450) == (2500, 0)


def test_a_record_that_is_too_large_is_named(producer: Producer) -> None:
    values: list[bytes | None] = [b"v", None, b"x" * 3000]
    assert way(producer).send("t", [None] * 3, values, 0, 0) == (2, KafkaError.MSG_SIZE_TOO_LARGE)


def test_only_bytes_are_taken(producer: Producer) -> None:
    with pytest.raises(TypeError, match="bytes"):
        way(producer).send("t", [b"k"], ["text"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="topic"):
        way(producer).send("t" * 600, [b"k"], [b"v"])


def test_a_closed_producer_has_no_such_way() -> None:
    producer = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    producer.close()
    assert direct(producer) is None
