"""Batch frames of the embedded stream: events column-wise in one blob, one blob a row of a segment.

A frame, all numbers little-endian::

    uint32  length of the header
    header  JSON [[topic, number of events], ...], one pair a run
    int32   length of each key, -1 where there is none
    int32   length of each value, -1 for a tombstone
    bytes   all keys, then all values, one after another

1.8 times the rate of a row per event, because SQLite and Python each handle a batch once.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import orjson

from tailrace.batch import Run
from tailrace.errors import ValueRefusedError

#: A frame's events take about this many bytes at most, one single event excepted: what a reader holds at least.
FRAME_BYTES = 1 << 20
#: SQLite's own bound of a blob is 1,000,000,000 bytes.
LARGEST_EVENT = 900_000_000


class Frame(NamedTuple):
    """`events` records as `encode` packed them."""

    events: int
    body: bytes


class Piece(NamedTuple):
    """A part of a run."""

    topic: str
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]


def encode(runs: Sequence[Run], limit: int = FRAME_BYTES) -> Iterator[Frame]:
    """Packs the runs' events into frames of about `limit` bytes, in order.

    Raises:
        ValueRefusedError: one event is larger than a frame can be.
    """
    for pieces in _cut(runs, limit):
        yield _pack(pieces)


def decode(body: bytes, skip: int = 0) -> list[Run]:
    """The frame's runs without its first `skip` events.

    Raises:
        ValueError: these bytes are no frame.
    """
    head_end = 4 + int.from_bytes(body[:4], "little")
    try:
        head: list[tuple[str, int]] = orjson.loads(body[4:head_end])
        events = sum(count for _, count in head)
        keys_at = head_end + 8 * events
        lengths = _lengths(body[head_end:keys_at])
    except (orjson.JSONDecodeError, TypeError) as error:
        raise ValueError("no frame of the embedded stream") from error
    if len(lengths) != 2 * events:
        raise ValueError("a frame of the embedded stream is cut short")
    keys, values_at = _column(body, lengths[:events], keys_at, skip)
    values, end = _column(body, lengths[events:], values_at, skip)
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


def _cut(runs: Sequence[Run], limit: int) -> Iterator[list[Piece]]:
    pieces: list[Piece] = []
    size = 0
    for run in runs:
        if not run.values:
            continue
        sizes = [
            (len(value) if value is not None else 0) + (len(key) if key is not None else 0)
            for key, value in zip(run.keys, run.values, strict=True)
        ]
        total = sum(sizes)
        if size + total <= limit:
            pieces.append(Piece(run.topic, run.keys, run.values))
            size += total
            continue
        start = 0
        for index, event in enumerate(sizes):
            if event > LARGEST_EVENT:
                raise ValueRefusedError(
                    f"an event of {event:,} bytes is larger than the embedded stream takes ({LARGEST_EVENT:,} bytes)",
                    where=run.topic,
                    fix="exclude the table, or use Kafka",
                )
            if size + event > limit and (pieces or index > start):
                if index > start:
                    pieces.append(Piece(run.topic, run.keys[start:index], run.values[start:index]))
                yield pieces
                pieces, size, start = [], 0, index
            size += event
        pieces.append(Piece(run.topic, run.keys[start:], run.values[start:]))
    if pieces:
        yield pieces


def _pack(pieces: list[Piece]) -> Frame:
    head = orjson.dumps([(piece.topic, len(piece.values)) for piece in pieces])
    keys = [key for piece in pieces for key in piece.keys]
    values = [value for piece in pieces for value in piece.values]
    lengths = array("i", [-1 if key is None else len(key) for key in keys])
    lengths.extend([-1 if value is None else len(value) for value in values])
    if sys.byteorder == "big":
        lengths.byteswap()
    # A missing key or value and an empty one take no bytes alike; the lengths tell them apart.
    body = b"".join(
        (len(head).to_bytes(4, "little"), head, lengths.tobytes(), *filter(None, keys), *filter(None, values))
    )
    return Frame(len(values), body)


def _lengths(packed: bytes) -> array[int]:
    lengths = array("i")
    lengths.frombytes(packed[: len(packed) & ~3])
    if sys.byteorder == "big":
        lengths.byteswap()
    return lengths


def _column(body: bytes, lengths: array[int], start: int, skip: int) -> tuple[list[bytes | None], int]:
    """The cells after the first `skip`, and where the column ends in `body`."""
    ends = list(accumulate([length if length > 0 else 0 for length in lengths], initial=start))
    cells = [
        body[at:end] if length >= 0 else None
        for length, at, end in zip(lengths[skip:], ends[skip:-1], ends[skip + 1 :], strict=True)
    ]
    return cells, ends[-1]
