"""What must hold for every input."""

from __future__ import annotations

import hashlib
import re
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson

from tests.fuzz import mysql, postgres, select

ENGINES: dict[str, Callable[[bytes], Any]] = {
    "mysql": mysql.outcome,
    "postgres": postgres.outcome,
    "select": select.outcome,
}
#: An event holds some 600 bytes besides its row, and the batch, its keys and what it was made of as much again.
_BYTES_PER_BYTE = 200
_BYTES_AT_LEAST = 2 << 20
_SECONDS = 5.0


def check(engine: str, data: bytes) -> str:
    """Runs one input; the error's name, and a digest of each record without its moment.

    Both forms of the decoder give the same, but that the one event which the emitter looks ahead at may be missing from
    one form where an error ends both.

    Raises:
        Exception: the decoder's own error has no name, or no place, or an event is no JSON, or it took too long.
    """
    began = time.process_time()
    batch, error, where, _ = ENGINES[engine](data)
    if error is not None:
        assert str(error) or getattr(error, "number", None), "the error says nothing"
        assert where, f"{error} has no place"
    digests = []
    for run in batch.runs:
        for key, value in run:
            if value is not None:
                orjson.loads(value)
            record = repr((run.topic, key, value and re.sub(rb'"ts_ms":[0-9]+,"tr', b'"tr', value)))
            digests.append(hashlib.sha256(record.encode()).hexdigest()[:8])
    taken = time.process_time() - began
    assert taken < _SECONDS, f"it took {taken:.1f} s"
    return f"{type(error).__name__} {' '.join(digests)}"


def alike(one: str, other: str) -> bool:
    """Whether two results of `check` are what they may be for one input."""
    shorter, longer = sorted((one.split(), other.split()), key=len)
    # An event, and the tombstone behind a delete.
    return one == other or (
        not one.startswith("NoneType") and longer[: len(shorter)] == shorter and len(longer) - len(shorter) <= 2
    )


def check_memory(engine: str, data: bytes) -> None:
    """No more memory at any moment than a multiple of the input."""
    tracemalloc.start()
    try:
        _, _, _, size = ENGINES[engine](data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _BYTES_AT_LEAST + _BYTES_PER_BYTE * size, f"{peak} bytes for an input of {size}"
