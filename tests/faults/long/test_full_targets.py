"""Targets whose disk is full: said with the reason, tried again, and nothing is applied twice once there is room."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.links import BACK_SECONDS, Rig
from tests.faults.machine import Machine
from tests.pipelines.side_by_side import side_by_side
from tests.servers.postgres import Postgres15
from tests.servers.process import Account, temporary_folder

#: Until what is written needs another page.
FULL_SECONDS = 60


class OnMachine(Postgres15):
    """PostgreSQL whose tables' disk may be full; its log is on another one, or it would end."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._switches = folder
        self.machine: Machine

    def command(self) -> list[str | Path]:
        self.machine = Machine(self._switches, self.folder / "data" / "base")
        for path in (self._switches, *self._switches.iterdir()):
            path.chmod(0o755)
        return ["/usr/bin/env", *(f"{name}={value}" for name, value in self.machine.env.items()), *super().command()]


def test_a_target_without_room_is_waited_for(mariadb: Any, tmp_path: Path) -> None:
    side_by_side(
        postgres=partial(full_postgres, mariadb, tmp_path / "postgres"),
        sqlite=partial(full_sqlite, mariadb, tmp_path / "sqlite"),
    )


def full_postgres(mariadb: Any, folder: Path) -> None:
    switches = temporary_folder("machine", Account.unprivileged())
    try:
        with mariadb.database("src") as source, OnMachine(switches) as server:
            with server.start().database("dst") as target:
                waits_for_room(Rig(folder, source, {"target": target}), server.machine, "No space left on device", {})
            server.machine.close()
    finally:
        shutil.rmtree(switches, ignore_errors=True)


def full_sqlite(mariadb: Any, folder: Path) -> None:
    disk = folder / "disk"
    with mariadb.database("src") as source, Machine(folder, disk) as machine:
        rig = Rig(folder, source, {"target": f"sqlite:///{disk}/target.db"})
        waits_for_room(rig, machine, "the disk is full", machine.env)


def waits_for_room(rig: Rig, machine: Machine, words: str, env: dict[str, str]) -> None:
    with rig.running(env):
        for _ in range(2):
            rig.until_moved(30)
            machine.full(True)
            rig.until_told("target", [words], seconds=FULL_SECONDS)
            assert rig.file.states()["capture"] == "streaming"
            machine.full(False)
            rig.until_well(BACK_SECONDS)
