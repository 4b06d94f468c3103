"""Requests to DynamoDB as they go over the wire: JSON by HTTP/1.1 with a signature.

The SDK spends 700 µs of CPU on a request that writes a row of ten columns, this a seventh of it. What is asked seldom
goes through the SDK; where the service is, whom to trust and how to log in are the SDK's to know in any case.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from tailrace_dynamodb.signature import Signer

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

CONNECT_SECONDS, ANSWER_SECONDS = 5, 20
_LARGEST_ANSWER = 64 << 20
_RECEIVED = 64 << 10
#: The service ends a connection on which more comes, without an answer.
_LARGEST_REQUEST = 16 << 20
#: What it then would have said, as the error's code.
TOO_LARGE = "RequestEntityTooLarge"


class Wire:
    """One endpoint; usable from several threads, each request on a connection that nobody else uses meanwhile.

    Args:
        endpoint: the service's URL.
        credentials: gives those that hold now; None where there are none.
        ca: the file of certificates to trust.
    """

    def __init__(
        self, endpoint: str, region: str, credentials: Callable[[], ReadOnlyCredentials] | None, ca: str, agent: str
    ) -> None:
        self._endpoint = endpoint
        url = urlsplit(endpoint)
        self._tls = ssl.create_default_context(cafile=ca) if url.scheme == "https" else None
        default = 443 if self._tls else 80
        self._name = url.hostname or ""
        self._port = url.port or default
        host = f"[{self._name}]" if ":" in self._name else self._name
        host = host if self._port == default else f"{host}:{self._port}"
        path = url.path or "/"
        self._credentials = credentials
        self._signer = Signer(host, path, region)
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n"
            "Content-Type: application/x-amz-json-1.0\r\n"
        ).encode()
        self._idle: deque[_Connection] = deque()
        self._closed = False

    def request(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The answer; `operation` as the protocol names it, ``"PutItem"``.

        Raises:
            ClientError: the service refused it.
            BotoCoreError: there was no answer; the request may have been done.
        """
        if self._credentials is None:
            raise NoCredentialsError
        body = orjson.dumps(parameters, default=_base64)
        if len(body) > _LARGEST_REQUEST:
            raise _refusal(operation, 413, {"__type": TOO_LARGE, "message": f"{len(body):,} bytes"})
        signed = self._signer.sign(f"DynamoDB_20120810.{operation}", body, self._credentials(), time.time())
        status, answer = self._exchange(b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, signed, len(body), body))
        try:
            content = orjson.loads(answer) if answer else {}
        except orjson.JSONDecodeError:
            if status < 300:
                raise ConnectionClosedError(endpoint_url=self._endpoint) from None
            content = {}
        if status < 300:
            return dict(content)
        raise _refusal(operation, status, content)

    def close(self) -> None:
        self._closed = True
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                status, answer, stays = connection.exchange(request)
            except TimeoutError:
                connection.close()
                raise ReadTimeoutError(endpoint_url=self._endpoint) from None
            except (OSError, ValueError):
                connection.close()
                # The service ends a connection that nobody used for a while, and we notice only now.
                if connection.used:
                    continue
                raise ConnectionClosedError(endpoint_url=self._endpoint) from None
            except BaseException:
                connection.close()
                raise
            connection.used = True
            if stays and not self._closed:
                self._idle.append(connection)
            else:
                connection.close()
            return status, answer

    def _connect(self) -> _Connection:
        try:
            plain = socket.create_connection((self._name, self._port), CONNECT_SECONDS)
        except TimeoutError:
            raise ConnectTimeoutError(endpoint_url=self._endpoint) from None
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._endpoint, error=error) from None
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock = self._tls.wrap_socket(plain, server_hostname=self._name) if self._tls else plain
            sock.settimeout(ANSWER_SECONDS)
        except OSError as error:
            plain.close()
            if isinstance(error, ssl.SSLError):
                raise SSLError(endpoint_url=self._endpoint, error=error) from None
            raise EndpointConnectionError(endpoint_url=self._endpoint, error=error) from None
        return _Connection(sock)


class _Connection:
    """One connection, one request at a time.

    Attributes:
        used: it has carried an answer.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.used = False

    def exchange(self, request: bytes) -> tuple[int, bytes, bool]:
        """Status, content, and whether the connection can be used again (RFC 9112).

        Raises:
            OSError: the connection broke.
            ValueError: what came is no answer.
        """
        self._socket.sendall(request)
        received = self._more()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
            if len(received) > _LARGEST_ANSWER:
                raise ValueError("an endless answer")
        first, *lines = received[:end].split(b"\r\n")
        version, status, *_ = first.split(b" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        rest = received[end + 4 :]
        stays = version == b"HTTP/1.1" and headers.get(b"connection", b"").lower() != b"close"
        if (length := headers.get(b"content-length")) is not None:
            content = self._exactly(rest, int(length))
        elif headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            content = self._chunks(rest)
        else:
            content, stays = rest, False
            while part := self._socket.recv(_RECEIVED):
                content += part
        return int(status), content, stays

    def close(self) -> None:
        with suppress(OSError):
            self._socket.close()

    def _more(self) -> bytes:
        received = self._socket.recv(_RECEIVED)
        if not received:
            raise ConnectionResetError("closed by the service")
        return received

    def _exactly(self, received: bytes, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_ANSWER:
            raise ValueError("an endless answer")
        while len(received) < size:
            received += self._more()
        if len(received) > size:
            raise ValueError("more than the answer")
        return received

    def _chunks(self, received: bytes) -> bytes:
        content = b""
        while True:
            while (end := received.find(b"\r\n")) < 0:
                received += self._more()
            size = int(received[:end].partition(b";")[0], 16)
            whole = end + 2 + size + 2
            if not 0 <= size <= _LARGEST_ANSWER - len(content):
                raise ValueError("an endless answer")
            while len(received) < whole:
                received += self._more()
            content += received[end + 2 : whole - 2]
            received = received[whole:]
            if not size:
                return content


def _base64(value: object) -> str:
    """An attribute of bytes."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _refusal(operation: str, status: int, content: Any) -> ClientError:
    """As the SDK would raise it."""
    described = content if isinstance(content, dict) else {}
    code = str(described.get("__type") or status).partition(":")[0].rpartition("#")[2]
    message = described.get("message") or described.get("Message") or ""
    response: Any = {"Error": {"Code": code, "Message": str(message)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)
