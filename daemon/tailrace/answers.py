"""Waiting for the answers of a target: where one takes long, the server is asked whether it still comes.

A driver that waits for its server does not learn that the connection is dead where something between the two keeps it
open: a proxy, a firewall that has forgotten it, a server that hangs. A bound on the time would end statements that the
server is at work on, a large DELETE or the index of a large table. So the question is put over another connection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tailrace.errors import UnreachableError

#: What takes longer is looked into; with the time that a refused question takes it is told within half a minute.
LONG_SECONDS = 15.0
_LOOK_SECONDS = 2.5

#: Why the answer will not come; "" where it may. It takes ten seconds at most, or little more.
Question = Callable[[], str]


class Answers:
    """Watches one session's calls, from a thread of its own, which looks at a clock every few seconds.

    Args:
        where: the target, for the error.
        hang_up: ends the connection, so that the call fails that waits at it. Called from the thread.
    """

    def __init__(self, where: str, hang_up: Callable[[], None]) -> None:
        self._where = where
        self._hang_up = hang_up
        self._call: tuple[float, Question] | None = None
        self._why = ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="answers", daemon=True)
        self._thread.start()

    @contextmanager
    def awaiting(self, question: Question) -> Iterator[None]:
        """Around a call that waits for the server; calls within it are a part of it.

        Args:
            question: asked when it takes long, again and again, from another thread.

        Raises:
            UnreachableError: the answer did not come, and will not.
        """
        if self._call is not None:
            yield
            return
        self._call = time.monotonic(), question
        try:
            yield
        except Exception:
            if self._why:
                raise UnreachableError(
                    self._why, where=self._where, fix="see whether the server and the network are well"
                ) from None
            raise
        finally:
            self._call = None

    def close(self) -> None:
        """Nothing is awaited any more; a question that is under way ends by itself."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            call = self._call
            if call is None or time.monotonic() - call[0] < LONG_SECONDS:
                continue
            why = call[1]()
            if why and self._call is call:
                self._why = f"no answer for {time.monotonic() - call[0]:.0f} s, and {why}"
                self._hang_up()
                return
