"""A budget for what the source keeps of its log: which are refused, when it is said, and what is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tailrace.capture import worker
from tailrace.capture.budget import Guard
from tailrace.capture.progress import Progress
from tailrace.config import parse
from tailrace.config.settings import Budget
from tailrace.errors import ConfigError, LogGoneError, UnreachableError
from tailrace.http.metrics import render
from tailrace.position import Position
from tailrace.report import Control, RetainedReport, WorkerReport
from tailrace.source import Retained
from tailrace.supervisor.health import WorkerHealth
from tailrace.supervisor.status import worker_status

MIB = 1 << 20
POSTGRES = '[source]\nconnector = "postgres"\nurl = "postgresql://u@h/shop"\n'
MYSQL = '[source]\nconnector = "mysql"\nurl = "mysql://u@h/shop"\n'
KAFKA = '[stream]\nconnector = "kafka"\n[stream.kafka]\n"bootstrap.servers" = "h:9092"\n'


class Source:
    """One that keeps as much as a test says."""

    def __init__(self) -> None:
        self.held: Retained | None = None
        self.dropped = 0

    def retained(self, position: Position | None) -> Retained | None:
        return self.held

    def give_up(self) -> str:
        self.dropped += 1
        return "replication slot s"

    def close(self) -> None:
        pass


class Pipeline:
    """One whose source a test has made, or whose source is away."""

    def __init__(self, source: Source | None) -> None:
        self.source = source
        self.asked = 0

    def create_source(self) -> Source:
        self.asked += 1
        if self.source is None:
            raise UnreachableError("nobody listens")
        return self.source


class Silent:
    def send(self, report: WorkerReport) -> None:
        pass


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def budget(**keys: Any) -> Budget:
    """As the file would have it."""
    return Budget(**keys)


def look(guard: Guard, size: int, seconds: float | None = 0.0, **limits: Any) -> None:
    source: Any = Source()
    source.held = Retained(size, **limits)
    guard.look(source, seconds)


# ---- the file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MYSQL + 'budget = { bytes = "1GiB", action = "drop-slot" }\n', "has no slot to drop"),
        (POSTGRES + 'budget = { bytes = "1GiB", action = "spill" }\n' + KAFKA, "the kafka stream cannot spill"),
        (POSTGRES + 'budget = { action = "warn" }\n', "neither bytes nor time"),
        (POSTGRES + 'budget = { bytes = "1GiB", action = "drop" }\n', "action"),
        ('mode = "full-load"\n' + POSTGRES + 'budget = { time = "1h" }\n', "reads no log"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        parse(f'name = "shop"\n{text}', "shop.toml")
    assert "source.budget" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        POSTGRES + 'budget = { bytes = "10GiB", time = "24h", action = "drop-slot" }\n' + KAFKA,
        POSTGRES + 'budget = { time = "24h" }\n',
        MYSQL + 'budget = { bytes = "10GiB", action = "spill" }\n',
    ],
)
def test_what_can_be_done_is_taken(text: str) -> None:
    assert parse(f'name = "shop"\n{text}', "shop.toml").source.budget is not None


# ---- warnings


def test_each_share_is_warned_of_once(logged: list[Any]) -> None:
    guard = Guard(budget(bytes="100MiB"))
    for size in (10, 50, 55, 79, 81, 85, 79, 99, 100, 120):
        look(guard, size * MIB)
    assert len(logged) == 3, logged
    assert all("the budget: 104,857,600" in entry["held"] for entry in logged)
    assert guard.report.problem == f"the source holds back {120 * MIB:,} bytes of log (the budget: {100 * MIB:,}), " + (
        "more than its budget"
    )


def test_it_is_said_again_after_it_has_become_less(logged: list[Any]) -> None:
    guard = Guard(budget(bytes="100MiB"))
    for size in (60, 45, 60):  # no more than a ripple
        look(guard, size * MIB)
    assert len(logged) == 1
    for size in (10, 60, 100):
        look(guard, size * MIB)
    assert len(logged) == 3
    look(guard, 1 * MIB)
    assert guard.report.problem == ""


def test_time_is_a_bound_too(logged: list[Any]) -> None:
    guard = Guard(budget(bytes="100MiB", time="1h"))
    look(guard, 1, seconds=1900)
    assert len(logged) == 1
    look(guard, 1, seconds=None)  # not known any more
    assert guard.report.problem == ""
    look(guard, 1, seconds=3601)
    assert "3,601 s ago" in guard.report.problem


def test_the_server_s_own_bounds_are_told_without_a_budget(logged: list[Any]) -> None:
    guard = Guard(None)
    look(guard, 10, seconds=43_300, limit_seconds=86_400.0)
    look(guard, 90, limit_bytes=100)
    assert ["what the server keeps" in entry["held"] for entry in logged] == [True, True]
    assert guard.report.problem == "", "no bound of the user's was passed"


# ---- actions


def test_spilling_begins_before_the_end_and_ends_when_half_is_free() -> None:
    guard = Guard(budget(bytes="100MiB", action="spill"))
    spilling = []
    for size in (79, 80, 60, 50, 49, 79, 90):
        look(guard, size * MIB)
        spilling.append(guard.spilling)
    assert spilling == [False, True, True, True, False, False, True]
    guard.spilled("the stream holds more")
    look(guard, 70 * MIB)
    assert guard.report.note == "spilling: the stream holds more"


def test_others_never_spill() -> None:
    guard = Guard(budget(bytes="1MiB"))
    look(guard, 2 * MIB)
    assert not guard.spilling


def test_a_slot_is_dropped_at_the_end_and_not_before() -> None:
    guard = Guard(budget(bytes="100MiB", action="drop-slot"))
    source: Any = Source()
    source.held = Retained(99 * MIB)
    guard.look(source, 0.0)
    assert source.dropped == 0
    source.held = Retained(100 * MIB)
    with pytest.raises(LogGoneError, match=r"replication slot s was dropped.*reload FILE --all --resync"):
        guard.look(source, 0.0)
    assert source.dropped == 1


def test_a_budget_is_kept_while_the_stream_is_away() -> None:
    """Between two sessions, when nothing is captured, the log grows most."""
    guard = Guard(budget(bytes="100MiB", action="drop-slot"))
    source = Source()
    source.held = Retained(100 * MIB)
    pipeline: Any = Pipeline(source)
    with pytest.raises(LogGoneError, match="was dropped"):
        worker.rest(pipeline, Control(), Progress(Silent()), 30.0, guard)
    assert source.dropped == 1


def test_a_source_that_is_away_too_is_asked_once_a_rest() -> None:
    pipeline: Any = Pipeline(None)
    worker.rest(pipeline, Control(), Progress(Silent()), 1.2, Guard(budget(bytes="1MiB")))
    assert pipeline.asked == 1


# ---- how it is told


def test_what_is_kept_is_in_status_and_metrics_and_decides_on_health() -> None:
    report = WorkerReport("capture", state="streaming")
    report.retained = RetainedReport(bytes=7, seconds=2.5, limit_seconds=60.0, budget_bytes=5, problem="too much")
    health = WorkerHealth("capture")
    health.started(17)
    health.take(WorkerReport.from_json(report.to_json()))
    assert health.complaint() == "capture: too much"
    assert worker_status(health)["retained"]["bytes"] == 7

    class View:
        workers = (health,)

        def problems(self) -> list[str]:
            return []

        def labels(self) -> dict[str, str]:
            return {"pipeline": "shop"}

    view: Any = View()
    text = render(view, "")[0].decode()
    for line in (
        'tailrace_source_retained_bytes{pipeline="shop"} 7.0',
        'tailrace_source_retained_seconds{pipeline="shop"} 2.5',
        'tailrace_source_budget_bytes{pipeline="shop"} 5.0',
        'tailrace_source_limit_seconds{pipeline="shop"} 60.0',
    ):
        assert line in text
    assert "tailrace_source_limit_bytes{" not in text, "what is not known is not there"
