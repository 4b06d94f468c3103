"""Fixtures for real servers: each is started when the first test asks for it and serves the whole session.

A test takes its own databases on it: `with mysql.database() as database: …`. A server that cannot be started
fails the tests that need it, with the reason; nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import servers


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
    """MySQL 9.7 as it comes: GTIDs off, binlog_row_metadata=MINIMAL."""
    with servers.start("mysql-defaults") as server:
        yield server


@pytest.fixture(scope="session")
def postgres15() -> Iterator[servers.Postgres]:
    """PostgreSQL 15 with wal_level=logical."""
    with servers.start("postgres15") as server:
        yield server


@pytest.fixture(scope="session")
def postgres16() -> Iterator[servers.Postgres]:
    """PostgreSQL 16 with wal_level=logical."""
    with servers.start("postgres16") as server:
        yield server


@pytest.fixture(scope="session")
def postgres18() -> Iterator[servers.Postgres]:
    """PostgreSQL 18 with wal_level=logical."""
    with servers.start("postgres18") as server:
        yield server
