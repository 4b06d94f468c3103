"""Capture's own loop on a real source, in a thread; the stream is in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tailrace.capture.progress import Progress
from tailrace.capture.session import Session
from tailrace.config.file import LoadSettings
from tailrace.report import Control, WorkerReport
from tailrace.source import Source
from tailrace.testing import MemoryStream


@dataclass
class Running:
    """A session at work.

    Attributes:
        load: of the pipeline file.
        error: what ended it, if anything did.
    """

    stream: MemoryStream = field(default_factory=MemoryStream)
    control: Control = field(default_factory=Control)
    report: WorkerReport = field(default_factory=lambda: WorkerReport("capture"))
    load: LoadSettings = field(default_factory=LoadSettings)
    error: BaseException | None = None

    def send(self, report: WorkerReport) -> None:
        self.report = replace(report, tables=[replace(table) for table in report.tables])

    def run(self, source: Source) -> None:
        """Opens, and goes on until `control` says otherwise."""
        session = Session(source, self.stream, "full-load-and-cdc", self.control, Progress(self), self.load)
        with closing(source), closing(session):
            session.open()
            session.run()

    def events(self, table: str) -> list[tuple[str, Any]]:
        """Operation and row (`before` of a delete) of a table's events so far; no tombstones."""
        if self.error is not None:
            raise self.error
        found = []
        for piece in self.stream.reader("").poll(0.0, 1 << 40):
            for run in piece.runs:
                if run.topic.rpartition(".")[2] == table:
                    events = (orjson.loads(value) for value in run.values if value is not None)
                    found += [(event["op"], event["after"] or event["before"]) for event in events]
        return found

    def table(self, name: str) -> Any:
        """A table's last report."""
        return next(table for table in self.report.tables if table.name.rpartition(".")[2] == name)


@contextmanager
def running(source: Source, stream: MemoryStream | None = None, load: LoadSettings | None = None) -> Iterator[Running]:
    """A session in a thread of its own, ended with the block; `stream` may hold what an earlier one left."""
    session = Running(stream or MemoryStream(), load=load or LoadSettings())

    def run() -> None:
        try:
            session.run(source)
        except BaseException as error:
            session.error = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield session
    finally:
        session.control.stop.set()
        thread.join(30)
        assert not thread.is_alive()
