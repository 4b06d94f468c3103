"""The worker's process: the order, the lifeline, the reports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace import worker as worker_module
from tailrace.errors import RefusedError
from tailrace.locks import LockFile
from tailrace.report import Control, TableReport, WorkerReport
from tailrace.supervisor.health import WorkerHealth
from tailrace.worker import Lines, Order, ReportPipe
from tests.doubles.pipeline import COMMAND, pipeline
from tests.servers import wait_until


def test_commands_of_the_supervisor() -> None:
    """A hold ends by itself, and at once where that is asked."""
    control = Control()
    reading, writing = os.pipe()
    left: list[int] = []
    listening = threading.Thread(target=worker_module.listen, args=(Lines(reading), control, left.append))
    listening.start()
    os.write(writing, b'{"command":"hold","seconds":60}\n')
    wait_until(lambda: control.held, 5, "it is held")
    os.write(writing, b'{"command":"hold","seconds":0}\n{"command":"finish"}\n')
    wait_until(control.finish.is_set, 5, "the next command")
    assert not control.held
    os.close(writing)
    listening.join(5)
    assert left == [worker_module.UNEXPECTED]


class Started:
    """A worker process without a supervisor."""

    def __init__(self, folder: Path, behaviour: str) -> None:
        self.double = pipeline(folder, {"capture": [behaviour]})
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            [*COMMAND, f"--report-fd={writing}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(writing,),
        )
        os.close(writing)
        self._end = threading.Timer(60, self.process.kill)  # bounds every wait for a report
        self._end.start()
        self.reports = os.fdopen(reading, "rb")
        self.send(orjson.loads(Order("capture", "shop.toml", self.double.text, "capture").to_json()))

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps(message) + b"\n")
        self.process.stdin.flush()

    def report(self) -> WorkerReport:
        return WorkerReport.from_json(self.reports.readline())

    def until(self, state: str) -> WorkerReport:
        while (report := self.report()).state != state:
            pass
        return report

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.cancel()
        self.process.kill()
        self.process.communicate()
        self.reports.close()


def test_reports_come_in_order_and_the_last_one_says_how_it_ended(tmp_path: Path) -> None:
    with Started(tmp_path, "stream") as worker:
        # A report that was not read in time gives way to the next one: "starting" may never be seen.
        first = worker.report()
        assert first.state in ("starting", "streaming")
        streaming = first if first.state == "streaming" else worker.until("streaming")
        assert streaming.lag_bytes == 17
        worker.send({"command": "finish"})
        assert worker.until("finished").events > 0
        assert worker.process.wait(10) == 0


def test_sigterm_drains(tmp_path: Path) -> None:
    with Started(tmp_path, "stream") as worker:
        worker.until("streaming")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.until("stopped").events > 0
        assert worker.process.wait(10) == 0


def test_sigterm_is_heeded_whatever_the_worker_is_just_doing(tmp_path: Path) -> None:
    """Each of these is most probably met while it holds the lock of what it is told by."""
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Started(folder, "busy") as worker:
            worker.until("streaming")
            worker.process.send_signal(signal.SIGTERM)
            assert worker.process.wait(10) == 0


def test_a_ctrl_c_is_the_supervisors(tmp_path: Path) -> None:
    with Started(tmp_path, "stream") as worker:
        worker.until("streaming")
        worker.process.send_signal(signal.SIGINT)
        progress = worker.report().progress
        while worker.report().progress < progress + 10:
            pass


def test_it_leaves_at_once_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    with Started(tmp_path, "deaf:60") as worker:
        worker.until("streaming")
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        assert worker.process.wait(5) == 1
        worker.process.stdin = None


@pytest.mark.parametrize(("behaviour", "code"), [("refused", 5), ("data loss", 6), ("stuck", 4), ("config", 2)])
def test_the_exit_code_is_the_errors(tmp_path: Path, behaviour: str, code: int) -> None:
    with Started(tmp_path, behaviour) as worker:
        assert worker.until("stuck").error
        assert worker.process.wait(10) == code


def test_an_unexpected_error_shows_where_and_never_what(tmp_path: Path) -> None:
    with Started(tmp_path, "bug") as worker:
        assert "KeyError at tailrace.worker:" in worker.until("stuck").error
        assert worker.process.wait(10) == 1
        assert worker.process.stderr is not None
        log = worker.process.stderr.read()
        assert b'"exception":"KeyError"' in log
        assert b"tests.doubles" in log or b"__main__" in log
        assert b"secret" not in log


def test_an_orphan_and_its_successor_do_not_work_side_by_side(tmp_path: Path) -> None:
    with Started(tmp_path, "stream") as orphan:
        orphan.until("streaming")
        with Started(tmp_path, "stream") as successor:
            assert successor.report().state == "starting"
            assert len(successor.double.starts("capture")) == 1
            assert orphan.process.stdin is not None
            orphan.process.stdin.close()
            orphan.process.stdin = None
            successor.until("streaming")
            assert orphan.process.wait(5) == 1
            assert len(successor.double.starts("capture")) == 2


def test_an_orphan_that_does_not_go_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "ORPHAN_SECONDS", 0.1)
    (tmp_path / "locks").mkdir()
    with LockFile(tmp_path / "locks" / "capture.lock") as orphan:
        assert orphan.acquire()
        with pytest.raises(RefusedError, match=rf"another capture worker .* still runs \(pid {os.getpid()}\)"):
            worker_module._own_lock(tmp_path, "capture")


def test_slow_readers_get_the_newest_report() -> None:
    reading, writing = os.pipe()
    reports = ReportPipe(writing, "capture")
    for progress in range(20_000):
        reports.send(WorkerReport("capture", progress=progress))
    received: list[int] = []

    def read() -> None:
        with os.fdopen(reading, "rb") as pipe:
            received.extend(WorkerReport.from_json(line).progress for line in pipe)

    reader = threading.Thread(target=read)
    reader.start()
    reports.close()
    reader.join(10)
    assert received[-1] == 19_999
    assert received == sorted(received)
    assert len(received) < 20_000


@pytest.mark.parametrize("patient", [True, False], ids=["each is read", "reports give way"])
def test_tables_that_did_not_change_are_sent_once(patient: bool) -> None:
    reading, writing = os.pipe()
    reports = ReportPipe(writing, "capture")
    received: list[WorkerReport] = []

    def read() -> None:
        with os.fdopen(reading, "rb") as pipe:
            received.extend(WorkerReport.from_json(line) for line in pipe)

    reader = threading.Thread(target=read)
    reader.start()
    tables = [TableReport(f"t{number}", "streaming") for number in range(100)]
    for number in range(200):
        tables[number % 50].events += 1
        if number == 150:
            del tables[50:]
        reports.send(WorkerReport("capture", "streaming", tables=tables))
        if patient:
            wait_until(lambda least=number: len(received) > least, 10, "it is read", 0.001)  # type: ignore[misc]
    reports.close()
    reader.join(10)
    health = WorkerHealth("capture")
    for report in received:
        sent = len(report.tables)
        health.take(report)
        assert not patient or sent == (100 if report is received[0] else 50 if report is received[150] else 1)
    assert health.report.tables == tables


def test_lines_arrive_however_they_are_cut() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\ntw")
    lines = Lines(reading)
    assert lines.next() == b"one"
    os.write(writing, b"o\nthree")
    os.close(writing)
    assert lines.next() == b"two"
    assert lines.next() is None
    os.close(reading)


def test_the_order_is_read_back() -> None:
    order = Order("kv", "shop.toml", 'name = "shop"\n', "apply", sink="kv", finish=True, debug=True)
    assert Order.from_json(order.to_json()) == order
    assert b"\n" not in order.to_json()


def test_it_does_nothing_without_an_order() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tailrace.worker", "--report-fd=1"], stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 1
