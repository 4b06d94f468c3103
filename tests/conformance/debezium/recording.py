"""Runs cases on a server while Debezium and tailrace read it, and keeps what both delivered."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import servers
from tests.conformance.debezium.case import WAIT, Case
from tests.conformance.debezium.event import Event, read
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database, debezium

MARKS = "conformance_marks"
_START_SECONDS = 180
_SECONDS = 60
_PAUSE = 0.1

#: What the comparison is about, and what makes the rest of it comparable.
SETTINGS = {
    "snapshot.mode": "initial",
    "decimal.handling.mode": "string",
    "time.precision.mode": "isostring",
    "binary.handling.mode": "base64",
    "interval.handling.mode": "string",
    # Truncates are left out by default.
    "skipped.operations": "none",
    # By default the connector stops for good at an event that it cannot process; this way it leaves the event out.
    "event.processing.failure.handling.mode": "warn",
    # Likewise at a statement that it cannot parse; this way it leaves the table out.
    "schema.history.internal.skip.unparseable.ddl": "true",
    "inconsistent.schema.handling.mode": "warn",
    "poll.interval.ms": "50",
}


@dataclass
class Recording:
    """What came of some cases on one server.

    Attributes:
        types: by table and column, the types that it has had, as the catalogue writes them.
        broken: by case, the server's refusal of a statement; such a case is not compared.
        suspended: by table, why tailrace does not follow it.
    """

    ours: list[Event] = field(default_factory=list)
    theirs: list[Event] = field(default_factory=list)
    types: dict[str, dict[str, str]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    suspended: dict[str, str] = field(default_factory=dict)


class _Lines:
    """A growing file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.all: list[dict[str, Any]] = []

    def more(self) -> list[dict[str, Any]]:
        """What has been written since, all of it once more in `all`."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        found = [json.loads(line) for line in whole.splitlines()]
        self.all += found
        return found


class _Side:
    """One of the two: its events, and the last mark that it has delivered as an insert."""

    def __init__(self, name: str, path: Path, check: Callable[[], None]) -> None:
        self.name = name
        self.lines = _Lines(path)
        self.check = check
        self.mark = 0

    def look(self) -> None:
        self.check()
        for line in self.lines.more():
            value = line["value"]
            if value is not None and value["source"]["table"] == MARKS and value["op"] == "c":
                self.mark = max(self.mark, value["after"]["id"])


class Recorder:
    """Args:
    engine: the server's kind.
    folder: for logs and files; must exist.
    """

    def __init__(self, engine: str, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._postgres = engine.startswith("postgres")
        self._recording = Recording()
        self._mark = 0

    def record(self, server: servers.SqlServer, cases: Sequence[Case]) -> Recording:
        """All cases, in one database.

        Raises:
            ServerError: Debezium has ended, with the end of its log; or one of the two did not deliver in time.
        """
        with server.database("conf") as database:
            database.execute(f"CREATE TABLE {MARKS} (id INT PRIMARY KEY)")
            for case in cases:
                self._run(database, case, case.made)
            self._note_types(database)
            name = servers.unique_name("conf")
            with self._debezium(database, name) as theirs, self._tailrace(database, cases) as (ours, pipeline):
                sides = [ours, theirs]
                self._start(database, sides, pipeline)
                for case in cases:
                    if case.name not in self._recording.broken:
                        self._run(database, case, case.changed, lambda: self._wait(database, sides))
                        self._note_types(database)
                self._wait(database, sides)
                self._recording.suspended = {
                    table["name"].rpartition(".")[2]: table["reason"]
                    for table in pipeline.status().get("tables", [])
                    if table["state"] == "suspended"
                }
                prefix = str(ours.lines.all[0]["topic"]).partition(".")[0] + "."
            self._recording.ours = [event for event in read(ours.lines.all, prefix) if event.table != MARKS]
            self._recording.theirs = [event for event in read(theirs.lines.all, name + ".") if event.table != MARKS]
        return self._recording

    # ---- the two

    @contextlib.contextmanager
    def _debezium(self, database: Database, name: str) -> Iterator[_Side]:
        path = self._folder / f"{self._engine}.debezium.jsonl"
        state = self._folder / f"{self._engine}.debezium"
        state.mkdir()
        settings = debezium.properties(database, name, state, []) | debezium.to_file(path) | SETTINGS
        del settings["table.include.list"]
        if self._postgres:
            options = "publish_via_partition_root = true"
            if self._engine == "postgres18":
                options += ", publish_generated_columns = stored"  # earlier versions cannot
            database.execute(f'CREATE PUBLICATION "{name}" FOR ALL TABLES WITH ({options})')
            settings["publication.autocreate.mode"] = "disabled"
        with debezium.Engine(settings) as engine:
            try:
                yield _Side("Debezium", path, engine.check)
            finally:
                (self._folder / f"{self._engine}.debezium.log").write_text(engine.log())

    @contextlib.contextmanager
    def _tailrace(self, database: Database, cases: Sequence[Case]) -> Iterator[tuple[_Side, PipelineFile]]:
        folder = self._folder / f"{self._engine}.tailrace"
        folder.mkdir()
        special = "".join(
            f'[[tables]]\nmatch = "public.{table.replace("{t}", case.name)}"\ninserts_only = true\n'
            for case in cases
            for table in case.inserts_only
        )
        pipeline = PipelineFile(folder, text.pipeline(folder, text.source(database.url), special))
        path = folder / "events.jsonl"
        with pipeline.running() as process:

            def check() -> None:
                if process.poll() is not None:
                    raise servers.ServerError(f"tailrace has ended: {pipeline.log.read_text()[-3000:]}")

            def runs() -> bool:
                check()
                return pipeline.states().get("capture") in ("loading", "streaming")

            servers.wait_until(runs, 60, "tailrace runs")
            with path.open("wb") as file:
                tail = subprocess.Popen(
                    [sys.executable, "-m", "tailrace.cli", "tail", str(pipeline.path), "--from", "beginning"],
                    stdout=file,
                )
            try:
                yield _Side("tailrace", path, check), pipeline
            finally:
                tail.kill()
                tail.wait()

    # ---- the statements

    def _start(self, database: Database, sides: Sequence[_Side], pipeline: PipelineFile) -> None:
        """Until both have loaded what was there, and stream."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._insert_mark(database)
            time.sleep(0.3)
            for side in sides:
                side.look()
            if all(side.mark for side in sides) and pipeline.states().get("capture") == "streaming":
                return
            if time.monotonic() > deadline:
                late = " and ".join(side.name for side in sides if not side.mark) or "tailrace's load"
                raise servers.ServerError(f"not within {_START_SECONDS} s: {late}; {pipeline.states()}")

    def _wait(self, database: Database, sides: Sequence[_Side]) -> None:
        """Until both have delivered everything so far."""
        self._insert_mark(database)
        deadline = time.monotonic() + _SECONDS
        while True:
            for side in sides:
                side.look()
            late = [side.name for side in sides if side.mark < self._mark]
            if not late:
                return
            if time.monotonic() > deadline:
                raise servers.ServerError(f"not within {_SECONDS} s: {' and '.join(late)} delivers mark {self._mark}")
            time.sleep(_PAUSE)

    def _insert_mark(self, database: Database) -> None:
        self._mark += 1
        database.execute(f"INSERT INTO {MARKS} VALUES ({self._mark})")

    def _run(
        self, database: Database, case: Case, statements: Sequence[str], wait: Callable[[], None] = lambda: None
    ) -> None:
        connection = database.connect()
        try:
            with contextlib.closing(connection.cursor()) as cursor:
                for statement in statements:
                    if statement == WAIT:
                        wait()
                        continue
                    try:
                        cursor.execute(statement)
                    except Exception as error:
                        if isinstance(error, servers.ServerError):
                            raise
                        self._recording.broken[case.name] = f"{statement}: {error}".strip()
                        return
        finally:
            connection.close()

    def _note_types(self, database: Database) -> None:
        if self._postgres:
            rows = database.query(
                "SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace"
                " WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')"
                " AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
            )
        else:
            rows = database.query(
                "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s",
                (database.name,),
            )
        for table, column, type_ in rows:
            name = type_.decode() if isinstance(type_, bytes) else type_
            known = self._recording.types.setdefault(table, {})
            if name not in known.get(column, "").split(" | "):
                known[column] = f"{known[column]} | {name}" if column in known else name
