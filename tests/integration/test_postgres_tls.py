"""The PostgreSQL source over TLS: certificates are checked as told, and no data stays behind within OpenSSL."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tailrace.errors import RefusedError, UnreachableError
from tests.capture.postgres import Capture
from tests.servers import Database, start
from tests.servers.process import Account, temporary_folder


def self_signed(folder: Path, name: str, san: str) -> None:
    """A certificate that has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(san))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / f"{name}.key").chmod(0o600)


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    account = Account.unprivileged()
    folder = temporary_folder("tls", account)
    self_signed(folder, "good", "127.0.0.1")
    self_signed(folder, "stranger", "127.0.0.1")
    self_signed(folder, "elsewhere", "127.0.0.9")
    self_signed(folder, "certified", "127.0.0.1")
    if account is not None:
        account.own(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(certificates: Path) -> Iterator[Any]:
    options = {"ssl": "on", "ssl_cert_file": f"{certificates}/good.crt", "ssl_key_file": f"{certificates}/good.key"}
    with start("postgres15", options) as found:
        yield found


@pytest.fixture
def database(server: Any) -> Iterator[Database]:
    with server.database("pg") as found:
        found.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        yield found


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_load_and_stream_over_tls(database: Database, certificates: Path, mode: str) -> None:
    """Messages of every size around a TLS record's 16 KiB and libpq's reads of 8 KiB, bit by bit and in bulk."""
    tls = {"mode": mode} if mode == "require" else {"mode": mode, "ca": f"{certificates}/good.crt"}
    sizes = [1, 100, 4000, 8100, 8192, 9000, 16200, 16384, 16500, 40000, 100_000]
    for number, size in enumerate(sizes):
        database.execute("INSERT INTO t VALUES (%s, repeat('x', %s))", (number, size))
    with Capture(database, options={"tls": tls}) as capture:
        used = database.query(
            "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename IS NOT"
            " NULL AND application_name = 'tailrace'"
        )
        assert used == [(True,)]
        assert [len(row["v"]) for _, row in capture.load("t", limit_rows=3)] == sizes
        for number, size in enumerate(sizes):
            database.execute("INSERT INTO t VALUES (%s, repeat('y', %s))", (100 + number, size))
            (event,) = capture.catch_up()
            assert len(event.after["v"]) == size
        database.execute("INSERT INTO t SELECT 1000 + g, repeat('z', g * 7) FROM generate_series(1, 2000) g")
        assert [len(event.after["v"]) for event in capture.catch_up()] == [g * 7 for g in range(1, 2001)]


def test_a_session_that_is_ended_amid_a_backlog_is_named_over_tls_too(database: Database) -> None:
    with Capture(database, options={"tls": {"mode": "require"}}) as capture:
        capture.catch_up()
        database.execute("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g")
        capture.until(lambda: len(capture.events) > 100, limit_bytes=1000)
        database.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        with pytest.raises(UnreachableError, match="terminating connection due to administrator command"):
            capture.until(lambda: False)
        capture.reopen()
        capture.catch_up()
        assert [event.key["id"] for event in capture.events] == list(range(1, 20_001))


def test_a_client_proves_itself_by_certificate(certificates: Path) -> None:
    options = {
        "ssl": "on",
        "ssl_cert_file": f"{certificates}/good.crt",
        "ssl_key_file": f"{certificates}/good.key",
        "ssl_ca_file": f"{certificates}/certified.crt",
    }
    with start("postgres15", options) as server, server.database("pg") as database:
        database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE ROLE certified SUPERUSER LOGIN")
        rules = Path(database.value("SHOW hba_file"))
        rules.write_text(f"hostssl all certified 127.0.0.1/32 cert\n{rules.read_text()}")
        database.execute("SELECT pg_reload_conf()")
        url = database.url.replace("postgres@", "certified@")
        tls = {"mode": "verify-full", "ca": f"{certificates}/good.crt"}
        with pytest.raises(RefusedError, match="requires a valid client certificate"):
            Capture(database, url=url, options={"tls": tls}).open()
        tls |= {"cert": f"{certificates}/certified.crt", "key": f"{certificates}/certified.key"}
        with Capture(database, url=url, options={"tls": tls}) as capture:
            database.execute("INSERT INTO t VALUES (1)")
            assert [event.key["id"] for event in capture.catch_up()] == [1]


def test_a_certificate_of_somebody_else_is_refused(database: Database, certificates: Path) -> None:
    for mode in ("verify-ca", "verify-full"):
        options = {"tls": {"mode": mode, "ca": f"{certificates}/stranger.crt"}}
        with pytest.raises(RefusedError, match="certificate verify failed"):
            Capture(database, options=options).open()
    with pytest.raises(RefusedError, match=r"nosuch\.crt"):
        Capture(database, options={"tls": {"mode": "verify-ca", "ca": f"{certificates}/nosuch.crt"}}).open()


def test_a_certificate_for_another_host_is_refused_where_that_counts(certificates: Path) -> None:
    options = {
        "ssl": "on",
        "ssl_cert_file": f"{certificates}/elsewhere.crt",
        "ssl_key_file": f"{certificates}/elsewhere.key",
    }
    with start("postgres15", options) as server, server.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        ca = f"{certificates}/elsewhere.crt"
        with pytest.raises(RefusedError, match="does not match host name"):
            Capture(database, options={"tls": {"mode": "verify-full", "ca": ca}}).open()
        with Capture(database, options={"tls": {"mode": "verify-ca", "ca": ca}}) as capture:
            capture.catch_up()
