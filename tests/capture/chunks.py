"""Chunks of the full load, read on the test's own thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from tailrace.source import Chunk, SnapshotReader, View


def try_chunk(
    reader: SnapshotReader, topic: str, after: str | None, limit_rows: int, limit_bytes: int, until: str | None = None
) -> Chunk | None:
    """The next chunk; None where the stream must go on first, or the table changed while it was read."""
    reading = reader.prepare(topic, "")
    if reading is None:
        return None
    with (
        closing(reader.chunks()) as chunks,
        closing(chunks.read_view(reading, after, until, limit_rows, limit_bytes, _open)) as of_a_view,
    ):
        return next(of_a_view, None)


def read_chunk(
    reader: SnapshotReader, topic: str, after: str | None, limit_rows: int, limit_bytes: int, until: str | None = None
) -> Chunk:
    """As `try_chunk`, where nothing is in the way."""
    chunk = try_chunk(reader, topic, after, limit_rows, limit_bytes, until)
    assert chunk is not None, "the table cannot be read just now"
    return chunk


def _open(opener: Callable[[], View]) -> View:
    return opener()
