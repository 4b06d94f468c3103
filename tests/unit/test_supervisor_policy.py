from __future__ import annotations

import pytest

from tailrace.report import WorkerReport
from tailrace.supervisor.health import WorkerHealth
from tailrace.supervisor.policy import (
    BLOCKED_SECONDS,
    RETRYING_SECONDS,
    Backoff,
    Blockage,
    Ending,
    Verdict,
    hopeless,
    judge,
    worst,
)


def ending(exit_code: int, **circumstances: bool | int) -> Ending:
    return Ending(
        exit_code=exit_code,
        capture=bool(circumstances.get("capture")),
        settled=bool(circumstances.get("settled")),
        finishing=bool(circumstances.get("finishing")),
        finished=bool(circumstances.get("finished")),
        until_caught_up=bool(circumstances.get("until_caught_up")),
        crashes=int(circumstances.get("crashes", 1)),
    )


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (ending(0, capture=True, finishing=True, finished=True), Verdict.FINISHED),
        (ending(0, capture=True, finishing=True), Verdict.RESTART),
        (ending(0, capture=True, finished=True), Verdict.RESTART),
        (ending(0, finishing=True, finished=True), Verdict.FINISHED),
        (ending(0, finishing=True), Verdict.RESTART),
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
    ("codes", "code"),
    [([], 0), ([0, 0], 0), ([4, 5], 5), ([5, 6, 1], 6), ([9], 1), ([-6], 1), ([-9, 4], 4), ([0, 1, 4], 4), ([2, 5], 2)],
)
def test_the_worst_exit_code_speaks(codes: list[int], code: int) -> None:
    assert worst(codes) == code


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def says(health: WorkerHealth, state: str, progress: int = 0, lag_bytes: int | None = None) -> None:
    health.take(WorkerReport(health.name, state=state, progress=progress, lag_bytes=lag_bytes))


def test_there_is_hope_for_a_minute_of_retrying_and_again_after_it_got_on() -> None:
    clock = Clock()
    health = WorkerHealth("kv", clock)
    says(health, "streaming", 7)
    says(health, "retrying", 7)
    clock.now += RETRYING_SECONDS - 1
    assert hopeless(health) == 0
    says(health, "streaming", 8)
    clock.now += 2
    says(health, "retrying", 8)
    assert hopeless(health) == 0
    clock.now += RETRYING_SECONDS
    assert hopeless(health) == 5


def test_to_connect_is_not_to_get_on_and_a_new_process_has_not_either() -> None:
    clock = Clock()
    health = WorkerHealth("kv", clock)
    says(health, "streaming", 7)
    says(health, "retrying", 7)
    clock.now += RETRYING_SECONDS / 2
    says(health, "streaming", 7)
    health.ended("restarting", "killed by SIGKILL")
    health.started(4711)
    says(health, "starting")
    says(health, "streaming")
    clock.now += RETRYING_SECONDS / 2
    assert hopeless(health) == 0, "it may be about to"
    says(health, "retrying")
    assert hopeless(health) == 5
    says(health, "streaming", 1)
    says(health, "retrying", 1)
    assert hopeless(health) == 0


def test_a_full_stream_is_blocked_only_while_nobody_else_reads_it() -> None:
    clock = Clock()
    capture, failed, other = (WorkerHealth(name, clock) for name in ("capture", "kv", "sql"))
    blockage = Blockage(clock)

    def lasts() -> bool:
        blockage.lasts(capture, [failed, other])
        clock.now += BLOCKED_SECONDS
        return blockage.lasts(capture, [failed, other])

    says(capture, "paused")
    says(other, "streaming", 1, lag_bytes=0)
    assert not lasts(), "nobody has failed"
    failed.ended("failed", "a value cannot be carried")
    says(other, "streaming", 2, lag_bytes=None)
    assert not lasts(), "the other one reads"
    says(other, "streaming", 3, lag_bytes=0)
    says(capture, "streaming", 1)
    assert not lasts(), "the stream is not full"
    says(capture, "paused", 1)
    assert lasts()
