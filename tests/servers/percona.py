"""pt-online-schema-change, of Debian's percona-toolkit: changes a table by copying it while it is written."""

from __future__ import annotations

import subprocess

from .process import ServerError, program
from .sql import Database

_SECONDS = 120


def online_schema_change(database: Database, table: str, alter: str, *options: str) -> str:
    """Runs the tool to its end; what it said.

    Args:
        alter: the clauses of the ALTER TABLE.
        options: further ones of the tool's.
    """
    login = database.server.login
    dsn = f"h={login.host},P={login.port},u={login.user},p={login.password or ''},D={database.name},t={table}"
    done = subprocess.run(
        [
            program("pt-online-schema-change", package="percona-toolkit"),
            "--execute",
            f"--alter={alter}",
            "--recursion-method=none",
            "--no-version-check",
            "--charset=utf8mb4",
            *options,
            dsn,
        ],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    if done.returncode != 0:
        raise ServerError(f"pt-online-schema-change ended with code {done.returncode}: {said[-3000:]}")
    return said
