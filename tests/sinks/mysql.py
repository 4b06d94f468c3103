"""What tests of the MySQL sink have in common."""

from __future__ import annotations

from collections.abc import Callable

from tailrace_mysql.sink import MySQLSink
from tests.servers.sql import Database
from tests.sinks import integer, target, text

MakeSink = Callable[..., MySQLSink]


def is_mariadb(database: Database) -> bool:
    return "MariaDB" in database.value("SELECT VERSION()")


USERS = target("users", [integer(1, "id", key=1), text(2, "name"), integer(3, "age", size=32)])
