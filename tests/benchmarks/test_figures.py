"""Medians, ratios pair by pair, percentiles."""

from __future__ import annotations

import pytest

from benchmarks.figures import median, percentiles, ratio, ratios, second_half_rate


def test_a_ratio_is_taken_round_by_round_and_is_not_the_ratio_of_the_medians() -> None:
    ours, theirs = [100.0, 300.0, 200.0], [10.0, 100.0, 100.0]
    assert ratios(ours, theirs) == [10.0, 3.0, 2.0]
    assert ratio(ours, theirs) == 3.0


def test_rounds_that_one_of_the_pair_lacks_do_not_count() -> None:
    assert ratios([8.0, 9.0, 10.0], [2.0]) == [4.0]
    assert ratios([8.0, None, 10.0], [2.0, 3.0, 0.0]) == [4.0]
    assert ratio([], [1.0]) is None


def test_the_median_leaves_out_what_was_not_measured() -> None:
    assert median([3.0, None, 1.0]) == 2.0
    assert median([None]) is None


def test_the_warm_rate_is_that_of_the_second_half_whatever_the_order_of_arrival() -> None:
    # Five rows in ten seconds, then five at two a second.
    times = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 10.5, 11.0, 11.5, 12.0]
    assert second_half_rate(times) == 2.0
    assert second_half_rate(times[::-1]) == 2.0


def test_rows_that_arrive_in_one_instant_have_no_warm_rate() -> None:
    assert second_half_rate([5.0] * 10) is None
    assert second_half_rate([5.0]) is None
    assert second_half_rate([]) is None


@pytest.mark.parametrize(("count", "p50", "p99", "p999"), [(1_000, 500, 990, 999), (2_000, 1_000, 1_980, 1_998)])
def test_percentiles_are_values_that_were_measured(count: int, p50: int, p99: int, p999: int) -> None:
    values = [float(value) for value in range(count, 0, -1)]
    assert percentiles(values) == {"p50": p50, "p99": p99, "p99.9": p999}


def test_a_single_value_is_every_percentile() -> None:
    assert percentiles([7.0]) == {"p50": 7.0, "p99": 7.0, "p99.9": 7.0}
