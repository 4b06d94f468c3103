"""`tailrace COMMAND` in a process of its own that need not import everything again: forked from one that has.

The suite calls some hundred commands, each of which does a few milliseconds of work after 300 of imports. A command
that is forked has its own environment, folder, umask, output and exit code, as one that is started has. What starting
alone shows (that each command brings its own imports, signals, terminals) is tested with real starts, in
tests/unit/test_cli_commands.py and tests/integration/test_commands.py.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

#: More than any request has.
_LARGEST = 1 << 20
#: What commands would import one after the other.
_IMPORTS = (
    *(f"tailrace.cli.{name}" for name in ("check", "explain", "reload", "run", "status", "tail", "teardown", "verify")),
    *(f"tailrace_{name}.connector" for name in ("mysql", "postgres", "sqlite", "kafka", "dynamodb")),
    *("tailrace_mysql.source", "tailrace_postgres.source", "tailrace_sqlite.stream", "tailrace_kafka.stream"),
    *("tailrace_mysql.sink", "tailrace_postgres.sink", "tailrace_sqlite.sink"),
)
_SERVER = "import sys; from tests.pipelines.commands import serve; serve(int(sys.argv[1]))"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a command left."""

    code: int
    stdout: str
    stderr: str


def read_at_start(environment: dict[str, str]) -> dict[str, str]:
    """The variables that count when Python or tailrace is started, and not later."""
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "TAILRACE_PURE", "LD_"))}


class _Server:
    """The process that forks commands; it ends with the one that started it."""

    def __init__(self) -> None:
        listener, self._requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.environment = read_at_start(dict(os.environ))
        with listener:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVER, str(listener.fileno())],
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=_ROOT,
            )
        atexit.register(self.stop)

    def stop(self) -> None:
        self._requests.close()
        self._process.wait()

    def run(self, arguments: Sequence[str], seconds: float) -> Result:
        request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd(), "umask": _umask()}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            ours, its = socket.socketpair()
            with ours:
                with its:
                    message = json.dumps(request).encode()
                    socket.send_fds(self._requests, [message], [out.fileno(), err.fileno(), its.fileno()])
                ours.settimeout(seconds)
                try:
                    answer = ours.recv(100)
                except TimeoutError:
                    raise subprocess.TimeoutExpired(arguments, seconds, _text(out), _text(err)) from None
            assert answer, "the process that forks commands is gone"
            return Result(int(answer), _text(out).decode(), _text(err).decode())


def _umask() -> int:
    """Read where other threads do not see it changed for a moment."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Umask:")]
    return int(line.split()[1], 8)


def _text(file: Any) -> bytes:
    file.seek(0)
    text: bytes = file.read()
    return text


_lock = threading.Lock()
_server: _Server | None = None


def run(arguments: Sequence[str], seconds: float) -> Result | None:
    """Runs `tailrace ARGUMENTS`; None where it must be started, because a variable counts at the start.

    Raises:
        subprocess.TimeoutExpired: it did not end, and was killed.
    """
    global _server
    with _lock:
        if _server is None:
            _server = _Server()
    return _server.run(arguments, seconds) if read_at_start(dict(os.environ)) == _server.environment else None


def serve(descriptor: int) -> None:
    """The server: a fork for each request, its exit code as the answer; a client that hangs up ends its command."""
    import gc
    import importlib

    for name in _IMPORTS:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=descriptor)
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    running: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor of the process
    while True:
        for key, _ in selector.select():
            if key.fileobj is requests:
                message, descriptors, _, _ = socket.recv_fds(requests, _LARGEST, 3)
                if not message:
                    for pid, _ in running.values():
                        os.kill(pid, signal.SIGKILL)
                    return
                out, err, answer = descriptors
                pid = os.fork()
                if pid == 0:
                    _work(json.loads(message), out, err)
                os.close(out)
                os.close(err)
                process, client = os.pidfd_open(pid), socket.socket(fileno=answer)
                running[process] = pid, client
                selector.register(process, selectors.EVENT_READ)
                selector.register(client, selectors.EVENT_READ, process)
            elif key.fileobj in running:
                _ended(selector, running, key.fd)
            elif running.get(key.data, (0, None))[1] is key.fileobj:  # the client has hung up
                os.kill(running[key.data][0], signal.SIGKILL)
                _ended(selector, running, key.data)


def _ended(selector: selectors.BaseSelector, running: dict[int, tuple[int, socket.socket]], process: int) -> None:
    pid, client = running.pop(process)
    selector.unregister(process)
    selector.unregister(client)
    os.close(process)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with client, suppress(OSError):
        client.sendall(str(code).encode())


def _work(request: dict[str, Any], out: int, err: int) -> NoReturn:
    """The command itself, in the new process."""
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 256)  # what is the server's: requests, other commands
        os.chdir(request["folder"])
        os.umask(request["umask"])
        os.environ.clear()
        os.environ.update(request["environment"])
        from tailrace.cli.main import main

        code = main(request["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
