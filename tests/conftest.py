"""Fixtures for real servers: each is started when the first test asks for it and serves the whole session.

A test takes its own databases on it: `with mysql.database() as database: …`. A server that cannot be started
fails the tests that need it, with the reason; nothing is skipped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests start some thousand processes, none of which should have to compile the modules that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from tests import servers  # noqa: E402

ROOT = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to test compiled modules that are older than their sources."""
    for built in [*ROOT.glob("daemon/**/*.so"), *ROOT.glob("connectors/**/*.so")]:
        source = built.with_name(built.name.partition(".")[0])
        newest = max(path.stat().st_mtime for path in source.parent.glob(f"{source.name}.p*") if path.is_file())
        if newest > built.stat().st_mtime:
            pytest.exit(f"{source.relative_to(ROOT)} has changed since it was compiled: run `make venv`", 2)


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """Commands that a test runs within its own process may set another."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[servers.MariaDB]:
    """MariaDB 10.11, row binlog with full metadata, GTIDs."""
    with servers.start("mariadb") as server:
        yield server


@pytest.fixture(scope="session")
def mysql() -> Iterator[servers.MySQL]:
    """MySQL 9.7 with GTIDs and binlog_row_metadata=FULL."""
    with servers.start("mysql") as server:
        yield server


@pytest.fixture(scope="session")
def mysql_defaults() -> Iterator[servers.MySQL]:
    """MySQL 9.7 with GTIDs off and binlog_row_metadata=MINIMAL, as most servers run."""
    with servers.start("mysql-defaults") as server:
        yield server


@pytest.fixture(scope="session")
def postgres15() -> Iterator[servers.Postgres]:
    """PostgreSQL 15 with wal_level=logical."""
    with servers.start("postgres15", in_memory=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgres16() -> Iterator[servers.Postgres]:
    """PostgreSQL 16 with wal_level=logical."""
    with servers.start("postgres16", in_memory=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgres18() -> Iterator[servers.Postgres]:
    """PostgreSQL 18 with wal_level=logical."""
    with servers.start("postgres18", in_memory=True) as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[servers.Kafka]:
    """Apache Kafka 4, one broker; use topics with a prefix from `servers.unique_name()`."""
    with servers.start("kafka") as server:
        yield server


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[servers.DynamoDB]:
    """DynamoDB Local, with credentials for it in the environment, where boto3 and started programs find them."""
    with pytest.MonkeyPatch.context() as environment, servers.start("dynamodb") as server:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        for name, value in servers.CREDENTIALS.items():
            environment.setenv(name, value)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield server
