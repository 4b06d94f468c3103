"""The supervisor: one asyncio loop that starts workers, listens to them, and ends the run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailrace.compiled import is_compiled
from tailrace.errors import TailraceError, UnreachableError
from tailrace.http.app import create_app
from tailrace.http.server import serving
from tailrace.http.sockets import bind_tcp, bind_unix
from tailrace.logs import logger
from tailrace.notify import Notifier
from tailrace.report import Reload, WorkerReport
from tailrace.supervisor import folder
from tailrace.supervisor.health import WorkerHealth
from tailrace.supervisor.loading import LoadPace
from tailrace.supervisor.policy import (
    FIRST_BACKOFF_SECONDS,
    STUCK,
    WELL_SECONDS,
    Backoff,
    Blockage,
    Ending,
    Verdict,
    hopeless,
    judge,
    worst,
)
from tailrace.supervisor.process import WORKER_COMMAND, WorkerProcess
from tailrace.supervisor.reload import changes, chosen
from tailrace.supervisor.role import Role
from tailrace.supervisor.status import one_line, parked_events, pipeline_status, suspended_tables, tables
from tailrace.worker import Order

if TYPE_CHECKING:
    from tailrace.config import Pipeline

#: How long workers may take to drain; the unit's TimeoutStopSec is twice that.
DRAIN_SECONDS = 15.0
#: How long a killed process may take to go; one that hangs in the kernel is left to the service manager.
KILL_SECONDS = 5.0
TICK_SECONDS = 1.0
STORE_STATUS_SECONDS = 5.0
#: How far the full load is, is logged so often where no terminal shows it.
LOADING_SECONDS = 60.0
CAPTURE = "capture"

log = logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: the exit code, and the error's line where there was one."""

    exit_code: int = 0
    error: str = ""


class Worker:
    """One worker across its processes.

    Attributes:
        finishing: it has been told to leave once caught up.
        resting: it waits for its next start.
        given_up: it is well enough to live, not to get anywhere: it is stopped, and this is how it ends.
        crashes: in a row.
        exit_code: its last, where it is not started again.
    """

    def __init__(self, name: str, sink: str | None) -> None:
        self.name = name
        self.sink = sink
        self.health = WorkerHealth(name)
        self.backoff = Backoff()
        self.process: WorkerProcess | None = None
        self.finishing = False
        self.resting = False
        self.given_up: Outcome | None = None
        self.crashes = 0
        self.exit_code = 0

    @property
    def capture(self) -> bool:
        return self.sink is None

    def line(self, error: str) -> str:
        """An error as the run ends with it: of several sinks on one server, which."""
        return f"sink {self.sink}: {error}" if self.sink and error else error


class Supervisor:
    """Runs one pipeline.

    Args:
        role: which workers it runs.
        until_caught_up: the run ends by itself once every worker has passed the source's position at start; without
            capture, once the sinks have passed the stream's ends at start.
        log_format, debug: handed on to the workers.
        command: what starts a worker process.
        first_backoff: seconds before the first restart of a worker.
        notifier: the service manager's ear.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        role: Role = Role.BOTH,
        until_caught_up: bool = False,
        log_format: str = "json",
        debug: bool = False,
        command: Sequence[str] = WORKER_COMMAND,
        first_backoff: float = FIRST_BACKOFF_SECONDS,
        notifier: Notifier | None = None,
    ) -> None:
        self.pipeline = pipeline
        self._role = role
        self._until_caught_up = until_caught_up
        self._log_format = log_format
        self._debug = debug
        self._instance = uuid.uuid4().hex
        self._command = command
        #: Where workers' logs go; None: to stderr.
        self.output: int | None = None
        self._notifier = notifier or Notifier()
        self._capture = Worker(CAPTURE, None) if role.captures else None
        sinks = [str(settings.name) for settings in pipeline.sinks] if role.applies else []
        self._sinks = [Worker(name, name) for name in sinks]
        self._workers = [*([self._capture] if self._capture else []), *self._sinks]
        for worker in self._workers:
            worker.backoff = Backoff(first_backoff)
            worker.finishing = until_caught_up and (worker.capture or self._capture is None)
        self._outcome: asyncio.Future[Outcome]
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()
        self._stopping = False
        self._ready_sent = False
        self._blockage = Blockage()

    # ---- what HTTP and status ask (tailrace.http.app.View)

    @property
    def workers(self) -> list[WorkerHealth]:
        return [worker.health for worker in self._workers]

    def problems(self) -> list[str]:
        """Why the pipeline is not well; empty when it is (I8)."""
        return [complaint for worker in self.workers if (complaint := worker.complaint())]

    def unready(self) -> list[str]:
        """The workers that have not been at work yet in this run."""
        return [f"{worker.name} is {worker.state}" for worker in self.workers if not worker.settled]

    def state(self) -> str:
        if self._stopping:
            return "stopping"
        if self.problems():
            return "stuck"
        return "starting" if self.unready() else "running"

    def status(self) -> dict[str, Any]:
        return pipeline_status(self.pipeline.name, self.state(), self.workers, self.problems(), self._role)

    async def reload(self, globs: Sequence[str], where: str, resync: bool) -> tuple[dict[str, list[int]], list[str]]:
        """Asks capture to load the tables again that the globs name.

        Returns:
            How often each had been loaded again before and how often refused, and why others are not.
        """
        capture = self._capture
        if capture is None:
            return {}, ["capture does not run here"]
        asked, problems = chosen(capture.health.report.tables, globs)
        if capture.process is None or not capture.health.settled:
            return {}, ["capture is not at work; see tailrace status"]
        if asked:
            await capture.process.reload(Reload(tuple(asked), where, resync))
        return asked, problems

    async def hold(self, sink: str, seconds: float) -> bool:
        """Has a sink leave its target alone for so long; False where its worker does not run just now."""
        for worker in self._sinks:
            if worker.name == sink and worker.process is not None:
                await worker.process.hold(seconds)
                return True
        return False

    def labels(self) -> dict[str, str]:
        return {
            "pipeline": self.pipeline.name,
            "mode": self.pipeline.mode,
            "source": str(self.pipeline.source.connector),
            "stream": str(self.pipeline.stream.connector),
        }

    # ---- the run

    async def run(self) -> Outcome:
        """Until the run ends, by a signal or by itself.

        Raises:
            RefusedError: the state folder cannot be used or is another pipeline's, another process runs this pipeline,
                or the address to listen on is taken.
        """
        state_dir = self.pipeline.state_dir
        folder.refuse_another_s(state_dir, self.pipeline.name)
        folder.create(state_dir)
        with folder.exclusive(state_dir, self.pipeline.name, self._role):
            folder.claim(state_dir, self.pipeline.name)
            self._outcome = asyncio.get_running_loop().create_future()
            async with self._serving(), self._signals():
                outcome = await self._supervise()
            self._leave_folder()
        return outcome

    def _leave_folder(self) -> None:
        """What cannot be written any more, on a full disk say, does not change how the run ended."""
        state_dir = self.pipeline.state_dir
        try:
            folder.store_status(state_dir, {**self.status(), "state": "stopped"}, self._role)
        except OSError as error:
            log.warning("cannot store the last status", error=error.strerror)
        try:
            (state_dir / self._role.socket).unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot remove the control socket", error=error.strerror)

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        with contextlib.ExitStack() as sockets:
            control = sockets.enter_context(bind_unix(self.pipeline.state_dir / self._role.socket))
            async with contextlib.AsyncExitStack() as servers:
                if address := self.pipeline.http.address:
                    asked = sockets.enter_context(bind_tcp(*address))
                    host, port = asked.getsockname()[:2]
                    log.info("serving health, metrics and status", host=host, port=port)
                    await servers.enter_async_context(serving(create_app(self), [asked]))
                await servers.enter_async_context(serving(create_app(self, steered=True), [control]))
                yield

    @contextlib.asynccontextmanager
    async def _signals(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._asked_to_stop, "SIGTERM")
        loop.add_signal_handler(signal.SIGINT, self._asked_to_stop, "SIGINT")
        loop.add_signal_handler(signal.SIGHUP, self._asked_to_reload)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    async def _supervise(self) -> Outcome:
        name, role = self.pipeline.name, self._role.value
        log.info("pipeline starts", pipeline=name, role=role, workers=len(self._workers), pid=os.getpid())
        if not is_compiled():
            log.warning("the decoders run interpreted, several times slower: install a C compiler, then tailrace again")
        keepers = [self._task(self._keep(worker)) for worker in self._workers]
        watch = [self._task(self._tick())]
        if self._notifier.watchdog_interval:
            watch.append(self._task(self._watchdog(self._notifier.watchdog_interval)))
        try:
            outcome = await self._outcome
        finally:
            self._stopping = True
            self._notifier.send("STOPPING=1", f"STATUS={self.pipeline.name} is stopping")
            await self._drain(keepers)
            for task in watch:
                task.cancel()
            await asyncio.gather(*watch, return_exceptions=True)
        log.info("pipeline stopped", pipeline=self.pipeline.name, exit_code=outcome.exit_code)
        return outcome

    def _task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose failure, a bug, ends the run instead of leaving it half alive."""

        def failed(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) and not self._outcome.done():
                self._outcome.set_exception(error)

        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(failed)
        return task

    async def _drain(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        for keeper, worker in zip(keepers, self._workers, strict=True):
            if worker.resting:
                keeper.cancel()
            elif worker.process is not None:
                worker.process.terminate()
        hurry = asyncio.create_task(self._hurry.wait())
        drained = asyncio.gather(*keepers, return_exceptions=True)
        either: list[asyncio.Future[Any]] = [hurry, drained]
        await asyncio.wait(either, timeout=DRAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        for worker in self._workers:
            if worker.process is not None:
                log.warning("a worker has not drained in time and is killed", worker=worker.name)
                worker.process.kill()
        await asyncio.wait([drained], timeout=KILL_SECONDS)
        for worker in self._workers:
            if worker.health.state not in ("finished", "failed"):
                worker.health.ended("stopped", "")

    def _end(self, exit_code: int, error: str = "") -> None:
        if not self._outcome.done():
            self._outcome.set_result(Outcome(exit_code, error))

    # ---- one worker

    async def _keep(self, worker: Worker) -> None:
        """Starts the worker, and again, until it has finished, has failed for good, or the run ends."""
        while not self._outcome.done():
            exit_code = await self._run_once(worker)
            if self._outcome.done():
                log.info("worker stopped", worker=worker.name, exit_code=exit_code)
                return
            verdict = self._verdict(worker, exit_code)
            ended = Outcome(worst([exit_code]), _why(exit_code, worker.health.report.error))
            if verdict is Verdict.FINISHED:
                ended = Outcome()
            elif worker.given_up:
                ended = worker.given_up
            error = ended.error
            log.info("worker ended", worker=worker.name, exit_code=exit_code, then=verdict.value, error=error)
            if verdict is Verdict.RESTART:
                worker.health.ended("restarting", error)
                worker.resting = True
                await asyncio.sleep(worker.backoff.pause(worker.health.ran_seconds()))
                worker.resting = False
                continue
            worker.exit_code = ended.exit_code
            worker.health.ended("finished" if verdict is Verdict.FINISHED else "failed", error)
            if verdict is Verdict.END:
                self._end(worker.exit_code, worker.line(error))
            else:
                await self._one_is_done(worker)
            return

    async def _run_once(self, worker: Worker) -> int:
        """One process of the worker, to its end; the exit code."""
        order = Order(
            name=worker.name,
            file=self.pipeline.file,
            text=self.pipeline.text,
            role="capture" if worker.capture else "apply",
            sink=worker.sink,
            finish=worker.finishing,
            settled=worker.health.settled,
            log_format=self._log_format,
            debug=self._debug,
            instance=self._instance,
            shared=self._role is Role.APPLY,
        )
        try:
            process = await WorkerProcess.start(
                self._command, self.pipeline.name, order, lambda report: self._on_report(worker, report), self.output
            )
        except OSError as error:
            worker.health.started(0)
            worker.health.report.error = f"cannot start a process: {error.strerror}"
            return 1
        worker.process = process
        worker.health.started(process.pid)
        log.info("worker started", worker=worker.name, pid=process.pid)
        try:
            if self._stopping:  # asked for while the process was being started, as below
                process.terminate()
            if worker.finishing and not order.finish:
                await process.finish()
            return await process.wait()
        finally:
            worker.process = None

    def _verdict(self, worker: Worker, exit_code: int) -> Verdict:
        finished = worker.health.state == "finished"
        if worker.given_up and not finished:
            return Verdict.END if worker.capture else Verdict.FAILED
        if worker.health.ran_seconds() >= WELL_SECONDS:
            worker.crashes = 0
        worker.crashes += 1
        return judge(
            Ending(
                exit_code=exit_code,
                capture=worker.capture,
                settled=worker.health.settled,
                finishing=worker.finishing,
                finished=finished,
                until_caught_up=self._until_caught_up,
                crashes=worker.crashes,
            )
        )

    def _on_report(self, worker: Worker, report: WorkerReport) -> None:
        was_settled = worker.health.settled
        worker.health.take(report)
        if self._outcome.done():
            return
        if not self._ready_sent and all(health.reported for health in self.workers):
            self._ready_sent = True
            self._notifier.send("READY=1", self._status_line())
        if worker.health.settled and not was_settled:
            log.info("worker is at work", worker=worker.name, state=report.state)
        waited_for = self._until_caught_up and not worker.health.settled
        if report.state == "retrying" and (waited_for or self.pipeline.errors.connection == "stop"):
            self._end(UnreachableError.exit_code, worker.line(report.error))

    async def _one_is_done(self, worker: Worker) -> None:
        """After a worker has finished or failed for good: what the others do now, and whether the run is over."""
        sinks = self._sinks
        if worker.capture:
            log.info("capture has finished, the sinks go on to the stream's end", sinks=len(sinks))
            for sink in sinks:
                sink.finishing = True
                if sink.process is not None:
                    await sink.process.finish()
        failed = self._failed()
        over = all(other.health.state in ("finished", "failed") for other in self._workers)
        if not over and not (sinks and len(failed) == len(sinks)):
            return
        if failed:
            self._end_as(failed)
        elif suspended := [*suspended_tables(self.workers), *parked_events(self.workers)]:
            more = f" (and {len(suspended) - 1} more)" if len(suspended) > 1 else ""
            self._end(STUCK, suspended[0] + more)
        else:
            self._end(0)

    def _failed(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.health.state == "failed"]

    def _end_as(self, failed: Sequence[Worker]) -> None:
        code = worst([worker.exit_code for worker in failed])
        first = next(worker for worker in failed if worker.exit_code == code)
        self._end(code, first.line(first.health.last_error()))

    # ---- the clock and the service manager

    async def _tick(self) -> None:
        stored_at, said, line = 0.0, None, ""
        loop = asyncio.get_running_loop()
        pace, loading_at = LoadPace(), loop.time()
        while True:
            problems = self.problems()
            if bool(problems) != said and not (said is None and not problems):
                said = bool(problems)
                if problems:
                    log.warning("pipeline is not well", problems=problems)
                else:
                    log.info("pipeline is well again")
            if self._ready_sent and (new := self._status_line()) != line:
                line = new
                self._notifier.send(line)
            if loop.time() - stored_at >= STORE_STATUS_SECONDS:
                stored_at = loop.time()
                try:
                    await asyncio.to_thread(folder.store_status, self.pipeline.state_dir, self.status(), self._role)
                except OSError as error:
                    log.warning("cannot store the status", error=error.strerror)
            capture = [self._capture.health] if self._capture is not None else []
            loads = self.output is None and any(t.state == "loading" for c in capture for t in c.report.tables)
            loading = pace.look(tables(capture)) if loads else None
            if loading is not None and loop.time() - loading_at >= LOADING_SECONDS:
                loading_at = loop.time()
                left = None if loading.seconds_left is None else round(loading.seconds_left)
                log.info(
                    "loading", tables=len(loading.tables), rows=loading.rows, percent=loading.percent, seconds_left=left
                )
            if self._until_caught_up:
                for worker in self._workers:
                    self._give_up_if_hopeless(worker)
                self._end_if_blocked()
            await asyncio.sleep(TICK_SECONDS)

    def _give_up_if_hopeless(self, worker: Worker) -> None:
        """Somebody waits for the run's end: what does not get anywhere is stopped."""
        process, health = worker.process, worker.health
        if process is None or worker.given_up or not (code := hopeless(health)):
            return
        worker.given_up = Outcome(code, health.last_error())
        log.warning("worker is given up", worker=worker.name, state=health.state, error=health.last_error())
        process.terminate()
        asyncio.get_running_loop().call_later(DRAIN_SECONDS, process.kill)

    def _end_if_blocked(self) -> None:
        if self._capture is None:
            return
        if self._blockage.lasts(self._capture.health, [sink.health for sink in self._sinks]):
            log.warning("the stream is full, and a sink that has failed keeps it so", problems=self.problems())
            self._end_as(self._failed())

    def _status_line(self) -> str:
        return "STATUS=" + one_line(self.pipeline.name, self.state(), self.workers, self.problems())

    async def _watchdog(self, interval: float) -> None:
        """As long as this loop turns, the supervisor is alive."""
        while True:
            self._notifier.send("WATCHDOG=1")
            await asyncio.sleep(interval)

    def _asked_to_stop(self, name: str) -> None:
        if self._outcome.done():
            log.info("asked again to stop: workers are killed", signal=name)
            self._hurry.set()
            return
        log.info("asked to stop, draining", signal=name)
        self._end(0)

    def _asked_to_reload(self) -> None:
        self._task(self._reload())

    async def _reload(self) -> None:
        """Says what the file as it is now would change; a restart alone takes it up.

        RELOADING=1 asks for a READY=1 behind it, which must not be said before all workers have reported, nor after
        STOPPING=1.
        """
        told = self._ready_sent and not self._outcome.done()
        if told:
            self._notifier.reloading()
        try:
            keys = await asyncio.to_thread(changes, self.pipeline.file, self.pipeline.text)
        except TailraceError as error:
            log.error("the pipeline file as it is now is wrong; going on with the old one", error=str(error))
        else:
            if keys:
                log.warning("the pipeline file has changed, a restart is needed for it", changed=keys)
            else:
                log.info("the pipeline file says what it said at the start, nothing to do")
        if told and not self._outcome.done():
            self._notifier.send("READY=1", self._status_line())


def _why(exit_code: int, error: str) -> str:
    if exit_code < 0:
        return f"the process was killed by {signal.Signals(-exit_code).name}"
    return error or f"the process ended with exit code {exit_code}"
