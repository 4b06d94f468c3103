"""How far a sink is behind the stream, by partition and by topic."""

from __future__ import annotations

import pytest

from tailrace.apply.backlog import Backlog
from tailrace.lag import FRESH_SECONDS
from tailrace.stream import Partition

WALL = 1_800_000_000.0
USERS, ORDERS, ORDERS_1 = Partition("users", 0), Partition("orders", 0), Partition("orders", 1)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backlog(clock: Clock) -> Backlog:
    return Backlog(clock, lambda: WALL + clock.now)


def test_before_the_stream_was_asked_nothing_is_known(backlog: Backlog) -> None:
    assert backlog.whole() == (None, None)
    assert backlog.by_topic() == {}


def test_a_stream_without_topics_has_nothing_to_wait_for(backlog: Backlog, clock: Clock) -> None:
    backlog.measured(clock.now, {}, {}, {})
    assert backlog.whole() == (0, 0)


def test_a_topic_is_as_far_behind_as_its_slowest_partition_and_the_sink_as_its_slowest_topic(
    backlog: Backlog, clock: Clock
) -> None:
    backlog.measured(clock.now, {USERS: 5, ORDERS: 5, ORDERS_1: 5}, {USERS: 5, ORDERS: 5, ORDERS_1: 5}, {})
    clock.now += 10
    ends = {USERS: 5, ORDERS: 6, ORDERS_1: 7}
    backlog.measured(clock.now, {USERS: 5, ORDERS: 5, ORDERS_1: 5}, ends, {USERS: 0, ORDERS: 100, ORDERS_1: 200})
    clock.now += 1
    backlog.measured(clock.now, {USERS: 5, ORDERS: 6, ORDERS_1: 5}, ends, {USERS: 0, ORDERS: 0, ORDERS_1: 200})
    assert backlog.by_topic() == {"users": (0, 0), "orders": (11, 200)}
    assert backlog.whole() == (11, 200)


def test_of_a_partition_of_which_nothing_is_known_the_sinks_lag_is_unknown(backlog: Backlog, clock: Clock) -> None:
    backlog.measured(clock.now, {USERS: 5}, {USERS: 5, ORDERS: 6}, {USERS: 0, ORDERS: 60})
    assert backlog.by_topic() == {"users": (0, 0), "orders": (None, 60)}
    assert backlog.whole() == (None, 60)


def test_the_times_in_events_bound_it_per_partition(backlog: Backlog, clock: Clock) -> None:
    backlog.handed_on({USERS: int((WALL + clock.now - 3600) * 1000), ORDERS: int((WALL + clock.now - 5) * 1000)})
    backlog.measured(clock.now, {USERS: 5, ORDERS: 5}, {USERS: 6, ORDERS: 6}, {USERS: 1, ORDERS: 1})
    topics = backlog.by_topic()
    assert topics["users"][0] == pytest.approx(3600)
    assert topics["orders"][0] == pytest.approx(5)


def test_while_the_stream_cannot_be_asked_seconds_grow_and_bytes_are_unknown(backlog: Backlog, clock: Clock) -> None:
    backlog.measured(clock.now, {USERS: 5}, {USERS: 5}, {USERS: 0})
    clock.now += FRESH_SECONDS + 60
    assert backlog.whole() == (FRESH_SECONDS + 60, None)
    assert backlog.by_topic() == {"users": (FRESH_SECONDS + 60, None)}


def test_a_partition_that_turns_out_to_be_of_no_interest_is_forgotten(backlog: Backlog, clock: Clock) -> None:
    backlog.measured(clock.now, {USERS: 5, ORDERS: 5}, {USERS: 5, ORDERS: 6}, {USERS: 0, ORDERS: 60})
    clock.now += 1
    backlog.measured(clock.now, {USERS: 5, ORDERS: 5}, {USERS: 5}, {USERS: 0, ORDERS: 60})
    assert backlog.whole() == (0, 0)
    assert backlog.by_topic() == {"users": (0, 0)}
