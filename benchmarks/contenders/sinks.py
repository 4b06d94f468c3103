"""tailrace's sinks, and what each kind of target is asked for afterwards."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from benchmarks.contenders.checks import verify_target
from benchmarks.contenders.tailrace import kafka_stream, pipeline, until_caught_up
from benchmarks.figures import Run
from benchmarks.fold import row_digest
from benchmarks.processes import Finished, server_cpu
from benchmarks.stage import KafkaStage
from benchmarks.works import CHECKED, checksum
from tests import servers
from tests.servers import CREDENTIALS, REGION, Database, DynamoDB


class Target(Protocol):
    """Where a sink writes; a place of its own for each round."""

    @property
    def pid(self) -> int | None:
        """The server's process."""

    def sink(self, number: int) -> str:
        """The keys of `[[sinks]]`, `name` left out."""

    def content(self, number: int) -> tuple[int, int]:
        """Number of rows and their checksum."""


class SqlTarget:
    """A database for each round in one PostgreSQL or MySQL server."""

    def __init__(self, server: servers.SqlServer, stack: contextlib.ExitStack) -> None:
        self.pid: int | None = server.pid
        self._server, self._stack = server, stack
        self._databases: dict[int, Database] = {}

    def database(self, number: int) -> Database:
        """The round's."""
        if number not in self._databases:
            self._databases[number] = self._stack.enter_context(self._server.database("target"))
        return self._databases[number]

    def sink(self, number: int) -> str:
        connector = "mysql" if self._server.login.scheme == "mysql" else "postgres"
        return f'connector = "{connector}"\nurl = "{self.database(number).url}"\n'

    def content(self, number: int) -> tuple[int, int]:
        return checksum(self.database(number), ("bench_01",))


class SqliteTarget:
    """A file for each round."""

    pid = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sink(self, number: int) -> str:
        return f'connector = "sqlite"\nurl = "sqlite:///{self._file(number)}"\n'

    def _file(self, number: int) -> Path:
        return self._folder / f"target{number}.db"

    def content(self, number: int) -> tuple[int, int]:
        with contextlib.closing(sqlite3.connect(self._file(number))) as connection:
            rows = connection.execute(f"SELECT {', '.join(CHECKED)} FROM bench_01")
            return folded(list(row) for row in rows)


class DynamoTarget:
    """A prefix for each round in DynamoDB Local."""

    def __init__(self, server: DynamoDB) -> None:
        self.pid: int | None = server.pid
        self._server = server
        os.environ.update(CREDENTIALS)

    def sink(self, number: int) -> str:
        where = f'endpoint_url = "{self._server.endpoint}"\nregion = "{REGION}"\n'
        return f'connector = "dynamodb"\n{where}prefix = "r{number}-"\n'

    def content(self, number: int) -> tuple[int, int]:
        [table] = [
            name
            for page in self._server.client().get_paginator("list_tables").paginate()
            for name in page["TableNames"]
            if name.startswith(f"r{number}-") and name.endswith("bench_01")
        ]
        names = {f"#{name}": name for name in CHECKED}
        pages = (
            self._server.client()
            .get_paginator("scan")
            .paginate(TableName=table, ProjectionExpression=", ".join(names), ExpressionAttributeNames=names)
        )
        return folded(_values(item) for page in pages for item in page["Items"])


def _values(item: dict[str, Any]) -> list[Any]:
    number = {name: value for name in CHECKED for value in item[name].values()}
    return [number["id"], number["n"], number["name"], f"{Decimal(number['amount']):.2f}"]


def folded(rows: Iterator[list[Any]]) -> tuple[int, int]:
    """Number and checksum of rows of the `CHECKED` columns."""
    digests = [row_digest(row) for row in rows]
    return len(digests), sum(digests)


@contextmanager
def target(kind: str, folder: Path) -> Iterator[Target]:
    """A new server of the kind, or SQLite."""
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            yield SqliteTarget(folder)
            return
        server = stack.enter_context(servers.start(kind))
        yield DynamoTarget(server) if isinstance(server, DynamoDB) else SqlTarget(server, stack)


class TailraceSink:
    """The sink's worker, on a topic that is full (`name` is the pipeline that filled it) or, without `name`, together
    with a capture that has everything before it."""

    rounds = None

    def __init__(self, stage: KafkaStage, where: Target, name: str | None = None) -> None:
        self.name = "tailrace"
        self._stage, self._where, self._pipeline_name = stage, where, name
        self._idle: Finished | None = None

    def _pipeline(self, number: int) -> Path:
        stage = self._stage
        sinks = f'[[sinks]]\nname = "sink{number}"\n{self._where.sink(number)}'
        stream = kafka_stream(stage.kafka.bootstrap)
        name = self._pipeline_name or f"all{number}"
        return pipeline(stage.folder, name, stage.source, f"{stage.schema}.bench_*", stream, sinks=sinks)

    def prepare(self, number: int) -> None:
        """Runs on an empty log; the second shows what starting and stopping takes."""
        until_caught_up(self._pipeline(number))
        if self._idle is None:
            self._idle = until_caught_up(self._pipeline(number))

    def run(self, number: int) -> Run:
        """Until the sink has applied all; `seconds` are the whole process's."""
        stage = self._stage
        assert self._idle is not None
        target = {} if self._where.pid is None else {"target": self._where.pid}
        with server_cpu(**stage.servers, **target) as spent:
            done = until_caught_up(self._pipeline(number))
        verify_target(self.name, stage, *self._where.content(number))
        peaks = {f"{name.rstrip('0123456789')}_peak_rss_mb": peak for name, peak in done.workers_mb.items()}
        return Run(
            rows=stage.work.rows,
            seconds=done.seconds,
            cpu_seconds=done.cpu_seconds,
            peak_rss_mb=done.peak_mb,
            more={"idle_seconds": self._idle.seconds, "idle_cpu_seconds": self._idle.cpu_seconds, **peaks, **spent},
        )
