"""Sources that crash and come back, ten times each, under a pipeline that is written through all the while."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

from tests import servers
from tests.faults.links import BACK_SECONDS, TOLD_SECONDS, Rig
from tests.pipelines.side_by_side import side_by_side

KINDS = ("mariadb", "mysql", "mysql-defaults", "postgres15", "postgres18")
CRASHES = 10


def test_a_source_that_crashes_ten_times_is_followed_exactly(tmp_path: Path) -> None:
    side_by_side(**{kind: partial(crashes, kind, tmp_path / kind) for kind in KINDS[:3]})
    side_by_side(**{kind: partial(crashes, kind, tmp_path / kind) for kind in KINDS[3:]})


def crashes(kind: str, folder: Path) -> None:
    # A name of its own for each, so that no server is somebody's who asks by an environment variable.
    options = {"max_wal_senders": 20} if kind.startswith("postgres") else {"max-connections": 150}
    moments = random.Random(kind)
    with servers.start(kind, options) as server, server.database("crash") as source:
        rig = Rig(folder, source, {"lite": f"sqlite:///{folder}/target.db"})
        with rig.running():
            for _ in range(CRASHES):
                rig.until_moved(BACK_SECONDS)
                time.sleep(moments.uniform(0, 1))  # the moment is the test's, and no condition's
                server.kill()
                rig.until_told("capture", seconds=TOLD_SECONDS)
                server.relaunch()
                rig.until_well(BACK_SECONDS)
