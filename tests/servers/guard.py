"""The parent of one server process: ends the server when whoever asked for it is gone, in whatever way.

Started by `process.Process` as a script of its own (standard library only, quick to start). It holds a pipe from
the test process; the kernel closes that pipe when the test process ends, by SIGKILL too, and then the guard ends
the server and removes its folder. It is the server's parent, so a process id it signals is never another's.

argv[1] is JSON: argv, cwd, uid, gid (null: keep), log (path), stop_signal (number), stop_seconds, folder.
From stdin, a line each: "signal N"; "keep" (end the server but leave the folder). To stdout: "pid N", "exit CODE".
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

PR_SET_PDEATHSIG = 1


def _die_with_guard() -> None:
    """Runs in the child between fork and exec: should the guard itself be killed, the kernel ends the server."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(1, text.encode() + b"\n")


def _launch(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    privileges: dict[str, Any] = {}
    if order["uid"] is not None:
        privileges = {"user": order["uid"], "group": order["gid"], "extra_groups": []}
    with open(order["log"], "ab") as log:
        return subprocess.Popen(
            order["argv"],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_guard,
            **privileges,
        )


def _end(server: subprocess.Popen[bytes], exited: int, order: dict[str, Any]) -> None:
    """Asks with the stop signal, then kills what is left of the server's process group.

    The server is reaped last: until then its process id, and so the group's, cannot be another's.
    """
    if not select.select([exited], [], [], 0)[0]:
        os.kill(server.pid, order["stop_signal"])
        # A server that hangs, or is stopped by SIGSTOP, does not hear it.
        select.select([exited], [], [], order["stop_seconds"])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _remove(folder: str) -> None:
    """Children of the server may still be writing for a moment: tries for two seconds."""
    deadline = time.monotonic() + 2
    while os.path.exists(folder):
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)


def main() -> None:
    order: dict[str, Any] = json.loads(sys.argv[1])
    keep = False
    try:
        server = _launch(order)
    except OSError as error:
        _say(f"failed {error}")
        return
    _say(f"pid {server.pid}")
    exited = os.pidfd_open(server.pid)
    watched = [0, exited]
    pending = b""
    while True:
        readable, _, _ = select.select(watched, [], [])
        if exited in readable:
            watched.remove(exited)
            end = os.waitid(os.P_PIDFD, exited, os.WEXITED | os.WNOWAIT)
            if end is not None:
                _say(f"exit {end.si_status if end.si_code == os.CLD_EXITED else -end.si_status}")
        if 0 not in readable:
            continue
        received = os.read(0, 4096)
        if not received:
            break
        *lines, pending = (pending + received).split(b"\n")
        for line in lines:
            if line == b"keep":
                keep = True
            elif line.startswith(b"signal "):
                os.kill(server.pid, int(line[7:]))  # not reaped yet, so it is this server or nobody
    _end(server, exited, order)
    if not keep:
        _remove(order["folder"])


if __name__ == "__main__":
    # Ctrl-C in a terminal goes to the test process, which decides; the guard only ever follows its pipe. (Handlers,
    # because SIG_IGN would be inherited: a JVM that starts with SIGTERM ignored stays deaf to it.)
    for unheard in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(unheard, lambda number, frame: None)
    main()
