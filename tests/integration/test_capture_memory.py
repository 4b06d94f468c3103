"""Capture's memory is bounded by bytes: neither a large transaction nor large rows raise it (I6)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.workload import is_mysql

#: 160 MB of events in one transaction.
ROWS = 200_000
#: 100 MB of rows, in one transaction too, and their events twice as much: updates carry what was before.
LARGE_ROWS, LARGE_BYTES = 500, 200_000
BOUND_MB = 120


@pytest.mark.parametrize("server", ["mariadb", "mysql", "postgres15", "postgres18"])
def test_a_large_transaction_and_large_rows_do_not_raise_the_memory_of_capture(
    server: str, request: pytest.FixtureRequest, kafka: Any, tmp_path: Path
) -> None:
    with request.getfixturevalue(server).database() as source:
        mysql = is_mysql(source)
        source.execute("CREATE TABLE many (id INT PRIMARY KEY, v VARCHAR(600))")
        source.execute(f"CREATE TABLE large (id INT PRIMARY KEY, n INT, v {'MEDIUMTEXT' if mysql else 'TEXT'})")
        if not mysql:
            source.execute("ALTER TABLE large REPLICA IDENTITY FULL")
            source.execute("ALTER TABLE large ALTER COLUMN v SET STORAGE EXTERNAL")
        pipeline = PipelineFile(
            tmp_path,
            text.pipeline(
                tmp_path, text.source(source.url), text.kafka(kafka.bootstrap), top='mode = "cdc"\n', name=""
            ),
        )
        name = pipeline.path.read_text().partition('name = "')[2].partition('"')[0]
        schema = source.name if mysql else "public"
        with pipeline.running():
            until(lambda: pipeline.states() == {"capture": "streaming"}, 60, "capture streams")
            pid = pipeline.worker_pids()["capture"]
            source.execute(rows(mysql))
            until(lambda: ends(kafka.bootstrap, f"{name}.{schema}.many") >= ROWS, 120, "the large transaction arrived")
            assert peak_mb(pid) < BOUND_MB
            source.execute(large(mysql))
            source.execute("UPDATE large SET n = 1")
            arrived = f"{name}.{schema}.large"
            until(lambda: ends(kafka.bootstrap, arrived) >= 2 * LARGE_ROWS, 120, "the large rows arrived")
            assert peak_mb(pid) < BOUND_MB


def rows(mysql: bool) -> str:
    if not mysql:
        return f"INSERT INTO many SELECT n, repeat('v', 400) FROM generate_series(1, {ROWS}) n"
    return f"INSERT INTO many SELECT seq, repeat('v', 400) FROM ({numbers(6)}) t WHERE seq BETWEEN 1 AND {ROWS}"


def large(mysql: bool) -> str:
    value = f"repeat('0123456789', {LARGE_BYTES // 10})"
    if not mysql:
        return f"INSERT INTO large SELECT n, 0, {value} FROM generate_series(1, {LARGE_ROWS}) n"
    return f"INSERT INTO large SELECT seq, 0, {value} FROM ({numbers(4)}) t WHERE seq BETWEEN 1 AND {LARGE_ROWS}"


def numbers(digits: int) -> str:
    """As a subquery, `seq` from 0 to all nines."""
    ten = "(" + " UNION ALL ".join(f"SELECT {digit} AS i" for digit in range(10)) + ")"
    terms = " + ".join(f"d{place}.i * {10**place}" for place in range(digits))
    return f"SELECT {terms} AS seq FROM " + ", ".join(f"{ten} d{place}" for place in range(digits))


def ends(bootstrap: str, topic: str) -> int:
    """How many offsets the topic's committed records take."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "ends", "isolation.level": "read_committed"})
    with contextlib.closing(consumer):
        _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        return int(high)


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000
