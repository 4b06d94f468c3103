"""Sessions that set how their changes are logged, while the table is loaded, through the daemon into a target."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pymysql

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database

ROWS = 20_000
#: Where a row's image lacks a document, a difference to it cannot be followed.
SETTINGS = [
    "binlog_row_image = MINIMAL, binlog_row_value_options = ''",
    "binlog_row_image = NOBLOB, binlog_row_value_options = ''",
    "binlog_row_image = FULL, binlog_row_value_options = PARTIAL_JSON",
    "binlog_row_image = FULL, binlog_row_value_options = ''",
]
CHANGES = [
    "UPDATE t SET n = n + 1 WHERE id = {0}",
    "UPDATE t SET body = REPEAT('b', {1}) WHERE id = {0}",
    "UPDATE t SET doc = JSON_SET(doc, '$.n', {1}, '$.list[0]', 'x') WHERE id BETWEEN {0} AND {0} + 20",
    "UPDATE t SET doc = JSON_REMOVE(doc, '$.list[0]', '$.gone') WHERE id BETWEEN {0} AND {0} + 5",
    "UPDATE t SET id = id + 100000 WHERE id = {0}",
    "UPDATE t SET id = id - 100000 WHERE id > 100000 LIMIT 2",
    "INSERT INTO t (id, n) VALUES ({0}, {1}) ON DUPLICATE KEY UPDATE n = {1}",
    "INSERT INTO t (id) VALUES ({0} + 200000)",
    "REPLACE INTO t (id, body) VALUES ({0}, 'replaced')",
    "DELETE FROM t WHERE id = {0}",
    "UPDATE t SET flag = NOT flag WHERE id BETWEEN {0} AND {0} + 50",
]


def write(database: Database, seed: int, until: float) -> int:
    """Random changes; what the server refuses (a key that is there) is no change."""
    pick = random.Random(seed)
    done = 0
    connection: Any = database.connect()
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            compressed = pick.randrange(2)
            cursor.execute(f"SET SESSION {pick.choice(SETTINGS)}, binlog_transaction_compression = {compressed}")
            for _ in range(pick.randint(1, 5)):
                with contextlib.suppress(pymysql.MySQLError):
                    cursor.execute(pick.choice(CHANGES).format(pick.randrange(ROWS), pick.randrange(2000)))
                    done += 1
    return done


def test_a_target_equals_its_source_whatever_sessions_set(mysql: servers.MySQL, tmp_path: Path) -> None:
    with mysql.database() as database:
        database.execute(
            "CREATE TABLE t (id INT PRIMARY KEY, n INT DEFAULT 7, body TEXT, doc JSON, flag BOOL NOT NULL DEFAULT 0,"
            " twice INT AS (n * 2))"
        )
        database.execute("SET SESSION cte_max_recursion_depth = 100000")
        database.execute(
            "INSERT INTO t (id, n, body, doc) WITH RECURSIVE s AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM s"
            f" WHERE i < {ROWS}) SELECT i, i, REPEAT('a', i % 300),"
            " JSON_OBJECT('n', i, 'list', JSON_ARRAY(1, 2, 3), 'pad', REPEAT('p', 100)) FROM s"
        )
        pipeline = PipelineFile(
            tmp_path,
            f"""
name = "forms"
state_dir = "{tmp_path / "state"}"
[source]
connector = "mysql"
url = "{database.url}"
heartbeat = "{text.HEARTBEAT}"
[[sinks]]
name = "lite"
connector = "sqlite"
url = "sqlite:///{tmp_path / "target.db"}"
""",
        )
        counts: list[int] = []
        until = time.monotonic() + 5
        threads = [
            threading.Thread(target=lambda seed=seed: counts.append(write(database, seed, until))) for seed in (1, 2)
        ]
        for thread in threads:
            thread.start()
        try:
            first = pipeline.until_caught_up()
        finally:
            for thread in threads:
                thread.join()
        assert first.code == 0, first.stderr
        second = pipeline.until_caught_up()
        assert second.code == 0, second.stderr
        assert sum(counts) > 100
        result = pipeline.command("verify", "--json")
        verdict = json.loads(result.stdout)
        assert verdict["equal"], verdict
        assert verdict["tables"][0]["source_rows"] == database.value("SELECT COUNT(*) FROM t")
