from __future__ import annotations

import pytest

from tailrace.supervisor.policy import Backoff, Ending, Verdict, judge, worst


def ending(exit_code: int, **circumstances: bool | int) -> Ending:
    return Ending(
        exit_code=exit_code,
        capture=bool(circumstances.get("capture")),
        settled=bool(circumstances.get("settled")),
        finishing=bool(circumstances.get("finishing")),
        until_caught_up=bool(circumstances.get("until_caught_up")),
        crashes=int(circumstances.get("crashes", 1)),
    )


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (ending(0, capture=True, finishing=True), Verdict.FINISHED),
        (ending(0, capture=True), Verdict.RESTART),
        (ending(0, finishing=True), Verdict.FINISHED),
        (ending(0), Verdict.RESTART),
        (ending(6, capture=True, settled=True), Verdict.END),
        (ending(6, settled=True), Verdict.FAILED),
        (ending(5), Verdict.END),
        (ending(2), Verdict.END),
        (ending(5, settled=True), Verdict.RESTART),
        (ending(2, settled=True), Verdict.RESTART),
        (ending(4), Verdict.RESTART),
        (ending(4, until_caught_up=True), Verdict.FAILED),
        (ending(4, until_caught_up=True, capture=True), Verdict.END),
        (ending(5, until_caught_up=True, settled=True), Verdict.FAILED),
        (ending(1), Verdict.RESTART),
        (ending(-9, crashes=100), Verdict.RESTART),
        (ending(-9, until_caught_up=True, crashes=4), Verdict.RESTART),
        (ending(-9, until_caught_up=True, crashes=5), Verdict.FAILED),
    ],
)
def test_what_an_ending_means(case: Ending, verdict: Verdict) -> None:
    assert judge(case) is verdict


def test_pauses_double_up_to_half_a_minute_and_start_over_after_a_good_run() -> None:
    backoff = Backoff()
    assert [backoff.pause(1) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.pause(61) == 0.5
    assert backoff.pause(59) == 1


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), ([0, 0], 0), ([4, 5], 5), ([5, 6, 1], 6), ([9], 1), ([0, 1, 4], 4), ([2, 5], 2)]
)
def test_the_worst_exit_code_speaks(codes: list[int], code: int) -> None:
    assert worst(codes) == code
