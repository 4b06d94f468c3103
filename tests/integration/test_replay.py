"""A re-read from an old position, after schema changes: rows are decoded with the columns of their place in the log."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tailrace.config import load
from tailrace.verify import verify
from tests import servers
from tests.capture import postgres
from tests.integration import mysql_capture
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile

CREATE = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20), c INT)"
CHANGES = (
    "INSERT INTO t VALUES (1, 1, 'one', 11), (2, 2, 'two', 22)",
    "ALTER TABLE t ADD COLUMN d INT DEFAULT 7",
    "UPDATE t SET d = 8 WHERE id = 1",
    "ALTER TABLE t RENAME COLUMN a TO e",
    "INSERT INTO t VALUES (3, 3, 'three', 33, 3)",
    "ALTER TABLE t DROP COLUMN c",
    "UPDATE t SET e = 20 WHERE id = 2",
    "ALTER TABLE t ADD COLUMN a VARCHAR(9) DEFAULT 'new'",
    "DELETE FROM t WHERE id = 3",
    "INSERT INTO t VALUES (4, 4, 'four', 4, 'a')",
)


#: The moment at which an event was made, and PostgreSQL's commit before it, which a first transaction does not know.
ASIDE = re.compile(rb'"ts_ms":[0-9]+,"transaction"|"sequence":"[^,]*,')


def told(events: list[Any]) -> list[tuple[str, bytes | None]]:
    return [(event.topic, event.raw and ASIDE.sub(b"", event.raw)) for event in events]


@pytest.mark.parametrize("kind", ["mariadb", "mysql", "mysql_defaults"])
def test_a_mysql_log_read_again_gives_the_same_events(kind: str, request: pytest.FixtureRequest) -> None:
    with request.getfixturevalue(kind).database() as database:
        database.execute(CREATE)
        with mysql_capture.capturing(database) as capture:
            capture.flush()
            capture.catch_up()
            position, state = capture.position, dict(capture.state)
            for statement in CHANGES:
                database.execute(statement)
                capture.catch_up()
            first = told(capture.events)
            assert len({event.source["schema_id"] for event in capture.events if event.value}) == 5
        with mysql_capture.capturing(database, position=position, state=state) as again:
            again.catch_up()
            assert told(again.events) == first


@pytest.mark.parametrize("kind", ["postgres15", "postgres18"])
def test_a_postgres_log_read_again_gives_the_same_events(kind: str, request: pytest.FixtureRequest) -> None:
    with request.getfixturevalue(kind).database() as database:
        database.execute(CREATE)
        # Not acknowledged, as by a daemon that crashed: the slot stands where it stood.
        capture = postgres.Capture(database, acknowledges=False)
        with capture:
            capture.catch_up()
            state = dict(capture.state)
            for statement in CHANGES:
                database.execute(statement)
                capture.catch_up()
            first = told(capture.events)
            assert len({event.source["schema_id"] for event in capture.events if event.value}) == 5
        with postgres.Capture(database, state=state) as again:
            again.catch_up()
            assert told(again.events) == first


def test_a_daemon_put_back_to_an_old_state_brings_its_target_to_the_same_end(
    mariadb: servers.MariaDB, tmp_path: Path
) -> None:
    """Its folder and its target are put back, as from a backup; each run is a process of its own."""
    with mariadb.database("src") as source:
        source.execute(CREATE)
        sink = text.sink("lite", f"sqlite:///{tmp_path}/state/target.db")
        daemon = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(source.url), sink))
        state, backup = tmp_path / "state", tmp_path / "backup"
        state.mkdir()
        assert daemon.until_caught_up().code == 0
        shutil.copytree(state, backup)
        source.script(*CHANGES)
        for _ in range(2):
            done = daemon.until_caught_up()
            assert done.code == 0, done.stderr
            found = verify(load(daemon.path), attempts=1)
            assert found.equal, found.to_dict()
            assert [table.source_rows for table in found.tables] == [3]
            shutil.rmtree(state)
            shutil.copytree(backup, state)
