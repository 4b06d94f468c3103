"""`tailrace demo`, on fewer rows than a person sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.servers.kafka import RELEASE
from tests.servers.maven import jars


def test_the_demo_ends_with_every_target_equal_though_workers_were_killed(tmp_path: Path) -> None:
    (tmp_path / "libs").symlink_to(jars(RELEASE))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tailrace.cli",
            "--debug",
            "demo",
            "--with",
            "mysql,kafka",
            "--rows",
            "5000",
            "--seconds",
            "4",
        ],
        env={**os.environ, "KAFKA_HOME": str(tmp_path)},
        umask=0o077,  # as an administrator's shell may have it; servers run as another account
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "every target equals its source" in done.stdout
    assert "shop's warehouse, shop's capture were killed" in " ".join(done.stdout.split())
    for target in ("embedded → PostgreSQL 18", "embedded → SQLite", "MariaDB → Kafka → PostgreSQL 18"):
        assert target in done.stdout
    assert done.stdout.count(" equal ") == 7


def test_the_demo_refuses_servers_that_it_does_not_know() -> None:
    command = [sys.executable, "-m", "tailrace.cli", "demo", "--with", "oracle"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--with: takes mysql and kafka, not oracle" in done.stderr
