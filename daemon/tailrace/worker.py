"""The process of one worker: ``python -m tailrace.worker``, started by the supervisor (`tailrace.supervisor`).

stdin is both the way in and the lifeline. Its first line is the order, a JSON object (`Order`); later lines are
commands (``{"command":"finish"}``); its end means that the supervisor is gone, and the process leaves at once, as if
killed: everything it does is safe against that. Reports leave as JSON lines on a file descriptor of their own, so
that nothing a library prints can be taken for one. SIGTERM asks to drain. The exit code is that of the error that
ended the worker (`tailrace.errors`); the last report carries its line.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tailrace import failpoints, logs
from tailrace.allocator import give_large_blocks_back
from tailrace.errors import RefusedError, TailraceError
from tailrace.locks import LockFile
from tailrace.logs import logger
from tailrace.report import Control, Reload, Reporter, TableReport, WorkerReport
from tailrace.supervisor.folder import WORKER_LOCKS
from tailrace.supervisor.health import WELL_STATES

if TYPE_CHECKING:
    from tailrace.config import Pipeline

#: A predecessor that lost its supervisor leaves within moments; one that does not is stuck in the kernel.
ORPHAN_SECONDS = 10.0
#: How long the last report may take to reach a supervisor that is busy.
LAST_REPORT_SECONDS = 2.0
#: Exit code after an error that no one foresaw.
UNEXPECTED = 1

log = logger()


@dataclass(frozen=True, slots=True)
class Order:
    """What the supervisor asks for.

    Attributes:
        name: "capture", or the sink's name.
        file, text: the pipeline file and its content as the supervisor read it: a worker that starts again later
            must not see another version.
        role: "capture" or "apply".
        sink: for "apply".
        finish: leave once caught up.
        settled: an earlier process of this run's worker has been at work.
        log_format, debug: as `tailrace.logs.configure`.
        instance: random name of the supervisor's run, the same for all processes that it starts.
        shared: for "apply": workers of other machines may work for the sink too.
    """

    name: str
    file: str
    text: str
    role: str
    sink: str | None = None
    finish: bool = False
    settled: bool = False
    log_format: str = "json"
    debug: bool = False
    instance: str = ""
    shared: bool = False

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: bytes) -> Order:
        return cls(**orjson.loads(line))


Runner = Callable[["Pipeline", Order, Control, Reporter], None]


class ReportPipe:
    """Writes reports to the supervisor from a thread; a supervisor that reads slowly gets the newest one only.

    Of the tables those are sent that changed since they were last sent: there may be thousands, once a second.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.last = WorkerReport(name)
        self._sent: dict[str, TableReport] = {}
        self._fd = fd
        self._news = threading.Condition()
        self._waiting: WorkerReport | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._write, name="reports", daemon=True)
        self._thread.start()

    def send(self, report: WorkerReport) -> None:
        with self._news:
            first = not self._sent
            changed = [replace(table) for table in report.tables if table != self._sent.get(table.name)]
            self._sent.update((table.name, table) for table in changed)
            # The process before may have had others; one that is at work, or waits for its share, has no others.
            whole = first and (bool(changed) or report.state in WELL_STATES or report.state == "joining")
            if len(self._sent) > len(report.tables):  # some are gone
                whole = True
                changed = [replace(table) for table in report.tables]
                self._sent = {table.name: table for table in changed}
            unsent = self._waiting
            if unsent is not None and not whole:
                changed = list({table.name: table for table in (*unsent.tables, *changed)}.values())
                whole = unsent.whole
            self.last = replace(report, tables=list(report.tables))
            self._waiting = replace(report, tables=changed, whole=whole)
            self._news.notify()

    def close(self) -> None:
        """Waits until the last report is out."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(LAST_REPORT_SECONDS)

    def _write(self) -> None:
        with open(self._fd, "wb", buffering=0) as pipe:
            while True:
                with self._news:
                    self._news.wait_for(lambda: self._waiting is not None or self._closing)
                    report, self._waiting = self._waiting, None
                if report is None:
                    return
                line = report.to_json() + b"\n"
                try:
                    while line:
                        line = line[pipe.write(line) :]
                except BrokenPipeError:
                    return  # the supervisor is gone; stdin says so too


class Lines:
    """Lines of a file descriptor, read without Python's buffered stdin: a thread inside that blocks the exit."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""

    def next(self) -> bytes | None:
        """The next line without its end; None once the other side is gone."""
        while b"\n" not in self._rest:
            data = os.read(self._fd, 1 << 16)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line


def listen(lines: Lines, control: Control, leave: Callable[[int], Any] = os._exit) -> None:
    """Follows the supervisor's commands until it is gone, then leaves."""
    while (line := lines.next()) is not None:
        given = orjson.loads(line)
        command = given["command"]
        if command == "finish":
            control.finish.set()
        elif command == "hold":
            control.held_until = time.monotonic() + given["seconds"]
        elif command == "reload":
            control.reloads.put(Reload(tuple(given["tables"]), given["where"], given["resync"]))
        else:
            log.error("unknown command from the supervisor", command=command)
    leave(UNEXPECTED)


def heed_sigterm(control: Control) -> None:
    """From here on SIGTERM sets `control.stop`.

    From a thread, because a handler would run in the middle of the main thread: where that is just looking at the very
    same event and holds its lock, it would wait for itself. Threads that are started later leave the signal alone.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        control.stop.set()

    threading.Thread(target=wait, name="sigterm", daemon=True).start()


def run_role(pipeline: Pipeline, order: Order, control: Control, reporter: Reporter) -> None:
    """Hands over to the role's own loop."""
    if order.role == "capture":
        from tailrace.capture.worker import run as capture

        capture(pipeline, control, reporter)
    else:
        from tailrace.apply.worker import run as apply

        apply(pipeline, str(order.sink), control, reporter, order.shared)


def load_pipeline(order: Order) -> Pipeline:
    from tailrace.config import parse

    return replace(parse(order.text, order.file), instance=order.instance)


def work(order: Order, control: Control, reports: ReportPipe, load: Callable[[Order], Pipeline], run: Runner) -> int:
    """Runs the role to its end; returns the exit code, having reported the error."""
    reports.send(WorkerReport(order.name))
    try:
        failpoints.arm(order.name, os.environ)
        pipeline = load(order)
        with _own_lock(pipeline.state_dir, order.name):
            run(pipeline, order, control, reports)
    except TailraceError as error:
        reports.send(replace(reports.last, state="stuck", error=str(error)))
        return error.exit_code
    except Exception as error:
        log.error("unexpected error", exc_info=error)
        line = f"unexpected error: {logs.place(error)}; this is a bug, the log has more, --debug shows all"
        reports.send(replace(reports.last, state="stuck", error=line))
        return UNEXPECTED
    ended = "stopped" if control.stop.is_set() else "finished"
    if reports.last.state != ended:
        reports.send(replace(reports.last, state=ended))
    return 0


def _own_lock(state_dir: Path, name: str) -> LockFile:
    """Keeps an orphan of a killed supervisor from working beside its successor."""
    folder = state_dir / WORKER_LOCKS
    lock = LockFile(folder / f"{name}.lock")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        free = lock.acquire(ORPHAN_SECONDS)
    except OSError as error:
        raise RefusedError(
            f"cannot lock: {error.strerror}", where=str(lock.path), fix="make the state folder writable"
        ) from error
    if not free:
        raise RefusedError(
            f"another {name} worker of this pipeline still runs (pid {lock.holder()})",
            where=str(lock.path),
            fix="end that process",
        )
    return lock


def main(load: Callable[[Order], Pipeline] = load_pipeline, run: Runner = run_role) -> int:
    """Takes the order from stdin and works; the arguments are what the tests put in place of the real thing."""
    parser = argparse.ArgumentParser(prog="tailrace.worker", description="started by `tailrace run`, not by hand")
    parser.add_argument("--report-fd", type=int, required=True)
    parser.add_argument("--pipeline", help="for the process list only")
    parser.add_argument("--worker", help="for the process list only")
    options = parser.parse_args()
    give_large_blocks_back()
    control = Control()
    heed_sigterm(control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the supervisor's to handle
    os.set_inheritable(options.report_fd, False)
    lines = Lines(sys.stdin.fileno())
    first = lines.next()
    if first is None:
        return UNEXPECTED
    order = Order.from_json(first)
    logs.configure(logs.LogFormat(order.log_format), debug=order.debug, worker=order.name)
    control.settled = order.settled
    if order.finish:
        control.finish.set()
    threading.Thread(target=listen, args=(lines, control), name="commands", daemon=True).start()
    reports = ReportPipe(options.report_fd, order.name)
    code = work(order, control, reports, load, run)
    reports.close()
    return code


def leave(code: int) -> None:
    """Ends the process now: a library's thread that does not end must not keep a finished worker alive."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
