"""A load of 5,000,000 rows in 20 tables, with writers at work, whose daemon is killed twenty times at random moments.

In the end the target holds what the source holds, and the work that was done again is counted: a JSON line per server.
Some 10 GB of disk for a server at a time; `make load-kills`. TAILRACE_LOAD_ROWS sets the rows of each table.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailrace.capture.load import loaded_tables
from tailrace.config import load
from tailrace.stream import Stream
from tests import servers
from tests.pipelines import key_writers, text
from tests.pipelines.daemon import PipelineFile, kill_all, until
from tests.pipelines.key_kinds import KINDS, Kind
from tests.servers import Database

ROWS = int(os.environ.get("TAILRACE_LOAD_ROWS", "250000"))
KILLS, SEED = 20, 41
WRITERS, TRANSACTIONS_PER_SECOND = 2, 100
#: Of the load's rows; the last kill is still well within it.
FIRST_KILL, LAST_KILL = 0.01, 0.93
#: A start is killed after so many seconds at most, where the next moment has already passed.
SOONEST_SECONDS = 3.0
#: As long as the load would take by itself, so that all kills find it at work.
LOAD_SECONDS = 80
PASSWORD = "only-for-the-load"


@dataclass(frozen=True)
class Engine:
    """A server of its own: its options, its collation without case and accents, and how it counts the daemon's rows."""

    options: dict[str, Any]
    insensitive: str
    fetched: str


ENGINES = {
    "mariadb": Engine(
        {"innodb-buffer-pool-size": "1G", "innodb-log-file-size": "512M", "userstat": "ON"},
        "utf8mb4_unicode_ci",
        "SELECT rows_sent FROM information_schema.user_statistics WHERE user = 'loader'",
    ),
    "mysql": Engine(
        {"innodb-buffer-pool-size": "1G", "innodb-redo-log-capacity": "1G"},
        "utf8mb4_0900_ai_ci",
        "SELECT SUM(sum_rows_sent) FROM performance_schema.events_statements_summary_by_user_by_event_name"
        " WHERE user = 'loader'",
    ),
    "postgres15": Engine(
        {"shared_buffers": "512MB", "max_wal_size": "4GB", "shared_preload_libraries": "pg_stat_statements"},
        "",
        "SELECT sum(rows) FROM pg_stat_statements WHERE userid = 'loader'::regrole AND query LIKE 'COPY%'",
    ),
}


@pytest.mark.parametrize("kind", ENGINES)
def test_a_load_killed_twenty_times_under_writers_equals_its_source(kind: str, tmp_path: Path) -> None:
    engine = ENGINES[kind]
    with servers.start(kind, engine.options) as server, server.database("kills") as source:
        key_writers.create(source, engine.insensitive)
        key_writers.fill(source, ROWS)
        mirror = tmp_path / "mirror.db"
        sink = text.sink("mirror", f"sqlite:///{mirror}")
        pace = f"[load]\nthrottle_rows = {ROWS * len(KINDS) // LOAD_SECONDS}\n"
        file = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(loader_url(source)), sink, pace))
        (tmp_path / "state").mkdir()
        pipeline = load(file.path)
        stream = pipeline.create_stream()
        try:
            begun = time.monotonic()
            moments = random.Random(SEED)
            goals = sorted(moments.uniform(FIRST_KILL, LAST_KILL) * ROWS * len(KINDS) for _ in range(KILLS))
            with key_writers.writing(source, ROWS, seed=SEED, writers=WRITERS, rate=TRANSACTIONS_PER_SECOND) as words:
                killed_at = [killed(file, stream, goal, moments.random()) for goal in goals]
                with running(file):
                    until(lambda: loaded(stream)[1], 1800, "the load is done")
                seconds = time.monotonic() - begun
            fetched = int(source.value(engine.fetched))
            caught_up = file.until_caught_up(timeout=1800)
            assert caught_up.code == 0, caught_up.stderr[-3000:]
            sent, again = sent_rows(stream)
            verified = file.command("verify", "--json", timeout=1800)
            assert verified.code == 0, verified.stdout[-3000:] + verified.stderr[-3000:]
            assert json.loads(verified.stdout)["equal"]
            with closing(sqlite3.connect(mirror)) as copy:
                for table in KINDS:
                    expected, found = source_rows(source, table), mirror_rows(copy, table)
                    assert found == expected, table.name
            print(
                json.dumps(
                    {
                        "server": kind,
                        "tables": len(KINDS),
                        "rows": ROWS * len(KINDS),
                        "kills": len(killed_at),
                        "killed_at_percent": [round(100 * rows / (ROWS * len(KINDS)), 1) for rows in killed_at],
                        "seconds": round(seconds),
                        "transactions_meanwhile": sum(word["transactions"] for word in words),
                        "changes_meanwhile": sum(word["changes"] for word in words),
                        "rows_fetched": fetched,
                        "rows_sent": sent,
                        "rows_sent_twice": again,
                        "redone_or_overtaken": fetched - sent,
                        "redone_per_kill": round((fetched - sent) / len(killed_at)),
                    }
                )
            )
            assert again == 0
        finally:
            assert file.command("teardown", "--yes").code == 0


def loader_url(source: Database) -> str:
    """Of the daemon's own user, whose rows the server counts."""
    if source.server.login.scheme == "mysql":
        source.script(f"CREATE USER loader@'%' IDENTIFIED BY '{PASSWORD}'", "GRANT ALL ON *.* TO loader@'%'")
    else:
        source.script(
            f"CREATE ROLE loader LOGIN SUPERUSER PASSWORD '{PASSWORD}'", "CREATE EXTENSION pg_stat_statements"
        )
    return source.url_as("loader", PASSWORD)


@contextmanager
def running(file: PipelineFile) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon, with its workers killed at the end of the block: nothing is stored any more."""
    with file.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tailrace.cli", "run", str(file.path)], stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        kill_all(process)


def killed(file: PipelineFile, stream: Stream, goal: float, chance: float) -> int:
    """Kills the daemon a random moment after it has loaded so many rows; how many it had loaded then."""
    with running(file) as process:
        begun = time.monotonic()
        until(lambda: process.poll() is not None or loaded(stream)[0] >= goal, 1800, f"{goal:.0f} rows are loaded")
        left = chance * SOONEST_SECONDS - (time.monotonic() - begun)
        time.sleep(left if left > 0 else chance / 4)  # the moment is the test's, and no condition's
        assert process.poll() is None, file.log.read_text()[-3000:]
    rows, done = loaded(stream)
    assert not done, "the load ended before it was killed"
    return rows


def loaded(stream: Stream) -> tuple[int, bool]:
    """How many rows, and whether that is all."""
    with closing(stream.reader("")) as reader:
        tables = loaded_tables(reader.state())
    return sum(table.rows for table in tables.values()), bool(tables) and all(table.done for table in tables.values())


def sent_rows(stream: Stream) -> tuple[int, int]:
    """Rows of the load in the stream, and how many of them are there for another time."""
    seen: dict[str, set[int]] = {}
    sent = 0
    with closing(stream.reader("")) as reader:
        end = reader.ends()
        reader.seek({})
        while any(reader.positions().get(partition, 0) < offset for partition, offset in end.items()):
            for piece in reader.poll(1.0, 4 << 20):
                for run in piece.runs:
                    keys = [hash(key) for key, value in run if value is not None and b'"op":"r"' in value]
                    seen.setdefault(run.topic, set()).update(keys)
                    sent += len(keys)
    return sent, sent - sum(map(len, seen.values()))


def columns(kind: Kind) -> str:
    """What both sides can be asked for alike; the rest of the keys `verify` has compared."""
    return ", ".join(("n", "c", "v", *(kind.columns if kind.spelled else ())))


def source_rows(source: Database, kind: Kind) -> list[tuple[Any, ...]]:
    rows = source.query(f"SELECT {columns(kind)} FROM {kind.name} ORDER BY n")
    return [tuple(value.rstrip(" ") if isinstance(value, str) else value for value in row) for row in rows]


def mirror_rows(copy: sqlite3.Connection, kind: Kind) -> list[tuple[Any, ...]]:
    rows = copy.execute(f"SELECT {columns(kind)} FROM {kind.name} ORDER BY n")
    return [tuple(value.rstrip(" ") if isinstance(value, str) else value for value in row) for row in rows]
