"""MySQL packets: three bytes of length, one of sequence, and 16 MiB less a byte at most in one piece.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
"""

from __future__ import annotations

from tailrace_mysql.binlog.integers import cut

_CONTINUED = 0xFFFFFF


class Packets:
    """Cuts what a socket delivered into packets; a packet of several pieces comes out whole.

    Whoever wants the packets overrides `packet`.

    Attributes:
        pending: a packet holds more than was taken from it at once: `feed`, with nothing if need be, goes on with it,
            and only then with what follows. Until then nothing should be fed, because it gathers.
    """

    def __init__(self) -> None:
        self._partial = bytearray()  # of a packet that is not complete
        self._wanted = 4  # so many bytes of it make more of it known
        self._pieces: list[bytes] = []
        self.pending = False

    def packet(self, payload: bytes) -> None:
        """Takes one packet without its header."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Takes more from the packet that is `pending`."""

    def whole(self, chunk: bytes, at: int) -> int:
        """Takes several packets at once, of which the first begins at `at`; the place behind them, or 0."""
        return 0

    def feed(self, buffer: bytes | bytearray | memoryview, start: int, end: int) -> None:
        """Takes ``buffer[start:end]``, which the caller may overwrite afterwards."""
        chunk = bytes(memoryview(buffer)[start:end])
        if self.pending:
            self._partial += chunk
            self.go_on()
            if self.pending:
                return
            chunk = b""
        if self._partial:
            self._partial += chunk
            if len(self._partial) < self._wanted:
                return
            chunk = bytes(self._partial)
            self._partial.clear()
        at = 0
        size = len(chunk)
        self._wanted = 4
        while size - at >= 4:
            taken = self.whole(chunk, at)
            if taken:
                at = taken
                continue
            length = chunk[at] | chunk[at + 1] << 8 | chunk[at + 2] << 16
            packet_end = at + 4 + length
            if packet_end > size:
                self._wanted = 4 + length
                break
            payload = cut(chunk, at + 4, packet_end)
            at = packet_end
            if length == _CONTINUED:
                self._pieces.append(payload)
                continue
            if self._pieces:
                payload = b"".join([*self._pieces, payload])
                self._pieces.clear()
            self.packet(payload)
            if self.pending:
                break
        if at < size:
            self._partial += cut(chunk, at, size)
