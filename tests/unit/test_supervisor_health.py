"""Health tells the truth (I8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailrace.report import TableReport, WorkerReport
from tailrace.supervisor.health import PATIENCE_SECONDS, SILENT_SECONDS, WorkerHealth
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
    for _ in range(26):
        assert health.complaint() == "", "for twenty-five seconds it may"
        clock.now += 1
        health.take(streaming(1))
    assert health.complaint() == "capture has not advanced for 26 s, and nothing shows that it has nothing to do"
    health.take(streaming(2))
    assert health.complaint() == ""


def test_a_worker_that_says_nothing_any_more_is_not_well() -> None:
    health, clock = worker()
    health.take(streaming(1))
    clock.now += PATIENCE_SECONDS + 1
    assert "has not advanced for 26 s" in health.complaint()


def test_starting_for_long_is_not_well() -> None:
    health, clock = worker()
    assert health.complaint() == ""
    clock.now += PATIENCE_SECONDS + 5
    assert health.complaint() == "capture has been starting for 30 s"


def test_retrying_and_stuck_are_said_at_once_with_their_reason() -> None:
    health, _ = worker()
    health.take(streaming(1))
    for state in ("retrying", "stuck"):
        health.take(streaming(2, state=state, error="db:3306: no answer"))
        assert health.complaint() == f"capture is {state}: db:3306: no answer"
    health.take(streaming(3))
    assert health.complaint() == ""


def test_a_worker_that_works_again_is_well_once_it_has_advanced() -> None:
    health, clock = worker()
    health.take(streaming(1))
    health.take(streaming(1, state="retrying", error="db:3306: no answer"))
    for seconds in (1, PATIENCE_SECONDS):
        clock.now += seconds
        health.take(streaming(1))
        assert health.complaint() == "capture works again and has yet to advance"
    health.take(streaming(2))
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


def test_why_a_load_pauses_is_shown_and_counted_as_no_error() -> None:
    health, _ = worker()
    for seconds in (11, 12, 13):
        health.take(streaming(seconds, state="loading", error=f"loading paused: lag of replica a:1 {seconds} s > 10 s"))
    assert health.last_error().endswith("13 s > 10 s")
    assert (health.errors, health.complaint()) == (0, "")


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


# ---- lag


def test_lag_is_as_reported_while_reports_come() -> None:
    health, clock = worker()
    assert (health.lag_seconds(), health.lag_bytes()) == (None, None)
    for _ in range(10):
        clock.now += SILENT_SECONDS
        health.take(streaming(1, lag_seconds=0.0, lag_bytes=0))
        clock.now += SILENT_SECONDS
        assert (health.lag_seconds(), health.lag_bytes()) == (0, 0)
        clock.now -= SILENT_SECONDS


@pytest.mark.parametrize("state", ["restarting", "failed"])
def test_of_a_worker_that_is_gone_the_lag_grows_and_its_bytes_are_unknown(state: str) -> None:
    health, clock = worker()
    health.take(streaming(1, lag_seconds=0.0, lag_bytes=0))
    health.ended(state, "killed by SIGKILL")
    clock.now += 60
    assert (health.lag_seconds(), health.lag_bytes()) == (60, None)
    # Its successor has to find out first.
    health.started(4712)
    health.take(WorkerReport("capture"))
    clock.now += 5
    assert (health.lag_seconds(), health.lag_bytes()) == (65, None)
    health.take(streaming(1, lag_seconds=64.0, lag_bytes=900))
    assert (health.lag_seconds(), health.lag_bytes()) == (64, 900)


def test_of_a_worker_that_is_silent_the_lag_grows() -> None:
    health, clock = worker()
    health.take(streaming(1, lag_seconds=2.0, lag_bytes=100))
    clock.now += 30
    assert (health.lag_seconds(), health.lag_bytes()) == (32, None)


def test_what_is_unknown_stays_unknown() -> None:
    health, clock = worker()
    health.take(streaming(1))
    health.ended("restarting", "")
    clock.now += 60
    assert health.lag_seconds() is None


def test_a_finished_worker_is_where_it_was_to_get_and_of_a_stopped_one_nothing_is_known() -> None:
    health, clock = worker()
    health.take(streaming(1, state="finished", lag_seconds=0.0, lag_bytes=0))
    health.ended("finished", "")
    clock.now += 60
    assert (health.lag_seconds(), health.lag_bytes()) == (0, 0)
    health.ended("stopped", "")
    assert (health.lag_seconds(), health.lag_bytes()) == (None, None)


def test_a_table_is_as_far_behind_as_its_slowest_worker() -> None:
    capture, clock = worker()
    users = TableReport("shop.users", "streaming", events=9, bytes=900)
    log = TableReport("shop.log", "suspended", lag_seconds=100.0)
    new = TableReport("shop.new", "loading")
    capture.take(streaming(1, lag_seconds=1.0, lag_bytes=50, tables=[users, log, new]))
    sink = WorkerHealth("kv", clock)
    sink.started(1)
    users = TableReport("shop.users", "streaming", events=5, bytes=400, lag_seconds=7.0, lag_bytes=300, parked=2)
    new = TableReport("shop.new", "streaming", lag_seconds=0.0, lag_bytes=0)
    log = TableReport("shop.log", "streaming", lag_seconds=0.0, lag_bytes=0)
    sink.take(WorkerReport("kv", "streaming", one_log=False, lag_seconds=7.0, tables=[users, log, new]))
    found = {table["name"]: table for table in pipeline_status("shop", "running", [capture, sink], [])["tables"]}
    assert [found["shop.users"][field] for field in ("events", "bytes", "lag_seconds", "lag_bytes")] == [9, 900, 7, 300]
    assert found["shop.users"]["workers"] == {
        "capture": {"events": 9, "bytes": 900, "lag_seconds": 1, "lag_bytes": None, "parked": 0},
        "kv": {"events": 5, "bytes": 400, "lag_seconds": 7, "lag_bytes": 300, "parked": 2},
    }
    assert [found[name]["parked"] for name in ("shop.users", "shop.log")] == [2, 0]
    assert (found["shop.log"]["lag_seconds"], found["shop.log"]["lag_bytes"]) == (100, 0)
    assert found["shop.new"]["lag_seconds"] is None, "rows of it that are not loaded may be of any age"


def test_tables_that_a_report_leaves_out_are_as_they_were() -> None:
    health, _ = worker()
    health.take(streaming(1, tables=[TableReport("a", "streaming"), TableReport("b", "streaming")]))
    health.take(streaming(2, whole=False))
    health.take(streaming(3, whole=False, tables=[TableReport("b", "suspended"), TableReport("c", "streaming")]))
    assert [(table.name, table.state) for table in health.report.tables] == [
        ("a", "streaming"),
        ("b", "suspended"),
        ("c", "streaming"),
    ]
    health.take(streaming(4, tables=[TableReport("a", "streaming")]))
    assert [table.name for table in health.report.tables] == ["a"]


def test_tables_that_a_starting_worker_names_are_known() -> None:
    health, _ = worker()
    health.take(WorkerReport("capture", tables=[TableReport("a", "streaming")]))
    health.take(streaming(1, whole=False))
    assert [table.name for table in health.report.tables] == ["a"]
    health.ended("restarting", "")
    health.take(WorkerReport("capture"))
    assert [table.name for table in health.report.tables] == ["a"]


def test_the_status_line_for_systemd() -> None:
    capture, _ = worker()
    capture.take(streaming(1, lag_seconds=0.21))
    sink, _ = worker("kv")
    line = one_line("shop", "running", [capture, sink], [])
    assert line == "shop is running: capture streaming, lag 0.2 s; kv starting"
    assert one_line("shop", "stuck", [capture], ["kv is stuck"]) == "shop is stuck: kv is stuck"
