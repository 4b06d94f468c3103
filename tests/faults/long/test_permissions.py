"""Passwords and certificates that are changed, privileges that are withdrawn and given back, targets set read-only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.faults.links import BACK_SECONDS, Rig
from tests.integration.test_postgres_tls import self_signed
from tests.servers import Database, start, unique_name
from tests.servers.process import Account, temporary_folder


@pytest.fixture
def certified() -> Iterator[tuple[Any, Path]]:
    """A server with a certificate, and the folder that holds it."""
    account = Account.unprivileged()
    folder = temporary_folder("tls", account)
    self_signed(folder, "server", "127.0.0.1")
    if account is not None:
        account.own(folder)
    options = {"ssl": "on", "ssl_cert_file": f"{folder}/server.crt", "ssl_key_file": f"{folder}/server.key"}
    with start("postgres15", options) as server:
        yield server, folder


def test_what_is_withdrawn_is_named_and_what_is_given_back_is_taken(
    mariadb: Any, mysql: Any, certified: tuple[Any, Path], tmp_path: Path
) -> None:
    postgres, certificates = certified
    user = unique_name("u").lower()[:30]
    secret = tmp_path / "password"
    secret.write_text("one\n")
    authority = tmp_path / "ca.crt"
    authority.write_bytes((certificates / "server.crt").read_bytes())
    with mariadb.database("src") as source, mysql.database("dst") as my, postgres.database("dst") as pg:
        for server, grant in ((mariadb, ""), (mysql, f"GRANT ALL ON {my.name}.* TO {user}")):
            server.query(f"CREATE USER {user} IDENTIFIED BY 'one'")
            server.query(grant or f"GRANT SELECT, LOCK TABLES ON {source.name}.* TO {user}")
        mariadb.query(f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {user}")
        pg.script(f"CREATE ROLE {user} LOGIN PASSWORD 'one'", f"GRANT CREATE, USAGE ON SCHEMA public TO {user}")
        databases = {"source": source, "my": my, "pg": pg}
        rig = Rig(
            tmp_path,
            source,
            {"my": my, "pg": pg},
            urls={name: with_file(database, user, secret) for name, database in databases.items()},
            sink_keys={"pg": f'tls = {{ mode = "verify-full", ca = "{authority}" }}\n'},
        )
        try:
            with rig.running():
                passwords(rig, databases, user, secret)
                certificate(rig, pg, user, certificates, authority)
                privileges(rig, databases, user)
        finally:
            mysql.query("SET GLOBAL read_only = OFF")
            for server in (mariadb, mysql):
                server.query(f"DROP USER {user}")


def with_file(database: Database, user: str, secret: Path) -> str:
    return database.url_as(user, "SECRET").replace("SECRET", f"${{file:{secret}}}")


def passwords(rig: Rig, databases: dict[str, Database], user: str, secret: Path) -> None:
    """Changed at the servers first, then in the file: in between nobody gets in."""
    # The source last: without changes nobody needs a target.
    for worker, name in (("pg", "pg"), ("my", "my"), ("capture", "source")):
        database = databases[name]
        if name == "pg":
            database.execute(f"ALTER ROLE {user} PASSWORD 'two'")
        else:
            database.server.query(f"ALTER USER {user} IDENTIFIED BY 'two'")
        hang_up(database, user)
        rig.until_told(worker, ["password", "Access denied"])
    secret.write_text("two\n")
    rig.until_well(BACK_SECONDS)
    rig.until_moved(30)


def certificate(rig: Rig, pg: Database, user: str, certificates: Path, authority: Path) -> None:
    self_signed(certificates, "server", "127.0.0.1")
    if (account := Account.unprivileged()) is not None:
        account.own(certificates)
    pg.execute("SELECT pg_reload_conf()")
    rig.until_moved(30)
    hang_up(pg, user)
    rig.until_told("pg", ["certificate"])
    authority.write_bytes((certificates / "server.crt").read_bytes())
    rig.until_well(BACK_SECONDS)
    rig.until_moved(30)


def privileges(rig: Rig, databases: dict[str, Database], user: str) -> None:
    source, my, pg = databases["source"], databases["my"], databases["pg"]
    source.server.query(f"REVOKE REPLICATION SLAVE ON *.* FROM {user}")
    hang_up(source, user)
    rig.until_told("capture", ["REPLICATION SLAVE"])
    source.server.query(f"GRANT REPLICATION SLAVE ON *.* TO {user}")
    rig.until_well(BACK_SECONDS)

    pg.execute(f"REVOKE INSERT, UPDATE ON counted FROM {user}")
    rig.until_told("pg", ["permission denied"])
    pg.execute(f"GRANT INSERT, UPDATE ON counted TO {user}")
    rig.until_well(BACK_SECONDS)

    my.server.query("SET GLOBAL read_only = ON")
    rig.until_told("my", ["read-only"])
    my.server.query("SET GLOBAL read_only = OFF")
    rig.until_well(BACK_SECONDS)

    my.server.query(f"REVOKE INSERT ON {my.name}.* FROM {user}")
    hang_up(my, user)  # a session keeps what it has in its database
    rig.until_told("my", ["privilege"])
    my.server.query(f"GRANT INSERT ON {my.name}.* TO {user}")
    rig.until_well(BACK_SECONDS)
    rig.until_moved(30)


def hang_up(database: Database, user: str) -> None:
    """Ends the user's sessions, as a change of passwords does at many sites."""
    if database.server.login.scheme == "postgresql":
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (user,))
        return
    for (number,) in database.server.query(f"SELECT id FROM information_schema.processlist WHERE user = '{user}'"):
        with contextlib.suppress(pymysql.err.OperationalError):  # one may end by itself
            database.server.query(f"KILL {number}")
