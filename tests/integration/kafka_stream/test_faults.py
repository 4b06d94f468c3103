"""Rivals, and brokers that hang, die and come back."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tailrace_kafka.cluster
import tailrace_kafka.producing
import tailrace_kafka.reader
import tailrace_kafka.writer
from tailrace.batch import Run
from tailrace.errors import UnreachableError
from tailrace.position import POSITION_KEY
from tests import servers
from tests.integration.test_stream_conformance import begin, publisher, reader_from_beginning, schema_record
from tests.streams import DEADLINE, Event, Pipeline, events_of, read, read_to_end, read_until, run
from tests.streams.kafka import USERS, failing, make_pipeline, values
from tests.streams.publisher import STATE_KEY, batch


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[servers.Kafka]:
    """A broker to be paused and killed, that is quick to give up transactions."""
    options = {
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,
        "transaction.max.timeout.ms": 60_000,
    }
    with servers.start("kafka", options=options) as server:
        yield server


@pytest.fixture
def own_pipeline(own_kafka: servers.Kafka, tmp_path: Path) -> Pipeline:
    return make_pipeline(own_kafka.bootstrap, tmp_path)


def impatient(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Waits shorter for a cluster that is out of reach."""
    for module in (tailrace_kafka.producing, tailrace_kafka.reader):
        monkeypatch.setattr(module, "STALL_SECONDS", seconds)


def test_a_daemon_that_slept_finds_its_successor_and_leaves(pipeline: Pipeline) -> None:
    topics = [pipeline.table(USERS)]
    begin(pipeline, USERS).close()
    zombie = publisher(pipeline, topics, stderr=subprocess.PIPE)
    try:
        reader = reader_from_beginning(pipeline)
        seen = read_until(reader, lambda events: len(events) >= 1000)
        zombie.send_signal(signal.SIGSTOP)
        writer = pipeline.open().writer()
        last = int(writer.state()[STATE_KEY])
        writer.publish(batch(last + 1, topics), {STATE_KEY: b"%d" % (last + 1)})
        zombie.send_signal(signal.SIGCONT)
        _, errors = zombie.communicate(timeout=DEADLINE)
        assert zombie.returncode == 1
        assert b"OwnershipLostError" in errors
        assert b"another, newer daemon" in errors
        writer.publish(batch(last + 2, topics), {STATE_KEY: b"%d" % (last + 2)})
        seen += read_to_end(reader)
        sent = [value for number in range(1, last + 3) for piece in batch(number, topics) for value in piece.values]
        assert values(seen) == sent
        reader.close()
        writer.close()
    finally:
        zombie.kill()
        zombie.wait(DEADLINE)


def test_a_transaction_that_the_broker_gave_up_is_begun_anew(own_pipeline: Pipeline) -> None:
    own_pipeline.stream["kafka"].update({"transaction.timeout.ms": "1000"})
    topic = own_pipeline.table(USERS)
    writer = begin(own_pipeline, USERS)
    producing = writer._producing
    commit = producing._send_entries
    reader = reader_from_beginning(own_pipeline)
    before = sum(reader.ends().values())

    def given_up() -> bool:
        """Behind the record stands the marker of a transaction's end."""
        producing._producer.poll(0.1)
        return sum(reader.ends().values()) == before + 2

    def late(entries: Any) -> None:
        entries = list(entries)
        if entries:
            producing._producer.flush(5)
            servers.wait_until(given_up, 30, "the broker gives the transaction up")
        commit(entries)

    producing._send_entries = late
    with pytest.raises(UnreachableError) as raised:
        writer.publish([run(topic, (b"1", b"too late"))], {POSITION_KEY: b"1"})
    assert "gave this producer up" in str(raised.value)
    writer.close()
    writer = own_pipeline.open().writer()
    assert POSITION_KEY not in writer.state()
    writer.publish([run(topic, (b"1", b"again"))], {POSITION_KEY: b"1"})
    assert values(read_to_end(reader)) == [b"again"]
    reader.close()
    writer.close()


def test_a_broker_that_hangs_is_waited_for_and_then_given_up(
    own_kafka: servers.Kafka, own_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, 4.0)
    topic = own_pipeline.table(USERS)
    writer = begin(own_pipeline, USERS)
    reader = reader_from_beginning(own_pipeline)
    writer.publish([run(topic, (b"1", b"before"))], {POSITION_KEY: b"1"})
    assert values(read_to_end(reader)) == [b"before"]
    # A short pause is nobody's concern.
    own_kafka.pause()
    timer = threading.Timer(1.5, own_kafka.resume)
    timer.start()
    writer.publish([run(topic, (b"1", b"through"))], {POSITION_KEY: b"2"})
    timer.join()
    assert values(read_to_end(reader)) == [b"through"]
    own_kafka.pause()
    try:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="no answer within 4 s"):
            writer.publish([run(topic, (b"1", b"lost"))], {POSITION_KEY: b"3"})
        assert time.monotonic() - began < 10
        writer.close()
        assert time.monotonic() - began < 15
    finally:
        own_kafka.resume()
    writer = own_pipeline.open().writer()
    # Whether the last one came through is for the broker to say; the two go together.
    assert [b"through", b"lost"][int(writer.state()[POSITION_KEY]) - 2] in (b"through", b"lost")
    expected = [b"lost"] if writer.state()[POSITION_KEY] == b"3" else []
    assert values(read_to_end(reader)) == expected
    reader.close()
    writer.close()


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(own_kafka: servers.Kafka, own_pipeline: Pipeline) -> None:
    topics = [own_pipeline.table(USERS)]
    writer = begin(own_pipeline, USERS)
    reader = reader_from_beginning(own_pipeline)
    number = 0
    errors = []

    def publish_until(last: int) -> None:
        nonlocal number, writer
        while number < last:
            try:
                writer.publish(batch(number + 1, topics), {STATE_KEY: b"%d" % (number + 1)})
                number += 1
            except UnreachableError as error:
                errors.append(error)
                writer.close()
                writer = own_pipeline.open().writer()
                number = int(writer.state().get(STATE_KEY, b"0"))

    publish_until(30)
    killer = threading.Timer(0.2, own_kafka.kill)
    killer.start()

    def relaunch() -> None:
        killer.join()
        own_kafka.relaunch()

    starter = threading.Thread(target=relaunch)
    starter.start()
    publish_until(400)
    starter.join(60)
    sent = [value for index in range(1, 401) for piece in batch(index, topics) for value in piece.values]
    deadline = time.monotonic() + 60
    seen: list[Event] = []
    while len(seen) < len(sent) and time.monotonic() < deadline:
        seen += events_of(reader, 0.5)
    assert values(seen) == sent
    reader.close()
    writer.close()


def test_a_reader_gives_up_a_broker_that_stays_away(
    own_kafka: servers.Kafka, own_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, 3.0)
    monkeypatch.setattr(tailrace_kafka.reader, "_DOUBT_SECONDS", 1.0)
    begin(own_pipeline, USERS).close()
    reader = reader_from_beginning(own_pipeline)
    own_kafka.shut_down()
    try:
        began = time.monotonic()
        error = failing(lambda: reader.poll(0.2, 1 << 20), UnreachableError)
        assert "no answer within 3 s" in str(error)
        assert time.monotonic() - began < 15
        with pytest.raises(UnreachableError):
            reader.ends()
        reader.close()
    finally:
        own_kafka.relaunch()


def test_a_queue_smaller_than_a_batch_is_waited_for(pipeline: Pipeline) -> None:
    pipeline.stream["kafka"].update({"queue.buffering.max.messages": "500"})
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    sent = [b"%d" % number for number in range(20_000)]
    writer.publish([Run(topic, [b"k"] * len(sent), list(sent))], {})
    reader = reader_from_beginning(pipeline)
    assert values(read(reader, len(sent))) == sent
    reader.close()
    writer.close()


def test_schema_records_come_no_later_than_their_events(pipeline: Pipeline) -> None:
    pipeline.stream["transactional"] = False
    writer = begin(pipeline)
    for number in range(20):
        table = f"t{number}"
        writer.publish([run(pipeline.table(table), (b"1", b"x"))], schema_record(pipeline, table))
    reader = reader_from_beginning(pipeline)
    assert len(reader.schemas()) == 20
    assert len(read_to_end(reader)) == 20
    reader.close()
    writer.close()
