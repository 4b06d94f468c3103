"""Locks and views that the full load takes on MySQL, where the network cuts us off meanwhile."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from tailrace.errors import UnreachableError
from tailrace.schema import TableName
from tailrace_mysql import views
from tailrace_mysql.connection import Connector, Session
from tailrace_mysql.server import inspect, log_end
from tailrace_mysql.settings import MySQLSourceSettings


def test_a_view_whose_lock_was_lost_counts_as_none_and_the_server_lets_go_of_the_lock(
    mysql_defaults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mysql_defaults.database("locks") as database:
        database.execute("CREATE TABLE t (id INT)")
        settings = MySQLSourceSettings.model_validate({"connector": "mysql", "url": database.url})
        connector = Connector(settings)
        tables = [TableName(database.name, None, "t")]
        newest = "SELECT MAX(id) FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
        waits: list[int] = []
        with closing(Session(connector)) as session, closing(connector.connect()) as connection:
            server = inspect(session)
            views.open_view(connection, connector, session, server, tables, exact=True)
            views.close_view(connection, connector.address)

            def lost(*arguments: Any) -> Any:
                """The lock is there, the view is not."""
                found = log_end(*arguments)
                with pytest.raises(Exception, match=r"read lock|Lock wait"):
                    write(database)
                lock = database.value(newest)
                waits.append(
                    database.value(
                        "SELECT variable_value FROM performance_schema.variables_by_thread JOIN"
                        " performance_schema.threads USING (thread_id)"
                        f" WHERE processlist_id = {lock} AND variable_name = 'wait_timeout'"
                    )
                )
                database.server.query(f"KILL {lock}")
                return found

            monkeypatch.setattr(views, "log_end", lost)
            with pytest.raises(UnreachableError):
                views.open_view(connection, connector, session, server, tables, exact=True)
            assert [int(seconds) for seconds in waits] == [30]
            write(database)


def write(database: Any) -> None:
    with database.transaction() as cursor:
        cursor.execute("SET SESSION lock_wait_timeout = 1")
        cursor.execute("INSERT INTO t VALUES (1)")
