"""Streams for tests: the same pipeline on the embedded stream and on Kafka, and readers' loops."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tailrace.batch import Run
from tailrace.connectors import Context, find_stream
from tailrace.stream import Partition, Stream, StreamReader

DEADLINE = 30.0  # seconds that anything may take on a busy machine


class Event(NamedTuple):
    """A record as a reader got it."""

    partition: Partition
    offset: int
    topic: str
    key: bytes | None
    value: bytes | None


@dataclass
class Pipeline:
    """What a stream is made for.

    Attributes:
        stream: the `[stream]` table.
        sinks: names of the sinks that hold retention.
    """

    name: str
    state_dir: Path
    stream: dict[str, Any]
    sinks: tuple[str, ...] = ()
    mode: str = "full-load-and-cdc"
    memory: int = 64 << 20
    topic: str = "{name}.{schema}.{table}"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.stream["connector"])

    def open(self, **changes: Any) -> Stream:
        """A stream of its own, as another process would make it; `changes` go over the `[stream]` table."""
        connector = find_stream(self.kind)
        settings = connector.config.model_validate({**self.stream, **changes})
        topic = str(getattr(settings, "topic", self.topic))
        context = Context(self.name, self.mode, self.state_dir, topic=topic, memory=self.memory, sinks=self.sinks)
        return connector.create(settings, context)

    def table(self, table: str) -> str:
        """The topic of a table."""
        return f"{self.name}.app.{table}"


def events_of(reader: StreamReader, timeout: float = 0.0, limit_bytes: int = 8 << 20) -> list[Event]:
    """What one poll gives."""
    events = []
    for piece in reader.poll(timeout, limit_bytes):
        for run, offsets in zip(piece.runs, piece.offsets, strict=True):
            assert len(run) == len(offsets)
            events += [
                Event(piece.partition, offset, run.topic, key, value)
                for offset, (key, value) in zip(offsets, run, strict=True)
            ]
    return events


def read_until(reader: StreamReader, enough: Callable[[list[Event]], bool], limit_bytes: int = 8 << 20) -> list[Event]:
    """Reads until there are enough events; fails at the deadline."""
    deadline = time.monotonic() + DEADLINE
    events: list[Event] = []
    while not enough(events):
        assert time.monotonic() < deadline, f"only {len(events)} events within {DEADLINE:g} s"
        events += events_of(reader, 0.1, limit_bytes)
    return events


def read(reader: StreamReader, count: int, limit_bytes: int = 8 << 20) -> list[Event]:
    """Reads exactly `count` events, tombstones included."""
    events = read_until(reader, lambda events: len(events) >= count, limit_bytes)
    assert len(events) == count
    return events


def read_to_end(reader: StreamReader) -> list[Event]:
    """Reads until the positions are the stream's ends as they are now."""
    ends = dict(reader.ends())
    return read_until(reader, lambda _: reached(reader.positions(), ends))


def reached(positions: Mapping[Partition, int], ends: Mapping[Partition, int]) -> bool:
    return all(positions.get(partition, 0) >= end for partition, end in ends.items())


def run(topic: str, *pairs: tuple[bytes | None, bytes | None]) -> Run:
    return Run(topic, [key for key, _ in pairs], [value for _, value in pairs])


def control(topic: str, value: bytes) -> Run:
    return Run(topic, [None], [value], every_partition=True)


def contents(events: Sequence[Event]) -> list[tuple[str, bytes | None, bytes | None]]:
    return [(event.topic, event.key, event.value) for event in events]
