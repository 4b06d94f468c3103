"""The loads: sysbench on MySQL and MariaDB, pgbench on PostgreSQL, each Debian's; and a bank beside them.

The bank (`tests.pipelines.bank`) knows what it has committed, which the benchmarks do not tell.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.pipelines.bank import Bank
from tests.servers import Database, ServerError
from tests.servers.process import program

#: Transactions a second of the benchmark; of the bank, some ten at a time.
RATE = 120
CLIENTS = 4
BANK_TRANSACTIONS, BANK_PAUSE_SECONDS = 3, 0.1
SYSBENCH_TABLES, SYSBENCH_ROWS = 4, 5_000
PGBENCH_TABLES = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history")


class Sysbench:
    """oltp_write_only: each transaction updates two rows of a table, deletes a third and inserts it again."""

    name = "sysbench"
    tables: Sequence[str] = tuple(f"sbtest{number + 1}" for number in range(SYSBENCH_TABLES))

    def __init__(self, source: Database) -> None:
        login = source.server.login
        self._command = [
            str(program("sysbench", package="sysbench")),
            "oltp_write_only",
            "--db-driver=mysql",
            f"--mysql-host={login.host}",
            f"--mysql-port={login.port}",
            f"--mysql-user={login.user}",
            f"--mysql-password={login.password or ''}",
            f"--mysql-db={source.name}",
            f"--tables={SYSBENCH_TABLES}",
            f"--table-size={SYSBENCH_ROWS}",
        ]

    def prepare(self) -> None:
        _run([*self._command, "prepare"])

    def command(self, seconds: int) -> list[str]:
        return [*self._command, f"--threads={CLIENTS}", f"--rate={RATE}", f"--time={seconds}", "run"]


class Pgbench:
    """Its own transaction, like TPC-B: three updates, and a row for a history without a key."""

    name = "pgbench"
    tables: Sequence[str] = PGBENCH_TABLES

    def __init__(self, source: Database) -> None:
        login = source.server.login
        self._source = source
        pgbench = str(program("pgbench", "/usr/lib/postgresql/15/bin", package="postgresql-15"))
        self._command = [pgbench, "-h", login.host, "-p", str(login.port), "-U", login.user]

    def prepare(self) -> None:
        _run([*self._command, "--initialize", "--quiet", "--scale=1", self._source.name])
        # The row before a change is what events are held against each other by.
        self._source.script(*(f"ALTER TABLE {table} REPLICA IDENTITY FULL" for table in PGBENCH_TABLES))

    def command(self, seconds: int) -> list[str]:
        options = ["--no-vacuum", f"--client={CLIENTS}", f"--rate={RATE}", f"--time={seconds}"]
        return [*self._command, *options, self._source.name]


Load = Sysbench | Pgbench


def load_of(source: Database) -> Load:
    return Sysbench(source) if source.server.login.scheme == "mysql" else Pgbench(source)


@contextmanager
def working(load: Load, bank: Bank, seconds: int, log: Path) -> Iterator[None]:
    """The block runs beside the load, and ends when the load does.

    Raises:
        ServerError: the benchmark has failed.
    """
    done = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while not done.wait(BANK_PAUSE_SECONDS):
                bank.work(BANK_TRANSACTIONS)
        except BaseException as error:
            errors.append(error)

    banking = threading.Thread(target=work, name="bank")
    with log.open("ab") as output:
        process = subprocess.Popen(load.command(seconds), stdout=output, stderr=output)
    banking.start()
    try:
        yield
        code = process.wait(seconds + 60)
        if code:
            raise ServerError(f"{load.name} ended with code {code}: {log.read_text()[-2000:]}")
    finally:
        done.set()
        process.kill()
        process.wait()
        banking.join()
    if errors:
        raise errors[0]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise ServerError(f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")
