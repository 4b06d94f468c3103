"""Lag never understates, is 0 only when caught up, and does not grow of itself while all is well."""

from __future__ import annotations

import random

import pytest

from tailrace.lag import FRESH_SECONDS, MOST_SAMPLES, Lag

HOUR = 3600.0
WALL = 1_800_000_000.0


class Clock:
    """One machine's time: `now` since some moment, `wall` since 1970."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return WALL + self.now

    def stamp(self, ago: float = 0.0) -> int:
        """What a change carries that was committed so many seconds ago."""
        return int((self.wall() - ago) * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lag(clock: Clock) -> Lag[int]:
    return Lag(clock, clock.wall)


def test_nothing_is_known_at_first(lag: Lag[int], clock: Clock) -> None:
    assert lag.seconds() is None
    lag.measured(clock.now, end=10, position=5)
    clock.now += 100
    assert lag.seconds() is None, "what waits may have waited since long before"


def test_at_the_end_it_is_0(lag: Lag[int], clock: Clock) -> None:
    lag.measured(clock.now, end=10, position=10)
    clock.now += 1
    assert lag.seconds() == 0


def test_after_an_idle_hour_a_new_change_is_as_old_as_it_is(lag: Lag[int], clock: Clock) -> None:
    lag.measured(clock.now, end=10, position=10)
    lag.handed_on(clock.stamp())
    for _ in range(3600):
        clock.now += 1
        lag.measured(clock.now, end=10, position=10)
    clock.now += 1
    lag.measured(clock.now, end=11, position=10)
    assert lag.seconds() == 1


def test_a_log_that_is_busy_with_other_things_leaves_it_small(lag: Lag[int], clock: Clock) -> None:
    lag.handed_on(clock.stamp())
    for second in range(int(HOUR)):
        clock.now += 1
        lag.measured(clock.now, end=1000 * second + 1000, position=1000 * second + 1)
    assert lag.seconds() == 1


def test_it_grows_while_nothing_moves_and_falls_when_the_position_passes_what_was_the_end(
    lag: Lag[int], clock: Clock
) -> None:
    lag.measured(clock.now, end=100, position=100)
    for second in range(1, 11):
        clock.now += 1
        lag.measured(clock.now, end=100 + 10 * second, position=100)
        assert lag.seconds() == second
    lag.measured(clock.now, end=200, position=150)
    assert lag.seconds() == 5
    lag.measured(clock.now, end=200, position=200)
    assert lag.seconds() == 0


def test_a_start_behind_an_old_backlog_goes_by_the_changes_times(lag: Lag[int], clock: Clock) -> None:
    lag.handed_on(clock.stamp(ago=3 * HOUR))
    assert lag.seconds() == pytest.approx(3 * HOUR)
    lag.measured(clock.now, end=1000, position=100)
    clock.now += 10
    lag.handed_on(clock.stamp(ago=HOUR))
    lag.measured(clock.now, end=1010, position=700)
    assert lag.seconds() == pytest.approx(HOUR)
    # Past what was the end at the start: nothing from before it waits, whatever time the last change carried.
    clock.now += 10
    lag.measured(clock.now, end=1020, position=1005)
    assert lag.seconds() == 20


def test_times_are_finer_than_samples(lag: Lag[int], clock: Clock) -> None:
    lag.measured(clock.now, end=100, position=100)
    clock.now += 1
    lag.handed_on(clock.stamp(ago=0.05))
    lag.measured(clock.now, end=200, position=190)
    assert lag.seconds() == pytest.approx(0.05, abs=0.002)


def test_a_change_without_a_time_says_nothing(lag: Lag[int], clock: Clock) -> None:
    lag.handed_on(0)
    lag.measured(clock.now, end=100, position=90)
    assert lag.seconds() is None


def test_a_clock_that_is_ahead_does_not_make_the_lag_small(lag: Lag[int], clock: Clock) -> None:
    lag.measured(clock.now, end=100, position=100)
    clock.now += 10
    lag.handed_on(clock.stamp(ago=-HOUR))
    lag.measured(clock.now, end=200, position=110)
    assert lag.seconds() == 10
    lag.handed_on(clock.stamp(ago=1))  # by the same clock, so an hour old in truth
    assert lag.seconds() == 10


def test_clocks_that_differ_a_little_do_not_make_it_0(lag: Lag[int], clock: Clock) -> None:
    lag.handed_on(clock.stamp(ago=-0.5))
    lag.measured(clock.now, end=100, position=90)
    assert lag.seconds() is not None
    assert lag.seconds() != 0


def test_a_clock_that_is_set_back_or_forth_changes_nothing(lag: Lag[int], clock: Clock) -> None:
    steps = 0.0
    lag = Lag(clock, lambda: clock.wall() + steps)
    lag.handed_on(clock.stamp(ago=5))
    lag.measured(clock.now, end=100, position=90)
    steps = HOUR
    assert lag.seconds() == pytest.approx(5)
    steps = -HOUR
    assert lag.seconds() == pytest.approx(5)


def test_while_nothing_can_be_measured_it_grows(lag: Lag[int], clock: Clock) -> None:
    lag.measured(clock.now, end=100, position=100)
    clock.now += FRESH_SECONDS
    assert lag.seconds() == 0
    clock.now += 57
    assert lag.seconds() == FRESH_SECONDS + 57


def test_a_question_that_took_long_counts_from_before_it(lag: Lag[int], clock: Clock) -> None:
    asked = clock.now
    clock.now += 20
    lag.measured(asked, end=100, position=100)
    assert lag.seconds() == 20


def test_a_target_that_was_put_back_does_not_look_caught_up(lag: Lag[int], clock: Clock) -> None:
    lag.measured(clock.now, end=100, position=100)
    clock.now += 1
    lag.measured(clock.now, end=100, position=20)
    assert lag.seconds() is None
    clock.now += 1
    lag.measured(clock.now, end=100, position=100)
    assert lag.seconds() == 0


def test_marks_are_places_too(clock: Clock) -> None:
    lag: Lag[str] = Lag(clock, clock.wall)
    lag.measured(clock.now, end="00ff", position="00ff")
    clock.now += 4
    lag.measured(clock.now, end="0100", position="00ff")
    assert lag.seconds() == 4


@pytest.mark.parametrize("seed", range(20))
def test_it_never_understates_and_what_it_remembers_is_bounded(clock: Clock, seed: int) -> None:
    """A log that grows at random, read at random speeds, with stops, for hours; the truth is known here."""
    random.seed(seed)
    lag: Lag[int] = Lag(clock, clock.wall)
    written: list[float] = []  # when each change was committed
    position = 0
    lag.measured(clock.now, 0, 0)
    for _ in range(3000):
        step = random.choice([0.25, 1.0, 7.0])
        written += sorted(clock.now + random.uniform(0, step) for _ in range(random.choice([0, 0, 1, 20])))
        clock.now += step
        before, position = position, min(position + random.choice([0, 0, 0, 1, 30]), len(written))
        if position > before and random.random() < 0.5:
            lag.handed_on(int((WALL + written[position - 1]) * 1000))
        if random.random() < 0.8:
            lag.measured(clock.now, len(written), position)
        told = lag.seconds()
        assert told is not None
        if position == len(written):
            continue
        truth = clock.now - written[position]
        assert told >= truth or truth <= FRESH_SECONDS, "of what came since the last measurement nothing is known"
        assert told > 0 or truth <= FRESH_SECONDS
        assert len(lag._samples) <= MOST_SAMPLES


def test_a_long_lag_is_told_to_about_a_tenth(lag: Lag[int], clock: Clock) -> None:
    began = clock.now
    for second in range(int(HOUR)):
        clock.now = began + second
        lag.measured(clock.now, end=10 * second, position=0)
    for second in range(0, int(HOUR), 100):
        lag.measured(clock.now, end=10 * int(HOUR), position=10 * second)
        truth = clock.now - began - second
        told = lag.seconds()
        assert told is not None
        assert truth <= told <= truth + HOUR / 10
