"""MySQL packets: three bytes of length, one of sequence, and 16 MiB less a byte at most in one piece.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
"""

from __future__ import annotations

from collections.abc import Callable

_CONTINUED = 0xFFFFFF


class Packets:
    """Cuts what a socket delivered into packets; a packet of several pieces comes out whole."""

    def __init__(self, handle: Callable[[bytes], None]) -> None:
        self._handle = handle
        self._pending = bytearray()
        self._pieces: list[bytes] = []

    def feed(self, buffer: bytes | bytearray | memoryview, start: int, end: int) -> None:
        """Takes ``buffer[start:end]``, which the caller may overwrite afterwards."""
        pending = self._pending
        pending += memoryview(buffer)[start:end]
        at = 0
        size = len(pending)
        with memoryview(pending) as view:
            while size - at >= 4:
                length = pending[at] | pending[at + 1] << 8 | pending[at + 2] << 16
                packet_end = at + 4 + length
                if packet_end > size:
                    break
                payload = bytes(view[at + 4 : packet_end])
                at = packet_end
                if length == _CONTINUED:
                    self._pieces.append(payload)
                    continue
                if self._pieces:
                    payload = b"".join((*self._pieces, payload))
                    self._pieces.clear()
                self._handle(payload)
        del pending[:at]
