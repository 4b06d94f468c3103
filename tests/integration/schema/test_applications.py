"""Schemas made elsewhere, filled and changed through a pipeline, and held to their source; `make schema-matrix` does
that with every schema in every direction."""

from __future__ import annotations

from pathlib import Path

from tests import servers
from tests.integration.schema.applications import FEATURES
from tests.integration.schema.matrix.cell import Cell


def test_an_application_moves_from_mysql_to_postgresql(
    mysql: servers.MySQL, postgres18: servers.Postgres, tmp_path: Path
) -> None:
    with mysql.database("src") as source, postgres18.database("dst") as target:
        outcome = Cell("mlflow", source, target, tmp_path).run(rows=3, changes=60)
    assert not outcome.wrong
    assert outcome.by_hand <= 1
    assert outcome.tried > 1000


def test_what_applications_seldom_use_moves_from_postgresql_to_mariadb(
    mariadb: servers.MariaDB, postgres18: servers.Postgres, tmp_path: Path
) -> None:
    with postgres18.database("src") as source, mariadb.database("dst") as target:
        outcome = Cell(FEATURES, source, target, tmp_path).run(rows=5, changes=60)
    assert not outcome.wrong
    assert outcome.automatic > 25
    assert outcome.tried > 200
