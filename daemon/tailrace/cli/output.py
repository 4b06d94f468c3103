"""What commands print: data to stdout, as JSON or for people."""

from __future__ import annotations

import os
import sys
from typing import Any

import orjson
from rich.console import Console


def console() -> Console:
    """stdout, with colours where it is a terminal; lines are not cut where it is none."""
    width = None if sys.stdout.isatty() else 200
    return Console(width=width, soft_wrap=False)


def print_json(value: Any) -> None:
    print_line(orjson.dumps(value))


class ReaderLeft(Exception):
    """Nobody reads our stdout any more (`| head`): there is nothing left to do, and nothing wrong."""


def print_line(line: bytes) -> None:
    """One whole line, at once: a reader at the other end of a pipe waits for it.

    Raises:
        ReaderLeft: it does not.
    """
    try:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise ReaderLeft from None  # typer would make exit code 1 of a BrokenPipeError


def silence_stdout() -> None:
    """What Python still holds for a reader that left must not raise again at the exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


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
