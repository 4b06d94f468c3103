"""What every kind of test server has in common: start, stop, restart, kill, pause, and the developer's own server."""

from __future__ import annotations

import abc
import contextlib
import os
import re
import shutil
import signal
import types
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from .process import Account, Process, ServerError, free_port, hang, temporary_folder, wait_until

Option = str | int | None

_PORT_TAKEN = re.compile(r"address already in use|address in use|bind on (tcp|unix)|BindException", re.IGNORECASE)


class Server(abc.ABC):
    """One server on a free port of 127.0.0.1, its data in a temporary folder.

    Use `tests.servers.start(kind, options=…)`, as a context manager where a test needs one of its own.
    """

    kind: ClassVar[str]
    version: ClassVar[str]
    environment: ClassVar[str]
    """The variable that names a developer's own server, used instead of starting one."""
    stop_signal: ClassVar[signal.Signals] = signal.SIGKILL
    """How the throwaway server is ended at the end; after two seconds it is killed in any case."""
    ready_seconds: ClassVar[float] = 60

    def __init__(self, options: Mapping[str, Option] | None = None, external: str | None = None) -> None:
        """`options` go over the kind's own; None removes one. `external` is the address of a developer's server."""
        self.options: dict[str, Option] = dict(options or {})
        self.external = external
        self.in_memory = False
        self.port = 0
        self.account: Account | None = None
        self._folder: Path | None = None
        self._process: Process | None = None

    # -- what a kind defines

    @classmethod
    @abc.abstractmethod
    def fetch(cls) -> None:
        """Brings what the kind needs into the cache, or says which package is missing. Quick if it is there."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Fills `self.folder` with an initialised data folder."""

    @abc.abstractmethod
    def command(self) -> list[str | Path]:
        """The command line that runs the server in the foreground."""

    @abc.abstractmethod
    def probe(self) -> bool:
        """True if the server answers a request; an exception is a reason why not yet."""

    @abc.abstractmethod
    def use_external(self) -> None:
        """Takes the address in `self.external`."""

    @property
    @abc.abstractmethod
    def address(self) -> str:
        """The URL, bootstrap list or endpoint: what the environment variable holds."""

    @abc.abstractmethod
    def disconnect(self) -> None:
        """Closes the harness's own connections, which do not outlive a restart."""

    # -- life

    @property
    def folder(self) -> Path:
        """The server's temporary folder."""
        if self._folder is None:
            raise ServerError(f"{self.kind} is not running here")
        return self._folder

    @property
    def log(self) -> Path:
        """The file that has all the server printed."""
        return self.folder / "server.log"

    @property
    def process(self) -> Process:
        """The running process; a developer's own server has none."""
        if self._process is None:
            where = f"{self.environment} names it" if self.external else "it was stopped"
            raise ServerError(f"{self.kind} is no process of the harness: {where}")
        return self._process

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    def start(self) -> Self:
        """Starts and waits until the server answers; a `ServerError` has the end of its log."""
        if self.external is not None:
            self.use_external()
            self._await_ready()
            return self
        self.fetch()
        for attempt in range(3):
            try:
                self._folder = temporary_folder(self.kind, self.account, self.in_memory)
                self.prepare()
                self.port = free_port()
                self._launch()
                return self
            except BaseException as error:
                self.stop()
                # Between looking for a free port and taking it another process may have been quicker.
                if attempt == 2 or not (isinstance(error, ServerError) and _PORT_TAKEN.search(str(error))):
                    raise
        raise AssertionError("unreachable")

    def _launch(self) -> None:
        self._process = Process(
            self.command(),
            folder=self.folder,
            log=self.log,
            account=self.account,
            stop_signal=self.stop_signal,
        )
        self._await_ready()

    def _await_ready(self) -> None:
        def ready() -> bool:
            if self._process is not None and (code := self._process.exit_code()) is not None:
                raise ServerError(f"{self.kind} ended with code {code}; its log:\n{self._process.log_tail()}")
            return self.probe()

        try:
            wait_until(ready, self.ready_seconds, f"{self.kind} at {self.address} answers")
        except ServerError as error:
            if self._process is None or "its log:" in str(error):
                raise
            raise ServerError(f"{error}; its log:\n{self._process.log_tail()}") from None

    def stop(self) -> None:
        """Ends the server and removes its data. Does nothing for a developer's own server. May be called again."""
        with contextlib.suppress(Exception):
            self.disconnect()
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def kill(self) -> None:
        """SIGKILL, as in a crash: the data stays and `relaunch()` starts the server again on the same port."""
        self._end(signal.SIGKILL)

    def shut_down(self, seconds: float = 30) -> None:
        """An orderly shutdown (SIGINT for PostgreSQL, SIGTERM otherwise): the data stays, as after `kill()`."""
        self._end(signal.SIGINT if self.kind.startswith("postgres") else signal.SIGTERM, seconds)

    def _end(self, number: signal.Signals, seconds: float = 30) -> None:
        self.disconnect()
        process = self.process
        process.signal(number)
        if process.exit_code(seconds) is None:
            raise ServerError(f"{self.kind} did not end within {seconds:g} s; its log:\n{process.log_tail()}")
        process.stop(keep_folder=True)
        self._process = None

    def relaunch(self, options: Mapping[str, Option] | None = None) -> None:
        """Starts a server again that `kill()` or `shut_down()` ended: same data, same port, `options` on top."""
        if self._process is not None:
            raise ServerError(f"{self.kind} is still running")
        self.options.update(options or {})
        self._launch()

    def restart(self, options: Mapping[str, Option] | None = None) -> None:
        """`shut_down()` and `relaunch(options)`."""
        self.shut_down()
        self.relaunch(options)

    def pause(self) -> None:
        """SIGSTOP: the server's main process hangs with its connections open (a forked backend goes on)."""
        self.process.signal(signal.SIGSTOP)
        hang(self.pid)

    def resume(self) -> None:
        """SIGCONT after `pause()`."""
        self.process.signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.stop()


def external_address(variable: str) -> str | None:
    """The developer's own server in this environment variable, if there is one."""
    return os.environ.get(variable) or None
