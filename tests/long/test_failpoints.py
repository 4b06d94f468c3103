"""Every point × every source, through both streams, into every sink; some where they are come to first, some later.

`make failpoints`; the suite runs a part of it (`tests/integration/test_failpoints.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.pipelines import failing
from tests.pipelines.bank import Bank
from tests.pipelines.worker_process import CAPTURE, run_worker
from tests.servers import Database

ACCOUNTS = 1500
SOURCES = ("mysql", "mysql_defaults", "mariadb", "postgres15", "postgres16", "postgres18")
#: With how many times more than the suite points are come to before a worker dies at them.
CASES = [
    pytest.param(source, stream, (number + later) % 3, id=f"{source}-{stream}")
    for number, source in enumerate(SOURCES)
    for later, stream in enumerate(("embedded", "kafka"))
]


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("bank") as database:
        yield database


@pytest.mark.parametrize(("source", "stream", "later"), CASES, indirect=["source"])
def test_workers_die_at_each_point_and_lose_and_repeat_nothing(
    source: Database,
    stream: str,
    later: int,
    mysql: servers.MySQL,
    postgres18: servers.Postgres,
    dynamodb: Any,
    kafka: servers.Kafka,
    tmp_path: Path,
) -> None:
    with mysql.database("copy") as my, postgres18.database("copy") as pg:
        sinks = failing.targets(tmp_path, my, pg, dynamodb.endpoint)
        connector = failing.kafka_of_partitions(kafka.bootstrap) if stream == "kafka" else ""
        file = failing.pipeline(tmp_path, source, connector, "".join(sink.sink for sink in sinks))
        bank = Bank(source, seed=later)
        bank.create(ACCOUNTS)
        try:
            failing.capture_dies(file, bank, shifted(failing.LOADING, later), shifted(failing.STREAMING, later))
            failing.require_whole_stream(file, bank)
            failing.sinks_die(file, bank, sinks, failing.MAKING)
            failing.sinks_catch_up(file, sinks)
            for _ in range(len(failing.APPLYING) + 4 * later):
                bank.work(2 * failing.TRANSACTIONS, failing.LARGEST)
                bank.alter()
            bank.work(failing.TRANSACTIONS)  # PostgreSQL's log tells of new columns with the first row that has them
            run_worker(file, CAPTURE)
            whole = stream == "embedded"
            failing.sinks_die(file, bank, sinks, shifted(failing.APPLYING, later), whole)
            failing.sinks_catch_up(file, sinks)
            failing.require_equal(file, bank, sinks)
        finally:
            assert file.command("teardown", "--yes").code == 0


def shifted(points: tuple[failing.Point, ...], later: int) -> list[failing.Point]:
    """What is come to once in a life only stays where it is."""
    once = ("capture.opened", "sink.opened", "load.table_end", "schema.publish", "schema.ensure", "schema.ensured")
    return [(point, nth if point in once else nth + later) for point, nth in points]
