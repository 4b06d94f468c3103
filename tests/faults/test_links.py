"""Links that go silent under a running pipeline: noticed within half a minute, named, and mended by themselves.

The whole of it, every mode of the proxy on every link, is `make faults` (`tests/faults/long`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.links import BACK_SECONDS, ProxiedKafka, Rig
from tests.pipelines.side_by_side import side_by_side


@pytest.fixture
def broker() -> Iterator[ProxiedKafka]:
    server = ProxiedKafka()
    server.start()
    yield server
    server.stop()


def test_what_goes_silent_is_named_within_half_a_minute_and_nothing_is_lost(
    mariadb: Any, mysql: Any, postgres18: Any, broker: ProxiedKafka, tmp_path: Path
) -> None:
    side_by_side(
        postgres=partial(a_silent_source, postgres18, "black hole", tmp_path / "postgres"),
        mysql=partial(a_silent_source, mysql, "forgotten", tmp_path / "mysql"),
        targets=partial(silent_targets, mariadb, mysql, postgres18, tmp_path / "targets"),
        broker=partial(a_silent_broker, mariadb, broker, tmp_path / "broker"),
    )


def a_silent_source(server: Any, mode: str, folder: Path) -> None:
    folder.mkdir()
    with server.database("silent") as source:
        rig = Rig(folder, source, {"lite": f"sqlite:///{folder}/target.db"})
        with rig.running():
            link = rig.links["source"]
            # Now and then a connection is lost besides.
            link.mode("resets", seconds=0.5)
            rig.until_told("capture", seconds=20)
            link.mode(mode)
            rig.until_told("capture")
            assert all(reason.startswith("capture ") for reason in rig.health()[1])
            link.mode("pass")
            rig.until_moved(BACK_SECONDS)


def silent_targets(mariadb: Any, mysql: Any, postgres18: Any, folder: Path) -> None:
    with mariadb.database("src") as source, mysql.database("dst") as my, postgres18.database("dst") as pg:
        rig = Rig(folder, source, {"my": my, "pg": pg, "lite": f"sqlite:///{folder}/target.db"})
        with rig.running():
            rig.until_moved(30)
            rig.links["pg"].mode("black hole")
            rig.links["my"].mode("forgotten")
            # The one is told why; the other has found another way by then.
            rig.until_told("pg", ["takes no other connection"], seconds=40)
            assert not [reason for reason in rig.health()[1] if not reason.startswith(("pg ", "my "))]
            assert rig.file.states()["lite"] == rig.file.states()["capture"] == "streaming"
            rig.links["pg"].mode("pass")
            rig.until_moved(BACK_SECONDS)


def a_silent_broker(mariadb: Any, broker: ProxiedKafka, folder: Path) -> None:
    with mariadb.database("src") as source:
        rig = Rig(folder, source, {"lite": f"sqlite:///{folder}/target.db"}, broker)
        with rig.running():
            rig.until_moved(30)
            rig.links["stream"].mode("black hole")
            rig.until_told("capture")
            rig.until_told("lite")
            rig.links["stream"].mode("pass")
            rig.until_moved(BACK_SECONDS)
