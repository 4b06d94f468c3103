"""One round: the daemon starts under load, some of it is killed at some moment, and in the end nothing is missing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.checking.anomalies import Anomalies
from tests.checking.history import History
from tests.kill_matrix.loads import Load, load_of, working
from tests.pipelines import failing, text
from tests.pipelines.bank import ACCOUNTS, TABLES, Bank, read_rows
from tests.pipelines.daemon import kill_all, until
from tests.servers import Database

#: Whom SIGKILL meets, in turn; and SIGTERM, in rounds of its own.
KILLS = ("capture", "sink", "supervisor", "everything")
TERM = "term"
#: How long the load lasts; the moment is anywhere within, from the daemon's start on.
LOAD_SECONDS = 5
BANK_ACCOUNTS = 200
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Round:
    """What is done in a round; the same number does the same.

    Attributes:
        way: one of `KILLS`, or `TERM`.
        sink: which one, of "sink".
        moment: seconds from the daemon's start.
    """

    way: str
    sink: str
    moment: float

    @classmethod
    def of(cls, seed: int, engine: str, number: int, kills: int, sinks: Sequence[str]) -> Round:
        choice = random.Random(f"{seed} {engine} {number}")
        way = KILLS[number % len(KILLS)] if number < kills else TERM
        return cls(way, choice.choice(sinks), choice.uniform(0, LOAD_SECONDS))


class Matrix:
    """A pipeline from one source, through Kafka or the embedded stream, into two targets.

    Attributes:
        anomalies: that were found.
        sums: looks at a target in which the balances had their sum.
    """

    def __init__(self, folder: Path, source: Database, copy: Database, stream: str, seed: int) -> None:
        self._folder = folder
        self._source = source
        self._whole = not stream  # transactions arrive whole where one log holds all tables
        self.sinks = [
            failing.Target("copy", text.sink("copy", copy.url), lambda table: read_rows(copy, table)),
            failing.lite(folder),
        ]
        pace = "[load]\nthrottle_rows = 10000\n"  # the first rounds meet the load
        self._file = failing.pipeline(folder, source, stream, "".join(sink.sink for sink in self.sinks) + pace)
        self._bank = Bank(source, seed)
        self._load: Load = load_of(source)
        self._follower = failing.follower(self._file)
        self.anomalies = Anomalies()
        self._history = History(self.anomalies)
        self._loaded = False
        self.sums = 0

    @property
    def events(self) -> int:
        return self._history.events

    def prepare(self) -> None:
        self._bank.create(BANK_ACCOUNTS)
        self._load.prepare()

    def close(self) -> None:
        self._follower.close()
        self._file.command("teardown", "--yes")

    def run(self, round_: Round) -> None:
        """
        Raises:
            AssertionError: something is missing, twice, wrong, out of order, or did not come to an end.
        """
        process: subprocess.Popen[bytes] | None = None
        try:
            with working(self._load, self._bank, LOAD_SECONDS, self._folder / "load.log"), self._looking():
                process = self._file.start()
                begun = time.monotonic()
                time.sleep(round_.moment)  # the moment is the round's, and no condition's
                process = self._end_some(round_, process)
                left = LOAD_SECONDS - (time.monotonic() - begun)
                time.sleep(max(0.0, left))
            self._file.stop(process)
        finally:
            if process is not None:
                kill_all(process)
        caught_up = self._file.until_caught_up(timeout=300)
        assert caught_up.code == 0, f"{round_}: {caught_up.stderr[-3000:]}"
        self._loaded = True
        self._check()

    # ---- processes

    def _end_some(self, round_: Round, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """What the round ends; the daemon that runs afterwards."""
        assert process.poll() is None, self._file.said()
        if round_.way in ("capture", "sink"):
            name = round_.sink if round_.way == "sink" else "capture"
            until(lambda: name in self._file.worker_pids(), 30, f"{name} runs")
            with contextlib.suppress(KeyError, ProcessLookupError):  # it is between two lives, which is as good
                os.kill(self._file.worker_pids()[name], signal.SIGKILL)
            return process
        if round_.way == "everything":
            kill_all(process)
        elif round_.way == "supervisor":
            process.kill()
            process.wait()
        else:
            self._file.stop(process)
        return self._file.start()

    # ---- checks

    def _check(self) -> None:
        self._history.take(self._follower.records())
        rows = {table: read_rows(self._source, table) for table in (*TABLES, *self._load.tables)}
        self._history.hold_against(rows, self._bank.journal)
        self.anomalies.require_none()
        for sink in self.sinks:
            for table in TABLES:
                found, expected = failing.by_id(sink.rows(table)), failing.by_id(rows[table])
                assert found == expected, f"{sink.name}: {table} is not the source's"
        verified = self._file.command("verify", "--json", timeout=300)
        assert verified.code == 0, verified.stdout[-2000:] + verified.stderr[-2000:]
        tables: list[Mapping[str, Any]] = json.loads(verified.stdout)["tables"]
        assert len(tables) == len(self.sinks) * len(rows), tables

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Meanwhile a reader of a target never sees half of a transfer."""
        if not (self._whole and self._loaded):
            yield
            return
        done = threading.Event()
        wrong: list[object] = []
        lite = self.sinks[-1]

        def look() -> None:
            while not wrong and not done.wait(LOOK_SECONDS):
                try:
                    found: object = sum(row["balance"] for row in lite.rows(ACCOUNTS))
                except sqlite3.Error as error:
                    found = error
                self.sums += 1
                if found != self._bank.total:
                    wrong.append(found)

        looking = threading.Thread(target=look, name="look")
        looking.start()
        try:
            yield
        finally:
            done.set()
            looking.join()
        assert not wrong, f"balances of {wrong} where the bank has {self._bank.total}"
