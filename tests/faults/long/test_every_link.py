"""Every link of a pipeline, and all that a network may do to it: see `MODES` of the proxy."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.items import Items
from tests.faults.links import BACK_SECONDS, ProxiedKafka, Rig
from tests.pipelines.side_by_side import side_by_side

UNREACHABLE_SECONDS = float(os.environ.get("TAILRACE_TEST_BROKER_SECONDS", "30"))
#: A slot of PostgreSQL's is free once the server ends the session that was cut off (`wal_sender_timeout`).
SLOT_SECONDS = 180


@pytest.fixture
def broker() -> Iterator[ProxiedKafka]:
    server = ProxiedKafka()
    server.start()
    yield server
    server.stop()


def test_the_link_of_a_source(mariadb: Any, mysql: Any, postgres15: Any, postgres18: Any, tmp_path: Path) -> None:
    servers = {"mariadb": mariadb, "mysql": mysql, "postgres15": postgres15, "postgres18": postgres18}
    side_by_side(**{name: partial(of_a_source, server, tmp_path / name) for name, server in servers.items()})


def of_a_source(server: Any, folder: Path) -> None:
    held = SLOT_SECONDS if server.kind.startswith("postgres") else 0
    with server.database("src") as source:
        rig = Rig(folder, source, {"lite": f"sqlite:///{folder}/target.db"})
        with rig.running():
            every_mode(rig, "source", "capture", held)


def test_the_link_of_a_target(
    mariadb: Any, mysql: Any, postgres15: Any, postgres18: Any, dynamodb: Any, tmp_path: Path
) -> None:
    side_by_side(
        dynamodb=partial(of_dynamodb, mariadb, dynamodb, tmp_path / "dynamodb"),
        mariadb=partial(of_a_target, postgres15, mariadb, tmp_path / "mariadb"),
        mysql=partial(of_a_target, mariadb, mysql, tmp_path / "mysql"),
        postgres=partial(of_a_target, mariadb, postgres18, tmp_path / "postgres"),
    )


def of_a_target(server: Any, target: Any, folder: Path) -> None:
    with server.database("src") as source, target.database("dst") as database:
        rig = Rig(folder, source, {"target": database})
        with rig.running():
            every_mode(rig, "target", "target", 0)


def of_dynamodb(server: Any, dynamodb: Any, folder: Path) -> None:
    with server.database("src") as source:
        rig = Rig(folder, source, {"target": Items(dynamodb, f"{source.name}_")})
        with rig.running():
            every_mode(rig, "target", "target", 0)


@pytest.mark.parametrize("transactional", [True, False], ids=["transactional", "idempotent"])
def test_the_link_of_the_broker(mariadb: Any, broker: ProxiedKafka, transactional: bool, tmp_path: Path) -> None:
    with mariadb.database("src") as source:
        stream = "" if transactional else "transactional = false\n"
        rig = Rig(tmp_path, source, {"lite": f"sqlite:///{tmp_path}/target.db"}, broker, stream=stream)
        rig.exactly_once = transactional
        with rig.running():
            every_mode(rig, "stream", "capture", 0)


def test_a_broker_that_is_out_of_reach_for_long(mariadb: Any, broker: ProxiedKafka, tmp_path: Path) -> None:
    """TAILRACE_TEST_BROKER_SECONDS=600 for ten minutes; prints what it took to come back."""
    with mariadb.database("src") as source:
        rig = Rig(tmp_path, source, {"lite": f"sqlite:///{tmp_path}/target.db"}, broker)
        with rig.running():
            rig.until_moved(30)
            before = rig.writer.n
            rig.links["stream"].mode("cut")
            told = {worker: round(rig.until_told(worker), 1) for worker in ("capture", "lite")}
            stay(rig, UNREACHABLE_SECONDS, lambda: rig.health()[0] == 503)
            missed = rig.writer.n - before
            rig.links["stream"].mode("pass")
            well = round(rig.until_well(BACK_SECONDS), 1)
            rig.until_moved(120)
        print(json.dumps({"seconds": UNREACHABLE_SECONDS, "told": told, "well_after": well, "transactions": missed}))


def every_mode(rig: Rig, name: str, worker: str, held: float) -> None:
    """
    Args:
        held: seconds for which the other side may keep what belonged to a lost connection.
    """
    link = rig.links[name]
    back = BACK_SECONDS + held

    def ill(mode: str, **number: float) -> None:
        rig.until_moved(back)
        link.mode(mode, **number)
        rig.until_told(worker)

    def passing() -> None:
        link.mode("pass")
        rig.until_moved(back)  # else well might be what it was before it is found out that a connection is lost
        rig.until_well(back)

    ill("cut")
    stay(rig, 20, lambda: rig.health()[0] == 503)
    passing()

    ill("black hole")
    stay(rig, 30, lambda: rig.health()[0] == 503)
    passing()

    rig.until_moved(back)
    link.mode("forgotten")
    rig.until_moved(TOLD_AND_BACK_SECONDS + held)  # by other connections
    passing()

    ill("trickle", bytes_per_second=1)
    passing()

    rig.until_moved(back)
    link.mode("latency", seconds=0.3)
    stay(rig, 15, lambda: rig.health()[0] == 200)
    rig.until_moved(30)
    passing()

    link.mode("resets", seconds=1.0)
    time.sleep(20)  # for as long as they come; what they do is seen in the end
    passing()


#: Until it is found out that no answer comes, and other connections have taken the place.
TOLD_AND_BACK_SECONDS = 120


def stay(rig: Rig, seconds: float, condition: Callable[[], bool]) -> None:
    """It is so all the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert condition(), f"{rig.health()} {rig.log()}"
        time.sleep(0.5)
