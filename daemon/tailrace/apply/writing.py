"""Calls of a sink that write, in the background where the sink overlaps: one at a time, in the order of their start."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from tailrace.sink import Sink

#: So often at most an idle sink's target is asked whether it is there.
ASK_SECONDS = 10.0


class Writing:
    """At most one call is under way; no other call of the sink may be made until `wait` has returned."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._answered_at = time.monotonic()
        self._executor = ThreadPoolExecutor(1, "target") if sink.overlaps else None
        self._under_way: Future[None] | None = None
        self._done: Callable[[], None] | None = None

    def start(self, call: Callable[[], None], done: Callable[[], None]) -> None:
        """Begins a call, once the one before is done.

        Args:
            done: what follows it, in the thread that waits.

        Raises:
            what the call before raised; without overlap what this one raises.
        """
        self.wait()
        if self._executor is None:
            call()
            self._answered_at = time.monotonic()
            done()
        else:
            self._done = done
            self._under_way = self._executor.submit(call)

    def wait(self) -> None:
        """Until no call is under way; raises what it raised."""
        under_way, done = self._under_way, self._done
        self._under_way = self._done = None
        if under_way is not None:
            under_way.result()
            self._answered_at = time.monotonic()
            if done is not None:
                done()

    def ask(self) -> None:
        """Of a sink with nothing to do: its target is there and still this worker's, as it was moments ago.

        Raises:
            what a commit of nothing raises.
        """
        self.wait()
        if time.monotonic() - self._answered_at >= ASK_SECONDS:
            self._sink.commit({})
            self._answered_at = time.monotonic()

    def close(self) -> None:
        """Waits for what is under way; how it ends is nobody's matter any more."""
        self._under_way = self._done = None
        if self._executor is not None:
            self._executor.shutdown()
