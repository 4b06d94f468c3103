"""What travels from a source into the stream: batches of finished events, column-wise, not an object per row."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field


class Run:
    """Consecutive events of one topic: `keys[i]` belongs to `values[i]`.

    A key is the primary key's columns as a JSON object (None for a table without one, and for control events);
    a value is the envelope as JSON, or None: the tombstone that follows a delete.

    Attributes:
        every_partition: a control event (truncate, schema change) that goes to every partition of the topic.
        size: bytes of its keys and values, where an emitter made it.
    """

    __slots__ = ("every_partition", "keys", "size", "topic", "values")

    def __init__(
        self,
        topic: str,
        keys: list[bytes | None] | None = None,
        values: list[bytes | None] | None = None,
        every_partition: bool = False,
        size: int = 0,
    ) -> None:
        self.topic = topic
        self.keys = [] if keys is None else keys
        self.values = [] if values is None else values
        self.every_partition = every_partition
        self.size = size

    def __repr__(self) -> str:
        return f"Run({self.topic!r}, {len(self.values)} events, every_partition={self.every_partition})"

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        return zip(self.keys, self.values, strict=True)


@dataclass(frozen=True, slots=True)
class Touch:
    """What a streamed transaction wrote to a table that is being loaded.

    Attributes:
        transaction: the source's own token of the transaction; only its `View.sees` understands it.
        topic, key: which row (the event's key bytes); without a key every row: the table was emptied, or has other
            columns from here on.
        after: the row object of the event's `after` where it lacks columns; None where the event says all of the row.
        unchanged: columns of `after` that the log did not carry.
    """

    transaction: str
    topic: str
    key: bytes | None
    after: bytes | None = None
    unchanged: tuple[str, ...] = ()


@dataclass(slots=True)
class Batch:
    """Events in the source's order, and how far the source's log was read with them.

    Attributes:
        runs: the events.
        events, bytes: their number (tombstones not counted) and size.
        restart: where a re-read of the log must begin to get everything after this batch; opaque to all but
            the source, always a transaction's boundary.
        delivered: `tailrace_seq` of the last event that is in the stream once this batch is; "" when there
            was none yet. A re-read skips events up to and including it (I2).
        mark: every transaction that ends at or before this mark is in the stream once this batch is.
        commit_ts_ms: the source's time of the last transaction, milliseconds since 1970; 0 unknown.
        transactions: commits contained.
        touched: rows written, in order; only of the topics that the load asked to trace.
        state: entries for the stream's state store that belong to this batch (schema versions, table states).
    """

    runs: list[Run] = field(default_factory=list)
    events: int = 0
    bytes: int = 0
    restart: str = ""
    delivered: str = ""
    mark: str = ""
    commit_ts_ms: int = 0
    transactions: int = 0
    touched: list[Touch] = field(default_factory=list)
    state: dict[str, builtins.bytes] = field(default_factory=dict)

    def extend(self, more: Batch) -> None:
        """Adds what goes out behind it; the position stays."""
        self.runs.extend(more.runs)
        self.events += more.events
        self.bytes += more.bytes
        self.touched.extend(more.touched)
        self.state.update(more.state)
