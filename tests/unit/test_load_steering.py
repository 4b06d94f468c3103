"""Which table is loaded first, and when the load pauses for the source's sake."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from tailrace.capture import pressure
from tailrace.capture.ordering import ordered
from tailrace.capture.pressure import Limits, Watch
from tailrace.capture.spans import TableLoad
from tailrace.capture.throttle import Throttle
from tailrace.errors import UnreachableError
from tailrace.schema import TableName
from tailrace.source import Gauge, SourceTable
from tests.servers import wait_until


def table(name: str, rows: int) -> SourceTable:
    schema, _, short = name.partition(".")
    return SourceTable(TableName("db", schema, short), f"p.{name}", estimated_rows=rows)


TABLES = [table("shop.lines", 900), table("shop.orders", 300), table("shop.users", 20), table("log.clicks", 5)]


def names(tables: list[SourceTable]) -> list[str]:
    return [str(table.name) for table in tables]


def test_small_tables_come_first() -> None:
    assert names(ordered(TABLES, ())) == ["log.clicks", "shop.users", "shop.orders", "shop.lines"]


def test_what_an_earlier_glob_names_comes_first() -> None:
    expected = ["shop.orders", "shop.users", "shop.lines", "log.clicks"]
    assert names(ordered(TABLES, ("shop.orders", "shop.*"))) == expected


def test_a_table_keeps_its_place_when_it_has_grown_since_its_load_began() -> None:
    loads = {table.topic: TableLoad(total=table.estimated_rows) for table in TABLES}
    grown = [table("log.clicks", 10**6), *TABLES[:3]]
    assert names(ordered(grown, (), loads))[0] == "log.clicks"


@dataclass
class State:
    """What the source says of itself; an error is raised, and None is waited at."""

    sessions: float | None = 1
    lags: list[Gauge] = field(default_factory=list)
    error: Exception | None = None
    hangs: threading.Event | None = None
    connected: int = 0
    closed: int = 0

    def connect(self) -> State:
        self.connected += 1
        return self

    def active_sessions(self) -> Gauge:
        if self.hangs is not None:
            self.hangs.wait(30)
        if self.error is not None:
            raise self.error
        return Gauge("Threads_running", self.sessions)

    def replica_lags(self) -> list[Gauge]:
        return self.lags

    def close(self) -> None:
        self.closed += 1


def test_what_is_over_its_limit_is_said_with_both_numbers() -> None:
    state = State(42, [Gauge("lag of replica a:1", 12.3), Gauge("lag of replica b:1", None, "it is no replica")])
    both = Limits(30, 10.0)
    assert both.exceeded(state) == [
        "Threads_running 42 > 30",
        "lag of replica a:1 12 s > 10 s",
        "lag of replica b:1 is unknown: it is no replica",
    ]
    assert Limits(None, 15.0).exceeded(state) == ["lag of replica b:1 is unknown: it is no replica"]
    assert Limits(42, None).exceeded(state) == []


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setattr(pressure, "ASK_SECONDS", 0.01)
    return State()


def test_nothing_is_read_before_the_first_answer_nor_while_it_is_over_a_limit(state: State) -> None:
    state.hangs = threading.Event()
    watch = Watch(state.connect, Limits(30, None))
    throttle = Throttle(0, watch)
    assert not throttle.open
    assert throttle.reason == ""
    state.hangs.set()
    wait_until(lambda: throttle.open, 10, "the load may go on")
    state.sessions = 31
    wait_until(lambda: not throttle.open, 10, "the load pauses")
    assert throttle.reason == "loading paused: Threads_running 31 > 30"
    state.sessions = 30
    wait_until(lambda: throttle.open, 10, "the load goes on")
    throttle.rest()
    wait_until(lambda: state.closed, 10, "nothing is asked any more")
    assert state.connected == 1


def test_a_state_that_cannot_be_known_counts_as_too_much(state: State) -> None:
    watch = Watch(state.connect, Limits(30, None))
    for error, reason in (
        (UnreachableError("the connection was lost"), "the connection was lost"),
        (KeyError(), "KeyError"),
    ):
        wait_until(lambda: watch.clear, 10, "the load may go on")
        state.error = error
        wait_until(lambda: not watch.clear, 10, "the load pauses")
        assert watch.reason == f"loading paused: the source's state is unknown: {reason}"
        state.error = None
    wait_until(lambda: watch.clear, 10, "another connection answers")
    assert state.connected > 1
    watch.close()


def test_an_answer_that_does_not_come_pauses_the_load(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(state.connect, Limits(30, None))
    wait_until(lambda: watch.clear, 10, "the load may go on")
    monkeypatch.setattr(pressure, "STALE_SECONDS", 0.1)
    state.hangs = threading.Event()
    wait_until(lambda: "no answer for" in watch.reason, 10, "the load pauses")
    assert not watch.clear
    state.hangs.set()
    watch.close()
    assert watch.reason == ""
