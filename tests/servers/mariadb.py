"""MySQL's family: what MariaDB and MySQL servers share, and MariaDB 10.11 of the distribution."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, ClassVar

from .cache import copy_folder, entry
from .process import ServerError, program, run
from .server import Option
from .sql import SqlServer

# These must be known when the data folder is initialised; the others only when the server starts.
_INITIAL = ("lower-case-table-names", "innodb-page-size", "innodb-data-file-path", "character-set-server")


class MySQLFamily(SqlServer):
    """A server that speaks MySQL's protocol; `root` has no password, from anywhere."""

    scheme = "mysql"
    default_port = 3306
    administrator = "root"
    defaults: ClassVar[dict[str, Option]]

    def connect(self, database: str = "", autocommit: bool = True) -> Any:
        """A PyMySQL connection as root."""
        import pymysql

        return pymysql.connect(
            host=self.login.host,
            port=self.login.port,
            user=self.login.user,
            password=self.login.password or "",
            database=database or None,
            autocommit=autocommit,
            charset="utf8mb4",
            connect_timeout=10,
            # PyMySQL would else read all of the system's certificates (16 ms), and then look at none.
            ssl_disabled=True,
        )

    def _create(self, name: str) -> None:
        self.query(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")

    def _drop(self, name: str) -> None:
        # A connection that a test left inside a transaction holds a lock that would let DROP DATABASE wait.
        for (number,) in self.query("SELECT id FROM information_schema.processlist WHERE db = %s", (name,)):
            with contextlib.suppress(Exception):  # it may just have gone by itself
                self.query(f"KILL {number}")
        self.query(f"DROP DATABASE IF EXISTS `{name}`")

    def probe(self) -> bool:
        """True once root can run a query."""
        return self.query("SELECT 1") == [(1,)]

    # -- command line

    def merged_options(self) -> dict[str, Option]:
        """The kind's own options with the asked ones on top, names with dashes."""
        merged = {**self.defaults, **{name.replace("_", "-"): value for name, value in self.options.items()}}
        return {name: value for name, value in merged.items() if value is not None}

    def arguments(self) -> list[str]:
        """The options as command line arguments."""
        return [f"--{name}={value}" for name, value in self.merged_options().items()]

    def initial_arguments(self) -> list[str]:
        """Those options that initialising needs to know."""
        return [f"--{name}={value}" for name, value in self.merged_options().items() if name in _INITIAL]

    def template_name(self, version: str) -> str:
        """The cache entry of an initialised data folder: one per version and initial options."""
        key = json.dumps([version, self.initial_arguments()])
        return f"{self.kind.partition('-')[0]}-data-{hashlib.sha256(key.encode()).hexdigest()[:12]}"

    def common_arguments(self) -> list[str]:
        """Addresses and folders; a server process run by root must be told that it may."""
        self.login = type(self.login)(self.scheme, self.administrator, None, "127.0.0.1", self.port)
        root = ["--user=root"] if os.geteuid() == 0 else []
        return [
            *root,
            f"--datadir={self.folder}/data",
            # Another server removes what it takes for its own leftovers from the system's folder.
            f"--tmpdir={self.folder}",
            f"--socket={self.folder}/mysql.sock",
            f"--pid-file={self.folder}/mysql.pid",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
        ]

    def copy_template(self, template: Path) -> None:
        """Puts a copy of the template into the server's folder."""
        copy_folder(template, self.folder / "data")


class MariaDB(MySQLFamily):
    """MariaDB 10.11, Debian's package; binary log in rows with full metadata."""

    kind = "mariadb"
    version = "10.11"
    environment = "TAILRACE_TEST_MARIADB_URL"
    defaults: ClassVar[dict[str, Option]] = {
        "server-id": 1,
        "log-bin": "binlog",
        "binlog-format": "ROW",
        "binlog-row-metadata": "FULL",
        "gtid-strict-mode": "ON",
        "character-set-server": "utf8mb4",
        "max-connections": 200,
        "innodb-buffer-pool-size": "64M",
        "innodb-log-file-size": "48M",
        # To the operating system at each commit, never to the disk: what was committed survives SIGKILL.
        "innodb-flush-log-at-trx-commit": 2,
        "sync-binlog": 0,
    }

    @classmethod
    def fetch(cls) -> None:
        """Only looks whether the package is there."""
        program("mariadbd", package="mariadb-server")
        program("mariadb-install-db", package="mariadb-server")

    def prepare(self) -> None:
        """A data folder where root has no password and nobody else has an account."""
        server = program("mariadbd", package="mariadb-server")
        version = run([server, "--version"], cwd=self.folder)

        def build(folder: Path) -> None:
            root = ["--user=root"] if os.geteuid() == 0 else []
            run(
                [
                    program("mariadb-install-db", package="mariadb-server"),
                    "--no-defaults",
                    *root,
                    f"--datadir={folder}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    "--innodb-log-file-size=4M",
                    *self.initial_arguments(),
                ],
                cwd=folder,
            )
            if not (folder / "mysql").is_dir():
                raise ServerError(f"mariadb-install-db left no system tables in {folder}; run .ci/provision")
            # The log file is created anew at start in the size asked for.
            shutil.rmtree(folder / "#rocksdb", ignore_errors=True)

        self.copy_template(entry(self.template_name(version), build, "tests.servers: initialising MariaDB"))

    def command(self) -> list[str | Path]:
        """`mariadbd` without anybody's option files."""
        return [
            program("mariadbd", package="mariadb-server"),
            "--no-defaults",
            *self.common_arguments(),
            "--skip-name-resolve",
            *self.arguments(),
        ]
