"""A target is away, or a topic too small, while much is streamed: the stream keeps what it may, nothing is skipped."""

from __future__ import annotations

import json
import os
import sqlite3
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from tailrace.capture.session import TRANSACTION_BYTES
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.peaks import Peaks
from tests.servers import Database, Kafka
from tests.servers.process import free_port

BOUND = 4 << 20
MOST_MB = 130


def test_a_full_stream_pauses_capture_and_names_the_sink_that_keeps_it_full(
    mariadb: Any, postgres18: Any, tmp_path: Path
) -> None:
    lite, port = tmp_path / "target.db", free_port()
    with mariadb.database("src") as source, postgres18.database("dst") as pg:
        source.execute("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(2000))")
        pipeline = PipelineFile(
            tmp_path,
            text.pipeline(
                tmp_path,
                text.source(source.url),
                '[stream]\nretain = "1s"\nretain_bytes = "4MiB"\n',
                text.sink("pg", pg.url),
                text.sink("lite", f"sqlite:///{lite}"),
                f'[http]\nlisten = "127.0.0.1:{port}"\n',
            ),
        )
        with pipeline.running() as supervisor, Peaks(pipeline, supervisor.pid) as peaks:
            until(lambda: set(pipeline.states().values()) == {"streaming"}, 60, "all is well")
            source.execute(hashes(1))
            until(lambda: held(pg) == source.value("SELECT count(*) FROM t"), 30, "the rows are in the target")
            with away(pg):
                while "capture" not in errors(pipeline):  # 1 MB, in a transaction of its own
                    source.execute(hashes(500))
                written = source.value("SELECT count(*) FROM t")
                # A sink says once a second how far it is: until then the other one is named too.
                told = "bytes that pg did not consume yet, retain_bytes is 4,194,304"
                until(lambda: told in errors(pipeline).get("capture", ""), 10, "status names the sink")
                assert pipeline.states()["capture"] == "paused"
                until(lambda: "pg is " in unwell(port), 30, "health says that a sink is away")
                assert "did not consume yet" in pipeline.command("status").stdout
                until(lambda: held(lite) > 1000, 30, "the other sink has what the stream took")
                # Beyond its bound it has one transaction of its own, in the segment and in its write-ahead log.
                assert stream_bytes(tmp_path) < BOUND + 2 * TRANSACTION_BYTES
                source.execute(hashes(500))
            until(lambda: held(pg) == held(lite) == written + 500, 60, "all arrives once the target is back")
            until(lambda: not errors(pipeline), 30, "and all is well")
            assert {name: mb for name, mb in peaks.mb.items() if mb > MOST_MB} == {}
        verified = pipeline.command("verify")
        assert verified.code == 0, verified.stdout
        assert pipeline.command("teardown", "--yes").code == 0


def test_what_retention_took_before_a_sink_had_it_is_named_and_stops_that_sink_alone(
    postgres18: Any, kafka: Kafka, tmp_path: Path
) -> None:
    lite = tmp_path / "target.db"
    with postgres18.database("src") as source, postgres18.database("dst") as pg:
        source.execute("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)")
        pipeline = PipelineFile(
            tmp_path,
            text.pipeline(
                tmp_path,
                text.source(source.url),
                text.kafka(kafka.bootstrap),
                text.sink("pg", pg.url),
                text.sink("lite", f"sqlite:///{lite}"),
            ),
        )
        topic = f"{name(pipeline)}.public.t"
        with pipeline.running():
            until(lambda: set(pipeline.states().values()) == {"streaming"}, 60, "all is well")
            source.execute("INSERT INTO t SELECT n, 'before' FROM generate_series(1, 100) n")
            until(lambda: held(pg) == held(lite) == 100, 30, "the rows are in the targets")
            with away(pg):
                source.execute("INSERT INTO t SELECT n, 'lost' FROM generate_series(101, 200) n")
                until(lambda: held(lite) == 200, 30, "the other sink has them")
                (done,) = kafka.admin().delete_records([TopicPartition(topic, 0, 150)]).values()
                done.result(30)
                source.execute("INSERT INTO t SELECT n, 'kept' FROM generate_series(201, 300) n")
                until(lambda: held(lite) == 300, 30, "the other sink goes on")
            until(lambda: pipeline.states().get("pg") == "failed", 60, "the sink is given up")
            assert "but only records from 150 on are kept" in errors(pipeline)["pg"]
            assert "only a new full load makes the target whole" in errors(pipeline)["pg"]
            assert pipeline.command("status").code == 4
            source.execute("INSERT INTO t VALUES (301, 'kept')")
            until(lambda: held(lite) == 301, 30, "the other sink still goes on")
            assert held(pg) == 100, "it has jumped over nothing"
        assert pipeline.command("teardown", "--yes").code == 0


def test_an_event_that_the_topic_does_not_take_is_named_and_comes_once_it_does(
    mysql: Any, kafka: Kafka, tmp_path: Path
) -> None:
    lite = tmp_path / "target.db"
    with mysql.database("src") as source:
        source.execute("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)")
        pipeline = PipelineFile(
            tmp_path,
            text.pipeline(
                tmp_path, text.source(source.url), text.kafka(kafka.bootstrap), text.sink("lite", f"sqlite:///{lite}")
            ),
        )
        with pipeline.running():
            until(lambda: set(pipeline.states().values()) == {"streaming"}, 60, "all is well")
            source.execute("INSERT INTO t (v) VALUES (%s)", (os.urandom(1_500_000).hex(),))
            source.execute("INSERT INTO t (v) VALUES ('after')")
            until(lambda: "capture" in errors(pipeline), 30, "capture says what it cannot publish")
            said = errors(pipeline)["capture"]
            assert "is larger than the topic takes; kafka-configs --alter --entity-type topics" in said
            more = ConfigEntry(
                "max.message.bytes",
                said.rpartition("max.message.bytes=")[2],
                incremental_operation=AlterConfigOpType.SET,
            )
            resource = ConfigResource(
                ResourceType.TOPIC, f"{name(pipeline)}.{source.name}.t", incremental_configs=[more]
            )
            (done,) = kafka.admin().incremental_alter_configs([resource]).values()
            done.result(30)
            until(lambda: held(lite) == 2, 60, "both rows are there")
            until(lambda: not errors(pipeline), 30, "all is well again")
        assert pipeline.command("teardown", "--yes").code == 0


def name(pipeline: PipelineFile) -> str:
    return str(tomllib.loads(pipeline.path.read_text())["name"])


@contextmanager
def away(target: Database) -> Iterator[None]:
    """Nobody may connect, and whoever was is thrown out."""
    with target.server.database("beside") as beside:
        beside.execute(f'ALTER DATABASE "{target.name}" WITH ALLOW_CONNECTIONS false')
        beside.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{target.name}'")
        yield
        beside.execute(f'ALTER DATABASE "{target.name}" WITH ALLOW_CONNECTIONS true')


def hashes(rows: int) -> str:
    """Texts of 2,000 characters that no compression makes much smaller."""
    numbers = "SELECT 1 + a.i + 10 * b.i + 100 * c.i AS n FROM " + ", ".join(
        "(" + " UNION ALL ".join(f"SELECT {digit} AS i" for digit in range(10)) + f") {name}" for name in "abc"
    )
    value = ", ".join(["sha2(rand(), 512)"] * 15)
    return f"INSERT INTO t (v) SELECT concat({value}) FROM ({numbers}) AS numbers WHERE n <= {rows}"


def held(target: Database | Path) -> int:
    """Rows of `t` there; asked through a connection of its own."""
    if isinstance(target, Path):
        if not target.exists():
            return 0
        with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True, timeout=10)) as lite:
            there = lite.execute("SELECT 1 FROM sqlite_master WHERE name = 't'").fetchone()
            return int(lite.execute("SELECT count(*) FROM t").fetchone()[0]) if there else 0
    with closing(target.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SELECT to_regclass('t')")
        if cursor.fetchone()[0] is None:
            return 0
        cursor.execute("SELECT count(*) FROM t")
        return int(cursor.fetchone()[0])


def errors(pipeline: PipelineFile) -> dict[str, str]:
    return {worker["name"]: worker["error"] for worker in pipeline.status().get("workers", []) if worker["error"]}


def unwell(port: int) -> str:
    """Why /healthz does not answer 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return " ".join(json.loads(error.read())["reasons"])


def stream_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "state" / "stream").glob("*.segment*"))
