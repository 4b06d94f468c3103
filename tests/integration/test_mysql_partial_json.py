"""JSON documents that MySQL logs as differences (``binlog_row_value_options=PARTIAL_JSON``)."""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson
import pytest

from tailrace_mysql.types.json_diff import patched
from tests.integration.mysql_capture import capturing, log_events, log_place
from tests.servers import Database

DOCUMENT = {
    "a": 1,
    "text": "x" * 300,
    "list": [1, 2.5, "three", None, {"deep": [[], {"er": True}]}],
    "a b": {"é.ü": "\n\t\"\\'", 'quo"te': {}},
    "long": "ü" * 70_000,
    "numbers": [18446744073709551615, -9223372036854775808, 1e100, 1.0, 0.1],
    "日本": {"😀": []},
    "x" * 200: {"y" * 100: 1},
}


@pytest.fixture(params=["mysql", "mysql_defaults"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database() as found:
        found.execute("SET SESSION binlog_row_value_options = PARTIAL_JSON")
        found.execute("CREATE TABLE t (id INT PRIMARY KEY, j JSON, a VARCHAR(20), k JSON NOT NULL, b BLOB)")
        yield found


@pytest.fixture
def differences(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All that were applied."""
    found: list[bytes] = []

    def noted(document: bytes, difference: bytes) -> str:
        found.append(difference)
        return patched(document, difference)

    monkeypatch.setattr("tailrace_mysql.binlog.sparse.patched", noted)
    return found


def insert(database: Database, number: int) -> None:
    document = orjson.dumps(DOCUMENT).decode()
    database.execute("INSERT INTO t VALUES (%s, %s, 'x', %s, 'b')", (number, document, document))


UPDATES = [
    "j = JSON_SET(j, '$.a', 2)",
    "j = JSON_SET(j, '$.a', 'another type'), a = 'y'",
    "j = JSON_REPLACE(j, '$.text', REPEAT('y', 290), '$.list[1]', 'z')",
    "j = JSON_SET(j, '$.new', JSON_OBJECT('z', 1, 'y', 2))",
    "j = JSON_SET(j, '$.n', 1, '$.nn', 2, '$.ab', 3, '$.list[99]', 'at the end')",
    "j = JSON_REMOVE(j, '$.list[0]', '$.n')",
    "j = JSON_SET(j, '$.list[last]', 'last', '$.list[last-1]', CAST(JSON_ARRAY(1) AS JSON))",
    """j = JSON_SET(j, '$."a b"."é.ü"', 'x', '$."a b"."quo\\\\"te"', 'y')""",
    """j = JSON_SET(j, '$."日本"."😀"', CAST('{"k": [1, 2]}' AS JSON), '$."日本"."ñ"', TRUE)""",
    f"j = JSON_SET(j, '$.{'x' * 200}.{'y' * 100}', NULL, '$.{'x' * 200}.{'z' * 190}', 1)",
    "j = JSON_SET(j, '$.long', REPEAT('v', 69000))",
    "j = JSON_SET(j, '$.numbers[0]', 1.5e0, '$.numbers[1]', 12345.678900, '$.numbers[2]', 0e0)",
    "j = JSON_SET(j, '$.numbers[3]', CAST('2024-01-31 12:34:56.5' AS DATETIME(6)), '$.numbers[4]', x'00ff')",
    "j = JSON_SET(j, '$.list[0][0]', 'wrapped', '$.a[1]', 'an array now')",
    "j = JSON_SET(j, '$.list[3].deep[1].er', FALSE), k = JSON_REMOVE(k, '$.long', '$.\"a b\"')",
    "j = JSON_REMOVE(j, '$.long'), b = 'c'",
    "j = JSON_REPLACE(j, '$.nothing', 1), a = 'z'",
    "j = JSON_SET(j, '$.empty', CAST('{}' AS JSON)), k = JSON_SET(k, '$.empty', CAST('[]' AS JSON))",
    "j = JSON_SET(j, '$.empty.x', 1), k = JSON_SET(k, '$.empty[0]', 1)",
    "a = 'no document at all'",
    "j = NULL",
    "j = k",
    "j = JSON_SET(j, '$.a', 1), id = id + 100",
]


def test_patched_documents_are_those_of_the_source(database: Database, differences: list[bytes]) -> None:
    with capturing(database) as capture:
        insert(database, 1)
        insert(database, 2)
        since = log_place(database)
        for update in UPDATES:
            database.execute(f"UPDATE t SET {update}")
            capture.catch_up()
            assert capture.replayed("t") == capture.stored("t"), update
        assert "Update_rows_partial" in log_events(database, since)
        assert len(differences) > 2 * 17
        # The old rows are whole too: each is the new one of the event before.
        rows: dict[int, object] = {}
        for _, op, before, after in (event.brief() for event in capture.events if event.value is not None):
            if op != "c" or before is not None:
                assert before == rows[before["id"]]
            if after is not None:
                rows[after["id"]] = after


def test_random_differences(database: Database, differences: list[bytes]) -> None:
    """Many changes of one document, also in compressed transactions, read after the fact, with restarts."""
    pick = random.Random(20261126)
    paths = ["$.a", "$.b.c", "$.b", "$.list", "$.list[0]", "$.list[last]", "$.list[2].x", '$."q r"[1]', "$.b.d.e"]
    values = ["1", "'text'", "CAST('{\"c\": {}}' AS JSON)", "CAST('[1, {}, []]' AS JSON)", "NULL", "1.25"]
    with capturing(database) as capture:
        start = '{"a": 1, "b": {"c": 1, "d": {}}, "list": [1, 2, {"x": 1}], "q r": [1, 2], "pad": "%s"}'
        for number in range(4):
            database.execute("INSERT INTO t VALUES (%s, %s, '', '[]', '')", (number, start % ("p" * 500)))
        for round_number in range(150):
            database.execute(f"SET SESSION binlog_transaction_compression = {round_number % 2}")
            change = pick.choice(["JSON_SET", "JSON_SET", "JSON_REPLACE", "JSON_REMOVE", "JSON_INSERT"])
            chosen = [f"'{path}'" for path in pick.sample(paths, pick.randint(1, 3))]
            if change != "JSON_REMOVE":
                chosen = [f"{path}, {pick.choice(values)}" for path in chosen]
            database.execute(f"UPDATE t SET j = {change}(j, {', '.join(chosen)}) WHERE id = {pick.randint(0, 3)}")
        assert capture.source is not None
        goal = capture.source.log_end()
        while capture.position is not None and capture.position.mark < goal:
            if capture.read(limit_bytes=30_000) is not None:
                capture.reopen()
        assert capture.replayed("t") == capture.stored("t")
        assert len(differences) > 60


def test_a_difference_without_the_document_before_it_suspends_its_table(database: Database) -> None:
    with capturing(database) as capture:
        insert(database, 1)
        database.execute("SET SESSION binlog_row_image = MINIMAL")
        database.execute("UPDATE t SET a = 'z'")
        capture.catch_up()
        assert capture.replayed("t") == capture.stored("t")
        assert not capture.suspension("t")
        database.execute("UPDATE t SET j = JSON_SET(j, '$.a', 2)")
        assert capture.brief() == []
        for word in ("column j", "binlog_row_value_options", "binlog_row_image=FULL"):
            assert word in capture.suspension("t")


def test_nothing_refuses_a_server_that_logs_differences(database: Database) -> None:
    database.server.query("SET GLOBAL binlog_row_value_options = PARTIAL_JSON")
    try:
        with capturing(database) as capture:
            assert capture.source is not None
            assert [finding for finding in capture.source.check() if finding.ok is False] == []
    finally:
        database.server.query("SET GLOBAL binlog_row_value_options = ''")
