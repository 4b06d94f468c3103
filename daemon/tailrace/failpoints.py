"""Places at which a test makes a worker fail. For tests alone: a pipeline with data that matters is never run so.

Each boundary of a change's way has a named point (`POINTS`), which calls `reached`. That is a function without a body,
until `arm` finds, in the environment of the worker's process:

* ``TAILRACE_FAILPOINTS``: what shall fail, ``[WORKER/]POINT=ACTION[@N]``, several with ``;`` between them. It is done
  the N-th time (1: the first) that this process comes to the point. Without a worker (`capture`, or a sink's name) it
  holds for each.
* ``TAILRACE_FAILPOINTS_FOLDER``: a folder that exists. Each point that failed leaves a file there, ``WORKER.POINT``,
  and does not fail again as long as the file is there: the worker's next life passes it.

One variable without the other is refused, so that nobody arms a daemon by a variable that was left over. Actions:

* ``kill``: SIGKILL to this process, at once.
* ``error``: an `UnreachableError`, which ends the session: the worker opens all anew.
* ``stall``: stands still until somebody removes the file.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tailrace.errors import ConfigError, UnreachableError
from tailrace.logs import logger

VARIABLE, FOLDER = "TAILRACE_FAILPOINTS", "TAILRACE_FAILPOINTS_FOLDER"
STALL_POLL_SECONDS = 0.02

#: Every point, and where it stands.
POINTS: Mapping[str, str] = {
    "capture.opened": "the source and the stream are open, nothing was read",
    "read.received": "bytes of the log have come, and are no batch yet",
    "read.decoded": "a batch was read and decoded, its position is the source's alone",
    "load.view": "a view of a table with a key is open, on a reader's thread",
    "load.chunk_read": "a chunk was read, of a table with a key on a reader's thread",
    "load.chunk_sent": "a chunk's rows are in the batch, which is not published",
    "load.table_end": "the last chunk's rows and the load's end are in the batch, which is not published",
    "schema.publish": "a batch with a new schema version is to be published",
    "publish.begin": "a batch is to be published, on the publisher's thread",
    "stream.produced": "its events are handed to the stream, its position is not",
    "stream.positioned": "its position is too, the stream's transaction is not committed",
    "stream.committed": "the stream has committed, capture does not know",
    "acknowledge.begin": "capture knows, the source may not forget yet",
    "acknowledge.done": "the source may forget",
    "sink.opened": "the stream and the target are open, nothing was polled",
    "apply.polled": "records have come",
    "schema.ensure": "the target's table is to be made or changed",
    "schema.ensured": "it was, and is not committed where the target's DDL is transactional",
    "apply.begin": "rows are to be written",
    "apply.done": "rows are written, positions are not",
    "target.positioned": "positions are too, the target's transaction is not committed",
    "target.committed": "the target has committed, the worker does not know",
    "cursor.begin": "the worker knows, the stream may not forget yet",
    "cursor.done": "the stream may forget",
}

_ENTRY = re.compile(
    r"(?:(?P<worker>[a-z0-9_-]+)/)?(?P<point>[a-z_.]+)=(?P<action>kill|error|stall)(?:@(?P<nth>[1-9]\d*))?"
)

log = logger()


def _nothing(point: str) -> None:
    """The worker has come to this point: nothing, unless a test has armed it.

    Called as ``failpoints.reached("…")``, once a batch, a chunk or a transaction, and never once a row.

    Raises:
        UnreachableError: armed with ``error``.
    """


reached = _nothing


@dataclass(slots=True)
class _Armed:
    """A point of this process.

    Attributes:
        left: how often it is still passed, this time included; 0: it has failed.
        mark: the file that it leaves.
    """

    action: str
    left: int
    mark: Path


class _Points:
    """Those that are armed in this process; points are come to by several threads."""

    def __init__(self, armed: dict[str, _Armed]) -> None:
        self._armed = armed
        self._lock = threading.Lock()

    def reached(self, point: str) -> None:
        armed = self._armed.get(point)
        if armed is None:
            return
        with self._lock:
            if not armed.left:
                return
            armed.left -= 1
            if armed.left:
                return
            armed.mark.touch()
        if armed.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if armed.action == "error":
            raise UnreachableError("a test made this fail", where=f"failpoint {point}")
        while armed.mark.exists():
            time.sleep(STALL_POLL_SECONDS)


def arm(worker: str, environment: Mapping[str, str]) -> None:
    """Arms what the environment asks for of this worker, with a warning; most often nothing.

    Raises:
        ConfigError: one variable without the other, no such folder, or an entry that cannot be understood.
    """
    global reached
    reached = _nothing
    text, folder = environment.get(VARIABLE), environment.get(FOLDER)
    if text is None and folder is None:
        return
    if not text or not folder or not Path(folder).is_dir():
        raise ConfigError(
            f"{VARIABLE} and {FOLDER} (a folder that exists) go together, and are for tests of tailrace alone:"
            " they make workers fail on purpose",
            where="environment",
            fix="unset both",
        )
    armed = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        match = _ENTRY.fullmatch(entry)
        if match is None or match["point"] not in POINTS:
            raise ConfigError(f"{entry!r} is no failpoint", where=VARIABLE, fix="unset it: it is for tests alone")
        mark = Path(folder) / f"{worker}.{match['point']}"
        if (match["worker"] or worker) == worker and not mark.exists():
            armed[match["point"]] = _Armed(match["action"], int(match["nth"] or 1), mark)
    if armed:
        log.warning("THIS WORKER FAILS ON PURPOSE, as a test asked for", points=sorted(armed))
        reached = _Points(armed).reached
