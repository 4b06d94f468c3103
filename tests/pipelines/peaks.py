"""How much memory the processes of a running pipeline take at most."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from tests.pipelines.daemon import PipelineFile

_EVERY_SECONDS = 0.2


class Peaks(AbstractContextManager["Peaks"]):
    """Looks at every process of a pipeline until closed, those that were restarted too.

    Args:
        supervisor: the process id of `tailrace run`.

    Attributes:
        mb: by the worker's name (and "supervisor"), the most that a process of it has had in memory, in 10^6 bytes.
    """

    def __init__(self, pipeline: PipelineFile, supervisor: int) -> None:
        self.mb: dict[str, float] = {}
        self._pipeline = pipeline
        self._supervisor = supervisor
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peaks", daemon=True)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(_EVERY_SECONDS):
            for name, pid in {"supervisor": self._supervisor, **self._pipeline.worker_pids()}.items():
                self.mb[name] = max(self.mb.get(name, 0.0), peak_mb(pid))


def peak_mb(pid: int) -> float:
    """The most that this process has had in memory so far; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(status.partition("VmHWM:")[2].split()[0] or 0) * 1024 / 1e6 if "VmHWM:" in status else 0.0
