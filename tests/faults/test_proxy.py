"""The proxy of the other tests does what its modes say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults import proxy
from tests.faults.proxy import Proxy


@pytest.fixture
def link() -> Iterator[Proxy]:
    """Before a server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    def echo(connection: socket.socket) -> None:
        with connection:
            try:
                while piece := connection.recv(65536):
                    connection.sendall(piece)
            except OSError:
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    with proxy.start("127.0.0.1", listener.getsockname()[1]) as made:
        yield made
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def connect(link: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=5)


def echoed(client: socket.socket, data: bytes, seconds: float = 5) -> bytes:
    """What comes back within so long."""
    client.sendall(data)
    return received(client, len(data), seconds)


def received(client: socket.socket, size: int, seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    answer = b""
    try:
        while len(answer) < size and (left := deadline - time.monotonic()) > 0:
            client.settimeout(left)
            piece = client.recv(65536)
            if not piece:
                break
            answer += piece
    except TimeoutError:
        pass
    return answer


def echo_on(client: socket.socket) -> None:
    """Until the connection is lost."""
    for _ in range(1000):
        if not echoed(client, b"b"):
            raise ConnectionError("the other side has ended it")
        time.sleep(0.01)


def test_bytes_go_through_and_so_does_the_end(link: Proxy) -> None:
    data = bytes(range(256)) * 8192
    with connect(link) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        assert received(client, len(data), 10) == data
        sender.join()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert link.connections == 1


def test_a_cut_link_refuses_and_comes_back(link: Proxy) -> None:
    with connect(link) as client:
        assert echoed(client, b"a") == b"a"
        link.mode("cut")
        with pytest.raises(ConnectionError):
            echo_on(client)
    with pytest.raises(ConnectionRefusedError):
        connect(link)
    link.mode("pass")
    with connect(link) as client:
        assert echoed(client, b"d") == b"d"


def test_a_black_hole_swallows_and_gives_back_later(link: Proxy) -> None:
    with connect(link) as client:
        assert echoed(client, b"a") == b"a"
        link.mode("black hole")
        assert echoed(client, b"b", 0.3) == b""
        with connect(link) as another:
            assert echoed(another, b"c", 0.3) == b""
            link.mode("pass")
            assert received(client, 1, 5) == b"b"
            assert received(another, 1, 5) == b"c"
            link.mode("forgotten")
            assert echoed(client, b"d", 0.3) == b""
        with connect(link) as new:
            assert echoed(new, b"e") == b"e"


def test_bytes_come_late_or_drip(link: Proxy) -> None:
    with connect(link) as client:
        link.mode("latency", seconds=0.2)
        begun = time.monotonic()
        assert echoed(client, b"a" * 200_000) == b"a" * 200_000
        assert 0.4 <= time.monotonic() - begun < 2
        link.mode("trickle", bytes_per_second=10)
        assert 1 <= len(echoed(client, b"b" * 50, 0.75)) <= 10
        link.mode("pass")
        assert set(received(client, 50, 1)) == {ord("b")}


def test_connections_are_reset_at_random(link: Proxy) -> None:
    with connect(link) as client:
        assert echoed(client, b"a") == b"a"
        link.mode("resets", seconds=0.05)
        with pytest.raises(ConnectionError):
            echo_on(client)
    with connect(link) as client, pytest.raises(ConnectionError):
        echo_on(client)
