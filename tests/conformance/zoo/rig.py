"""Takes a zoo through capture and into every target: loaded, through the log, and once more by updates."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace.apply import session, worker
from tailrace.apply.targets import target_of
from tailrace.config import Pipeline, load
from tailrace.position import SCHEMA_PREFIX
from tailrace.report import Control
from tailrace.schema import TableSchema
from tailrace.testing import MemoryStream
from tailrace_postgres import sink_merge
from tests.capture.session import Running, running
from tests.conformance.zoo.tables import DELETED, LOADED, LOGGED, UPDATED, Table, Uncarried
from tests.integration.sink_rig import Reports
from tests.pipelines import text
from tests.pipelines.daemon import until
from tests.pipelines.workload import is_mysql
from tests.servers import Database, DynamoDB, unique_name

TARGETS = ("pg", "my", "maria", "lite", "kv")
_LAST = "last_row"


@dataclass(frozen=True)
class Source:
    """Attributes:
    prepare: statements before the tables are made, for the session and for types.
    prepare_postgres: the same at the PostgreSQL target.
    whole_old: the log has the whole old row of a delete (PostgreSQL: REPLICA IDENTITY FULL).
    bulk: PostgreSQL targets get their rows by COPY, as they do where there are many.
    interval_style: what PostgreSQL targets print intervals in.
    """

    database: Database
    tables: Sequence[Table]
    uncarried: Sequence[Uncarried] = ()
    prepare: Sequence[str] = ()
    prepare_postgres: Sequence[str] = ()
    whole_old: bool = True
    bulk: bool = False
    interval_style: str = "postgres"


@dataclass
class Zoo:
    """What came of it.

    Attributes:
        rows: by table and id, the operation of the last event and the row's JSON as it stands there.
        suspended: reasons by table.
    """

    source: Source
    pipeline: Pipeline
    stream: MemoryStream
    databases: Mapping[str, Database]
    lite: Path
    dynamodb: DynamoDB
    rows: dict[str, dict[int, tuple[str, bytes]]] = field(default_factory=dict)
    suspended: dict[str, str] = field(default_factory=dict)

    # ---- rows that must be there

    def expected(self, table: Table) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Id, operation and values of each row."""
        for row in range(table.rows):
            for shift, op in ((LOADED, "r"), (LOGGED, "c"), (UPDATED, "u")):
                if shift != LOADED or row not in table.late:
                    yield row + 1 + shift, op, table.wanted(row, shift)
        if table.blank:
            for shift, op in ((LOADED, "r"), (LOGGED, "c")):
                yield table.rows + 1 + shift, op, table.wanted(None, shift)

    # ---- a target's side

    def apply(self, sink: str) -> None:
        """Everything that the stream holds for this sink; raises what stops it."""
        settings = self.pipeline.sink(sink)
        control = Control()
        control.finish.set()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session, "POLL_SECONDS", 0.01)  # nothing will come any more
            if self.source.bulk:
                patch.setattr(sink_merge, "FEW_ROWS", 0)
            worker.supervise(
                sink,
                lambda: self.stream.reader(sink),
                lambda: self.pipeline.create_sink(sink),
                lambda table: self.pipeline.takes(settings, table),
                control,
                Reports(),
                64 << 20,
            )

    def held(self, target: str, table: Table) -> dict[int, list[Any]]:
        """The answers for the carried columns of each row, by id; none of a table that is not there."""
        if target == "kv":
            return self._items(table)
        asked = [column.form.reading(target).ask.replace("{}", name) for name, column in table.carried.items()]
        sql = f"SELECT id, {', '.join(asked)} FROM {table.name}"
        if target == "lite":
            with contextlib.closing(sqlite3.connect(self.lite)) as lite:
                there = lite.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table.name,)).fetchone()
                return {row[0]: list(row[1:]) for row in lite.execute(sql)} if there else {}
        database = self.databases[target]
        there = database.query("SELECT 1 FROM information_schema.tables WHERE table_name = %s", (table.name,))
        return {row[0]: list(row[1:]) for row in database.query(sql)} if there else {}

    def _items(self, table: Table) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        pages = (
            self.dynamodb.client()
            .get_paginator("scan")
            .paginate(TableName=f"{self.pipeline.name}_{table.name}", ConsistentRead=True)
        )
        for page in pages:
            for item in page["Items"]:
                if "_tailrace_deleted" in item:
                    continue
                found[int(item["id"]["N"])] = [
                    None if name not in item else item[name].get(column.form.kv.ask, item[name])
                    for name, column in table.carried.items()
                ]
        return found

    def versions(self, table: Table) -> list[TableSchema]:
        records = [entry for key, entry in self.stream.state().items() if key.startswith(SCHEMA_PREFIX)]
        schemas = [TableSchema.from_json(record) for record in records]
        return [schema for schema in schemas if schema.name.table == table.name]

    def read_back(self, target: str, tables: Sequence[Table]) -> Iterator[tuple[Table, dict[int, dict[str, Any]]]]:
        """The rows as the sink itself reads them, which `verify` compares with the source's."""
        with contextlib.closing(self.pipeline.create_sink(target)) as sink:
            for table in tables:
                rows = sink.rows(target_of(self.versions(table)))
                yield table, {row["id"]: row for row in rows}


def sink_for_refusal(target: str, table: Table) -> str:
    """Its name: a sink that takes this table alone."""
    return f"{target}_{table.name}"


@contextlib.contextmanager
def zoo(source: Source, databases: Mapping[str, Database], dynamodb: DynamoDB, folder: Path) -> Iterator[Zoo]:
    """Captures everything, and gives the targets what they can hold."""
    lite = folder / "target.db"
    name = unique_name("zoo").lower()
    sinks = [_sink(target, target, databases, lite, dynamodb, name, _taken(source, target)) for target in TARGETS]
    sinks += [
        _sink(sink_for_refusal(target, table), target, databases, lite, dynamodb, name, [table.name])
        for table in source.tables
        for target in table.refused
    ]
    file = folder / "pipeline.toml"
    file.write_text(text.pipeline(folder, text.source(source.database.url), *sinks, name=name))
    made = Zoo(source, load(file), MemoryStream(), databases, lite, dynamodb)
    _fill(source)
    databases["pg"].script(*source.prepare_postgres)
    try:
        with running(made.pipeline.create_source(), made.stream) as capture:
            _change(source, capture)
            made.suspended = {
                report.name.rpartition(".")[2]: report.reason
                for report in capture.report.tables
                if report.state == "suspended"
            }
        if capture.error is not None:
            raise capture.error
        made.rows = _rows(made.stream)
        for database in databases.values():
            if is_mysql(database):
                database.execute("SET time_zone = '+00:00'")
            else:
                database.script("SET TimeZone = 'UTC'", f"SET IntervalStyle = '{source.interval_style}'")
        yield made
    finally:
        _clear(dynamodb, f"{name}_")


def _taken(source: Source, target: str) -> list[str]:
    return [table.name for table in source.tables if table.held_by(target)]


def _sink(
    name: str,
    target: str,
    databases: Mapping[str, Database],
    lite: Path,
    dynamodb: DynamoDB,
    pipeline: str,
    tables: Sequence[str],
) -> str:
    taken = f"tables = {json.dumps([f'*.{table}' for table in tables])}\n"
    if target == "kv":
        return (
            f'[[sinks]]\nname = "{name}"\nconnector = "dynamodb"\nendpoint_url = "{dynamodb.endpoint}"\n'
            f'region = "eu-west-1"\nprefix = "{pipeline}_"\n{taken}'
        )
    url = f"sqlite:///{lite}" if target == "lite" else databases[target].url
    return text.sink(name, url) + taken


def _fill(source: Source) -> None:
    database = source.database
    database.script(*source.prepare)
    for table in source.tables:
        database.execute(table.create())
        if (source.whole_old or table.keyless) and not is_mysql(database):
            database.execute(f"ALTER TABLE {table.name} REPLICA IDENTITY FULL")
        database.script(*(table.insert(row, LOADED) for row in range(table.rows) if row not in table.late))
        if table.blank:
            database.execute(table.insert_blank(table.rows + 1 + LOADED))
    for uncarried in source.uncarried:
        database.execute(f"CREATE TABLE {uncarried.name} (id INT PRIMARY KEY, {uncarried.columns})")
    database.execute(f"CREATE TABLE {_LAST} (id INT PRIMARY KEY)")


def _change(source: Source, capture: Running) -> None:
    def loaded() -> bool:
        if capture.error is not None:
            raise capture.error
        tables = capture.report.tables
        return bool(tables) and not any(table.state == "loading" for table in tables)

    until(loaded, 60, "all tables are loaded")
    database = source.database
    for table in source.tables:
        database.script(*table.alter())
        with _one_transaction(database):
            for row in range(table.rows):
                database.script(
                    table.insert(row, LOGGED),
                    table.insert_blank(row + 1 + UPDATED),
                    table.update(row, UPDATED),
                    table.insert(row, DELETED),
                    table.delete(row, DELETED),
                )
            if table.blank:
                database.execute(table.insert_blank(table.rows + 1 + LOGGED))
    database.execute(f"INSERT INTO {_LAST} VALUES (1)")
    until(lambda: bool(capture.events(_LAST)), 60, "all changes are captured")


@contextlib.contextmanager
def _one_transaction(database: Database) -> Iterator[None]:
    """A table's changes are one transaction: sinks then meet them as they meet a batch."""
    database.execute("BEGIN")
    yield
    database.execute("COMMIT")


def _rows(stream: MemoryStream) -> dict[str, dict[int, tuple[str, bytes]]]:
    """The last event of each row."""
    rows: dict[str, dict[int, tuple[str, bytes]]] = {}
    for piece in stream.reader("").poll(0.0, 1 << 40):
        for run in piece.runs:
            for value in run.values:
                if value is None:
                    continue
                event = orjson.loads(value)
                if event["op"] in ("r", "c", "u", "d"):
                    deleted = event["op"] == "d"
                    start, end = (b'"before":', b',"after":') if deleted else (b',"after":', b',"source":{')
                    at = value.index(start) + len(start)
                    row = value[at : value.index(end, at)]
                    number = event["before" if deleted else "after"]["id"]
                    rows.setdefault(run.topic.rpartition(".")[2], {})[number] = (event["op"], row)
    return rows


def _clear(dynamodb: DynamoDB, prefix: str) -> None:
    client = dynamodb.client()
    for page in client.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(prefix):
                client.delete_table(TableName=name)
