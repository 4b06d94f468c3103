"""The daemon as a process tree, as systemd and a monitoring system see it; its workers are doubles."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.errors import NotRunningError
from tailrace.http.client import ask
from tailrace.http.sockets import bind_tcp
from tailrace.supervisor import folder
from tests.doubles.pipeline import ERRORS, pipeline

Behaviours = dict[str, list[str]]


class Daemon:
    """`tests.doubles.daemon` in a folder."""

    def __init__(self, tmp_path: Path, behaviours: Behaviours, port: int | None = None) -> None:
        self.state_dir = tmp_path / "state"
        self.port = port
        self.double = pipeline(self.state_dir, dict(behaviours))
        self._command = [sys.executable, "-m", "tests.doubles.daemon", str(self.state_dir), json.dumps(behaviours)]
        self._log = tmp_path / "log"
        self.process: subprocess.Popen[bytes]

    @contextlib.contextmanager
    def started(self, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [*self._command, *([str(self.port)] if self.port else [])]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment})
        try:
            yield self.process
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait(10)

    def log(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]

    def status(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = ask(self.state_dir, "shop", "/status")
        except NotRunningError:
            return {"state": "not running", "workers": []}
        return answer

    def workers(self) -> dict[str, Any]:
        return {worker["name"]: worker for worker in self.status()["workers"]}

    def until(self, condition: Callable[[], Any], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None or condition(), f"the daemon has ended: {self.log()}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {self.log()}"
            time.sleep(0.02)

    def until_running(self) -> None:
        self.until(lambda: self.status()["state"] == "running")

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


def free_port() -> int:
    with bind_tcp("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
    return port


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie has, and nobody may be there to wait for an orphan."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_sigterm_drains_within_its_time_and_is_exit_0(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"capture": ["stream"], "kv": ["deaf:1"]})
    with daemon.started() as process:
        daemon.until_running()
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        assert time.monotonic() - begun > 0.9, "the slow worker was waited for"
    status = folder.stored_status(daemon.state_dir)
    assert status is not None
    assert status["state"] == "stopped"
    assert status["workers"][0]["position"] == "binlog.000003:4"
    assert not (daemon.state_dir / "control.sock").exists()
    with pytest.raises(NotRunningError):
        ask(daemon.state_dir, "shop", "/status")


def test_workers_leave_when_the_supervisor_is_killed_and_the_next_run_takes_over(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"capture": ["deaf:60", "stream"], "kv": ["stream"]})
    with daemon.started() as process:
        daemon.until_running()
        pids = [worker["pid"] for worker in daemon.workers().values()]
        process.kill()
        process.wait(5)
    deadline = time.monotonic() + 5
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    status = folder.stored_status(daemon.state_dir)
    assert status is not None, "a killed daemon leaves its last status"
    with daemon.started() as process:
        daemon.until_running()
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0


def test_a_killed_worker_is_back_and_the_others_never_noticed(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"capture": ["stream"], "kv": ["stream"]}, free_port())
    with daemon.started() as process:
        daemon.until_running()
        before = daemon.workers()
        os.kill(before["kv"]["pid"], signal.SIGKILL)
        daemon.until(lambda: daemon.workers()["kv"]["restarts"] == 1 and daemon.get("/healthz")[0] == 200)
        after = daemon.workers()
        assert after["capture"]["pid"] == before["capture"]["pid"]
        assert after["kv"]["pid"] != before["kv"]["pid"]
        assert b'tailrace_worker_restarts_total{pipeline="shop",worker="kv"} 1.0' in daemon.get("/metrics")[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_health_is_503_while_a_worker_retries_and_readiness_waits(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"capture": ["stream"], "kv": ["retrying"]}, free_port())
    with daemon.started():
        states = {"capture": "streaming", "kv": "retrying"}
        daemon.until(lambda: {name: worker["state"] for name, worker in daemon.workers().items()} == states)
        code, body = daemon.get("/healthz")
        assert (code, json.loads(body)["reasons"]) == (503, [f"kv is retrying: {ERRORS['unreachable']}"])
        code, body = daemon.get("/readyz")
        assert (code, json.loads(body)["reasons"]) == (503, ["kv is retrying"])
        assert json.loads(daemon.get("/status")[1])["state"] == "stuck"


def test_a_worker_alive_without_progress_is_503_when_patience_is_over(tmp_path: Path) -> None:
    """Twenty-five seconds, which `test_supervisor_health` holds to."""
    daemon = Daemon(tmp_path, {"capture": ["stream"], "kv": ["silent"]}, free_port())
    begun = time.monotonic()
    with daemon.started(PATIENCE_SECONDS="8"):
        daemon.until_running()
        assert daemon.get("/healthz")[0] == 200
        daemon.until(lambda: daemon.get("/healthz")[0] == 503)
        assert time.monotonic() - begun > 8
        assert "kv has not advanced for " in json.loads(daemon.get("/healthz")[1])["reasons"][0]
        assert daemon.workers()["kv"]["state"] == "streaming", "whatever the worker says of itself"


def test_a_second_daemon_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first = Daemon(tmp_path, {"capture": ["stream"]})
    second = Daemon(tmp_path, {"capture": ["stream"]})
    with first.started() as process:
        first.until_running()
        with second.started() as other:
            assert other.wait(15) == 5
        assert f"pipeline shop is already running (pid {process.pid})" in second.log()[-1]["event"]
        assert first.status()["state"] == "running"


def test_a_taken_port_is_exit_5_in_one_line(tmp_path: Path) -> None:
    with bind_tcp("127.0.0.1", 0) as taken:
        daemon = Daemon(tmp_path, {"capture": ["stream"]}, taken.getsockname()[1])
        with daemon.started() as process:
            assert process.wait(15) == 5
    assert daemon.log()[-1]["event"] == (
        f"tailrace: error: [http] listen 127.0.0.1:{daemon.port}: another process listens on this address; "
        "stop it, or choose another port"
    )
    assert daemon.double.starts("capture") == [], "nothing was started"


class Manager:
    """systemd's end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(5)

    def until(self, wanted: str, times: int = 1) -> None:
        """Waits until a line that begins so was heard this often in all."""
        deadline = time.monotonic() + 20
        while sum(line.startswith(wanted) for line in self.heard) < times:
            assert time.monotonic() < deadline, f"never heard {wanted}: {self.heard}"
            self.heard += self._socket.recv(65536).decode().splitlines()

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def test_the_conversation_with_systemd(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"capture": ["stream"], "kv": ["stream"]})
    with (
        Manager(tmp_path / "notify") as manager,
        daemon.started(NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="200000") as process,
    ):
        manager.until("READY=1")
        assert "WATCHDOG=1" in manager.heard, "the watchdog is fed from the start"
        begun = time.monotonic()
        manager.until("WATCHDOG=1", times=manager.heard.count("WATCHDOG=1") + 10)
        assert 0.5 < time.monotonic() - begun < 5, "twice as often as asked for"
        manager.until("STATUS=shop is running: capture streaming, lag 0.2 s; kv streaming, lag 0.2 s")
        process.send_signal(signal.SIGHUP)
        manager.until("READY=1", times=2)
        reloading = manager.heard.index("RELOADING=1")
        assert manager.heard[reloading + 1].startswith("MONOTONIC_USEC=")
        assert "READY=1" in manager.heard[reloading:]
        process.send_signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        assert process.wait(15) == 0
    for name in ("capture", "kv"):
        assert "NOTIFY_SOCKET" not in daemon.double.starts(name)[0]["environment"]


def test_logs_are_json_lines_with_the_worker_and_no_message_of_a_bug(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"capture": ["stream"], "kv": ["bug", "stream"]})
    with daemon.started() as process:
        daemon.until_running()
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    log = daemon.log()
    assert all({"event", "level", "timestamp"} <= entry.keys() for entry in log)
    assert [entry["exception"] for entry in log if entry.get("worker") == "kv" and "exception" in entry] == ["KeyError"]
    assert "a secret" not in str(log)
