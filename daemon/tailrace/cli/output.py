"""What commands print: data to stdout, as JSON or for people."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from rich.console import Console

from tailrace.cli import stdout


class _Console(Console):
    """A reader that leaves changes nothing about what the command has found: its exit code stands."""

    def on_broken_pipe(self) -> None:  # rich's would exit with 1
        self.quiet = True
        stdout.silence()


def console() -> Console:
    """stdout, with colours where it is a terminal; lines are not cut where it is none."""
    width = None if sys.stdout.isatty() else 200
    return _Console(width=width, soft_wrap=False)


def print_json(value: Any) -> None:
    """What the command has found, as one line; as above, whoever reads it."""
    try:
        stdout.print_line(orjson.dumps(value))
    except stdout.ReaderLeft:
        stdout.silence()


def number(value: int) -> str:
    return f"{value:,}"


def seconds_text(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def bytes_text(size: int | None) -> str:
    if size is None:
        return "?"
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
