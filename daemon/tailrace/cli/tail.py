"""`tailrace tail`: the stream's events as JSON lines, for people and for `jq`."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from collections.abc import Iterator

import orjson

from tailrace.cli.stdout import print_line
from tailrace.config import load
from tailrace.schema import TableName, TableSchema
from tailrace.stream import Slice, StreamReader
from tailrace.supervisor import folder
from tailrace.tables import matches

STARTS = ("beginning", "now")
_POLL_SECONDS = 0.25
_POLL_BYTES = 1 << 20


class TopicFilter:
    """Which topics hold events of the wanted tables."""

    def __init__(self, reader: StreamReader, table: str | None) -> None:
        self._reader = reader
        self._table = table
        self._names: dict[str, TableName] = {}

    def takes(self, topic: str) -> bool:
        if self._table is None:
            return True
        if topic not in self._names:  # its first schema version is in the stream before its first event
            schemas = [TableSchema.from_json(record) for record in self._reader.schemas()]
            self._names = {schema.topic: schema.name for schema in schemas}
        name = self._names.get(topic)
        return name is not None and matches((self._table,), name)


def tail(file: str, table: str | None, start: str, limit: int | None, timeout: float | None) -> int:
    """Prints until `limit` lines are out, or `timeout` seconds pass without one, or the reader of stdout leaves.

    Raises:
        RefusedError: the state folder is another pipeline's, or this user may not look into it.
        ReaderLeft: the reader did, while there was something to print.
    """
    pipeline = load(file)
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    with contextlib.closing(pipeline.create_stream().reader("")) as reader:
        reader.seek(reader.ends() if start == "now" else {})
        topics = TopicFilter(reader, table)
        count, heard = 0, time.monotonic()
        while limit is None or count < limit:
            for line in _lines(reader.poll(_POLL_SECONDS, _POLL_BYTES), topics):
                print_line(line)
                count += 1
                heard = time.monotonic()
                if count == limit:
                    return 0
            if timeout is not None and time.monotonic() - heard >= timeout:
                return 0
            if _reader_has_left():
                return 0
    return 0


def _lines(slices: list[Slice], topics: TopicFilter) -> Iterator[bytes]:
    for piece in slices:
        for run, offsets in zip(piece.runs, piece.offsets, strict=True):
            if not topics.takes(run.topic):
                continue
            for (key, value), offset in zip(run, offsets, strict=True):
                yield event_line(run.topic, piece.partition.number, offset, key, value)


def event_line(topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None) -> bytes:
    """One event as `tail` prints it; key and value stay byte for byte as they are in the stream."""
    return orjson.dumps(
        {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "key": None if key is None else orjson.Fragment(key),
            "value": None if value is None else orjson.Fragment(value),
            "headers": {},  # our events have none: what they say stands in the value
        }
    )


def _reader_has_left() -> bool:
    """Whether the other end of stdout is closed; without events nothing else would tell."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))
