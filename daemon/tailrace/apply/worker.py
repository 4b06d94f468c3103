"""A sink's worker: sessions, one after the other, with a pause between them that grows while they fail."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tailrace.apply.parking import Policy
from tailrace.apply.progress import Progress
from tailrace.apply.session import Session
from tailrace.config import Pipeline
from tailrace.errors import OwnershipLostError, TailraceError
from tailrace.logs import logger
from tailrace.report import Control, Reporter
from tailrace.schema import TableName
from tailrace.sink import Sink
from tailrace.stream import Membership, StreamReader

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
#: A session that lived this long was well: the next failure starts from the first backoff again.
WELL_SECONDS = 60.0
HELD_POLL_SECONDS = 0.1
#: Between two looks whether a share is known.
SHARE_SECONDS = 0.5
#: A share that was lost is asked for anew after this time: by then its loss is known here too.
LOST_SECONDS = 0.2
#: So many losses, each of them within so many seconds, are no rebalance: somebody takes the share again and again.
LOSSES, QUARREL_SECONDS = 10, 5.0

log = logger()


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a worker comes by its part of a sink that it shares with others.

    Attributes:
        join: takes a place among them; None: the stream shares nothing out, the sink is this worker's.
        open_reader: of the topics of its share.
    """

    join: Callable[[], Membership | None]
    open_reader: Callable[[Membership | None], StreamReader]


def run(pipeline: Pipeline, sink_name: str, control: Control, reporter: Reporter, shared: bool = False) -> None:
    """Applies until `control.stop`; with `control.finish` until caught up with the stream.

    Args:
        shared: workers of other machines may work for this sink too.

    An unreachable stream or target is tried again for ever, until the supervisor has enough; with `control.finish` only
    once both have been reached.

    Raises:
        TailraceError: what time cannot mend.
    """
    settings, errors = pipeline.sink(sink_name), pipeline.errors
    # A batch is some ten thousand rows that hold no cycles: looking through them again and again costs a fifth of
    # the time, and finds nothing.
    gc.set_threshold(50_000, 20, 100)
    sharing = Sharing(
        lambda: pipeline.create_stream().join(sink_name),
        lambda membership: pipeline.create_stream().reader(sink_name, membership),
    )
    supervise(
        sink_name,
        lambda: pipeline.create_stream().reader(sink_name),
        lambda: pipeline.create_sink(sink_name),
        lambda table: pipeline.takes(settings, table),
        control,
        reporter,
        pipeline.limits.memory,
        Policy(errors.data, errors.max_parked),
        sharing if shared else None,
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
    sharing: Sharing | None = None,
) -> None:
    """As `run`, on what the pipeline would have made.

    Args:
        policy: for events that the target refuses; None: they end the worker.
    """
    progress = Progress(reporter, name)
    progress.send()
    with contextlib.closing(_Place(sharing, open_reader)) as place:
        _sessions(place, create_sink, selects, control, progress, memory, policy)


def _sessions(
    place: _Place,
    create_sink: Callable[[], Sink],
    selects: Callable[[TableName], bool],
    control: Control,
    progress: Progress,
    memory: int,
    policy: Policy | None,
) -> None:
    reached = control.settled
    backoff = FIRST_BACKOFF_SECONDS
    lost = 0
    while not control.stop.is_set():
        if control.held:
            _rest(control, progress)
            continue
        started = time.monotonic()
        try:
            if not place.await_share():
                progress.joining()
                if progress.due:
                    progress.send()
                continue
            with contextlib.ExitStack() as stack:
                reader = stack.enter_context(contextlib.closing(place.open_reader()))
                sink = stack.enter_context(contextlib.closing(create_sink()))
                session = stack.enter_context(
                    contextlib.closing(
                        Session(reader, sink, selects, control, progress, memory, policy, place.membership)
                    )
                )
                session.open()
                reached = True
                if not session.run():
                    continue
            progress.state("stopped" if control.stop.is_set() else "finished")
            return
        except OwnershipLostError as error:
            # Among workers that share a sink this is how a share goes over to another one of them.
            if place.membership is None:
                progress.state("stuck", str(error))
                raise
            lost = 1 if time.monotonic() - started > QUARREL_SECONDS else lost + 1
            log.info("the share of the topics is another's now; what was not committed is undone", error=error.what)
            if lost > LOSSES:
                _wait(control, progress, LOST_SECONDS, str(error))
            else:
                control.stop.wait(LOST_SECONDS)
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


class _Place:
    """What a worker has of its sink: all of it, or a place among those that share it."""

    def __init__(self, sharing: Sharing | None, open_alone: Callable[[], StreamReader]) -> None:
        self._sharing = sharing
        self._open_alone = open_alone
        self.membership: Membership | None = None
        self._joined = False

    def await_share(self) -> bool:
        """Whether it is known which topics are the worker's; asks for a moment."""
        if self._sharing is None:
            return True
        try:
            if not self._joined:
                self.membership = self._sharing.join()
                self._joined = True
            return self.membership is None or self.membership.await_share(SHARE_SECONDS)
        except TailraceError:
            self.close()
            raise

    def open_reader(self) -> StreamReader:
        return self._open_alone() if self._sharing is None else self._sharing.open_reader(self.membership)

    def close(self) -> None:
        membership, self.membership, self._joined = self.membership, None, False
        if membership is not None:
            membership.close()


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
