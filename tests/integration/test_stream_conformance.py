"""What every stream promises, on the embedded one and on Kafka."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.batch import Run
from tailrace.errors import OwnershipLostError
from tailrace.position import POSITION_KEY, schema_key
from tailrace.stream import Partition, StreamReader
from tests.servers import unique_name, wait_until
from tests.streams import (
    DEADLINE,
    Event,
    Pipeline,
    contents,
    control,
    events_of,
    reached,
    read,
    read_to_end,
    read_until,
    run,
)
from tests.streams.publisher import STATE_KEY, batch

USERS, ORDERS = "users", "orders"


@pytest.fixture(params=["embedded", "kafka"])
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> Pipeline:
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    name = unique_name("shop").replace("_", "-")
    if request.param == "embedded":
        return Pipeline(name, state_dir, {"connector": "embedded"}, sinks=("one", "two"))
    kafka = request.getfixturevalue("kafka")
    table = {"connector": "kafka", "partitions": 1, "kafka": {"bootstrap.servers": kafka.bootstrap}}
    return Pipeline(name, state_dir, table, sinks=("one", "two"))


@pytest.fixture
def publishers(pipeline: Pipeline) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait(DEADLINE)


def publisher(pipeline: Pipeline, topics: list[str], stderr: int | None = None) -> subprocess.Popen[bytes]:
    fields = {
        "name": pipeline.name,
        "state_dir": str(pipeline.state_dir),
        "stream": pipeline.stream,
        "sinks": list(pipeline.sinks),
        "topics": topics,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.streams.publisher", json.dumps(fields)],
        cwd=Path(__file__).parents[2],
        stderr=stderr,
    )


def schema_record(pipeline: Pipeline, table: str, schema_id: int = 1) -> dict[str, bytes | None]:
    """What makes a topic known to readers."""
    topic = pipeline.table(table)
    record = {
        "schema_id": schema_id,
        "topic": topic,
        "db": "app",
        "schema": None,
        "table": table,
        "since": "",
        "columns": [{"id": 1, "name": "id", "kind": "integer", "type": "bigint", "nullable": False, "key": 1}],
    }
    return {schema_key(topic, schema_id): json.dumps(record).encode()}


def begin(pipeline: Pipeline, *tables: str) -> Any:
    """A writer whose topics are there and known."""
    writer = pipeline.open().writer()
    writer.prepare([pipeline.table(table) for table in tables])
    records = [schema_record(pipeline, table) for table in tables]
    writer.publish([], {key: value for record in records for key, value in record.items()})
    return writer


def reader_from_beginning(pipeline: Pipeline, consumer: str = "one") -> StreamReader:
    reader = pipeline.open().reader(consumer)
    reader.seek({})
    return reader


# ---- content


def test_events_arrive_as_they_left_and_in_order(pipeline: Pipeline) -> None:
    users, orders = pipeline.table(USERS), pipeline.table(ORDERS)
    writer = begin(pipeline, USERS, ORDERS)
    sent = [
        run(users, (b'{"id":1}', b'{"op":"c"}'), (b'{"id":1}', b'{"op":"d"}'), (b'{"id":1}', None)),
        run(orders, (None, b'{"op":"c"}'), (b"", b"")),
        run(users, (b"\xff\x00", "ünï".encode()), (b'{"id":1}', b"x" * 300_000)),
    ]
    writer.publish(sent[:1], {})
    writer.publish(sent[1:], {})
    reader = reader_from_beginning(pipeline)
    events = read(reader, 7)
    for topic in (users, orders):
        expected = [(topic, key, value) for piece in sent if piece.topic == topic for key, value in piece]
        assert [event for event in contents(events) if event[0] == topic] == expected
    if reader.total_order:
        assert contents(events) == [(piece.topic, key, value) for piece in sent for key, value in piece]
    offsets: dict[Partition, int] = {}
    for event in events:
        assert event.offset >= offsets.get(event.partition, 0)
        offsets[event.partition] = event.offset + 1
    reader.close()
    writer.close()


def test_a_transaction_of_several_calls_is_seen_whole_or_not_at_all(pipeline: Pipeline) -> None:
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    reader = reader_from_beginning(pipeline)
    writer.publish([run(topic, (b"1", b"one"))], {"table:x": b"met"}, more=True)
    writer.publish([run(topic, (b"2", b"two"))], {}, more=True)
    assert reader.poll(0.5, 1 << 20) == []
    assert POSITION_KEY not in reader.state()
    writer.publish([], {POSITION_KEY: b"2"})
    assert [event.value for event in read(reader, 2)] == [b"one", b"two"]
    assert (reader.state()[POSITION_KEY], reader.state()["table:x"]) == (b"2", b"met")
    # The next one is given up in the middle: its events, and its entries, never were.
    writer.publish([run(topic, (b"3", b"lost"))], {"table:y": b"lost"}, more=True)
    writer.close()
    again = pipeline.open().writer()
    assert {key for key in again.state() if key in (POSITION_KEY, "table:x", "table:y")} == {POSITION_KEY, "table:x"}
    again.publish([run(topic, (b"3", b"three"))], {})
    assert [event.value for event in read(reader, 1)] == [b"three"]
    reader.close()
    again.close()


def test_state_and_schemas_outlive_the_writer(pipeline: Pipeline) -> None:
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    for number in range(12):
        writer.publish([run(topic, (b"k", b"%d" % number))], {POSITION_KEY: b"%d" % number, "load:x": b"gone"})
    versions = [schema_record(pipeline, USERS, number) for number in range(2, 12)]
    for record in versions:
        writer.publish([], record)
    writer.publish([], {"load:x": None, "table:x": b"\x00\xff"})
    expected = {POSITION_KEY: b"11", "table:x": b"\x00\xff"}
    for record in [schema_record(pipeline, USERS), *versions]:
        expected.update({key: value for key, value in record.items() if value is not None})
    assert writer.state() == expected
    writer.close()
    again = pipeline.open().writer()
    assert again.state() == expected
    reader = reader_from_beginning(pipeline)
    assert reader.state() == expected
    assert [json.loads(record)["schema_id"] for record in reader.schemas()] == list(range(1, 12))
    # Records that come later are found too.
    again.publish([], schema_record(pipeline, USERS, 12))
    assert json.loads(reader.schemas()[-1])["schema_id"] == 12
    reader.close()
    again.close()


def test_a_reader_that_is_there_first_finds_everything(pipeline: Pipeline) -> None:
    early = reader_from_beginning(pipeline)
    assert early.poll(0.2, 1 << 20) == []
    assert early.schemas() == []
    writer = begin(pipeline, USERS)
    writer.publish([run(pipeline.table(USERS), (b"1", b"one"))], {})
    assert contents(read(early, 1)) == [(pipeline.table(USERS), b"1", b"one")]
    # A topic that comes while it reads, with its schema in the same transaction as its first event.
    writer.prepare([pipeline.table(ORDERS)])
    began = time.monotonic()
    writer.publish([run(pipeline.table(ORDERS), (b"2", b"two"))], schema_record(pipeline, ORDERS))
    assert contents(read(early, 1)) == [(pipeline.table(ORDERS), b"2", b"two")]
    assert time.monotonic() - began < 3
    assert set(early.partitions()) == set(early.positions()) == set(early.ends())
    early.close()
    writer.close()


def test_consumers_are_independent_and_read_on_where_told(pipeline: Pipeline) -> None:
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    for number in range(20):
        writer.publish([run(topic, *((b"%d" % place, b"%d.%d" % (number, place)) for place in range(5)))], {})
    one = reader_from_beginning(pipeline)
    everything = read(one, 100)
    assert [event.value for event in everything] == [b"%d.%d" % (n, p) for n in range(20) for p in range(5)]
    two = pipeline.open().reader("two")
    middle = everything[42]
    two.seek({middle.partition: middle.offset})
    assert read(two, 58) == everything[42:]
    two.commit(two.positions())
    # Back, forth, and where it was, as a sink does whose transaction failed.
    two.seek({middle.partition: everything[7].offset})
    assert read_until(two, lambda events: len(events) >= 10)[:10] == everything[7:17]
    two.seek(one.positions())
    assert two.poll(0.2, 1 << 20) == []
    onlooker = reader_from_beginning(pipeline, "")
    assert read(onlooker, 100) == everything
    for reader in (one, two, onlooker):
        reader.close()
    writer.close()


def test_positions_reach_the_ends_when_nothing_is_left(pipeline: Pipeline) -> None:
    writer = begin(pipeline, USERS, ORDERS)
    reader = reader_from_beginning(pipeline)
    assert read_to_end(reader) == []
    for number in range(5):
        writer.publish([run(pipeline.table(USERS), (b"1", b"%d" % number))], {POSITION_KEY: b"1"})
        assert not reached(reader.positions(), reader.ends())
        assert len(read_to_end(reader)) == 1
    # Positions move alone too, and transactions without events move nothing that a reader must reach.
    writer.publish([], {POSITION_KEY: b"2"})
    assert read_to_end(reader) == []
    # A reader that begins at the end is there already.
    late = pipeline.open().reader("two")
    late.seek(reader.ends())
    assert read_to_end(late) == []
    assert late.positions() == reader.ends()
    late.close()
    reader.close()
    writer.close()


def test_bytes_behind_are_told_and_are_0_at_the_end_only(pipeline: Pipeline) -> None:
    users, orders = pipeline.table(USERS), pipeline.table(ORDERS)
    writer = begin(pipeline, USERS, ORDERS)
    reader = reader_from_beginning(pipeline)
    assert set(reader.lag_bytes(reader.positions(), reader.ends()).values()) <= {0}
    # What is read first tells a stream that does not know how large its records are.
    writer.publish([run(users, *((b"%d" % n, b"u" * 500) for n in range(100)))], {})
    assert len(read_to_end(reader)) == 100

    def at_the_end() -> bool:
        """The marker that ends a transaction takes an offset too, and may come a moment after its records."""
        assert reader.poll(0.1, 1 << 20) == []
        return dict(reader.positions()) == dict(reader.ends())

    wait_until(at_the_end, 10, "the reader is at the stream's end")
    start = dict(reader.positions())
    assert set(reader.lag_bytes(start, reader.ends()).values()) == {0}
    writer.publish([run(users, *((b"%d" % n, b"u" * 500) for n in range(100)))], {})
    writer.publish([run(users, (b"1", b"u" * 500)), run(orders, (b"2", b"o"))], {})
    ends = reader.ends()
    behind = reader.lag_bytes(start, ends)
    assert behind.keys() == ends.keys()
    of_users = sum(size for partition, size in behind.items() if partition.topic in (users, ""))
    assert of_users == pytest.approx(101 * 502, rel=0.1)
    if not reader.total_order:
        assert behind[Partition(orders, 0)] > 0
    # Nothing was read for it, and reading on brings it down.
    assert reader.positions() == start
    assert len(read(reader, 102)) == 102
    half = {
        partition: start.get(partition, 0) + (end - start.get(partition, 0)) // 2 for partition, end in ends.items()
    }
    assert 0 < sum(reader.lag_bytes(half, ends).values()) <= sum(behind.values())
    assert read_to_end(reader) == []
    assert set(reader.lag_bytes(reader.positions(), reader.ends()).values()) == {0}
    assert sum(reader.lag_bytes({}, ends).values()) > sum(behind.values()), "without positions: from the beginning"
    reader.close()
    writer.close()


def test_pausing_leaves_a_partition_out(pipeline: Pipeline) -> None:
    writer = begin(pipeline, USERS)
    topic = pipeline.table(USERS)
    writer.publish([run(topic, *((b"%d" % n, b"v") for n in range(10)))], {})
    reader = reader_from_beginning(pipeline)
    events = read(reader, 10)
    (partition,) = {event.partition for event in events}
    position = reader.positions()[partition]
    reader.pause(partition)
    writer.publish([run(topic, (b"late", b"v"))], {})
    assert reader.poll(0.3, 1 << 20) == []
    assert reader.positions()[partition] == position
    reader.resume(partition)
    assert [event.key for event in read(reader, 1)] == [b"late"]
    reader.close()
    writer.close()


def test_the_stream_has_one_identity(pipeline: Pipeline) -> None:
    writer = begin(pipeline, USERS)
    one, two = reader_from_beginning(pipeline), reader_from_beginning(pipeline, "two")
    assert one.stream_id
    assert one.stream_id == two.stream_id
    assert one.partitions() == two.partitions()
    assert all(one.partitions().values())
    one.close()
    two.close()
    writer.close()


# ---- much of it


def test_a_large_batch_is_read_in_bounded_pieces(pipeline: Pipeline) -> None:
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    events = 100_000
    keys: list[bytes | None] = [b'{"id":%d}' % number for number in range(events)]
    noise = [random.randbytes(150).hex().encode() for _ in range(1000)]  # as compressible as rows are
    values: list[bytes | None] = [
        b'{"pad":"%s%0400d"}' % (noise[number * 7 % 1000], number) for number in range(events)
    ]
    writer.publish([Run(topic, keys, values)], {POSITION_KEY: b"1"})
    reader = reader_from_beginning(pipeline)
    limit = 4 << 20
    got, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    deadline = time.monotonic() + DEADLINE
    while got < events:
        assert time.monotonic() < deadline
        for piece in reader.poll(1, limit):
            assert piece.bytes < 2 * limit
            for part in piece.runs:
                assert part.keys == keys[got : got + len(part)]
                assert part.values == values[got : got + len(part)]
                got += len(part)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < (pipeline.memory >> 10), "KiB"
    assert read_to_end(reader) == []
    reader.close()
    writer.close()


def test_reading_while_writing(pipeline: Pipeline) -> None:
    writer = begin(pipeline, USERS)
    topic = pipeline.table(USERS)
    batches, size = 150, 40

    def write() -> None:
        for number in range(batches):
            pairs = ((b"%d" % place, b"%d" % (number * size + place)) for place in range(size))
            writer.publish([run(topic, *pairs)], {POSITION_KEY: b"%d" % number})

    thread = threading.Thread(target=write)
    readers = [reader_from_beginning(pipeline), reader_from_beginning(pipeline, "two")]
    thread.start()
    for reader in readers:
        events = read_until(reader, lambda events: len(events) >= batches * size, limit_bytes=5_000)
        assert [event.value for event in events] == [b"%d" % number for number in range(batches * size)]
        reader.close()
    thread.join(DEADLINE)
    writer.close()


# ---- crashes and rivals


def test_a_killed_writer_leaves_whole_batches_and_its_successor_goes_on(
    pipeline: Pipeline, publishers: list[subprocess.Popen[bytes]]
) -> None:
    topics = [pipeline.table(USERS), pipeline.table(ORDERS)]
    begin(pipeline, USERS, ORDERS).close()
    onlooker = reader_from_beginning(pipeline)
    seen: list[Event] = []
    for _ in range(4):
        process = publisher(pipeline, topics)
        publishers.append(process)
        seen += read_until(onlooker, lambda events: len(events) >= 2_000)
        # At any moment, so at another one each time.
        deadline = time.monotonic() + random.uniform(0, 0.05)
        while time.monotonic() < deadline:
            seen += events_of(onlooker, 0.002)
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
        # What the stream holds now is what the next writer will go on from.
    writer = pipeline.open().writer()
    last = int(writer.state()[STATE_KEY])
    seen += read_to_end(onlooker)
    expected = [piece for number in range(1, last + 1) for piece in batch(number, topics)]
    for topic in topics:
        sent = [value for piece in expected if piece.topic == topic for value in piece.values]
        assert [event.value for event in seen if event.topic == topic] == sent
    # A reader that begins now sees the same.
    late = reader_from_beginning(pipeline, "two")
    assert Counter(contents(read_to_end(late))) == Counter(contents(seen))
    late.close()
    onlooker.close()
    writer.close()


def test_readers_do_without_a_writer(pipeline: Pipeline, publishers: list[subprocess.Popen[bytes]]) -> None:
    if pipeline.kind == "kafka":  # nobody ends the transaction that the killed one may leave open but the broker
        pipeline.stream["kafka"]["transaction.timeout.ms"] = "5000"
    topics = [pipeline.table(USERS)]
    begin(pipeline, USERS).close()
    process = publisher(pipeline, topics)
    publishers.append(process)
    first = reader_from_beginning(pipeline)
    read_until(first, lambda events: len(events) >= 500)
    process.send_signal(signal.SIGKILL)
    process.wait(DEADLINE)
    # Nobody tidied up after the writer: the next one to look is a reader.
    reader = reader_from_beginning(pipeline, "two")
    state = int(reader.state()[STATE_KEY])
    events = wait_until(lambda: _whole(reader, state), DEADLINE, "all batches are read")
    assert len(events) == sum(len(piece) for number in range(1, state + 1) for piece in batch(number, topics))
    first.close()
    reader.close()


def _whole(reader: StreamReader, last: int) -> list[Event]:
    reader.seek({})
    events = read_to_end(reader)
    return events if events and json.loads(events[-1].value or b"{}")["batch"] == last else []


def test_of_two_writers_one_gives_way(pipeline: Pipeline) -> None:
    topic = pipeline.table(USERS)
    older = begin(pipeline, USERS)
    older.publish([run(topic, (b"1", b"older"))], {POSITION_KEY: b"1"})
    if pipeline.kind == "embedded":
        with pytest.raises(OwnershipLostError, match=f"process {os.getpid()} "):
            pipeline.open().writer()
        older.publish([run(topic, (b"2", b"newer"))], {POSITION_KEY: b"2"})
        writer = older
    else:
        writer = pipeline.open().writer()
        assert writer.state()[POSITION_KEY] == b"1"
        with pytest.raises(OwnershipLostError, match="another"):
            older.publish([run(topic, (b"1", b"zombie"))], {POSITION_KEY: b"zombie"})
        older.close()
        writer.publish([run(topic, (b"2", b"newer"))], {POSITION_KEY: b"2"})
    reader = reader_from_beginning(pipeline)
    assert [event.value for event in read_to_end(reader)] == [b"older", b"newer"]
    assert reader.state()[POSITION_KEY] == b"2"
    reader.close()
    writer.close()


# ---- the rest of the protocol


def test_a_control_event_stands_in_every_partition(pipeline: Pipeline) -> None:
    if pipeline.kind == "kafka":
        pipeline.stream["partitions"] = 3
    topic = pipeline.table(USERS)
    writer = begin(pipeline, USERS)
    keys = [b'{"id":%d}' % number for number in range(30)]
    writer.publish([run(topic, *((key, b"before") for key in keys)), control(topic, b"truncate")], {})
    writer.publish([run(topic, *((key, b"after") for key in keys))], {})
    reader = reader_from_beginning(pipeline)
    partitions = reader.partitions()
    assert len(partitions) == (3 if pipeline.kind == "kafka" else 1)
    assert reader.total_order == (pipeline.kind == "embedded")
    events = read(reader, 60 + len(partitions))
    for partition in partitions:
        values = [event.value for event in events if event.partition == partition]
        index = values.index(b"truncate")
        assert set(values[:index]) == {b"before"}
        assert set(values[index + 1 :]) == {b"after"}
    assert {event.key for event in events if event.value == b"truncate"} == {None}
    reader.close()
    writer.close()


def test_its_size_is_told_and_it_is_checked(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    assert all(finding.ok for finding in stream.check()), stream.check()
    writer = begin(pipeline, USERS)
    writer.publish([run(pipeline.table(USERS), *((b"%d" % n, b"v") for n in range(10)))], {})
    size = stream.size()
    assert (size.bytes > 0) == (pipeline.kind == "embedded"), "Kafka tells its clients no bytes"
    assert sum(size.partitions.values()) >= 10
    assert all(finding.ok for finding in stream.check()), stream.check()
    writer.close()


def test_teardown_names_what_goes_and_leaves_no_state(pipeline: Pipeline) -> None:
    writer = begin(pipeline, USERS)
    writer.publish([run(pipeline.table(USERS), (b"1", b"one"))], {POSITION_KEY: b"1"})
    writer.close()
    stream = pipeline.open()
    named = stream.teardown(dry_run=True)
    assert named
    assert pipeline.open().reader("").state()[POSITION_KEY] == b"1"
    assert stream.teardown(dry_run=False) == named
    wait_until(lambda: not stream.teardown(dry_run=True), DEADLINE, "everything is gone")
    writer = pipeline.open().writer()
    assert writer.state() == {}
    writer.close()
