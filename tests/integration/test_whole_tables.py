"""Tables without a key are loaded whole beside the stream, and suspended tables are taken up again."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tailrace.errors import TailraceError
from tailrace.http.client import ask
from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.workload import is_mysql
from tests.servers import Database

SOURCES = ("postgres15", "mariadb", "mysql_defaults")
KINDS = ("postgres15", "mariadb", "mysql")
SECONDS = 60


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("whole") as database:
        yield database


class Pipeline:
    """A pipeline from the source into a file of SQLite."""

    def __init__(self, source: Database, folder: Path, tables: tuple[str, ...] = (), more: str = "") -> None:
        self.source = source
        self.folder = folder
        self._more = more
        self.file = self._written(tables, text.pipeline(folder, name="").partition("\n")[0])

    def choose(self, *tables: str) -> None:
        """Other globs from the next start on."""
        self.file = self._written(tables, self.file.path.read_text().partition("\n")[0])

    def _written(self, tables: tuple[str, ...], first: str) -> PipelineFile:
        sink = text.sink("copy", f"sqlite:///{self.folder / 'copy.db'}")
        globs = [self.named(table) for table in tables]
        whole = text.pipeline(self.folder, text.source(self.source.url, globs), sink, self._more)
        return PipelineFile(self.folder, first + "\n" + whole.partition("\n")[2])

    def named(self, table: str) -> str:
        return f"{self.source.name if is_mysql(self.source) else 'public'}.{table}"

    def copied(self, table: str, columns: str = "*") -> Counter[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "copy.db", timeout=30)) as connection:
            try:
                return Counter(connection.execute(f"SELECT {columns} FROM {table}").fetchall())
            except sqlite3.OperationalError:
                return Counter({("no table yet",): -1})

    def damage(self, statement: str) -> None:
        with closing(sqlite3.connect(self.folder / "copy.db", timeout=30)) as connection, connection:
            connection.execute(statement)

    def rows(self, table: str, columns: str = "*") -> Counter[tuple[Any, ...]]:
        return Counter(tuple(row) for row in self.source.query(f"SELECT {columns} FROM {table}"))

    def await_equal(self, *tables: str) -> None:
        """The source is at rest: until its rows are in the target."""
        for table in tables:
            self._await_equal(table, self.rows(table))

    def _await_equal(self, table: str, expected: Counter[tuple[Any, ...]]) -> None:
        try:
            servers.wait_until(lambda: self.copied(table) == expected, SECONDS, f"{table} is equal")
        except servers.ServerError as error:
            copied = self.copied(table)
            missing, extra = list((expected - copied).items())[:5], list((copied - expected).items())[:5]
            raise AssertionError(f"{error}: missing {missing}, extra {extra}") from None

    def status(self, table: str) -> dict[str, Any]:
        """As `tailrace status` has the table; {} while nothing answers."""
        document = tomllib.loads(self.file.path.read_text())
        try:
            status: dict[str, Any] = ask(Path(document["state_dir"]), document["name"], "/status")
        except TailraceError:
            return {}
        return next((entry for entry in status["tables"] if entry["name"] == self.named(table)), {})

    def place(self) -> str:
        """Where capture stands; "" before it is at work."""
        return self._of_capture("position")

    def error(self) -> str:
        return self._of_capture("error")

    def _of_capture(self, field: str) -> str:
        """Only while it runs: of a stopped pipeline the status shows what is stored."""
        workers = self.file.workers()
        return next((str(worker[field]) for worker in workers if worker["name"] == "capture"), "")

    def await_state(self, table: str, state: str) -> dict[str, Any]:
        """Until the table has it; the table's status."""
        servers.wait_until(lambda: self.status(table).get("state") == state, SECONDS, f"{table} is {state}")
        return self.status(table)

    def is_partly_loaded(self, table: str) -> bool:
        status = self.status(table)
        return status.get("state") == "loading" and status["rows"] > 0

    def reload(self, table: str, *more: str) -> None:
        done = self.file.command("reload", "--table", self.named(table), "--wait", *more)
        assert done.code == 0, (done.stdout, done.stderr, self.file.log.read_text()[-6000:])


@contextmanager
def writing(source: Database) -> Iterator[None]:
    """Somebody changes both tables all the while, with duplicates, in transactions that take in both."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        choose = random.Random(7)
        picked = "n = %s LIMIT 1" if is_mysql(source) else "ctid = (SELECT ctid FROM bare WHERE n = %s LIMIT 1)"
        number = 100_000
        try:
            while not stop.is_set():
                number += 1
                with source.transaction() as cursor:
                    for _ in range(3):
                        n = choose.randrange(40)
                        cursor.execute("INSERT INTO bare (n, v) VALUES (%s, %s)", (n, "same"))
                        cursor.execute(f"UPDATE bare SET v = %s WHERE {picked}", (f"v{choose.random()}", n))
                        cursor.execute(f"DELETE FROM bare WHERE {picked}", (choose.randrange(40),))
                    cursor.execute("INSERT INTO t (id, v) VALUES (%s, 'new')", (number,))
                    if number % 2:  # the transaction's last event is the other table's
                        cursor.execute("INSERT INTO bare (n, v) VALUES (%s, 'last')", (n,))
                stop.wait(0.01)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not failures, failures


def make(source: Database, rows: int = 3000) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v varchar(20))")
    source.execute("CREATE TABLE bare (n int, v varchar(300))")
    if not is_mysql(source):
        source.execute("ALTER TABLE bare REPLICA IDENTITY FULL")
    source.executemany("INSERT INTO bare VALUES (%s, %s)", [(n % 50, f"v{n % 7}") for n in range(rows)])


@pytest.mark.parametrize("transactional", [True, False])
def test_rows_without_a_key_in_topics_of_several_partitions(
    mariadb: Any, kafka: Any, tmp_path: Path, transactional: bool
) -> None:
    stream = text.kafka(kafka.bootstrap).replace(
        "[stream.kafka]", f"partitions = 3\ntransactional = {str(transactional).lower()}\n[stream.kafka]"
    )
    with mariadb.database("parts") as source:
        make(source)
        pipeline = Pipeline(source, tmp_path, more=stream)
        try:
            with pipeline.file.running():
                pipeline.await_equal("bare")
                pipeline.damage("INSERT INTO bare VALUES (-1, 'nobody wrote it')")
                with writing(source):
                    pipeline.reload("bare")
                pipeline.await_equal("bare", "t")
        finally:
            assert pipeline.file.command("teardown", "--yes").code == 0


def test_a_table_without_a_key_is_loaded_again_under_writers_and_over_a_crash(source: Database, tmp_path: Path) -> None:
    make(source)
    source.executemany("INSERT INTO bare VALUES (%s, %s)", [(n % 50, "long" * 60) for n in range(20_000)])
    pipeline = Pipeline(source, tmp_path, more="[load]\nthrottle_rows = 6000\n")
    try:
        with pipeline.file.running() as process:
            pipeline.await_equal("bare")
            pipeline.damage("INSERT INTO bare VALUES (-1, 'nobody wrote it')")
            with writing(source):
                pipeline.reload("bare")
                done = pipeline.file.command("reload", "--table", pipeline.named("bare"))
                assert done.code == 0, done.stdout
                servers.wait_until(lambda: pipeline.is_partly_loaded("bare"), SECONDS, "a part has gone out")
                os.kill(pipeline.file.worker_pids()["capture"], signal.SIGKILL)
                servers.wait_until(lambda: pipeline.file.worker_pids().get("capture"), SECONDS, "it is started again")
                assert pipeline.await_state("bare", "streaming")["loads"] == 2
            pipeline.await_equal("bare", "t")
            assert process.poll() is None
            some = pipeline.file.command("reload", "--table", pipeline.named("bare"), "--where", "n = 1")
            assert (some.code, "no primary key" in some.stdout) == (1, True)
            source.execute("INSERT INTO bare VALUES (1000, 'later')")
            pipeline.await_equal("bare")
    finally:
        assert pipeline.file.command("teardown", "--yes").code == 0


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_a_view_that_cannot_be_had_yet_holds_nothing_up(source: Database, tmp_path: Path) -> None:
    """PostgreSQL's waits for all transactions that run, MySQL's for those that write the table, MariaDB's for XA."""
    make(source)
    pipeline = Pipeline(source, tmp_path)
    prepares = source.server.kind == "mariadb"
    begin, end = (("XA START 'whole'", "XA COMMIT 'whole'")) if prepares else ("START TRANSACTION", "COMMIT")
    try:
        with pipeline.file.running(), closing(source.connect()) as connection, connection.cursor() as cursor:
            pipeline.await_equal("bare")
            cursor.execute(begin)
            cursor.execute("INSERT INTO bare VALUES (1, 'not committed yet')")
            if prepares:
                cursor.execute("XA END 'whole'")
                cursor.execute("XA PREPARE 'whole'")
            done = pipeline.file.command("reload", "--table", pipeline.named("bare"))
            assert done.code == 0, done.stdout
            if is_mysql(source):
                servers.wait_until(lambda: "bare" in pipeline.error(), SECONDS, "the reason is told")
            source.execute("INSERT INTO t VALUES (1, 'goes on')")
            source.execute("INSERT INTO bare VALUES (2, 'goes on')")
            pipeline.await_equal("t", "bare")
            assert pipeline.status("bare")["state"] == "loading"
            cursor.execute(end)
            pipeline.await_state("bare", "streaming")
            pipeline.await_equal("bare")
    finally:
        assert pipeline.file.command("teardown", "--yes").code == 0


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_suspended_tables_are_taken_up_again(source: Database, tmp_path: Path) -> None:
    make(source)
    source.executemany("INSERT INTO t VALUES (%s, 'old')", [(n,) for n in range(200)])
    pipeline = Pipeline(source, tmp_path)
    made = "varchar(36) DEFAULT (concat('a', 'b'))" if is_mysql(source) else "text DEFAULT gen_random_uuid()::text"
    try:
        with pipeline.file.running():
            pipeline.await_equal("bare", "t")
            for table in ("t", "bare"):  # what the rows have in it, is in no log
                source.execute(f"ALTER TABLE {table} ADD COLUMN made {made}")
            source.execute("INSERT INTO t (id, v) VALUES (1000, 'by')")
            source.execute("INSERT INTO bare (n, v) VALUES (1000, 'by')")
            for table in ("t", "bare"):
                assert "tailrace reload" in pipeline.await_state(table, "suspended")["reason"]
            source.execute("DELETE FROM t WHERE id = 7")
            source.execute("DELETE FROM bare WHERE n = 7")
            source.execute("UPDATE t SET v = 'changed by' WHERE id < 5")
            with writing(source):
                pipeline.reload("t", "--resync")
                pipeline.reload("bare")
            assert pipeline.status("t")["reason"] == ""
            source.execute("INSERT INTO t (id, v) VALUES (1001, 'later')")
            pipeline.await_equal("bare", "t")
        with pipeline.file.running():
            source.execute("INSERT INTO t (id, v) VALUES (1002, 'after a restart')")
            pipeline.await_equal("bare", "t")
    finally:
        assert pipeline.file.command("teardown", "--yes").code == 0


def test_a_table_that_took_the_place_of_another_has_columns_of_its_own(postgres15: Any, tmp_path: Path) -> None:
    """Its columns begin at number 1 again: they are told by their names, and new ones are not the old ones renamed."""
    with postgres15.database("replaced") as source:
        source.script(
            "CREATE TABLE t (id int PRIMARY KEY, a text, b int, gone text)",
            "INSERT INTO t VALUES (1, 'a1', 10, 'g'), (2, 'a2', 20, 'g'), (5, 'a5', 50, 'g')",
        )
        pipeline = Pipeline(source, tmp_path)

        def await_alike(columns: str, but: str = "") -> None:
            expected = pipeline.rows("t", columns)
            where = f"t WHERE NOT ({but})" if but else "t"
            servers.wait_until(lambda: pipeline.copied(where, columns) == expected, SECONDS, "the target is alike")

        try:
            with pipeline.file.running():
                await_alike("id, a, b, gone")
                source.script(
                    "DROP TABLE t",
                    "CREATE TABLE t (a text, id int PRIMARY KEY, b text, c int NOT NULL)",
                    "INSERT INTO t VALUES ('other', 1, 'text', 1), ('rows', 3, 'too', 3)",
                )
            with pipeline.file.running():
                assert "replaced" in pipeline.await_state("t", "suspended")["reason"]
                pipeline.reload("t")  # without --resync: what was deleted meanwhile stays, as it was
                await_alike("id, a, b, c", but="id IN (2, 5)")
                assert pipeline.copied("t WHERE id = 5", "a, b, c, gone, b_dropped_3") == Counter(
                    [("a5", None, None, "g", 50)]
                )
                source.script(
                    "ALTER TABLE t ADD COLUMN d int DEFAULT 7",  # a number that no column has had
                    "ALTER TABLE t RENAME COLUMN c TO e",
                    "INSERT INTO t VALUES ('later', 4, 'on', 4, 8)",
                    "UPDATE t SET id = 30, a = 'moved' WHERE id = 3",
                )
                await_alike("id, a, b, e, d", but="id IN (2, 5)")
            with pipeline.file.running():
                pipeline.await_state("t", "streaming")
                source.script("ALTER TABLE t DROP COLUMN b, ADD COLUMN b int", "UPDATE t SET b = 9")
                pipeline.reload("t", "--resync")
                await_alike("id, a, e, d, b")
            assert pipeline.file.command("verify").code == 0
        finally:
            assert pipeline.file.command("teardown", "--yes").code == 0


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_tables_chosen_later_left_out_or_not_captured_before_are_loaded(source: Database, tmp_path: Path) -> None:
    make(source)
    source.execute("INSERT INTO t VALUES (0, 'first')")
    source.execute("CREATE TABLE odd (n int)" + (" ENGINE = MyISAM" if is_mysql(source) else ""))
    source.execute("CREATE TABLE unchosen (n int)")
    if not is_mysql(source):
        source.execute("ALTER TABLE unchosen REPLICA IDENTITY FULL")
    source.execute("INSERT INTO unchosen VALUES (1), (1)")
    pipeline = Pipeline(source, tmp_path, tables=("t", "bare", "odd"))
    try:
        with pipeline.file.running():
            pipeline.await_equal("bare", "t")
        pipeline.choose("odd")
        with pipeline.file.running():
            servers.wait_until(lambda: pipeline.place(), SECONDS, "it runs")
            before = pipeline.place()
            source.execute("INSERT INTO t VALUES (1, 'went by')")
            source.execute("DELETE FROM bare WHERE n = 3")
            servers.wait_until(lambda: pipeline.place() not in ("", before), SECONDS, "the position moves")
        source.execute("INSERT INTO unchosen VALUES (2)")
        pipeline.choose("t", "bare", "odd", "unchosen")
        with pipeline.file.running():
            source.execute("DELETE FROM unchosen WHERE n = 2")
            pipeline.await_equal("unchosen")
            for table in ("t", "bare"):
                assert "tailrace reload" in pipeline.await_state(table, "suspended")["reason"]
            refused = pipeline.file.command("reload", "--table", pipeline.named("odd"))
            assert refused.code == 1
            assert ("MyISAM" if is_mysql(source) else "replica identity") in refused.stdout
            source.execute(
                "ALTER TABLE odd ENGINE = InnoDB" if is_mysql(source) else "ALTER TABLE odd REPLICA IDENTITY FULL"
            )
            source.execute("INSERT INTO odd VALUES (5), (5)")
            every = pipeline.file.command("reload", "--all", "--wait")
            assert every.code == 0, (every.stdout, every.stderr, pipeline.file.log.read_text()[-5000:])
            source.execute("INSERT INTO odd VALUES (6)")
            pipeline.await_equal("t", "bare", "odd")
    finally:
        assert pipeline.file.command("teardown", "--yes").code == 0
