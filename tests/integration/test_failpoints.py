"""Capture and sinks die at every boundary of a change's way, and go on as if they had not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.failpoints import FOLDER, POINTS, VARIABLE
from tests import servers
from tests.pipelines import failing, text
from tests.pipelines.bank import Bank
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.worker_process import CAPTURE, fails, log_of, reports_of, run_worker, worker
from tests.servers import Database, wait_until

ACCOUNTS = 1000
OWNERSHIP_LOST = 6


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("bank") as database:
        yield database


def test_every_point_is_one_at_which_a_worker_dies() -> None:
    steps = (*failing.LOADING, *failing.STREAMING, *failing.MAKING, *failing.APPLYING)
    assert {point for point, _ in steps} == POINTS.keys()


#: What tells the most in the least time; `make failpoints` has every point with every source, stream and sink.
CAPTURES = (
    ("mariadb", "embedded", failing.LOADING, failing.STREAMING),
    ("postgres18", "kafka", failing.of_stream(failing.LOADING), failing.of_stream(failing.STREAMING)),
    ("mysql", "embedded", failing.LOADING[1:3], failing.STREAMING),
)
#: Once something of a batch is in the target, or may be.
WRITING = failing.APPLYING[3:7]


@pytest.mark.parametrize(("source", "stream", "loading", "streaming"), CAPTURES, indirect=["source"])
def test_capture_dies_at_each_point_and_loses_and_repeats_nothing(
    source: Database,
    stream: str,
    loading: tuple[failing.Point, ...],
    streaming: tuple[failing.Point, ...],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    kafka = failing.kafka_of_partitions(request.getfixturevalue("kafka").bootstrap) if stream == "kafka" else ""
    file = failing.pipeline(tmp_path, source, kafka)
    bank = Bank(source, seed=5)
    bank.create(ACCOUNTS)
    try:
        failing.capture_dies(file, bank, loading, streaming)
        assert failing.require_whole_stream(file, bank) > ACCOUNTS
    finally:
        assert file.command("teardown", "--yes").code == 0


def test_sinks_die_at_each_point_and_hold_what_the_source_holds(
    mariadb: servers.MariaDB, mysql: servers.MySQL, postgres18: servers.Postgres, dynamodb: Any, tmp_path: Path
) -> None:
    with mariadb.database("bank") as source, mysql.database("bank") as my, postgres18.database("bank") as pg:
        sinks = failing.targets(tmp_path, my, pg, dynamodb.endpoint)
        file = failing.pipeline(tmp_path, source, sinks="".join(sink.sink for sink in sinks))
        bank = Bank(source, seed=6)
        bank.create(ACCOUNTS)
        try:
            run_worker(file, CAPTURE)
            failing.sinks_catch_up(file, sinks)
            for _ in range(len(WRITING) + 2):
                bank.work(failing.TRANSACTIONS, failing.LARGEST)
                bank.alter()
            run_worker(file, CAPTURE)
            failing.sinks_die(file, bank, sinks, WRITING, whole=True)
            failing.sinks_die(file, bank, sinks, failing.MAKING, whole=True)
            failing.sinks_catch_up(file, sinks)
            failing.require_equal(file, bank, sinks)
        finally:
            assert file.command("teardown", "--yes").code == 0


def test_sessions_that_end_with_an_error_at_each_point_are_followed_by_others(
    postgres18: servers.Postgres, kafka: servers.Kafka, tmp_path: Path
) -> None:
    with postgres18.database("bank") as source:
        lite = failing.lite(tmp_path)
        file = failing.pipeline(tmp_path, source, failing.kafka_of_partitions(kafka.bootstrap), lite.sink)
        bank = Bank(source, seed=8)
        bank.create(ACCOUNTS)
        try:
            fails(file, CAPTURE, failing.of_stream(failing.LOADING))
            bank.work(failing.TRANSACTIONS, failing.LARGEST)
            bank.alter()
            bank.work(failing.TRANSACTIONS, failing.LARGEST)
            fails(file, CAPTURE, failing.of_stream(failing.STREAMING))
            failing.require_whole_stream(file, bank)
            fails(file, lite.name, (*failing.MAKING, *failing.APPLYING))
            failing.require_equal(file, bank, [lite])
        finally:
            assert file.command("teardown", "--yes").code == 0


def test_a_capture_that_stood_still_before_its_commit_yields_to_its_successor(
    mariadb: servers.MariaDB, kafka: servers.Kafka, tmp_path: Path
) -> None:
    with mariadb.database("bank") as source:
        file = failing.pipeline(tmp_path, source, failing.kafka_of_partitions(kafka.bootstrap))
        bank = Bank(source, seed=7)
        bank.create(ACCOUNTS)
        try:
            run_worker(file, CAPTURE)
            bank.work(failing.TRANSACTIONS, failing.LARGEST)
            other = tmp_path / "other"
            (other / "state").mkdir(parents=True)
            written = file.path.read_text()
            successor = PipelineFile(other, written.replace(f"{tmp_path}/state", f"{other}/state"))
            with worker(file, CAPTURE, "stream.positioned=stall@2", tmp_path) as older:
                mark = tmp_path / "capture.stream.positioned"
                wait_until(mark.exists, 30, "it stands still")
                run_worker(successor, CAPTURE)
                mark.unlink()
                assert older.wait(30) == OWNERSHIP_LOST, log_of(file, CAPTURE)
            assert "another, newer daemon" in reports_of(file, CAPTURE).read_text()
            failing.require_whole_stream(successor, bank)
        finally:
            assert file.command("teardown", "--yes").code == 0


def test_a_daemon_with_a_variable_that_was_left_over_does_not_start(tmp_path: Path) -> None:
    source = text.source("mysql://nobody@127.0.0.1:1/nothing")
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, source))
    for left in ({VARIABLE: "publish.begin=kill"}, {FOLDER: str(tmp_path)}):
        result = file.command("run", "--until-caught-up", env=left)
        assert result.code == 2
        assert "for tests of tailrace alone" in result.stderr
