"""How many requests to DynamoDB may be in flight."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from tailrace_dynamodb.pace import Pace


def requests(pace: Pace, number: int, throttled: bool) -> None:
    """One after the other."""
    for _ in range(number):
        with pace.turn() as turn:
            turn.throttled = throttled
            turn.taken = not throttled


def test_throttled_requests_halve_the_bound_down_to_one() -> None:
    pace = Pace(32)
    seen = []
    for _ in range(7):
        requests(pace, 1, throttled=True)
        seen.append(pace.allowed)
    assert seen == [16, 8, 4, 2, 1, 1, 1]


def test_requests_that_began_before_the_last_halving_say_nothing_new() -> None:
    pace = Pace(32)
    with ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(pace.turn()).throttled = True
    assert pace.allowed == 16


def test_a_round_of_taken_requests_allows_one_more_up_to_the_bound() -> None:
    pace = Pace(8)
    requests(pace, 2, throttled=True)
    assert pace.allowed == 2
    requests(pace, 3, throttled=False)
    assert pace.allowed == 3
    requests(pace, 1000, throttled=False)
    assert pace.allowed == 8


def test_no_more_are_in_flight_than_allowed_and_all_get_their_turn() -> None:
    pace = Pace(4)
    lock = threading.Lock()
    now, most, done = 0, 0, 0

    def send(number: int) -> None:
        nonlocal now, most, done
        for _ in range(50):
            with pace.turn() as turn:
                with lock:
                    now += 1
                    most = max(most, now)
                turn.throttled = number == 0
                turn.taken = not turn.throttled
                with lock:
                    now -= 1
                    done += 1

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert done == 600
    assert 1 <= most <= 4
