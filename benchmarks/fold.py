"""What a consumer has seen: how many events, and which rows they leave."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from benchmarks.works import CHECKED


class Fold:
    """Takes events in the order of their topics.

    Attributes:
        events: changes of rows so far.
        bytes: of their keys and values.
    """

    def __init__(self) -> None:
        self.events = 0
        self.bytes = 0
        self._state: dict[tuple[str, int], int] = {}

    def add(self, topic: str, key: bytes | None, value: bytes | None) -> bool:
        """Takes one event of Debezium's envelope; False for what is no change of a row."""
        after = orjson.loads(value).get("after") if value else None
        if after is None:
            return False
        self._state[topic, after["id"]] = row_digest([after[name] for name in CHECKED])
        self.events += 1
        self.bytes += len(key or b"") + len(value or b"")
        return True

    @property
    def rows(self) -> int:
        """How many rows the events leave."""
        return len(self._state)

    @property
    def checksum(self) -> int:
        """The sum of these rows' digests, each row as its last event has it."""
        return sum(self._state.values())


def row_digest(row: list[Any]) -> int:
    """The checksum's part of one row: its `CHECKED` columns, numbers or their text."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, row)).encode()).digest()[:4])
