"""Where records go in Kafka, and in which order."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from tailrace.connectors import Context
from tailrace.errors import OwnershipLostError
from tailrace.position import POSITION_KEY
from tailrace_kafka import producing
from tailrace_kafka.settings import KafkaStreamSettings
from tailrace_kafka.stream import KafkaStream
from tests import servers
from tests.integration.test_stream_conformance import begin, reader_from_beginning
from tests.servers import wait_until
from tests.streams import DEADLINE, Pipeline, read, read_to_end, run
from tests.streams.kafka import USERS, values


def test_a_key_goes_where_a_java_producer_puts_it(pipeline: Pipeline) -> None:
    # Hashes as org.apache.kafka.common.utils.UtilsTest has them.
    hashes = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    pipeline.stream["partitions"] = 7
    writer = begin(pipeline, USERS)
    writer.publish([run(pipeline.table(USERS), *((key, b"v") for key in hashes))], {})
    reader = reader_from_beginning(pipeline)
    placed = {event.key: event.partition.number for event in read(reader, len(hashes))}
    assert placed == {key: (hash_ & 0x7FFFFFFF) % 7 for key, hash_ in hashes.items()}
    reader.close()
    writer.close()


def test_a_table_without_keys_keeps_its_order_in_one_partition(pipeline: Pipeline) -> None:
    pipeline.stream["partitions"] = 3
    writer = begin(pipeline, USERS)
    sent = [b"%d" % number for number in range(3000)]
    writer.publish([run(pipeline.table(USERS), *((None, value) for value in sent))], {})
    reader = reader_from_beginning(pipeline)
    events = read(reader, len(sent))
    assert values(events) == sent
    assert {event.partition.number for event in events} == {0}
    reader.close()
    writer.close()


def test_records_go_alike_past_the_interpreter_and_through_it(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.stream["partitions"] = 3
    records = [
        (None if number % 7 == 0 else b"key %d" % (number % 50), None if number % 11 == 0 else b"%d" % number)
        for number in range(3000)
    ]
    found = []
    for table in ("past", "through"):
        if table == "through":
            monkeypatch.setattr(producing, "direct", lambda _: None)
        writer = begin(pipeline, table)
        writer.publish([run(pipeline.table(table), *records)], {})
        reader = reader_from_beginning(pipeline)
        events = [event for event in read_to_end(reader) if event.topic == pipeline.table(table)]
        found.append([[(e.key, e.value) for e in events if e.partition.number == number] for number in range(3)])
        reader.close()
        writer.close()
    assert found[0] == found[1]
    assert sorted(map(len, found[0]))[0] > 500


def test_a_topic_that_is_there_keeps_its_partitions(pipeline: Pipeline, kafka: servers.Kafka) -> None:
    kafka.create_topic(pipeline.table(USERS), partitions=4)
    writer = begin(pipeline, USERS)
    reader = reader_from_beginning(pipeline)
    assert len(reader.partitions()) == 4
    finding = next(f for f in pipeline.open().check() if f.ok is None)
    assert f"{pipeline.table(USERS)} (4)" in finding.detail
    reader.close()
    writer.close()


def test_one_topic_with_one_partition_keeps_the_total_order(pipeline: Pipeline) -> None:
    settings = KafkaStreamSettings.model_validate(pipeline.stream)
    context = Context(pipeline.name, "cdc", pipeline.state_dir, topic="{name}.all")
    topic = f"{pipeline.name}.all"
    stream = KafkaStream(settings, context)
    writer = stream.writer()
    writer.publish([run(topic, (b"1", b"x"))], {})
    reader = stream.reader("one")
    reader.seek({})
    assert reader.total_order
    assert values(read(reader, 1)) == [b"x"]
    reader.close()
    writer.close()


def test_a_sinks_group_shows_how_far_it_is(pipeline: Pipeline, kafka: servers.Kafka) -> None:
    writer = begin(pipeline, USERS)
    writer.publish([run(pipeline.table(USERS), (b"1", b"x"))], {})
    reader = reader_from_beginning(pipeline)
    (event,) = read(reader, 1)
    reader.commit({event.partition: event.offset + 1})
    consumer = servers_consumer(kafka, f"tailrace.{pipeline.name}.one")
    with contextlib.closing(consumer):
        place = TopicPartition(*event.partition)
        wait_until(lambda: consumer.committed([place], 5)[0].offset == event.offset + 1, DEADLINE, "it is committed")
    reader.close()
    writer.close()


def test_a_poll_of_large_records_keeps_to_its_limit(pipeline: Pipeline) -> None:
    writer = begin(pipeline, USERS)
    large = b"y" * 200_000  # so compressible that all of them arrive at once
    sent = [large] * 60
    writer.publish([run(pipeline.table(USERS), *((b"1", value) for value in sent))], {})
    reader = reader_from_beginning(pipeline)
    limit, arrived = 1 << 20, 0
    while arrived < len(sent):
        pieces = reader.poll(1, limit)
        assert sum(piece.bytes for piece in pieces) <= limit + len(large) + 1
        arrived += sum(len(run) for piece in pieces for run in piece.runs)
    reader.close()
    writer.close()


def servers_consumer(kafka: servers.Kafka, group: str) -> Any:
    from confluent_kafka import Consumer

    return Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "log_level": 0})


def test_without_transactions_the_position_follows_the_events(pipeline: Pipeline) -> None:
    pipeline.stream["transactional"] = False
    writer = begin(pipeline, USERS)
    writer.publish([run(pipeline.table(USERS), (b"1", b"x"), (b"1", None))], {POSITION_KEY: b"1"})
    reader = reader_from_beginning(pipeline)
    assert values(read_to_end(reader)) == [b"x", None]
    newer = pipeline.open().writer()
    assert newer.state()[POSITION_KEY] == b"1"
    older_is_told = wait_until(lambda: _refused(writer, pipeline), DEADLINE, "the older one is told")
    assert "another, newer daemon" in str(older_is_told)
    assert f"process {os.getpid()} on " in str(older_is_told)
    reader.close()
    writer.close()
    newer.close()


def _refused(writer: Any, pipeline: Pipeline) -> OwnershipLostError | None:
    try:
        writer.publish([run(pipeline.table(USERS), (b"1", b"late"))], {POSITION_KEY: b"2"})
    except OwnershipLostError as error:
        return error
    return None
