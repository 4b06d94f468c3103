"""A server that changes its keys in the middle of a TLS session (RFC 8446, section 4.6.3), as long sessions do."""

from __future__ import annotations

import contextlib
import ctypes
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from tests import servers
from tests.integration.mysql_capture import capturing, create_t
from tests.servers.sql import Login

#: Payload and header of the packet with which a client asks for TLS.
_SSL_REQUEST_BYTES = 36


def _update_keys(session: ssl.SSLSocket) -> None:
    """Python's module does not offer it; OpenSSL's object is the second member of the socket's own."""
    library = ctypes.CDLL("libssl.so.3")
    library.SSL_key_update.argtypes = [ctypes.c_void_p, ctypes.c_int]
    members = id(session._sslobj) + object.__basicsize__  # type: ignore[attr-defined]
    openssl = ctypes.c_void_p.from_address(members + ctypes.sizeof(ctypes.c_void_p))
    assert library.SSL_key_update(openssl, 1) == 1  # and asks for the same


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece
        data += piece
    return data


def _hand_on(client: socket.socket, server: socket.socket, certificate: ssl.SSLContext, updates: list[str]) -> None:
    """One connection, deciphered in between; new keys come before whatever the server sends."""
    head = _exactly(server, 4)
    client.sendall(head + _exactly(server, int.from_bytes(head[:3], "little")))
    server.sendall(_exactly(client, _SSL_REQUEST_BYTES))
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        anybody.wrap_socket(server) as inner,
        certificate.wrap_socket(client, server_side=True) as outer,
    ):
        while True:
            waiting = [end for end in (inner, outer) if end.pending()]
            for end in waiting or select.select([inner, outer], [], [])[0]:
                end.settimeout(0)
                try:
                    data = end.recv(1 << 16)
                except ssl.SSLWantReadError:
                    continue  # a record of TLS's own
                finally:
                    end.settimeout(10)
                if not data:
                    return
                if end is inner:
                    updates.append(outer.version() or "")  # none while keys are changed
                    _update_keys(outer)
                (outer if end is inner else inner).sendall(data)


@contextlib.contextmanager
def updating(login: Login, certificates: Path, updates: list[str]) -> Iterator[int]:
    """A port that leads to the server; notes the version of TLS at each update of keys."""
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_cert_chain(certificates / "server-cert.pem", certificates / "server-key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                pair = (listener.accept()[0], socket.create_connection((login.host, login.port)))
                ends.extend(pair)
                threads.append(threading.Thread(target=_hand_on, args=(*pair, certificate, updates), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)


def test_keys_that_change_in_the_middle_of_the_log(mysql: servers.MySQL) -> None:
    updates: list[str] = []
    certificates = Path(mysql.query("SELECT @@datadir")[0][0])
    with mysql.database() as database, updating(mysql.login, certificates, updates) as port:
        create_t(database)
        url = database.url.replace(f":{mysql.login.port}", f":{port}")
        with capturing(database, url=url, settings={"tls": {"mode": "require"}}) as capture:
            capture.read()
            known = len(updates)
            for start in range(0, 6000, 300):
                values = ", ".join(f"({number}, 'xxxxxxxxxxxxxxx', 1)" for number in range(start, start + 300))
                database.execute(f"INSERT INTO t VALUES {values}")
                capture.read(0.01)
            capture.catch_up()
            assert [event.value["after"]["id"] for event in capture.events if event.value] == list(range(6000))
            assert len(updates) > known + 10
            assert set(updates) == {"TLSv1.3"}
