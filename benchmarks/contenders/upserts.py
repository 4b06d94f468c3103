"""The rows of a topic into PostgreSQL with psycopg2's `execute_values`, 1,000 a transaction. Run as a module, this is
the writer's process."""

from __future__ import annotations

import json
import sys
import time

import orjson
import psycopg2
from confluent_kafka import Consumer, TopicPartition
from psycopg2.extras import execute_values

from benchmarks.contenders.checks import verify_target
from benchmarks.contenders.sinks import SqlTarget
from benchmarks.figures import Run
from benchmarks.processes import python, run, server_cpu
from benchmarks.stage import KafkaStage

COLUMNS = ("id", "n", "name", "address", "amount", "at", "flag", "doc", "rate", "kind")
TABLE = (
    "CREATE TABLE bench_01 (id bigint PRIMARY KEY, n int, name varchar(64), address varchar(200), amount numeric(12,2),"
    " at timestamp(6), flag boolean, doc text, rate double precision, kind text)"
)
_BATCH = 1_000


class ExecuteValues:
    """Reads the topic that tailrace's sink reads."""

    rounds = None

    def __init__(self, stage: KafkaStage, where: SqlTarget, topic: str) -> None:
        self.name = "execute_values"
        self._stage, self._where, self._topic = stage, where, topic

    def prepare(self, number: int) -> None:
        """The target's table."""
        self._where.database(-1 - number).execute(TABLE)

    def run(self, number: int) -> Run:
        """From its first poll to its last commit."""
        database = self._where.database(-1 - number)
        order = (self._stage.kafka.bootstrap, self._topic, database.url, self._stage.work.rows)
        servers = {"broker": self._stage.kafka.pid, "target": database.server.pid}
        with server_cpu(**servers) as spent:
            done = run(python("benchmarks.contenders.upserts", *order))
        verify_target(self.name, self._stage, *self._where.content(-1 - number))
        return Run(
            rows=self._stage.work.rows,
            seconds=json.loads(done.output)["seconds"],
            cpu_seconds=done.cpu_seconds,
            peak_rss_mb=done.peak_mb,
            more={"idle_seconds": 0.0, **spent},
        )


def write(bootstrap: str, topic: str, url: str, events: int) -> float:
    """Upserts so many events; seconds."""
    names = ", ".join(COLUMNS)
    news = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
    statement = f"INSERT INTO bench_01 ({names}) VALUES %s ON CONFLICT (id) DO UPDATE SET {news}"
    connection = psycopg2.connect(url)
    settings = {"group.id": "upserts", "isolation.level": "read_committed", "auto.offset.reset": "error"}
    consumer = Consumer({"bootstrap.servers": bootstrap, **settings})
    consumer.assign([TopicPartition(topic, 0, 0)])
    started = time.monotonic()
    with connection.cursor() as cursor:
        while events:
            rows = {}  # one statement cannot write a row twice: the last one counts
            for message in consumer.consume(min(_BATCH, events), 1.0):
                value = message.value()
                after = orjson.loads(value).get("after") if value else None
                if after is not None:
                    events -= 1
                    after["flag"] = bool(after["flag"])
                    rows[after["id"]] = [after[name] for name in COLUMNS]
            if rows:
                execute_values(cursor, statement, list(rows.values()), page_size=_BATCH)
                connection.commit()
    seconds = time.monotonic() - started
    consumer.close()
    connection.close()
    return seconds


if __name__ == "__main__":
    _, to_read, of, to_write, count = sys.argv
    print(json.dumps({"seconds": write(to_read, of, to_write, int(count))}))
