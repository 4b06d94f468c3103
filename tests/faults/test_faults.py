"""What goes silent, and a machine that fails: noticed within half a minute, named, and mended by itself.

All of it, every mode of the proxy on every link, is `make faults` (`tests/faults/long`).
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.links import BACK_SECONDS, Rig
from tests.faults.machine import Machine
from tests.pipelines.daemon import until
from tests.pipelines.side_by_side import side_by_side

HOUR = 3600


def test_a_fault_is_named_within_half_a_minute_and_nothing_is_lost_or_doubled(
    mariadb: Any, mysql: Any, postgres18: Any, tmp_path: Path
) -> None:
    side_by_side(
        postgres=partial(a_silent_source, postgres18, "black hole", tmp_path / "postgres"),
        mysql=partial(a_silent_source, mysql, "forgotten", tmp_path / "mysql"),
        targets=partial(silent_targets, mariadb, mysql, postgres18, tmp_path / "targets"),
        machine=partial(a_machine, mariadb, tmp_path / "machine"),
    )


def a_silent_source(server: Any, mode: str, folder: Path) -> None:
    with server.database("silent") as source:
        rig = Rig(folder, source, {"lite": f"sqlite:///{folder}/target.db"})
        with rig.running():
            rig.until_moved(30)
            rig.links["source"].mode(mode)
            rig.until_told("capture")
            assert all(reason.startswith("capture ") for reason in rig.health()[1])
            rig.links["source"].mode("pass")
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


def a_machine(mariadb: Any, folder: Path) -> None:
    """A full disk, one that fails, and a clock that is moved by an hour."""
    with mariadb.database("machine") as source, Machine(folder, folder / "state") as machine:
        rig = Rig(folder, source, {"lite": f"sqlite:///{folder}/target.db"})
        with rig.running(machine.env):
            machine.full(True)
            rig.until_told("capture", ["no space left", "SQLITE_IOERR_SHM"])
            machine.full(False)
            rig.until_well(BACK_SECONDS)
            rig.until_moved(30)

            machine.failing(True)
            rig.until_told("capture", ["SQLITE_IOERR_FSYNC"])
            machine.failing(False)
            rig.until_well(BACK_SECONDS)
            rig.until_moved(30)

            for ahead in (HOUR, -HOUR, 0):
                machine.clock(ahead)
                begun = time.monotonic()
                while time.monotonic() < begun + 2.5:
                    assert rig.health() == (200, [])
                    time.sleep(0.1)  # what must not happen for a while
                rig.until_moved(10)
                until(lambda: max(lags(rig)) < 5, 10, f"lags are what they were, not {lags(rig)}")


def lags(rig: Rig) -> list[float]:
    return [HOUR if worker["lag_seconds"] is None else worker["lag_seconds"] for worker in rig.file.status()["workers"]]
