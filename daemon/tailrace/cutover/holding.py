"""Has a running sink leave its target alone for a while, so that nobody writes while structure is made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tailrace.errors import NotRunningError, StuckError, TailraceError

#: A hold ends by itself after so long: whoever asked for it may have been killed.
LEASE_SECONDS = 30.0
RENEW_SECONDS = 5.0
#: How long a sink may take to come to rest, or back to work.
REST_SECONDS = 60.0
_POLL_SECONDS = 0.1

#: Asks the supervisor at a path, posting what is given.
Ask = Callable[[str, Any], Any]


@contextmanager
def held(ask: Ask, sink: str) -> Iterator[None]:
    """The sink rests, its connections closed, from when the block begins until it ends.

    Raises:
        StuckError: it does not come to rest.
        NotRunningError: the pipeline is not running.
    """
    over = threading.Event()
    ask("/hold", {"sink": sink, "seconds": LEASE_SECONDS})

    def renew() -> None:
        while not over.wait(RENEW_SECONDS):
            try:
                ask("/hold", {"sink": sink, "seconds": LEASE_SECONDS})
            except TailraceError:
                continue  # a supervisor that is gone has taken its sinks with it

    renewal = threading.Thread(target=renew, name="hold", daemon=True)
    renewal.start()
    try:
        _await(ask, sink, lambda state: state == "held", "does not come to rest")
        yield
    finally:
        over.set()
        renewal.join()
        try:
            ask("/hold", {"sink": sink, "seconds": 0})
            _await(ask, sink, lambda state: state != "held", "does not go on")
        except NotRunningError:
            pass


def _await(ask: Ask, sink: str, reached: Callable[[str], bool], failing: str) -> None:
    deadline = time.monotonic() + REST_SECONDS
    while True:
        status = ask("/status", None)
        [worker] = [worker for worker in status["workers"] if worker["name"] == sink]
        if reached(worker["state"]):
            return
        if time.monotonic() > deadline:
            raise StuckError(f"sink {sink} is {worker['state']} and {failing}", fix="see tailrace status")
        time.sleep(_POLL_SECONDS)
