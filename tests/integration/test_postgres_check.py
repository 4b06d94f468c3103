"""`check` of the PostgreSQL source on real servers: each prerequisite that fails, with its fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tailrace import renewal
from tailrace.source import Finding
from tests.capture.postgres import Capture, inserts_only
from tests.servers import Database, start


@pytest.fixture(params=["postgres15", "postgres18"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


def check(capture: Capture) -> dict[str, Finding]:
    source = capture.create()
    try:
        return {finding.name: finding for finding in source.check()}
    finally:
        source.close()


def failing(found: dict[str, Finding]) -> dict[str, str]:
    assert all(finding.fix for finding in found.values() if finding.ok is False)
    return {name: finding.fix for name, finding in found.items() if finding.ok is False}


def test_a_good_source_passes_and_is_left_as_it_was(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    found = check(Capture(database))
    assert failing(found) == {}
    assert [finding for finding in found.values() if finding.ok is None] == []
    assert found["wal_level"].detail == "logical"
    assert database.value("SELECT count(*) FROM pg_publication") == 0
    assert database.value("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == 0
    with Capture(database) as capture:
        assert failing(check(capture)) == {}


def test_tables_that_cannot_be_captured_are_named_with_what_mends_them(database: Database) -> None:
    database.script(
        "CREATE TABLE good (id int PRIMARY KEY)",
        "CREATE TABLE bare (a int)",
        "CREATE TABLE log (a int)",
        "CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY)",
    )
    found = check(Capture(database, entries=(inserts_only("public.log"),)))
    assert found["tables"].detail == "2 of 4 selected tables can be captured"
    assert list(failing(found)) == ["table public.bare"]
    assert 'ALTER TABLE "public"."bare" REPLICA IDENTITY FULL' in found["table public.bare"].fix
    assert found["table public.fleeting"].ok is None
    assert "SET LOGGED" in found["table public.fleeting"].fix
    database.execute(found["table public.bare"].fix.partition(",")[0])
    assert failing(check(Capture(database, entries=(inserts_only("public.log"),)))) == {}


def test_a_publication_that_is_not_ours_to_use_is_named(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE bare (a int)")
    capture = Capture(database, exclude=("public.bare",))
    name = capture.create()._publication
    for members in ("ALL TABLES", "TABLES IN SCHEMA public", "TABLE t WHERE (id > 5)", "TABLE t (id)"):
        database.execute(f'CREATE PUBLICATION "{name}" FOR {members}')
        fixes = failing(check(capture))
        assert list(fixes) == ["publication"]
        assert "drop it, or name another one with `publication`" in fixes["publication"]
        database.execute(f'DROP PUBLICATION "{name}"')
    # One of somebody else's makes no difference to us.
    database.execute(f'CREATE PUBLICATION "{name}_other" FOR ALL TABLES')
    assert failing(check(capture)) == {}


def test_no_table_is_a_failure(database: Database) -> None:
    assert list(failing(check(Capture(database)))) == ["tables"]


def test_a_role_without_rights(database: Database) -> None:
    role = f"r_{database.name}"
    database.script("CREATE TABLE t (id int PRIMARY KEY)", f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
    capture = Capture(database, url=database.url_as(role, "p"))
    try:
        found = check(capture)
        fixes = failing(found)
        assert fixes["role"] == f'ALTER ROLE "{role}" WITH REPLICATION LOGIN'
        assert fixes["table public.t"].startswith('GRANT SELECT ON "public"."t"')
        assert found["publication rights"].ok is None
        database.script(fixes["role"], f"GRANT SELECT ON t TO {role}")
        fixes = failing(check(capture))
        assert list(fixes) == ["publication"]
        database.execute(fixes["publication"].partition("run: ")[2])
        found = check(capture)
        assert failing(found) == {}
        assert found["publication"].detail.endswith("has exactly the captured tables")
    finally:
        database.script(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_wrong_password_and_an_unreachable_host(database: Database) -> None:
    for url in (database.url_as("nobody", "secret"), "postgresql://u:secret@127.0.0.1:1/x"):
        (finding,) = check(Capture(database, url=url)).values()
        assert (finding.name, finding.ok) == ("connection", False)
        assert "secret" not in finding.detail + finding.fix


def test_a_server_that_is_not_prepared() -> None:
    options: dict[str, str | int | None] = {"wal_level": "replica", "max_replication_slots": 0, "max_wal_senders": 0}
    with start("postgres15", options) as server, server.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        fixes = failing(check(Capture(database)))
        assert "wal_level = 'logical'" in fixes["wal_level"]
        assert "max_replication_slots = 5" in fixes["max_replication_slots"]
        assert "max_wal_senders = 5" in fixes["max_wal_senders"]


def test_settings_that_may_lose_the_slot_are_said() -> None:
    options = {"max_slot_wal_keep_size": "1GB", "idle_replication_slot_timeout": "1d"}
    with start("postgres18", options) as server, server.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        found = check(Capture(database))
        assert failing(found) == {}
        assert {name for name, finding in found.items() if finding.ok is None} == {
            "max_slot_wal_keep_size",
            "idle_replication_slot_timeout",
        }


def test_a_slot_that_is_gone_is_said_until_somebody_has_asked_for_the_way_on(
    database: Database, tmp_path: Path
) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    source = Capture(database).create()
    source._context = replace(source._context, begun=lambda: True, state_dir=tmp_path)
    try:
        (found,) = [finding for finding in source.check() if finding.ok is False]
        assert (found.name, found.fix) == ("slot", "`tailrace reload FILE --all --resync`")
        assert "is gone" in found.detail
        renewal.ask(tmp_path)
        assert [finding for finding in source.check() if finding.ok is False] == []
    finally:
        source.close()


def test_tables_without_a_key_need_a_slot_and_a_sender_besides_our_own() -> None:
    others = "SELECT pg_create_physical_replication_slot('other')", "SELECT pg_drop_replication_slot('other')"
    with (
        start("postgres15", {"max_replication_slots": 2, "max_wal_senders": 2}) as server,
        server.database("pg") as database,
    ):
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        assert "tables without a key" not in check(Capture(database))
        database.script("CREATE TABLE bare (a int)", "ALTER TABLE bare REPLICA IDENTITY FULL")
        # Our own slot, which may be there and in use, or not, is not among those that are free.
        found = check(Capture(database))["tables without a key"]
        assert (found.ok, found.fix) == (True, "")
        assert "besides our own 1 and 1 are free" in found.detail
        with Capture(database) as capture:
            capture.changes()
            assert check(capture)["tables without a key"] == found
            database.execute(others[0])
            found = check(capture)["tables without a key"]
            assert found.ok is None, "a warning: what is captured needs none"
            assert "besides our own 0 and 1 are free" in found.detail
            assert found.fix == "ALTER SYSTEM SET max_replication_slots = 3, then restart the server"
        database.execute(others[1])
