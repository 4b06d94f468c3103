"""Progress bars of the full load, at the bottom of a terminal; log lines go above them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tailrace.cli.output import number, seconds_text
from tailrace.logs import logger, place
from tailrace.supervisor.loading import Loading, LoadPace

#: Tables at a time; the others are counted.
MOST_TABLES = 10
BAR_WIDTH = 24
DRAW_SECONDS = 0.5
_PIECE_BYTES = 64 << 10

log = logger()


class Bars:
    """Draws while something is loaded, and leaves nothing behind.

    What the workers and we log must pass through here, or it would land within the bars: the workers get a pipe for
    their stderr (`output`), and ours is exchanged while bars are drawn.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._console = Console(file=terminal, highlight=False, markup=False, emoji=False)
        self._live: Live | None = None
        self._pace = LoadPace()
        self._reading, self.output = os.pipe()
        os.set_blocking(self._reading, False)
        self._begun = b""  # of a line whose end has not come yet

    @asynccontextmanager
    async def shown(self, status: Callable[[], dict[str, Any]]) -> AsyncIterator[None]:
        """Within the block, in the loop that runs now.

        Args:
            status: `tailrace.supervisor.status.pipeline_status`'s object.
        """
        loop = asyncio.get_running_loop()
        loop.add_reader(self._reading, self._pass_on)
        drawing = asyncio.create_task(self._draw(status))
        stderr, sys.stderr = sys.stderr, _Above(self)
        try:
            yield
        finally:
            drawing.cancel()
            [failure] = await asyncio.gather(drawing, return_exceptions=True)
            if isinstance(failure, Exception):
                log.error("the progress bars have failed", error=place(failure))
            loop.remove_reader(self._reading)
            self._pass_on()
            if self._begun:
                self.write(self._begun.decode(errors="replace") + "\n")
            sys.stderr = stderr
            os.close(self.output)
            os.close(self._reading)

    def write(self, text: str) -> None:
        """Whole lines, above the bars. A terminal that is gone ends nothing."""
        with contextlib.suppress(OSError):
            if self._live is None:
                self._terminal.write(text)
                self._terminal.flush()
            else:
                self._console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)

    # ---- inside

    def _pass_on(self) -> None:
        """What workers have written."""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._reading, _PIECE_BYTES):
                lines, newline, self._begun = (self._begun + piece).rpartition(b"\n")
                if newline:
                    self.write(lines.decode(errors="replace") + "\n")

    async def _draw(self, status: Callable[[], dict[str, Any]]) -> None:
        try:
            while True:
                answer = status()
                loading = self._pace.look(answer["tables"])
                if loading is None:
                    self._end()
                else:
                    if self._live is None:
                        self._live = Live(
                            console=self._console, auto_refresh=False, transient=True, redirect_stderr=False
                        )
                        self._live.start()
                    self._live.update(bars(loading, why(answer["workers"])), refresh=True)
                await asyncio.sleep(DRAW_SECONDS)
        finally:
            self._end()

    def _end(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            with contextlib.suppress(OSError):
                live.stop()


class _Above:
    """stderr while bars may be there."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._begun = ""

    def write(self, text: str) -> int:
        lines, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            self._bars.write(lines + "\n")
        return len(text)

    def flush(self) -> None:
        """Nothing is kept but a line that is not whole yet."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._bars.output


def bars(loading: Loading, reason: str = "") -> RenderableType:
    """A line for each of the first tables and one for all; `reason` is why the load does not get on."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(width=BAR_WIDTH)
    for _ in range(4):
        grid.add_column(justify="right", no_wrap=True)
    for table in loading.tables[:MOST_TABLES]:
        grid.add_row(*_line(table["name"], table))
    more = len(loading.tables) - MOST_TABLES
    name = "total" if more <= 0 else f"total, with {number(more)} more"
    total = {
        "rows": loading.rows,
        "total": loading.total,
        "percent": loading.percent,
        "rows_per_second": loading.rows_per_second,
        "seconds_left": loading.seconds_left,
    }
    grid.add_row(*_line(name, total), style="bold")
    return Group(grid, Text(reason, "yellow", no_wrap=True, overflow="ellipsis")) if reason else grid


def why(workers: Sequence[dict[str, Any]]) -> str:
    """What keeps the load from getting on."""
    return next((str(worker["error"]) for worker in workers if worker["error"]), "")


def _line(name: str, table: dict[str, Any]) -> list[RenderableType]:
    percent, rate, left = table["percent"], table["rows_per_second"], table["seconds_left"]
    rows = number(table["rows"]) + (f" of {number(table['total'])}" if table["total"] else "")
    return [
        Text(name),
        ProgressBar(100, percent or 0, width=BAR_WIDTH),
        Text("" if percent is None else f"{percent:.0f} %"),
        Text(rows),
        Text("" if rate is None else f"{number(round(rate))}/s"),
        Text("" if left is None else f"{seconds_text(left)} left"),
    ]
