"""Events as the stream carries them, read back: the counterpart of `tailrace.emitter`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from tailrace.errors import StuckError
from tailrace.schema import TableSchema
from tailrace.stream import Partition

#: How long a sink waits for the record of a schema version whose events it already has. Both are published in one
#: transaction, so only a stream whose topics become visible one after the other needs it at all.
SCHEMA_WAIT_SECONDS = 10.0
_REREAD_SECONDS = 0.2

TRUNCATE = "t"
SCHEMA_CHANGE = "s"


class Change(NamedTuple):
    """One event, parsed.

    Attributes:
        op: c, u, d, r, t (truncate) or s (schema change).
        seq: `tailrace_seq`.
        schema: the version of the table's columns that `before` and `after` are written in.
        key: the event's key bytes; None in a keyless table and for control events.
        before, after: column name to value in its JSON form, as the event carries them.
        unchanged: columns of `after` that the log did not carry; what stands there is no value.
        tx_end: the last event of its source transaction.
        ts_ms: when capture took it from the source's log, milliseconds since 1970.
        partition, offset: where the event stands.
        size: its bytes.
        also_at: where a control event stands in the topic's other partitions.
    """

    op: str
    seq: str
    schema: TableSchema
    key: bytes | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    unchanged: list[str]
    tx_end: bool
    ts_ms: int
    partition: Partition
    offset: int
    size: int
    also_at: tuple[tuple[Partition, int], ...] = ()

    @property
    def control(self) -> bool:
        """Stands in every partition of its topic, and is acted on once."""
        return self.op in (TRUNCATE, SCHEMA_CHANGE)


class SchemaCatalog:
    """The schema versions of a stream, by topic and id.

    Args:
        read: the stream's records (`StreamReader.schemas`).
        stop: ends a wait early.
        wait: seconds to wait for the record of an unknown version.
    """

    def __init__(
        self,
        read: Callable[[], list[bytes]],
        stop: threading.Event | None = None,
        wait: float = SCHEMA_WAIT_SECONDS,
    ) -> None:
        self._read = read
        self._stop = stop or threading.Event()
        self._wait = wait
        self._topics: dict[str, dict[int, TableSchema]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Reads the records anew."""
        for record in self._read():
            schema = TableSchema.from_json(record)
            self._topics.setdefault(schema.topic, {})[schema.id] = schema

    def find(self, topic: str, schema_id: int) -> TableSchema:
        """The version; the records are read again before it counts as unknown.

        Raises:
            StuckError: there is no record of this version.
        """
        known = self._topics.get(topic)
        if known is not None and (schema := known.get(schema_id)) is not None:
            return schema
        return self._await(topic, schema_id)

    def _await(self, topic: str, schema_id: int) -> TableSchema:
        deadline = time.monotonic() + self._wait
        while True:
            self.refresh()
            schema = self._topics.get(topic, {}).get(schema_id)
            if schema is not None:
                return schema
            if time.monotonic() >= deadline or self._stop.wait(_REREAD_SECONDS):
                raise StuckError(
                    f"an event has schema version {schema_id}, of which the stream holds no record",
                    where=f"topic {topic}",
                    fix="run `tailrace check`; if the schema records were deleted, load the table anew",
                )

    def versions(self, topic: str) -> list[TableSchema]:
        """All known versions of a table, by age."""
        return sorted(self._topics.get(topic, {}).values(), key=lambda schema: (schema.since, schema.id))

    def topics(self) -> list[str]:
        return sorted(self._topics)


def parse(
    topic: str, key: bytes | None, value: bytes, partition: Partition, offset: int, catalog: SchemaCatalog
) -> Change:
    """Reads one event.

    Raises:
        StuckError: it is no event of ours, or of an unknown schema version.
    """
    try:
        event = orjson.loads(value)
        source = event["source"]
        return Change(
            event["op"],
            source["tailrace_seq"],
            catalog.find(topic, source["schema_id"]),
            key,
            event["before"],
            event["after"],
            source["unchanged"],
            source["tx_end"],
            event["ts_ms"],
            partition,
            offset,
            len(value),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StuckError(
            f"not an event that tailrace wrote ({type(error).__name__})",
            where=f"topic {topic}, partition {partition.number}, offset {offset}",
            fix="see which program writes to this topic; only tailrace may",
        ) from None
