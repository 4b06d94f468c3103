"""Real servers for the tests: fetched once, started on free ports, ended whatever happens. See README.md.

with start("mariadb", options={"binlog-format": "STATEMENT"}) as server, server.database() as database:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY)")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .dynamodb import CREDENTIALS, REGION, DynamoDB
from .kafka import Kafka
from .mariadb import MariaDB
from .mysql import MySQL, MySQLDefaults
from .postgres import Postgres, Postgres15, Postgres16, Postgres18
from .process import ServerError, wait_until
from .server import Option, Server, external_address
from .sql import Database, SqlServer, unique_name

KINDS: dict[str, type[Server]] = {
    kind.kind: kind for kind in (MariaDB, MySQL, MySQLDefaults, Postgres15, Postgres16, Postgres18, Kafka, DynamoDB)
}

__all__ = [
    "CREDENTIALS",
    "KINDS",
    "REGION",
    "Database",
    "DynamoDB",
    "Kafka",
    "MariaDB",
    "MySQL",
    "Postgres",
    "Server",
    "ServerError",
    "SqlServer",
    "start",
    "unique_name",
    "wait_until",
]


def start(kind: str, options: Mapping[str, Option] | None = None, in_memory: bool = False) -> Any:
    """A running server of this kind (an instance of `KINDS[kind]`); end it with `stop()` or as a context manager.

    `options` are server settings over the kind's own; None removes one. With options it is always a server of
    its own; without, the kind's environment variable may name a developer's server. `in_memory`: its data lies in
    memory where there is plenty, for a server with many small databases. Raises `ServerError`.
    """
    try:
        server_class = KINDS[kind]
    except KeyError:
        raise ServerError(f"no server kind {kind!r}; there are {', '.join(KINDS)}") from None
    external = None if options else external_address(server_class.environment)
    server = server_class(options, external)
    server.in_memory = in_memory
    return server.start()
