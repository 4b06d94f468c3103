"""Capture into the embedded stream, and a bare SQLite writer of the same bytes. Run as a module, this is the writer."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.contenders.checks import verify
from benchmarks.contenders.tailrace import pipeline, until_caught_up
from benchmarks.figures import Run
from benchmarks.fold import Fold
from benchmarks.processes import Finished, python, run, server_cpu
from benchmarks.stage import Stage

_BATCH = 1_000


def split(line: bytes) -> tuple[bytes, bytes]:
    """Key and value in a line that `tailrace tail` printed: both are JSON there, byte for byte."""
    value = line.index(b',"value":')
    return line[line.index(b'"key":') + 6 : value], line[value + 9 : line.rindex(b',"headers":')]


class Embedded:
    """tailrace, with `--until-caught-up`; `tailrace tail` is the consumer."""

    rounds = None

    def __init__(self, stage: Stage) -> None:
        self.name = "tailrace"
        self._stage = stage
        self._idle: Finished | None = None

    def _pipeline(self, number: int) -> Path:
        stage = self._stage
        return pipeline(stage.folder, f"em{number}", stage.source, f"{stage.schema}.bench_*")

    def prepare(self, number: int) -> None:
        """Runs on an empty log; the second shows what starting and stopping takes."""
        until_caught_up(self._pipeline(number))
        if self._idle is None:
            self._idle = until_caught_up(self._pipeline(number))

    def run(self, number: int) -> Run:
        """The backlog; `seconds` are the whole process's. The events are kept for the bare writer."""
        assert self._idle is not None
        with server_cpu(**self._stage.servers) as spent:
            done = until_caught_up(self._pipeline(number))
        lines = events_file(self._stage)
        fold = Fold()
        with open(lines, "wb") as file:
            tail = ("tail", self._pipeline(number), "--from", "beginning", "--timeout", "1")
            subprocess.run(python("tailrace.cli", *tail), stdout=file, check=True)
        with open(lines, "rb") as file:
            for line in file:
                topic = line[: line.index(b",")].decode()
                fold.add(topic, *split(line))
        verify(self.name, self._stage, fold)
        return Run(
            rows=fold.events,
            seconds=done.seconds,
            cpu_seconds=done.cpu_seconds,
            peak_rss_mb=done.peak_mb,
            more={
                "idle_seconds": self._idle.seconds,
                "idle_cpu_seconds": self._idle.cpu_seconds,
                "capture_peak_rss_mb": done.workers_mb.get("capture", 0.0),
                **spent,
            },
        )


def events_file(stage: Stage) -> Path:
    """What `tailrace tail` printed of the last run."""
    return stage.folder / "events.jsonl"


class SqliteWriter:
    """A row for each event, 1,000 a transaction, in WAL mode with `synchronous=FULL`."""

    rounds = None

    def __init__(self, stage: Stage) -> None:
        self.name = "sqlite-writer"
        self._stage = stage

    def prepare(self, number: int) -> None:
        """Nothing."""

    def run(self, number: int) -> Run:
        """The events of tailrace's run before; only the writing counts, not the reading of the file."""
        target = self._stage.folder / f"bare{number}.db"
        done = run(python("benchmarks.contenders.embedded", events_file(self._stage), target))
        figures = json.loads(done.output)
        return Run(
            rows=figures["rows"],
            seconds=figures["seconds"],
            cpu_seconds=figures["cpu_seconds"],
            peak_rss_mb=done.peak_mb,
            more={"idle_seconds": 0.0},
        )


def write(lines: Path, target: Path) -> dict[str, float]:
    """Writes all events."""
    rows, seconds, cpu = 0, 0.0, 0.0
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as connection, open(lines, "rb") as file:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE events (number INTEGER PRIMARY KEY, key BLOB, value BLOB)")
        while batch := [split(line) for line in itertools.islice(file, _BATCH)]:
            clock, used = time.monotonic(), time.process_time()
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO events (key, value) VALUES (?, ?)", batch)
            connection.execute("COMMIT")
            seconds, cpu = seconds + time.monotonic() - clock, cpu + time.process_time() - used
            rows += len(batch)
    return {"rows": rows, "seconds": seconds, "cpu_seconds": cpu}


if __name__ == "__main__":
    print(json.dumps(write(Path(sys.argv[1]), Path(sys.argv[2]))))
