"""A stream in memory, with the behaviour that sinks rely on: `tailrace.stream`."""

from __future__ import annotations

import math
import threading
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from tailrace.batch import Run
from tailrace.errors import DataLossError, UnreachableError
from tailrace.position import SCHEMA_PREFIX
from tailrace.source import Finding
from tailrace.stream import Partition, Slice, StreamSize

_Record = tuple[str, bytes | None, bytes | None]


class MemoryStream:
    """Writer, state store and log of one pipeline; readers may live in other threads.

    Args:
        partitions: of each topic; None: one log of all topics with the source's total order, as the embedded stream.
        markers: leave a gap in the offsets after each `publish`, as Kafka's transaction markers do.

    Attributes:
        unreachable: while set, readers raise `UnreachableError`.
    """

    def __init__(self, partitions: int | None = None, markers: bool = False) -> None:
        self.stream_id = uuid.uuid4().hex
        self.unreachable = False
        self._count = partitions
        self._markers = markers
        self._news = threading.Condition()
        self._log: dict[Partition, list[_Record | None]] = {}
        self._kept_from: dict[Partition, int] = {}
        self._state: dict[str, bytes] = {}
        self._topics: dict[str, str] = {}
        self._begun: list[tuple[Sequence[Run], Mapping[str, bytes | None]]] = []
        if partitions is None:
            self._log[Partition("", 0)] = []

    # ---- the stream

    def check(self) -> list[Finding]:
        return []

    def writer(self) -> MemoryStream:
        self._begun.clear()
        return self

    def join(self, consumer: str) -> None:
        return None

    def reader(self, consumer: str, membership: Any = None) -> MemoryReader:
        return MemoryReader(self)

    def size(self) -> StreamSize:
        return StreamSize(0, {partition: len(records) for partition, records in self._log.items()})

    def retention(self) -> float | None:
        return math.inf

    def teardown(self, dry_run: bool) -> list[str]:
        return []

    # ---- the writer

    def state(self) -> dict[str, bytes]:
        return dict(self._state)

    def prepare(self, topics: Sequence[str]) -> None:
        with self._news:
            for topic in topics:
                if topic not in self._topics:
                    self._topics[topic] = uuid.uuid4().hex
                    for number in range(self._count or 0):
                        self._log[Partition(topic, number)] = []

    def publish(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        self._begun.append((runs, state))
        if more:
            return
        begun, self._begun = self._begun, []
        runs = [run for part, _ in begun for run in part]
        state = {key: value for _, part in begun for key, value in part.items()}
        self.prepare([run.topic for run in runs])
        with self._news:
            written: set[Partition] = set()
            for run in runs:
                for key, value in run:
                    for partition in self._partitions_of(run, key):
                        self._log[partition].append((run.topic, key, value))
                        written.add(partition)
            if self._markers:
                for partition in written:
                    self._log[partition].append(None)
            for name, entry in state.items():
                if entry is None:
                    self._state.pop(name, None)
                else:
                    self._state[name] = entry
            self._news.notify_all()

    def backlog_full(self) -> str:
        return ""

    def spill_full(self) -> str:
        return ""

    def close(self) -> None:
        pass

    # ---- for tests

    def forget(self, partition: Partition, before: int) -> None:
        """Retention: records before this offset are gone."""
        self._kept_from[partition] = before

    def _partitions_of(self, run: Run, key: bytes | None) -> list[Partition]:
        if self._count is None:
            return [Partition("", 0)]
        if run.every_partition:
            return [Partition(run.topic, number) for number in range(self._count)]
        return [Partition(run.topic, zlib.crc32(key) % self._count if key is not None else 0)]


class MemoryReader:
    """A `StreamReader` of a `MemoryStream`.

    Attributes:
        hold: partitions that `poll` leaves out besides the paused ones: lets a test decide which arrives first.
        committed: what was last passed to `commit`.
    """

    def __init__(self, stream: MemoryStream) -> None:
        self._stream = stream
        self.total_order = stream._count is None
        self.hold: set[Partition] = set()
        self.committed: dict[Partition, int] = {}
        self._next: dict[Partition, int] = {}
        self._paused: set[Partition] = set()

    @property
    def stream_id(self) -> str:
        return self._stream.stream_id

    def partitions(self) -> Mapping[Partition, str]:
        return {p: self._stream._topics.get(p.topic, self._stream.stream_id) for p in list(self._stream._log)}

    def seek(self, positions: Mapping[Partition, int]) -> None:
        for partition, offset in positions.items():
            kept = self._stream._kept_from.get(partition, 0)
            if offset < kept:
                raise DataLossError(
                    f"offset {offset} is asked for, but kept are those from {kept}",
                    where=f"partition {partition.number} of {partition.topic!r}",
                    fix="load anew",
                )
        self._next = dict(positions)

    def poll(self, timeout: float, limit_bytes: int) -> list[Slice]:
        deadline = time.monotonic() + timeout
        with self._stream._news:
            while True:
                if self._stream.unreachable:
                    raise UnreachableError("the stream in memory is switched off", fix="switch it on")
                found = self._fetch(limit_bytes)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._stream._news.wait(left)

    def pause(self, partition: Partition) -> None:
        self._paused.add(partition)

    def resume(self, partition: Partition) -> None:
        self._paused.discard(partition)

    def positions(self) -> Mapping[Partition, int]:
        return {partition: self._at(partition) for partition in list(self._stream._log)}

    def ends(self) -> Mapping[Partition, int]:
        return {partition: len(records) for partition, records in list(self._stream._log.items())}

    def lag_bytes(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int]) -> Mapping[Partition, int]:
        return {
            partition: sum(
                max(_size(record), 1) for record in self._stream._log[partition][positions.get(partition, 0) : end]
            )
            for partition, end in ends.items()
        }

    def schemas(self) -> list[bytes]:
        return [value for key, value in self._stream.state().items() if key.startswith(SCHEMA_PREFIX)]

    def state(self) -> dict[str, bytes]:
        return self._stream.state()

    def commit(self, positions: Mapping[Partition, int]) -> None:
        self.committed = dict(positions)

    def close(self) -> None:
        pass

    def _at(self, partition: Partition) -> int:
        return self._next.get(partition, self._stream._kept_from.get(partition, 0))

    def _fetch(self, limit_bytes: int) -> list[Slice]:
        slices: list[Slice] = []
        left = limit_bytes
        for partition, records in self._stream._log.items():
            if partition in self._paused or partition in self.hold or left <= 0:
                continue
            piece = Slice(partition, [], [], self._at(partition))
            for offset in range(piece.next_offset, len(records)):
                if piece.bytes >= left:
                    break
                record = records[offset]
                piece.next_offset = offset + 1
                if record is not None:
                    _append(piece, offset, *record)
            self._next[partition] = piece.next_offset
            left -= piece.bytes
            if piece.runs:
                slices.append(piece)
        return slices


def _size(record: _Record | None) -> int:
    return 0 if record is None else len(record[1] or b"") + len(record[2] or b"")


def _append(piece: Slice, offset: int, topic: str, key: bytes | None, value: bytes | None) -> None:
    if not piece.runs or piece.runs[-1].topic != topic:
        piece.runs.append(Run(topic))
        piece.offsets.append([])
    piece.runs[-1].keys.append(key)
    piece.runs[-1].values.append(value)
    offsets = piece.offsets[-1]
    assert isinstance(offsets, list)
    offsets.append(offset)
    piece.bytes += _size((topic, key, value))
