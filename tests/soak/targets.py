"""What a line writes into: whether a marker has come there, and what a reader sees in one snapshot."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import servers
from tests.pipelines import failing, text
from tests.pipelines.bank import ACCOUNTS, connected, read_rows
from tests.servers import Database, unique_name
from tests.soak.load import COUNTERS, MARKERS

_SNAPSHOT = f"SELECT (SELECT SUM(balance) FROM {ACCOUNTS}), (SELECT SUM(version) FROM {COUNTERS})"
SQLITE_SECONDS = 0.2


class Target(failing.Target):
    """
    Args:
        holds: whether the marker of this number is there.
        look: the sums of balances and of versions, in one snapshot; None: it has none.
        path: of a file that can be locked.
    """

    def __init__(
        self,
        name: str,
        sink: str,
        holds: Callable[[int], bool],
        read: Callable[[str], list[dict[str, Any]]] | None = None,
        look: Callable[[], tuple[int, int]] | None = None,
        path: Path | None = None,
    ) -> None:
        super().__init__(name, sink, read)
        self.holds = holds
        self.look = look
        self.path = path


def sql(name: str, database: Database, url: str = "") -> Target:
    """Of a server; `url`: as the daemon goes to it."""

    def first(query: str) -> Any:
        with contextlib.closing(connected(database)) as connection, contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(query)
            return cursor.fetchone()

    return Target(
        name,
        text.sink(name, url or database.url),
        lambda number: first(f"SELECT id FROM {MARKERS} WHERE id = {number}") is not None,
        lambda table: read_rows(database, table),
        lambda: _sums(first(_SNAPSHOT)),
    )


def lite(folder: Path) -> Target:
    """A file of SQLite."""
    path = folder / "target.db"

    def first(query: str) -> Any:
        with contextlib.closing(sqlite3.connect(path, timeout=SQLITE_SECONDS)) as connection:
            return connection.execute(query).fetchone()

    return Target(
        "lite",
        text.sink("lite", f"sqlite:///{path}"),
        lambda number: first(f"SELECT id FROM {MARKERS} WHERE id = {number}") is not None,
        lambda table: failing.read_sqlite(path, table),
        lambda: _sums(first(_SNAPSHOT)),
        path,
    )


def kv(server: servers.DynamoDB) -> Target:
    """Tables of DynamoDB with a prefix of their own."""
    prefix = f"{unique_name('soak')}-"
    settings = {"connector": "dynamodb", "endpoint_url": server.endpoint, "region": servers.REGION, "prefix": prefix}
    sink = "".join(f'{key} = "{value}"\n' for key, value in settings.items())

    def holds(number: int) -> bool:
        found = server.client().get_item(TableName=f"{prefix}{MARKERS}", Key={"id": {"N": str(number)}})
        return "Item" in found

    return Target("kv", f'[[sinks]]\nname = "kv"\n{sink}', holds)


def _sums(found: tuple[Any, Any]) -> tuple[int, int]:
    return int(found[0]), int(found[1])
