"""A source transaction larger than what the embedded stream may keep: it goes through, also when capture is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.servers import Postgres

ROWS = 100_000
BOUND = 16 << 20


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_a_transaction_larger_than_the_bound_passes(postgres18: Postgres, tmp_path: Path, killed: bool) -> None:
    """Sinks commit at its end alone, so that a capture that waited for them in its middle would wait for ever."""
    with postgres18.database("bound") as source:
        source.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        pipeline = PipelineFile(
            tmp_path,
            text.pipeline(
                tmp_path,
                text.source(source.url),
                '[stream]\nretain = "1s"\nretain_bytes = "16MiB"\n',
                text.sink("lite", f"sqlite:///{tmp_path / 'target.db'}"),
            ),
        )
        assert pipeline.until_caught_up().code == 0
        # Hashes, which no compression makes much smaller.
        source.execute(
            f"INSERT INTO t SELECT n, (SELECT string_agg(md5((n * 100 + i)::text), '') FROM generate_series(1, 40) i)"
            f" FROM generate_series(1, {ROWS}) n"
        )
        command = [sys.executable, "-m", "tailrace.cli", "run", str(pipeline.path), "--until-caught-up"]
        with pipeline.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            if killed:
                until(lambda: stream_bytes(tmp_path) > 1.5 * BOUND, 60, "the stream is over its bound")
                os.kill(pipeline.worker_pids()["capture"], signal.SIGKILL)
            assert process.wait(120) == 0, pipeline.log.read_text()[-3000:]
        finally:
            process.kill()
            process.wait()
        logged = pipeline.log.read_text()
        assert logged.count("larger than the stream may keep") == (2 if killed else 1)
        verified = pipeline.command("verify")
        assert verified.code == 0, verified.stdout
        assert pipeline.command("teardown", "--yes").code == 0


def stream_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "state" / "stream").glob("*.segment"))
