"""Publishes one batch while the next one is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from tailrace import failpoints
from tailrace.batch import Batch
from tailrace.position import Position
from tailrace.stream import StreamWriter

State = Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Published:
    """What was handed to the stream.

    Attributes:
        durable: with everything before it; otherwise its transaction goes on.
        stored: keys of the state store that became durable with it: its own, and those of its transaction's before it.
    """

    batch: Batch
    state: State
    position: Position
    durable: bool
    stored: Collection[str]


class Publisher:
    """One batch at a time is on its way, so that order is kept; it alone uses the writer meanwhile."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, "publish")
        self._on_its_way: tuple[Future[None], Published] | None = None
        self._keys: set[str] = set()  # of the transaction that goes on

    @property
    def busy(self) -> bool:
        """Whether a batch was begun of which `settle` has not told the outcome."""
        return self._on_its_way is not None

    def begin(self, batch: Batch, state: State, position: Position, more: bool) -> None:
        """Starts to publish; the one before must have been settled.

        Args:
            more: see `StreamWriter.publish`.
        """
        assert self._on_its_way is None
        self._keys.update(state)
        stored: Collection[str] = ()
        if not more:
            stored, self._keys = self._keys, set()
        future = self._thread.submit(self._publish, batch, state, more)
        self._on_its_way = future, Published(batch, state, position, not more, stored)

    def _publish(self, batch: Batch, state: State, more: bool) -> None:
        failpoints.reached("publish.begin")
        self._writer.publish(batch.runs, state, more)

    def settle(self) -> Published | None:
        """Waits for the batch that is on its way; None where there is none.

        Raises:
            TailraceError: what publishing it has raised.
        """
        if self._on_its_way is None:
            return None
        (future, published), self._on_its_way = self._on_its_way, None
        future.result()
        return published

    def close(self) -> None:
        """Waits until nothing uses the writer any more; what is on its way may or may not become durable."""
        self._thread.shutdown()
        self._on_its_way = None
