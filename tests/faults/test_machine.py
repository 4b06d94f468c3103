"""The machine under the daemon: a full disk, an fsync that fails, a clock that is moved by an hour."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.faults.links import BACK_SECONDS, Rig
from tests.faults.machine import Machine
from tests.pipelines.daemon import until

HOUR = 3600


def test_a_full_disk_a_failing_one_and_a_clock_that_is_moved(mariadb: Any, tmp_path: Path) -> None:
    with mariadb.database("machine") as source, Machine(tmp_path, tmp_path / "state") as machine:
        rig = Rig(tmp_path, source, {"lite": f"sqlite:///{tmp_path}/target.db"})
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
