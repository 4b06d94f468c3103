"""Cases that wait more than they compute, at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def side_by_side(**cases: Callable[[], Any]) -> None:
    """Runs each case in a thread of its own, to its end whatever becomes of the others.

    Raises:
        ExceptionGroup: what the cases raised, each with its name.
    """
    with ThreadPoolExecutor(len(cases)) as threads:
        running = {name: threads.submit(case) for name, case in cases.items()}
    raise_together((name, future.exception()) for name, future in running.items())


def raise_together(outcomes: Iterable[tuple[str, BaseException | None]]) -> None:
    errors = []
    for name, error in outcomes:
        if error is not None:
            error.add_note(f"case {name}")
            errors.append(error)
    if errors:
        raise BaseExceptionGroup("cases failed", errors)
