"""What a read view of the full load could see, and how such views are opened.

The three ways, none of them by the log's current position (a commit reaches the log before a SELECT sees it):

* MySQL with GTIDs: ``gtid_executed``, read before the view is opened. All of it is visible; all else counts as not.
* MariaDB: the view and its place in the log are taken together (``binlog_snapshot_file`` and ``_position``). But an XA
  COMMIT stands in the log before the engine commits, so what XA RECOVER has listed before does not count as seen.
* MySQL without GTIDs: the table is locked for reading while the view is opened, so that no commit to it is on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailrace.errors import RefusedError
from tailrace.schema import TableName
from tailrace_mysql import xa
from tailrace_mysql.binlog.events import DECIDED
from tailrace_mysql.connection import Connector, DriverConnection, Session, quietly_close, translated
from tailrace_mysql.gtid import GtidSet
from tailrace_mysql.quoting import identifier
from tailrace_mysql.restart import Restart
from tailrace_mysql.server import Server, executed, log_end

#: How long a lock may wait for transactions that write the table; longer, and others would wait behind it.
LOCK_SECONDS = 10
#: The same for a chunk, while whose lock is waited for nothing is read from the log.
CHUNK_LOCK_SECONDS = 2
#: A lock that we have is let go of by the server after so much silence.
_LOCKED_SECONDS = 30

_OPEN = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"


@dataclass(frozen=True, slots=True)
class GtidView:
    """Sees the transactions of a GTID set."""

    visible: GtidSet

    def sees(self, transaction: str) -> bool:
        # A place: an anonymous transaction of before the server had GTIDs, which it could only get once all were done.
        return ":" not in transaction or transaction in self.visible


@dataclass(frozen=True, slots=True)
class PlaceView:
    """Sees the transactions that begin before a mark; of those that XA decided, only what surely was committed.

    Attributes:
        certain: mark of the log's end before XA RECOVER was asked; what was decided later does not count as seen.
        undecided: what was listed then, as `events.xa_outcome` names it: its commit may not be through.
    """

    mark: str
    certain: str = ""
    undecided: frozenset[str] = frozenset()

    def sees(self, transaction: str) -> bool:
        place, _, name = transaction.partition(DECIDED)
        if name:
            return place < self.certain and name not in self.undecided
        return place < self.mark


def covers(view: GtidView | PlaceView, place: Restart) -> bool:
    """Whether the view surely sees everything in the log before a place."""
    if isinstance(view, GtidView):
        return view.visible.issuperset(GtidSet(place.gtid))
    decided = not view.undecided and view.certain >= place.mark
    return view.mark >= place.mark and (decided or not view.certain)


@dataclass(frozen=True, slots=True)
class Opened:
    """A view, and a place in the log at or before which all that it sees lies exactly (as to the locked tables).

    MariaDB's place comes without its GTID position (`server.mariadb_position`).
    """

    view: GtidView | PlaceView
    place: Restart


def quote_table(name: TableName) -> str:
    return f"{identifier(name.database)}.{identifier(name.table)}"


def open_view(
    connection: DriverConnection,
    connector: Connector,
    session: Session,
    server: Server,
    tables: Sequence[TableName],
    *,
    exact: bool = False,
    lock_seconds: int = LOCK_SECONDS,
) -> Opened:
    """Opens a view on `connection` for reading `tables`.

    Args:
        exact: the place must be the view's own, to the transaction, as to `tables` (rows without a key cannot be told
            apart); costs a lock on MySQL.
    """
    if server.mariadb:
        return _open_mariadb(connection, session, server, connector.address)
    if server.gtids and not exact:
        place = log_end(session, server)
        visible = executed(session)
        _execute(connection, _OPEN, connector.address)
        return Opened(GtidView(visible), Restart(place.file, place.pos, visible.text))
    lock = connector.connect(answer_seconds=LOCK_SECONDS + 20)
    try:
        if tables:
            _lock(lock, tables, lock_seconds, connector.address)
        place = log_end(session, server)
        visible = executed(session) if server.gtids else GtidSet()
        _execute(connection, _OPEN, connector.address)
        if tables:
            _execute(lock, "UNLOCK TABLES", connector.address)  # it fails where they were not locked until now
    finally:
        quietly_close(lock)
    if server.gtids:
        return Opened(GtidView(visible), Restart(place.file, place.pos, visible.text))
    return Opened(PlaceView(place.mark), Restart(place.file, place.pos))


def close_view(connection: DriverConnection, where: str) -> None:
    _execute(connection, "COMMIT", where)


def _open_mariadb(connection: DriverConnection, session: Session, server: Server, where: str) -> Opened:
    certain = log_end(session, server).mark
    undecided = frozenset(xa.names(session, server))
    _execute(connection, _OPEN.replace(", READ ONLY", ""), where)
    with translated(where), connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'binlog_snapshot_%'")
        status = {_text(name).lower(): _text(value) for name, value in cursor.fetchall()}
    file, pos = status.get("binlog_snapshot_file", ""), status.get("binlog_snapshot_position", "0")
    if not file:
        raise RefusedError("the server writes no binlog", where=where, fix="start it with log_bin")
    place = Restart(file, int(pos))  # finding its GTID would make the server read the file up to there, for each chunk
    return Opened(PlaceView(place.mark, certain, undecided), place)


def _lock(lock: DriverConnection, tables: Sequence[TableName], seconds: int, where: str) -> None:
    limit_lock_wait(lock, seconds, where)
    limit_idleness(lock, _LOCKED_SECONDS, where)
    _execute(lock, "LOCK TABLES " + ", ".join(f"{quote_table(name)} READ" for name in tables), where)


def limit_lock_wait(connection: DriverConnection, seconds: int, where: str) -> None:
    """A statement that meets somebody's lock on a table fails after so long."""
    _execute(connection, f"SET SESSION lock_wait_timeout = {seconds}", where)


def limit_idleness(connection: DriverConnection, seconds: int, where: str) -> None:
    """Where the network cuts us off, the server lets go of the session, and what it holds, after so long: by itself
    after eight hours, for which nobody could write a locked table, or alter one that a view has read."""
    _execute(connection, f"SET SESSION wait_timeout = {seconds}", where)


def _execute(connection: DriverConnection, sql: str, where: str) -> None:
    with translated(where), connection.cursor() as cursor:
        cursor.execute(sql)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
