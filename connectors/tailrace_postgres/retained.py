"""How much of its log the server keeps for the slot, and how much it still will."""

from __future__ import annotations

from tailrace.source import Retained
from tailrace_postgres.connection import Connection

#: From the oldest change that decoding may still need; `safe_wal_size` is what may be written until the slot is lost.
#: https://www.postgresql.org/docs/current/view-pg-replication-slots.html
_QUESTION = """
SELECT (log_end - restart_lsn)::bigint, wal_status, safe_wal_size
FROM pg_replication_slots,
     (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS log_end) now
WHERE slot_name = %s AND restart_lsn IS NOT NULL
"""


def retained(connection: Connection, slot: str) -> Retained | None:
    """None where there is no such slot, or it holds nothing."""
    rows = connection.query(_QUESTION, [slot])
    if not rows:
        return None
    size, status, safe = rows[0]
    size = max(0, int(size))
    limit = size + max(0, int(safe)) if safe is not None else None
    note = "" if status in (None, "reserved", "extended") else f"wal_status is {status}"
    return Retained(size, limit_bytes=limit, note=note)
