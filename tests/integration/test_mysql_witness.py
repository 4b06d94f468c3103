"""The decoder against an independent one: python-mysql-replication reads the same log.

What it cannot read is in `WITNESS_CANNOT`, with what it makes of it; test_mysql_types.py has these types.
"""

from __future__ import annotations

import json
import random
import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pymysqlreplication.binlogstream import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from tests import servers
from tests.integration.mysql_capture import capturing
from tests.servers import Database

_ACTIONS = 200
_LETTERS = "aäß€😀\"'\\\n "
_SHAPE = b"\0\0\0\0\1\1\0\0\0"  # no reference system; least significant byte first; a point


def _identity(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind:
    """A column.

    Attributes:
        make: a random value, for the driver.
        ours: makes our JSON value comparable.
        theirs: the witness's value, likewise.
        place: stands for the value in a statement.
    """

    name: str
    type: str
    make: Callable[[random.Random], Any]
    ours: Callable[[Any], Any]
    theirs: Callable[[Any], Any] = _identity
    place: str = "%s"


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value.rstrip("Z")) if isinstance(value, str) else value


def _duration(text: str) -> timedelta:
    hours, minutes, seconds = text.lstrip("-").split(":")
    span = timedelta(hours=int(hours), minutes=int(minutes), microseconds=int(Decimal(seconds) * 10**6))
    return -span if text.startswith("-") else span


def _their_bytes(value: Any) -> Any:
    """An empty value comes as text, because nothing has to be decoded."""
    return value or b""


def _single(value: float) -> bytes:
    return struct.pack("<f", value)


def _document(value: Any) -> Any:
    """The witness's JSON, which has bytes where a document has strings; MariaDB's is text."""
    if isinstance(value, dict):
        return {_document(key): _document(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_document(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _their_document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else _document(value)


def _integer(bits: int, unsigned: bool = False) -> Callable[[random.Random], int]:
    low, high = (0, 1 << bits) if unsigned else (-(1 << bits - 1), 1 << bits - 1)
    return lambda r: r.choice((low, high - 1, r.randrange(low, high)))


def _decimal(precision: int, scale: int) -> Callable[[random.Random], Decimal]:
    return lambda r: Decimal(f"{r.randrange(-(10**precision) + 1, 10**precision)}E-{scale}")


def _text(letters: str, longest: int) -> Callable[[random.Random], str]:
    return lambda r: "".join(r.choices(letters, k=r.randrange(longest)))


def _clock(r: random.Random, digits: int) -> str:
    fraction = f".{r.randrange(10**digits):0{digits}}" if digits else ""
    return f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}{fraction}"


def _moments(digits: int, first: int = 1000, last: int = 9999) -> Callable[[random.Random], str]:
    return lambda r: (
        f"{r.randrange(first, last + 1)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02} {_clock(r, digits)}"
    )


def _json(r: random.Random) -> str:
    value: Any = r.choice((None, True, 0, -1, 2**63, -(2**63), 70000, 1.5, 1e300, "", 'ü😀"\\', [], {}))
    return json.dumps({"a": value, "list": [value, {"deep": [value] * r.randrange(4)}], "long": "x" * r.randrange(300)})


KINDS = [
    Kind("tiny", "TINYINT", _integer(8), int),
    Kind("utiny", "TINYINT UNSIGNED", _integer(8, True), int),
    Kind("small", "SMALLINT", _integer(16), int),
    Kind("usmall", "SMALLINT UNSIGNED", _integer(16, True), int),
    Kind("medium", "MEDIUMINT", _integer(24), int),
    Kind("umedium", "MEDIUMINT UNSIGNED", _integer(24, True), int),
    Kind("normal", "INT", _integer(32), int),
    Kind("unormal", "INT UNSIGNED", _integer(32, True), int),
    Kind("long_one", "BIGINT", _integer(64), int),
    Kind("big", "BIGINT UNSIGNED", _integer(64, True), int),
    Kind("zeros", "INT(8) UNSIGNED ZEROFILL", _integer(32, True), int),
    Kind("amount", "DECIMAL(20,5)", _decimal(20, 5), Decimal),
    Kind("widest", "DECIMAL(65,30)", _decimal(65, 30), Decimal),
    Kind("whole", "DECIMAL(9,0)", _decimal(9, 0), Decimal),
    Kind("fraction", "DECIMAL(7,7)", _decimal(7, 7), Decimal),
    Kind("ratio", "DOUBLE", lambda r: r.uniform(-1e9, 1e9), float),
    Kind("narrow", "FLOAT", lambda r: struct.unpack("<f", _single(r.uniform(-1e9, 1e9)))[0], _single, _single),
    Kind("bits", "BIT(10)", lambda r: r.randrange(1 << 10), str),
    Kind("most_bits", "BIT(64)", lambda r: r.randrange(1 << 64), str),
    Kind("letters", "CHAR(20)", lambda r: _text(_LETTERS, 20)(r).rstrip(" "), str),
    Kind("name", "VARCHAR(60)", _text(_LETTERS, 60), str),
    Kind("wide_name", "VARCHAR(200)", _text(_LETTERS, 200), str),
    Kind("old", "TEXT CHARACTER SET latin1", _text("aéü€", 20), str),
    Kind("prose", "MEDIUMTEXT", _text(_LETTERS, 2000), str),
    Kind("fixed", "BINARY(8)", lambda r: r.randbytes(r.randrange(9)).ljust(8, b"\0"), b64decode,
         lambda value: _their_bytes(value).ljust(8, b"\0")),
    Kind("raw", "VARBINARY(40)", lambda r: r.randbytes(r.randrange(1, 40)), b64decode, _their_bytes),
    Kind("wide_raw", "VARBINARY(400)", lambda r: r.randbytes(r.randrange(400)), b64decode, _their_bytes),
    Kind("large_raw", "MEDIUMBLOB", lambda r: r.randbytes(r.randrange(2000)), b64decode, _their_bytes),
    Kind("day", "DATE", lambda r: _moments(0)(r)[:10], date.fromisoformat),
    Kind("at", "DATETIME(6)", _moments(6), _moment),
    Kind("at_millis", "DATETIME(3)", _moments(3), _moment),
    Kind("at_seconds", "DATETIME", _moments(0), _moment),
    Kind("instant", "TIMESTAMP(6) NULL", _moments(6, 1971, 2037), _moment),
    Kind("instant_tenths", "TIMESTAMP(1) NULL", _moments(1, 1971, 2037), _moment),
    Kind("lasting", "TIME", lambda r: f"{r.choice(('', '-'))}{r.randrange(839)}:{r.randrange(60):02}:01", _duration),
    Kind("lasting_micros", "TIME(6)", lambda r: _clock(r, 6), _duration),
    Kind("vintage", "YEAR", lambda r: r.randrange(1901, 2156), int),
    Kind("label", "ENUM('a','b','größer')", lambda r: r.choice(("a", "b", "größer")), str),
    Kind("labels", "SET('a','b','c')", lambda r: r.choice(("a", "a,c", "a,b,c", "b")), lambda v: set(v.split(","))),
    Kind("place", "GEOMETRY", lambda r: _SHAPE + struct.pack("<dd", r.random(), r.random()), b64decode,
         place="ST_GeomFromWKB(SUBSTRING(%s, 5))"),
    Kind("doc", "JSON", _json, json.loads, _their_document),
]  # fmt: skip

#: Types and values that the witness cannot tell of, as SQL, and what it says instead.
WITNESS_CANNOT: dict[str, tuple[str, str, Any]] = {
    "a negative TIME with a fraction": ("TIME(6)", "'-00:00:01.25'", timedelta(seconds=-1, milliseconds=-750)),
    "a zero date": ("DATE", "'0000-00-00'", None),
    "a partial date": ("DATE", "'2024-00-10'", None),
    "a partial DATETIME": ("DATETIME", "'2024-01-00 01:02:03'", None),
    "the year 0": ("YEAR", "0", 1900),
    "an empty SET": ("SET('a','b')", "''", None),
}


def _create(database: Database) -> None:
    columns = ", ".join(f"{kind.name} {kind.type}" for kind in KINDS)
    database.execute(f"CREATE TABLE t (id BIGINT PRIMARY KEY, {columns}) DEFAULT CHARSET utf8mb4")
    database.execute(f"CREATE TABLE keyless ({columns}) DEFAULT CHARSET utf8mb4")
    database.execute(f"CREATE TABLE many (id INT PRIMARY KEY, {', '.join(f'c{n} INT' for n in range(70))})")


def _work(database: Database, generator: random.Random) -> None:
    names = ", ".join(kind.name for kind in KINDS)
    places = ", ".join(kind.place for kind in KINDS)
    sets = ", ".join(f"{kind.name} = {kind.place}" for kind in KINDS)
    keys: list[int] = []
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        for action in range(_ACTIONS):
            for _ in range(generator.randrange(1, 4)):
                kind = generator.random()
                values = [None if generator.random() < 0.1 else one.make(generator) for one in KINDS]
                if kind < 0.45 or not keys:
                    key = action * 10 + len(keys) % 10 + generator.randrange(10**6) * 10**4
                    keys.append(key)
                    cursor.execute(f"INSERT INTO t (id, {names}) VALUES (%s, {places})", (key, *values))
                elif kind < 0.6:
                    cursor.execute(f"UPDATE t SET {sets} WHERE id = %s", (*values, generator.choice(keys)))
                elif kind < 0.7:  # most columns as they were
                    cursor.execute("UPDATE t SET normal = %s WHERE id = %s", (values[6], generator.choice(keys)))
                elif kind < 0.8:
                    keys[-1], old = keys[-1] + 1, keys[-1]
                    cursor.execute("UPDATE t SET id = %s WHERE id = %s", (keys[-1], old))
                else:
                    cursor.execute("DELETE FROM t WHERE id = %s", (keys.pop(),))
            connection.commit()
        # Many rows in one row event, then several of these in one statement.
        cursor.execute(f"INSERT INTO keyless SELECT {names} FROM t")
        cursor.execute(f"INSERT INTO keyless SELECT {names} FROM keyless")
        cursor.execute("UPDATE keyless SET tiny = -1, name = NULL")
        cursor.execute("DELETE FROM keyless WHERE small < 0")
        for number in range(20):
            row = [generator.choice((None, number)) for _ in range(70)]
            cursor.execute(f"INSERT INTO many VALUES (%s{', %s' * 70})", (number, *row))
        cursor.execute("UPDATE many SET c0 = NULL, c8 = 8, c63 = NULL, c64 = 64 WHERE id > 3")
        cursor.execute("REPLACE INTO many (id, c69) VALUES (1, 69), (100, 69)")
        connection.commit()


def _witnessed(database: Database, file: str, pos: int) -> Iterator[tuple[str, str, Any, Any]]:
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
                    yield event.table, "c", None, _theirs(row["values"])
                elif isinstance(event, DeleteRowsEvent):
                    yield event.table, "d", _theirs(row["values"]), None
                else:
                    before, after = _theirs(row["before_values"]), _theirs(row["after_values"])
                    if before.get("id") == after.get("id"):
                        yield event.table, "u", before, after
                    else:  # a changed key
                        yield event.table, "d", before, None
                        yield event.table, "c", None, after
    finally:
        stream.close()


_OURS = {kind.name: kind.ours for kind in KINDS}
_THEIRS = {kind.name: kind.theirs for kind in KINDS}


def _ours(row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {name: None if v is None else _OURS.get(name, _identity)(v) for name, v in row.items()}


def _theirs(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if v is None else _THEIRS.get(name, _identity)(v) for name, v in row.items()}


def _log_end(server: servers.SqlServer) -> tuple[str, int]:
    statement = "SHOW BINARY LOG STATUS" if server.kind == "mysql" else "SHOW MASTER STATUS"
    file, pos = server.query(statement)[0][:2]
    return file, pos


@pytest.mark.filterwarnings("ignore:'db' is deprecated:DeprecationWarning")  # the witness's own
@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_the_same_rows_in_the_same_order(engine: str, request: pytest.FixtureRequest) -> None:
    server: servers.MySQL = request.getfixturevalue(engine)
    generator = random.Random(20240131)
    with server.database() as database:
        _create(database)
        file, pos = _log_end(server)
        with capturing(database) as capture:
            _work(database, generator)
            events = [event for event in capture.catch_up() if event.value is not None]
        ours = [(table, op, _ours(before), _ours(after)) for table, op, before, after in (e.brief() for e in events)]
        theirs = list(_witnessed(database, file, pos))
        assert len(ours) > 2 * _ACTIONS
        assert {op for _, op, _, _ in ours} == {"c", "u", "d"}
        assert [row[:2] for row in ours] == [row[:2] for row in theirs]
        pairs = [
            (mine, other)
            for one, two in zip(ours, theirs, strict=True)
            for mine, other in zip(one[2:], two[2:], strict=True)
        ]
        different = [
            (name, value, other.get(name))
            for mine, other in pairs
            if mine is not None
            for name, value in mine.items()
            if value != other.get(name)
        ]
        assert not different
        assert [mine and mine.keys() for mine, _ in pairs] == [other and other.keys() for _, other in pairs]


@pytest.mark.filterwarnings("ignore:'db' is deprecated:DeprecationWarning")
@pytest.mark.parametrize("case", WITNESS_CANNOT)
def test_what_the_witness_cannot_read(case: str, mariadb: servers.MariaDB) -> None:
    """Should it learn to, the value belongs into `KINDS`."""
    type_, value, instead = WITNESS_CANNOT[case]
    with mariadb.database() as database:
        database.execute(f"CREATE TABLE t (id INT PRIMARY KEY, v {type_} NULL)")
        file, pos = _log_end(mariadb)
        database.execute("SET SESSION sql_mode = ''")
        database.execute(f"INSERT INTO t VALUES (1, {value})")
        assert [after["v"] for _, _, _, after in _witnessed(database, file, pos)] == [instead]


@pytest.mark.filterwarnings("ignore:'db' is deprecated:DeprecationWarning")
def test_the_witness_gives_up_at_a_vector(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, v VECTOR(2))")
        file, pos = _log_end(mysql)
        database.execute("INSERT INTO t VALUES (1, STRING_TO_VECTOR('[1,2]'))")
        with pytest.raises(ValueError, match="not a valid MetadataFieldType"):
            list(_witnessed(database, file, pos))
