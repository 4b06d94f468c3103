"""Three brokers: the one that leads a topic dies in the middle of the stream, and of a load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.faults.cluster import NODES, cluster
from tests.faults.links import BACK_SECONDS, Rig
from tests.pipelines.daemon import PipelineFile, until
from tests.servers import wait_until

LOADED_ROWS = 400_000
REPLICATED = f"replication_factor = {NODES}\n"


def test_leaders_change_in_the_middle_of_stream_and_load(mariadb: Any, postgres18: Any, tmp_path: Path) -> None:
    with cluster() as brokers:
        with mariadb.database("src") as source:
            sinks = {"lite": f"sqlite:///{tmp_path}/target.db"}
            rig = Rig(tmp_path / "stream", source, sinks, bootstrap=brokers.bootstrap, stream=REPLICATED)
            with rig.running():
                topic = f"{rig.name}.{source.name}.told"
                for _ in range(NODES):
                    rig.until_moved(60)
                    leader = brokers.leader(topic)
                    brokers.nodes[leader].kill()
                    brokers.await_leader(topic, leader)
                    rig.until_moved(BACK_SECONDS)
                    brokers.nodes[leader].relaunch()
                    wait_until(lambda: brokers.in_sync(topic) == NODES, 60, "the broker is back in sync")

        with postgres18.database("src") as source:
            source.execute("CREATE TABLE loaded (id int PRIMARY KEY, note text)")
            source.execute(
                f"INSERT INTO loaded SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, {LOADED_ROWS}) n"
            )
            sinks = {"lite": f"sqlite:///{tmp_path}/loaded.db"}
            rig = Rig(tmp_path / "load", source, sinks, bootstrap=brokers.bootstrap, stream=REPLICATED)
            file = rig.file
            with file.running():
                topic = f"{rig.name}.public.loaded"
                until(lambda: 0 < rows(file) < LOADED_ROWS, 60, "the load is under way")
                leader = brokers.leader(topic)
                brokers.nodes[leader].kill()
                brokers.await_leader(topic, leader)
                until(lambda: rows(file) == LOADED_ROWS, 180, "the load is done")
                brokers.nodes[leader].relaunch()
            caught_up = file.until_caught_up()
            assert caught_up.code == 0, caught_up.stderr[-3000:]
            verified = file.command("verify")
            assert verified.code == 0, verified.stdout[-2000:]
            events = rig.events("loaded", "r")
            assert len(events) == LOADED_ROWS, "each row once"
            assert {event["after"]["id"] for event in events} == set(range(1, LOADED_ROWS + 1))
            assert file.command("teardown", "--yes").code == 0


def rows(file: PipelineFile) -> int:
    found = {table["name"]: table["rows"] for table in file.status().get("tables", [])}
    return int(found.get("public.loaded", 0))
