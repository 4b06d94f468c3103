"""What targets hold when a load begins, and what a resync leaves of what the source has not: on all four at once."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import ER

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.workload import is_mysql
from tests.servers import Database, unique_name

ROWS = 1_000
WAYS = (
    ("postgres15", "embedded", "full-load-and-cdc", "drop-and-create"),
    ("mariadb", "kafka", "full-load-and-cdc", "truncate-before-load"),
    ("mysql", "embedded", "full-load", "truncate-before-load"),
)


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("src") as database:
        yield database


@pytest.fixture
def targets(mysql: Any, postgres18: Any, dynamodb: Any, tmp_path: Path) -> Iterator[dict[str, Any]]:
    with mysql.database("dst") as my, postgres18.database("dst") as pg:
        yield {"my": my, "pg": pg, "lite": tmp_path / "target.db", "kv": dynamodb}


def written(
    name: str, source: Database, stream: str, mode: str, prepare: str, targets: Any, folder: Path, kafka: str
) -> str:
    connector = text.connector_of(source.url)
    stream_text = (
        f'connector = "kafka"\npartitions = 2\n[stream.kafka]\n"bootstrap.servers" = "{kafka}"'
        if stream == "kafka"
        else 'connector = "embedded"'
    )
    return f"""
name = "{name}"
state_dir = "{folder / "state"}"
mode = "{mode}"
[source]
connector = "{connector}"
url = "{source.url}"
{f'heartbeat = "{text.HEARTBEAT}"' if mode != "full-load" else ""}
[load]
prepare = "{prepare}"
[stream]
{stream_text}
[[sinks]]
name = "pg"
connector = "postgres"
url = "{targets["pg"].url}"
[[sinks]]
name = "my"
connector = "mysql"
url = "{targets["my"].url}"
[[sinks]]
name = "lite"
connector = "sqlite"
url = "sqlite:///{targets["lite"]}"
[[sinks]]
name = "kv"
connector = "dynamodb"
endpoint_url = "{targets["kv"].endpoint}"
region = "eu-west-1"
prefix = "{name}_"
"""


def change_lite(targets: dict[str, Any], *statements: str) -> None:
    with closing(sqlite3.connect(targets["lite"], timeout=30)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def spoil(targets: dict[str, Any], prefix: str) -> None:
    """Rows that the source does not have, and rows that it has and the target not."""
    for name in ("pg", "my"):
        targets[name].execute("INSERT INTO t (a, b, v) VALUES (-5, 'stranger', 'x')")
        targets[name].execute("DELETE FROM t WHERE a < 20")
    change_lite(targets, "INSERT INTO t (a, b, v) VALUES (-5, 'stranger', 'x')", "DELETE FROM t WHERE a < 20")
    stranger = {"a": {"N": "-5"}, "b": {"S": "stranger"}, "v": {"S": "x"}}
    targets["kv"].client().put_item(TableName=f"{prefix}_t", Item=stranger)


@contextmanager
def writing(source: Database, numbers: Iterator[int], alone: bool) -> Iterator[None]:
    """Changes while the rows are loaded, of keys all over the table."""
    stop = threading.Event()
    failed: list[Exception] = []

    def write() -> None:
        while not stop.wait(0.005):  # DynamoDB Local has to follow
            number = next(numbers)
            key = number * 7919 % ROWS
            try:
                source.execute("UPDATE t SET v = %s WHERE a = %s", (f"w{number}", key))
                source.execute("DELETE FROM t WHERE a = %s", (key + ROWS // 2,))
                source.execute("INSERT INTO t (a, b, v) VALUES (%s, %s, 'new')", (ROWS + number, f"k{number}"))
            except Exception as error:
                failed.append(error)
                return

    thread = threading.Thread(target=write)
    if not alone:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if not alone:
            thread.join()
            source.disconnect()
    assert not failed, failed


@pytest.mark.parametrize(("source", "stream", "mode", "prepare"), WAYS, indirect=["source"])
def test_targets_are_prepared_and_resynced(
    source: Database,
    stream: str,
    mode: str,
    prepare: str,
    targets: dict[str, Any],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    bootstrap = request.getfixturevalue("kafka").bootstrap if stream == "kafka" else ""
    name = unique_name("m").lower()
    file = PipelineFile(tmp_path, written(name, source, stream, mode, prepare, targets, tmp_path, bootstrap))
    source.execute("CREATE TABLE t (a int NOT NULL, b varchar(40) NOT NULL, v varchar(40), PRIMARY KEY (a, b))")
    source.executemany("INSERT INTO t (a, b, v) VALUES (%s, %s, %s)", [(n, f"k{n}", f"v{n}") for n in range(ROWS)])
    other = "other int NOT NULL, " if prepare == "drop-and-create" else ""
    value = "7, " if other else ""
    for target in ("pg", "my"):
        binary = " COLLATE utf8mb4_0900_bin" if target == "my" and not other else ""
        columns = f"{other}a int, b varchar(40){binary}, v varchar(40), PRIMARY KEY (a, b)"
        targets[target].execute(f"CREATE TABLE t ({columns})")
        targets[target].execute(f"INSERT INTO t VALUES ({value}-1, 'of before', 'x')")
    change_lite(
        targets,
        f"CREATE TABLE t ({other}a INTEGER, b TEXT, v TEXT, PRIMARY KEY (a, b))",
        f"INSERT INTO t VALUES ({value}-1, 'of before', 'x')",
    )
    kv = targets["kv"].client()
    kv.create_table(
        TableName=f"{name}_t",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "a", "AttributeType": "N"},
            {"AttributeName": "b", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    kv.put_item(TableName=f"{name}_t", Item={"a": {"N": "-1"}, "b": {"S": "of before"}})

    def equal() -> bool:
        counts = {count(source), count(targets["pg"]), count(targets["my"])}
        return len(counts) == 1 and file.command("verify").code == 0

    table = f"{source.name}.t" if is_mysql(source) else "public.t"
    try:
        numbers = itertools.count(1)
        alone = mode == "full-load"  # changes meanwhile may be missing in a copy without a log
        with file.running():
            with writing(source, numbers, alone):
                until(lambda: loaded(file), 60, "the table is loaded")
            until(equal, 60, "targets hold what the source has, and nothing of before")

            spoil(targets, name)
            assert not equal()
            with writing(source, numbers, alone):
                done = file.command("reload", "--table", table, "--resync", "--wait")
            assert done.code == 0, done.stdout + done.stderr
            until(equal, 60, "targets are as the source again")
        for target in ("pg", "my"):
            tables = targets[target].query(
                "SELECT table_name FROM information_schema.tables WHERE table_name LIKE '%seen%'"
            )
            assert not tables, "what the resync needed is gone"
        with closing(sqlite3.connect(targets["lite"])) as lite:
            found = [row[1] for row in lite.execute("PRAGMA table_info(t)")]
        assert found == ["a", "b", "v"]
    finally:
        torn_down = file.command("teardown", "--yes")
    assert torn_down.code == 0, torn_down.stderr


def count(database: Database) -> int | None:
    """None of a table that is just being made anew: MySQL drops and creates it in two statements."""
    try:
        found: int = database.value("SELECT count(*) FROM t")
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != ER.NO_SUCH_TABLE:
            raise
        return None
    return found


def loaded(file: PipelineFile) -> bool:
    return file.states().get("capture") == "streaming"


def test_a_resync_of_a_part_is_refused(tmp_path: Path) -> None:
    sink = text.sink("copy", f"sqlite:///{tmp_path / 'copy.db'}")
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source("mysql://u@127.0.0.1:1/shop"), sink))
    refused = file.command("reload", "--table", "shop.t", "--resync", "--where", "id < 5")
    assert refused.code == 2
    assert "leave out --where, or --resync" in refused.stderr
    bare = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source("mysql://u@127.0.0.1:1/shop")))
    refused = bare.command("reload", "--table", "shop.t", "--resync")
    assert refused.code == 2
    assert "no target" in refused.stderr
