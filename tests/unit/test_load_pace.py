"""The rate of a load, what is left of it, and how it is held back."""

from __future__ import annotations

import time

import pytest

from tailrace.capture.pace import Pace
from tailrace.capture.throttle import Throttle
from tailrace.cli.status import loading_text
from tailrace.report import TableReport
from tailrace.supervisor.status import percent


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    pace = Pace()
    assert pace.rows_per_second is None
    for second in range(100):
        pace.reached(second, second * 10 if second < 50 else 500 + (second - 50) * 100)
    assert pace.rows_per_second == 100
    assert pace.seconds_left(10_000) == pytest.approx((10_000 - 5_400) / 100)


def test_what_is_left_is_unknown_where_the_statistics_were_wrong() -> None:
    pace = Pace()
    pace.reached(0, 100)
    pace.reached(1, 200)
    assert pace.seconds_left(0) is None
    assert pace.seconds_left(150) is None


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (TableReport("t", "loading", rows=50, total=200), 25.0),
        (TableReport("t", "loading", rows=500, total=200), 99.9),
        (TableReport("t", "loading", rows=5), None),
        (TableReport("t", "streaming", rows=5, total=200), 100.0),
        (TableReport("t", "suspended", rows=50, total=200), 25.0),
    ],
)
def test_the_percentage_is_100_only_when_the_load_is_done(report: TableReport, expected: float | None) -> None:
    assert percent(report) == expected


def test_status_says_how_much_of_a_table_is_loaded() -> None:
    table = {"total": 2000, "percent": 25.0, "rows_per_second": 100.4, "seconds_left": 15.0}
    assert loading_text(table) == " of about 2,000 (25 %), 100/s, 15.0 s left"
    assert loading_text({"total": 0}) == ""


def test_a_throttle_lets_a_rate_pass_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    throttle = Throttle(1000)
    assert throttle.limit(50_000) == 1000
    passed = 0
    for _ in range(1000):
        if throttle.open:
            throttle.read(500)
            passed += 500
        now[0] += 0.01
    assert 10_000 <= passed <= 10_500


def test_without_a_rate_nothing_is_held_back() -> None:
    throttle = Throttle(0)
    throttle.read(1_000_000)
    assert throttle.open
    assert throttle.limit(50_000) == 50_000
