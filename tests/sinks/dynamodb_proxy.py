"""An HTTP proxy before a DynamoDB endpoint that a test can make slow down, refuse or lose requests."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

#: Instead of an answer: the request is let through, and the connection closed without DynamoDB's answer.
LOST = (0, dict[str, Any]())

#: (operation, request) → (status, answer) instead of DynamoDB's, or None to let the request through. The request may
#: be changed in place.
Rule = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]] | None]


def failure(code: str, message: str = "") -> tuple[int, dict[str, Any]]:
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}


class Proxy:
    """Attributes:
    rule: judges each request; None lets all through.
    operations: what was asked, in order.
    """

    def __init__(self, endpoint: str) -> None:
        self._target = urlsplit(endpoint)
        self.rule: Rule | None = None
        self.operations: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, operation: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        self.operations.append(operation)
        request = json.loads(body)
        judged = self.rule(operation, request) if self.rule else None
        if judged is not None and judged is not LOST:
            return judged[0], json.dumps(judged[1]).encode()
        assert self._target.hostname is not None
        connection = http.client.HTTPConnection(self._target.hostname, self._target.port, timeout=30)
        try:
            headers["Content-Length"] = str(len(sent := json.dumps(request).encode()))
            connection.request("POST", "/", sent, headers)
            response = connection.getresponse()
            answer = response.read()
            return (0, b"") if judged is LOST else (response.status, answer)
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                dropped = {"host", "content-length", "connection", "accept-encoding"}
                headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
                status, answer = proxy._answer(operation, body, headers)
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Handler
