"""A pipeline whose workers die at one point after the other, while a bank works on its source.

What the stream and the targets hold in the end, and after each death, is the bank's: nothing lost, nothing twice, in
order, and in every state of a target that applies transactions whole the balances have their sum.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tailrace.config import load
from tests.checking.anomalies import Anomalies
from tests.checking.consumer import EmbeddedFollower, Follower, KafkaFollower
from tests.checking.history import History
from tests.pipelines import text
from tests.pipelines.bank import ACCOUNTS, TABLES, Bank, read_rows
from tests.pipelines.daemon import PipelineFile
from tests.pipelines.side_by_side import side_by_side
from tests.pipelines.worker_process import CAPTURE, dies, run_worker
from tests.servers import Database, unique_name

#: Points of capture while tables are loaded, and while the log alone is read, each with the time that it is come to.
#: Where the stream is Kafka, taking it over is a transaction as well.
LOADING = (
    ("capture.opened", 1),
    ("load.view", 2),
    ("load.chunk_read", 2),
    ("load.chunk_sent", 2),
    ("stream.produced", 2),
    ("stream.committed", 2),
    ("load.table_end", 1),
)
STREAMING = (
    ("read.received", 1),
    ("read.decoded", 2),
    ("schema.publish", 1),
    ("publish.begin", 2),
    ("stream.produced", 4),
    ("stream.positioned", 3),
    ("stream.committed", 3),
    ("acknowledge.begin", 2),
    ("acknowledge.done", 1),
)
#: Points of a sink while it makes its tables, and when they are there.
MAKING = (("schema.ensure", 1), ("schema.ensured", 1))
APPLYING = (
    ("sink.opened", 1),
    ("apply.polled", 2),
    ("apply.begin", 2),
    ("apply.done", 1),
    ("target.positioned", 1),
    ("target.committed", 1),
    ("cursor.begin", 2),
    ("cursor.done", 1),
)
#: The bank's transactions before each death, one of them so large that it takes several of the stream's.
TRANSACTIONS, LARGEST = 12, 100

Point = tuple[str, int]


def of_stream(points: Sequence[Point]) -> tuple[Point, ...]:
    """Those at which a batch is on its way into the stream."""
    parts = ("load.chunk_sent", "schema.", "publish.", "stream.")
    return tuple(point for point in points if point[0].startswith(parts))


def kafka_of_partitions(bootstrap: str, partitions: int = 2) -> str:
    return text.kafka(bootstrap).replace("[stream.kafka]", f"partitions = {partitions}\n[stream.kafka]")


def pipeline(folder: Path, source: Database, stream: str = "", sinks: str = "", url: str = "") -> PipelineFile:
    """`url`: the source's, where the pipeline goes another way than the source's own."""
    folder.mkdir(exist_ok=True)
    (folder / "state").mkdir(mode=0o700)
    return PipelineFile(folder, text.pipeline(folder, text.source(url or source.url), stream, sinks))


def follower(file: PipelineFile) -> Follower:
    """Of the pipeline's stream, whichever it is."""
    document = tomllib.loads(file.path.read_text())
    if kafka := document.get("stream", {}).get("kafka"):
        return KafkaFollower(kafka["bootstrap.servers"], f"{document['name']}.")
    return EmbeddedFollower(lambda: load(file.path).create_stream())


def capture_dies(file: PipelineFile, bank: Bank, loading: Sequence[Point], streaming: Sequence[Point]) -> None:
    """At each point in turn: every run is the restart of the one before. The last one gets to the end."""
    for point, nth in loading:
        bank.work(3)
        dies(file, CAPTURE, point, nth)
    run_worker(file, CAPTURE)
    for point, nth in streaming:
        bank.work(TRANSACTIONS)
        if point == "schema.publish":
            bank.alter()
        bank.work(TRANSACTIONS, LARGEST)
        dies(file, CAPTURE, point, nth)
    run_worker(file, CAPTURE)


def require_whole_stream(file: PipelineFile, bank: Bank) -> int:
    """What a consumer gets is what the bank has done; how many events that is."""
    anomalies = Anomalies()
    history = History(anomalies)
    with contextlib.closing(follower(file)) as records:
        history.take(records.records())
    history.hold_against(bank.rows(), bank.journal)
    anomalies.require_none()
    return history.events


class Target:
    """One sink, and its target, as its own driver reads it.

    Args:
        read: all rows of a table; None: compared by `tailrace verify` alone.
    """

    def __init__(self, name: str, sink: str, read: Callable[[str], list[dict[str, Any]]] | None = None) -> None:
        self.name = name
        self.sink = sink
        self.read = read

    def rows(self, table: str) -> list[dict[str, Any]]:
        assert self.read is not None
        return self.read(table)


def targets(folder: Path, mysql: Database, postgres: Database, dynamodb: str) -> list[Target]:
    """One of each kind."""
    prefix = unique_name("fail").lower().replace("_", "-")
    kv = f'[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "{dynamodb}"\nregion = "eu-west-1"\n'
    return [
        Target("pg", text.sink("pg", postgres.url), lambda table: read_rows(postgres, table)),
        Target("my", text.sink("my", mysql.url), lambda table: read_rows(mysql, table)),
        lite(folder),
        Target("kv", kv + f'prefix = "{prefix}-"\n'),
    ]


def lite(folder: Path) -> Target:
    """A file of SQLite."""
    path = folder / "target.db"
    return Target("lite", text.sink("lite", f"sqlite:///{path}"), lambda table: read_sqlite(path, table))


def read_sqlite(path: Path, table: str) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]


def sinks_die(
    file: PipelineFile, bank: Bank, sinks: Sequence[Target], points: Sequence[Point], whole: bool = False
) -> None:
    """All of them at each point in turn, side by side.

    Args:
        whole: targets hold all of the load, and get transactions whole: the balances always have their sum.
    """
    for point, nth in points:
        side_by_side(**{sink.name: partial(dies, file, sink.name, point, nth) for sink in sinks})
        for sink in sinks if whole else ():
            if sink.read is not None:
                found = sum(row["balance"] for row in sink.rows(ACCOUNTS))
                assert found == bank.total, f"{sink.name}, dead at {point}@{nth}: half of a transaction"


def sinks_catch_up(file: PipelineFile, sinks: Sequence[Target]) -> None:
    side_by_side(**{sink.name: partial(run_worker, file, sink.name) for sink in sinks})


def require_equal(file: PipelineFile, bank: Bank, sinks: Sequence[Target]) -> None:
    """Targets hold what the source holds: by their drivers, and by `tailrace verify`."""
    expected = bank.rows()
    for sink in sinks:
        for table in TABLES if sink.read is not None else ():
            assert by_id(sink.rows(table)) == by_id(expected[table]), f"{sink.name}: {table}"
    verified = file.command("verify", "--json")
    assert verified.code == 0, verified.stdout[-2000:] + verified.stderr[-2000:]
    assert {table["sink"] for table in json.loads(verified.stdout)["tables"]} == {sink.name for sink in sinks}


def by_id(rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """By key; without what a sink has besides."""
    return {row["id"]: {name: value for name, value in row.items() if not name.startswith("_")} for row in rows}
