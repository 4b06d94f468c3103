"""Every common column type: what the log says is what a SELECT says, byte for byte, and exactly what was inserted."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from tests import servers
from tests.capture.chunks import read_chunk
from tests.integration.mysql_capture import capturing

LATIN1 = bytes(number for number in range(1, 256))


@dataclass(frozen=True)
class Family:
    """A table's column type and values for it: SQL text and the JSON value that each must become."""

    type: str
    values: list[tuple[str, Any]]
    engine: str = ""  # only this one
    key: bool = True  # whether the column can be a primary key


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


FAMILIES = [
    Family("TINYINT", [("-128", -128), ("127", 127), ("0", 0)]),
    Family("TINYINT(1)", [("-1", -1), ("2", 2), ("TRUE", 1)]),
    Family("TINYINT UNSIGNED", [("0", 0), ("255", 255)]),
    Family("SMALLINT", [("-32768", -32768), ("32767", 32767)]),
    Family("SMALLINT UNSIGNED", [("65535", 65535)]),
    Family("MEDIUMINT", [("-8388608", -8388608), ("8388607", 8388607), ("-1", -1)]),
    Family("MEDIUMINT UNSIGNED", [("16777215", 16777215), ("8388608", 8388608)]),
    Family("INT", [("-2147483648", -(2**31)), ("2147483647", 2**31 - 1)]),
    Family("INT UNSIGNED", [("4294967295", 2**32 - 1)]),
    Family("INT(6) UNSIGNED ZEROFILL", [("42", 42), ("0", 0)]),
    Family("BIGINT", [("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1)]),
    Family("BIGINT UNSIGNED", [("18446744073709551615", 2**64 - 1), ("9007199254740993", 9007199254740993)]),
    Family("YEAR", [("1901", 1901), ("2155", 2155), ("0", 0)]),
    Family("DECIMAL(10,2)", [("0.5", "0.50"), ("-12345678.91", "-12345678.91"), ("0", "0.00"), ("-0.01", "-0.01")]),
    Family("DECIMAL(10,0)", [("7", "7"), ("-9999999999", "-9999999999")]),
    Family("DECIMAL(9,9)", [("0.123456789", "0.123456789"), ("-0.000000001", "-0.000000001")]),
    Family("DECIMAL(12,4) UNSIGNED ZEROFILL", [("1.5", "1.5000"), ("0", "0.0000")]),
    Family(
        "DECIMAL(65,30)",
        [
            ("9" * 35 + "." + "9" * 30, "9" * 35 + "." + "9" * 30),
            ("-" + "9" * 35 + "." + "9" * 30, "-" + "9" * 35 + "." + "9" * 30),
            ("1e-30", "0." + "0" * 29 + "1"),
        ],
    ),
    Family(
        "FLOAT",
        [
            ("0.1", 0.1),
            ("16777217", 16777216.0),
            ("3.4028234e38", 3.4028235e38),
            ("1.17549435e-38", 1.1754944e-38),
            ("-1.5", -1.5),
            ("123456.79", 123456.79),
            ("0", 0.0),
        ],
        key=False,
    ),
    Family("FLOAT(7,2)", [("12345.67", 12345.67)], key=False),
    Family(
        "DOUBLE",
        [
            ("0.1", 0.1),
            ("1.7976931348623157e308", 1.7976931348623157e308),
            ("5e-324", 5e-324),
            ("-2.2250738585072014e-308", -2.2250738585072014e-308),
            ("123456789.12345678", 123456789.12345678),
        ],
        key=False,
    ),
    Family("DOUBLE(10,3)", [("1.005", 1.005)], key=False),
    Family("BIT(1)", [("b'1'", "1"), ("b'0'", "0")]),
    Family("BIT(10)", [("b'1000000001'", "1000000001"), ("b'11'", "0000000011")]),
    Family("BIT(64)", [("18446744073709551615", "1" * 64), ("1", "0" * 63 + "1")]),
    Family("DATE", [("'2024-02-29'", "2024-02-29"), ("'1000-01-01'", "1000-01-01"), ("'9999-12-31'", "9999-12-31")]),
    Family("DATE", [("'0000-00-00'", "0000-00-00"), ("'2024-00-00'", "2024-00-00")]),
    Family(
        "TIME", [("'00:00:00'", "00:00:00"), ("'-838:59:59'", "-838:59:59"), ("'838:59:59'", "838:59:59")], key=True
    ),
    Family("TIME(1)", [("'-00:00:00.1'", "-00:00:00.1"), ("'12:34:56.7'", "12:34:56.7")]),
    Family("TIME(3)", [("'-12:34:56.789'", "-12:34:56.789"), ("'00:00:01.001'", "00:00:01.001")]),
    Family(
        "TIME(6)",
        [
            ("'-00:00:00.000001'", "-00:00:00.000001"),
            ("'-01:00:00'", "-01:00:00.000000"),
            ("'838:59:58.999999'", "838:59:58.999999"),
        ],
    ),
    Family("DATETIME", [("'2024-01-31 12:34:56'", "2024-01-31T12:34:56"), ("'0000-00-00'", "0000-00-00T00:00:00")]),
    Family("DATETIME(1)", [("'2024-01-31 12:34:56.7'", "2024-01-31T12:34:56.7")]),
    Family("DATETIME(3)", [("'9999-12-31 23:59:59.999'", "9999-12-31T23:59:59.999")]),
    Family("DATETIME(6)", [("'1000-01-01 00:00:00.000001'", "1000-01-01T00:00:00.000001")]),
    Family(
        "TIMESTAMP NULL",
        [
            ("'1970-01-01 00:00:01'", "1970-01-01T00:00:01Z"),
            ("'2038-01-19 03:14:07'", "2038-01-19T03:14:07Z"),
            ("'0000-00-00'", "0000-00-00T00:00:00Z"),
        ],
        key=False,
    ),
    Family("TIMESTAMP(2) NULL", [("'2024-01-31 12:34:56.78'", "2024-01-31T12:34:56.78Z")], key=False),
    Family("TIMESTAMP(6) NULL", [("'2024-06-30 12:34:56.000009'", "2024-06-30T12:34:56.000009Z")], key=False),
    Family("CHAR(10)", [("'a  '", "a"), ("''", ""), ("'ünï😀'", "ünï😀")]),
    Family("CHAR(255)", [(_text("ä" * 255), "ä" * 255)], key=False),
    Family("VARCHAR(20)", [("'a  '", "a  "), (_text('q"\\\n\t\x01'), 'q"\\\n\t\x01'), ("'😀'", "😀")]),
    Family("VARCHAR(300)", [(_text("x" * 300), "x" * 300), (_text("é" * 200), "é" * 200)], key=False),
    Family("VARCHAR(20) CHARACTER SET utf8mb3", [("'añ'", "añ")]),
    Family("VARCHAR(20) CHARACTER SET ascii", [("'plain'", "plain")]),
    Family("VARCHAR(20) CHARACTER SET utf16", [("'aä😀'", "aä😀")]),
    Family("VARCHAR(20) CHARACTER SET ucs2", [("'aä'", "aä")]),
    Family("VARCHAR(20) CHARACTER SET utf32", [("'aä😀'", "aä😀")]),
    Family("VARCHAR(20) CHARACTER SET gbk", [("'汉字'", "汉字")]),
    Family("VARCHAR(20) CHARACTER SET sjis", [("'日本'", "日本"), ("'ｱ'", "ｱ"), ("''", "")]),
    Family("VARCHAR(20) CHARACTER SET ujis", [("'日本'", "日本"), ("'ｱ'", "ｱ"), ("'a'", "a")]),
    Family("VARCHAR(20) CHARACTER SET euckr", [("'한국'", "한국"), ("'똠'", "똠"), ("'a'", "a")]),
    Family("VARCHAR(20) CHARACTER SET big5", [("'漢字'", "漢字"), ("'碁'", "碁")]),
    Family("CHAR(5) CHARACTER SET macroman", [("'∞'", "∞"), ("'é'", "é")]),
    Family("VARCHAR(20) CHARACTER SET cp1251", [("'Привет'", "Привет")]),
    Family("CHAR(5) CHARACTER SET latin2", [("'łódź'", "łódź")]),
    Family("TEXT CHARACTER SET cp932", [("'日本'", "日本")], key=False),
    Family("TINYTEXT", [("'t'", "t")], key=False),
    Family("TEXT", [(_text("y" * 70 + "€"), "y" * 70 + "€"), ("''", "")], key=False),
    Family("MEDIUMTEXT", [(_text("z" * 70000), "z" * 70000)], key=False),
    Family("LONGTEXT", [("'long'", "long")], key=False),
    Family("BINARY(4)", [("X'00ff0000'", "AP8AAA=="), ("X'61'", "YQAAAA=="), ("X''", "AAAAAA==")]),
    Family("VARBINARY(8)", [("X'00ff00'", "AP8A"), ("X''", ""), ("X'2020'", "ICA=")]),
    Family("BLOB", [("X'deadbeef00'", "3q2+7wA=")], key=False),
    Family("TINYBLOB", [("X'01'", "AQ==")], key=False),
    Family("LONGBLOB", [("REPEAT(X'ab', 70000)", None)], key=False),
    Family("ENUM('a','b''c','d,e','ü')", [("'a'", "a"), ("'b''c'", "b'c"), ("4", "ü"), ("'d,e'", "d,e")]),
    Family("ENUM('x','y') CHARACTER SET latin1", [("'y'", "y")]),
    Family("SET('a','b','c','d','e','f','g','h','i')", [("'a,c'", "a,c"), ("''", ""), ("511", "a,b,c,d,e,f,g,h,i")]),
    Family(
        "POINT", [("ST_GeomFromText('POINT(1 2)')", None), ("ST_GeomFromText('POINT(1 2)', 4326)", None)], key=False
    ),
    Family("VECTOR(3)", [("STRING_TO_VECTOR('[1,2,3]')", "AACAPwAAAEAAAEBA")], engine="mysql", key=False),
    Family(
        "UUID", [(_text("123e4567-e89b-12d3-a456-426655440000"), "123e4567-e89b-12d3-a456-426655440000")], "mariadb"
    ),
    Family(
        "UUID",
        [
            (_text("ffffffff-ffff-4fff-bfff-ffffffffffff"), "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            (_text("0190163d-8694-739b-aea5-966c26f8ad91"), "0190163d-8694-739b-aea5-966c26f8ad91"),
            (_text("00000000-0000-0000-0000-000000000000"), "00000000-0000-0000-0000-000000000000"),
            (_text("00000000-0000-0000-0000-000000000001"), "00000000-0000-0000-0000-000000000001"),
            (_text("12345678-9abc-1def-0123-456789abcdef"), "12345678-9abc-1def-0123-456789abcdef"),
        ],
        "mariadb",
    ),
    Family(
        "INET6",
        [
            ("'::1'", "::1"),
            ("'::ffff:1.2.3.4'", "::ffff:1.2.3.4"),
            ("'2001:db8:0:0:1:0:0:1'", "2001:db8::1:0:0:1"),
            ("'::1.2.3.4'", "::1.2.3.4"),
            ("'1:0:0:2::'", "1:0:0:2::"),
        ],
        "mariadb",
    ),
    Family("INET4", [("'192.168.0.1'", "192.168.0.1"), ("'0.0.0.0'", "0.0.0.0")], "mariadb"),
    Family("JSON", [('\'{"b": 1,  "a":[1.0,null]}\'', '{"b": 1,  "a":[1.0,null]}')], "mariadb", key=False),
    Family(
        "JSON",
        [
            ('\'{"bb":1,"a":[true,false,null,"x"]}\'', '{"a": [true, false, null, "x"], "bb": 1}'),
            ("'[]'", "[]"),
            ("'{}'", "{}"),
            ("'null'", "null"),
            ('\'"q\\\\"\\\\u0001ü😀\\\\/"\'', '"q\\"\\u0001ü😀/"'),
            ("'[0,-1,127,32768,-32769,2147483648,-2147483649,9223372036854775807]'", None),
            (
                "'[18446744073709551615,18446744073709551616,1.0,1e2,1.5e300,1e-300,0.1,-0.0,100000000000000000000]'",
                None,
            ),
            (
                "JSON_ARRAY(CAST(1.10 AS DECIMAL(10,2)), CAST('2024-01-31' AS DATE), CAST('12:34:56.7' AS TIME(1)))",
                None,
            ),
            ("JSON_ARRAY(CAST('2024-01-31 12:34:56' AS DATETIME), CAST('-12:34:56' AS TIME), X'6162', b'101')", None),
            ("JSON_OBJECT('big', REPEAT('x', 70000), 'k', 1)", None),
            ("JSON_OBJECT('', '', 'é', JSON_OBJECT('n', JSON_ARRAY(JSON_ARRAY())))", None),
            ("CAST(1 AS JSON)", "1"),
        ],
        "mysql",
        key=False,
    ),
]


def _exact(value: Any) -> str:
    return orjson.dumps(value).decode()


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_snapshot_stream_and_source_agree(engine: str, request: pytest.FixtureRequest) -> None:
    """The same rows inserted before and during capture, in one table per type."""
    server: servers.MySQL = request.getfixturevalue(engine)
    families = [family for family in FAMILIES if family.engine in ("", engine)]
    with server.database() as database:
        database.execute("SET SESSION sql_mode = ''")
        for number, family in enumerate(families):
            values = [sql for sql, _ in family.values]
            database.execute(f"CREATE TABLE t{number} (id INT PRIMARY KEY, v {family.type})")
            for row, sql in enumerate([*values, "NULL"]):
                database.execute(f"INSERT INTO t{number} VALUES ({row}, {sql})")
        with capturing(database) as capture:
            assert [table.reason for table in capture.opened.tables if table.state != "streaming"] == []  # type: ignore[union-attr]
            reader = capture.reader()
            snapshot: dict[str, dict[bytes, bytes]] = {}
            for number in range(len(families)):
                chunk = read_chunk(reader, capture.topic(f"t{number}"), None, 100, 1 << 24)
                assert chunk.after is None
                snapshot[f"t{number}"] = {key: row for key, row in chunk.rows if key is not None}
            reader.close()
            for number in range(len(families)):
                database.execute(f"CREATE TABLE copy (id INT, v {families[number].type})")
                database.execute(f"INSERT INTO copy SELECT * FROM t{number}")
                database.execute(f"DELETE FROM t{number}")
                database.execute(f"INSERT INTO t{number} SELECT * FROM copy ORDER BY id")
                database.execute("DROP TABLE copy")
            events = [event for event in capture.catch_up() if event.op == "c"]
    problems: list[str] = []
    for number, family in enumerate(families):
        rows = [event for event in events if event.table == f"t{number}"]
        stream = {event.key: event.after_json() for event in rows}
        selected = snapshot[f"t{number}"]
        if stream != selected:
            problems.append(f"{family.type}: stream {str(stream)[:600]} snapshot {str(selected)[:600]}")
        got = [event.value["after"]["v"] for event in rows if event.value]
        wanted = [*(value for _, value in family.values), None]
        for have, want in zip(got, wanted, strict=True):
            if want is not None and _exact(have) != _exact(want):
                problems.append(f"{family.type}: {have!r} instead of {want!r}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_chunks_go_by_every_type_of_key(engine: str, request: pytest.FixtureRequest) -> None:
    """A table whose primary key is the column, read one row at a time: every row comes once."""
    server: servers.MySQL = request.getfixturevalue(engine)
    families = [f for f in FAMILIES if f.engine in ("", engine) and f.key and len(f.values) > 1]
    with server.database() as database:
        database.execute("SET SESSION sql_mode = ''")
        for number, family in enumerate(families):
            database.execute(f"CREATE TABLE t{number} (n INT, v {family.type} NOT NULL, PRIMARY KEY (v, n))")
            for row, (sql, _) in enumerate(family.values):
                database.execute(f"INSERT INTO t{number} VALUES ({row}, {sql}), ({row + 100}, {sql})")
        with capturing(database) as capture:
            reader = capture.reader()
            for number, family in enumerate(families):
                rows: list[bytes] = []
                after: str | None = None
                for _ in range(2 * len(family.values) + 1):
                    chunk = read_chunk(reader, capture.topic(f"t{number}"), after, 1, 1 << 20)
                    rows += [row for _, row in chunk.rows]
                    after = chunk.after
                    if after is None:
                        break
                assert after is None, family.type
                assert len(rows) == len(set(rows)) == 2 * len(family.values), family.type
                wanted = sorted(_exact(value) for _, value in family.values for _ in range(2))
                assert sorted(_exact(orjson.loads(row)["v"]) for row in rows) == wanted, family.type
            reader.close()


def _doubles() -> list[float]:
    """Of all sizes, among them those around the places where servers and Python begin to write exponents."""
    generator = random.Random(20240131)
    doubles = [struct.unpack("<d", generator.randbytes(8))[0] for _ in range(3000)]
    doubles += [generator.uniform(-1, 1) * 10 ** generator.randrange(-20, 20) for _ in range(2000)]
    doubles += [float(10**n) for n in range(23)] + [10.0**-n for n in range(1, 23)]
    doubles += [float(f"1.5e{n}") for n in range(-20, 20)]
    return [value for value in doubles if value - value == 0]


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_selected_doubles_are_written_as_python_writes_them(engine: str, request: pytest.FixtureRequest) -> None:
    """Most of them as the server has printed them."""
    generator = random.Random(20240131)
    doubles = _doubles() + [generator.uniform(-1, 1) * 10 ** generator.randrange(-6, 17) for _ in range(5000)]
    with request.getfixturevalue(engine).database() as database:
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, v DOUBLE)")
        database.executemany("INSERT INTO t VALUES (%s, %s)", list(enumerate(doubles)))
        with capturing(database) as capture:
            reader = capture.reader()
            selected = dict(reader.rows(capture.topic("t")))
            reader.close()
    wanted = {b'{"id":%d}' % n: f'{{"id":{n},"v":{value!r}}}'.encode() for n, value in enumerate(doubles)}
    assert len(selected) == len(wanted)
    assert [(selected[key], row) for key, row in wanted.items() if selected[key] != row] == []


def test_json_numbers_print_as_the_server_prints_them(mysql: servers.MySQL) -> None:
    """Doubles of all sizes, and integers at the edges of their binary forms."""
    numbers = [repr(value) for value in _doubles()]
    numbers += [
        str(sign * (1 << bits) + off) for bits in (7, 8, 15, 16, 31, 32, 63) for sign in (1, -1) for off in (-1, 0)
    ]
    with mysql.database() as database:
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, v JSON)")
        with capturing(database) as capture:
            for start in range(0, len(numbers), 500):
                document = "[" + ",".join(numbers[start : start + 500]) + "]"
                database.execute("INSERT INTO t VALUES (%s, %s)", (start, document))
            stream = {event.key: event.after_json() for event in capture.catch_up()}
            reader = capture.reader()
            selected = dict(read_chunk(reader, capture.topic("t"), None, 100, 1 << 24).rows)
            reader.close()
        assert len(stream) == (len(numbers) + 499) // 500
        assert stream == selected
