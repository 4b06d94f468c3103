"""One worker process, as its parent sees it: the order, commands, reports, the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

import orjson

from tailrace.logs import logger
from tailrace.report import Reload, WorkerReport
from tailrace.worker import Order

WORKER_COMMAND: Sequence[str] = (sys.executable, "-m", "tailrace.worker")
#: A report names every table of the pipeline: this many bytes are some hundred thousand tables.
_LONGEST_REPORT = 64 << 20

log = logger()


class WorkerProcess:
    """A started worker. Exec, never fork: neither librdkafka nor SQLite survives a fork."""

    def __init__(self, process: asyncio.subprocess.Process, reports: asyncio.Task[None]) -> None:
        self._process = process
        self._reports = reports
        self.pid = process.pid

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        pipeline: str,
        order: Order,
        on_report: Callable[[WorkerReport], None],
        output: int | None = None,
    ) -> WorkerProcess:
        """Starts the process and hands it its order, over stdin: an argument could be read by every user.

        Args:
            output: where its logs go, and what libraries print; None: to our stderr.
        """
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                f"--report-fd={writing}",
                f"--pipeline={pipeline}",
                f"--worker={order.name}",
                stdin=asyncio.subprocess.PIPE,
                stdout=sys.stderr.fileno() if output is None else output,
                stderr=output,
                pass_fds=(writing,),
                process_group=0,  # a Ctrl-C at the terminal goes to the supervisor alone
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_LONGEST_REPORT)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0))
        worker = cls(process, asyncio.create_task(_follow(reader, on_report)))
        await worker._send(order.to_json())
        return worker

    async def finish(self) -> None:
        """Asks the worker to leave once it has caught up."""
        await self._send(orjson.dumps({"command": "finish"}))

    async def reload(self, request: Reload) -> None:
        """Asks capture to load tables again."""
        await self._send(orjson.dumps({"command": "reload", **asdict(request)}))

    async def hold(self, seconds: float) -> None:
        """Has a sink leave its target alone for so long; 0: no longer."""
        await self._send(orjson.dumps({"command": "hold", "seconds": seconds}))

    async def _send(self, line: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended; `wait` tells
            stdin.write(line + b"\n")
            await stdin.drain()

    def terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        """Until the process is gone and its last report is read; its exit code, negative for a signal."""
        code = await self._process.wait()
        await self._reports
        return code


async def _follow(reader: asyncio.StreamReader, on_report: Callable[[WorkerReport], None]) -> None:
    while line := await reader.readline():
        try:
            report = WorkerReport.from_json(line)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            # A worker that was killed in the middle of a line.
            log.warning("a worker's report cannot be read", bytes=len(line))
            continue
        on_report(report)
