"""How fast the servers' own tools take all rows off the server, and throw them away."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contenders.limits import limit, mysql_tool
from benchmarks.figures import Run
from benchmarks.processes import run, server_cpu
from benchmarks.stage import Stage
from benchmarks.works import is_mysql
from tests.servers.process import program


class Dump:
    """`mariadb-dump`, MySQL's `mysqldump`, or `COPY … TO STDOUT` in `psql`, a table after the other."""

    rounds = None

    def __init__(self, stage: Stage) -> None:
        kind = stage.source.server.kind
        self.name = {"mysql": "mysqldump", "mariadb": "mariadb-dump"}.get(kind, "copy")
        self._stage = stage

    def prepare(self, number: int) -> None:
        """Nothing."""

    def run(self, number: int) -> Run:
        """All tables of the work."""
        with server_cpu(source=self._stage.source.server.pid) as servers:
            done = run(self._mysql() if is_mysql(self._stage.source) else self._postgres())
        return limit(self._stage.work.rows, done, servers)

    def _mysql(self) -> list[str | Path]:
        login = self._stage.source.server.login
        mysql = self.name == "mysqldump"
        return [
            *(mysql_tool(self.name) if mysql else [program("mariadb-dump", package="mariadb-client")]),
            "--no-defaults",
            *(["--ssl-mode=DISABLED", "--set-gtid-purged=OFF", "--no-tablespaces"] if mysql else ["--skip-ssl"]),
            *(f"--host={login.host}", f"--port={login.port}", f"--user={login.user}"),
            *("--single-transaction", "--quick", "--result-file=/dev/null"),
            *(self._stage.source.name, *self._stage.work.tables),
        ]

    def _postgres(self) -> list[str | Path]:
        login = self._stage.source.server.login
        return [
            program("psql", "/usr/lib/postgresql/15/bin", package="postgresql-client-15"),
            *(f"--host={login.host}", f"--port={login.port}", f"--username={login.user}"),
            *("--no-psqlrc", f"--dbname={self._stage.source.name}", "--output=/dev/null"),
            *(f"--command=COPY {table} TO STDOUT" for table in self._stage.work.tables),
        ]
