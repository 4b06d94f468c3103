"""The capture worker: sessions, one after the other, with a pause between them that grows while they fail."""

from __future__ import annotations

import contextlib
import gc
import random
import time

from tailrace.capture.budget import Guard
from tailrace.capture.progress import Progress
from tailrace.capture.renewal import Renewal
from tailrace.capture.session import Session
from tailrace.config import Pipeline
from tailrace.errors import LogGoneError, TailraceError
from tailrace.logs import logger
from tailrace.report import Control, Reporter
from tailrace.source import Source

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
#: A session that lived this long was well: the next failure starts from the first backoff again.
WELL_SECONDS = 60.0

log = logger()


def run(pipeline: Pipeline, control: Control, reporter: Reporter) -> None:
    """Captures until `control.stop`; with `control.finish` until caught up.

    An unreachable source or stream is tried again for ever, until the supervisor has enough; with `control.finish` only
    once capture has been at work.

    Raises:
        TailraceError: what time cannot mend.
    """
    # Rows hold no cycles: looking through a chunk of them again and again finds nothing.
    gc.set_threshold(50_000, 20, 100)
    progress = Progress(reporter, pipeline.mode)
    progress.send()
    guard = Guard(getattr(pipeline.source, "budget", None))
    renewal = Renewal(pipeline.state_dir)
    backoff = FIRST_BACKOFF_SECONDS
    while not control.stop.is_set():
        started = time.monotonic()
        try:
            _session(pipeline, control, progress, guard, renewal)
            progress.state("stopped" if control.stop.is_set() else "finished")
            return
        except LogGoneError as error:
            if renewal.met(error):
                continue
            raise _stuck(progress, error.naming(pipeline.file)) from None
        except TailraceError as error:
            if not error.retryable or (control.finish.is_set() and not (control.settled or progress.settled)):
                raise _stuck(progress, error) from None
            if time.monotonic() - started > WELL_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            log.warning("session ended", error=str(error), retry_in=round(backoff, 1))
            progress.state("retrying", str(error))
            try:
                rest(pipeline, control, progress, backoff * random.uniform(0.75, 1.25), guard)
            except LogGoneError as gone:
                renewal.met(gone)
                raise _stuck(progress, gone.naming(pipeline.file)) from None
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
    progress.state("stopped")


def _stuck(progress: Progress, error: TailraceError) -> TailraceError:
    progress.state("stuck", str(error))
    return error


def _session(pipeline: Pipeline, control: Control, progress: Progress, guard: Guard, renewal: Renewal) -> None:
    with contextlib.ExitStack() as stack:
        # The writer first: it fences an older daemon off, or is refused, before the source is touched.
        writer = stack.enter_context(contextlib.closing(pipeline.create_stream().writer()))
        source = stack.enter_context(contextlib.closing(pipeline.create_source()))
        session = Session(
            source,
            writer,
            pipeline.mode,
            control,
            progress,
            pipeline.load,
            bool(pipeline.sinks),
            pipeline.state_dir,
            guard,
            renewal,
        )
        stack.enter_context(contextlib.closing(session))
        session.open()
        session.run()


def rest(pipeline: Pipeline, control: Control, progress: Progress, seconds: float, guard: Guard) -> None:
    """Between two sessions. The source's log grows meanwhile, which a budget must see: the stream may be away for long.

    Raises:
        LogGoneError: as `Guard.look`.
    """
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        source: Source | None = None
        answers = guard.budgeted
        while not control.stop.is_set() and (left := deadline - time.monotonic()) > 0:
            control.stop.wait(min(left, 1.0))
            if answers and guard.due and not control.stop.is_set():
                try:
                    if source is None:
                        source = stack.enter_context(contextlib.closing(pipeline.create_source()))
                    guard.look(source, progress.lag_seconds)
                    progress.retained(guard.report)
                except LogGoneError:
                    raise
                except TailraceError:
                    answers = False  # the source is away, or refuses us: the next session says so
            progress.send()
