"""A first start in the past: the tables as they were there, as far as that can be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tailrace.config.start import StartAt
from tailrace.position import Position
from tailrace.schema import TableName
from tailrace.tables import Selection
from tailrace_mysql import catalog, scan, seek
from tailrace_mysql.connection import Connector, Session
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.server import Server


@dataclass(frozen=True, slots=True)
class PastStart:
    """Where capture begins.

    Attributes:
        kept: tables that no statement can have changed since.
        others: those that are there now, and may have been altered since: the log must tell what they were.
    """

    position: Position
    kept: Mapping[TableName, TableDefinition]
    others: Mapping[TableName, TableDefinition]


def begin(connector: Connector, session: Session, server: Server, selection: Selection, start: StartAt) -> PastStart:
    """Finds the place, and looks through the log from there to its end for statements about the tables.

    Raises:
        DataLossError, RefusedError: as `seek.find`.
    """
    found = seek.find(connector, session, server, start)
    tables = catalog.read(session, selection)
    altered = scan.altered_since(connector, session, server, list(tables), found.restart.mark)
    restart = found.restart
    return PastStart(
        Position(1, server.identity, restart.to_text(), mark=restart.mark, commit_ts_ms=found.committed_ms),
        {name: table for name, table in tables.items() if name not in altered},
        {name: table for name, table in tables.items() if name in altered},
    )
