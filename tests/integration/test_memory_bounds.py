"""No process of a pipeline takes more memory for a large transaction than for a small one, nor for a large row more
than some copies of it (I6); what a target cannot hold is named and delays nobody else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.peaks import Peaks
from tests.pipelines.workload import is_mysql
from tests.servers import Database, DynamoDB

#: 30 MB of events in one transaction.
ROWS = 100_000
#: A text of 20 MB, and as many bytes, which are 27 MB of base64: the largest event.
LARGE = 20_000_000
EVENT_MB = 27
FOR_LARGE = '"message.max.bytes" = 100000000\n'
SQL_SINKS = ("pg", "my", "lite")
#: With `limits.memory` at its default; what a worker is without any row is 60 to 80 of it.
MOST_MB = 250
#: For each MB of the largest event; an update has the row twice.
MOST_COPIES = 16
MOST_OF_SUPERVISOR_MB = 80


def test_neither_many_rows_nor_large_ones_raise_the_memory_of_any_process(
    mariadb: Any, kafka: Any, mysql: Any, postgres18: Any, dynamodb: DynamoDB, tmp_path: Path
) -> None:
    with mariadb.database("src") as source, mysql.database("dst") as my, postgres18.database("dst") as pg:
        bounded(source, text.kafka(kafka.bootstrap) + FOR_LARGE, my, pg, dynamodb, tmp_path, ROWS)


def bounded(
    source: Database, stream: str, my: Database, pg: Database, dynamodb: DynamoDB, folder: Path, rows: int
) -> None:
    """Many rows and then large ones go through, within the bounds.

    Args:
        stream: the text of `[stream]`.
        rows: in one transaction.
    """
    lite = folder / "target.db"
    if is_mysql(source):
        source.execute(f"SET GLOBAL max_allowed_packet = {64 << 20}")
    parts = [
        text.source(source.url),
        stream,
        text.sink("pg", pg.url),
        text.sink("my", my.url),
        text.sink("lite", f"sqlite:///{lite}"),
        f'[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "{dynamodb.endpoint}"\n'
        f'region = "eu-west-1"\nprefix = "{source.name}_"\ntables = ["*.large"]\n',
    ]
    for sql in tables(source):
        source.execute(sql)
    pipeline = PipelineFile(folder, text.pipeline(folder, *parts, top='mode = "cdc"\n'))
    ask: dict[str, Callable[[str], Any]] = {"pg": pg.value, "my": my.value, "lite": lambda sql: one(lite, sql)}

    def everywhere(sql: str, value: object) -> bool:
        return all(answer(sql) == value for answer in ask.values())

    with pipeline.running() as supervisor, Peaks(pipeline, supervisor.pid) as peaks:
        until(lambda: set(pipeline.states().values()) == {"streaming"}, 60, "all is well")
        source.execute("INSERT INTO many (id, v) VALUES (0, '')")
        source.execute("INSERT INTO large (id) VALUES (0)")
        until(lambda: applied(pipeline, 2), 30, "the tables are in the targets")
        source.execute(many(source, rows))
        until(lambda: everywhere("SELECT count(*) FROM many", rows + 1), 300, "the large transaction is there")
        assert {name: mb for name, mb in peaks.mb.items() if mb > MOST_MB} == {}
        with closing(source.connect(autocommit=False)) as connection, closing(connection.cursor()) as cursor:
            for sql in large(source):
                cursor.execute(sql)
            connection.commit()
        sums = "SELECT sum(coalesce(length(v), 0) + coalesce(length(b), 0) + n) FROM large"
        until(lambda: everywhere(sums, 2 * LARGE), 60, "the large rows are there")
        until(lambda: len(refusals(pipeline)) == 2, 30, "the target that cannot hold them has parked them")
        assert all("large, column" in reason for reason in refusals(pipeline))
        assert all("and DynamoDB takes 400 KB a row" in reason for reason in refusals(pipeline))
        source.execute("UPDATE large SET n = n + 1 WHERE id > 0")
        until(lambda: everywhere(sums, 2 * LARGE + 2), 60, "they are updated")
        source.execute("DELETE FROM large")
        until(lambda: everywhere("SELECT count(*) FROM large", 0), 60, "they are gone")
        assert stuck(pipeline) == {}
        most = MOST_MB + 2 * EVENT_MB * MOST_COPIES
        assert {name: mb for name, mb in peaks.mb.items() if mb > most} == {}
        assert peaks.mb["supervisor"] < MOST_OF_SUPERVISOR_MB
    assert pipeline.command("teardown", "--yes").code == 0


def tables(source: Database) -> list[str]:
    texts, blobs = ("LONGTEXT", "LONGBLOB") if is_mysql(source) else ("TEXT", "BYTEA")
    made = [
        "CREATE TABLE many (id INT PRIMARY KEY, v VARCHAR(600))",
        f"CREATE TABLE large (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 0, v {texts}, b {blobs})",
    ]
    return made if is_mysql(source) else [*made, "ALTER TABLE large REPLICA IDENTITY FULL"]


def many(source: Database, rows: int) -> str:
    if not is_mysql(source):
        return f"INSERT INTO many SELECT n, repeat('v', 100) FROM generate_series(1, {rows}) n"
    ten = "(" + " UNION ALL ".join(f"SELECT {digit} AS i" for digit in range(10)) + ")"
    digits = " + ".join(f"d{place}.i * {10**place}" for place in range(6))
    froms = ", ".join(f"{ten} d{place}" for place in range(6))
    return (
        f"INSERT INTO many SELECT 1 + n, repeat('v', 100) FROM (SELECT {digits} AS n FROM {froms}) t WHERE n < {rows}"
    )


def large(source: Database) -> list[str]:
    repeated = f"repeat(unhex('fe00ff17aa'), {LARGE // 5})"
    if not is_mysql(source):
        repeated = f"decode(repeat('fe00ff17aa', {LARGE // 5}), 'hex')"
    return [
        f"INSERT INTO large (id, v) VALUES (1, repeat('0123456789', {LARGE // 10}))",
        f"INSERT INTO large (id, b) VALUES (2, {repeated})",
    ]


def one(path: Path, sql: str) -> Any:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as target:
        return target.execute(sql).fetchone()[0]


def refusals(pipeline: PipelineFile) -> list[str]:
    """The reasons of what is parked."""
    listed = pipeline.command("dead-letters", "list", "--json")
    return [letter["reason"] for letter in json.loads(listed.stdout)["dead_letters"] if letter["reason"]]


def stuck(pipeline: PipelineFile) -> dict[str, str]:
    """The errors of the workers that have one."""
    return {worker["name"]: worker["error"] for worker in pipeline.status().get("workers", []) if worker["error"]}


def applied(pipeline: PipelineFile, events: int) -> bool:
    """Whether each SQL sink has applied so many events."""
    found = {worker["name"]: worker["events"] for worker in pipeline.status().get("workers", [])}
    return all(found.get(name, 0) >= events for name in SQL_SINKS)
