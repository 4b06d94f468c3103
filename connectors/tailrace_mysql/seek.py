"""Where a first start in the past begins (`[source] start`): a place in the log that is still there, or a refusal.

The log's files are read aside, from the beginning of the one that holds the place: only so is it known that a position
lies between two transactions, and what is done there by transaction ids.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tailrace.config.start import StartAt, moment_text
from tailrace.errors import DataLossError, RefusedError
from tailrace_mysql import scan, xa
from tailrace_mysql.binlog.events import Gtid
from tailrace_mysql.connection import Connector, Session
from tailrace_mysql.gtid import DomainPosition, GtidSet, GtidState
from tailrace_mysql.restart import FIRST_POSITION, Restart, file_number
from tailrace_mysql.server import Server, executed, log_files, mariadb_written, purged
from tailrace_mysql.start_text import Asked, parse_position
from tailrace_mysql.walk import Walk

_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A place between two transactions.

    Attributes:
        committed_ms: when the last transaction before it was committed; 0 unknown.
    """

    restart: Restart
    committed_ms: int = 0


def find(connector: Connector, session: Session, server: Server, start: StartAt) -> Found:
    """The place.

    Raises:
        DataLossError: the log does not reach back to it.
        RefusedError: it is no place of this log, or not between two transactions.
    """
    files = log_files(session)
    if not files:
        raise RefusedError("the server has no binlog", where=session.address, fix="start it with log_bin")
    if not start.position:
        walk = _at_time(connector, session, server, files, start)
        gtid = walk.state.text
    else:
        asked = parse_position(start.position)
        if asked.gtid:
            walk = _at_gtids(connector, session, server, files, asked)
            gtid = asked.gtid
        else:
            walk = _at_place(connector, server, files, asked, session.address)
            gtid = walk.state.text
    file, pos = walk.place
    if walk.prepared:
        raise RefusedError(
            f"transactions prepared by XA before {file}:{pos} are not decided there: {xa.shown(sorted(walk.prepared))}",
            where=session.address,
            fix=f'begin before they were prepared (start = "position:{min(walk.prepared.values())}") or behind their'
            " outcome",
        )
    created = walk.created or scan.begun(connector, server, file)
    # What was prepared by XA in earlier files is not known: its outcome would have to be refused.
    restart = Restart(file, pos, gtid if server.gtids else "", created, blind=True)
    return Found(restart, walk.committed_ms)


def _at_place(connector: Connector, server: Server, files: Sequence[tuple[str, int]], asked: Asked, where: str) -> Walk:
    file, pos = asked.file, asked.pos
    sizes = dict(files)
    first, last = files[0][0], files[-1][0]
    if file not in sizes:
        if file.rpartition(".")[0] == first.rpartition(".")[0] and file_number(file) < file_number(first):
            raise DataLossError(
                f"the log does not reach back to {file}, which was purged: it begins with {first}",
                where=where,
                fix=f'begin with a full load, or at start = "position:{first}:{FIRST_POSITION}" and later',
            )
        raise RefusedError(
            f"there is no binlog {file}: the server has {first} to {last}",
            where=where,
            fix="write a place as SHOW BINARY LOGS and the server's log status give it",
        )
    if pos > sizes[file]:
        raise RefusedError(
            f"binlog {file} ends at {sizes[file]}, before position {pos}",
            where=where,
            fix=f'begin at start = "position:{file}:{sizes[file]}" or earlier',
        )
    walk = Walk(server, file, until=pos).run(connector, server)
    _, found = walk.place
    if found != pos:
        what = "is inside a transaction" if walk.inside else "is where no event begins"
        raise RefusedError(
            f"position {pos} of binlog {file} {what}",
            where=where,
            fix=f'begin at start = "position:{file}:{walk.before}" or "position:{file}:{found}", the places between'
            " transactions before it and behind it",
        )
    return walk


def _at_gtids(
    connector: Connector, session: Session, server: Server, files: Sequence[tuple[str, int]], asked: Asked
) -> Walk:
    where = session.address
    if asked.mariadb != server.mariadb or not server.gtids:
        kind = "MariaDB's" if asked.mariadb else "MySQL's"
        has = "has no GTIDs" if not server.gtids else f"is {'MariaDB' if server.mariadb else 'MySQL'}"
        raise RefusedError(
            f"start names transactions in {kind} form, and the server {has}",
            where=where,
            fix='write start = "position:FILE:POSITION"' if not server.gtids else "write a position of its own kind",
        )
    done = _state(server, asked.gtid)
    if not _written(session, server, done):
        raise RefusedError(
            f"the server has not executed all of {asked.gtid}",
            where=where,
            fix="see whether this is the server whose transactions start names; it can begin nowhere in the future",
        )
    if not server.mariadb and not _reaches(server, done, purged(session)):
        raise _not_so_far(asked.gtid, where)
    # The newest file before whose beginning nothing else was done.
    low, high = 0, len(files)
    while low < high:
        middle = (low + high) // 2
        head = Walk(server, files[middle][0], head=True).run(connector, server)
        if _reaches(server, done, head.state):
            low = middle + 1
        else:
            high = middle
    if not low:
        raise _not_so_far(asked.gtid, where)

    def not_done(begun: Gtid, _: int) -> bool:
        return not done.has(begun.source, begun.number)

    walk = Walk(server, files[low - 1][0], stops=not_done).run(connector, server)
    if server.mariadb:
        _require_logged(asked.gtid, walk, where)
    return walk


def _at_time(
    connector: Connector, session: Session, server: Server, files: Sequence[tuple[str, int]], start: StartAt
) -> Walk:
    where = session.address
    now = int(session.query("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)")[0][0])
    if start.micros > now:
        raise RefusedError(
            f"{start.moment} is in the future: the server's clock says {moment_text(now)}",
            where=where,
            fix='write start = "now"',
        )
    # Files say when they were begun in whole seconds; the one before may have transactions of the same second.
    second = start.micros // _MICROS
    index = bisect_left(range(len(files)), second, key=lambda at: scan.begun(connector, server, files[at][0]))
    if not index:
        begun = scan.begun(connector, server, files[0][0])
        raise DataLossError(
            f"the log does not reach back to {start.moment}: it begins at {moment_text(begun * _MICROS)}, and"
            " transactions before that may be missing",
            where=where,
            fix=f'begin later, or with a full load; start = "position:{files[0][0]}:{FIRST_POSITION}" is the whole log',
        )
    # MariaDB's log has whole seconds.
    wanted = second * 1000 if server.mariadb else start.micros // 1000
    return Walk(server, files[index - 1][0], stops=lambda _, committed: committed >= wanted).run(connector, server)


def _not_so_far(gtid: str, where: str) -> DataLossError:
    return DataLossError(
        f"the log does not reach back to {gtid}: the server has purged transactions behind it",
        where=where,
        fix="begin later, or with a full load",
    )


def _state(server: Server, gtid: str) -> GtidState:
    return DomainPosition(gtid) if server.mariadb else GtidSet(gtid)


def _written(session: Session, server: Server, done: GtidState) -> bool:
    return _reaches(server, mariadb_written(session) if server.mariadb else executed(session), done)


def _reaches(server: Server, state: GtidState, other: GtidState) -> bool:
    """Whether all of `other` is done where `state` is."""
    if server.mariadb:
        return DomainPosition(state.text).reaches(DomainPosition(other.text))
    return GtidSet(state.text).issuperset(GtidSet(other.text))


def _require_logged(gtid: str, walk: Walk, where: str) -> None:
    """A server of MariaDB is asked for its log by the last transaction of each domain, which must be one of it."""
    there = {text.partition("-")[0]: text for text in walk.state.text.split(",") if text}
    for text in gtid.split(","):
        domain, _, number = text.split("-")
        known = there.get(domain, "")
        stopped = walk.stopped_by is None or walk.stopped_by.source.partition("-")[0] == domain
        same_number = known.rpartition("-")[2] == number
        if known != text and (same_number or stopped):
            raise RefusedError(
                f"the log has no transaction {text}" + (f": it has {known}" if known else ""),
                where=where,
                fix="write the GTID position of a moment, as gtid_binlog_pos and BINLOG_GTID_POS give it",
            )
