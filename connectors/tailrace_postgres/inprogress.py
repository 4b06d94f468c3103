"""Transactions that the server sends while they are in progress: kept here until they commit, or roll back.

A transaction that outgrows `logical_decoding_work_mem` comes in blocks, with the messages of its sub-transactions among
its own. Messages stay in memory up to a bound for all transactions together; then those of the largest one move to a
file of its own. The files have no names, so that nothing is left of them however we end; what was in them the server
sends again. PostgreSQL manual, "Streaming of Large Transactions for Logical Decoding".
"""

from __future__ import annotations

import os
import tempfile
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import IO

from tailrace.errors import TailraceError, UnreachableError
from tailrace_postgres.integers import u32

#: Messages in memory, of all transactions together, where nobody says otherwise.
HELD_BYTES = 8 << 20
#: Messages that are read back at a time.
READ_BYTES = 256 << 10

_XID = 26  # where the sub-transaction's id stands in a message: after XLogData's header and the message's kind
_LENGTH = 4  # of a message, kept in front of it


class Streamed:
    """The messages of one transaction, in the order in which they came.

    First `add` and `drop`, then `next` until there are no more.

    Attributes:
        chunk: bytes that the message lies in which `next` has come to: XLogData, as it arrived.
        start: where it begins there.
        end: where it ends.
    """

    def __init__(self, folder: Path | None) -> None:
        self.chunk = b""
        self.start = 0
        self.end = 0
        self._folder = folder
        self._memory = bytearray()  # after what is in the file
        self._file: IO[bytes] | None = None
        # Ids of the sub-transactions that were rolled back, ascending. Four bytes for each, where the server itself
        # keeps some hundred.
        self._dropped = array("I")
        self._xid = -1  # of the latest message read, and whether it is passed over
        self._passing = False

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return len(self._memory)

    def add(self, message: bytes, start: int, end: int) -> None:
        """Appends a message of at least 30 bytes."""
        self._memory += (end - start).to_bytes(_LENGTH, "big")
        self._memory += message if start == 0 and end == len(message) else message[start:end]

    def drop(self, xid: int) -> None:
        """Passes over all messages of a sub-transaction."""
        at = bisect_left(self._dropped, xid)
        if at == len(self._dropped) or self._dropped[at] != xid:
            self._dropped.insert(at, xid)

    def spill(self) -> None:
        """Moves what is in memory to the file.

        Raises:
            UnreachableError: it does not take it.
        """
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._file.write(self._memory)
        except OSError as error:
            raise self._unwritable(error) from None
        self._memory = bytearray()

    def rewind(self) -> None:
        """Before the first `next`.

        Raises:
            UnreachableError: the file cannot be read.
        """
        if self._file is not None:
            try:
                self._file.seek(0)
            except OSError as error:
                raise self._unwritable(error) from None

    def next(self) -> bool:
        """Goes on to the next message that was not rolled back; False where there is none.

        Raises:
            UnreachableError: the file cannot be read.
        """
        while True:
            at = self.end + _LENGTH
            if at > len(self.chunk) or at + u32(self.chunk, self.end) > len(self.chunk):
                if not self._read_on():
                    return False
                continue
            self.start = at
            self.end = at + u32(self.chunk, self.end)
            xid = u32(self.chunk, at + _XID)
            if xid != self._xid:
                self._xid = xid
                found = bisect_left(self._dropped, xid)
                self._passing = found < len(self._dropped) and self._dropped[found] == xid
            if not self._passing:
                return True

    def close(self) -> None:
        self._memory = bytearray()
        self.chunk = b""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read_on(self) -> bool:
        """Puts more messages behind the rest of the chunk."""
        rest = self.chunk[self.end :]
        more = b""
        if self._file is not None:
            wanted = READ_BYTES
            if len(rest) >= _LENGTH:
                wanted = max(wanted, _LENGTH + u32(rest, 0) - len(rest))
            try:
                more = self._file.read(wanted)
                if not more:
                    self._file.close()
                    self._file = None
            except OSError as error:
                raise self._unwritable(error) from None
        if not more:
            more = bytes(self._memory)
            self._memory = bytearray()
        self.chunk = rest + more
        self.start = self.end = 0
        return bool(more)

    def _unwritable(self, error: OSError) -> TailraceError:
        return UnreachableError(
            f"a file for a transaction in progress: {os.strerror(error.errno or 0)}",
            where=str(self._folder or tempfile.gettempdir()),
            fix="make room there; with `streaming = false` in [source] the server keeps such transactions",
        )


class InProgress:
    """All transactions in progress.

    Args:
        bound: bytes that their messages may take in memory, together; more of them go into files.
        folder: where the files are made; None: the system's folder for such.
    """

    def __init__(self, bound: int = HELD_BYTES, folder: Path | None = None) -> None:
        self._bound = bound
        self._folder = folder
        self._held = 0
        self._current: Streamed | None = None
        self._taken: Streamed | None = None
        self._found: dict[int, Streamed] = {}

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._held

    def begin(self, xid: int, first: bool) -> bool:
        """A block of a transaction begins. False: it is its first one, and there was one before, or the other way."""
        if first == (xid in self._found):
            return False
        if first:
            self._found[xid] = Streamed(self._folder)
        self._current = self._found[xid]
        return True

    def add(self, message: bytes, start: int, end: int) -> None:
        """Keeps a message of the block.

        Raises:
            UnreachableError: there is no room for it.
        """
        assert self._current is not None
        self._current.add(message, start, end)
        self._held += _LENGTH + end - start
        if self._held > self._bound:
            self._spill()

    def abort(self, xid: int, sub: int) -> None:
        """A sub-transaction was rolled back, or the whole one. Of an unknown one there is nothing to drop.

        PostgreSQL 18 tells of transactions of which it has sent nothing.
        """
        if xid == sub:
            streamed = self.take(xid)
            if streamed is not None:
                streamed.close()
        elif xid in self._found:
            self._found[xid].drop(sub)

    def take(self, xid: int) -> Streamed | None:
        """Hands over what there is of a transaction; the caller closes it, where `close` does not come first."""
        streamed = self._found.pop(xid, None)
        if streamed is not None:
            self._held -= streamed.held
            self._taken = streamed
        return streamed

    def close(self) -> None:
        if self._taken is not None:
            self._taken.close()
        for streamed in self._found.values():
            streamed.close()
        self._found.clear()
        self._current = None
        self._held = 0

    def _spill(self) -> None:
        largest: Streamed | None = None
        for streamed in self._found.values():
            if largest is None or streamed.held > largest.held:
                largest = streamed
        assert largest is not None
        held = largest.held
        largest.spill()
        self._held -= held
