"""The logical replication slot: what the server keeps of its log for us."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from tailrace.errors import AGAIN, LogGoneError, RefusedError, UnreachableError
from tailrace_postgres.connection import STATEMENT_SECONDS, Connection, identifier
from tailrace_postgres.lsn import lsn_text, parse_lsn

#: Creation waits for transactions that were running when it began.
CREATE_SECONDS = 600.0
#: The same for a view that is asked for beside the stream. It can be asked for again.
VIEW_SECONDS = 60.0
#: PostgreSQL's own patience with a reader that says nothing. Ours is given more (`connection.py`) if nobody waits for
#: its slot; at work it says something each second.
SILENT_SECONDS = 60.0
TWO_PHASE_FIX = (
    "PostgreSQL 18: ALTER_REPLICATION_SLOT … (TWO_PHASE false) on a replication connection; else drop it, and tailrace"
    " makes one"
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A row of `pg_replication_slots`.

    Attributes:
        active_pid: the server process that uses it; None when nobody does.
        confirmed: what was acknowledged last; the server has forgotten what was committed before.
        lost: why the server gave it up; "" when it did not.
        two_phase: it sends transactions when they are prepared.
        failover: the server hands it to its standbys.
    """

    name: str
    plugin: str
    database: str
    active_pid: int | None
    confirmed: int
    lost: str
    two_phase: bool = False
    failover: bool = False


@dataclass(frozen=True, slots=True)
class Created:
    """A new slot.

    Attributes:
        start: every transaction that commits from here on will be sent.
        snapshot: what was committed before, for SET TRANSACTION SNAPSHOT; valid until the connection's next command.
    """

    start: int
    snapshot: str


def find_slot(connection: Connection, name: str, seconds: float = STATEMENT_SECONDS) -> Slot | None:
    rows = connection.query(
        "SELECT to_jsonb(s) FROM pg_replication_slots s WHERE slot_name = %s", [name], seconds=seconds
    )
    if not rows:
        return None
    row: dict[str, Any] = rows[0][0]
    lost = row.get("invalidation_reason") or ("lost" if row.get("wal_status") == "lost" else "")
    if row.get("conflicting"):
        lost = lost or "conflict with recovery"
    return Slot(
        name=name,
        plugin=row["plugin"] or "",
        database=row["database"] or "",
        active_pid=row["active_pid"],
        confirmed=parse_lsn(row["confirmed_flush_lsn"] or "0/0"),
        lost=str(lost),
        two_phase=bool(row.get("two_phase")),
        failover=bool(row.get("failover")),
    )


def freed_slot(connection: Connection, slot: Slot, seconds: float = 3.0) -> Slot:
    """The slot once nobody uses it, or as it is when the time is up.

    The server notices after a moment that a session is over.
    """
    deadline = time.monotonic() + seconds
    while slot.active_pid is not None and time.monotonic() < deadline:
        time.sleep(0.1)
        slot = find_slot(connection, slot.name) or replace(slot, active_pid=None)
    return slot


def last_heard(connection: Connection, slot: Slot) -> str:
    """When the slot's reader last said something, by its own clock; "" where that cannot be known."""
    rows = connection.query("SELECT reply_time::text FROM pg_stat_replication WHERE pid = %s", [slot.active_pid])
    return str(rows[0][0] or "") if rows else ""


def end_silent(connection: Connection, slot: Slot, heard: str) -> bool:
    """Ends the session of a reader that sleeps, or is cut off: it has said nothing for long, and nothing since `heard`.

    Only one of our own user; others' are theirs to end.
    """
    rows = connection.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE pid = %s AND usename = current_user"
        " AND reply_time = %s::timestamptz AND reply_time < clock_timestamp() - make_interval(secs => %s)",
        [slot.active_pid, heard or None, SILENT_SECONDS],
    )
    return bool(rows and rows[0][0])


def refuse_foreign(slot: Slot, database: str, where: str) -> None:
    """Raises RefusedError for a slot of the same name that is not ours."""
    if slot.plugin != "pgoutput" or slot.database != database:
        raise RefusedError(
            f"replication slot {slot.name} exists and is another's (plugin {slot.plugin}, database {slot.database})",
            where=where,
            fix="name another one with `slot` in [source]",
        )


def refuse_two_phase(slot: Slot, where: str) -> None:
    """Raises RefusedError for a slot that sends transactions before their outcome is known."""
    if slot.two_phase:
        raise RefusedError(
            f"replication slot {slot.name} was made with two_phase: it sends prepared transactions, which may still be"
            " rolled back",
            where=where,
            fix=TWO_PHASE_FIX,
        )


def verify_resumable(slot: Slot | None, name: str, restart: int, where: str) -> Slot:
    """The slot from which reading can go on at `restart` without a gap.

    Raises:
        LogGoneError: it cannot.
    """
    if slot is None:
        raise LogGoneError(f"replication slot {name} is gone", where=where)
    if slot.lost:
        raise LogGoneError(
            f"the server has given up replication slot {name} ({slot.lost})",
            where=where,
            fix=f"{AGAIN}; a larger max_slot_wal_keep_size or idle_replication_slot_timeout keeps it longer",
        )
    if slot.confirmed > restart:
        raise LogGoneError(
            f"replication slot {name} stands at {lsn_text(slot.confirmed)}, beyond our position {lsn_text(restart)}:"
            " somebody else has read from it or re-created it",
            where=where,
        )
    return slot


def create_slot(connection: Connection, name: str, failover: bool = False) -> Created:
    """Creates the slot on a replication connection.

    Args:
        failover: the server hands it to its standbys.

    Raises:
        UnreachableError: transactions that began earlier did not end in time.
        RefusedError: no rights, no free slot; a server before PostgreSQL 17 with `failover`.
    """
    if failover:
        _require_failover(connection)
    more = ", FAILOVER" if failover else ""
    return _create(connection, identifier(name), f"creating replication slot {name}", CREATE_SECONDS, more)


def hand_to_standbys(connection: Connection, slot: Slot) -> None:
    """Makes a slot that nobody uses one for failover, on a replication connection.

    Raises:
        RefusedError: the server cannot.
    """
    if not slot.failover:
        _require_failover(connection)
        connection.query(
            f"ALTER_REPLICATION_SLOT {identifier(slot.name)} (FAILOVER true)",
            doing=f"handing replication slot {slot.name} to standbys",
        )


def _require_failover(connection: Connection) -> None:
    if connection.version < 170000:
        raise RefusedError(
            "this server hands no slot to its standbys, PostgreSQL 17 does",
            where=connection.where,
            fix="remove failover from [source], or upgrade it",
        )


def create_view(connection: Connection, name: str) -> Created:
    """A view with a place in the log: that of a slot which is gone with the replication connection.

    Raises:
        UnreachableError, RefusedError: as `create_slot`.
    """
    doing = "opening a view with a place in the log, which needs a free replication slot for a moment"
    return _create(connection, f"{identifier(name)} TEMPORARY", doing, VIEW_SECONDS)


def _create(connection: Connection, slot: str, doing: str, seconds: float, more: str = "") -> Created:
    # Servers before PostgreSQL 15 have no list of options.
    options = f"(SNAPSHOT 'export'{more})" if more else "EXPORT_SNAPSHOT"
    try:
        rows = connection.query(
            f"CREATE_REPLICATION_SLOT {slot} LOGICAL pgoutput {options}", seconds=seconds, doing=doing
        )
    except UnreachableError as error:
        raise UnreachableError(
            error.what, where=error.where, fix="it waits for transactions older than it, see pg_stat_activity"
        ) from None
    except RefusedError as error:
        fix = error.fix
        if "wal_level" in error.what:
            fix = "ALTER SYSTEM SET wal_level = 'logical', then restart the server"
        elif "slots are in use" in error.what:
            fix = (
                "drop a slot that nobody reads any more (pg_replication_slots has them), or ALTER SYSTEM SET"
                " max_replication_slots to more, then restart the server"
            )
        raise RefusedError(error.what, where=error.where, fix=fix) from None
    _, start, snapshot, _ = rows[0]
    return Created(parse_lsn(start), snapshot)


def drop_slot(connection: Connection, slot: Slot) -> None:
    """Raises RefusedError when it is in use: nobody's session is ended for it."""
    if slot.active_pid is not None:
        raise RefusedError(
            f"replication slot {slot.name} is in use by server process {slot.active_pid}",
            where=connection.where,
            fix="stop the daemon that reads from it",
        )
    connection.query("SELECT pg_drop_replication_slot(%s)", [slot.name], doing=f"dropping replication slot {slot.name}")
