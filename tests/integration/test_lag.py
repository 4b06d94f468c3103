"""How far behind a pipeline says that it is, on real servers: in `status`, and in /metrics."""

from __future__ import annotations

import contextlib
import threading
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tailrace import progress
from tailrace.errors import TailraceError
from tailrace.http.client import ask
from tailrace.stream import Partition
from tailrace.testing import Script
from tests import servers
from tests.doubles.mirror import ID, NAME, Mirror, row
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.side_by_side import side_by_side
from tests.pipelines.workload import is_mysql
from tests.servers import Database, unique_name
from tests.servers.process import free_port
from tests.streams import Pipeline

#: Where the load of a table begins and ends are events too.
MARKS = 2


@dataclass
class Told:
    """What a running pipeline says: one sample of each kind, or None."""

    pipeline: PipelineFile
    port: int

    def status(self) -> dict[str, Any]:
        document = tomllib.loads(self.pipeline.path.read_text())
        try:
            answer: dict[str, Any] = ask(Path(document["state_dir"]), document["name"], "/status")
        except TailraceError:
            return {"workers": [], "tables": []}
        return answer

    def lag(self, worker: str) -> float | None:
        return next((w["lag_seconds"] for w in self.status()["workers"] if w["name"] == worker), None)

    def table(self, name: str) -> dict[str, Any]:
        return next((t for t in self.status()["tables"] if t["name"].endswith(f".{name}")), {})

    def caught_up(self) -> bool:
        workers = self.status()["workers"]
        return bool(workers) and all(w["state"] == "streaming" and w["lag_seconds"] == 0 for w in workers)

    def metric(self, name: str, **labels: str) -> float | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                body = answer.read().decode()
        except OSError:
            return None
        for family in text_string_to_metric_families(body):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None


class Traffic:
    """Changes of a table that the pipeline does not take, without a pause."""

    def __init__(self, database: Database) -> None:
        self._connection = database.connect()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def _write(self) -> None:
        with contextlib.closing(self._connection.cursor()) as cursor:
            while not self._stop.wait(0.002):
                cursor.execute("INSERT INTO foreigner VALUES ('v')")

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)


@contextlib.contextmanager
def told(folder: Path, *parts: str) -> Iterator[Told]:
    """A running pipeline that serves metrics."""
    port = free_port()
    pipeline = PipelineFile(folder, text.pipeline(folder, *parts, f'[http]\nlisten = "127.0.0.1:{port}"\n'))
    said = Told(pipeline, port)
    with pipeline.running():
        yield said


def selected(database: Database, *tables: str) -> list[str]:
    prefix = "public" if database.url.startswith("postgres") else database.name
    return [f"{prefix}.{table}" for table in tables]


#: What suspends `moved`, and what then makes it appear in the next run's catalogue, suspended still.
SUSPENDED: dict[bool, tuple[tuple[str, ...], tuple[str, ...]]] = {
    True: (("DROP TABLE moved", "ALTER TABLE spare RENAME TO moved"), ()),
    False: (("ALTER TABLE moved RENAME TO elsewhere",), ("ALTER TABLE elsewhere RENAME TO moved",)),
}


def test_other_tables_leave_the_lag_small_and_a_suspended_table_falls_behind(
    postgres18: Any, mariadb: Any, mysql: Any, tmp_path: Path
) -> None:
    side_by_side(
        postgres=partial(other_tables_and_a_suspended_one, postgres18, tmp_path / "p"),
        mariadb=partial(other_tables_and_a_suspended_one, mariadb, tmp_path / "m"),
        mysql=partial(other_tables_and_a_suspended_one, mysql, tmp_path / "y"),
    )


def other_tables_and_a_suspended_one(server: Any, folder: Path) -> None:
    folder.mkdir()
    with server.database() as source:
        suspending, afterwards = SUSPENDED[is_mysql(source)]
        source.script(
            "CREATE TABLE live (id INT PRIMARY KEY)",
            "CREATE TABLE moved (id INT PRIMARY KEY)",
            "CREATE TABLE spare (id INT PRIMARY KEY)",
            "CREATE TABLE foreigner (v VARCHAR(20))",
        )
        parts = (
            text.source(source.url, selected(source, "live", "moved")),
            text.sink("lite", f"sqlite:///{folder}/target.db"),
        )
        with told(folder, *parts) as said:
            until(said.caught_up, 60, "all is caught up")
            source.execute("INSERT INTO live VALUES (1)")
            until(lambda: said.table("live").get("events") == MARKS + 1, 20, "the last change of a captured table")
            last = time.monotonic()
            most = 0.0

            def largest_for_eight_seconds() -> bool:
                nonlocal most
                lags = said.lag("capture"), said.lag("lite")
                assert None not in lags
                most = max(most, *(lag for lag in lags if lag is not None))
                return time.monotonic() >= last + 8

            with Traffic(source):
                until(largest_for_eight_seconds, 20, "eight seconds of changes of another table")
                assert most < 4, "nothing of the pipeline's tables waits"
            source.script(*suspending)
            until(lambda: said.table("moved").get("state") == "suspended", 20, "the table is suspended")
            until(lambda: (said.table("moved")["lag_seconds"] or 0) > 3, 10, "it falls behind")
            until(said.caught_up, 10, "the workers do not")
            assert said.table("live")["lag_seconds"] == 0
            behind = said.metric("tailrace_table_lag_seconds", worker="capture", table=said.table("moved")["name"])
            assert behind is not None
            assert behind > 3
            assert said.metric("tailrace_lag_seconds", worker="capture") == pytest.approx(0, abs=4)
        source.script(*afterwards)
        with said.pipeline.running():
            until(lambda: (said.table("moved").get("lag_seconds") or 0) > behind, 30, "and further in the next run")
        assert said.pipeline.command("teardown", "--yes").code == 0


def test_a_sink_whose_server_is_down_falls_behind(mariadb: Any, kafka: Any, tmp_path: Path) -> None:
    side_by_side(
        embedded=partial(a_sink_whose_server_is_down, mariadb, "", tmp_path / "e"),
        kafka=partial(a_sink_whose_server_is_down, mariadb, kafka.bootstrap, tmp_path / "k"),
    )


def a_sink_whose_server_is_down(mariadb: Any, bootstrap: str, folder: Path) -> None:
    """With the embedded stream where there are no bootstrap servers."""
    folder.mkdir()
    with (
        servers.start("postgres15", {"max_wal_senders": 5}) as down,
        down.database() as pg,
        mariadb.database() as source,
    ):
        source.script("CREATE TABLE live (id INT PRIMARY KEY)", "CREATE TABLE quiet (id INT PRIMARY KEY)")
        parts = (
            text.source(source.url),
            text.kafka(bootstrap) if bootstrap else "",
            text.sink("pg", pg.url),
            text.sink("lite", f"sqlite:///{folder}/target.db"),
        )
        with told(folder, *parts) as said:

            def events(sink: str) -> int:
                found: int = said.table("live").get("workers", {}).get(sink, {}).get("events", 0)
                return found

            def lag(worker: str) -> float:
                return said.metric("tailrace_table_lag_seconds", worker=worker, table=live) or 0.0

            until(said.caught_up, 60, "all is caught up")
            source.execute("INSERT INTO live VALUES (0)")
            until(
                lambda: events("pg") == events("lite") == MARKS + 1 and said.caught_up(), 30, "the first row is in both"
            )
            live = said.table("live")["name"]
            assert said.metric("tailrace_lag_bytes", worker="pg") == 0
            assert (said.metric("tailrace_table_lag_bytes", worker="pg", table=live) == 0) == bool(bootstrap)
            down.kill()
            source.execute("INSERT INTO live VALUES (1)")
            until(lambda: events("lite") == MARKS + 2, 20, "the other sink has it")
            until(lambda: lag("pg") > 5, 20, "the sink falls behind")
            assert (said.metric("tailrace_lag_seconds", worker="pg") or 0) > 5
            assert said.metric("tailrace_lag_bytes", worker="pg") is None, "nobody can measure"
            until(lambda: lag("lite") == 0, 10, "the other does not")
            assert said.table("live")["lag_seconds"] > 5, "a table is as far behind as its slowest sink"
            first = lag("pg")
            until(lambda: lag("pg") > first + 2, 10, "it grows")
            down.relaunch()
            until(said.caught_up, 60, "it has caught up")
            assert said.metric("tailrace_table_events_total", worker="pg", table=live) == MARKS + 2
            assert said.metric("tailrace_lag_bytes", worker="pg") == 0
        assert said.pipeline.command("teardown", "--yes").code == 0


def test_of_two_topics_in_kafka_the_one_that_is_not_read_is_behind(
    kafka: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0.1)
    name = unique_name("shop").replace("_", "-")
    table = {"connector": "kafka", "partitions": 1, "kafka": {"bootstrap.servers": kafka.bootstrap}}
    stream = Pipeline(name, tmp_path / "state", table, sinks=("mirror",)).open()
    with contextlib.closing(stream.writer()) as writer:
        mirror = Mirror(tmp_path, stream)  # type: ignore[arg-type]
        mirror.script = Script(writer, name)
        users, orders = (mirror.script.table(f"public.{table}", [ID, NAME]) for table in ("users", "orders"))
        with mirror.running():

            def behind(table: str) -> tuple[float | None, int | None]:
                report = next(report for report in mirror.reports.last.tables if report.name == table)
                return report.lag_seconds, report.lag_bytes

            until(lambda: mirror.reports.last.lag_bytes == 0 and bool(mirror.reports.last.tables), 30, "caught up")
            mirror.readers[0].pause(Partition(orders.schema.topic, 0))
            for key in range(10):
                users.insert(row(key, "x" * 1000))
            until(lambda: len(mirror.query("SELECT id FROM users")) == 10, 20, "one table is applied")
            for key in range(10):
                orders.insert(row(key, "x" * 1000))
            until(lambda: (behind("public.orders")[0] or 0) > 2, 20, "the other falls behind")
            until(lambda: behind("public.users") == (0, 0), 10, "the first does not")
            seconds, size = behind("public.orders")
            assert seconds is not None
            assert size == pytest.approx(10 * 1400, rel=0.3), "an estimate by what was read of the first table"
            assert mirror.reports.last.lag_seconds == pytest.approx(seconds, abs=1)
            mirror.readers[0].resume(Partition(orders.schema.topic, 0))
            until(lambda: mirror.reports.last.lag_seconds == 0 and mirror.reports.last.events == 20, 20, "caught up")
    stream.teardown(dry_run=False)
