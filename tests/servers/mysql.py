"""MySQL 9.7 from unpacked Debian packages: with GTIDs and full metadata, and with neither."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from .cache import entry
from .debian import mysql_tree
from .mariadb import MySQLFamily
from .process import run
from .server import Option

# In MySQL, `localhost` is a name, not 127.0.0.1: without name resolution root needs an account for addresses too.
_ACCOUNTS = """\
CREATE USER root@'%' IDENTIFIED BY '';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
GRANT PROXY ON ''@'' TO root@'%' WITH GRANT OPTION;
"""


class MySQL(MySQLFamily):
    """MySQL 9.7 with GTIDs and full row metadata."""

    kind = "mysql"
    version = "9.7"
    environment = "TAILRACE_TEST_MYSQL_URL"
    defaults: ClassVar[dict[str, Option]] = {
        "server-id": 1,
        "gtid-mode": "ON",
        "enforce-gtid-consistency": "ON",
        "binlog-row-metadata": "FULL",
        "max-connections": 200,
        "innodb-buffer-pool-size": "64M",
        "innodb-redo-log-capacity": "64M",
        # To the operating system at each commit, never to the disk: what was committed survives SIGKILL.
        "innodb-flush-log-at-trx-commit": 2,
        "sync-binlog": 0,
    }

    @classmethod
    def fetch(cls) -> None:
        """Downloads and unpacks the packages."""
        mysql_tree()

    @staticmethod
    def _program() -> list[str | Path]:
        """`mysqld` through its own loader: the system's C library is older."""
        root = mysql_tree()
        return [
            root / "usr/lib64/ld-linux-x86-64.so.2",
            "--library-path",
            f"{root}/usr/lib/x86_64-linux-gnu",
            root / "usr/sbin/mysqld",
            "--no-defaults",
            f"--basedir={root}/usr",
            f"--lc-messages-dir={root}/usr/share/mysql",
            f"--plugin-dir={root}/usr/lib/mysql/plugin",
        ]

    def prepare(self) -> None:
        """A data folder where root has no password and nobody else has an account."""
        version = run([*self._program(), "--version"], cwd=self.folder)

        def build(folder: Path) -> None:
            accounts = folder.parent / "accounts.sql"
            accounts.write_text(_ACCOUNTS)
            run(
                [
                    *self._program(),
                    "--initialize-insecure",
                    *(["--user=root"] if os.geteuid() == 0 else []),
                    f"--datadir={folder}",
                    f"--init-file={accounts}",
                    "--innodb-redo-log-capacity=8M",
                    *self.initial_arguments(),
                ],
                cwd=folder,
            )

        self.copy_template(entry(self.template_name(version), build, "tests.servers: initialising MySQL"))

    def command(self) -> list[str | Path]:
        """`mysqld` without anybody's option files."""
        return [
            *self._program(),
            *self.common_arguments(),
            "--skip-name-resolve",
            "--secure-file-priv=",
            "--mysqlx=OFF",
            *self.arguments(),
        ]


class MySQLDefaults(MySQL):
    """MySQL 9.7 with the defaults that most servers in use run with: no GTIDs, minimal row metadata.

    GTIDs are switched off by name, because 9.7 is the first release that has them on by default.
    """

    kind = "mysql-defaults"
    version = "9.7, GTIDs off"
    environment = "TAILRACE_TEST_MYSQL_DEFAULTS_URL"
    defaults: ClassVar[dict[str, Option]] = {
        **{name: value for name, value in MySQL.defaults.items() if name not in ("server-id", "binlog-row-metadata")},
        "gtid-mode": "OFF",
        "enforce-gtid-consistency": "OFF",
    }
