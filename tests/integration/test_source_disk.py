"""The source's disk: what it keeps of its log for a pipeline, against a budget, and what is done about it."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tailrace.errors import TailraceError
from tailrace.http.client import ask
from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.workload import is_mysql
from tests.servers import Database, Postgres

#: Nobody listens there: the sink tries for ever, and the stream fills up.
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"
BOUND = 2 << 20


def held_up(source: Database, folder: Path, budget: str) -> PipelineFile:
    """A pipeline whose stream may keep little, and whose sink takes nothing."""
    stream = f'[stream]\nretain = "1s"\nretain_bytes = "{BOUND >> 20}MiB"\n'
    lines = text.source(source.url) + f"budget = {budget}\n"
    return PipelineFile(folder, text.pipeline(folder, lines, stream, text.sink("away", NOBODY)))


def asked(file: PipelineFile, page: str) -> dict[str, Any]:
    document = tomllib.loads(file.path.read_text())
    try:
        answer: dict[str, Any] = ask(file.folder / document["state_dir"], document["name"], page)
    except TailraceError:
        return {}
    return answer


def capture(file: PipelineFile) -> dict[str, Any]:
    """The capture worker, as `status` has it."""
    return next((worker for worker in asked(file, "/status").get("workers", ()) if worker["name"] == "capture"), {})


def retained(file: PipelineFile) -> dict[str, Any]:
    found: dict[str, Any] = capture(file).get("retained") or {"bytes": None, "problem": "", "note": ""}
    return found


def keeps_less(file: PipelineFile, size: int) -> bool:
    """Whether the source is known to keep less than so many bytes."""
    kept = retained(file)["bytes"]
    return kept is not None and kept < size


def fill(source: Database, first: int) -> None:
    """1,000 rows, about 2 MiB of log, which no compression makes much smaller; ids from `first` on."""
    last = first + 999
    if is_mysql(source):
        values = ", ".join(f"sha2(concat(n * 7919 + {i}), 256)" for i in range(30))
        numbers = f"WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
        source.execute(f"INSERT INTO t {numbers} SELECT n, concat({values}) FROM s")
    else:
        values = ", ".join(f"md5((n * 7919 + {i})::text)" for i in range(60))
        source.execute(f"INSERT INTO t SELECT n, concat({values}) FROM generate_series({first}, {last}) n")


def fill_until(source: Database, condition: Callable[[], bool], what: str) -> None:
    rounds = itertools.count()

    def more() -> bool:
        fill(source, next(rounds) * 1000)
        return condition()

    servers.wait_until(more, 60, what, pause=0.2)


@contextmanager
def streaming(file: PipelineFile) -> Iterator[None]:
    with file.running():
        servers.wait_until(lambda: capture(file).get("state") == "streaming", 60, "capture streams")
        yield


@contextmanager
def database(server: Any, name: str) -> Iterator[Database]:
    with server.database(name) as made:
        made.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        yield made


def test_a_budget_that_is_used_up_is_told_early_and_is_not_well(mysql: Any, tmp_path: Path) -> None:
    with database(mysql, "warned") as source:
        file = held_up(source, tmp_path, '{ bytes = "8MiB", time = "24h", action = "warn" }')
        try:
            with streaming(file):
                fill_until(source, lambda: bool(retained(file)["problem"]), "the budget is used up")
                held = retained(file)
                assert held["bytes"] > held["budget_bytes"] == 8 << 20
                assert held["seconds"] > 0
                assert held["limit_seconds"] > 3600, "the server removes its log by itself, later"
                health = asked(file, "/healthz")
                assert health["ok"] is False
                assert any("more than its budget" in reason for reason in health["reasons"])
                shown = file.command("status")
                assert shown.code == 4
                assert "budget 8.0 MiB" in shown.stdout
            logged = file.log.read_text()
            warned = [line for line in logged.splitlines() if "holds back log" in line and "the budget" in line]
            assert 1 <= len(warned) <= 3, warned
        finally:
            torn_down(file)


def test_the_stream_goes_on_beyond_its_bound_so_that_the_source_forgets(postgres15: Postgres, tmp_path: Path) -> None:
    with database(postgres15, "spilled") as source:
        file = held_up(source, tmp_path, '{ bytes = "8MiB", action = "spill" }')
        try:
            with streaming(file):
                fill_until(source, lambda: "beyond its bound" in file.log.read_text(), "the stream may hold more")
                servers.wait_until(lambda: confirmed_behind(source) < 4 << 20, 60, "the slot moves on")
                assert stream_bytes(tmp_path) > 2 * BOUND
        finally:
            torn_down(file)


def test_a_slot_is_dropped_where_the_file_says_so(postgres15: Postgres, tmp_path: Path) -> None:
    with database(postgres15, "dropped") as source:
        file = held_up(source, tmp_path, '{ bytes = "6MiB", action = "drop-slot" }')
        try:
            with file.log.open("ab") as log:
                process = file_run(file, log)
            try:
                servers.wait_until(lambda: capture(file).get("state") == "streaming", 60, "capture streams")
                fill_until(source, lambda: process.poll() is not None, "the slot is dropped")
                assert process.returncode == 6
            finally:
                process.kill()
                process.wait()
            logged = file.log.read_text()
            assert "was dropped" in logged
            assert f"tailrace reload {file.path} --all --resync" in logged
            slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
            assert source.value(slots) == 0
            without_sink(file)
            assert file.until_caught_up().code == 6, "without a request it goes on refusing"
        finally:
            torn_down(file)


def test_an_idle_database_on_a_busy_server_lets_the_slot_move(postgres15: Postgres, tmp_path: Path) -> None:
    with database(postgres15, "idle") as source, database(postgres15, "busy") as busy:
        lines = text.source(source.url) + 'budget = { bytes = "64MiB" }\n'
        file = PipelineFile(tmp_path, text.pipeline(tmp_path, lines))
        place = "SELECT (restart_lsn - '0/0')::bigint FROM pg_replication_slots WHERE database = current_database()"
        try:
            with file.running():
                servers.wait_until(lambda: capture(file).get("state") == "streaming", 60, "capture streams")
                begun = source.value(place)
                for number in range(6):
                    fill(busy, number * 1000)
                end = int(busy.value("SELECT (pg_current_wal_lsn() - '0/0')::bigint"))
                assert end - begun > 10 << 20
                busy.execute("CHECKPOINT")  # logs which transactions run, as the server does by itself every 15 s

                def moved() -> bool:
                    busy.execute("CHECKPOINT")
                    return int(source.value(place)) >= end

                servers.wait_until(moved, 30, "the slot has moved past the other database's log")
                servers.wait_until(lambda: keeps_less(file, 2 << 20), 10, "status says so")
                assert asked(file, "/healthz")["ok"] is True
        finally:
            assert file.command("teardown", "--yes").code == 0


def without_sink(file: PipelineFile) -> None:
    """Nobody can tear down, nor wait for, what does not answer."""
    file.path.write_text(file.path.read_text().partition("[[sinks]]")[0])


def torn_down(file: PipelineFile) -> None:
    without_sink(file)
    done = file.command("teardown", "--yes")
    assert done.code == 0, done.stderr


def file_run(file: PipelineFile, log: BinaryIO) -> subprocess.Popen[bytes]:
    """`tailrace run`, which is to end by itself."""
    command = [sys.executable, "-m", "tailrace.cli", "run", str(file.path)]
    return subprocess.Popen(command, stdout=log, stderr=log)


def stream_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "state" / "stream").glob("*.segment"))


def confirmed_behind(source: Database) -> int:
    """Bytes of log that the slot's reader has not acknowledged."""
    return int(
        source.value(
            "SELECT (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint FROM pg_replication_slots"
            " WHERE database = current_database()"
        )
    )
