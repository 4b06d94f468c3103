"""Events as the stream carries them, read back: the counterpart of `tailrace.emitter`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import orjson

from tailrace.apply.change import Change
from tailrace.compiled import compiled_class
from tailrace.errors import StuckError
from tailrace.load_mark import LoadMark
from tailrace.schema import TableSchema
from tailrace.stream import Partition

#: How long a sink waits for the record of a schema version whose events it already has. Both are published in one
#: transaction, so only a stream whose topics become visible one after the other needs it at all.
SCHEMA_WAIT_SECONDS = 10.0
_REREAD_SECONDS = 0.2

_Texts = list[bytes | None]
#: Reads the ordinary events of a run from an index on (`envelope.pyx`): keys, values, offsets, index, partition,
#: versions by id, and the list to append to; gives the index of the first one that `parse` must read.
TakePlain = Callable[[_Texts, _Texts, Sequence[int], int, Partition, Mapping[int, TableSchema], list[Change]], int]
take_plain: TakePlain | None = compiled_class("tailrace.apply.envelope", "take")


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

    def known(self, topic: str) -> Mapping[int, TableSchema]:
        """The versions known so far, by id; follows later ones."""
        return self._topics.setdefault(topic, {})

    def versions(self, topic: str) -> list[TableSchema]:
        """All known versions of a table, by age."""
        return sorted(self._topics.get(topic, {}).values(), key=lambda schema: (schema.since, schema.id))

    def topics(self) -> list[str]:
        return sorted(topic for topic, versions in self._topics.items() if versions)


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
            LoadMark.from_source(source),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StuckError(
            f"not an event that tailrace wrote ({type(error).__name__})",
            where=f"topic {topic}, partition {partition.number}, offset {offset}",
            fix="see which program writes to this topic; only tailrace may",
        ) from None


def whole_transactions(changes: Sequence[Change]) -> int:
    """How many of these changes belong to transactions whose end is among them."""
    for index in range(len(changes) - 1, -1, -1):
        if changes[index].tx_end:
            return index + 1
    return 0
