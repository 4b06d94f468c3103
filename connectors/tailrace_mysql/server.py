"""What kind of server this is, and where its log stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tailrace.errors import RefusedError
from tailrace.sequence import binlog_mark
from tailrace_mysql.connection import Session
from tailrace_mysql.gtid import DomainPosition, GtidSet, GtidState, NoGtids
from tailrace_mysql.restart import LAST_ASKED, Restart, file_number

_VARIABLES = (
    "binlog_checksum",
    "binlog_expire_logs_auto_purge",
    "binlog_expire_logs_seconds",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_metadata",
    "expire_logs_days",
    "gtid_mode",
    "hostname",
    "log_bin",
    "log_replica_updates",
    "log_slave_updates",
    "lower_case_table_names",
    "port",
    "read_only",
    "server_id",
    "server_uuid",
    "system_time_zone",
    "version",
    "wsrep_on",
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server as found when connecting.

    Attributes:
        version: numbers only, for comparisons.
        variables: the global variables that matter here, by name; absent where the server has none of that name.
        charsets: character set of each collation number.
    """

    mariadb: bool
    version: tuple[int, ...]
    variables: dict[str, str]
    charsets: dict[int, str] = field(repr=False)

    @property
    def connector(self) -> str:
        """Debezium's name for it."""
        return "mariadb" if self.mariadb else "mysql"

    @property
    def gtids(self) -> bool:
        return self.mariadb or self.variables.get("gtid_mode", "OFF").upper() == "ON"

    @property
    def identity(self) -> str:
        """What stays the same for as long as the log is the same server's.

        MySQL has a UUID. MariaDB has none that would survive a moved network card, so it is the number by which its
        replicas know it, and the address that it has for itself.
        """
        variables = self.variables
        if not self.mariadb:
            return variables["server_uuid"]
        return f"{variables['server_id']}@{variables['hostname']}:{variables['port']}"

    @property
    def expiry(self) -> float:
        """Seconds after which the server removes a file of its log, whoever has read it; 0: it does not."""
        if self.variables.get("binlog_expire_logs_auto_purge", "ON").upper() == "OFF":
            return 0.0
        seconds = float(self.variables.get("binlog_expire_logs_seconds") or 0)
        return seconds or float(self.variables.get("expire_logs_days") or 0) * 86400

    @property
    def name_case(self) -> int:
        """How names of databases and tables are kept (lower_case_table_names): 0 as written and compared so, 1 in lower
        case, 2 as written but compared in lower case."""
        return int(self.variables.get("lower_case_table_names", "0"))

    @property
    def full_metadata(self) -> bool:
        return self.variables.get("binlog_row_metadata", "").upper() == "FULL"

    @property
    def logs_charsets(self) -> bool:
        """Whether the log says in which character set a text column is."""
        return not self.mariadb or self.variables.get("binlog_row_metadata", "NO_LOG").upper() != "NO_LOG"

    def by_set(self, restart: Restart) -> bool:
        """Whether the log is read by MySQL's set of executed transactions.

        A position without a set (of a time when the server had no GTIDs) is a place, and stays one.
        """
        return self.gtids and not self.mariadb and bool(restart.gtid)

    def gtid_state(self, restart: Restart) -> GtidState:
        """What was read before `restart`, as the kind of state that reading on needs."""
        if self.mariadb:
            return DomainPosition(restart.gtid)
        return GtidSet(restart.gtid) if self.by_set(restart) else NoGtids()


def inspect(session: Session) -> Server:
    """Asks the server what it is."""
    names = ",".join(f"'{name}'" for name in _VARIABLES)
    variables = {
        str(name).lower(): str(value)
        for name, value in session.query(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    }
    version_text = variables["version"]
    numbers = re.match(r"[\d.]+", version_text)
    version = tuple(int(part) for part in numbers[0].strip(".").split(".")) if numbers else ()
    mariadb = "mariadb" in version_text.lower()
    table = "COLLATION_CHARACTER_SET_APPLICABILITY" if mariadb else "COLLATIONS"
    charsets = {
        int(number): str(charset)
        for number, charset in session.query(
            f"SELECT ID, CHARACTER_SET_NAME FROM information_schema.{table}"
            " WHERE ID IS NOT NULL AND CHARACTER_SET_NAME IS NOT NULL"
        )
    }
    return Server(mariadb, version, variables, charsets)


def log_status(session: Session, server: Server) -> dict[str, Any]:
    """What the server says of its log: the end of it, and which databases are left out."""
    renamed = not server.mariadb and server.version >= (8, 2)
    rows = session.rows("SHOW BINARY LOG STATUS" if renamed else "SHOW MASTER STATUS")
    if not rows:
        raise RefusedError("the server writes no binlog", where=session.address, fix="start it with log_bin")
    return rows[0]


def is_replica(session: Session, server: Server) -> bool:
    """Whether it takes changes from another server (or would if it were told to start), or from a Galera cluster."""
    if server.variables.get("wsrep_on", "OFF").upper() == "ON":
        return True
    if server.mariadb:
        return bool(session.rows("SHOW ALL SLAVES STATUS"))
    return bool(session.rows("SHOW REPLICA STATUS" if server.version >= (8, 0, 22) else "SHOW SLAVE STATUS"))


def log_end(session: Session, server: Server) -> Restart:
    """The log's end, with what has been executed (MySQL's set may run a moment behind or ahead of the place)."""
    row = log_status(session, server)
    gtid = "" if server.mariadb else "".join(str(row.get("executed_gtid_set", "")).split())
    return Restart(str(row["file"]), int(row["position"]), gtid)


def mariadb_position(session: Session, file: str, pos: int) -> str:
    """The GTID position at a place between two transactions.

    Raises:
        RefusedError: the server cannot tell; an empty position would mean the log's very beginning.
    """
    if pos > LAST_ASKED:
        raise RefusedError(
            f"the server cannot tell the GTID position at {pos} in binlog {file}, more than 4 GiB from its start",
            where=session.address,
            fix="FLUSH BINARY LOGS, change a row of any table, then start again",
        )
    value = session.query("SELECT BINLOG_GTID_POS(%s, %s)", (file, pos))[0][0]
    if value is None:
        # It reads the file up to there, and gives up at an event that is larger than one may send.
        raise RefusedError(
            f"the server cannot tell its GTID position at {file}:{pos}",
            where=session.address,
            fix="FLUSH BINARY LOGS, or set max_allowed_packet above the log's largest event",
        )
    return _text(value)


def executed(session: Session) -> GtidSet:
    """MySQL's executed set: everything in it is visible to a query that begins now."""
    return GtidSet(_text(session.query("SELECT @@GLOBAL.gtid_executed")[0][0]))


def purged(session: Session) -> GtidSet:
    return GtidSet(_text(session.query("SELECT @@GLOBAL.gtid_purged")[0][0]))


def mariadb_written(session: Session) -> DomainPosition:
    """The last transaction of each domain in MariaDB's log."""
    return DomainPosition(_text(session.query("SELECT @@GLOBAL.gtid_binlog_pos")[0][0]))


def log_files(session: Session) -> list[tuple[str, int]]:
    """The binlog's files and their sizes, oldest first."""
    return [(str(row[0]), int(row[1])) for row in session.query("SHOW BINARY LOGS")]


def bytes_behind(files: list[tuple[str, int]], number: int, pos: int) -> int:
    """Bytes of log after a place."""
    total = 0
    for file, size in files:
        if file_number(file) == number:
            total += max(0, size - pos)
        elif file_number(file) > number:
            total += size
    return total


def mark_of(place: Restart) -> str:
    return binlog_mark(file_number(place.file), place.pos)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode()
    return "".join(str(value or "").split())
