"""Throwaway server processes: a free port, a temporary folder, an end whatever happens."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tailrace.errors import UnreachableError

_PR_SET_PDEATHSIG = 1
READY_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged() -> pwd.struct_passwd | None:
    """The account that server processes run as where we are root: they refuse to be root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _ends_with_its_parent() -> None:
    """In the child before exec: the kernel ends it when the demo dies, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerProcess:
    """One server in a folder of its own under the system's temporary folder."""

    #: Ends it at once, data or no data.
    stop_signal = signal.SIGKILL

    def __init__(self, name: str, account: pwd.struct_passwd | None = None) -> None:
        self.name = name
        self._user = None if account is None else account.pw_uid
        self._group = None if account is None else account.pw_gid
        self.folder = Path(tempfile.mkdtemp(prefix=f"tailrace-demo-{name}-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.stop)  # also where a constructor fails half-way
        if account is not None:
            os.chown(self.folder, account.pw_uid, account.pw_gid)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def run(self, command: Sequence[str | Path]) -> None:
        """A command that prepares the server, waited for."""
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, check=False, user=self._user, group=self._group
        )
        if done.returncode:
            tail = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-1:]
            raise UnreachableError(
                f"{Path(command[0]).name} ended with {done.returncode}: {''.join(tail)}", where=self.name
            )

    def start(
        self, command: Sequence[str | Path], ready: Callable[[], bool], env: dict[str, str] | None = None
    ) -> None:
        """Starts the server and waits until `ready` is true; an exception of it means not yet."""
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_ends_with_its_parent,
                env={**os.environ, **(env or {})},
                user=self._user,
                group=self._group,
            )
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with contextlib.suppress(Exception):
                if ready():
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                lines = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()[-3:]
                raise UnreachableError(f"did not start: {' | '.join(lines)}", where=self.name)
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the process group and removes the folder; its data was thrown away from the beginning."""
        atexit.unregister(self.stop)
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, self.stop_signal)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
