"""Events of one table that wait until its rows have gone out: in memory, beyond a bound in a file without a name."""

from __future__ import annotations

import os
import struct
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tailrace.errors import UnreachableError
from tailrace.sequence import MARK_WIDTH

#: What is kept in memory before a file is begun (I6).
MEMORY_BYTES = 8 << 20

_SEQUENCE = b'"tailrace_seq":"'
_EPOCH_WIDTH = 4
_TX_END = b',"tx_end":'
_HEAD = struct.Struct("<ii")
_NONE = -1

Event = tuple[bytes | None, bytes | None]


def transaction_of(value: bytes) -> bytes:
    """What the sequences of the event's transaction begin with, epoch and mark."""
    start = value.rindex(_SEQUENCE) + len(_SEQUENCE)
    return value[start : start + _EPOCH_WIDTH + 1 + MARK_WIDTH]


def mark_of(value: bytes) -> str:
    """The mark of the event's transaction."""
    return transaction_of(value)[_EPOCH_WIDTH + 1 :].decode()


def ends_transaction(value: bytes) -> bool:
    return value.startswith(b"true", value.rindex(_TX_END) + len(_TX_END))


def ending(value: bytes) -> bytes:
    """The event as the last one of its transaction."""
    start = value.rindex(_TX_END) + len(_TX_END)
    return value if value.startswith(b"true", start) else value[:start] + b"true" + value[start + len(b"false") :]


class Kept:
    """A queue of events (a tombstone's value is None).

    Args:
        folder: of the file; None: the system's own for temporary files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._events: deque[Event] = deque()
        self._file: IO[bytes] | None = None
        self._read = self._written = 0  # places in the file
        #: Of what is kept.
        self.bytes = 0

    def __bool__(self) -> bool:
        return bool(self._events) or self._read < self._written

    def add(self, key: bytes | None, value: bytes | None) -> None:
        """
        Raises:
            UnreachableError: there is no room for it; what is kept is of no use any more.
        """
        self.bytes += _size(key, value)
        if self._file is None and self.bytes <= MEMORY_BYTES:
            self._events.append((key, value))
            return
        head = _HEAD.pack(_NONE if key is None else len(key), _NONE if value is None else len(value))
        with self._named():
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  (closed by `close`)
            self._file.seek(self._written)
            self._written += self._file.write(head + (key or b"") + (value or b""))

    def first(self) -> Event | None:
        """The oldest event, which stays.

        Raises:
            UnreachableError: it cannot be read back.
        """
        if not self._events and self._read < self._written:
            self._events.append(self._from_file())
        return self._events[0] if self._events else None

    def take(self, limit_bytes: int) -> list[Event]:
        """The oldest events, up to about so many bytes; each that is a transaction's last one here says so.

        Raises:
            UnreachableError: they cannot be read back.
        """
        taken: list[Event] = []
        size = 0
        while size < limit_bytes and (event := self.first()) is not None:
            self._events.popleft()
            key, value = event
            size += _size(key, value)
            following = self.first()
            if value is not None and not _goes_on(value, following):
                value = ending(value)
            taken.append((key, value))
        self.bytes -= size
        if not self:
            self.close()
        return taken

    def close(self) -> None:
        """Forgets everything."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what is in its buffer may find no room
                file.close()
        self._events.clear()
        self._read = self._written = self.bytes = 0

    def _from_file(self) -> Event:
        assert self._file is not None
        with self._named():
            self._file.seek(self._read)
            key_size, value_size = _HEAD.unpack(self._file.read(_HEAD.size))
            key = None if key_size == _NONE else self._file.read(key_size)
            value = None if value_size == _NONE else self._file.read(value_size)
            self._read = self._file.tell()
        return key, value

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnreachableError(
                f"{self.bytes:,} bytes of changes that wait for a table's load cannot be kept:"
                f" {os.strerror(error.errno or 0)}",
                where=str(self._folder or tempfile.gettempdir()),
                fix="make room there, for as much as is changed in the table while it is read; the load begins again",
            ) from None


def _size(key: bytes | None, value: bytes | None) -> int:
    return len(key or b"") + len(value or b"")


def _goes_on(value: bytes, following: Event | None) -> bool:
    """Whether the event behind this one is of the same transaction; a tombstone belongs to what is before it."""
    if following is None:
        return False
    return following[1] is None or transaction_of(following[1]) == transaction_of(value)
