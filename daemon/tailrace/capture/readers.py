"""The threads that read the full load's chunks, each through a connection of its own."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tailrace.errors import TableBusyError

#: A thread that does not end in time, after its connection was shut, is left behind: the process ends it.
_JOIN_SECONDS = 10.0


class Reader(Protocol):
    """Of chunks or of whole tables; what `Readers` asks of either."""

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


R = TypeVar("R", bound=Reader)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        task: as it was handed to `begin`.
        result: what the task returned; None where it has raised `error`.
        part: the result is a part, which the task has handed over, and goes on.
    """

    task: Any
    result: Any
    error: Exception | None = None
    part: bool = False


class Readers(Generic[R]):
    """Runs tasks on at most `most` threads, which are started when first needed.

    A connection that failed is closed, and the thread's next task gets a new one. Once closed, all begins anew.
    """

    def __init__(self, connect: Callable[[], R], most: int) -> None:
        self._connect = connect
        self._most = most
        self._tasks: queue.SimpleQueue[tuple[Callable[[R], Any], Any] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._open: list[R] = []
        self._closed = False
        #: Tasks that were begun and whose outcome was not taken.
        self.busy = 0

    @property
    def idle(self) -> bool:
        """Whether a task would be begun at once."""
        return self.busy < self._most

    def begin(self, run: Callable[[R], Any], task: Any) -> None:
        """Starts `run`; `task` comes back with its outcome."""
        self.busy += 1
        if len(self._threads) < min(self.busy, self._most):
            thread = threading.Thread(target=self._work, name=f"load-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._tasks.put((run, task))

    def hand_over(self, task: Any, result: Any) -> None:
        """On a reader's thread: a part of the task's result."""
        self._outcomes.put(Outcome(task, result, part=True))

    def finished(self) -> list[Outcome]:
        """The outcomes since the last call."""
        outcomes = []
        with contextlib.suppress(queue.Empty):
            while True:
                outcomes.append(self._outcomes.get_nowait())
        self.busy -= sum(not outcome.part for outcome in outcomes)
        return outcomes

    def close(self) -> None:
        """Ends the threads, whatever they read, and their connections."""
        with self._lock:
            self._closed = True
            for reader in self._open:
                reader.interrupt()
        with contextlib.suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        self._threads = []
        self.busy = 0
        self._tasks, self._outcomes = queue.SimpleQueue(), queue.SimpleQueue()
        self._closed = False

    def _work(self) -> None:
        reader: R | None = None
        tasks, outcomes = self._tasks, self._outcomes
        try:
            while (work := tasks.get()) is not None:
                run, task = work
                result, failure = None, None
                try:
                    if reader is None:
                        reader = self._opened()
                    result = run(reader)
                except Exception as error:  # the capture's thread raises it
                    failure = error
                    if reader is not None and not isinstance(error, TableBusyError):
                        self._close(reader)
                        reader = None
                outcomes.put(Outcome(task, result, failure))
        finally:
            if reader is not None:
                self._close(reader)

    def _opened(self) -> R:
        reader = self._connect()
        with self._lock:
            self._open.append(reader)
            if self._closed:
                reader.interrupt()
        return reader

    def _close(self, reader: R) -> None:
        with self._lock:
            self._open = [other for other in self._open if other is not reader]
        reader.close()
