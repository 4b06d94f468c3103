"""Health tells the truth (I8)."""

from __future__ import annotations

from dataclasses import replace

from tailrace.report import TableReport, WorkerReport
from tailrace.supervisor.health import PATIENCE_SECONDS, WorkerHealth
from tailrace.supervisor.status import one_line, pipeline_status, suspended_tables


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def worker(name: str = "capture") -> tuple[WorkerHealth, Clock]:
    clock = Clock()
    health = WorkerHealth(name, clock)
    health.started(4711)
    return health, clock


def streaming(progress: int, **more: object) -> WorkerReport:
    return replace(WorkerReport("capture", state="streaming", progress=progress), **more)  # type: ignore[arg-type]


def test_a_worker_whose_progress_grows_is_well() -> None:
    health, clock = worker()
    for progress in range(10):
        health.take(streaming(progress))
        clock.now += PATIENCE_SECONDS - 1
        assert health.complaint() == ""


def test_a_worker_that_reports_without_progress_is_not_well() -> None:
    health, clock = worker()
    health.take(streaming(1))
    for _ in range(31):
        clock.now += 1
        health.take(streaming(1))
    assert health.complaint() == "capture has not advanced for 31 s, and nothing shows that it has nothing to do"
    health.take(streaming(2))
    assert health.complaint() == ""


def test_a_worker_that_says_nothing_any_more_is_not_well() -> None:
    health, clock = worker()
    health.take(streaming(1))
    clock.now += PATIENCE_SECONDS + 1
    assert "has not advanced for 31 s" in health.complaint()


def test_starting_for_long_is_not_well() -> None:
    health, clock = worker()
    assert health.complaint() == ""
    clock.now += PATIENCE_SECONDS + 5
    assert health.complaint() == "capture has been starting for 35 s"


def test_retrying_and_stuck_are_said_at_once_with_their_reason() -> None:
    health, _ = worker()
    health.take(streaming(1))
    for state in ("retrying", "stuck"):
        health.take(streaming(2, state=state, error="db:3306: no answer"))
        assert health.complaint() == f"capture is {state}: db:3306: no answer"
    health.take(streaming(3))
    assert health.complaint() == ""


def test_a_restarted_worker_is_well_only_when_it_is_back_at_work() -> None:
    health, _ = worker()
    health.take(streaming(7, position="binlog.000003:4"))
    health.ended("restarting", "killed by SIGKILL")
    assert health.complaint() == "capture is being restarted: killed by SIGKILL"
    health.started(4712)
    health.take(WorkerReport("capture"))
    assert health.complaint() == "capture was restarted and is not back at work yet: killed by SIGKILL"
    assert health.report.position == "binlog.000003:4", "what was known of its position remains known"
    health.take(streaming(1))
    assert health.complaint() == ""
    assert health.last_error() == ""
    assert (health.restarts, health.errors) == (1, 1)


def test_a_finished_worker_is_well_for_ever_and_a_failed_one_never() -> None:
    health, clock = worker()
    health.take(streaming(1, state="finished"))
    health.ended("finished", "")
    clock.now += 1000
    assert health.complaint() == ""
    health.ended("failed", "the log is gone")
    assert health.complaint() == "capture has failed and is not started again: the log is gone"


def test_rates_are_those_of_the_last_seconds() -> None:
    health, clock = worker()
    for second in range(30):
        events = 0 if second < 15 else (second - 14) * 500
        health.take(streaming(second, events=events, bytes=events * 100))
        clock.now += 1
    assert health.rates() == (500.0, 50_000.0)
    health.started(4712)
    assert health.rates() == (0.0, 0.0)


def test_errors_are_counted_once_each() -> None:
    health, _ = worker()
    for error in ("", "a", "a", "", "a", "b", "b"):
        health.take(streaming(1, state="retrying", error=error))
    assert health.errors == 3


def test_a_table_that_a_sink_suspends_is_suspended() -> None:
    capture, _ = worker()
    capture.take(streaming(1, tables=[TableReport("shop.b", "loading", 3, 9), TableReport("shop.a", "streaming")]))
    sink, _ = worker("kv")
    sink.take(streaming(1, tables=[TableReport("shop.a", "suspended", reason="key of 3 KB")]))
    status = pipeline_status("shop", "running", [capture, sink], [])
    assert [(table["name"], table["state"]) for table in status["tables"]] == [
        ("shop.a", "suspended"),
        ("shop.b", "loading"),
    ]
    assert suspended_tables([capture, sink]) == ["table shop.a is suspended: kv: key of 3 KB"]


def test_the_status_line_for_systemd() -> None:
    capture, _ = worker()
    capture.take(streaming(1, lag_seconds=0.21))
    sink, _ = worker("kv")
    line = one_line("shop", "running", [capture, sink], [])
    assert line == "shop is running: capture streaming, lag 0.2 s; kv starting"
    assert one_line("shop", "stuck", [capture], ["kv is stuck"]) == "shop is stuck: kv is stuck"
