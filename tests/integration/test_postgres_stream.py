"""The replication stream from real servers: messages of every size, both forms, errors on the way, feedback, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.errors import UnreachableError
from tailrace_postgres import libpq, streaming
from tests.capture.postgres import Capture
from tests.doubles.pieces import in_pieces
from tests.servers import Database

ROOT = Path(__file__).parents[2]
SIZES = [1, 100, 4000, 8100, 8192, 9000, 16_200, 16_384, 16_500, 40_000, 65_536, 1_000_000]


@pytest.fixture
def database(postgres15: Any) -> Iterator[Database]:
    with postgres15.database("pg") as found:
        found.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        yield found


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
@pytest.mark.parametrize("socket", ["tcp", "local"])
def test_messages_of_every_size_arrive(
    database: Database, form: str, socket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Around libpq's reads of 8 KiB and our bounds of 64 KiB, one by one and in bulk."""
    if form == "interpreted":
        monkeypatch.setattr(libpq, "compiled_class", lambda module, name: None)
    url = database.url
    if socket == "local":
        url = url.replace("127.0.0.1", "") + f"?host={database.value('SHOW unix_socket_directories')}"
    with Capture(database, url=url) as capture:
        capture.catch_up()
        for number, size in enumerate(SIZES):
            database.execute("INSERT INTO t VALUES (%s, repeat('y', %s))", (number, size))
            (event,) = capture.catch_up()
            assert len(event.after["v"]) == size
        database.execute("INSERT INTO t SELECT 1000 + g, repeat('z', g * 7) FROM generate_series(1, 2000) g")
        assert [len(event.after["v"]) for event in capture.catch_up()] == [g * 7 for g in range(1, 2001)]


@pytest.mark.parametrize("sizes", [[1], [2, 3, 5, 7], [1000, 1, 4096]], ids=["bytes", "primes", "packets"])
def test_messages_may_be_split_anywhere(database: Database, postgres15: Any, sizes: list[int]) -> None:
    with in_pieces((postgres15.login.host, postgres15.login.port), sizes) as port:
        url = database.url.replace(f":{postgres15.login.port}", f":{port}")
        with Capture(database, url=url) as capture:
            capture.catch_up()
            database.execute("INSERT INTO t SELECT g, repeat('x', g * 3) FROM generate_series(1, 100) g")
            assert [len(event.after["v"]) for event in capture.catch_up()] == [g * 3 for g in range(1, 101)]
            assert len(capture.load("t")) == 100


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_a_session_that_is_ended_amid_a_backlog_is_named_and_nothing_is_lost(
    database: Database, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "interpreted":
        monkeypatch.setattr(libpq, "compiled_class", lambda module, name: None)
    with Capture(database) as capture:
        capture.catch_up()
        database.execute("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 50000) g")
        capture.until(lambda: len(capture.events) > 100, limit_bytes=1000)
        database.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        with pytest.raises(UnreachableError, match="terminating connection due to administrator command"):
            capture.until(lambda: False)
        assert len(capture.events) < 50_000
        capture.reopen()
        capture.catch_up()
        assert [event.key["id"] for event in capture.events] == list(range(1, 50_001))


def test_a_server_that_stops_decoding_says_why(database: Database) -> None:
    """An error in the middle of the stream: PostgreSQL up to 17 ends it for a publication that is gone."""
    with Capture(database) as capture:
        capture.catch_up()
        database.execute("INSERT INTO t VALUES (1, 'a')")
        capture.catch_up()
        database.execute(f"DROP PUBLICATION {capture.publication}_inserts")
        database.execute("INSERT INTO t VALUES (2, 'a')")
        with pytest.raises(UnreachableError, match=f"somebody dropped publication {capture.publication}_inserts"):
            capture.until(lambda: False)


@pytest.mark.parametrize("busy", [True, False])
def test_the_server_hears_from_us_under_a_backlog_and_when_idle(
    database: Database, busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "REPORT_SECONDS", 0.02)
    with Capture(database) as capture:
        capture.acknowledges = False  # nothing is stored, but we live
        capture.catch_up()
        if busy:
            database.execute("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 50000) g")
        heard: set[object] = set()

        def reports() -> int:
            heard.add(
                database.value(
                    "SELECT reply_time FROM pg_stat_replication WHERE pid ="
                    " (SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s)",
                    (capture.slot,),
                )
            )
            return len(heard)

        capture.until(lambda: reports() > 5, limit_bytes=1000)
        assert len(capture.events) < 50_000
        assert bool(capture.events) == busy


READER = """
import json, resource, sys
from pathlib import Path
from tailrace.connectors import Context
from tailrace.position import Position
from tailrace_postgres.settings import PostgresSourceSettings
from tailrace_postgres.source import PostgresSource

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

url, slot, publication, position, state, rows = json.loads(sys.argv[1])
settings = PostgresSourceSettings.model_validate(
    {"connector": "postgres", "url": url, "slot": slot, "publication": publication}
)
context = Context(pipeline="test", mode="cdc", state_dir=Path("/nowhere"), topic="test.{schema}.{table}")
source = PostgresSource(settings, context)
source.open(Position.from_json(position.encode()), {key: value.encode() for key, value in state.items()})
before, events, size = peak(), 0, 0
while events < rows:
    batch = source.read(1, 4 << 20)
    events += batch.events if batch else 0
    size += batch.bytes if batch else 0
    batch = None
source.close()
print(json.dumps([before, peak() - before, size / (1 << 20)]))
"""


@pytest.mark.parametrize(
    ("rows", "row_bytes", "allowed_mb"),
    # What one read may gather, twice (in pieces and whole), and a few copies of the largest row.
    [(400_000, 500, 24), (20, 10 << 20, 24 + 7 * 10)],
    ids=["many rows", "large rows"],
)
def test_memory_does_not_grow_with_the_transaction(
    database: Database, rows: int, row_bytes: int, allowed_mb: int
) -> None:
    """200 MB in one transaction."""
    with Capture(database, mode="cdc") as capture:
        position = capture.opened.position.to_json().decode()
        state = {key: value.decode() for key, value in capture.state.items()}
        names = [capture.slot, capture.publication]
    database.execute("INSERT INTO t SELECT g, repeat('x', %s) FROM generate_series(1, %s) g", (row_bytes, rows))
    words = json.dumps([database.url, *names, position, state, rows])
    done = subprocess.run(
        [sys.executable, "-c", READER, words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["daemon", "connectors"])},
        stdout=subprocess.PIPE,
        check=True,
    )
    before, grown, size = json.loads(done.stdout)
    assert size > 190
    assert grown < allowed_mb, f"from {before} MB by {grown} MB"
