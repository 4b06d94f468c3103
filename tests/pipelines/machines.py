"""Daemons of one role each, with state folders of their own, as on machines of their own."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers.sql import Database


class Machine:
    """A daemon of one role."""

    def __init__(self, folder: Path, *parts: str, name: str, role: str) -> None:
        folder.mkdir(exist_ok=True)
        self.role = role
        self.file = PipelineFile(folder, text.pipeline(folder, *parts, name=name))
        self.process: subprocess.Popen[bytes] | None = None
        self._signalled: list[int] = []

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Once the daemon before has ended, if there was one."""
        if self.process is not None:
            self.process.wait(30)
        command = [sys.executable, "-m", "tailrace.cli", "run", str(self.file.path), "--role", self.role, *more]
        with self.file.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self.process

    def signal(self, number: int) -> None:
        """To all processes of the daemon: the supervisor first, so that it starts none anew."""
        assert self.process is not None
        self._signalled = [self.process.pid, *self.file.worker_pids().values()]
        for pid in self._signalled:
            with contextlib.suppress(ProcessLookupError):  # a worker leaves by itself when its supervisor is gone
                os.kill(pid, number)

    def wake(self) -> None:
        for pid in self._signalled:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log()

    def log(self) -> str:
        return self.file.log.read_text()[-6000:]

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def machines(*all_of_them: Machine) -> Iterator[None]:
    try:
        yield
    finally:
        for machine in all_of_them:
            machine.kill()


def kafka_stream(bootstrap: str, session_seconds: int) -> str:
    """Two partitions a topic, and a group that gives a silent member up after so long."""
    return (
        '[stream]\nconnector = "kafka"\npartitions = 2\n[stream.kafka]\n'
        f'"bootstrap.servers" = "{bootstrap}"\n'
        f'"session.timeout.ms" = {1000 * session_seconds}\n"heartbeat.interval.ms" = 500\n'
    )


def owners(target: Database) -> dict[str, int]:
    """How many topics each worker has, in a SQL target."""
    number = "partition" if target.url.startswith("postgresql") else "partition_number"
    found = target.query(
        f"SELECT owner, count(*) FROM _tailrace_positions WHERE topic <> '' AND {number} = -1 GROUP BY owner"
    )
    return {str(owner): int(count) for owner, count in found}


@contextlib.contextmanager
def writing(source: Database, tables: int, pause: float = 0.004) -> Iterator[None]:
    """Changes of every kind in the tables t0, t1, …, some with the same few keys, until the end."""
    over = threading.Event()
    dice = random.Random(5)
    connection = source.connect()

    def write() -> None:
        with contextlib.closing(connection), connection.cursor() as cursor:
            for number in itertools.count(1000):
                if over.wait(pause):
                    return
                table, key = f"t{dice.randrange(tables)}", dice.randrange(1, 60)
                cursor.execute(f"INSERT INTO {table} VALUES ({number}, 0)")
                cursor.execute(f"UPDATE {table} SET n = n + 1 WHERE id = {key}")
                if number % 3 == 0:
                    cursor.execute(f"DELETE FROM {table} WHERE id = {number - 30}")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
