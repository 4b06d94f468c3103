"""A pipeline at work, as its user sees it: SQL typed at the source, rows in the targets and in `tailrace tail`.

One daemon per source and stream serves all tests of this file but the last ones.
"""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.integration import type_tables
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.workload import comparable, is_mysql
from tests.servers import Database
from tests.servers.process import free_port

#: Each source, each stream; what has to be fast is tried with both streams for each kind of log.
LIVE = (
    ("postgres18", "embedded"),
    ("postgres15", "kafka"),
    ("mariadb", "embedded"),
    ("mariadb", "kafka"),
    ("mysql", "embedded"),
)
COMMITS = 20
SINKS = ("pg", "my", "lite")

CREATE = (
    "CREATE TABLE live (id INT PRIMARY KEY, v VARCHAR(20))",
    "CREATE TABLE altered (id INT PRIMARY KEY, a VARCHAR(20), gone INT)",
    "CREATE TABLE emptied (id INT PRIMARY KEY, v VARCHAR(20))",
)


@dataclass
class Live:
    """A running pipeline and its ends."""

    source: Database
    pg: Database
    my: Database
    lite: Path
    pipeline: PipelineFile

    def rows(self, sink: str, sql: str) -> list[tuple[Any, ...]]:
        """A query at one target; [] while the table is not there."""
        if sink == "lite":
            with contextlib.closing(sqlite3.connect(f"file:{self.lite}?mode=ro", uri=True, timeout=5)) as lite:
                try:
                    return [tuple(row) for row in lite.execute(sql)]
                except sqlite3.OperationalError as error:
                    if "no such" in str(error):
                        return []
                    raise
        database = self.pg if sink == "pg" else self.my
        try:
            return database.query(sql)
        except Exception as error:
            if "exist" in str(error) or "1054" in str(error):  # the table, or a column that is still to come
                return []
            raise

    def until_everywhere(self, sql: str, expected: list[tuple[Any, ...]], seconds: float = 30) -> None:
        for sink in SINKS:

            def arrived(sink: str = sink) -> bool:
                return comparable(self.rows(sink, sql)) == comparable(expected)

            until(arrived, seconds, f"{sink}: {sql} gives {expected}")


@pytest.fixture(scope="module", params=LIVE, ids="-".join)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    server, stream = request.param
    folder = tmp_path_factory.mktemp("live")
    mysql, postgres = request.getfixturevalue("mysql"), request.getfixturevalue("postgres18")
    with (
        request.getfixturevalue(server).database("src") as source,
        mysql.database("dst") as my,
        postgres.database("dst") as pg,
    ):
        source.script(*CREATE)
        source.execute("INSERT INTO altered VALUES (1, 'one', 1), (2, 'two', 2)")
        source.execute("INSERT INTO emptied VALUES (1, 'one'), (2, 'two')")
        type_tables.create(source)
        lite = folder / "target.db"
        pipeline = PipelineFile(
            folder,
            text.pipeline(
                folder,
                text.source(source.url),
                text.kafka(request.getfixturevalue("kafka").bootstrap) if stream == "kafka" else "",
                text.sink("pg", pg.url),
                text.sink("my", my.url),
                text.sink("lite", f"sqlite:///{lite}"),
            ),
        )
        with pipeline.running():
            until(lambda: pipeline.states() == dict.fromkeys(("capture", *SINKS), "streaming"), 60, "all stream")
            yield Live(source, pg, my, lite, pipeline)
        torn_down = pipeline.command("teardown", "--yes")
        assert torn_down.code == 0, torn_down.stderr


class Tail:
    """`tailrace tail --from now` in another terminal."""

    def __init__(self, pipeline: PipelineFile) -> None:
        command = [sys.executable, "-m", "tailrace.cli", "tail", str(pipeline.path), "--from", "now"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._lines: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put((time.monotonic(), json.loads(line)))

    def ids(self) -> dict[int, float]:
        """When the events that came since the last call were printed, by key."""
        seen: dict[int, float] = {}
        with contextlib.suppress(queue.Empty):
            while True:
                at, event = self._lines.get_nowait()
                if event["key"] is not None:
                    seen[event["key"]["id"]] = at
        return seen

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)


def test_a_row_is_everywhere_within_a_second(live: Live) -> None:
    delays: list[float] = []
    with Tail(live.pipeline) as tail:
        warm = iter(range(1000, 2000))

        def listening() -> bool:
            live.source.execute("INSERT INTO live VALUES (%s, 'warm')", (next(warm),))
            return bool(tail.ids())

        until(listening, 30, "tail has begun")
        for number in range(1, COMMITS + 1):
            live.source.execute("INSERT INTO live VALUES (%s, 'now')", (number,))
            committed = time.monotonic()
            delays.append(arrival(live, tail, number) - committed)
    assert statistics.median(delays) < 1, delays
    assert max(delays) < 3, delays


def arrival(live: Live, tail: Tail, number: int) -> float:
    """When a row was in both targets and out of `tail`."""
    sql = f"SELECT v FROM live WHERE id = {number}"
    printed: float | None = None
    missing = {"pg", "lite"}
    deadline = time.monotonic() + 20
    while missing or printed is None:
        assert time.monotonic() < deadline, f"row {number} is missing in {missing}, printed: {printed}"
        printed = printed or tail.ids().get(number)
        missing = {sink for sink in missing if not live.rows(sink, sql)}
        time.sleep(0.005)
    return max(printed, time.monotonic())


def test_columns_come_change_their_names_and_go(live: Live) -> None:
    source = live.source
    source.script(
        "ALTER TABLE altered ADD COLUMN plain VARCHAR(20)",
        "INSERT INTO altered VALUES (3, 'three', 3, 'third')",
        "ALTER TABLE altered ADD COLUMN filled INT NOT NULL DEFAULT 7",
        "INSERT INTO altered (id, a) VALUES (4, 'four')",
        "ALTER TABLE altered RENAME COLUMN a TO b",
        "UPDATE altered SET b = 'one again' WHERE id = 1",
        "ALTER TABLE altered DROP COLUMN gone",
        "INSERT INTO altered (id, b, plain, filled) VALUES (5, 'five', 'fifth', 8)",
        "DELETE FROM altered WHERE id = 4",
    )
    expected = [(1, "one again", None, 7), (2, "two", None, 7), (3, "three", "third", 7), (5, "five", "fifth", 8)]
    assert source.query("SELECT id, b, plain, filled FROM altered ORDER BY id") == expected
    live.until_everywhere("SELECT id, b, plain, filled FROM altered", expected)
    for sink in SINKS:  # a dropped column stays, nullable
        kept = live.rows(sink, "SELECT id, gone FROM altered ORDER BY id")
        assert [row[0] for row in kept] == [1, 2, 3, 5]
        assert kept[-1] == (5, None)


def test_truncate_empties_the_targets(live: Live) -> None:
    live.until_everywhere("SELECT id FROM emptied", [(1,), (2,)])
    live.source.script("TRUNCATE TABLE emptied", "INSERT INTO emptied VALUES (3, 'after')")
    live.until_everywhere("SELECT id, v FROM emptied", [(3, "after")])


def test_every_common_type_is_the_same_value_loaded_and_streamed(live: Live) -> None:
    """Row n was loaded; the same values come as row n + 100 through the log, and as n + 200 by an update."""
    type_tables.copy_live(live.source)
    live.until_everywhere("SELECT id FROM types WHERE words IS NOT NULL", [(n,) for n in (1, 2, 101, 102, 201, 202)])
    live.until_everywhere("SELECT id FROM types WHERE big IS NULL", [(n,) for n in (3, 103, 203)])
    kind = "mysql" if is_mysql(live.source) else "postgres"
    for sink in SINKS:
        for expression, values in type_tables.EXACT[kind][sink].items():
            for shift in (0, 100, 200):
                sql = f"SELECT {expression} FROM types WHERE id IN ({shift + 1}, {shift + 2}) ORDER BY id"
                assert [row[0] for row in live.rows(sink, sql)] == values, f"{sink}: {sql}"


def test_all_targets_equal_the_source(live: Live) -> None:
    live.source.execute("INSERT INTO live VALUES (5000, 'there')")  # whatever tests this pipeline served before
    live.until_everywhere("SELECT v FROM live WHERE id = 5000", [("there",)])
    verified = live.pipeline.command("verify", "--json")
    assert verified.code == 0, verified.stdout[-3000:] + verified.stderr[-3000:]
    tables = json.loads(verified.stdout)["tables"]
    assert len(tables) == 4 * len(SINKS)
    assert all(table["source_rows"] for table in tables)


# ---- pipelines of their own


class Writer:
    """Inserts rows into a table `live`, one commit each, some hundreds a second, until stopped."""

    def __init__(self, database: Database) -> None:
        self._connection = database.connect()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.written = 0

    def _write(self) -> None:
        with contextlib.closing(self._connection.cursor()) as cursor:
            while not self._stop.wait(0.002):
                cursor.execute("INSERT INTO live VALUES (%s, 'load')", (1_000_000 + self.written,))
                self.written += 1

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)


def gone(pid: int) -> bool:
    """A zombie has ended too: nobody may be there to wait for an orphan."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.parametrize("server", ["postgres18", "mariadb"])
def test_a_large_transaction_a_killed_supervisor_and_a_stop_under_load(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    lite = tmp_path / "target.db"

    def count() -> int:
        if not lite.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{lite}?mode=ro", uri=True, timeout=10)) as target:
            there = target.execute("SELECT 1 FROM sqlite_master WHERE name = 'live'").fetchone()
            return int(target.execute("SELECT count(*) FROM live").fetchone()[0]) if there else 0

    with request.getfixturevalue(server).database() as source:
        source.execute("CREATE TABLE live (id INT PRIMARY KEY, v VARCHAR(200))")
        sink = text.sink("lite", f"sqlite:///{lite}")
        pipeline = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(source.url), sink))
        at_work = {"capture": "streaming", "lite": "streaming"}
        with contextlib.ExitStack() as stack:
            supervisor = stack.enter_context(killed_at_the_end(pipeline))
            until(lambda: pipeline.states() == at_work, 60, "both stream")
            source.execute(hundred_thousand(source))
            pids = pipeline.worker_pids()
            until(lambda: count() == 100_000, 90, "the large transaction is in the target")
            assert max(peak_mib(pid) for pid in pids.values()) < 300
            writer = stack.enter_context(Writer(source))
            until(lambda: count() > 100_000, 30, "the load is in the target")
            supervisor.kill()
            until(lambda: all(gone(pid) for pid in pids.values()), 5, "the workers are gone")
            begun = writer.written
            successor = stack.enter_context(killed_at_the_end(pipeline))
            until(lambda: count() > 100_000 + begun, 60, "the load goes on")
            asked = time.monotonic()
            successor.terminate()
            assert successor.wait(20) == 0, pipeline.log.read_text()[-3000:]
            assert time.monotonic() - asked < 15
        caught_up = pipeline.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr
        assert count() == source.value("SELECT count(*) FROM live") == 100_000 + writer.written
        verified = pipeline.command("verify")
        assert verified.code == 0, verified.stdout
        assert pipeline.command("teardown", "--yes").code == 0


@contextlib.contextmanager
def killed_at_the_end(pipeline: PipelineFile) -> Iterator[subprocess.Popen[bytes]]:
    """`tailrace run` without a word on how it ends."""
    with pipeline.log.open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "tailrace.cli", "run", str(pipeline.path)], stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def hundred_thousand(source: Database) -> str:
    """One INSERT of as many rows, of 100 characters and more."""
    numbers = "SELECT 0 AS n" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10))
    if not is_mysql(source):
        return "INSERT INTO live SELECT n, repeat('v', 100 + n % 100) FROM generate_series(0, 99999) n"
    number = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n"
    tables = ", ".join(f"({numbers}) {name}" for name in "abcde")
    return f"INSERT INTO live SELECT {number}, repeat('v', 100 + a.n) FROM {tables}"


def test_a_sink_whose_server_is_down_delays_no_other(mariadb: Any, tmp_path: Path) -> None:
    """Health says so within 30 seconds; the sink comes back by itself; SIGHUP says what a changed file needs."""
    lite = tmp_path / "target.db"
    port = free_port()
    with (
        servers.start("postgres15", {"max_wal_senders": 5}) as down,
        down.database() as pg,
        mariadb.database() as source,
    ):
        source.execute("CREATE TABLE live (id INT PRIMARY KEY, v VARCHAR(20))")
        parts = (
            text.source(source.url),
            text.sink("pg", pg.url),
            text.sink("lite", f"sqlite:///{lite}"),
            f'[http]\nlisten = "127.0.0.1:{port}"\n',
        )
        pipeline = PipelineFile(tmp_path, text.pipeline(tmp_path, *parts))
        live = Live(source, pg, pg, lite, pipeline)

        def health() -> tuple[int, str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode()
            except OSError:
                return 0, "not listening yet"

        def everything_in(sink: str) -> bool:
            sql = "SELECT id FROM live ORDER BY id"
            return live.rows(sink, sql) == list(source.query(sql))

        with pipeline.running() as supervisor:
            until(lambda: health()[0] == 200 and "streaming" in pipeline.states().get("pg", ""), 60, "all is well")
            source.execute("INSERT INTO live VALUES (1, 'before')")
            until(lambda: everything_in("pg") and everything_in("lite"), 20, "the first row is in both targets")
            down.kill()
            source.execute("INSERT INTO live VALUES (2, 'during')")
            until(lambda: everything_in("lite"), 5, "the other sink is not delayed")
            until(lambda: health()[0] == 503, 30, "health says so")
            reasons = json.loads(health()[1])["reasons"]
            assert len(reasons) == 1
            assert reasons[0].startswith("pg is "), reasons
            assert pipeline.command("status").code == 4
            source.execute("INSERT INTO live VALUES (3, 'during')")
            until(lambda: everything_in("lite"), 5, "the other sink is still not delayed")
            down.relaunch()
            until(lambda: everything_in("pg"), 45, "the sink has caught up")
            until(lambda: health()[0] == 200, 30, "all is well again")
            changed = pipeline.path.read_text().replace(f'heartbeat = "{text.HEARTBEAT}"', 'heartbeat = "7s"')
            pipeline.path.write_text(changed)
            supervisor.send_signal(signal.SIGHUP)
            until(lambda: "source.heartbeat" in pipeline.log.read_text(), 10, "the log names the changed key")
            line = next(line for line in pipeline.log.read_text().splitlines() if "source.heartbeat" in line)
            assert "a restart is needed" in line
        assert pipeline.command("teardown", "--yes").code == 0


def test_the_log_of_another_database_does_not_pin_the_slot(postgres18: Any, tmp_path: Path) -> None:
    with postgres18.database() as idle, postgres18.database() as busy:
        idle.execute("CREATE TABLE live (id INT PRIMARY KEY)")
        busy.execute("CREATE TABLE work (id INT, v TEXT)")
        pipeline = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(idle.url), name="idle"))

        def behind() -> int:
            sql = "SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s"
            return int(idle.value(sql, ("tailrace_idle",)))

        with pipeline.running():
            until(lambda: pipeline.states().get("capture") == "streaming", 60, "capture streams")
            busy.execute("INSERT INTO work SELECT n, repeat('v', 1000) FROM generate_series(1, 5000) n")
            assert busy.value("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn") > 5_000_000
            until(lambda: behind() < 100_000, 20, "the slot follows the log")
        assert pipeline.command("teardown", "--yes").code == 0
