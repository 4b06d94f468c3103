"""Where the server's log ends."""

from __future__ import annotations

from tailrace.errors import LogGoneError, UnreachableError
from tailrace_postgres.connection import Connection
from tailrace_postgres.lsn import lsn_text, parse_lsn


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


def xid_floor(connection: Connection) -> int:
    """A transaction id above those of all transactions that have begun, and of all that the log has. A standby gives
    out none of our own."""
    if in_recovery(connection):
        return int(connection.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    return int(connection.value("SELECT pg_current_xact_id()::text"))


def require_reached(connection: Connection, position: int) -> None:
    """The log's end is at or past a position that was read before.

    A server that was restored from a copy of its disk has the same identity and slot, and a log that runs backwards.
    Once it has passed the position, nothing tells.

    Raises:
        LogGoneError: it ran backwards.
        UnreachableError: on a standby, which may have replayed less than the server that was read before.
    """
    standby = in_recovery(connection)
    end = current(connection)
    if end >= position:
        return
    if standby:
        raise UnreachableError(
            f"the standby has replayed the log up to {lsn_text(end)}, our position is {lsn_text(position)}",
            where=connection.where,
            fix="it goes on once the standby has caught up; see pg_stat_wal_receiver",
        )
    raise LogGoneError(
        f"the server's log ends at {lsn_text(end)}, before our position {lsn_text(position)}: it was restored from an"
        " earlier copy",
        where=connection.where,
    )
