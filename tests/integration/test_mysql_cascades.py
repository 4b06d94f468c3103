"""Foreign keys with actions: MariaDB, and MySQL before 9.6, change rows without a word in the log."""

from __future__ import annotations

import json
from pathlib import Path

from tests import servers
from tests.integration.mysql_capture import Capture, capturing
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database


def create(database: Database) -> None:
    database.script(
        "CREATE TABLE orders (id INT PRIMARY KEY)",
        "CREATE TABLE line_items (id INT PRIMARY KEY, o INT,"
        " FOREIGN KEY (o) REFERENCES orders (id) ON DELETE CASCADE ON UPDATE SET NULL)",
        "CREATE TABLE notes (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES orders (id))",
        "INSERT INTO orders VALUES (1), (2), (3)",
        "INSERT INTO line_items VALUES (10, 1), (11, 1), (20, 2), (30, 3)",
    )


def test_unlogged_actions_are_told_and_verify_finds_them(mariadb: servers.MariaDB, tmp_path: Path) -> None:
    with mariadb.database() as database:
        create(database)
        findings = {finding.name: finding for finding in Capture(database).create().check()}
        finding = findings["foreign keys"]
        assert finding.ok is None
        assert f"{database.name}.line_items (by {database.name}.orders)" in finding.detail
        assert "notes" not in finding.detail
        sink = text.sink("lite", f"sqlite:///{tmp_path / 'target.db'}")
        pipeline = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(database.url), sink))
        assert pipeline.until_caught_up().code == 0
        assert pipeline.command("verify").code == 0
        database.execute("DELETE FROM orders WHERE id = 1")
        database.execute("UPDATE orders SET id = 4 WHERE id = 2")
        assert pipeline.until_caught_up().code == 0
        verified = pipeline.command("verify", "--json")
        assert verified.code == 1, verified.stderr
        tables = {table["table"].rpartition(".")[2]: table for table in json.loads(verified.stdout)["tables"]}
        assert (tables["line_items"]["extra"], tables["line_items"]["different"]) == (2, 1)
        assert tables["orders"]["missing"] == tables["orders"]["extra"] == 0


def test_logged_actions_are_events(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        create(database)
        with capturing(database) as capture:
            assert capture.source is not None
            assert "foreign keys" not in {finding.name for finding in capture.source.check()}
            database.execute("DELETE FROM orders WHERE id = 1")
            database.execute("UPDATE orders SET id = 4 WHERE id = 2")
            changes = {(table, op, (before or after)["id"]) for table, op, before, after in capture.brief()}
            assert changes >= {
                ("line_items", "d", 10),
                ("line_items", "d", 11),
                ("line_items", "u", 20),
                ("orders", "d", 1),
            }
