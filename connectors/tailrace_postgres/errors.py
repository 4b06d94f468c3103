"""What PostgreSQL and libpq say, as tailrace's errors: one line, without values and secrets."""

from __future__ import annotations

import re

from tailrace.errors import RefusedError, TableBusyError, TailraceError, UnreachableError

# What a server says at login that time can mend.
_NOT_YET = re.compile(
    r"starting up|shutting down|in recovery mode|not accepting connections|too many (clients|connections)"
    r"|connection slots|not yet accepting|terminating connection"
    # Unless there may be none at all.
    r"|requested standby connections exceeds (?!.*currently 0\))"
)
# Said by libpq, not by a server: sslmode, certificates and passwords are settings that a person mends.
_LOCAL_REFUSAL = re.compile(
    r"SSL|TLS|certificate|no password supplied|private key|server name indication|unsupported authentication"
    r"|invalid (connection option|port|integer)|channel binding|GSSAPI"
)
#: Those of the next that leave the session alive and concern what was asked for alone: lock timeout, statement timeout
#: or cancel, conflict with recovery on a standby, deadlock.
_BUSY = re.compile(r"55P03|57014|40001|40P01")
#: SQLSTATE classes that time can mend: connection, resources (but for a configured limit), rollback, operator
#: intervention; lock timeout; in use; a table that vanished between two looks at the catalog.
_TRANSIENT = re.compile(r"08|53(?!400)|40|57P|57014|55P03|55006|42P01")


def login_error(message: str, where: str) -> TailraceError:
    """A connection that did not come about."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    # localhost is tried at several addresses, a line each; the one where a server answered counts.
    line = next((text for text in lines if "FATAL" in text), lines[0] if lines else "no connection")
    reason = line.split("failed: ", 1)[-1]
    answered = "FATAL" in reason
    reason = re.sub(r"^(FATAL|ERROR):\s*", "", reason)
    if answered and not _NOT_YET.search(reason):
        return RefusedError(reason, where=where, fix=_login_fix(reason))
    if _LOCAL_REFUSAL.search(reason) and "SYSCALL" not in reason:
        return RefusedError(reason, where=where, fix="mend user, password or tls in the pipeline file")
    fix = "see whether the server runs and the url's address is right"
    if "max_wal_senders" in reason:
        fix = "it goes on once another replication connection ends; ALTER SYSTEM SET max_wal_senders = … allows more"
    return UnreachableError(reason, where=where, fix=fix)


def _login_fix(reason: str) -> str:
    if re.search(r'database ".*" does not exist', reason):
        return "CREATE DATABASE, or mend the database in the url"
    if "password" in reason or "authentication" in reason:
        return "mend user and password in the url"
    if "max_wal_senders" in reason:
        return "ALTER SYSTEM SET max_wal_senders = 10, then restart the server"
    if "replication" in reason or "WAL sender" in reason:
        return "ALTER ROLE … WITH REPLICATION LOGIN"
    if "pg_hba.conf" in reason:
        return "allow this user and host in the server's pg_hba.conf (a source needs replication there too)"
    return ""


def server_error(sqlstate: str | None, message: str, where: str, doing: str = "") -> TailraceError:
    """A statement that failed.

    Args:
        sqlstate: None where the connection broke.
        message: the primary message alone; detail and context may hold values.
        doing: what was being done, for the text.
    """
    reason = message.splitlines()[0].strip() if message.strip() else "the connection was closed"
    what = f"{doing}: {reason}" if doing else reason
    if sqlstate is not None and _BUSY.match(sqlstate):
        return TableBusyError(what, where=where)
    if sqlstate is None or _TRANSIENT.match(sqlstate):
        return UnreachableError(what, where=where)
    if sqlstate == "42501":
        return RefusedError(what, where=where, fix="grant it; `tailrace check` names every grant")
    return RefusedError(what, where=where)
