"""What a consumer of the stream ends up with: every event applied in order, in a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tailrace.stream import StreamReader


class Replica:
    """Rows by topic and key, as the events leave them; complains where an event cannot be.

    Attributes:
        rows: topic → key bytes → row.
        keyless: topic → rows of tables without a key, with repeats.
        events: number of events seen.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[bytes, dict[str, Any]]] = {}
        self.keyless: dict[str, list[dict[str, Any]]] = {}
        self.events = 0
        self._last: dict[tuple[str, bytes], str] = {}

    def read(self, reader: StreamReader) -> None:
        """Everything that the stream holds now."""
        ends = reader.ends()
        reader.seek({})
        while any(reader.positions().get(partition, 0) < end for partition, end in ends.items()):
            for piece in reader.poll(1.0, 4 << 20):
                for run in piece.runs:
                    for key, value in run:
                        if value is not None:
                            self._apply(run.topic, key, orjson.loads(value))

    def _apply(self, topic: str, key: bytes | None, event: Mapping[str, Any]) -> None:
        self.events += 1
        op, after = event["op"], event["after"]
        if op == "t":
            self.rows[topic] = {}
            self.keyless[topic] = []
        elif op == "s":
            pass
        elif key is None:
            rows = self.keyless.setdefault(topic, [])
            if op in ("u", "d"):
                rows.remove(event["before"])
            if op != "d":
                rows.append(after)
        else:
            self._apply_keyed(topic, key, op, after, event["source"])

    def _apply_keyed(self, topic: str, key: bytes, op: str, after: Any, source: Mapping[str, Any]) -> None:
        seq = source["tailrace_seq"]
        last = self._last.get((topic, key), "")
        assert seq > last, f"{topic} {key!r}: {op} {seq} after {last}"
        self._last[topic, key] = seq
        rows = self.rows.setdefault(topic, {})
        unchanged = source["unchanged"]
        if op == "d":
            rows.pop(key, None)
        elif not unchanged:
            rows[key] = after
        elif key in rows:
            rows[key].update({name: value for name, value in after.items() if name not in unchanged})
