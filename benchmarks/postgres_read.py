"""Reading PostgreSQL's log: tailrace's source without a stream behind it, and pg_recvlogical.

    python -m benchmarks.postgres_read [--rows 1000000] [--transactions 200000] [--rounds 3] [--kind postgres15]

One server; the log gets ROWS rows in transactions of 1,000, then single-row update transactions; every reader reads a
copy of the same slot, so that all read the same bytes, in turns. Prints medians: rows per second by the clock, and CPU
seconds per million rows of the reader and of the server's walsender.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.capture import POSTGRES_TABLE, insert
from tailrace.connectors import Context
from tailrace.position import Position
from tailrace_postgres.lsn import parse_lsn
from tailrace_postgres.settings import PostgresSourceSettings
from tailrace_postgres.source import PostgresSource
from tests import servers

BATCH_BYTES = 4 << 20
SLOT, PUBLICATION = "bench", "bench"
_TICKS = os.sysconf("SC_CLK_TCK")

UPDATES = (
    "CREATE PROCEDURE single(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n LOOP"
    " UPDATE bench SET n = i, doc = repeat('0123456789', 10) WHERE id = 1 + i % 1000; COMMIT; END LOOP; END $$"
)


def source(url: str, slot: str) -> PostgresSource:
    settings = PostgresSourceSettings.model_validate(
        {"connector": "postgres", "url": url, "slot": slot, "publication": PUBLICATION}
    )
    return PostgresSource(
        settings, Context(pipeline="bench", mode="cdc", state_dir=Path("/tmp"), topic="b.{schema}.{table}")
    )


def read(url: str, slot: str, position: str, state: dict[str, str], end: str) -> dict[str, Any]:
    """In a process of its own: reads to `end`, acknowledging as capture does."""
    reader = source(url, slot)
    start = Position.from_json(position.encode())
    reader.open(start, {key: value.encode() for key, value in state.items()})
    events = reads = size = 0
    began, before = time.monotonic(), time.process_time()
    while True:
        batch = reader.read(0.25, BATCH_BYTES)
        if batch is None:
            continue
        events += batch.events
        size += batch.bytes
        reads += 1
        if parse_lsn(batch.restart) >= parse_lsn(end):
            break
    seconds, cpu = time.monotonic() - began, time.process_time() - before
    reader.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"events": events, "batches": reads, "mb": size / 1e6, "seconds": seconds, "cpu": cpu, "peak": peak}


class SenderCpu:
    """CPU seconds of the walsender that serves a slot, as last seen before it ended."""

    def __init__(self, database: servers.Database, slot: str) -> None:
        self.seconds = 0.0
        self._database, self._slot = database, slot
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> SenderCpu:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        pid = None
        while not self._done.wait(0.02):
            pid = pid or self._database.value(
                "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (self._slot,)
            )
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            self.seconds = (int(fields[11]) + int(fields[12])) / _TICKS


def tailrace(database: servers.Database, slot: str, end: str, start: list[Any]) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.postgres_read", "--read", json.dumps([database.url, slot, *start, end])]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def recvlogical(database: servers.Database, slot: str, end: str, start: list[Any]) -> dict[str, Any]:
    words = ["pg_recvlogical", "-d", database.url, "--slot", slot, "--start", "-f", "/dev/null", "--no-loop"]
    words += ["--endpos", end, "-o", "proto_version=1", "-o", f"publication_names={PUBLICATION}"]
    code = (
        "import json,resource,subprocess,sys,time;t=time.monotonic();c=subprocess.run(sys.argv[1:]);"
        "u=resource.getrusage(resource.RUSAGE_CHILDREN);s=time.monotonic()-t;"
        "print(json.dumps({'seconds':s,'cpu':u.ru_utime+u.ru_stime,'peak':u.ru_maxrss/1024}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


CONTENDERS = {"tailrace": tailrace, "pg_recvlogical": recvlogical}


def measure(server: Any, work: str, rows: int, rounds: int, contenders: list[str]) -> None:
    with server.database("bench") as database:
        database.script(POSTGRES_TABLE, UPDATES)
        if work == "single":
            insert(database, 1000)
        first = source(database.url, SLOT)
        opened = first.open(None, {})
        state = {key: value.decode() for key, value in opened.emitter.take().state.items()}
        first.close()
        start = [opened.position.to_json().decode(), state]
        if work == "bulk":
            insert(database, rows)
        else:
            database.execute(f'ALTER DATABASE "{database.name}" SET synchronous_commit = off')
            with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
                cursor.execute(f"CALL single({rows})")
        database.execute("CHECKPOINT")
        end = database.value("SELECT pg_current_wal_lsn()::text")
        database.execute("SELECT pg_logical_emit_message(true, '', '')")
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
        for number in range(rounds):
            for name in contenders:
                slot = f"copy_{contenders.index(name)}_{number}"
                database.execute("SELECT pg_copy_logical_replication_slot(%s, %s)", (SLOT, slot))
                with SenderCpu(database, slot) as sender:
                    figures = CONTENDERS[name](database, slot, end, start)
                if figures.get("events", rows) != rows:
                    raise SystemExit(f"{name}: {figures['events']} of {rows} rows")
                figures["sender"] = sender.seconds
                found[name].append(figures)
                servers.wait_until(
                    lambda: (
                        not database.value(
                            "SELECT active FROM pg_replication_slots WHERE slot_name = %s",
                            (slot,),  # noqa: B023
                        )
                    ),
                    10,
                    "the slot",
                )
                database.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
        for name, runs in found.items():
            middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            million = 1e6 / rows
            print(
                f"{server.kind} {work:7} {name:15} {rows / middle['seconds']:9,.0f} rows/s"
                f"   reader {middle['cpu'] * million:5.2f}, walsender {middle['sender'] * million:5.2f} CPU s a million"
                f" {middle['peak']:5.0f} MB peak  {middle.get('batches', 0):6.0f} batches",
                flush=True,
            )
        first.teardown(None, dry_run=False)
        first.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--transactions", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kind", default="postgres15")
    parser.add_argument("--contenders", nargs="*", default=list(CONTENDERS))
    parser.add_argument("--work", nargs="*", default=["bulk", "single"])
    parser.add_argument("--read", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(read(*json.loads(arguments.read))))
        return
    with servers.start(arguments.kind) as server:
        for work in arguments.work:
            rows = arguments.rows if work == "bulk" else arguments.transactions
            measure(server, work, rows, arguments.rounds, arguments.contenders)


if __name__ == "__main__":
    main()
