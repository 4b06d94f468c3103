"""Suspended tables are followed again: from a place on at which the catalogue surely shows what the log has."""

from __future__ import annotations

from dataclasses import replace

from tailrace.errors import RefusedError, TableBusyError
from tailrace_mysql import catalog, scan, xa
from tailrace_mysql.chunks import fields
from tailrace_mysql.connection import Connector, Session
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.history import SchemaHistory
from tailrace_mysql.server import Server, log_end


class TakingUp:
    """Tables that are looked at until the stream has come to where they were seen.

    Between that place and the log's end no statement may name the table, and no transaction that was prepared by XA may
    have been decided: its rows went by.
    """

    def __init__(self, connector: Connector, session: Session, server: Server, history: SchemaHistory) -> None:
        self._connector = connector
        self._session = session
        self._server = server
        self._history = history
        self._seen: dict[str, tuple[TableDefinition, str]] = {}

    def take_up(self, topic: str) -> bool:
        """See `Source.take_up`."""
        table = self._history.by_topic(topic)
        definition = catalog.read_one(self._session, table.name) if table is not None else None
        if table is None or definition is None:
            raise RefusedError("there is no such table any more", where=self._connector.address)
        if not table.suspended:
            return True
        if reason := self._history.refusal(definition):
            raise RefusedError(reason)
        prepared = xa.undecided(self._session, self._server)
        if prepared:
            raise TableBusyError(
                f"transactions prepared by XA are not decided: {xa.shown(prepared)}",
                where=self._connector.address,
                fix=f"{xa.DECIDE}; it is tried again",
            )
        definition = replace(definition, estimated_rows=0)
        seen = self._seen.get(topic)
        if seen is not None and seen[0] == definition:
            if self._history.mark < seen[1]:
                return False
            if self._is_unchanged(definition, seen[1]):
                del self._seen[topic]
                here = fields(log_end(self._session, self._server), self._server)
                self._history.take_up(table.name, definition, here)
                return True
        self._seen[topic] = definition, log_end(self._session, self._server).mark
        return False

    def _is_unchanged(self, definition: TableDefinition, mark: str) -> bool:
        connector, session, server = self._connector, self._session, self._server
        same = scan.unchanged(connector, session, server, definition.name, mark)
        return same and scan.undecided_since(connector, session, server, mark)
