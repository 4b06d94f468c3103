"""The capture worker alone, as a process, with chunks so small that writers meet every one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import orjson

from tailrace.position import LOAD_PREFIX
from tailrace.stream import Stream
from tests.pipelines.daemon import PipelineFile, until

_CAPTURE = """
import sys
from tailrace.capture import load, worker
from tailrace.config import load as load_file
from tailrace.report import Control
load.VIEW_ROWS, load.SPAN_ROWS = int(sys.argv[2]), int(sys.argv[3])
control = Control()
control.finish.set()
class Silent:
    def send(self, report): pass
worker.run(load_file(sys.argv[1]), control, Silent())
"""
VIEW_ROWS, SPAN_ROWS = 50, 400


@contextmanager
def capture(
    file: PipelineFile, view_rows: int = VIEW_ROWS, span_rows: int = SPAN_ROWS
) -> Iterator[subprocess.Popen[bytes]]:
    """It goes on until it has caught up, and is killed at the block's end."""
    with file.log.open("ab") as log:
        command = [sys.executable, "-c", _CAPTURE, str(file.path), str(view_rows), str(span_rows)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def run_capture(file: PipelineFile, view_rows: int = VIEW_ROWS, span_rows: int = SPAN_ROWS) -> None:
    """To its end."""
    with capture(file, view_rows, span_rows) as process:
        assert process.wait(timeout=90) == 0, file.log.read_text()[-3000:]


def killed_after(
    file: PipelineFile, stream: Stream, rows: int, view_rows: int = VIEW_ROWS, span_rows: int = SPAN_ROWS
) -> None:
    """Killed as soon as so many rows are loaded."""
    with capture(file, view_rows, span_rows) as process:
        until(lambda: process.poll() is not None or loaded_rows(stream) >= rows, 60, f"{rows} rows loaded")
        assert process.poll() is None, "the load ended before it was killed: " + file.log.read_text()[-3000:]
        process.send_signal(signal.SIGKILL)


def loaded_rows(stream: Stream) -> int:
    """Of tables with a key."""
    with closing(stream.reader("")) as reader:
        entries = [orjson.loads(value) for key, value in reader.state().items() if key.startswith(LOAD_PREFIX)]
    return sum(entry["rows"] for entry in entries if entry["order"])
