"""The embedded stream under SIGKILL while its segments come and go."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

from tests.integration.test_stream_conformance import begin, publisher
from tests.streams import DEADLINE, Event, Pipeline, events_of, read_to_end
from tests.streams.publisher import STATE_KEY, batch

KILLS = 5


def test_killed_while_segments_come_and_go(tmp_path: Path) -> None:
    table = {"connector": "embedded", "retain": "1ms", "retain_bytes": "16MiB"}  # segments of 1 MiB
    pipeline = Pipeline("shop", tmp_path / "state", table, sinks=("one",))
    pipeline.state_dir.mkdir()
    topics = [pipeline.table("users"), pipeline.table("orders")]
    begin(pipeline, "users", "orders").close()
    reader = pipeline.open().reader("one")
    reader.seek({})
    seen: list[Event] = []

    def take() -> None:
        # A sink in the middle of it: what it has committed may be removed at any moment.
        seen.extend(events_of(reader, 0.01))
        reader.commit(reader.positions())

    process: subprocess.Popen[bytes] | None = None
    try:
        for _ in range(KILLS):
            process = publisher(pipeline, topics)
            enough = len(seen) + 5_000
            deadline = time.monotonic() + DEADLINE
            while len(seen) < enough:
                assert time.monotonic() < deadline
                take()
            deadline = time.monotonic() + random.uniform(0, 0.1)
            while time.monotonic() < deadline:
                take()
            process.send_signal(signal.SIGKILL)
            process.wait(DEADLINE)
    finally:
        if process is not None:
            process.kill()
            process.wait(DEADLINE)
    writer = pipeline.open().writer()
    last = int(writer.state()[STATE_KEY])
    seen += read_to_end(reader)
    sent = [
        (piece.topic, key, value)
        for number in range(1, last + 1)
        for piece in batch(number, topics)
        for key, value in piece
    ]
    assert [event[2:] for event in seen] == sent
    assert [event.offset for event in seen] == list(range(len(sent)))
    names = sorted(path.name for path in (pipeline.state_dir / "stream").glob("*.segment"))
    assert names[0] > f"{0:020d}.segment", "segments were removed on the way"
    reader.close()
    writer.close()
