"""A writer process for tests: publishes numbered batches in a loop until it is killed, going on where the last one was.

usage: python -m tests.streams.publisher JSON      the fields of `tests.streams.Pipeline`, and `topics`

Batch n holds some events of each topic, a control event at times, and the state entry `batch` = n; each event
says its batch, its place in it, and how many the batch has.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tailrace.batch import Run
from tests.streams import Pipeline

STATE_KEY = "batch"


def batch(number: int, topics: Sequence[str]) -> list[Run]:
    """What batch `number` consists of; its size varies."""
    sizes = [1 + number * 37 % 200 for _ in topics]
    total = sum(sizes)
    runs = []
    place = 0
    for topic, size in zip(topics, sizes, strict=True):
        keys: list[bytes | None] = []
        values: list[bytes | None] = []
        for _ in range(size):
            keys.append(b'{"id":%d}' % (place % 50))
            values.append(json.dumps({"batch": number, "place": place, "of": total, "pad": "x" * 200}).encode())
            place += 1
        runs.append(Run(topic, keys, values))
    return runs


def main(arguments: dict[str, Any]) -> None:
    topics = arguments.pop("topics")
    pipeline = Pipeline(**{**arguments, "state_dir": Path(arguments["state_dir"])})
    writer = pipeline.open().writer()
    writer.prepare(topics)
    number = int(writer.state().get(STATE_KEY, b"0"))
    while not writer.backlog_full():
        number += 1
        writer.publish(batch(number, topics), {STATE_KEY: b"%d" % number})
    print("the backlog is full", flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
