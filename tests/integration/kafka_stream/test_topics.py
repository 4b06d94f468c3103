"""Topics that change under a stream."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewPartitions

import tailrace_kafka.cluster
import tailrace_kafka.producing
import tailrace_kafka.reader
import tailrace_kafka.writer
from tailrace.errors import DataLossError, StuckError
from tailrace.position import POSITION_KEY
from tailrace.stream import Partition
from tailrace_kafka.ledger import TopicBegin, topic_begins
from tests import servers
from tests.integration.test_stream_conformance import begin, reader_from_beginning
from tests.servers import wait_until
from tests.streams import DEADLINE, Pipeline, read, read_to_end, run
from tests.streams.kafka import USERS, failing, soon, values


def delete_topic(kafka: servers.Kafka, topic: str) -> None:
    (deleted,) = kafka.admin().delete_topics([topic]).values()
    deleted.result(DEADLINE)
    wait_until(lambda: topic not in kafka.topics(), DEADLINE, f"{topic} is gone")


def test_a_topic_made_anew_is_data_loss(
    pipeline: Pipeline, kafka: servers.Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon(monkeypatch)
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    writer.publish([run(topic, (b"1", b"x"))], {})
    reader = reader_from_beginning(pipeline)
    read(reader, 1)
    delete_topic(kafka, topic)
    kafka.create_topic(topic)
    error = failing(lambda: writer.publish([run(topic, (b"1", b"x"))], {}), DataLossError)
    assert "deleted and made anew" in str(error)
    assert "topic was deleted" in str(failing(lambda: reader.poll(0.1, 1), DataLossError))
    later = pipeline.open().reader("one")
    with pytest.raises(DataLossError, match="deleted and made anew"):
        later.seek({})
    with pytest.raises(DataLossError, match="deleted and made anew"):
        pipeline.open().writer().prepare([topic])
    for each in (reader, later, writer):
        each.close()


def test_partitions_that_are_added_stop_both_sides(
    pipeline: Pipeline, kafka: servers.Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon(monkeypatch)
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    reader = reader_from_beginning(pipeline)
    (added,) = kafka.admin().create_partitions([NewPartitions(topic, 2)]).values()
    added.result(DEADLINE)
    told = "had 1 partitions and now has 2"
    assert told in str(failing(lambda: writer.publish([run(topic, (b"1", b"x"))], {}), StuckError))
    assert told in str(failing(lambda: reader.poll(0.1, 1), StuckError))
    assert any(told in finding.detail for finding in pipeline.open().check() if finding.ok is False)
    reader.close()
    writer.close()


def test_records_that_retention_took_are_data_loss(
    pipeline: Pipeline, kafka: servers.Kafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tailrace_kafka.reader, "_END_SECONDS", 0.5)
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    writer.publish([run(topic, *((b"%d" % n, b"v") for n in range(10)))], {})
    (done,) = kafka.admin().delete_records([TopicPartition(topic, 0, 5)]).values()
    done.result(DEADLINE)
    reader = pipeline.open().reader("one")
    with pytest.raises(DataLossError, match="continues at offset 3, but only records from 5 on are kept"):
        reader.seek({Partition(topic, 0): 3})
    with pytest.raises(DataLossError, match="the stream begins at offset 0, but only records from 5 on are kept"):
        reader.seek({})
    with pytest.raises(DataLossError, match="continues at offset 500, but the partition ends at 11"):
        reader.seek({Partition(topic, 0): 500})
    reader.seek({Partition(topic, 0): 5})
    assert len(read_to_end(reader)) == 5
    onlooker = reader_from_beginning(pipeline, "")
    assert len(read_to_end(onlooker)) == 5
    assert "first_kept" not in "".join(capsys.readouterr())
    pipeline.mode = "cdc"
    late = reader_from_beginning(pipeline)
    assert len(read_to_end(late)) == 5
    said = "".join(capsys.readouterr())  # as lines or as JSON, as tests before have configured it
    assert "the partition's beginning is not kept any more" in said
    assert "first_kept" in said
    for each in (reader, onlooker, late, writer):
        each.close()


def test_a_reader_whose_records_go_meanwhile_is_told(pipeline: Pipeline, kafka: servers.Kafka) -> None:
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    reader = reader_from_beginning(pipeline)
    reader.pause(Partition(topic, 0))
    writer.publish([run(topic, *((b"%d" % n, b"v") for n in range(10)))], {})
    (done,) = kafka.admin().delete_records([TopicPartition(topic, 0, 5)]).values()
    done.result(DEADLINE)
    reader.resume(Partition(topic, 0))
    error = failing(lambda: reader.poll(0.1, 1), DataLossError)
    assert "offset 0 is not kept any more" in str(error)
    reader.close()
    writer.close()


def test_a_new_stream_begins_behind_an_earlier_ones_events(pipeline: Pipeline) -> None:
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    writer.publish([run(topic, (b"1", b"of an earlier life"))], {POSITION_KEY: b"1"})
    reader = reader_from_beginning(pipeline)
    first_id = reader.stream_id
    read(reader, 1)
    reader.close()
    writer.close()
    pipeline.open().teardown(dry_run=False)
    writer = begin(pipeline, USERS)
    writer.publish([run(topic, (b"1", b"now"))], {})
    reader = reader_from_beginning(pipeline)
    assert reader.stream_id != first_id
    assert values(read_to_end(reader)) == [b"now"]
    reader.close()
    writer.close()


def test_a_poll_looks_at_no_topic_that_it_knows(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be thousands; a new one is met all the same."""
    looks: list[int] = []

    def counted(entries: Mapping[str, bytes]) -> dict[str, TopicBegin]:
        looks.append(len(entries))
        return topic_begins(entries)

    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    reader = reader_from_beginning(pipeline)
    monkeypatch.setattr(tailrace_kafka.reader, "topic_begins", counted)
    for number in range(3):
        writer.publish([run(topic, (b"%d" % number, b"x"))], {})
        read(reader, 1)
    reader.positions()
    assert not looks
    later = pipeline.table("later")
    writer.publish([run(later, (b"1", b"x"))], {})
    assert values(read(reader, 1)) == [b"x"]
    assert len(looks) == 1
    reader.close()
    writer.close()
