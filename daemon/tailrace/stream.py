"""What a stream connector provides (entry point `tailrace.streams`): topics, partitions, and a state store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tailrace.batch import Run
from tailrace.source import Finding


class Partition(NamedTuple):
    """A partition of a topic. The embedded stream is one log of all topics: ``Partition("", 0)``."""

    topic: str
    number: int


@dataclass(slots=True)
class Slice:
    """Consecutive records of one partition.

    Attributes:
        runs: the records; `offsets[i][j]` is the offset of `runs[i]`'s j-th record.
        next_offset: where the partition continues.
        bytes: their size.
    """

    partition: Partition
    runs: list[Run]
    offsets: list[Sequence[int]]
    next_offset: int
    bytes: int = 0


class StreamWriter(Protocol):
    """Capture's side. One writer per pipeline: opening a second one fences the first off or is refused."""

    def state(self) -> dict[str, bytes]:
        """All entries of the state store, as of everything this writer or an earlier one published."""
        ...

    def prepare(self, topics: Sequence[str]) -> None:
        """Creates missing topics."""
        ...

    def publish(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        """Makes the events and the state entries durable, in one transaction; None deletes an entry.

        Args:
            more: the transaction goes on with the next call; nothing of it has to be durable before a call without
                this, and no reader of committed records sees it. No topic is prepared meanwhile.

        Raises:
            UnreachableError: after which the writer must be closed and opened anew; what of the last call is
                durable is then known from `state()`.
            OwnershipLostError: another writer took over.
        """
        ...

    def backlog_full(self) -> str:
        """Why nothing can be published now (retention bound reached, sinks behind); "" when it can."""
        ...

    def spill_full(self) -> str:
        """Why not even more can be published than `backlog_full` lets through, so that the source can forget it; ""
        where it can. Asked only of streams whose settings say that they spill.
        """
        ...

    def close(self) -> None: ...


class Membership(Protocol):
    """A worker's place among those that share a sink, each with topics of its own. Outlives readers and sessions.

    Topics are shared out whole: what stands in all partitions of a topic acts once they all have come to it, and one
    worker sees to that. A share is a claim. It counts once the worker owns the positions of its topics in the target,
    and `confirm` has returned since: who takes them over later is then known to have been given them later.
    """

    def await_share(self, seconds: float) -> bool:
        """Waits until it is known which topics are this worker's; False: not within so many seconds.

        Raises:
            UnreachableError, RefusedError: as named; after which the membership must be closed.
        """
        ...

    def changed(self) -> bool:
        """Whether the share is another one than when `await_share` last returned True, or has more topics."""
        ...

    def confirm(self) -> None:
        """Asks whoever shares out whether the share still is this worker's.

        Raises:
            OwnershipLostError: it is not, or not for certain.
            UnreachableError: it cannot be asked.
        """
        ...

    def close(self) -> None:
        """Leaves: the others take the share over at once."""
        ...


class StreamReader(Protocol):
    """A sink's side, or `tail`'s: reads whole committed transactions of the writer, in order per partition."""

    @property
    def stream_id(self) -> str:
        """Identity of the stream's content; a sink's stored positions are void for another one.

        "" while capture has not made the stream yet.
        """
        ...

    @property
    def total_order(self) -> bool:
        """Whether one partition holds all events in the source's order, so that `tx_end` ends a transaction."""
        ...

    def partitions(self) -> Mapping[Partition, str]:
        """All partitions there are now, each with its topic's identity."""
        ...

    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Reads on from these offsets; a partition without one from the beginning.

        Raises:
            DataLossError: an offset lies before what retention has kept.
        """
        ...

    def poll(self, timeout: float, limit_bytes: int) -> list[Slice]:
        """Waits up to `timeout` seconds for records; empty when none came. Finds new topics by itself."""
        ...

    def pause(self, partition: Partition) -> None:
        """`poll` leaves this partition out until `resume` (it waits for the others at a control event)."""
        ...

    def resume(self, partition: Partition) -> None: ...

    def positions(self) -> Mapping[Partition, int]:
        """The next offset of each partition; past transaction markers, so that it reaches `ends`."""
        ...

    def ends(self) -> Mapping[Partition, int]:
        """The end offset of each partition now."""
        ...

    def lag_bytes(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """Bytes of each partition's records from its position (none: from its beginning) to its end.

        0 only where the position has reached the end. Asked once a second, so it must not read the records: a stream
        that does not know their sizes says what they are likely to be.
        """
        ...

    def schemas(self) -> list[bytes]:
        """All records of `{pipeline}.__schemas` so far (`TableSchema.from_json`)."""
        ...

    def state(self) -> dict[str, bytes]:
        """The state store, for `status` and `verify`."""
        ...

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """The target holds everything before these offsets: the stream may forget it. Only a hint."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class StreamSize:
    """For `status` and metrics."""

    bytes: int = 0
    partitions: dict[Partition, int] = field(default_factory=dict)


class Stream(Protocol):
    """The stream of one pipeline."""

    def check(self) -> list[Finding]: ...

    def writer(self) -> StreamWriter: ...

    def join(self, consumer: str) -> Membership | None:
        """Becomes one of the workers that share a sink; None where the stream has only one worker for each."""
        ...

    def reader(self, consumer: str, membership: Any = None) -> StreamReader:
        """`consumer` names a sink, whose `commit`s hold retention; "" for an onlooker (`tail`).

        Args:
            membership: of `join`: the reader knows of the topics of its share alone, as they were when `partitions` was
                first asked for.
        """
        ...

    def size(self) -> StreamSize: ...

    def retention(self) -> float | None:
        """Seconds for which events are kept once every sink has them; infinity: for good; None: it cannot be told."""
        ...

    def teardown(self, dry_run: bool) -> list[str]:
        """Drops this pipeline's positions and schemas (and the embedded stream whole), never event topics."""
        ...
