"""Another server takes a source's place under a running daemon: the address stays, what answers there is a replica."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.links import BACK_SECONDS, Rig, Writer
from tests.integration.test_mysql_failover import await_replica, pair
from tests.integration.test_postgres_standby import await_replay, standby_of
from tests.pipelines.side_by_side import side_by_side
from tests.servers import Database, start, wait_until
from tests.servers.postgres import Postgres18


def test_capture_goes_on_at_the_server_that_takes_over(tmp_path: Path) -> None:
    side_by_side(
        mariadb=partial(by_gtid, "mariadb", tmp_path / "mariadb"),
        mysql=partial(by_gtid, "mysql", tmp_path / "mysql"),
        postgres=partial(by_failover_slot, tmp_path / "postgres"),
    )


def by_gtid(kind: str, folder: Path) -> None:
    with pair(kind) as (database, replica):
        rig = Rig(folder, database, {"lite": f"sqlite:///{folder}/target.db"})

        def promote() -> None:
            await_replica(database, replica)
            replica.server.query("STOP SLAVE" if kind == "mariadb" else "STOP REPLICA")

        take_over(rig, replica, promote)


def by_failover_slot(folder: Path) -> None:
    with ExitStack() as stack:
        # The log is decoded no further than the standby named here has it.
        primary = stack.enter_context(start("postgres18", {"max_replication_slots": 20}))
        primary.query("SELECT pg_create_physical_replication_slot('standby')")
        database = stack.enter_context(primary.database("pg"))
        standby = standby_of(primary, Postgres18, "--slot=standby")
        standby.options.update({"sync_replication_slots": "on", "primary_slot_name": "standby"})
        replica = Database(stack.enter_context(standby.start()), database.name)
        primary.query("ALTER SYSTEM SET synchronized_standby_slots = 'standby'")
        primary.query("SELECT pg_reload_conf()")
        rig = Rig(folder, database, {"lite": f"sqlite:///{folder}/target.db"}, source_keys={"failover": "true"})

        def promote() -> None:
            wait_until(lambda: synced(replica), 60, "the standby has the slot")
            await_replay(database, replica)
            # What capture has read the standby has; the slot there may be a little behind, which repeats nothing.
            replica.execute("SELECT pg_promote()")
            wait_until(lambda: not replica.value("SELECT pg_is_in_recovery()"), 30, "it is a primary")

        take_over(rig, replica, promote)
        replica.disconnect()


def synced(replica: Database) -> bool:
    query = "SELECT bool_and(synced AND NOT temporary) FROM pg_replication_slots WHERE slot_type = 'logical'"
    return bool(replica.value(query))


def take_over(rig: Rig, replica: Database, promote: Any) -> None:
    with rig.running():
        rig.until_moved(30)
        rig.writer.end()  # what the replica does not have would be lost with the primary
        rig.until_moved(30)
        before = rig.writer.n
        link = rig.links["source"]
        promote_after = time.monotonic()
        promote()
        rig.source.server.kill()
        rig.until_told("capture")
        link.target = ("127.0.0.1", replica.server.port)
        rig.source = replica
        rig.writer = Writer(replica)
        rig.writer.begin()
        rig.until_well(BACK_SECONDS)
        wait_until(lambda: rig.writer.n > before + 20, 30, "the new primary is written to")
        rig.until_moved(BACK_SECONDS)
        assert time.monotonic() > promote_after
