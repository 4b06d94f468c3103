"""Capture's worker: what it does about a source that cannot be reached, when somebody waits for the run's end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tailrace.capture import worker
from tailrace.config.file import LoadSettings
from tailrace.errors import UnreachableError
from tailrace.position import Position
from tailrace.report import Control, WorkerReport
from tailrace.source import Opened
from tailrace.testing import MemoryStream
from tests.unit.test_capture_session import Source


class Flaky(Source):
    """A source that cannot be opened before `down` attempts were made, nor read without end."""

    down = 0

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        if self.down:
            self.down -= 1
            raise UnreachableError("no answer", where="db")
        return super().open(position, state)

    def close(self) -> None:
        self.fails_after = 1000


class Pipeline:
    """As much of a pipeline as capture's worker looks at."""

    mode = "full-load-and-cdc"
    load = LoadSettings()
    file = "shop.toml"
    sinks = ()

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder
        self.source = Flaky([1, 2, 3], [])
        self.stream = MemoryStream()

    def create_source(self) -> Flaky:
        return self.source

    def create_stream(self) -> MemoryStream:
        return self.stream


class Reports:
    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []

    def send(self, report: WorkerReport) -> None:
        self.all.append((report.state, report.error))


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(worker, "FIRST_BACKOFF_SECONDS", 0.01)
    return Pipeline(tmp_path)


def until_caught_up(settled: bool = False) -> Control:
    control = Control(settled=settled)
    control.finish.set()
    return control


def test_a_source_that_goes_away_hours_into_a_load_is_tried_again(pipeline: Any) -> None:
    pipeline.source.fails_after = 2
    reports = Reports()
    worker.run(pipeline, until_caught_up(), reports)
    assert ("retrying", "the server went away") in reports.all
    assert reports.all[-1] == ("finished", "")


def test_a_source_that_was_never_there_is_not(pipeline: Any) -> None:
    pipeline.source.down = 1
    reports = Reports()
    with pytest.raises(UnreachableError, match="no answer"):
        worker.run(pipeline, until_caught_up(), reports)
    assert reports.all[-1] == ("stuck", "db: no answer")


def test_one_that_an_earlier_process_of_the_run_has_reached_is_tried_again(pipeline: Any) -> None:
    pipeline.source.down = 2
    reports = Reports()
    worker.run(pipeline, until_caught_up(settled=True), reports)
    assert reports.all[-1] == ("finished", "")
