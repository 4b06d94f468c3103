"""CPU seconds and peak memory of process trees, from /proc; and programs that are run to their end under watch."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.1


class ContenderError(Exception):
    """A contender failed, or what it delivered is not what the source holds."""


def tree(pid: int) -> list[int]:
    """The process and its descendants, as far as they are still there."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                found += map(int, Path(f"/proc/{parent}/task/{task}/children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process tree. Includes descendants that have ended, once they were waited for."""
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            # Behind the name, which may hold blanks: utime, stime, cutime, cstime are fields 14 to 17.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(value) for value in fields[11:15])
    return total / _TICKS


def peak_mb(pid: int) -> float | None:
    """VmHWM of one process, in MiB; None if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


def worker_name(pid: int) -> str | None:
    """NAME, if the process was started with `--worker=NAME`."""
    with contextlib.suppress(OSError):
        for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            if word.startswith(b"--worker="):
                return word.partition(b"=")[2].decode()
    return None


class Watch:
    """Samples the peaks of a process tree until `stop`, in a thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks: dict[int, float] = {}
        self._workers: dict[int, str] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while True:
            for one in tree(self._pid):
                peak = peak_mb(one)
                if peak is not None:
                    self._peaks[one] = peak
                    if worker := worker_name(one):
                        self._workers[one] = worker
            if self._stopped.wait(_SAMPLE_SECONDS):
                return

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def total_mb(self) -> float:
        """The processes' peaks, added up."""
        return sum(self._peaks.values())

    @property
    def workers_mb(self) -> dict[str, float]:
        """The peak of each process that was started as `--worker=NAME`, as tailrace's are."""
        return {name: self._peaks[pid] for pid, name in self._workers.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass
class Finished:
    """What a program took. `started` is on the wall clock, as the broker's timestamps are."""

    started: float
    seconds: float
    cpu_seconds: float
    peak_mb: float
    workers_mb: dict[str, float]
    output: str
    """What it printed to stdout."""


class Program:
    """A running program of a contender, with its tree watched; killed where the block is left while it runs."""

    def __init__(self, argv: Sequence[str | Path]) -> None:
        self._argv = [str(word) for word in argv]

    def __enter__(self) -> Self:
        self._output, self._log = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.started = time.time()
        self._clock = time.monotonic()
        self._process = subprocess.Popen(
            self._argv, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._log, start_new_session=True
        )
        self.pid = self._process.pid
        self._watch = Watch(self.pid)
        return self

    def alive(self) -> bool:
        """Whether it runs."""
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return ended is None

    def finish(self, stop: signal.Signals | None = None, allowed: tuple[int, ...] = (0,)) -> Finished:
        """Waits for its end, having sent `stop`.

        Raises:
            ContenderError: it ended with another code than those allowed; with the end of what it printed.
        """
        if stop is not None:
            os.kill(self.pid, stop)
        _, status, usage = os.wait4(self.pid, 0)
        seconds = time.monotonic() - self._clock
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._watch.stop()
        output, log = (_text(file) for file in (self._output, self._log))
        if self._process.returncode not in allowed:
            shown = " ".join(self._argv)
            raise ContenderError(f"{shown} ended with {self._process.returncode}:\n{output[-1000:]}{log[-3000:]}")
        return Finished(
            started=self.started,
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=self._watch.total_mb,
            workers_mb=self._watch.workers_mb,
            output=output,
        )

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._watch.stop()
        self._output.close()
        self._log.close()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def run(argv: Sequence[str | Path]) -> Finished:
    """A program to its end."""
    with Program(argv) as program:
        return program.finish()


def python(module: str, *arguments: object) -> list[str | Path]:
    """The command line of a module of ours."""
    return [sys.executable, "-m", module, *(str(argument) for argument in arguments)]


@contextlib.contextmanager
def server_cpu(**pids: int) -> Iterator[dict[str, float]]:
    """CPU seconds that servers take inside the block, as `NAME_cpu_seconds`; filled in at its end."""
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    spent: dict[str, float] = {}
    try:
        yield spent
    finally:
        spent |= {f"{name}_cpu_seconds": cpu_seconds(pid) - before[name] for name, pid in pids.items()}
