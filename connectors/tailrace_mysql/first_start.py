"""The first start: a place in the log, the tables as they are there, and a view for the keyless ones."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from tailrace.errors import UnreachableError
from tailrace.schema import TableName
from tailrace.tables import Selection
from tailrace_mysql import catalog, scan, xa
from tailrace_mysql.connection import Connector, DriverConnection, Session, quietly_close
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.refusals import refused
from tailrace_mysql.restart import FIRST_POSITION, Restart
from tailrace_mysql.server import Server, log_end, mariadb_position
from tailrace_mysql.snapshot import Whole
from tailrace_mysql.views import close_view, open_view

_ATTEMPTS = 10
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Start:
    """Where capture begins.

    Attributes:
        mark: everything before it is done. With MySQL's GTIDs it lies before `restart`, since transactions may be in
            the log that are not executed yet; the server's first heartbeat moves it.
        tables: as they are at `restart`.
        whole: the view for keyless tables; None without such tables, or where nothing is loaded.
        blind: which transactions are prepared by XA could not be seen.
    """

    restart: Restart
    mark: str
    tables: dict[TableName, TableDefinition]
    whole: Whole | None
    blind: bool


def begin(connector: Connector, session: Session, server: Server, selection: Selection, load: bool) -> Start:
    """Takes the start position.

    The catalogue is read before and after: where it is the same, no statement changed a table in between, so that it is
    true at the position too.

    A transaction that is prepared by XA at the position has its changes before it and its outcome behind it. A view
    that is opened after the outcome sees them, so that tables with a key can wait for it (`xa.await_end`, before the
    first chunk); keyless ones, and a start without a load, need a position with none.

    Raises:
        UnreachableError: tables are being changed all the time, or there is always a transaction prepared by XA.
    """
    begun = log_end(session, server).mark
    tables = catalog.read(session, selection)
    prepared = False
    for _ in range(_ATTEMPTS):
        prepared = False
        keyless = [t.name for t in tables.values() if t.keyless and not refused(t, load)] if load else []
        before = log_end(session, server).mark
        connection: DriverConnection = connector.connect(raw=True)
        try:
            opened = open_view(connection, connector, session, server, keyless, exact=bool(keyless))
            again = catalog.read(session, selection)
            listed = xa.undecided(session, server)
            logged = listed is not None and _await_listed(connector, session, server, begun)
            if keyless or not load:
                prepared = bool(listed) or logged
                prepared = prepared or not scan.undecided_since(connector, session, server, before)
            if prepared:
                close_view(connection, connector.address)
                quietly_close(connection)
                xa.await_end(session, server)
                continue
            if _shape(again) == _shape(tables):
                blind = listed is None
                place = opened.place
                if server.mariadb:
                    place = replace(place, gtid=mariadb_position(session, place.file, place.pos))
                mark = Restart(place.file, FIRST_POSITION).mark if server.by_set(place) else place.mark
                if keyless:
                    return Start(place, mark, tables, Whole(connection, opened.view, mark, place), blind)
                close_view(connection, connector.address)
                quietly_close(connection)
                return Start(place, mark, tables, None, blind)
            tables = again
        except BaseException:
            quietly_close(connection)
            raise
        quietly_close(connection)
    if prepared:
        raise UnreachableError(
            "there is always a transaction prepared by XA",
            where=connector.address,
            fix="start when there are fewer, or give all tables a primary key",
        )
    raise UnreachableError(
        "tables are being altered all the time", where=connector.address, fix="start when the schema is at rest"
    )


def _await_listed(connector: Connector, session: Session, server: Server, mark: str) -> bool:
    """Waits until the server lists what was prepared by XA since a mark: a moment before, its log has it.

    Returns:
        Whether something was prepared and not decided.

    Raises:
        UnreachableError: it is not listed in time.
    """
    deadline = time.monotonic() + xa.WAIT_SECONDS
    logged = scan.prepared_since(connector, session, server, mark)
    found = bool(logged)
    while logged and not logged.issubset(xa.names(session, server)):
        if time.monotonic() > deadline:
            raise UnreachableError(
                "transactions prepared by XA are in the log, and XA RECOVER does not list them",
                where=connector.address,
                fix="see whether the server waits for its replicas; it is tried again",
            )
        time.sleep(_LOOK_SECONDS)
        logged = scan.prepared_since(connector, session, server, mark)
    return found


def _shape(tables: dict[TableName, TableDefinition]) -> dict[TableName, Any]:
    return {name: (definition.columns, definition.charset, definition.refusal) for name, definition in tables.items()}
