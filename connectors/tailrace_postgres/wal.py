"""Where the server's log ends."""

from __future__ import annotations

from tailrace_postgres.connection import Connection
from tailrace_postgres.lsn import parse_lsn


def log_end(connection: Connection) -> int:
    """A position that everything visible now precedes, and that the stream reaches even if nothing else happens.

    A transactional message is written for it, whose commit flushes the log: a commit that a query sees may not be
    flushed yet (synchronous_commit = off), and the insert position alone may lie a page header beyond the last record,
    where no stream ever arrives. It touches no table.
    """
    text = connection.value(
        "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
        " ELSE pg_logical_emit_message(true, 'tailrace', '') END::text"
    )
    return parse_lsn(text)


def current(connection: Connection) -> int:
    """The log's end now; writes nothing."""
    return parse_lsn(
        connection.value(
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"
        )
    )


def in_recovery(connection: Connection) -> bool:
    """Whether the server is a standby."""
    return bool(connection.value("SELECT pg_is_in_recovery()"))
