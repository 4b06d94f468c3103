"""The servers' own command line programs, for dumps without rows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.servers import Database
from tests.servers.debian import mysql_tree
from tests.servers.postgres import Postgres, Postgres18
from tests.servers.process import program

_MYSQL = ["--no-data", "--routines", "--triggers", "--events", "--skip-comments", "--skip-add-drop-table"]
_POSTGRES = ["--schema-only", "--no-owner", "--no-privileges"]
#: What says nothing of an object, or is another word in each dump.
_CHARACTER_SETS = re.compile(r"^/\*!\d+ SET (@saved_cs_client|character_set_client) .*\n", re.MULTILINE)
_NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|SET .*;|SELECT pg_catalog\.set_config.*)\n", re.MULTILINE)


def dump(database: Database) -> str:
    """Statements that make all that a database holds but its rows."""
    if isinstance(database.server, Postgres):
        text = _run([*_postgres("pg_dump"), *_POSTGRES, f"--dbname={database.url}"])
        text = "SET check_function_bodies = false;\n\n" + _NOISE.sub("", text)
    else:
        name = "mariadb-dump" if database.server.kind == "mariadb" else "mysqldump"
        gtids = [] if name == "mariadb-dump" else ["--set-gtid-purged=OFF", "--no-tablespaces"]
        text = _run([*_mysql(name), *_login(database), *_MYSQL, *gtids, database.name])
        text = _CHARACTER_SETS.sub("", re.sub(r"^/\*M?!999999.*\n", "", text)).replace(f"`{database.name}`.", "")
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def load(database: Database, path: Path) -> None:
    """Runs a dump's statements."""
    text = path.read_text()
    if isinstance(database.server, Postgres):
        options = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", f"--dbname={database.url}"]
        _run([*_postgres("psql"), *options], text)
    else:
        name = "mariadb" if database.server.kind == "mariadb" else "mysql"
        _run([*_mysql(name), *_login(database), database.name], text)


def _postgres(name: str) -> list[str | Path]:
    """Version 18's, which know the servers before it."""
    return [Postgres18.binaries() / name]


def _mysql(name: str) -> list[str | Path]:
    if name.startswith("mariadb"):
        return [program(name, package="mariadb-client")]
    root = mysql_tree()
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    return [loader, "--library-path", f"{root}/usr/lib/x86_64-linux-gnu", root / "usr/bin" / name]


def _login(database: Database) -> list[str]:
    login = database.server.login
    password = [f"--password={login.password}"] if login.password else []
    address = [f"--host={login.host}", f"--port={login.port}", f"--user={login.user}", *password]
    return ["--no-defaults", *address, "--default-character-set=utf8mb4"]


def _run(command: list[str | Path], text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout
