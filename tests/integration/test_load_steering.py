"""The full load pauses while the source, or a replica of it, is over a limit of the pipeline file; the log does not."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tailrace.capture.pressure import findings
from tailrace.cli.check import findings_of
from tailrace.config import load
from tailrace.config.interpolation import Interpolated
from tests.capture.session import Running, running
from tests.integration.test_mysql_failover import pair as mysql_pair
from tests.integration.test_postgres_standby import standby_of
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.workload import is_mysql
from tests.servers import Database, start, unique_name, wait_until
from tests.servers.postgres import Postgres15

SESSIONS = 12
ROWS = [("r", {"id": number}) for number in range(1, 6)]


@contextmanager
def pair(kind: str) -> Iterator[tuple[Database, Database]]:
    """The same database on a server and on its replica."""
    if kind != "postgres15":
        with mysql_pair(kind) as databases:
            yield databases
        return
    with (
        start(kind, {"max_replication_slots": 20}) as primary,
        primary.database("pg") as database,
        standby_of(primary, Postgres15).start() as standby,
    ):
        yield database, Database(standby, database.name)


@contextmanager
def at_work(database: Database, sessions: int) -> Iterator[None]:
    """So many clients whose statements go on until the end of the block."""
    sleep = "SELECT SLEEP(600)" if is_mysql(database) else "SELECT pg_sleep(600)"
    connections = [database.connect() for _ in range(sessions)]
    end = "SELECT CONNECTION_ID()" if is_mysql(database) else "SELECT pg_backend_pid()"
    numbers = []
    for connection in connections:
        with closing(connection.cursor()) as cursor:
            cursor.execute(end)
            numbers.append(cursor.fetchone()[0])

    def work(connection: Any) -> None:
        with contextlib.suppress(Exception), closing(connection.cursor()) as cursor:  # its connection is ended
            cursor.execute(sleep)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for number in numbers:
            database.execute(f"KILL {number}" if is_mysql(database) else f"SELECT pg_terminate_backend({number})")
        for thread in threads:
            thread.join(10)


@contextmanager
def held(replica: Database) -> Iterator[None]:
    """It receives the log and does not apply it."""
    if not is_mysql(replica):
        replica.query("SELECT pg_wal_replay_pause()")
        try:
            yield
        finally:
            replica.query("SELECT pg_wal_replay_resume()")
        return
    with closing(replica.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield
        cursor.execute("UNLOCK TABLES")


def pipeline_file(folder: Path, database: Database, *lines: str) -> PipelineFile:
    parts = [text.source(database.url), "[load]\n", *(f"{line}\n" for line in lines)]
    return PipelineFile(folder, text.pipeline(folder, *parts))


def paused(session: Running, database: Database, reason: str) -> None:
    """The report says why, a change reaches the stream all the same, and no row of the load does."""
    wait_until(lambda: reason in session.report.error, 30, f"{reason!r} is said, not {session.report.error!r}")
    assert session.report.error.startswith("loading paused: ")
    assert session.report.state == "loading"
    number = time.monotonic_ns()
    database.execute(f"INSERT INTO u VALUES ({number})")
    wait_until(lambda: ("c", {"id": number}) in session.events("u"), 10, "the change is in the stream")
    assert session.events("t") == []


@contextmanager
def changing(database: Database) -> Iterator[None]:
    """Changes, which a replica that is held lacks for longer and longer."""
    ended = threading.Event()

    def change() -> None:
        with closing(database.connect()) as connection, closing(connection.cursor()) as cursor:
            while not ended.wait(0.2):
                cursor.execute(f"INSERT INTO u VALUES ({time.monotonic_ns()})")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)


@pytest.mark.parametrize("kind", ["mariadb", "mysql", "postgres15"])
def test_no_chunk_is_begun_while_the_source_or_a_replica_is_over_its_limit(kind: str, tmp_path: Path) -> None:
    with pair(kind) as (database, replica):
        database.script(
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "CREATE TABLE u (id BIGINT PRIMARY KEY)",
            "INSERT INTO t VALUES (1), (2), (3), (4), (5)",
        )
        pipeline = load(pipeline_file(tmp_path, database, *limits(replica)).path)

        def known() -> bool:
            return all(found.ok for found in findings(pipeline.create_source(), pipeline.load))

        wait_until(known, 30, "the source and the replica can be asked")
        with ExitStack() as lag, ExitStack() as work:
            lag.enter_context(changing(database))
            lag.enter_context(held(replica))
            work.enter_context(at_work(database, SESSIONS))
            with closing(pipeline.create_source().gauges(pipeline.load.throttle_replicas)) as gauges:
                wait_until(lambda: any((gauge.value or 0) > 3 for gauge in gauges.replica_lags()), 30, "it is behind")
            with running(pipeline.create_source(), load=pipeline.load) as session:
                paused(session, database, "Threads_running " if is_mysql(database) else "active sessions ")
                work.close()
                paused(session, database, " s > 2 s")
                assert "lag of " in session.report.error
                lag.close()
                wait_until(lambda: session.report.state == "streaming", 30, "the load is done")
                assert session.events("t") == ROWS
                assert session.report.error == ""
        pipeline.create_source().teardown(None, dry_run=False)

        url = Interpolated(replica_url(replica))
        with closing(pipeline.create_source().gauges([url])) as gauges:
            [lag_now] = gauges.replica_lags()
            assert lag_now.value is not None, lag_now.problem
            replica.server.kill()
            [lag_now] = gauges.replica_lags()
            assert (lag_now.value, bool(lag_now.problem)) == (None, True)
        with closing(pipeline.create_source().gauges([Interpolated(database.url)])) as gauges:
            [none] = gauges.replica_lags()
            assert none.problem in ("it is no replica", "it is no standby")


def test_who_may_not_see_other_sessions_of_postgres_is_told_so(postgres15: Postgres15, tmp_path: Path) -> None:
    """Their statements would look like no statements."""
    with postgres15.database("blind") as database:
        user = unique_name("blind").lower()
        database.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'x'")
        file = pipeline_file(tmp_path, database, "throttle_active_sessions = 5")
        file.path.write_text(file.path.read_text().replace(database.url, database.url_as(user, "x")))
        pipeline = load(file.path)
        [refused] = findings(pipeline.create_source(), pipeline.load)
        assert refused.ok is False
        assert "pg_monitor" in refused.fix
        database.execute(f"GRANT pg_monitor TO {user}")
        [known] = findings(pipeline.create_source(), pipeline.load)
        assert (known.ok, known.detail.startswith("active sessions is ")) == (True, True)
        database.script(f"DROP OWNED BY {user}", f"DROP ROLE {user}")


def limits(replica: Database) -> list[str]:
    lines = [f"throttle_active_sessions = {SESSIONS - 1}", 'throttle_replica_lag = "2s"']
    if is_mysql(replica):
        lines.append(f"throttle_replicas = {json.dumps([replica_url(replica)])}")
    return lines


def replica_url(replica: Database) -> str:
    """In no database, where that can be."""
    return replica.server.login.url("" if is_mysql(replica) else "postgres")


def test_tables_are_loaded_in_the_order_of_the_file_and_small_ones_first(
    postgres15: Postgres15, tmp_path: Path
) -> None:
    with postgres15.database("ordered") as database:
        for table, rows, key in (("a", 900, True), ("b", 40, True), ("c", 5, True), ("keyless", 2000, False)):
            database.execute(f"CREATE TABLE {table} (id int{' PRIMARY KEY' if key else ''})")
            database.execute(f"INSERT INTO {table} SELECT generate_series(1, {rows})")
        database.script("CREATE TABLE bare (id int)", "INSERT INTO bare VALUES (1)", "ANALYZE")
        for table in ("keyless", "bare"):
            database.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL")
        file = pipeline_file(tmp_path, database, "readers = 1", 'order = ["public.x*", "public.b"]')
        pipeline = load(file.path)
        [unmatched] = [found.finding for found in findings_of(pipeline) if found.finding.name == "load order"]
        assert (unmatched.ok, unmatched.detail) == (None, "public.x* names no table that is captured")
        session = Running(load=pipeline.load)
        session.control.finish.set()
        session.run(pipeline.create_source())
        runs = [run for piece in session.stream.reader("").poll(0, 1 << 40) for run in piece.runs]
        assert list(dict.fromkeys(run.topic.rpartition(".")[2] for run in runs)) == ["bare", "keyless", "b", "c", "a"]
        pipeline.create_source().teardown(None, dry_run=False)
