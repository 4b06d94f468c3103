"""A sink's worker: sessions, one after the other, with a pause between them that grows while they fail."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Callable

import structlog

from tailrace.apply.parking import Policy
from tailrace.apply.progress import Progress
from tailrace.apply.session import Session
from tailrace.config import Pipeline
from tailrace.errors import TailraceError
from tailrace.report import Control, Reporter
from tailrace.schema import TableName
from tailrace.sink import Sink
from tailrace.stream import StreamReader

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
#: A session that lived this long was well: the next failure starts from the first backoff again.
WELL_SECONDS = 60.0
HELD_POLL_SECONDS = 0.1

log = structlog.get_logger()


def run(pipeline: Pipeline, sink_name: str, control: Control, reporter: Reporter) -> None:
    """Applies until `control.stop`; with `control.finish` until caught up with the stream.

    An unreachable stream or target is tried again for ever, until the supervisor has enough; with `control.finish` only
    once both have been reached.

    Raises:
        TailraceError: what time cannot mend.
    """
    settings, errors = pipeline.sink(sink_name), pipeline.errors
    # A batch is some ten thousand rows that hold no cycles: looking through them again and again costs a fifth of
    # the time, and finds nothing.
    gc.set_threshold(50_000, 20, 100)
    supervise(
        sink_name,
        lambda: pipeline.create_stream().reader(sink_name),
        lambda: pipeline.create_sink(sink_name),
        lambda table: pipeline.takes(settings, table),
        control,
        reporter,
        pipeline.limits.memory,
        Policy(errors.data, errors.max_parked),
    )


def supervise(
    name: str,
    open_reader: Callable[[], StreamReader],
    create_sink: Callable[[], Sink],
    selects: Callable[[TableName], bool],
    control: Control,
    reporter: Reporter,
    memory: int,
    policy: Policy | None = None,
) -> None:
    """As `run`, on what the pipeline would have made.

    Args:
        policy: for events that the target refuses; None: they end the worker.
    """
    progress = Progress(reporter, name)
    progress.send()
    reached = control.settled
    backoff = FIRST_BACKOFF_SECONDS
    while not control.stop.is_set():
        if control.held:
            _rest(control, progress)
            continue
        started = time.monotonic()
        try:
            with contextlib.ExitStack() as stack:
                reader = stack.enter_context(contextlib.closing(open_reader()))
                sink = stack.enter_context(contextlib.closing(create_sink()))
                session = stack.enter_context(
                    contextlib.closing(Session(reader, sink, selects, control, progress, memory, policy))
                )
                session.open()
                reached = True
                if not session.run():
                    continue
            progress.state("stopped" if control.stop.is_set() else "finished")
            return
        except TailraceError as error:
            if not error.retryable or (control.finish.is_set() and not reached):
                progress.state("stuck", str(error))
                raise
            if time.monotonic() - started > WELL_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            log.warning("session ended", error=str(error), retry_in=round(backoff, 1))
            _wait(control, progress, backoff * random.uniform(0.75, 1.25), str(error))
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
    progress.state("stopped")


def _rest(control: Control, progress: Progress) -> None:
    """While the sink is held, which ends by itself where nobody renews it."""
    log.info("sink is held: its target is left alone")
    progress.state("held")
    while control.held and not control.stop.wait(HELD_POLL_SECONDS):
        if progress.due:
            progress.send()
    log.info("sink goes on")


def _wait(control: Control, progress: Progress, seconds: float, error: str) -> None:
    progress.state("retrying", error)
    deadline = time.monotonic() + seconds
    while not control.stop.is_set() and (left := deadline - time.monotonic()) > 0:
        control.stop.wait(min(left, 1.0))
        progress.send()
