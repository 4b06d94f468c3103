"""Runs the daemon as a user does: `python -m tailrace.cli …` on a pipeline file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tailrace.errors import TailraceError
from tailrace.http.client import ask
from tailrace.supervisor.role import Role
from tests.pipelines import commands
from tests.pipelines.commands import Result as Result


class PipelineFile:
    """A pipeline file in a test's folder, and the commands on it."""

    def __init__(self, folder: Path, text: str, starts: bool = False) -> None:
        """`starts`: each command is started, as a user's shell does."""
        self.folder = folder
        self.starts = starts
        self.path = folder / "pipeline.toml"
        self.path.write_text(text)
        self.log = folder / "daemon.log"

    def command(self, *arguments: str, timeout: float = 120, env: Mapping[str, str] | None = None) -> Result:
        """`tailrace ARGUMENTS`, waited for; the first argument is the command (two of `dead-letters`), the file is put
        after it. Forked (see `tests.pipelines.commands`), or started where `starts`, or with an `env` of its own."""
        words = 2 if arguments[0] == "dead-letters" else 1
        command = [*arguments[:words], str(self.path), *arguments[words:]]
        forked = None if self.starts or env else commands.run(command, timeout)
        if forked is not None:
            return forked
        done = subprocess.run(
            [sys.executable, "-m", "tailrace.cli", *command],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **(env or {})},
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def until_caught_up(self, timeout: float = 120) -> Result:
        return self.command("run", "--until-caught-up", timeout=timeout)

    def status(self) -> dict[str, Any]:
        """What `status --json` prints, whatever its exit code; {} while nothing answers.

        A running pipeline is asked without a command: waiting costs no CPU.
        """
        document = tomllib.loads(self.path.read_text())
        with suppress(TailraceError, KeyError):
            running: dict[str, Any] = ask(self.folder / document["state_dir"], document["name"], "/status")
            return running
        result = self.command("status", "--json", timeout=30)
        try:
            answer: dict[str, Any] = json.loads(result.stdout)
        except ValueError:
            return {}
        return answer

    def states(self) -> dict[str, str]:
        """The workers' states by name; {} while nothing answers. Asked without a command: waiting costs no CPU."""
        return {worker["name"]: worker["state"] for worker in self.workers()}

    def workers(self) -> list[dict[str, Any]]:
        """A running pipeline's, as its status has them; [] while nothing answers."""
        document = tomllib.loads(self.path.read_text())
        workers: list[dict[str, Any]] = []
        for role in (Role.BOTH, Role.APPLY):
            with suppress(TailraceError):
                workers += ask(self.folder / document["state_dir"], document["name"], "/status", None, role)["workers"]
        return workers

    def tail(self, *arguments: str, timeout: float = 60) -> list[dict[str, Any]]:
        result = self.command("tail", *arguments, timeout=timeout)
        assert result.code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def start(self, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """`tailrace run`, which says in `log` what it does. `env` goes over the environment."""
        command = [sys.executable, "-m", "tailrace.cli", "run", str(self.path)]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(env or {})})

    def stop(self, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
        """SIGTERM, at whatever moment of its life.

        Raises:
            AssertionError: it has not ended in time, and is killed, or not with 0.
        """
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill_all(process)
            raise AssertionError(f"no end within {seconds} s of SIGTERM: {self.said()}") from None
        # Before its handlers are there, the signal does what it does to any process.
        assert code in (0, -signal.SIGTERM), f"ended with {code}: {self.said()}"

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-3000:]

    @contextmanager
    def running(self, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """`tailrace run`, stopped by SIGTERM at the end; its exit code must be 0. `env` goes over the environment."""
        process = self.start(env)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=20)
            assert code == 0, f"run ended with {code}: {self.said()}"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def worker_pids(self) -> dict[str, int]:
        """The running workers' process ids, by name; asked as `states`."""
        return {worker["name"]: worker["pid"] for worker in self.workers() if worker.get("pid")}


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """SIGKILLs a running daemon and its workers, and waits until they are gone: nothing is stored any more."""
    if process.poll() is not None:
        return  # its number may be another's by now
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [int(worker) for worker in (children.read_text().split() if children.exists() else ())]
    process.send_signal(signal.SIGKILL)  # before its workers, which it would start again
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    process.wait()
    until(lambda: not any(_alive(worker) for worker in workers), 30, "the workers are gone")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for a condition, and fails with `what` when it does not come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)
