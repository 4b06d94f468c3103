"""What Kafka or its settings refuse, by name."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

import tailrace_kafka.cluster
import tailrace_kafka.producing
import tailrace_kafka.reader
import tailrace_kafka.writer
from tailrace.errors import ConfigError, RefusedError, StuckError, UnreachableError
from tailrace.position import POSITION_KEY
from tests import servers
from tests.integration.test_stream_conformance import begin, reader_from_beginning
from tests.streams import Pipeline, read_to_end, run
from tests.streams.kafka import USERS, make_pipeline, values


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"acks": "1"}, '"acks" = "1": an acknowledged event could be lost'),
        ({"retries": "0"}, '"retries" = "0": an event whose answer was lost'),
        ({"no.such.property": "1"}, 'No such configuration property: "no.such.property"'),
        ({"linger.ms": "soon"}, "Invalid value for configuration property"),
        ({"max.in.flight": "10"}, "max.in.flight"),
        ({"message.max.bytes": "${UNIT_MB}"}, '"message.max.bytes" must be a whole number of bytes'),
    ],
)
def test_a_property_that_cannot_be_is_a_config_error(
    pipeline: Pipeline, properties: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNIT_MB", "1MB")
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
    for seconds, attempt in ((2.0, stream.writer), (1.0, lambda: stream.reader("one")), (1.0, stream.size)):
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
    # Of a transaction that goes on its end alone tells, in a call without the event.
    writer.publish([run(topic, (b"2", large))], {}, more=True)
    writer.publish([run(topic, (b"1", b"x"))], {}, more=True)
    with pytest.raises(StuckError, match=rf"topic {topic}: an event of 200,001 bytes .*max\.message\.bytes"):
        writer.publish([], {POSITION_KEY: b"1"})
    writer.close()
    writer = pipeline.open().writer()
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
