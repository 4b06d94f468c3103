"""Tables of as many columns as the servers take, loaded, streamed and altered, in every target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import DynamoDB

#: InnoDB's tables have 1,017 columns at most (MySQL manual, "InnoDB Limits"), PostgreSQL's 1,600.
COLUMNS = 1015


@pytest.mark.parametrize("server", ["mysql", "mariadb", "postgres18"])
def test_a_table_of_a_thousand_columns_is_the_same_in_every_target(
    server: str, request: pytest.FixtureRequest, mysql: Any, postgres18: Any, dynamodb: DynamoDB, tmp_path: Path
) -> None:
    with (
        request.getfixturevalue(server).database("src") as source,
        mysql.database("dst") as my,
        postgres18.database("dst") as pg,
    ):
        names = [f"c{number:04}" for number in range(1, COLUMNS)]
        # InnoDB has 8 KB for what of a row is not text of its own.
        columns = ", ".join(f"{name} {'INT' if number % 40 else 'TEXT'}" for number, name in enumerate(names, 1))
        source.execute(f"CREATE TABLE wide (id INT PRIMARY KEY, {columns})")
        values = ", ".join("1" if number % 40 else "'text'" for number in range(1, COLUMNS))
        source.execute(f"INSERT INTO wide VALUES (1, {values}), (2, {values})")
        parts = [
            text.source(source.url),
            text.sink("pg", pg.url),
            text.sink("my", my.url),
            text.sink("lite", f"sqlite:///{tmp_path / 'target.db'}"),
            f'[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "{dynamodb.endpoint}"\n'
            f'region = "eu-west-1"\nprefix = "{source.name}_"\n',
        ]
        pipeline = PipelineFile(tmp_path, text.pipeline(tmp_path, *parts))
        assert pipeline.until_caught_up().code == 0
        source.execute(f"INSERT INTO wide VALUES (3, {values})")
        source.execute("UPDATE wide SET c0001 = 7, c1014 = NULL WHERE id = 1")
        source.execute("DELETE FROM wide WHERE id = 2")
        source.execute("ALTER TABLE wide ADD COLUMN last INT")
        source.execute("UPDATE wide SET last = id")
        caught_up = pipeline.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr
        verified = pipeline.command("verify")
        assert verified.code == 0, verified.stdout
        for target in (my, pg):
            assert target.query("SELECT id, c0001, c1014, last FROM wide ORDER BY id") == [
                (1, 7, None, 1),
                (3, 1, 1, 3),
            ]
        assert pipeline.command("teardown", "--yes").code == 0
