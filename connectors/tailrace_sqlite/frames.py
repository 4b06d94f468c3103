"""Batch frames of the embedded stream: events column-wise in one blob, one blob a row of a segment.

A frame, all numbers little-endian::

    uint32  length of the header
    header  JSON [[topic, number of events], ...], one pair a run
    int32   length of each key, -1 where there is none
    int32   length of each value, -1 for a tombstone
    bytes   all keys, then all values, one after another

1.8 times the rate of a row per event, because SQLite and Python each handle a batch once. What is not small is stored
as a frame of zstd (RFC 8878), whose magic number is no length of a header: events of one table are much alike, and
pages that are not written cost neither CPU nor disk.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

import orjson
import zstandard

from tailrace.batch import Run
from tailrace.compiled import compiled_class
from tailrace.errors import ValueRefusedError

#: A frame's events take about this many bytes at most, one single event excepted: what a reader holds at least.
FRAME_BYTES = 1 << 20
#: SQLite's own bound of a blob is 1,000,000,000 bytes.
LARGEST_EVENT = 900_000_000


#: From so many bytes on a frame is compressed.
_COMPRESSED_FROM = 4 << 10
#: Of zstd: twice as fast as level 1, and no more than a third larger.
_LEVEL = -1


class Frame(NamedTuple):
    """`events` records as `encode` packed them; `size` is that of the frame before it was compressed."""

    events: int
    body: bytes
    size: int


class Piece(NamedTuple):
    """Events `start` to `stop` of a run."""

    topic: str
    keys: list[bytes | None]
    values: list[bytes | None]
    start: int
    stop: int


def encode(runs: Sequence[Run], limit: int = FRAME_BYTES) -> Iterator[Frame]:
    """Packs the runs' events into frames of about `limit` bytes, in order.

    Raises:
        ValueRefusedError: one event is larger than a frame can be.
    """
    compress = zstandard.ZstdCompressor(level=_LEVEL).compress
    for pieces, size in _cut(runs, limit):
        events = sum(piece.stop - piece.start for piece in pieces)
        head = orjson.dumps([(piece.topic, piece.stop - piece.start) for piece in pieces])
        body = pack(len(head).to_bytes(4, "little") + head, pieces, events, size)
        yield Frame(events, compress(body) if len(body) >= _COMPRESSED_FROM else body, len(body))


def unpacked(body: bytes) -> bytes:
    """The frame, as it was before it was compressed.

    Raises:
        ValueError: these bytes are no frame.
    """
    if not body.startswith(zstandard.FRAME_HEADER):
        return body
    try:
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError as error:
        raise ValueError("no frame of the embedded stream") from error


def decode(body: bytes, skip: int = 0) -> list[Run]:
    """The runs of an unpacked frame without its first `skip` events.

    Raises:
        ValueError: these bytes are no frame.
    """
    head_end = 4 + int.from_bytes(body[:4], "little")
    try:
        head: list[tuple[str, int]] = orjson.loads(body[4:head_end])
        events = sum(count for _, count in head)
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise ValueError("no frame of the embedded stream") from error
    keys_at = head_end + 8 * events
    keys, values_at = column(body, head_end, events, keys_at, skip)
    values, end = column(body, head_end + 4 * events, events, values_at, skip)
    if end != len(body):
        raise ValueError("a frame of the embedded stream has a wrong length")
    runs = []
    start = 0
    for topic, count in head:
        if skip >= count:
            skip -= count
            continue
        stop = start + count - skip
        skip = 0
        runs.append(Run(topic, keys[start:stop], values[start:stop]))
        start = stop
    return runs


def _cut(runs: Sequence[Run], limit: int) -> Iterator[tuple[list[Piece], int]]:
    """The pieces of each frame, and the bytes of their keys and values."""
    pieces: list[Piece] = []
    size = 0
    for run in runs:
        start, end = 0, len(run.values)
        while start < end:
            stop, taken = fit(run.keys, run.values, start, limit - size)
            if stop == start:
                if pieces:
                    yield pieces, size
                    pieces, size = [], 0
                    continue
                stop, taken = start + 1, _single(run, start)
            pieces.append(Piece(run.topic, run.keys, run.values, start, stop))
            size += taken
            start = stop
    if pieces:
        yield pieces, size


def _single(run: Run, index: int) -> int:
    """The bytes of an event that is a frame of its own."""
    size = len(run.keys[index] or b"") + len(run.values[index] or b"")
    if size > LARGEST_EVENT:
        raise ValueRefusedError(
            f"an event of {size:,} bytes is larger than the embedded stream takes ({LARGEST_EVENT:,} bytes)",
            where=run.topic,
            fix="exclude the table, or use Kafka",
        )
    return size


def _fit(keys: list[bytes | None], values: list[bytes | None], start: int, room: int) -> tuple[int, int]:
    """Where the events from `start` on that `room` bytes hold end, and how many bytes they are."""
    size = 0
    index = start
    for key, value in zip(islice(keys, start, None), islice(values, start, None), strict=True):
        event = (len(key) if key is not None else 0) + (len(value) if value is not None else 0)
        if size + event > room:
            break
        size += event
        index += 1
    return index, size


def _pack(head: bytes, pieces: list[Piece], events: int, size: int) -> bytes:
    """The frame with this beginning; `events` and `size` are those of the pieces."""
    keys = [key for piece in pieces for key in piece.keys[piece.start : piece.stop]]
    values = [value for piece in pieces for value in piece.values[piece.start : piece.stop]]
    lengths = array("i", [-1 if key is None else len(key) for key in keys])
    lengths.extend([-1 if value is None else len(value) for value in values])
    if sys.byteorder == "big":
        lengths.byteswap()
    # A missing key or value and an empty one take no bytes alike; the lengths tell them apart.
    return b"".join((head, lengths.tobytes(), *filter(None, keys), *filter(None, values)))


def _column(body: bytes, lengths_at: int, count: int, start: int, skip: int) -> tuple[list[bytes | None], int]:
    """The cells after the first `skip`, and where the column ends in `body`.

    Raises:
        ValueError: the bytes end before it does.
    """
    lengths = array("i")
    packed = body[lengths_at : lengths_at + 4 * count]
    if lengths_at > len(body) or len(packed) != 4 * count:
        raise ValueError("a frame of the embedded stream is cut short")
    lengths.frombytes(packed)
    if sys.byteorder == "big":
        lengths.byteswap()
    ends = list(accumulate([length if length > 0 else 0 for length in lengths], initial=start))
    if ends[-1] > len(body):
        raise ValueError("a frame of the embedded stream has a wrong length")
    cells = [
        body[at:end] if length >= 0 else None
        for length, at, end in zip(lengths[skip:], ends[skip:-1], ends[skip + 1 :], strict=True)
    ]
    return cells, ends[-1]


# Handling a run's lists is half of a frame's cost, and compiled next to none.
fit: Callable[[list[bytes | None], list[bytes | None], int, int], tuple[int, int]]
fit = compiled_class("tailrace_sqlite.cells", "fit") or _fit
pack: Callable[[bytes, list[Piece], int, int], bytes] = compiled_class("tailrace_sqlite.cells", "pack") or _pack
column: Callable[[bytes, int, int, int, int], tuple[list[bytes | None], int]]
column = compiled_class("tailrace_sqlite.cells", "column") or _column
