"""How hard a MySQL or MariaDB server is at work, and how far its replicas are behind, for the full load's limits."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.config.interpolation import Interpolated
from tailrace.errors import TailraceError
from tailrace.source import Gauge
from tailrace_mysql.connection import Connector, Session
from tailrace_mysql.server import Server, inspect
from tailrace_mysql.settings import MySQLSourceSettings

_LAGS = ("seconds_behind_source", "seconds_behind_master")
_ERRORS = ("last_sql_error", "last_io_error")


class MySQLGauges:
    """Implements `tailrace.source.Gauges`."""

    def __init__(self, settings: MySQLSourceSettings, replicas: Sequence[Interpolated]) -> None:
        self._session = Session(Connector(settings))
        # A replica is asked in no database, so that its URL need not name one.
        self._replicas = [
            _Replica(Connector(settings.model_copy(update={"url": url, "tables": ("*",)}))) for url in replicas
        ]

    def active_sessions(self) -> Gauge:
        """See `Gauges.active_sessions`."""
        [(name, value)] = self._session.query(r"SHOW GLOBAL STATUS LIKE 'Threads\_running'")
        return Gauge(str(name), int(value))

    def replica_lags(self) -> list[Gauge]:
        """See `Gauges.replica_lags`."""
        return [replica.lag() for replica in self._replicas]

    def close(self) -> None:
        self._session.close()
        for replica in self._replicas:
            replica.close()


class _Replica:
    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._session = Session(connector)
        self._server: Server | None = None

    def lag(self) -> Gauge:
        """Of the channel that is furthest behind."""
        name = f"lag of replica {self._connector.url.address}"
        try:
            if self._server is None:
                self._server = inspect(self._session)
            channels = self._session.rows(_question(self._server))
        except TailraceError as error:
            self._session.close()
            return Gauge(name, None, error.what)
        if not channels:
            return Gauge(name, None, "it is no replica")
        seconds = []
        for channel in channels:
            behind = next((channel[column] for column in _LAGS if column in channel), None)
            if behind is None:
                why = next((str(channel[column]) for column in _ERRORS if channel.get(column)), "")
                return Gauge(name, None, why or "its replication does not run")
            seconds.append(int(behind))
        return Gauge(name, max(seconds))

    def close(self) -> None:
        self._session.close()


def _question(server: Server) -> str:
    if server.mariadb:
        return "SHOW ALL SLAVES STATUS"
    return "SHOW REPLICA STATUS" if server.version >= (8, 0, 22) else "SHOW SLAVE STATUS"
