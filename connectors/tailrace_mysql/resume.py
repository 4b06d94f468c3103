"""Can the log be read on from a stored position? If not, going on would lose data, and that is said."""

from __future__ import annotations

from dataclasses import replace

from tailrace.errors import AGAIN, LogGoneError, RefusedError, TailraceError
from tailrace.position import Position
from tailrace.sequence import binlog_mark
from tailrace_mysql import scan
from tailrace_mysql.connection import Connector, Session
from tailrace_mysql.gtid import DomainPosition, GtidSet
from tailrace_mysql.restart import FIRST_POSITION, Restart, file_number
from tailrace_mysql.server import Server, executed, log_files, mariadb_position, mariadb_written, purged


def verify(connector: Connector, session: Session, server: Server, position: Position) -> Position:
    """The position to read on from: the stored one, or, on another server or log that has all of it, the same place
    there in a new epoch.

    Raises:
        LogGoneError: the log does not reach back to the position, or is another server's.
    """
    restart = Restart.from_text(position.restart)
    files = log_files(session)
    where = session.address
    if not files:
        raise LogGoneError("the server has no binlog any more", where=where)
    if server.gtids and (restart.gtid or server.mariadb):
        _verify_gtids(session, server, restart, where)
        if position.identity == server.identity:
            if not (_backwards(files, restart) or _another_file(connector, server, files, restart)):
                return position
            _verify_numbers(session, server, restart, files[0][0], where)
        return _elsewhere(server, position, restart, files)
    if restart.gtid and not server.gtids:
        raise LogGoneError(
            "the position was stored with GTIDs, which the server has not now",
            where=where,
            fix=f"set gtid_mode=ON; else {AGAIN}",
        )
    if position.identity != server.identity:
        raise LogGoneError(
            f"this is another server ({server.identity}) than the one read before ({position.identity})",
            where=where,
            fix=f"correct the url (only with GTIDs can another server go on); else {AGAIN}",
        )
    sizes = dict(files)
    for file in (restart.file, restart.begin.file):
        if file not in sizes:
            first = file_number(files[0][0])
            gone = "was purged" if file_number(file) < first else "is not there: the log was reset"
            waits = "" if file == restart.file else " (a transaction prepared by XA begins there)"
            raise LogGoneError(f"binlog {file}, which is not read to its end{waits}, {gone}", where=where)
    if restart.pos > sizes[restart.file]:
        raise LogGoneError(
            f"binlog {restart.file} ends before position {restart.pos}: the log was reset or cut off",
            where=where,
        )
    if _another_file(connector, server, files, restart):
        raise LogGoneError(
            f"the server's log was reset: {restart.file} is another file than the one read before",
            where=where,
        )
    return position


def _verify_gtids(session: Session, server: Server, restart: Restart, where: str) -> None:
    if server.mariadb:
        if not mariadb_written(session).reaches(DomainPosition(restart.gtid)):
            raise LogGoneError(
                f"the server's log does not hold the transactions read before ({restart.gtid}): it was reset, or"
                " is another server's",
                where=where,
            )
        return
    done = GtidSet(restart.gtid)
    if not executed(session).issuperset(done):
        raise LogGoneError(
            f"the server has not executed all transactions read before ({restart.gtid}): its log was reset, or it is"
            " another server",
            where=where,
        )
    if not GtidSet(restart.begin.gtid).issuperset(purged(session)):
        raise LogGoneError("the server has purged transactions from its binlog that were not read", where=where)


def _backwards(files: list[tuple[str, int]], restart: Restart) -> bool:
    last, size = files[-1]
    return (file_number(last), size) < (file_number(restart.file), restart.pos)


def _another_file(connector: Connector, server: Server, files: list[tuple[str, int]], restart: Restart) -> bool:
    """Whether the file of the position's name was begun at another time (in seconds) than the one that was read."""
    if not restart.created or restart.file not in dict(files):
        return False
    return scan.begun(connector, server, restart.file) not in (0, restart.created)


def _verify_numbers(session: Session, server: Server, restart: Restart, first: str, where: str) -> None:
    """The same server has begun its log anew. A restored server has what was read as done before its log begins; one
    whose log was reset gives the same numbers to other transactions."""
    if server.mariadb:
        before = DomainPosition(mariadb_position(session, first, FIRST_POSITION))
        again = not before.reaches(DomainPosition(restart.gtid))
    else:
        again = not purged(session).issuperset(GtidSet(restart.gtid))
    if again:
        raise LogGoneError(
            f"the server's log was reset: it gives the transaction ids read before ({restart.gtid}) a second time",
            where=where,
        )


def _elsewhere(server: Server, position: Position, restart: Restart, files: list[tuple[str, int]]) -> Position:
    """Everything read is there, in files of other names: a new epoch, from before the oldest of them."""
    first = files[0][0]
    return replace(
        position,
        epoch=position.epoch + 1,
        identity=server.identity,
        restart=replace(
            restart,
            file=first,
            pos=FIRST_POSITION,
            created=0,
            held=restart.held and Restart(first, FIRST_POSITION, restart.held.gtid),
        ).to_text(),
        mark=binlog_mark(file_number(first), FIRST_POSITION),
    )


def log_error(number: int, message: str, where: str, place: str) -> TailraceError | None:
    """The error of ours for one that the server ends its log with; None for what is only a lost connection."""
    lower = message.lower()
    if number in (1045, 1142, 1227, 1044):
        return RefusedError(message, where=where, fix="GRANT REPLICATION SLAVE ON *.* TO the source's user")
    if number != 1236:
        return None
    if "same server_uuid/server_id" in lower or "same server id" in lower:
        return RefusedError(
            "another replica has taken our server_id", where=where, fix="set another server_id in the source's settings"
        )
    if "max_allowed_packet" in lower:
        # A replica is sent up to a gigabyte whatever the variable says: the server has read a length where none is.
        return LogGoneError(
            f"no event of the server's log begins there: the log was reset, or is damaged ({message.strip()})",
            where=f"{where} at {place}",
        )
    if "server id" in lower or "server_id" in lower:
        return RefusedError(message, where=where, fix="set server_id at the server")
    return LogGoneError(
        f"the server cannot send its log from the stored position on: {message.strip()}",
        where=f"{where} at {place}",
    )
