"""A log that does not reach back to the stored position any more: refuse, say what to do, and move nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.config import load
from tailrace.position import POSITION_KEY
from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.servers import Database

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))"
FAMILY = ("mysql", "mariadb")


class Stopped:
    """A pipeline that has caught up with three rows and was stopped."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.database = database
        self.name = "lost"
        self.slot = "tailrace_lost"
        self.pipeline = PipelineFile(folder, text.pipeline(folder, text.source(database.url), name=self.name))
        database.execute(TABLE)
        self.insert(1, 2, 3)
        done = self.pipeline.until_caught_up()
        assert done.code == 0, done.stderr
        self.stored = self._stored()

    def insert(self, *keys: int) -> None:
        for key in keys:
            self.database.execute("INSERT INTO t VALUES (%s, 'row')", (key,))

    def _stored(self) -> tuple[bytes, dict[Any, int]]:
        """The position, and where the stream ends."""
        with contextlib.closing(load(str(self.pipeline.path)).create_stream().reader("")) as reader:
            return reader.state()[POSITION_KEY], dict(reader.ends())

    def assert_refused(self, *words: str) -> None:
        """Exit 6 and one line; the position and the stream are as they were; `status` still tells it."""
        run = self.pipeline.command("run", timeout=90)
        assert run.code == 6, run.stderr
        errors = [line for line in run.stderr.splitlines() if line.startswith("tailrace: error:")]
        assert [run.stderr.splitlines()[-1]] == errors, run.stderr
        assert "Traceback" not in run.stderr
        for word in (*words, f"tailrace reload {self.pipeline.path} --all --resync"):
            assert word in errors[0], errors[0]
        assert self._stored() == self.stored
        status = self.pipeline.command("status")
        assert status.code == 3
        assert errors[0].removeprefix("tailrace: error: ") in status.stdout, status.stdout

    def assert_mended(self, *keys: int) -> None:
        """By the command that the line names: a new epoch, which begins with all rows that there are."""
        asked = self.pipeline.command("reload", "--all", "--resync")
        assert asked.code == 0, asked.stderr
        again = self.pipeline.until_caught_up()
        assert again.code == 0, again.stderr
        values = [event["value"] for event in self.pipeline.tail("--timeout", "0")]
        loaded = [value for value in values if value["op"] == "r" and value["source"]["tailrace_seq"] > "0002"]
        assert sorted(value["after"]["id"] for value in loaded) == list(keys)
        assert not [value for value in values if value["source"]["tailrace_seq"] > "0003"]


# ---- MySQL and MariaDB: servers of their own, because the logs are reset


@pytest.fixture(scope="module")
def own_mysql() -> Iterator[servers.MySQL]:
    with servers.start("mysql", {"server-id": 7}) as server:
        yield server


@pytest.fixture(scope="module")
def own_mariadb() -> Iterator[servers.MariaDB]:
    with servers.start("mariadb", {"server-id": 7}) as server:
        yield server


@pytest.fixture
def binlog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stopped]:
    with request.getfixturevalue(f"own_{request.param}").database() as database:
        reset(database)
        yield Stopped(tmp_path, database)


def reset(database: Database) -> None:
    kind = database.server.kind
    database.execute("RESET BINARY LOGS AND GTIDS" if kind == "mysql" else "RESET MASTER")


def seconds(database: Database) -> int:
    """The server's clock, as finely as a binlog file says when it was begun."""
    return int(database.query("SELECT UNIX_TIMESTAMP()")[0][0])


@pytest.mark.parametrize("binlog", FAMILY, indirect=True)
def test_a_purged_binlog(binlog: Stopped) -> None:
    binlog.insert(4)
    binlog.database.execute("FLUSH BINARY LOGS")
    binlog.insert(5)

    def purged() -> bool:
        """A server keeps a file that it is sending, which it goes on with for moments after the reader left."""
        last = binlog.database.query("SHOW BINARY LOGS")[-1][0]
        binlog.database.execute(f"PURGE BINARY LOGS TO '{last}'")
        return len(binlog.database.query("SHOW BINARY LOGS")) == 1

    until(purged, 30, "the binlog is purged")
    binlog.assert_refused("purged")


@pytest.mark.parametrize("binlog", FAMILY, indirect=True)
@pytest.mark.parametrize("later", [1, 40], ids=["shorter than before", "longer than before"])
def test_a_log_that_was_reset(binlog: Stopped, later: int) -> None:
    database = binlog.database
    stopped = seconds(database)
    # A file that is begun, read and reset within one second is not told from its successor.
    until(lambda: seconds(database) > stopped, 5, "the next second has come")
    reset(database)
    binlog.insert(*range(4, 4 + later))
    binlog.assert_refused("reset")


@pytest.mark.parametrize("binlog", FAMILY, indirect=True)
def test_another_server_under_the_same_address(binlog: Stopped, request: pytest.FixtureRequest) -> None:
    another = request.getfixturevalue(binlog.database.server.kind)
    with other_database(binlog, another):
        binlog.assert_refused("server")
        binlog.assert_mended(9)


@contextlib.contextmanager
def other_database(stopped: Stopped, server: Any) -> Iterator[None]:
    """The pipeline's URL names this server now, with a database and a table as the first one had."""
    name = stopped.database.name
    server._create(name)
    try:
        database = Database(server, name)
        database.execute(TABLE)
        database.execute("INSERT INTO t VALUES (9, 'another')")
        database.disconnect()
        path = stopped.pipeline.path
        path.write_text(path.read_text().replace(stopped.database.url, server.login.url(name)))
        yield
    finally:
        server._drop(name)


# ---- PostgreSQL


def drop(stopped: Stopped) -> None:
    stopped.database.query("SELECT pg_drop_replication_slot(%s)", (stopped.slot,))


def advance(stopped: Stopped) -> None:
    stopped.database.query("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (stopped.slot,))


def recreate(stopped: Stopped) -> None:
    drop(stopped)
    stopped.database.query("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (stopped.slot,))


def unpublish(stopped: Stopped) -> None:
    stopped.database.execute(f"DROP PUBLICATION {stopped.slot}")


@pytest.mark.parametrize(
    ("server", "damage", "words"),
    [
        ("postgres18", advance, ("slot tailrace_lost", "beyond our position")),
        ("postgres15", recreate, ("slot tailrace_lost", "beyond our position", "re-created")),
        ("postgres18", unpublish, ("publication tailrace_lost is gone",)),
    ],
)
def test_a_slot_that_is_not_as_we_left_it(
    server: str,
    damage: Callable[[Stopped], None],
    words: tuple[str, ...],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    with request.getfixturevalue(server).database() as database:
        stopped = Stopped(tmp_path, database)
        stopped.insert(4)
        damage(stopped)
        stopped.insert(5)
        stopped.assert_refused(*words)
        if damage is unpublish:
            stopped.assert_mended(1, 2, 3, 4, 5)
        assert stopped.pipeline.command("teardown", "--yes").code == 0


def test_a_slot_that_the_server_has_given_up(tmp_path: Path) -> None:
    keep = {"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "48MB"}
    with servers.start("postgres15", keep) as server, server.database() as database:
        stopped = Stopped(tmp_path, database)
        for _ in range(4):
            stopped.database.query("SELECT pg_logical_emit_message(false, 'fill', 'the log')")
            stopped.database.query("SELECT pg_switch_wal()")
        stopped.database.execute("CHECKPOINT")
        stopped.assert_refused("slot tailrace_lost", "given up", "max_slot_wal_keep_size")
        checked = stopped.pipeline.command("check")
        assert checked.code == 1
        assert "given up" in checked.stdout


def test_another_postgres_under_the_same_address(postgres15: Any, postgres18: Any, tmp_path: Path) -> None:
    with postgres18.database() as database:
        stopped = Stopped(tmp_path, database)
        with other_database(stopped, postgres15):
            stopped.assert_refused("another")
            stopped.assert_mended(9)
            assert stopped.pipeline.command("teardown", "--yes").code == 0
