"""Capture into Kafka: a backlog of changes, and a full load, from each source.

    python -m benchmarks.capture [--rows 1000000] [--sources mariadb mysql postgres18]

Real servers (tests/servers) share the machine with tailrace. For each source a 10-column table gets ROWS rows in
transactions of 1,000 while the pipeline is stopped; `tailrace run --until-caught-up` is then timed as a whole process,
its peak memory is the largest single process, and a `read_committed` consumer counts what arrived. Prints a line per
measurement and writes benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from tests import servers

TRANSACTION_ROWS = 1_000
RESULTS = Path(__file__).parent / "results.json"

MYSQL_TABLE = (
    "CREATE TABLE bench (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT, name VARCHAR(64), address VARCHAR(200),"
    " amount DECIMAL(12,2), at DATETIME(6), flag TINYINT(1), doc TEXT, rate DOUBLE, kind ENUM('a','b','c'))"
    " DEFAULT CHARSET utf8mb4"
)
POSTGRES_TABLE = (
    "CREATE TYPE bench_kind AS ENUM ('a','b','c');"
    "CREATE TABLE bench (id bigserial PRIMARY KEY, n int, name varchar(64), address varchar(200),"
    " amount numeric(12,2), at timestamp(6), flag boolean, doc text, rate double precision, kind bench_kind)"
)


def insert(database: servers.Database, rows: int) -> None:
    """Rows made by the server itself, in transactions of `TRANSACTION_ROWS`."""
    if database.server.login.scheme == "mysql":
        series = f"SELECT a.i + b.i * 10 + c.i * 100 AS i FROM {digits('a')}, {digits('b')}, {digits('c')}"
        statement = (
            "INSERT INTO bench (n, name, address, amount, at, flag, doc, rate, kind) SELECT i, CONCAT('name ', i),"
            " REPEAT('street ', 12), i * 1.25, '2024-02-29 12:34:56.123456', i % 2, REPEAT('0123456789', 10), i / 3,"
            f" ELT(1 + i % 3, 'a', 'b', 'c') FROM ({series}) t"
        )
    else:
        statement = (
            "INSERT INTO bench (n, name, address, amount, at, flag, doc, rate, kind) SELECT i, 'name ' || i,"
            " repeat('street ', 12), i * 1.25, '2024-02-29 12:34:56.123456', i % 2 = 0, repeat('0123456789', 10),"
            f" i / 3.0, (ARRAY['a','b','c'])[1 + i % 3]::bench_kind FROM generate_series(1, {TRANSACTION_ROWS}) i"
        )
    for _ in range(rows // TRANSACTION_ROWS):
        database.execute(statement)


def digits(name: str) -> str:
    return "(" + " UNION ALL ".join(f"SELECT {n} AS i" for n in range(10)) + f") {name}"


def pipeline(folder: Path, name: str, database: servers.Database, bootstrap: str, mode: str) -> Path:
    connector = "mysql" if database.server.login.scheme == "mysql" else "postgres"
    path = folder / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\nmode = "{mode}"\nstate_dir = "{folder / name}"\n'
        f'[source]\nconnector = "{connector}"\nurl = "{database.url}"\n'
        f'[stream]\nconnector = "kafka"\n[stream.kafka]\n"bootstrap.servers" = "{bootstrap}"\n'
    )
    return path


def run(path: Path) -> dict[str, float]:
    """`tailrace run --until-caught-up` as a whole process tree."""
    started = time.monotonic()
    # A process of its own, so that the peak is that of tailrace's processes and of nothing else we started.
    code = (
        "import json,resource,subprocess,sys;"
        "c=subprocess.run([sys.executable,'-m','tailrace.cli','run',sys.argv[1],'--until-caught-up'],stderr=subprocess.PIPE);"
        "u=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "sys.stderr.buffer.write(c.stderr[-2000:] if c.returncode else b'');"
        "print(json.dumps([c.returncode,u.ru_maxrss/1024,u.ru_utime+u.ru_stime]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, check=True)
    seconds = time.monotonic() - started
    returned, peak, cpu = json.loads(done.stdout)
    if returned:
        raise SystemExit(f"tailrace ended with {returned}")
    return {"seconds": seconds, "peak_rss_mb": peak, "cpu_seconds": cpu}


def count(bootstrap: str, topic: str) -> int:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    total = 0
    while True:
        for message in consumer.consume(10_000, 10):
            if message.error():
                consumer.close()
                return total
            total += 1


def measure(kind: str, rows: int, bootstrap: str, folder: Path) -> list[dict[str, Any]]:
    results = []
    with servers.start(kind) as server, server.database("bench") as database:
        schema = database.name if database.server.login.scheme == "mysql" else "public"
        database.execute(MYSQL_TABLE if database.server.login.scheme == "mysql" else POSTGRES_TABLE)
        changes = servers.unique_name("b").lower()
        path = pipeline(folder, changes, database, bootstrap, "cdc")
        base = run(path)["seconds"]  # start and stop alone, on an empty log
        insert(database, rows)
        load = servers.unique_name("b").lower()
        for work, name, mode in (("changes", changes, "cdc"), ("full load", load, "full-load-and-cdc")):
            figures = run(pipeline(folder, name, database, bootstrap, mode))
            arrived = count(bootstrap, f"{name}.{schema}.bench")
            if arrived != rows:
                raise SystemExit(f"{kind} {work}: {arrived} of {rows} rows arrived")
            record = {"path": f"{kind} -> kafka", "work": work, "rows": rows, "start_stop_seconds": base, **figures}
            results.append(record)
            print(
                f"{kind:12} {work:10} {rows / (figures['seconds'] - base):10,.0f} rows/s"
                f" {figures['cpu_seconds']:7.1f} s CPU {figures['peak_rss_mb']:7.0f} MB peak",
                flush=True,
            )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sources", nargs="*", default=["mariadb", "mysql", "postgres15", "postgres18"])
    arguments = parser.parse_args()
    results: list[dict[str, Any]] = []
    with servers.start("kafka") as kafka, tempfile.TemporaryDirectory() as folder:
        for kind in arguments.sources:
            results += measure(kind, arguments.rows, kafka.bootstrap, Path(folder))
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
