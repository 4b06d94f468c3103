"""The `tls` table: what each mode verifies, shown by handshakes."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tailrace.config import Tls, parse
from tailrace.errors import ConfigError


class Authority:
    """A certificate authority in a folder: `ca.pem`, and a certificate for 127.0.0.1 in `server.pem`."""

    def __init__(self, folder: Path) -> None:
        self.ca = folder / "ca.pem"
        self.server = folder / "server.pem"
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        ca = self._certificate(ca_name, ca_name, ca_key.public_key())
        ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.ca.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        server = self._certificate(ca_name, name, key.public_key()).add_extension(address, critical=False)
        self.server.write_bytes(
            server.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    @staticmethod
    def _certificate(issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .issuer_name(issuer)
            .subject_name(subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "ours").mkdir()
    return Authority(tmp_path / "ours")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    (tmp_path / "theirs").mkdir()
    return Authority(tmp_path / "theirs")


def handshake(client: ssl.SSLContext, server_file: Path, host: str) -> None:
    """A handshake in memory; raises ssl.SSLError where the client refuses the server."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(server_file)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while sides:
        for side in list(sides):
            try:
                side.do_handshake()
                sides.remove(side)
            except ssl.SSLWantReadError:
                pass


def test_require_verifies_nothing(stranger: Authority) -> None:
    handshake(Tls(mode="require").ssl_context(), stranger.server, "elsewhere")


def test_verify_ca_refuses_a_stranger_and_takes_any_host(authority: Authority, stranger: Authority) -> None:
    context = Tls(mode="verify-ca", ca=str(authority.ca)).ssl_context()
    handshake(context, authority.server, "elsewhere")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, stranger.server, "127.0.0.1")


def test_verify_full_refuses_another_host(authority: Authority, stranger: Authority) -> None:
    context = Tls(mode="verify-full", ca=str(authority.ca)).ssl_context()
    handshake(context, authority.server, "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, authority.server, "127.0.0.2")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, stranger.server, "127.0.0.1")


def test_verify_full_trusts_the_systems_authorities_by_default(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(Tls(mode="verify-full").ssl_context(), authority.server, "127.0.0.1")


def test_libpq() -> None:
    assert Tls(mode="require").libpq() == {"sslmode": "require"}
    assert Tls(mode="verify-full").libpq() == {"sslmode": "verify-full", "sslrootcert": "system"}
    assert Tls(mode="verify-ca", ca="/ca", cert="/c").libpq() == {
        "sslmode": "verify-ca",
        "sslrootcert": "/ca",
        "sslcert": "/c",
        "sslkey": "/c",
    }
    assert Tls(mode="require", cert="/c", key="/k").libpq()["sslkey"] == "/k"


def test_files_are_checked_before_anything_is_opened(authority: Authority) -> None:
    missing = authority.ca.parent / "missing.pem"
    pipeline = parse(
        'name = "shop"\n[source]\nconnector = "mysql"\nurl = "mysql://repl@127.0.0.1/shop"\n'
        f'tls = {{ mode = "verify-full", ca = "{missing}", cert = "{authority.server}" }}\n',
        "shop.toml",
    )
    with pytest.raises(ConfigError) as caught:
        pipeline.resolve_secrets()
    expected = f"shop.toml: source.tls.ca: there is no file {missing}; correct the path"
    assert str(caught.value) == expected
    with pytest.raises(ConfigError) as caught:
        pipeline.source.tls.ssl_context()
    assert str(caught.value) == expected


def test_a_file_that_is_no_certificate(authority: Authority) -> None:
    with pytest.raises(ConfigError, match="holds no certificate and key that fit"):
        Tls(mode="require", cert=str(authority.ca)).ssl_context()
    junk = authority.ca.parent / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(ConfigError, match="holds no certificate"):
        Tls(mode="verify-ca", ca=str(junk)).ssl_context()
