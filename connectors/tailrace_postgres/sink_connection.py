"""Connections to a PostgreSQL target: settings that decide how a value is read or printed are pinned."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg2
import psycopg2.extensions

from tailrace_postgres.connection import CONNECT_SECONDS, PINNED
from tailrace_postgres.errors import login_error
from tailrace_postgres.settings import PostgresSinkSettings

_OWN = {
    # Ours, so that a backslash in a literal means itself.
    "standard_conforming_strings": "on",
    # Shorter than the time in which a stop must be done: a table locked by somebody is tried again.
    "lock_timeout": "8s",
}


def where(settings: PostgresSinkSettings) -> str:
    """The target for messages, without secrets."""
    return str(settings.database_url())


def connect(settings: PostgresSinkSettings, application: str) -> Any:
    """A psycopg2 connection.

    Raises:
        UnreachableError, RefusedError: as the server or the network has it.
    """
    url = settings.database_url()
    # The tables' schema is the first of the user's own search_path.
    pinned = {name: value for name, value in PINNED.items() if name != "search_path"} | _OWN
    own = dict(url.options)
    words = {
        **own,
        "host": url.socket or url.host,
        "port": str(url.port),
        "dbname": url.database,
        "client_encoding": "UTF8",
        "application_name": own.get("application_name", application),
        "connect_timeout": str(int(CONNECT_SECONDS)),
        "keepalives_idle": "15",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "options": " ".join([own.get("options", ""), *(f"-c {key}={value}" for key, value in pinned.items())]).strip(),
    }
    if url.user:
        words["user"] = url.user
    if url.password is not None:
        words["password"] = url.password
    if settings.tls is not None:
        words.update(settings.tls.libpq())
    try:
        return psycopg2.connect(psycopg2.extensions.make_dsn(**words))
    except psycopg2.Error as error:
        raise login_error(str(error), str(url)) from None


def take_replica_role(connection: Any) -> bool:
    """Switches foreign keys and triggers off, as PostgreSQL's own subscribers do; False where that is not granted.

    What triggers did at the source comes as rows of its own, and rows of several tables come in another order.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        connection.commit()
    except psycopg2.errors.InsufficientPrivilege:
        connection.rollback()
        return False
    return True


def quietly_close(connection: Any) -> None:
    with contextlib.suppress(psycopg2.Error):
        connection.close()


def quoted(*parts: str) -> str:
    """A quoted, possibly qualified name."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def listed(names: Any) -> str:
    return ", ".join(quoted(name) for name in names)


def literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
