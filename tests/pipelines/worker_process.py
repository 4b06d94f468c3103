"""One worker of a pipeline, as the supervisor starts it, that leaves once it has caught up, or dies where a test says.

Batches, views and transactions are so small that there are many of each; a session that fails is soon followed by
another.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tailrace.failpoints import FOLDER, VARIABLE
from tailrace.worker import Order
from tests.pipelines.daemon import PipelineFile
from tests.servers import unique_name

SECONDS = 240
CAPTURE = "capture"

_WORKER = """
import tailrace.apply.session as apply
import tailrace.apply.worker as apply_worker
import tailrace.capture.load as load
import tailrace.capture.session as capture
import tailrace.capture.worker as capture_worker
from tailrace import worker
for role in (apply_worker, capture_worker):
    role.FIRST_BACKOFF_SECONDS, role.LONGEST_BACKOFF_SECONDS = 0.05, 0.2
load.VIEW_ROWS, load.SPAN_ROWS = 50, 400
capture.BATCH_BYTES, capture.TRANSACTION_BYTES, capture.LOAD_TRANSACTION_BYTES = 16 << 10, 48 << 10, 48 << 10
apply.SMALLEST_BATCH = apply.LARGEST_BATCH = 64 << 10
worker.leave(worker.main())
"""


@contextmanager
def worker(
    file: PipelineFile, name: str, failpoints: str = "", folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Started, and killed at the block's end if it still runs.

    Args:
        name: `capture`, or the sink's name.
        failpoints: see `tailrace.failpoints`, with the folder.
    """
    capture = name == CAPTURE
    order = Order(
        name,
        str(file.path),
        file.path.read_text(),
        CAPTURE if capture else "apply",
        None if capture else name,
        finish=True,
        settled=True,
        instance=unique_name("run"),
    )
    environment = dict(os.environ)
    if failpoints:
        assert folder is not None
        environment |= {VARIABLE: failpoints, FOLDER: str(folder)}
    with (file.folder / f"{name}.log").open("ab") as log, reports_of(file, name).open("ab") as reports:
        process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, f"--report-fd={reports.fileno()}"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(reports.fileno(),),
            env=environment,
        )
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError):
            process.stdin.write(order.to_json() + b"\n")
            process.stdin.flush()
        yield process  # as long as stdin is open: the worker leaves when it is not
    finally:
        process.kill()
        process.wait()
        with suppress(BrokenPipeError):
            process.stdin.close()


def reports_of(file: PipelineFile, name: str) -> Path:
    """What it has said to its supervisor."""
    return file.folder / f"{name}.reports"


def log_of(file: PipelineFile, name: str) -> str:
    return (file.folder / f"{name}.log").read_text()[-3000:]


def run_worker(file: PipelineFile, name: str) -> None:
    """Until it has caught up."""
    with worker(file, name) as process:
        assert process.wait(SECONDS) == 0, log_of(file, name)


def fails(file: PipelineFile, name: str, points: Sequence[tuple[str, int]]) -> None:
    """Its sessions end with an error at each of the points, when one comes to it for the nth time, and it goes on."""
    folder = file.folder / f"{name} fails {unique_name()}"
    folder.mkdir()
    failpoints = ";".join(f"{name}/{point}=error@{nth}" for point, nth in points)
    with worker(file, name, failpoints, folder) as process:
        assert process.wait(SECONDS) == 0, log_of(file, name)
    assert {mark.name for mark in folder.iterdir()} == {f"{name}.{point}" for point, _ in points}


def dies(file: PipelineFile, name: str, point: str, nth: int = 1) -> None:
    """Killed when it comes to the point for the nth time; fails if it never does."""
    folder = file.folder / f"{name} dies at {point}@{nth} {unique_name()}"
    folder.mkdir()
    with worker(file, name, f"{name}/{point}=kill@{nth}", folder) as process:
        code = process.wait(SECONDS)
        assert code == -signal.SIGKILL, f"{name} ended with {code} and not at {point}: {log_of(file, name)}"
    assert (folder / f"{name}.{point}").exists(), f"{name} was killed, and not at {point}"
