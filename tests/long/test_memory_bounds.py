"""Transactions of 1,000,000 rows, and rows of 20 MB, from every source and through both streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_memory_bounds import FOR_LARGE, bounded
from tests.pipelines import text
from tests.servers import DynamoDB

ROWS = 1_000_000


@pytest.mark.parametrize("stream", ["embedded", "kafka"])
@pytest.mark.parametrize("server", ["postgres18", "mysql", "mariadb"])
def test_neither_a_million_rows_nor_large_ones_raise_the_memory_of_any_process(
    server: str,
    stream: str,
    request: pytest.FixtureRequest,
    mysql: Any,
    postgres18: Any,
    dynamodb: DynamoDB,
    tmp_path: Path,
) -> None:
    kafka = text.kafka(request.getfixturevalue("kafka").bootstrap) + FOR_LARGE if stream == "kafka" else ""
    with (
        request.getfixturevalue(server).database("src") as source,
        mysql.database("dst") as my,
        postgres18.database("dst") as pg,
    ):
        bounded(source, kafka, my, pg, dynamodb, tmp_path, ROWS)
