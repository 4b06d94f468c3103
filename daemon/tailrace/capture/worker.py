"""The capture worker: sessions, one after the other, with a pause between them that grows while they fail."""

from __future__ import annotations

import contextlib
import gc
import random
import time

import structlog

from tailrace.capture.progress import Progress
from tailrace.capture.session import Session
from tailrace.config import Pipeline
from tailrace.errors import TailraceError
from tailrace.report import Control, Reporter

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
#: A session that lived this long was well: the next failure starts from the first backoff again.
WELL_SECONDS = 60.0

log = structlog.get_logger()


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
    backoff = FIRST_BACKOFF_SECONDS
    while not control.stop.is_set():
        started = time.monotonic()
        try:
            _session(pipeline, control, progress)
            progress.state("stopped" if control.stop.is_set() else "finished")
            return
        except TailraceError as error:
            if not error.retryable or (control.finish.is_set() and not (control.settled or progress.settled)):
                progress.state("stuck", str(error))
                raise
            if time.monotonic() - started > WELL_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            log.warning("session ended", error=str(error), retry_in=round(backoff, 1))
            _wait(control, progress, backoff * random.uniform(0.75, 1.25), str(error))
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
    progress.state("stopped")


def _session(pipeline: Pipeline, control: Control, progress: Progress) -> None:
    with contextlib.ExitStack() as stack:
        # The writer first: it fences an older daemon off, or is refused, before the source is touched.
        writer = stack.enter_context(contextlib.closing(pipeline.create_stream().writer()))
        source = stack.enter_context(contextlib.closing(pipeline.create_source()))
        settings, folder = pipeline.load, pipeline.state_dir
        session = Session(source, writer, pipeline.mode, control, progress, settings, bool(pipeline.sinks), folder)
        stack.enter_context(contextlib.closing(session))
        session.open()
        session.run()


def _wait(control: Control, progress: Progress, seconds: float, error: str) -> None:
    progress.state("retrying", error)
    deadline = time.monotonic() + seconds
    while not control.stop.is_set() and (left := deadline - time.monotonic()) > 0:
        control.stop.wait(min(left, 1.0))
        progress.send()
