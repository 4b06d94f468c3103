"""How hard a PostgreSQL server is at work, and how far its standbys are behind, for the full load's limits.

https://www.postgresql.org/docs/current/monitoring-stats.html
"""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.config.interpolation import Interpolated
from tailrace.errors import RefusedError, TailraceError
from tailrace.source import Gauge
from tailrace_postgres.connection import Connection
from tailrace_postgres.settings import PostgresSourceSettings

#: A standby tells how far it is every ten seconds at least (`wal_receiver_status_interval`); one that has not for
#: longer, and is not where the log is, hangs.
_SILENT_SECONDS = 15

_ACTIVE = """
SELECT count(*) FROM pg_stat_activity
WHERE state = 'active' AND backend_type = 'client backend'
  AND application_name <> current_setting('application_name')
"""
# What reads a logical slot is no replica of the whole server, and we are among them. The lag of a standby that says
# nothing any more would stand still: its silence counts instead.
_STANDBYS = f"""
SELECT coalesce(nullif(standby.application_name, ''), 'standby'), coalesce(host(standby.client_addr), 'local'),
       greatest(
           extract(epoch FROM coalesce(standby.replay_lag, '0')),
           CASE WHEN standby.replay_lsn IS DISTINCT FROM here.lsn
                     AND clock_timestamp() - standby.reply_time > interval '{_SILENT_SECONDS} s'
                THEN extract(epoch FROM clock_timestamp() - standby.reply_time) ELSE 0 END)
FROM pg_stat_replication AS standby,
     (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) AS here
WHERE standby.state IN ('startup', 'catchup', 'streaming')
  AND standby.pid NOT IN (SELECT active_pid FROM pg_replication_slots
                          WHERE slot_type = 'logical' AND active_pid IS NOT NULL)
"""
# Without changes at the source the last replayed transaction grows old, and nothing is behind.
_BEHIND = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
                 AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL) THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END
"""


class PostgresGauges:
    """Implements `tailrace.source.Gauges`."""

    def __init__(self, settings: PostgresSourceSettings, replicas: Sequence[Interpolated]) -> None:
        self._settings = settings
        self._replicas = [_Replica(settings.model_copy(update={"url": url})) for url in replicas]
        self._open: Connection | None = None

    def active_sessions(self) -> Gauge:
        """See `Gauges.active_sessions`."""
        return Gauge("active sessions", int(self._connection.value(_ACTIVE)))

    def replica_lags(self) -> list[Gauge]:
        """See `Gauges.replica_lags`."""
        if self._replicas:
            return [replica.lag() for replica in self._replicas]
        return [
            Gauge(f"lag of standby {name} ({address})", float(seconds))
            for name, address, seconds in self._connection.query(_STANDBYS)
        ]

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        for replica in self._replicas:
            replica.close()

    @property
    def _connection(self) -> Connection:
        """Of a user who sees what others do: for anybody else the server leaves it out, and all would look idle."""
        if self._open is None:
            connection = Connection(self._settings)
            if not connection.value("SELECT pg_has_role('pg_read_all_stats', 'USAGE')"):
                connection.close()
                raise RefusedError(
                    "the user may not see what other sessions do, which the limits of [load] need",
                    where=connection.where,
                    fix="GRANT pg_monitor TO the source's user",
                )
            self._open = connection
        return self._open


class _Replica:
    def __init__(self, settings: PostgresSourceSettings) -> None:
        self._settings = settings
        self._open: Connection | None = None

    def lag(self) -> Gauge:
        url = self._settings.database_url()
        name = f"lag of replica {url.address}"
        try:
            if self._open is None or self._open.raw.closed:
                self._open = Connection(self._settings)
            [(standby, seconds)] = self._open.query(_BEHIND)
        except TailraceError as error:
            self.close()
            return Gauge(name, None, error.what)
        if not standby:
            return Gauge(name, None, "it is no standby")
        if seconds is None:
            return Gauge(name, None, "it has replayed no transaction yet")
        return Gauge(name, float(seconds))

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
