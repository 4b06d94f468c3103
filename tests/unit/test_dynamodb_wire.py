"""DynamoDB requests as they go over the wire: signatures, answers in every form, connections that break."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    SSLError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tailrace_dynamodb.signature import Signer
from tailrace_dynamodb.wire import Wire

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
LOGIN = ReadOnlyCredentials(KEY, SECRET, "")


def headers(text: bytes) -> dict[str, str]:
    lines = text.decode().removesuffix("\r\n").split("\r\n")
    return dict(line.split(": " if ": " in line else ":", 1) for line in lines)


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzE//token=="])
def test_signatures_are_those_of_the_sdk(token: str) -> None:
    signer = Signer("localhost:8000", "/", "eu-west-1")
    login = ReadOnlyCredentials(KEY, SECRET, token)
    for body in (b"{}", b'{"TableName":"t"}'):
        found = headers(signer.sign("DynamoDB_20120810.PutItem", body, login, 1_800_000_000.5))
        request = AWSRequest(
            "POST",
            "http://localhost:8000/",
            data=body,
            headers={"X-Amz-Target": "DynamoDB_20120810.PutItem", "Host": "localhost:8000"},
        )
        auth = SigV4Auth(Credentials(KEY, SECRET, token or None), "dynamodb", "eu-west-1")
        request.context["timestamp"] = found["x-amz-date"]
        if token:
            request.headers["X-Amz-Security-Token"] = token
        request.headers["X-Amz-Date"] = found["x-amz-date"]
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        assert found["Authorization"].endswith(f"Signature={signature}")
        assert found.get("x-amz-security-token", "") == token


def test_another_login_is_signed_with_another_key() -> None:
    signer = Signer("h", "/", "r")
    one = signer.sign("t", b"", LOGIN, 0)
    other = signer.sign("t", b"", ReadOnlyCredentials(KEY, "another", ""), 0)
    assert one != other
    assert signer.sign("t", b"", LOGIN, 0) == one
    assert signer.sign("t", b"", LOGIN, 86400) != one


def answer(content: bytes, status: str = "200 OK", *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(content)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    return bool(end) and len(body) == int(head.rpartition(b"Content-Length: ")[2])


@contextmanager
def service(
    connections: Sequence[Sequence[Sequence[bytes]]], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """Serves these answers, in parts, on so many connections; each is closed behind its last answer.

    Yields the endpoint, and what was asked.
    """
    asked: list[bytes] = []

    def serve() -> None:
        for answers in connections:
            sock, _ = listener.accept()
            if tls is not None:
                try:
                    sock = tls.wrap_socket(sock, server_side=True)
                except (ssl.SSLError, ConnectionError):
                    sock.close()
                    continue
            with sock, suppress(ConnectionError):
                for parts in answers:
                    request = sock.recv(1 << 16)
                    while not whole(request):
                        request += sock.recv(1 << 16)
                    asked.append(request)
                    for part in parts:
                        sock.sendall(part)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{listener.getsockname()[1]}", asked
        thread.join(10)
        assert not thread.is_alive(), "not all connections were made, or not all requests sent"


def wire(endpoint: str, login: Callable[[], ReadOnlyCredentials] | None = lambda: LOGIN, ca: str = "") -> Wire:
    return Wire(endpoint, "eu-west-1", login, ca, "tailrace/test")


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [answer(b'{"A":1}')],
        [bytes([byte]) for byte in answer(b'{"A":1}', "200 OK", "Server: x")],
        [CHUNKED + b'4\r\n{"A"\r\n3;x=y\r\n:1}\r\n0\r\n\r\n'],
        [CHUNKED + b'7\r\n{"A"', b":1}", b"\r\n", b"0\r\n", b"\r\n"],
        [b'HTTP/1.0 200 OK\r\n\r\n{"A"', b":1}"],
    ],
    ids=["whole", "byte by byte", "chunked", "chunks in parts", "to the end"],
)
def test_an_answer_is_read_in_whatever_form_it_comes(parts: list[bytes]) -> None:
    with service([[parts]]) as (endpoint, asked), closing(wire(endpoint)) as client:
        assert client.request("PutItem", {"Item": {"k": {"B": b"\x00\xff"}}}) == {"A": 1}
    assert asked[0].startswith(b"POST / HTTP/1.1\r\nHost: 127.0.0.1:")
    assert asked[0].endswith(b'\r\n\r\n{"Item":{"k":{"B":"AP8="}}}')


def test_a_connection_is_used_again_until_the_service_closes_it() -> None:
    closing_answer = answer(b"{}", "200 OK", "Connection: close")
    connections = [[[answer(b"{}")], [answer(b"{}")]], [[answer(b"{}")], [closing_answer]], [[answer(b"{}")]]]
    with service(connections) as (endpoint, asked), closing(wire(endpoint)) as client:
        for _ in range(5):  # the third finds the first connection closed
            assert client.request("PutItem", {}) == {}
    assert len(asked) == 5


def test_a_refusal_is_the_sdk_s() -> None:
    refused = answer(b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"m"}', "400 Bad")
    with (
        service([[[refused], [answer(b"<html>", "503 Unavailable")]]]) as (endpoint, _),
        closing(wire(endpoint)) as client,
    ):
        with pytest.raises(ClientError) as caught:
            client.request("PutItem", {})
        assert caught.value.response["Error"] == {"Code": "ThrottlingException", "Message": "m"}
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        with pytest.raises(ClientError) as caught:
            client.request("PutItem", {})
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


@pytest.mark.parametrize(
    "parts",
    [[], [b"HTTP/1.1 200 OK\r\nContent-Le"], [answer(b'{"A":1}')[:-2]], [b"SSH-2.0\r\n\r\n"], [answer(b"{")]],
    ids=["nothing", "half a head", "half a content", "no HTTP", "no JSON"],
)
def test_no_whole_answer_is_a_lost_connection(parts: list[bytes]) -> None:
    with (
        service([[parts]]) as (endpoint, _),
        closing(wire(endpoint)) as client,
        pytest.raises(ConnectionClosedError),
    ):
        client.request("PutItem", {})


def test_nobody_there_and_no_login() -> None:
    with closing(wire("http://127.0.0.1:1")) as client, pytest.raises(EndpointConnectionError):
        client.request("PutItem", {})
    with closing(wire("http://127.0.0.1:1", None)) as client, pytest.raises(NoCredentialsError):
        client.request("PutItem", {})


def certificate(folder: Path, address: str) -> Path:
    """The file of a certificate for this address that has signed itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{address}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.mark.parametrize(
    ("shown", "trusted", "good"), [("127.0.0.1", "127.0.0.1", True), ("127.0.0.1", "127.0.0.2", False)]
)
def test_over_tls_the_service_s_certificate_must_be_trusted(
    tmp_path: Path, shown: str, trusted: str, good: bool
) -> None:
    files = {address: certificate(tmp_path, address) for address in {shown, trusted}}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[shown])
    answers = [[[answer(b"{}")], [answer(b'{"A":1}')]]]
    with (
        service(answers, context) as (endpoint, _),
        closing(wire(endpoint, ca=str(files[trusted]))) as client,
    ):
        if good:
            assert client.request("PutItem", {}) == {}
            assert client.request("PutItem", {"Item": {"S": "x" * 100_000}}) == {"A": 1}
        else:
            with pytest.raises(SSLError):
                client.request("PutItem", {})


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    file = certificate(tmp_path, "127.0.0.9")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with (
        service([[[answer(b"{}")]]], context) as (endpoint, _),
        closing(wire(endpoint, ca=str(file))) as client,
        pytest.raises(SSLError),
    ):
        client.request("PutItem", {})
