"""A log that is gone: said with the command that mends it, never jumped over, and loaded anew where somebody asks."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.workload import is_mysql
from tests.servers import Database

SOURCES = ("postgres15", "mysql_defaults")


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("gone") as database:
        yield database


def lose(source: Database) -> None:
    """What capture has not read yet goes: the slot, or the binlog's files."""
    if not is_mysql(source):
        ours = "FROM pg_replication_slots WHERE database = current_database()"
        servers.wait_until(lambda: source.value(f"SELECT NOT active {ours}"), 20, "nobody reads from the slot")
        slot = source.value(f"SELECT slot_name {ours}")
        source.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
        return
    server = source.server
    for _ in range(2):
        server.query("FLUSH BINARY LOGS")
    last = server.query("SHOW BINARY LOGS")[-1][0]

    def purged() -> bool:
        server.query(f"PURGE BINARY LOGS TO '{last}'")
        return bool(server.query("SHOW BINARY LOGS")[0][0] == last)

    servers.wait_until(purged, 30, "the binlogs are purged")


def copied(folder: Path, table: str) -> Counter[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "copy.db", timeout=30)) as connection:
        return Counter(connection.execute(f"SELECT * FROM {table}").fetchall())


def rows(source: Database, table: str) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row) for row in source.query(f"SELECT * FROM {table}"))


def events(file: PipelineFile) -> dict[str, list[Any]]:
    """Their values, by the name of the table; None is a tombstone."""
    found: dict[str, list[Any]] = defaultdict(list)
    for event in file.tail("--timeout", "0.5"):
        found[event["topic"].rpartition(".")[2]].append(event["value"])
    return found


def epochs(values: Sequence[dict[str, Any] | None]) -> list[str]:
    """In the order in which they came, each once."""
    return list(dict.fromkeys(value["source"]["tailrace_seq"][:4] for value in values if value is not None))


def test_a_log_that_is_gone_is_begun_anew_where_somebody_asks(
    source: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v varchar(20))")
    source.executemany("INSERT INTO t VALUES (%s, %s)", [(n, f"v{n}") for n in range(60)])
    source.execute("CREATE TABLE bare (n int, v varchar(20))")
    source.executemany("INSERT INTO bare VALUES (%s, 'b')", [(n,) for n in range(20)])
    if not is_mysql(source):
        source.execute("ALTER TABLE bare REPLICA IDENTITY FULL")
    sinks = [text.sink("copy", f"sqlite:///{tmp_path / 'copy.db'}")]
    tables = [f"{source.name}.t" if is_mysql(source) else "public.t"]
    if "postgres15" in request.node.name:  # refuses tables without a key
        kv = request.getfixturevalue("dynamodb")
        sinks.append(
            f'[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "{kv.endpoint}"\nregion = "eu-west-1"\n'
            f'prefix = "{servers.unique_name("gone")}_"\ntables = ["{tables[0]}"]\n'
        )
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(source.url), *sinks))
    state = tmp_path / "state"
    try:
        first = file.until_caught_up()
        assert first.code == 0, first.stderr

        # Meanwhile nobody reads, and then what happened is in no log any more.
        source.execute("DELETE FROM t WHERE id >= 40")
        source.execute("UPDATE t SET v = 'changed' WHERE id < 10")
        source.execute("INSERT INTO t VALUES (1000, 'new')")
        source.execute("DELETE FROM bare WHERE n < 10")
        source.execute("ALTER TABLE t ADD COLUMN w int DEFAULT 7")
        source.execute("CREATE TABLE later (id int PRIMARY KEY, v varchar(20))")
        source.execute("INSERT INTO later VALUES (1, 'x')")
        lose(source)
        source.execute("INSERT INTO t VALUES (1001, 'behind', 8)")
        before = copied(tmp_path, "t")
        refused = file.until_caught_up()
        assert refused.code == 6, refused.stderr
        assert f"tailrace reload {file.path} --all --resync" in refused.stderr
        assert copied(tmp_path, "t") == before, "nothing is jumped over by itself"

        asked = file.command("reload", "--all", "--resync")
        assert asked.code == 0, asked.stderr
        assert "in a new epoch" in asked.stdout
        done = file.until_caught_up()
        assert done.code == 0, done.stderr
        for table in ("t", "bare", "later"):
            assert copied(tmp_path, table) == rows(source, table), table
        assert not [name for name in ("reload-all", "log-gone") if (state / name).exists()]

        # From then on it goes on as ever; the same request, while the log is there, leaves it where it is.
        renewed = rows(source, "t").total()
        source.execute("UPDATE t SET v = 'after' WHERE id = 1001")
        source.execute("INSERT INTO bare VALUES (100, 'after')")
        with closing(sqlite3.connect(tmp_path / "copy.db")) as connection, connection:
            connection.execute("DELETE FROM t WHERE id < 5")
            connection.execute("INSERT INTO t (id, v) VALUES (5000, 'stranger')")
        asked = file.command("reload", "--all", "--resync")
        assert asked.code == 0, asked.stderr
        assert "goes on from where it stands" in asked.stdout
        assert file.until_caught_up().code == 0
        verified = file.command("verify")
        assert verified.code == 0, verified.stdout
        found = events(file)
        assert epochs(found["t"]) == epochs(found["bare"]) == ["0001", "0002"]
        loaded = [value for value in found["t"] if value is not None and value["op"] == "r"]
        assert len(loaded) == 60 + 2 * renewed
        assert [value["after"]["id"] for value in found["t"] if value is not None and value["op"] == "u"] == [1001]
        assert not (state / "reload-all").exists()
    finally:
        assert file.command("teardown", "--yes").code == 0
