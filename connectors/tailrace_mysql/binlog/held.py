"""Row events whose transaction is not decided yet: in memory up to a bound, beyond it in a temporary file (I6).

They are kept as they stand in the log, with the plan for the columns that their table had there.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from tailrace.errors import UnreachableError
from tailrace_mysql.binlog.binding import Binding

_HEAD = struct.Struct("<IQQI")  # number of the binding, ordinal of the event, its place, its length


class Change(NamedTuple):
    """One row event.

    Attributes:
        binding: its table's, at its place in the log.
        number: which of the transaction's changes it is.
        pos: where it stands in its file.
        event: the whole event, its checksum cut off.
    """

    binding: Binding
    number: int
    pos: int
    event: bytes


class Mark(NamedTuple):
    """How much was held at a moment: how many changes, and their bytes."""

    changes: int
    size: int


NOTHING = Mark(0, 0)


class Room:
    """Memory that all undecided transactions share.

    Args:
        limit: bytes of it.
        folder: where temporary files are made; None: where the system has them.
    """

    def __init__(self, limit: int = 8 << 20, folder: Path | None = None) -> None:
        self.limit = limit
        self.folder = folder
        self.used = 0


class Changes:
    """The row events of one transaction, in order."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._bindings: list[Binding] = []
        self._numbers: dict[int, int] = {}  # of a binding, by its id
        self._recent: list[tuple[int, int, int, bytes]] = []  # what is not in the file, as in it
        self._spilled = 0  # how many are in the file, and their bytes
        self._spilled_size = 0
        self._recent_size = 0
        self._file: IO[bytes] | None = None

    def __bool__(self) -> bool:
        return bool(self._recent or self._spilled)

    @property
    def mark(self) -> Mark:
        return Mark(self._spilled + len(self._recent), self.size)

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._spilled_size + self._recent_size

    def add(self, binding: Binding, number: int, pos: int, event: bytes) -> None:
        index = self._numbers.setdefault(id(binding), len(self._bindings))
        if index == len(self._bindings):
            self._bindings.append(binding)
        self._recent.append((index, number, pos, event))
        self._grow(_HEAD.size + len(event))
        if self._room.used > self._room.limit:
            self._spill()

    def cut(self, mark: Mark) -> list[Change]:
        """Forgets what came after `mark`, and returns what it was, an event of each binding."""
        gone: dict[int, Change] = {}
        for change in self._behind(mark):
            gone.setdefault(id(change.binding), change)
        if mark.changes >= self._spilled:
            kept = mark.changes - self._spilled
            del self._recent[kept:]
        else:
            assert self._file is not None
            self._recent.clear()
            with self._failing():
                self._file.truncate(mark.size)
            self._spilled, self._spilled_size = mark
        self._grow(mark.size - self.size)
        return list(gone.values())

    def close(self) -> None:
        """Gives up what is held."""
        self._grow(-self._recent_size)
        self._recent.clear()
        self._spilled = self._spilled_size = 0
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __iter__(self) -> Iterator[Change]:
        """From the first one on; nothing is added meanwhile."""
        return self._behind(NOTHING)

    # ---- inside

    def _behind(self, mark: Mark) -> Iterator[Change]:
        if self._file is not None and mark.changes < self._spilled:
            with self._failing():
                self._file.seek(mark.size)
                for _ in range(self._spilled - mark.changes):
                    index, number, pos, length = _HEAD.unpack(self._file.read(_HEAD.size))
                    yield Change(self._bindings[index], number, pos, self._file.read(length))
        for index, number, pos, event in self._recent[max(0, mark.changes - self._spilled) :]:
            yield Change(self._bindings[index], number, pos, event)

    def _grow(self, size: int) -> None:
        self._recent_size += size
        self._room.used += size

    def _spill(self) -> None:
        with self._failing():
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._room.folder)  # noqa: SIM115
            self._file.seek(self._spilled_size)
            for index, number, pos, event in self._recent:
                self._file.write(_HEAD.pack(index, number, pos, len(event)))
                self._file.write(event)
        self._spilled += len(self._recent)
        self._spilled_size += self._recent_size
        self._recent.clear()
        self._grow(-self._recent_size)

    def _failing(self) -> _Failing:
        return _Failing(self._room.folder)


class _Failing:
    """Turns the errors of the temporary file into ours."""

    def __init__(self, folder: Path | None) -> None:
        self._where = str(folder or tempfile.gettempdir())

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError | struct.error):
            raise UnreachableError(
                f"the changes of an undecided transaction cannot be kept in a temporary file: {error}",
                where=self._where,
                fix="make room there",
            ) from None
