"""How far behind a sink's worker says that it is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tailrace import lag, progress
from tailrace.errors import UnreachableError
from tailrace.report import TableReport
from tailrace.testing import MemoryStream
from tests.doubles.mirror import ID, LOG, NAME, Mirror, row
from tests.servers import wait_until


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports, and measurements, come more often than once a second."""
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0.05)


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path, MemoryStream())


@pytest.fixture
def parted(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path, MemoryStream(partitions=3, markers=True))


def table_of(mirror: Mirror, name: str) -> TableReport:
    return next(table for table in mirror.reports.last.tables if table.name == name)


def test_a_sink_whose_target_is_away_falls_behind(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "FRESH_SECONDS", 0.2)
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    away = [UnreachableError("away", where="db")]
    with mirror.running():
        wait_until(lambda: mirror.reports.last.lag_bytes == 0 and mirror.reports.last.events, 5, "caught up")
        assert mirror.reports.last.lag_seconds == 0
        mirror.prepare = lambda sink: sink.failures.extend(away)
        mirror.sinks[-1].failures.extend(away)
        users.insert(row(2))

        def down() -> float:
            return (mirror.reports.last.state == "retrying" and mirror.reports.last.lag_seconds) or 0.0

        first = wait_until(down, 10, "it is down, and behind")
        wait_until(lambda: down() > first + 0.5, 10, "it grows")
        assert mirror.reports.last.lag_bytes is None, "nothing is measured while it is down"
        mirror.prepare = lambda sink: None
        wait_until(lambda: mirror.reports.last.lag_bytes == 0, 10, "caught up again")
        assert mirror.reports.last.lag_seconds == 0


def test_a_sink_that_is_slow_says_by_how_many_bytes(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    reader = mirror.stream.reader("mirror")
    mirror._reader = lambda: reader  # type: ignore[method-assign]
    with mirror.running():
        wait_until(lambda: mirror.reports.last.lag_bytes == 0 and mirror.reports.last.events, 5, "caught up")
        reader.hold.add(LOG)
        users.insert(row(2, "x" * 1000))
        wait_until(lambda: (mirror.reports.last.lag_bytes or 0) > 1000, 5, "it is behind")
        assert mirror.reports.last.lag_bytes < 3000  # type: ignore[operator]
        assert 0 < mirror.reports.last.lag_seconds < 5  # type: ignore[operator]
        reader.hold.clear()
        wait_until(lambda: mirror.reports.last.lag_bytes == 0, 5, "caught up again")


def test_where_each_table_has_a_topic_each_has_a_lag_of_its_own(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    orders = parted.script.table("public.orders", [ID, NAME])
    reader = parted.stream.reader("mirror")
    parted._reader = lambda: reader  # type: ignore[method-assign]
    with parted.running():
        wait_until(lambda: parted.reports.last.lag_seconds == 0 and parted.reports.last.tables, 5, "caught up")
        held = [partition for partition in reader.partitions() if partition.topic == orders.schema.topic]
        reader.hold.update(held)
        for key in range(20):
            users.insert(row(key))
            orders.insert(row(key))
        wait_until(lambda: table_of(parted, "public.users").events == 20, 5, "one table is applied")
        wait_until(lambda: table_of(parted, "public.users").lag_bytes == 0, 5, "and caught up")
        wait_until(lambda: (table_of(parted, "public.orders").lag_seconds or 0) > 0.5, 5, "the other is behind")
        users_report, orders_report = table_of(parted, "public.users"), table_of(parted, "public.orders")
        assert users_report.lag_seconds == 0
        assert (orders_report.events, orders_report.lag_bytes) == (0, parted.reports.last.lag_bytes)
        assert parted.reports.last.lag_seconds == pytest.approx(orders_report.lag_seconds, abs=0.1)
        assert not parted.reports.last.one_log
        reader.hold.clear()
        wait_until(lambda: parted.reports.last.lag_seconds == 0, 5, "all caught up")
    last = parted.reports.last
    assert sum(table.bytes for table in last.tables) == last.bytes > 0
    assert [table.events for table in last.tables] == [20, 20]


def test_a_start_behind_an_old_backlog_shows_its_age(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    an_hour_ago = time.time_ns() - 3600 * 10**9
    with monkeypatch.context() as past:
        past.setattr(time, "time_ns", lambda: an_hour_ago)
        users.insert(row(1))
        with mirror.script.transaction():
            users.insert(row(2))
            users.insert(row(3))
            mirror.script.publish()  # one of the two
            with mirror.running():
                wait_until(lambda: mirror.reports.last.events == 1, 5, "the first is applied")
                wait_until(lambda: mirror.reports.last.lag_bytes, 5, "the rest cannot be")
                assert 3600 <= (mirror.reports.last.lag_seconds or 0) < 3610


def test_topics_of_tables_that_the_sink_does_not_take_are_no_lag_of_its(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    other = parted.script.table("public.other", [ID, NAME])
    parted.selects = lambda table: table.table == "users"
    for key in range(10):
        other.insert(row(key))
    with parted.running():
        users.insert(row(1))
        wait_until(lambda: parted.reports.all and parted.reports.last.events == 1, 5, "its table is applied")
        wait_until(lambda: parted.reports.last.lag_seconds == 0, 5, "it is caught up")
        assert parted.reports.last.lag_bytes == 0
        assert [table.name for table in parted.reports.last.tables] == ["public.users"]
