"""`tailrace run` at a terminal: progress bars while tables are loaded, and logs above them, each line whole."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database, Postgres

TABLES, ROWS = 12, 400
WIDTH = 150
SECONDS = 60.0
_SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+ +\[\w+ *\] \S")


class Screen:
    """What a terminal shows of what it was sent; only as much of one as is used here."""

    def __init__(self) -> None:
        self.lines = [""]
        self._row = self._column = 0

    def feed(self, output: str) -> None:
        place = 0
        while place < len(output):
            if found := _SEQUENCE.match(output, place):
                self._control(found[1], found[2])
                place = found.end()
                continue
            character = output[place]
            place += 1
            if character == "\r":
                self._column = 0
            elif character == "\n":
                self._row += 1
                if self._row == len(self.lines):
                    self.lines.append("")
            else:
                line = self.lines[self._row].ljust(self._column)
                self.lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
                self._column += 1

    def _control(self, argument: str, command: str) -> None:
        if command == "A":
            self._row = max(0, self._row - int(argument or 1))
        elif command == "K":
            assert argument == "2"
            self.lines[self._row] = ""
        else:
            assert command in "mhl", command  # colours, and the cursor hidden and shown


@pytest.fixture
def file(postgres15: Postgres, tmp_path: Path) -> Iterator[PipelineFile]:
    """Twelve tables, whose load takes some seconds."""
    with postgres15.database("bars") as database:
        fill(database)
        load = "[load]\nthrottle_rows = 1200\nreaders = 2\n"
        pipeline = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(database.url), load))
        yield pipeline
        assert pipeline.command("teardown", "--yes").code == 0


def fill(database: Database) -> None:
    for number in range(TABLES):
        database.execute(f"CREATE TABLE t{number:02} (id int PRIMARY KEY)")
        database.execute(f"INSERT INTO t{number:02} SELECT generate_series(1, {ROWS + number})")
    database.execute("ANALYZE")


class Terminal:
    """A command at a terminal of its own; it must end well, and soon."""

    def __init__(self, file: PipelineFile, command: str, *options: str) -> None:
        self._terminal, process_side = os.openpty()
        fcntl.ioctl(process_side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
        words = [sys.executable, "-m", "tailrace.cli", command, str(file.path), *options]
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
        self._process = subprocess.Popen(
            words, stdin=process_side, stdout=process_side, stderr=process_side, env=environment
        )
        os.close(process_side)

    def pieces(self) -> Iterator[str]:
        """What it sends, until it ends."""
        deadline = time.monotonic() + SECONDS
        try:
            while select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
                try:
                    piece = os.read(self._terminal, 1 << 16)
                except OSError:  # nobody holds the other side any more
                    break
                yield piece.decode()
            assert self._process.wait(10) == 0
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._terminal)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)


def test_bars_show_the_load_below_the_logs_and_vanish_with_it(file: PipelineFile) -> None:
    screen = Screen()
    shown: list[list[str]] = []
    for piece in Terminal(file, "run", "--until-caught-up").pieces():
        screen.feed(piece)
        if any("total" in line for line in screen.lines):
            shown.append(list(screen.lines))
    assert any("total, with 2 more" in line for lines in shown for line in lines)
    best = max(shown, key=lambda lines: sum("━" in line for line in lines))
    bars = [line for line in best if "━" in line]
    assert len(bars) == 11  # ten tables and the total
    assert re.search(r"public\.t\d\d +━+ +\d+ % +[\d,]+ of [\d,]+ ", "\n".join(bars))
    assert any(re.search(r"total.* of [\d,]+ +[\d,]+/s +[\d.]+ s left", line) for lines in shown for line in lines)
    # No bar is left; every line is a log's, and the workers' are among them.
    rest = [line.rstrip() for line in screen.lines if line.strip()]
    assert [line for line in rest if not LOG_LINE.match(line)] == []
    assert sum("table loaded" in line and "worker=capture" in line for line in rest) == TABLES
    assert any("pipeline stopped" in line and "exit_code=0" in line for line in rest)


def test_status_is_watched_until_ctrl_c_and_logs_for_machines_have_no_bars(file: PipelineFile) -> None:
    running, watching = Terminal(file, "run", "--log-format", "json"), Terminal(file, "status", "--watch")
    screen = Screen()
    shown, asked = "", False
    with ThreadPoolExecutor(1) as threads:
        logs = threads.submit(lambda: "".join(running.pieces()))
        for piece in watching.pieces():
            screen.feed(piece)
            done = sum("streaming" in line for line in screen.lines) == TABLES + 1  # and the worker
            if done and not asked:
                asked = True
                watching.send(signal.SIGINT)
            shown += "\n".join(screen.lines) + ("done" if done else "")
        running.send(signal.SIGTERM)
        output = logs.result()
    assert " loading " in shown
    assert sum(line.startswith("pipeline ") for line in screen.lines) == 1
    assert file.command("status", "--watch").code == 2  # no terminal
    assert "━" not in output
    assert all(line.startswith("{") for line in output.splitlines())
