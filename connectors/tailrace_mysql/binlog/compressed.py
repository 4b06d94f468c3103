"""Compressed parts of the log, as the events that they stand for.

MySQL's TRANSACTION_PAYLOAD holds the events of a transaction, all but its GTID:
https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Transaction__payload__event.html.
MariaDB compresses the statement or the rows of a single event (``sql/log_event.cc``, "Compressed Record").
"""

from __future__ import annotations

import io
import zlib
from typing import Final, Protocol

import zstandard

from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.events import HEADER, packed_integer
from tailrace_mysql.binlog.integers import number

# Fields of a TRANSACTION_PAYLOAD; those that a later server adds may be passed over.
_END, _SIZE, _ALGORITHM, _PLAIN_SIZE = 0, 1, 2, 3
_ZSTD, _NONE = 0, 255
#: The largest window that zstd's levels have (22), and so the memory that decompressing takes at most.
_WINDOW_BYTES: Final = 1 << 27
#: No server writes a longer event.
_LONGEST_EVENT: Final = 1 << 30
_PIECE_BYTES: Final = 1 << 20

#: A compressed event of MariaDB, and the event that it stands for.
_PLAIN = {
    types.MARIADB_QUERY_COMPRESSED: types.QUERY,
    **dict(
        zip(
            types.MARIADB_ROWS_COMPRESSED,
            (
                *(types.WRITE_ROWS_V1, types.UPDATE_ROWS_V1, types.DELETE_ROWS_V1),
                *(types.WRITE_ROWS, types.UPDATE_ROWS, types.DELETE_ROWS),
            ),
            strict=True,
        )
    ),
}
_UPDATES = (types.UPDATE_ROWS_V1, types.UPDATE_ROWS)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decompressor() -> zstandard.ZstdDecompressor:
    """What payloads are decompressed by, one after the other; making it takes longer than a small payload does."""
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)


class Payload:
    """The events in a TRANSACTION_PAYLOAD, without checksums, decompressed as they are asked for: there may be far more
    of them than memory.

    Args:
        event: all of it, header first.
        by: nobody else may use it until this payload is done.
        trailing: so many bytes may follow the payload (a checksum that was not cut off).

    Attributes:
        done: all events were taken.

    Raises:
        ValueError, IndexError: it is malformed, here or in `take`.
    """

    def __init__(self, event: bytes, by: zstandard.ZstdDecompressor, trailing: int = 0) -> None:
        fields: dict[int, int] = {}
        at = HEADER
        while True:
            field, at = packed_integer(event, at)
            if field == _END:
                break
            length, at = packed_integer(event, at)
            if length > len(event) - at:
                raise IndexError
            if field in (_SIZE, _ALGORITHM, _PLAIN_SIZE):
                fields[field], end = packed_integer(event, at)
                if end != at + length:
                    raise ValueError("a field of a compressed transaction is malformed")
            at += length
        size = fields.get(_SIZE, -1)
        if not 0 <= len(event) - at - size <= trailing or size < 0:
            raise ValueError("a compressed transaction has not the size that it says")
        algorithm = fields.get(_ALGORITHM, -1)
        data = memoryview(event)[at : at + size]
        self._stream: _Stream
        if algorithm == _ZSTD:
            self._stream = by.stream_reader(data, read_across_frames=True)
        elif algorithm == _NONE:
            self._stream = io.BytesIO(data)
        else:
            raise ValueError(f"a transaction is compressed by an unknown algorithm ({algorithm})")
        self._left = fields.get(_PLAIN_SIZE, size if algorithm == _NONE else 0)  # bytes still to come
        self._partial = bytearray()  # of an event that is not complete
        self._wanted = HEADER  # so many bytes of it make more of it known
        self.done = False

    def take(self, size: int) -> list[bytes]:
        """The next events, of about `size` bytes together, but one at least; none at the end."""
        events: list[bytes] = []
        while not events and not self.done:
            # A long event grows by what is there, whatever length it claims.
            self._read(min(max(size, self._wanted - len(self._partial)), _PIECE_BYTES))
            if len(self._partial) >= self._wanted:
                self._cut(events)
            if not self._left:
                self._end()
        return events

    def _read(self, size: int) -> None:
        try:
            piece = self._stream.read(size)
        except zstandard.ZstdError as error:
            raise ValueError(f"a compressed transaction is damaged ({error})") from None
        if len(piece) > self._left:
            raise ValueError("a compressed transaction holds more than it says")
        if not piece and self._left:
            raise ValueError("a compressed transaction ends too early")
        self._left -= len(piece)
        self._partial += piece

    def _cut(self, events: list[bytes]) -> None:
        data = self._partial
        at = 0
        self._wanted = HEADER
        with memoryview(data) as view:
            while len(data) - at >= HEADER:
                size = int.from_bytes(view[at + 9 : at + 13], "little")
                if not HEADER <= size <= _LONGEST_EVENT:
                    raise ValueError("an event in a compressed transaction has an impossible length")
                if size > len(data) - at:
                    self._wanted = size
                    break
                events.append(bytes(view[at : at + size]))
                at += size
        del data[:at]

    def _end(self) -> None:
        self._read(1)
        if self._partial:
            raise ValueError("an event in a compressed transaction is cut off")
        self.done = True


def plain(event: bytes, table_id_size: int, trailing: int = 0) -> bytes:
    """The event that one of MariaDB's compressed ones stands for; its header keeps the length that it had.

    Args:
        event: all of it, header first.
        trailing: so many bytes may follow (a checksum that was not cut off).

    Raises:
        ValueError, IndexError: it is malformed.
    """
    kind = _PLAIN[event[4]]
    if kind == types.QUERY:
        at = 33 + number(event, 30, 2) + event[27]  # behind status variables and database
    else:
        at = HEADER + table_id_size + 2
        if kind >= types.WRITE_ROWS:  # version 2 has extra data, its length included in itself
            at += number(event, at, 2)
        count, at = packed_integer(event, at)
        at += (count + 7) // 8 * (2 if kind in _UPDATES else 1)
    return event[:4] + bytes([kind]) + event[5:at] + _inflated(event, at, trailing)


def _inflated(event: bytes, at: int, trailing: int) -> bytes:
    """A record: a byte with the algorithm and the width of the length, the length (big-endian), and zlib's data."""
    head = event[at]
    width = head & 7
    if head & 0xF0 != 0x80 or not 1 <= width <= 4:
        raise ValueError("an event is compressed by an unknown algorithm")
    at += 1 + width
    size = int.from_bytes(event[at - width : at], "big")
    if at > len(event) or not 0 < size <= _LONGEST_EVENT:
        raise ValueError("a compressed event has an impossible length")
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(memoryview(event)[at:], size + 1)
    except zlib.error as error:
        raise ValueError(f"a compressed event is damaged ({error})") from None
    if len(data) != size or not inflate.eof or len(inflate.unused_data) > trailing:
        raise ValueError("a compressed event has not the size that it says")
    return data
