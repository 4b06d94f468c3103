"""The decoder against an independent one: python-mysql-replication reads the same log."""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from pymysqlreplication.binlogstream import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from tests import servers
from tests.integration.mysql_capture import capturing
from tests.servers import Database

_ACTIONS = 200


def _temporal(value: str) -> str:
    return value.replace("T", " ").rstrip("Z")


#: Column, type, how a random value is made, and how our JSON value becomes the witness's.
COLUMNS: list[tuple[str, str, Callable[[random.Random], Any], Callable[[Any], Any]]] = [
    ("tiny", "TINYINT", lambda r: r.randrange(-128, 128), int),
    ("medium", "MEDIUMINT UNSIGNED", lambda r: r.randrange(1 << 24), int),
    ("big", "BIGINT UNSIGNED", lambda r: r.randrange(1 << 64), int),
    ("amount", "DECIMAL(20,5)", lambda r: Decimal(r.randrange(-(10**19), 10**19)).scaleb(-5), Decimal),
    ("ratio", "DOUBLE", lambda r: r.uniform(-1e9, 1e9), float),
    ("name", "VARCHAR(60)", lambda r: "".join(r.choices("aäß€😀\"'\\\n ", k=r.randrange(60))), str),
    ("old", "TEXT CHARACTER SET latin1", lambda r: "".join(r.choices("aéü€", k=r.randrange(20))), str),
    ("raw", "VARBINARY(40)", lambda r: r.randbytes(r.randrange(1, 40)), b64decode),
    ("day", "DATE", lambda r: f"{r.randrange(1000, 9999)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}", str),
    ("at", "DATETIME(6)", lambda r: f"2024-02-{r.randrange(1, 30):02} 01:02:03.{r.randrange(1, 10**6):06}", _temporal),
    ("label", "ENUM('a','b','c')", lambda r: r.choice("abc"), str),
]


def _work(database: Database, generator: random.Random) -> None:
    names = ", ".join(name for name, *_ in COLUMNS)
    places = ", ".join(["%s"] * len(COLUMNS))
    keys: list[int] = []
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        for action in range(_ACTIONS):
            for _ in range(generator.randrange(1, 4)):
                kind = generator.random()
                values = [None if generator.random() < 0.1 else make(generator) for _, _, make, _ in COLUMNS]
                if kind < 0.5 or not keys:
                    key = action * 10 + len(keys) % 10 + generator.randrange(10**6) * 10**4
                    keys.append(key)
                    cursor.execute(f"INSERT INTO t (id, {names}) VALUES (%s, {places})", (key, *values))
                elif kind < 0.8:
                    sets = ", ".join(f"{name} = %s" for name, *_ in COLUMNS)
                    cursor.execute(f"UPDATE t SET {sets} WHERE id = %s", (*values, generator.choice(keys)))
                else:
                    cursor.execute("DELETE FROM t WHERE id = %s", (keys.pop(),))
            connection.commit()


def _witnessed(database: Database, file: str, pos: int) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    login = database.server.login
    settings = {"host": login.host, "port": login.port, "user": login.user, "password": login.password or ""}
    reader: Any = BinLogStreamReader
    stream = reader(
        connection_settings=settings,
        server_id=4242,
        log_file=file,
        log_pos=pos,
        resume_stream=True,
        blocking=False,
        only_schemas=[database.name],
        only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
    )
    try:
        for event in stream:
            for row in event.rows:
                if isinstance(event, WriteRowsEvent):
                    yield "c", {}, row["values"]
                elif isinstance(event, DeleteRowsEvent):
                    yield "d", row["values"], {}
                else:
                    yield "u", row["before_values"], row["after_values"]
    finally:
        stream.close()


def _ours(row: dict[str, Any] | None) -> dict[str, Any]:
    converters: dict[str, Callable[[Any], Any]] = {name: convert for name, _, _, convert in COLUMNS} | {"id": int}
    return {name: None if v is None else converters[name](v) for name, v in (row or {}).items()}


def _theirs(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(v) if name in ("day", "at") and v is not None else v for name, v in row.items()}


@pytest.mark.filterwarnings("ignore:'db' is deprecated:DeprecationWarning")  # the witness's own
@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_the_same_rows_in_the_same_order(engine: str, request: pytest.FixtureRequest) -> None:
    server: servers.MySQL = request.getfixturevalue(engine)
    generator = random.Random(20240131)
    with server.database() as database:
        database.execute(f"CREATE TABLE t (id BIGINT PRIMARY KEY, {', '.join(f'{n} {t}' for n, t, *_ in COLUMNS)})")
        statement = "SHOW BINARY LOG STATUS" if engine == "mysql" else "SHOW MASTER STATUS"
        file, pos = server.query(statement)[0][:2]
        with capturing(database) as capture:
            _work(database, generator)
            events = [event for event in capture.catch_up() if event.value is not None]
        ours = [(op, _ours(before), _ours(after)) for _, op, before, after in (event.brief() for event in events)]
        theirs = [(op, _theirs(before), _theirs(after)) for op, before, after in _witnessed(database, file, pos)]
        assert len(ours) > _ACTIONS
        assert ours == theirs
