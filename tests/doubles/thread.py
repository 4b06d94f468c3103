"""A sink's worker at work in a thread of the test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from tailrace.report import Control


@contextlib.contextmanager
def working(supervise: Callable[[Control], None], seconds: float) -> Iterator[Control]:
    """Runs it until the end, where it must stop within `seconds`; its error, if it ends with one, is raised there."""
    control = Control()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            supervise(control)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield control
    finally:
        control.stop.set()
        thread.join(seconds)
    assert not thread.is_alive()
    if errors:
        raise errors[0]
