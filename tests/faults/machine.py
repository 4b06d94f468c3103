"""What a machine does to a process: its disk is full, or fails, or its clock is moved. See `shim.c`."""

from __future__ import annotations

import mmap
import struct
import subprocess
import types
from pathlib import Path
from typing import Self

_SOURCE = Path(__file__).with_name("shim.c")
_BYTES = 16


class Machine:
    """The machine of the processes that get `env`.

    Args:
        folder: where the shim and its switches are.
        disk: the folder whose files are on the disk that fails.
    """

    def __init__(self, folder: Path, disk: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        library, switches = folder / "shim.so", folder / "switches"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, _SOURCE], check=True)
        switches.write_bytes(bytes(_BYTES))
        disk.mkdir(parents=True, exist_ok=True)
        with switches.open("r+b") as file:
            self._switches = mmap.mmap(file.fileno(), _BYTES)
        self.env = {"LD_PRELOAD": str(library), "FAULTS_FILE": str(switches), "FAULTS_FOLDER": str(disk)}

    def full(self, on: bool) -> None:
        """Files do not grow any more."""
        self._switches[0] = on

    def failing(self, on: bool) -> None:
        """fsync fails."""
        self._switches[1] = on

    def clock(self, ahead: int) -> None:
        """Seconds by which the clock is ahead of the servers'."""
        self._switches[8:16] = struct.pack("q", ahead)

    def close(self) -> None:
        self._switches.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()
