"""How fast the servers' own tools take the log off the server, and throw it away."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Run
from benchmarks.processes import ContenderError, Finished, run, server_cpu
from benchmarks.stage import Stage
from tests.servers.debian import mysql_tree
from tests.servers.process import program


class Binlog:
    """`mariadb-binlog` or MySQL's `mysqlbinlog` with `--read-from-remote-server --raw`, into memory."""

    rounds = None

    def __init__(self, stage: Stage) -> None:
        self._is_mysql = stage.source.server.kind == "mysql"
        self.name = "mysqlbinlog" if self._is_mysql else "mariadb-binlog"
        self._stage = stage
        self._from = ("", 0)

    def prepare(self, number: int) -> None:
        """The place in the log."""
        self._from = binlog_place(self._stage)

    def run(self, number: int) -> Run:
        """To the end of the log."""
        login = self._stage.source.server.login
        file, position = self._from
        pid = self._stage.source.server.pid
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, server_cpu(source=pid) as servers:
            done = run(
                [
                    *(
                        mysql_tool("mysqlbinlog")
                        if self._is_mysql
                        else [program("mariadb-binlog", package="mariadb-client")]
                    ),
                    *("--no-defaults", "--read-from-remote-server", "--raw", "--to-last-log"),
                    "--ssl-mode=DISABLED" if self._is_mysql else "--skip-ssl",
                    *(f"--host={login.host}", f"--port={login.port}", f"--user={login.user}"),
                    *(f"--start-position={position}", f"--result-file={folder}/", file),
                ]
            )
            read = sum(written.stat().st_size for written in Path(folder).iterdir())
        if read < self._size():
            raise ContenderError(f"{self.name} read {read} bytes of a log of {self._size()}")
        return limit(self._stage.work.rows, done, servers)

    def _size(self) -> int:
        """Bytes of the log from the place on."""
        file, position = self._from
        logs = self._stage.source.query("SHOW BINARY LOGS")
        return sum(int(size) for name, size, *_ in logs if name >= file) - position


def mysql_tool(name: str) -> list[str | Path]:
    """Out of the unpacked packages, through their own loader."""
    root = mysql_tree()
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    return [loader, "--library-path", root / "usr/lib/x86_64-linux-gnu", root / "usr/bin" / name]


class PgRecvlogical:
    """`pg_recvlogical` with pgoutput, to /dev/null."""

    rounds = None

    def __init__(self, stage: Stage) -> None:
        self.name = "pg_recvlogical"
        self._stage = stage

    def prepare(self, number: int) -> None:
        """A slot and the publication."""
        create_slot(self._stage, f"recv{number}")

    def run(self, number: int) -> Run:
        """To the end of the log as it is now."""
        source = self._stage.source
        login = source.server.login
        # It leaves when the server tells of a position behind the end.
        end = source.value("SELECT pg_current_wal_lsn()")
        with server_cpu(source=source.server.pid) as servers:
            done = run(
                [
                    program("pg_recvlogical", "/usr/lib/postgresql/15/bin", package="postgresql-client-15"),
                    *(f"--host={login.host}", f"--port={login.port}", f"--username={login.user}"),
                    *(f"--dbname={source.name}", f"--slot=recv{number}", "--start", "--no-loop"),
                    *(f"--endpos={end}", "--file=/dev/null", "--fsync-interval=0"),
                    *("--option=proto_version=1", f"--option=publication_names={PUBLICATION}"),
                ]
            )
        return limit(self._stage.work.rows, done, servers)


PUBLICATION = "bench"


def create_slot(stage: Stage, name: str) -> None:
    """A slot of pgoutput from here on; the publication of the work's tables, if it is missing."""
    if not stage.source.query("SELECT 1 FROM pg_publication WHERE pubname = %s", (PUBLICATION,)):
        stage.source.execute(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(stage.work.tables)}")
    stage.source.query("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))


def binlog_place(stage: Stage) -> tuple[str, int]:
    """File and position of the end of the binlog."""
    status = "BINARY LOG" if stage.source.server.kind == "mysql" else "MASTER"
    file, position, *_ = stage.source.query(f"SHOW {status} STATUS")[0]
    return file, position


def limit(rows: int, done: Finished, servers: dict[str, float]) -> Run:
    """As a run: nothing was counted, the server was read to the end of its log."""
    return Run(
        rows,
        done.seconds,
        done.cpu_seconds,
        done.peak_mb,
        more={"warm_rows_per_second": rows / done.seconds, **servers},
    )
