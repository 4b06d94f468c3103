"""Which of several daemons writes a pipeline's Kafka stream: the newest one, and no other ever again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import tailrace_kafka.ledger
from tailrace.connectors import Context
from tailrace.errors import OwnershipLostError, UnreachableError
from tailrace.position import POSITION_KEY
from tailrace_kafka.cluster import Cluster
from tailrace_kafka.ledger import OWNER_KEY, LedgerReader, Owner
from tailrace_kafka.settings import KafkaStreamSettings
from tailrace_kafka.stream import KafkaStream
from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.servers import unique_name


@pytest.fixture(params=[True, False], ids=["transactional", "idempotent"])
def settings(request: pytest.FixtureRequest, kafka: servers.Kafka) -> KafkaStreamSettings:
    properties = {"bootstrap.servers": kafka.bootstrap}
    return KafkaStreamSettings.model_validate(
        {"connector": "kafka", "transactional": request.param, "kafka": properties}
    )


@pytest.fixture
def name() -> str:
    return unique_name("shop").replace("_", "-")


def stream(settings: KafkaStreamSettings, name: str, instance: str) -> KafkaStream:
    """As a worker process of the run `instance` makes it."""
    return KafkaStream(settings, Context(name, "cdc", Path(), instance=instance))


def test_a_run_that_was_taken_over_from_does_not_come_back(
    settings: KafkaStreamSettings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailrace_kafka.ledger, "_OWNER_SECONDS", 1.0)
    stream(settings, name, "older").writer().close()
    with closing(stream(settings, name, "newer").writer()) as newer:
        with pytest.raises(OwnershipLostError, match="another, newer daemon"):
            stream(settings, name, "older").writer()
        newer.publish([], {POSITION_KEY: b"1"})
    with closing(stream(settings, name, "newest").writer()) as newest:
        assert newest.state() == {POSITION_KEY: b"1"}
    for predecessor in ("older", "newer"):
        with pytest.raises(OwnershipLostError):
            stream(settings, name, predecessor).writer()
        # Its sinks would take their targets back from the newest one's.
        with pytest.raises(OwnershipLostError, match="another, newer daemon"):
            stream(settings, name, predecessor).reader("wh")
        stream(settings, name, predecessor).reader("").close()
    stream(settings, name, "newest").reader("wh").close()


def test_a_worker_that_was_restarted_is_still_the_owner(settings: KafkaStreamSettings, name: str) -> None:
    for number in range(3):
        with closing(stream(settings, name, "only").writer()) as writer:
            writer.publish([], {POSITION_KEY: b"%d" % number})
    with closing(stream(settings, name, "only").writer()) as writer:
        assert writer.state() == {POSITION_KEY: b"2"}


def test_a_predecessor_is_no_rival_where_our_own_record_is_slow(
    settings: KafkaStreamSettings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died long ago: who yields to it leaves the stream without an owner for good."""
    stream(settings, name, "dead").writer().close()
    usual = LedgerReader._enter

    def slow(reader: LedgerReader, key: str, value: bytes | None) -> None:
        if key != OWNER_KEY or value is None or Owner.from_json(value).instance == "dead":
            usual(reader, key, value)

    with monkeypatch.context() as patch:
        patch.setattr(tailrace_kafka.ledger, "_OWNER_SECONDS", 0.5)
        patch.setattr(LedgerReader, "_enter", slow)
        with pytest.raises(UnreachableError, match="does not arrive"):
            stream(settings, name, "ours").writer()
    stream(settings, name, "ours").writer().close()


def test_without_transactions_a_long_ledger_shows_no_predecessor_as_a_rival(kafka: servers.Kafka, name: str) -> None:
    properties = {"bootstrap.servers": kafka.bootstrap, "max.partition.fetch.bytes": "1024"}
    settings = KafkaStreamSettings.model_validate(
        {"connector": "kafka", "transactional": False, "kafka": {**properties, "linger.ms": "0"}}
    )
    with closing(stream(settings, name, "first").writer()) as first:
        for number in range(3_000):
            first.publish([], {POSITION_KEY: b"%d" % number})
    with closing(stream(settings, name, "second").writer()) as second:
        for number in range(100):
            second.publish([], {POSITION_KEY: b"%d" % number})


def test_the_older_of_two_daemons_leaves_and_the_newer_one_goes_on(
    postgres18: servers.Postgres, kafka: servers.Kafka, tmp_path: Path, name: str
) -> None:
    with postgres18.database("owners") as source:
        source.execute("CREATE TABLE t (id int PRIMARY KEY)")
        older, newer = (daemon(tmp_path / which, source.url, kafka, name) for which in ("older", "newer"))
        with started(older) as first:
            until(lambda: older.states().get("capture") == "streaming", 60, "the first one streams")
            with started(newer) as second:
                # It owns the stream from its start on; the slot is free once the older one's session has ended.
                until(lambda: bool(newer.states()), 30, "the second one runs")
                until(lambda: owner_is_child(kafka, name, second.pid), 30, "the second one owns the stream")
                source.execute(
                    "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                    " WHERE active_pid IS NOT NULL AND database = current_database()"
                )
                assert first.wait(60) == 6, older.log.read_text()[-3000:]
                until(lambda: newer.states().get("capture") == "streaming", 60, "the second one streams")
                source.execute("INSERT INTO t VALUES (1)")
                assert [event["value"]["op"] for event in newer.tail("--max", "1", "--timeout", "20")] == ["c"]
                assert second.poll() is None
                second.send_signal(signal.SIGTERM)
                assert second.wait(30) == 0
        assert newer.command("teardown", "--yes").code == 0


def daemon(folder: Path, url: str, kafka: servers.Kafka, name: str) -> PipelineFile:
    folder.mkdir()
    return PipelineFile(folder, text.pipeline(folder, text.source(url), text.kafka(kafka.bootstrap), name=name))


@contextmanager
def started(pipeline: PipelineFile) -> Iterator[subprocess.Popen[bytes]]:
    with pipeline.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tailrace.cli", "run", str(pipeline.path)], stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def owner_is_child(kafka: servers.Kafka, name: str, pid: int) -> bool:
    """Whether the stream's owner is a process that this one has started."""
    settings = KafkaStreamSettings.model_validate(
        {"connector": "kafka", "kafka": {"bootstrap.servers": kafka.bootstrap}}
    )
    onlooker = stream(settings, name, "")
    cluster = Cluster(onlooker._properties)
    cluster.connect()
    try:
        with closing(LedgerReader(onlooker._properties, cluster, [onlooker._ledger.positions])) as ledger:
            ledger.read_to_end()
            owner = ledger.owner
    finally:
        cluster.close()
    if owner is None or not os.path.exists(f"/proc/{owner.pid}"):
        return False
    return int(Path(f"/proc/{owner.pid}/stat").read_text().rpartition(")")[2].split()[1]) == pid
