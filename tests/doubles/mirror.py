"""The apply loop between a stream in memory and a real SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tailrace.apply import worker
from tailrace.apply.parking import Policy
from tailrace.connectors import Context
from tailrace.report import Control, WorkerReport
from tailrace.schema import Column, Kind, TableName, Type
from tailrace.sink import TableWork, TargetTable
from tailrace.stream import Partition, StreamReader
from tailrace.testing import MemoryReader, MemoryStream, Script
from tailrace_sqlite.sink import SQLiteSink
from tests.doubles.thread import working

ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NAME = Column(2, "name", Type(Kind.TEXT, "text"))
NOTE = Column(3, "note", Type(Kind.TEXT, "text"))
LOG = Partition("", 0)
MEMORY = 64 << 20


@dataclass(frozen=True)
class Settings:
    path: Path
    name: str = "mirror"


class Reports:
    def __init__(self) -> None:
        self.all: list[WorkerReport] = []

    def send(self, report: WorkerReport) -> None:
        self.all.append(replace(report, tables=[replace(table) for table in report.tables]))

    @property
    def last(self) -> WorkerReport:
        return self.all[-1]


class WatchedSink(SQLiteSink):
    """Says what the loop asked of it, and fails on request.

    Attributes:
        calls: in order: "ensure", "apply", "commit OFFSETS".
        failures: raised by the next `apply`, one each.
    """

    def __init__(self, path: Path, mode: str = "full-load-and-cdc") -> None:
        super().__init__(Settings(path), Context("shop", mode, path.parent))
        self.calls: list[str] = []
        self.failures: list[Exception] = []
        self.fail_commit: list[Exception] = []

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> None:
        self.calls.append("ensure")
        super().ensure(table, previous)

    def apply(self, work: Sequence[TableWork]) -> None:
        self.calls.append("apply")
        super().apply(work)
        if self.failures:
            raise self.failures.pop(0)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        super().commit(positions)
        self.calls.append(f"commit {sorted(positions.values())}")
        if self.fail_commit:
            raise self.fail_commit.pop(0)


class Mirror:
    """A stream, a script that writes it, and a SQLite target."""

    def __init__(self, folder: Path, stream: MemoryStream) -> None:
        self.stream = stream
        self.script = Script(stream)
        self.path = folder / "mirror.db"
        self.reports = Reports()
        self.selects: Callable[[TableName], bool] = lambda table: True
        self.sinks: list[WatchedSink] = []
        self.readers: list[MemoryReader] = []
        self.prepare: Callable[[WatchedSink], None] = lambda sink: None
        self.memory = MEMORY
        self.policy: Policy | None = None

    def _sink(self) -> WatchedSink:
        sink = WatchedSink(self.path)
        self.prepare(sink)
        self.sinks.append(sink)
        return sink

    def _reader(self) -> StreamReader:
        reader = self.stream.reader("mirror")
        self.readers.append(reader)
        return reader

    def supervise(self, control: Control) -> None:
        worker.supervise(
            "mirror", self._reader, self._sink, self.selects, control, self.reports, self.memory, self.policy
        )

    def catch_up(self) -> None:
        control = Control()
        control.finish.set()
        self.supervise(control)

    def running(self) -> contextlib.AbstractContextManager[Control]:
        return working(self.supervise, 10)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def has(self, sql: str, expected: list[tuple[Any, ...]]) -> Callable[[], bool]:
        def check() -> bool:
            try:
                return self.query(sql) == expected
            except sqlite3.OperationalError:
                return False

        return check

    def positions(self) -> dict[tuple[str, int], int]:
        rows = self.query("SELECT topic, partition, next_offset FROM _tailrace_positions WHERE partition >= 0")
        return {(topic, number): offset for topic, number, offset in rows}

    @property
    def calls(self) -> list[str]:
        return [call for sink in self.sinks for call in sink.calls]


def row(key: int, name: str = "n") -> dict[str, Any]:
    return {"id": key, "name": name}
