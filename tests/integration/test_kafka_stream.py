"""The Kafka stream's own side: partitions, refusals, lost and foreign topics, rival daemons, brokers that go away."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewPartitions

import tailrace_kafka.cluster
import tailrace_kafka.producing
import tailrace_kafka.reader
import tailrace_kafka.writer
from tailrace.batch import Run
from tailrace.connectors import Context
from tailrace.errors import (
    ConfigError,
    DataLossError,
    OwnershipLostError,
    RefusedError,
    StuckError,
    TailraceError,
    UnreachableError,
)
from tailrace.position import POSITION_KEY
from tailrace.stream import Partition
from tailrace_kafka.settings import KafkaStreamSettings
from tailrace_kafka.stream import KafkaStream
from tests import servers
from tests.integration.test_stream_conformance import begin, publisher, reader_from_beginning, schema_record
from tests.servers import unique_name, wait_until
from tests.streams import DEADLINE, Event, Pipeline, events_of, read, read_to_end, read_until, run
from tests.streams.publisher import STATE_KEY, batch

USERS = "users"


def make_pipeline(bootstrap: str, folder: Path, **properties: Any) -> Pipeline:
    name = unique_name("shop").replace("_", "-")
    table = {"connector": "kafka", "kafka": {"bootstrap.servers": bootstrap, **properties}}
    return Pipeline(name, folder, table, sinks=("one",))


@pytest.fixture
def pipeline(kafka: servers.Kafka, tmp_path: Path) -> Pipeline:
    return make_pipeline(kafka.bootstrap, tmp_path)


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


def values(events: list[Event]) -> list[bytes | None]:
    return [event.value for event in events]


# ---- where records go


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


def servers_consumer(kafka: servers.Kafka, group: str) -> Any:
    from confluent_kafka import Consumer

    return Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "log_level": 0})


# ---- without transactions


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


# ---- refusals


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"acks": "1"}, '"acks" = "1": an acknowledged event could be lost'),
        ({"retries": "0"}, '"retries" = "0": an event whose answer was lost'),
        ({"no.such.property": "1"}, 'No such configuration property: "no.such.property"'),
        ({"linger.ms": "soon"}, "Invalid value for configuration property"),
        ({"max.in.flight": "10"}, "max.in.flight"),
    ],
)
def test_a_property_that_cannot_be_is_a_config_error(pipeline: Pipeline, properties: dict[str, str], told: str) -> None:
    pipeline.stream["kafka"].update(properties)

    def open_writer() -> None:
        pipeline.open().writer()

    with pytest.raises(ConfigError) as raised:
        open_writer()
    assert told in str(raised.value)
    assert "[stream.kafka]" in str(raised.value)


def test_an_unreachable_broker_is_told_within_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = make_pipeline("127.0.0.1:1", tmp_path)
    stream = pipeline.open()
    for seconds, attempt in ((10.0, stream.writer), (1.0, lambda: stream.reader("one")), (1.0, stream.size)):
        monkeypatch.setattr(tailrace_kafka.cluster, "CONNECT_SECONDS", seconds)
        began = time.monotonic()
        told = rf"Kafka at 127\.0\.0\.1:1: no answer within {seconds:g} s: .*Connection refused"
        with pytest.raises(UnreachableError, match=told):
            attempt()
        assert time.monotonic() - began < seconds + 5
    (finding,) = stream.check()
    assert finding.ok is False
    assert "Connection refused" in finding.detail


def test_a_wrong_password_is_refused_at_once(tmp_path: Path) -> None:
    sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "tailrace"}
    with SaslKafka(SaslKafka.settings).start() as kafka:
        right = make_pipeline(kafka.bootstrap, tmp_path, **sasl, **{"sasl.password": "right-secret"})
        assert all(finding.ok for finding in right.open().check())
        right.open().writer().close()
        wrong = make_pipeline(kafka.bootstrap, tmp_path, **sasl, **{"sasl.password": "wrong-secret"})
        for attempt in (wrong.open().writer, lambda: wrong.open().reader("one")):
            began = time.monotonic()
            with pytest.raises(RefusedError, match="Authentication failed") as raised:
                attempt()
            assert time.monotonic() - began < 8
            assert "sasl" in raised.value.fix
            assert "secret" not in str(raised.value)


class SaslKafka(servers.Kafka):
    """A broker that wants a user and a password."""

    _JAAS = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        'username="admin" password="admin" user_admin="admin" user_tailrace="right-secret";'
    )
    settings: dict[str, Any] = {  # noqa: RUF012
        "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.name.plaintext.plain.sasl.jaas.config": _JAAS,
    }

    def admin(self) -> Any:
        if self._admin is None:
            from confluent_kafka.admin import AdminClient

            self._admin = AdminClient(
                {
                    "bootstrap.servers": self.bootstrap,
                    "security.protocol": "SASL_PLAINTEXT",
                    "sasl.mechanism": "PLAIN",
                    "sasl.username": "admin",
                    "sasl.password": "admin",
                    "log_level": 0,
                }
            )
        return self._admin


@pytest.mark.parametrize("transactional", [True, False])
def test_an_event_larger_than_its_topic_takes_is_named(
    pipeline: Pipeline, kafka: servers.Kafka, transactional: bool
) -> None:
    pipeline.stream["transactional"] = transactional
    topic = pipeline.table(USERS)
    kafka.create_topic(topic, config={"max.message.bytes": "100000"})
    writer = begin(pipeline, USERS)
    large = os.urandom(200_000)
    with pytest.raises(StuckError, match=rf"topic {topic}: an event of 200,001 bytes .*max\.message\.bytes"):
        writer.publish([run(topic, (b"1", b"x"), (b"2", large))], {POSITION_KEY: b"1"})
    with pytest.raises(UnreachableError, match="closed"):
        writer.publish([run(topic, (b"1", b"x"))], {POSITION_KEY: b"1"})
    writer.close()
    writer = pipeline.open().writer()
    assert POSITION_KEY not in writer.state()
    with pytest.raises(StuckError, match=r"limits\.memory"):
        writer.publish([run(topic, (b"2", os.urandom(pipeline.memory // 4)))], {})
    reader = reader_from_beginning(pipeline)
    # Without transactions what was in another request than the large one may be there.
    assert set(values(read_to_end(reader))) <= (set() if transactional else {b"x"})
    reader.close()
    writer.close()


def test_more_replicas_than_brokers_are_refused(pipeline: Pipeline) -> None:
    pipeline.stream["replication_factor"] = 3
    finding = next(finding for finding in pipeline.open().check() if finding.ok is False)
    assert "there are 1 brokers" in finding.detail
    with pytest.raises(RefusedError, match=r"stream\.replication_factor"):
        pipeline.open().writer()


def test_positions_that_retention_would_delete_are_refused(pipeline: Pipeline, kafka: servers.Kafka) -> None:
    kafka.create_topic(f"{pipeline.name}.__positions", config={"cleanup.policy": "delete"})
    with pytest.raises(RefusedError, match=r"cleanup\.policy=delete"):
        pipeline.open().writer()
    refused = [finding.detail for finding in pipeline.open().check() if finding.ok is False]
    assert [detail.split()[0] for detail in refused] == [f"{pipeline.name}.__positions"]


# ---- topics that change


def delete_topic(kafka: servers.Kafka, topic: str) -> None:
    (deleted,) = kafka.admin().delete_topics([topic]).values()
    deleted.result(DEADLINE)
    wait_until(lambda: topic not in kafka.topics(), DEADLINE, f"{topic} is gone")


def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the topics at each turn."""
    for module in (tailrace_kafka.writer, tailrace_kafka.reader):
        monkeypatch.setattr(module, "_TOPICS_SECONDS", 0.0)


def failing(action: Callable[[], object], kind: type[TailraceError]) -> TailraceError:
    """The error with which this ends, sooner or later."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            action()
        except kind as error:
            return error
    raise AssertionError(f"no {kind.__name__} within {DEADLINE:g} s")


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
    pipeline: Pipeline, kafka: servers.Kafka, monkeypatch: pytest.MonkeyPatch
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
    pipeline.mode = "cdc"
    late = reader_from_beginning(pipeline)
    assert len(read_to_end(late)) == 5
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


# ---- rivals and faults


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

    def late(entries: Any) -> None:
        entries = list(entries)
        if entries:
            producing._producer.flush(5)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                producing._producer.poll(0.1)
        commit(entries)

    producing._send_entries = late
    with pytest.raises(UnreachableError) as raised:
        writer.publish([run(topic, (b"1", b"too late"))], {POSITION_KEY: b"1"})
    assert "gave this producer up" in str(raised.value)
    writer.close()
    writer = own_pipeline.open().writer()
    assert POSITION_KEY not in writer.state()
    writer.publish([run(topic, (b"1", b"again"))], {POSITION_KEY: b"1"})
    reader = reader_from_beginning(own_pipeline)
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
