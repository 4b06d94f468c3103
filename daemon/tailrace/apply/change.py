"""One event as the apply loop handles it; compiled where a compiler is there (`change.pxd`)."""

from __future__ import annotations

from typing import Any

import orjson

from tailrace.load_mark import LoadMark
from tailrace.schema import TableSchema
from tailrace.stream import Partition

TRUNCATE = "t"
SCHEMA_CHANGE = "s"

#: A row: the JSON object that the event carries, or what it holds (column name to value in its JSON form).
Image = bytes | dict[str, Any]


class Change:
    """One event.

    Attributes:
        op: c, u, d, r, t (truncate) or s (schema change).
        seq: `tailrace_seq`.
        schema: the version of the table's columns that `before` and `after` are written in.
        key: the event's key bytes; None in a keyless table and for control events.
        before: the old row; only in a keyless table it is certain to be here, others are changed by their key.
        after: the new row.
        unchanged: columns of `after` that the log did not carry; what stands there is no value.
        tx_end: the last event of its source transaction.
        ts_ms: when capture took it from the source's log, milliseconds since 1970.
        partition, offset: where the event stands.
        size: its bytes.
        also_at: where a control event stands in the topic's other partitions.
        load: of the event that marks where a load begins or ends; its op is s.
    """

    def __init__(
        self,
        op: str,
        seq: str,
        schema: TableSchema,
        key: bytes | None,
        before: Image | None,
        after: Image | None,
        unchanged: list[str],
        tx_end: bool,
        ts_ms: int,
        partition: Partition,
        offset: int,
        size: int,
        load: LoadMark | None = None,
    ) -> None:
        self.op = op
        self.seq = seq
        self.schema = schema
        self.key = key
        self.before = before
        self.after = after
        self.unchanged = unchanged
        self.tx_end = tx_end
        self.ts_ms = ts_ms
        self.partition = partition
        self.offset = offset
        self.size = size
        self.also_at: tuple[tuple[Partition, int], ...] = ()
        self.load = load

    @property
    def control(self) -> bool:
        """Stands in every partition of its topic, and is acted on once."""
        return self.op in (TRUNCATE, SCHEMA_CHANGE)


def values(image: Image) -> dict[str, Any]:
    """Column name to value."""
    if isinstance(image, bytes):
        parsed: dict[str, Any] = orjson.loads(image)
        return parsed
    return image
