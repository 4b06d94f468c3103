"""stdout, whose reader may leave (`| head`). Nothing heavy is imported here."""

from __future__ import annotations

import os
import sys


class ReaderLeft(Exception):
    """Nobody reads our stdout any more: there is nothing left to do, and nothing wrong."""


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


def silence() -> None:
    """What is still written for a reader that left goes nowhere, and does not raise again at the exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
