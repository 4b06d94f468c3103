"""A replica takes over from a real server: capture goes on there by GTIDs, or says that something is missing there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import pytest

from tailrace.errors import DataLossError
from tests import servers
from tests.integration.mysql_capture import Capture, create_t
from tests.servers import Database, wait_until
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL


class Second(MySQL):
    """With an identity of its own, where others are copies of one."""

    def prepare(self) -> None:
        super().prepare()
        (self.folder / "data" / "auto.cnf").unlink()


@contextmanager
def pair(kind: str) -> Iterator[tuple[Database, Database]]:
    """The same database on a server and on its replica."""
    mariadb = kind == "mariadb"
    replicating: MySQL | MariaDB = (
        MariaDB({"server-id": 2, "log-slave-updates": "ON"}) if mariadb else Second({"server-id": 2})
    )
    with servers.start(kind, {"server-id": 1}) as primary, replicating.start(), primary.database() as database:
        word, prefix = ("MASTER", "MASTER") if mariadb else ("REPLICATION SOURCE", "SOURCE")
        address = f"{prefix}_HOST = '127.0.0.1', {prefix}_PORT = {primary.port}, {prefix}_USER = 'root'"
        by_gtid = "MASTER_USE_GTID = slave_pos" if mariadb else "SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1"
        replicating.query(f"CHANGE {word} TO {address}, {by_gtid}")
        replicating.query("START SLAVE" if mariadb else "START REPLICA")
        yield database, Database(replicating, database.name)


def await_replica(database: Database, replica: Database) -> None:
    mariadb = database.server.kind == "mariadb"
    wanted = database.server.query(f"SELECT @@GLOBAL.{'gtid_binlog_pos' if mariadb else 'gtid_executed'}")[0][0]
    reached = f"MASTER_GTID_WAIT('{wanted}', 0) = 0" if mariadb else f"GTID_SUBSET('{wanted}', @@GLOBAL.gtid_executed)"
    wait_until(lambda: replica.server.query(f"SELECT {reached}")[0][0] == 1, 30, "the replica has it")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_replica_that_takes_over_goes_on_unless_it_lacks_what_was_read(kind: str) -> None:
    with pair(kind) as (database, replica):
        create_t(database)
        capture = Capture(database)
        capture.open()
        database.execute("INSERT INTO t VALUES (1, 'x', 1)")
        assert len(capture.catch_up()) == 1
        capture.close()
        database.execute("INSERT INTO t VALUES (2, 'x', 1)")
        await_replica(database, replica)
        replica.server.query("STOP SLAVE" if kind == "mariadb" else "STOP REPLICA")
        # One reads what the replica never gets.
        ahead = Capture(database, state=deepcopy(capture.state), position=capture.position)
        ahead.open()
        database.execute("INSERT INTO t VALUES (3, 'never replicated', 1)")
        assert len(ahead.catch_up()) == 2
        ahead.close()
        database.server.kill()

        replica.execute("INSERT INTO t VALUES (4, 'x', 1)")
        for each in (capture, ahead):
            each.database, each.url = replica, replica.url
        assert capture.open().position.epoch == 2
        assert [after["id"] for _, _, _, after in capture.brief()] == [2, 4]
        capture.reopen()
        replica.execute("DELETE FROM t WHERE id = 1")
        capture.catch_up()
        assert capture.replayed("t") == capture.stored("t")
        sequences = [event.source["tailrace_seq"] for event in capture.events if event.value]
        assert sequences == sorted(set(sequences))
        capture.close()
        # MySQL's lack is found when the source is opened, MariaDB's when the log is asked for.
        with pytest.raises(DataLossError, match="--resync"):
            go_on(ahead)
        ahead.close()


def go_on(capture: Capture) -> None:
    capture.open()
    capture.catch_up(10)
