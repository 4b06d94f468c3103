"""A network that hands on what a server sends in small pieces."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator


class _Link:
    """One client's connection, handed on in both directions."""

    def __init__(self, client: socket.socket, address: tuple[str, int], sizes: list[int]) -> None:
        self.client, self.server = client, socket.create_connection(address)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.threads = [
            threading.Thread(target=self._hand_on, args=(self.client, self.server, [1 << 16])),
            threading.Thread(target=self._hand_on, args=(self.server, self.client, sizes)),
        ]
        for thread in self.threads:
            thread.start()

    def _hand_on(self, source: socket.socket, target: socket.socket, sizes: list[int]) -> None:
        with contextlib.suppress(OSError):
            for size in itertools.cycle(sizes):
                data = source.recv(size)
                if not data:
                    break
                target.sendall(data)
        self.close()

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def in_pieces(address: tuple[str, int], sizes: list[int]) -> Iterator[int]:
    """A port of 127.0.0.1 that leads to `address`; from there come pieces of these sizes, again and again."""
    links: list[_Link] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                links.append(_Link(listener.accept()[0], address, sizes))

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()
        for link in links:
            link.close()
            for each in link.threads:
                each.join()
            link.client.close()
            link.server.close()
