"""A real application's schema, there and back: converted, made, filled, changed, and held to its source.

`make schema-matrix` does that with every schema in every direction.
"""

from __future__ import annotations

from pathlib import Path

from tests import servers
from tests.integration.schema.matrix.cell import Cell, Outcome
from tests.servers import SqlServer

SCHEMA = "mlflow"


def cell(source: SqlServer, target: SqlServer, folder: Path) -> Outcome:
    with source.database("src") as here, target.database("dst") as there:
        return Cell(SCHEMA, here, there, folder).run(rows=3, changes=60)


def test_an_application_moves_from_mysql_to_postgresql(
    mysql: servers.MySQL, postgres18: servers.Postgres, tmp_path: Path
) -> None:
    outcome = cell(mysql, postgres18, tmp_path)
    assert not outcome.wrong
    assert outcome.tried > 1000
    assert outcome.by_hand <= 2


def test_an_application_moves_from_postgresql_to_mariadb(
    mariadb: servers.MariaDB, postgres18: servers.Postgres, tmp_path: Path
) -> None:
    outcome = cell(postgres18, mariadb, tmp_path)
    assert not outcome.wrong
    assert outcome.tried > 1000
