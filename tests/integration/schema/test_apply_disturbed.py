"""`tailrace schema --apply` beside another run of itself, after one that was killed, and over tables in other forms."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli.main import main
from tailrace.config import load
from tailrace.conversion import job
from tailrace.conversion.making import application
from tests.integration.schema.test_schema_command import schema
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, kill_all
from tests.servers import Database, wait_until

Output = pytest.CaptureFixture[str]
_TABLES = 20


def made(folder: Path, source: Database, target: Database) -> PipelineFile:
    for number in range(_TABLES):
        source.execute(f"CREATE TABLE t{number} (id int PRIMARY KEY, n varchar(20) NOT NULL DEFAULT 'x')")
    source.execute("CREATE TABLE child (id int PRIMARY KEY, t int, CONSTRAINT c FOREIGN KEY (t) REFERENCES t0 (id))")
    return PipelineFile(folder, text.pipeline(folder, text.source(source.url), text.sink("goal", target.url)))


@pytest.mark.parametrize("kind", ["mysql", "postgres18"])
def test_of_two_at_once_one_is_refused_and_the_way_is_free_afterwards(
    kind: str, mariadb: Any, request: pytest.FixtureRequest, tmp_path: Path, capsys: Output
) -> None:
    with mariadb.database("src") as source, request.getfixturevalue(kind).database("dst") as target:
        file = made(tmp_path, source, target)
        pipeline = load(file.path)
        pipeline.resolve_secrets(stream=False)
        rules = job.rules_of(pipeline, [])
        other = job.of_sink(pipeline, pipeline.sinks[0], job.source_catalog(pipeline), rules)
        with application.alone(other.target):
            assert main(["schema", str(file.path), "--apply"]) == 5
            assert "another run is making a schema there just now; wait for its end" in capsys.readouterr().err
        other.target.close()
        assert len(schema(file, "--apply", code=0)["goal"]["applied"]["made"]) >= _TABLES


def test_a_run_that_was_killed_is_gone_on_with_and_leaves_nothing(mysql: Any, mariadb: Any, tmp_path: Path) -> None:
    """MySQL commits each statement. Killed in the scratch database first, then between two tables."""
    with mariadb.database("src") as source, mysql.database("dst") as target:
        file = made(tmp_path, source, target)
        command = [sys.executable, "-m", "tailrace.cli", "schema", str(file.path), "--apply"]

        def scratches() -> set[str]:
            return {name for (name,) in target.query("SHOW DATABASES") if name.startswith("_tailrace_schema_")}

        def tables() -> int:
            return len(target.query("SHOW TABLES"))

        for reached in (lambda: bool(scratches()), lambda: tables() > 0):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(reached, 60, "it is under way", pause=0.001)
            kill_all(process)
        assert tables() <= _TABLES
        assert schema(file, "--apply", code=0)["goal"]["applied"]["unheld"] == []
        assert schema(file, "--diff", code=0)["goal"]["equal"]
        assert scratches() == set()


def test_what_is_there_in_another_form_is_named_where_it_stands_in_the_way(
    mariadb: Any, postgres18: Any, tmp_path: Path, capsys: Output
) -> None:
    with mariadb.database("src") as source, postgres18.database("dst") as target:
        file = made(tmp_path, source, target)
        target.script("CREATE TABLE t0 (id text, more int)", "INSERT INTO t0 VALUES ('kept', 1)")
        assert main(["schema", str(file.path), "--apply", "--stage", "all"]) == 5
        said = capsys.readouterr().err
        assert "foreign key child, c" in said
        assert "in another form are there already: " in said
        assert "column t0.id" in said
        assert target.query("SELECT * FROM t0") == [("kept", 1)]
        assert target.value("SELECT count(*) FROM pg_class WHERE relname IN ('t1', 'child')") == 0, "one transaction"
        source.execute("ALTER TABLE child DROP FOREIGN KEY c")
        applied = schema(file, "--apply", "--stage", "all", code=1)["goal"]["applied"]
        assert {(d["state"], d["kind"], d["member"]) for d in applied["differing"]} == {
            ("different", "column", "id"),
            ("missing", "column", "n"),
            ("missing", "primary key", "t0_pkey"),
            ("extra", "column", "more"),
        }
        assert target.query("SELECT * FROM t0") == [("kept", 1)]
