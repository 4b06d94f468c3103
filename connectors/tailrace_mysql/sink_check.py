"""`tailrace check` of a MySQL or MariaDB target."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from tailrace.errors import TailraceError
from tailrace.source import Finding
from tailrace_mysql.sink_connection import Server, Target, describe
from tailrace_mysql.sink_errors import translate

#: RENAME COLUMN and atomic DDL; the collation without padding.
_OLDEST = {"MySQL": (8, 0, 19), "MariaDB": (10, 6)}
_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP")
_SMALL_PACKET = 16 << 20
_GRANT = re.compile(r"GRANT (?P<privileges>.+) ON (?P<database>[^ ]+)\.(?P<table>[^ ]+) TO ", re.DOTALL)


def findings(target: Target) -> list[Finding]:
    """Connects and looks; changes nothing."""
    try:
        with contextlib.closing(target.connect()) as connection:
            server = describe(connection)
            return [
                Finding("connection", True, f"{target.where}, {server}"),
                _version(server),
                _writable(connection),
                _grants(connection, target.database),
                _packet(server),
            ]
    except pymysql.err.Error as error:
        failure = translate(error, target.where)
        return [Finding("connection", False, str(failure), failure.fix)]
    except TailraceError as error:
        where = f"{error.where}: " if error.where else ""
        return [Finding("connection", False, f"{where}{error.what}", error.fix)]


def _version(server: Server) -> Finding:
    oldest = _OLDEST["MariaDB" if server.mariadb else "MySQL"]
    if server.version >= oldest:
        return Finding("version", True, str(server))
    return Finding("version", False, str(server), f"upgrade it to {'.'.join(map(str, oldest))} or newer")


def _writable(connection: Connection[Any]) -> Finding:
    if _row(connection, "SELECT @@global.read_only")[0] in ("0", "OFF"):
        return Finding("read_only", True, "off")
    return Finding("read_only", False, "on", "SET GLOBAL read_only = OFF, or name a server that takes writes")


def _grants(connection: Connection[Any], database: str) -> Finding:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SHOW GRANTS")
        lines = [str(row[0]) for row in cursor.fetchall()]
    present, other = held(lines, database)
    missing = [privilege for privilege in _PRIVILEGES if privilege not in present]
    if not missing:
        return Finding("grants", True, f"all that is needed on {database}")
    user = str(_row(connection, "SELECT CURRENT_USER()")[0])
    fix = f"GRANT {', '.join(missing)} ON `{database}`.* TO {user}"
    # Roles and grants on single tables may give what is missing; they are not followed here.
    return Finding("grants", None if other else False, f"not seen on {database}: {', '.join(missing)}", fix)


def held(lines: list[str], database: str) -> tuple[set[str], bool]:
    """The privileges on the whole database, and whether there are grants of another kind."""
    found: set[str] = set()
    other = False
    for line in lines:
        match = _GRANT.match(line)
        if match is None:
            other = True  # a role
            continue
        place = match["database"].strip("`").replace("\\_", "_").replace("\\%", "%")
        if match["table"] != "*" or place not in ("*", database):
            other = other or place == database or "%" in place
            continue
        words = {word.strip().upper() for word in match["privileges"].split(",")}
        found |= {*_PRIVILEGES, "EVENT", "EXECUTE", "TRIGGER"} if "ALL PRIVILEGES" in words else words
    return found, other


def _packet(server: Server) -> Finding:
    detail = f"{server.max_packet} bytes"
    if server.max_packet >= _SMALL_PACKET:
        return Finding("max_allowed_packet", True, detail)
    return Finding(
        "max_allowed_packet",
        None,
        f"{detail}: larger rows are refused",
        f"SET GLOBAL max_allowed_packet = {_SMALL_PACKET}",
    )


def _row(connection: Connection[Any], query: str) -> tuple[Any, ...]:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(query)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row or ("",)
