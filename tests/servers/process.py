"""Starts a server process under a guard (`guard.py`), waits for conditions, finds free ports."""

from __future__ import annotations

import json
import os
import pwd
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

_GUARD = Path(__file__).with_name("guard.py")

_MEMORY = Path("/dev/shm")
#: What must be left of memory, for each server that is put there: a few hundred megabytes are used.
_ROOM = 8 << 30


class ServerError(Exception):
    """A test server could not be fetched, started or reached: what, where, what to do."""


@dataclass(frozen=True)
class Account:
    """Who a server process runs as, where it refuses to run as root."""

    uid: int
    gid: int

    @classmethod
    def unprivileged(cls) -> Account | None:
        """`nobody` for root; None for anybody else, who keeps the own account."""
        if os.geteuid() != 0:
            return None
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)

    def reaches(self, path: Path) -> bool:
        """Can this account enter every folder on the way to `path`?"""
        return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)

    def own(self, folder: Path) -> None:
        """Gives `folder` and all in it to this account."""
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(os.path.join(parent, name), self.uid, self.gid, follow_symlinks=False)
        os.chown(folder, self.uid, self.gid)


def temporary_folder(prefix: str, account: Account | None = None, in_memory: bool = False) -> Path:
    """A new folder for a server's data, one that `account` can enter; short, for its sockets (108 bytes).

    `in_memory`: in a file system of memory where there is plenty, unless TMPDIR names another.
    """
    base = Path(tempfile.gettempdir())
    if in_memory and "TMPDIR" not in os.environ and _has_room(_MEMORY):
        base = _MEMORY
    if account is not None and not account.reaches(base / "x"):
        base = Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix=f"tailrace-{prefix}-", dir=base))
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def _has_room(folder: Path) -> bool:
    try:
        system = os.statvfs(folder)
        [available] = [line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvail")]
    except (OSError, ValueError):
        return False
    return system.f_bavail * system.f_frsize > _ROOM and int(available.split()[1]) << 10 > _ROOM


def free_port() -> int:
    """A port of 127.0.0.1 nobody listens on, below the range that the kernel gives to outgoing connections."""
    choices = random.SystemRandom().sample(range(20000, 32000), 200)
    for port in choices:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerError("no free port of 127.0.0.1 between 20000 and 32000; end what listens there")


def wait_until(condition: Callable[[], Result], seconds: float, what: str, pause: float = 0.05) -> Result:
    """Calls `condition` until it gives something true; its last exception explains a `ServerError` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        reason = ""
        try:
            result = condition()
            if result:
                return result
        except ServerError:
            raise
        except Exception as error:
            reason = f": {type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            raise ServerError(f"{what}: not within {seconds:g} s{reason}")
        time.sleep(pause)


def hang(pid: int) -> None:
    """Waits until SIGSTOP has stopped a process, or it has ended: a signal is no more than a request."""

    def stopped() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TtZ"
        except FileNotFoundError:
            return True

    wait_until(stopped, 10, f"process {pid} stops", pause=0.002)


class Process:
    """A running server process with its guard."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path,
        log: Path,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGKILL,
        stop_seconds: float = 2.0,
    ) -> None:
        """`folder` is removed when the process is ended by `stop()` or when this Python process is gone."""
        self.log = log
        self._stop_seconds = stop_seconds
        self._exit: int | None = None
        self._received = b""
        order = {
            "argv": [str(word) for word in argv],
            "cwd": str(folder),
            "uid": account.uid if account else None,
            "gid": account.gid if account else None,
            "log": str(log),
            "stop_signal": int(stop_signal),
            "stop_seconds": stop_seconds,
            "folder": str(folder),
        }
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        word, _, rest = self._line(seconds=20).partition(" ")
        if word != "pid":
            self.stop()
            raise ServerError(f"{argv[0]} did not start: {rest or 'its guard ended'}")
        self.pid = int(rest)

    def _line(self, seconds: float) -> str:
        """The guard's next line; empty if there is none within `seconds` or the guard is gone."""
        assert self._guard.stdout is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self._received:
            left = deadline - time.monotonic()
            if not select.select([self._guard.stdout], [], [], max(left, 0))[0]:
                return ""
            received = self._guard.stdout.read(4096)
            if not received:
                return ""
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return line.decode()

    def exit_code(self, seconds: float = 0) -> int | None:
        """The server's exit code (negative: signal) if it ends within `seconds`, else None."""
        if self._exit is None and self._guard.stdout is not None and not self._guard.stdout.closed:
            word, _, rest = self._line(seconds).partition(" ")
            if word == "exit":
                self._exit = int(rest)
        return self._exit

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the server, unless it has ended."""
        self._tell(f"signal {int(number)}\n")

    def _tell(self, text: str) -> None:
        assert self._guard.stdin is not None
        try:
            self._guard.stdin.write(text.encode())
        except OSError as error:
            raise ServerError(f"the guard of process {self.pid} is gone ({error}); start the server again") from error

    def stop(self, keep_folder: bool = False) -> None:
        """Ends the server and removes its folder (unless asked to keep it); returns when both is done."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            if keep_folder and self._guard.poll() is None:
                self._tell("keep\n")
            self._guard.stdin.close()
        try:
            self._guard.wait(self._stop_seconds + 10)
        finally:
            if self._guard.stdout is not None:
                self._guard.stdout.close()

    def log_tail(self, lines: int = 25) -> str:
        """The end of the server's log, for an error message."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:])


def run(argv: Sequence[str | Path], *, cwd: Path, account: Account | None = None, seconds: float = 120) -> str:
    """Runs a one-off program such as initdb to its end; its output, or a `ServerError` that shows it."""
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            **identity,  # type: ignore[call-overload]
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise ServerError(f"{argv[0]} ended with code {done.returncode}:\n{tail}")
    return str(done.stdout)


def program(name: str, *folders: str, package: str) -> Path:
    """The path of an installed program; looks into `folders` (and /usr/sbin) besides PATH."""
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise ServerError(f"{name} is not installed: run .ci/provision, or install the Debian package {package}")
    return Path(found)
