"""What becomes of a chunk whose rows change between its view and the moment in which it goes out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tailrace_postgres.connection import Connection
from tailrace_postgres.wal import log_end
from tests.capture.postgres import Capture
from tests.capture.session import Running
from tests.servers import Database


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("races") as found:
        yield found


@pytest.mark.parametrize(
    ("statement", "op", "row"),
    [
        ("UPDATE t SET v = 'new' WHERE id = 1", "u", {"id": 1, "v": "new"}),
        ("DELETE FROM t WHERE id = 1", "d", {"id": 1}),
    ],
)
def test_a_change_whose_transaction_is_long_in_the_log_is_not_undone_by_its_chunk(
    database: Database, monkeypatch: pytest.MonkeyPatch, statement: str, op: str, row: object
) -> None:
    """The row's change is read long before its commit: what follows it is of a table that is not captured."""
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (1, 'old')",
        "CREATE TABLE not_captured (n int)",
    )
    changes = [statement]

    def late(connection: Connection) -> int:
        if changes:
            with database.transaction() as cursor:
                cursor.execute(changes.pop())
                cursor.execute("INSERT INTO not_captured SELECT generate_series(1, 500000)")
        return log_end(connection)

    monkeypatch.setattr("tailrace_postgres.chunks.log_end", late)
    capture = Capture(database, tables=("public.t",))
    session = Running()
    session.control.finish.set()
    try:
        session.run(capture.create())
        assert session.events("t") == [(op, row)]
    finally:
        capture.create().teardown(None, dry_run=False)
