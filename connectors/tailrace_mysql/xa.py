"""Transactions prepared by XA, as the server knows them now.

Their changes stand in the log where they were prepared. Whoever begins to read behind that place must not begin before
they are decided: a view sees them only then.
"""

from __future__ import annotations

import time

from tailrace.errors import RefusedError, UnreachableError
from tailrace_mysql.binlog.events import xa_name
from tailrace_mysql.connection import Session
from tailrace_mysql.server import Server

#: So long a start waits for them to end, before it gives up for this time.
WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_SHOWN = 3
GRANT = "GRANT XA_RECOVER_ADMIN ON *.* TO the source's user"
DECIDE = "decide them: XA COMMIT or XA ROLLBACK what XA RECOVER lists"


def undecided(session: Session, server: Server) -> list[str] | None:
    """Those that are prepared and not decided, of all databases, as SQL names them; None: we may not ask (MySQL)."""
    try:
        rows = session.rows("XA RECOVER FORMAT='SQL'" if server.mariadb else "XA RECOVER CONVERT XID")
    except RefusedError:
        return None
    return sorted(f"{row['data']} (format {row['formatid']})" for row in rows)


def names(session: Session, server: Server) -> list[str]:
    """The same, as `events.xa_outcome` names them in the log.

    Raises:
        RefusedError: we may not ask (MySQL).
    """
    found = []
    for row in session.rows("XA RECOVER" if server.mariadb else "XA RECOVER CONVERT XID"):
        data, first = row["data"], int(row["gtrid_length"])
        octets = data if isinstance(data, bytes) else data.encode()
        if not server.mariadb:
            octets = bytes.fromhex(octets.decode().removeprefix("0x"))
        found.append(xa_name(octets[:first], octets[first:], int(row["formatid"])))
    return found


def shown(names: list[str]) -> str:
    """For a message."""
    text = ", ".join(names[:_SHOWN])
    return text if len(names) <= _SHOWN else f"{text} and {len(names) - _SHOWN} more"


def await_end(session: Session, server: Server) -> bool:
    """Waits for the transactions that are prepared now; those prepared meanwhile do not matter.

    Returns:
        False: we may not know them.

    Raises:
        UnreachableError: some are not decided in time.
    """
    listed = undecided(session, server)
    if listed is None:
        return False
    waiting = set(listed)
    deadline = time.monotonic() + WAIT_SECONDS
    while waiting:
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"transactions prepared by XA before capture began are not decided: {shown(sorted(waiting))}",
                where=session.address,
                fix=f"{DECIDE}; it is tried again",
            )
        time.sleep(_LOOK_SECONDS)
        waiting &= set(undecided(session, server) or ())
    return True
