"""Which binlog file is being read, where in it, and how its events are built."""

from __future__ import annotations

import zlib

import orjson

from tailrace.errors import LogGoneError
from tailrace.sequence import binlog_mark
from tailrace_mysql.binlog import events
from tailrace_mysql.binlog.integers import cut, number
from tailrace_mysql.restart import Restart, file_number

_LOW_32 = 0xFFFFFFFF
_DAMAGED = "an event's checksum is wrong: it was damaged on its way or on the server's disk"


class LogFile:
    """The file in hand.

    Args:
        checksum: whether events carry a CRC-32 before the first format description says so.

    Attributes:
        file, number, json: its name, the number in it, and the name as JSON.
        pos: where the event in hand begins.
        next: where the one after it begins.
        created: when the file was begun, seconds since 1970; 0 before its format description.
        far: where reading is to begin in this file, while that is not reached, if 32 bits do not tell it; else 0.
        table_id_size: bytes of a table id.
    """

    __slots__ = ("_checksum", "_started", "created", "far", "file", "json", "next", "number", "pos", "table_id_size")

    def __init__(self, restart: Restart, checksum: bool) -> None:
        self._started = restart
        self._checksum = checksum
        self.created = restart.created
        self.table_id_size = 6
        self.pos = restart.pos
        self.turn(restart.file, restart.pos)

    def __str__(self) -> str:
        return f"{self.file}:{self.pos}"

    def turn(self, file: str, pos: int) -> None:
        """Another file, or another place in this one."""
        self.file = file
        self.number = file_number(file)
        self.json = orjson.dumps(file)
        self.next = pos
        started = self._started
        self.far = started.pos if pos <= _LOW_32 < started.pos and file == started.file else 0

    def mark(self) -> str:
        """Of the event in hand."""
        return binlog_mark(self.number, self.pos)

    def end(self) -> str:
        """Mark behind the event in hand."""
        return binlog_mark(self.number, self.next)

    def before_start(self, skip_to: int) -> bool:
        """Whether the event in hand lies before `skip_to` in the file that reading began in."""
        return self.next <= skip_to and self.file == self._started.file

    def checked(self, payload: bytes) -> bytes:
        """The event in a packet, its checksum verified and cut off."""
        if not self._checksum:
            return cut(payload, 1, len(payload))
        event = cut(payload, 1, len(payload) - 4)
        if zlib.crc32(event) != number(payload, len(payload) - 4, 4):
            raise ValueError(_DAMAGED)
        return event

    def describe(self, payload: bytes) -> None:
        """Takes a FORMAT_DESCRIPTION.

        Raises:
            LogGoneError: this is not the file that was read before, though it has its name.
        """
        described = events.format_description(payload[1:])
        self.table_id_size = described.table_id_size
        self._checksum = described.checksum
        self.checked(payload)
        created = int.from_bytes(payload[1:5], "little")
        started = self._started
        if self.file == started.file and started.created and created != started.created:
            raise LogGoneError(
                f"the server's log was reset: {self.file} is another file than the one read before",
                where=str(self),
            )
        self.created = created

    def advance(self, end_pos: int, size: int) -> None:
        """To the next event. Headers have 32 bits of a position; the file may be longer, and the server may have left
        events out."""
        end = unwrapped(end_pos, self.next + size)
        if end < self.next + size:
            raise ValueError("positions run backwards")
        self.pos = end - size
        self.next = end

    def wraps(self, size: int) -> bool:
        """Whether an event of this size whose header says that it ends at 0 ends at a multiple of 4 GiB. Else it stands
        in no file."""
        return unwrapped(0, self.next + size) >= self.next + size

    def leap(self, end_pos: int, size: int) -> None:
        """To the first transaction behind what the server has left out because it is done: 4 GiB of a file, or more,
        of which the header's 32 bits tell nothing. It lies where reading is to begin, or near it."""
        end = unwrapped(end_pos, max(self.next, self.far) + size)
        self.pos = end - size
        self.next = end
        self.far = 0

    def hear(self, file: str, pos: int, wrapped: bool) -> bool:
        """A heartbeat says that everything up to there was sent; False where it speaks of another file, or does not say
        enough.

        Args:
            wrapped: the position has only 32 bits.
        """
        if file != self.file or (wrapped and self.far):
            return False
        self.next = max(self.next, unwrapped(pos, self.next) if wrapped else pos)
        return True


def unwrapped(low: int, near: int) -> int:
    """The number whose lower 32 bits are `low` that lies nearest to `near`."""
    number = (near & ~_LOW_32) | low
    if near - number > _LOW_32 // 2:
        return number + _LOW_32 + 1
    if number - near > _LOW_32 // 2 and number > _LOW_32:
        return number - _LOW_32 - 1
    return number
