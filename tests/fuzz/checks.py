"""What must hold for every input."""

from __future__ import annotations

import hashlib
import re
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson

from tests.fuzz import mysql, postgres

ENGINES: dict[str, Callable[[bytes], Any]] = {"mysql": mysql.outcome, "postgres": postgres.outcome}
#: An event holds some 600 bytes besides its row, and the batch, its keys and what it was made of as much again.
_BYTES_PER_BYTE = 200
_BYTES_AT_LEAST = 2 << 20
_SECONDS = 5.0


def check(engine: str, data: bytes) -> str:
    """Runs one input; what came of it, without the moment: equal for both forms of the decoder.

    Raises:
        Exception: the decoder's own error has no name, or no place, or an event is no JSON, or it took too long.
    """
    began = time.process_time()
    batch, error, where, _ = ENGINES[engine](data)
    if error is not None:
        assert str(error) or getattr(error, "number", 0), "the error says nothing"
        assert where, f"{error} has no place"
    digest = hashlib.sha256()
    for run in batch.runs:
        for key, value in run:
            if value is not None:
                orjson.loads(value)
            digest.update(repr((run.topic, key, value and re.sub(rb'"ts_ms":[0-9]+,"tr', b'"tr', value))).encode())
    taken = time.process_time() - began
    assert taken < _SECONDS, f"it took {taken:.1f} s"
    # Of several faults one form may meet another one first.
    return f"{batch.events} {digest.hexdigest()[:16]} {type(error).__name__}"


def check_memory(engine: str, data: bytes) -> None:
    """No more memory at any moment than a multiple of the input."""
    tracemalloc.start()
    try:
        _, _, _, size = ENGINES[engine](data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _BYTES_AT_LEAST + _BYTES_PER_BYTE * size, f"{peak} bytes for an input of {size}"
