"""What the broker and librdkafka give."""

from __future__ import annotations

from benchmarks.asked import Asked, Report
from benchmarks.contenders import librdkafka
from benchmarks.figures import Run
from benchmarks.rounds import line
from tests import servers

_ROWS = 1_000_000


def measure(asked: Asked, report: Report) -> None:
    """A bare producer and consumer by turns."""
    runs: dict[str, list[Run]] = {}
    work = f"{librdkafka.SIZE} bytes"
    with servers.start("kafka") as kafka:
        for number in range(asked.rounds):
            for name, taken in librdkafka.measure(kafka, number, asked.rows or _ROWS).items():
                runs.setdefault(name, []).append(taken)
                print(line("kafka", work, name, taken), flush=True)
    for name, every in runs.items():
        report("kafka", work, name, every)
