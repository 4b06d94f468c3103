"""A table `types` with every common column type of MySQL, MariaDB and PostgreSQL, and values that others damage."""

from __future__ import annotations

from typing import Any

from tests.pipelines.workload import is_mysql
from tests.servers import Database

_TEXT = 'it\'s "quoted" back\\slash\ttab\nline ümläut 😀 '
_MYSQL = {
    "yes": ("BOOLEAN", 1, 0),
    "tiny": ("TINYINT", -128, 127),
    "utiny": ("TINYINT UNSIGNED", 0, 255),
    "small": ("SMALLINT", -32768, 32767),
    "medium": ("MEDIUMINT", -8388608, 8388607),
    "umedium": ("MEDIUMINT UNSIGNED", 0, 16777215),
    "normal": ("INT", -(2**31), 2**31 - 1),
    "unormal": ("INT UNSIGNED", 0, 2**32 - 1),
    "big": ("BIGINT", -(2**63), 2**63 - 1),
    "ubig": ("BIGINT UNSIGNED", 0, 2**64 - 1),
    "exact": ("DECIMAL(38,10)", "-9999999999999999999999999999.9999999999", "0.0000000001"),
    "widest": ("DECIMAL(65,30)", "12345678901234567890123456789012345.123456789012345678901234567890", "0"),
    "narrow": ("FLOAT", "-1.17549e-38", "16777216"),
    "wide": ("DOUBLE", "1.7976931348623157e308", "0.1"),
    "bit1": ("BIT(1)", b"\x01", b"\x00"),
    "bits": ("BIT(12)", b"\x0a\xaa", b"\x00\x01"),
    "letters": ("CHAR(10)", "ab", ""),
    "words": ("VARCHAR(60)", _TEXT, ""),
    "western": ("VARCHAR(20) CHARACTER SET latin1", "äöüß€", "plain"),
    "prose": ("MEDIUMTEXT", _TEXT * 500, ""),
    "fixed": ("BINARY(8)", b"\x00\xff\x80\x00\x00\x00\x00\x00", b"abcdefgh"),
    "bytes": ("VARBINARY(20)", b"\x00\xff trailing\x00", b""),
    "large": ("MEDIUMBLOB", bytes(range(256)) * 40, b""),
    "day": ("DATE", "1000-01-01", "9999-12-31"),
    "lasting": ("TIME(6)", "-838:59:58.999999", "838:59:59.000000"),
    "moment": ("DATETIME(6)", "1000-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"),
    "plain_moment": ("DATETIME", "2024-02-29 23:59:59", "1999-12-31 00:00:00"),
    "instant": ("TIMESTAMP(6) NULL", "1970-01-01 00:00:01.000001", "2038-01-19 03:14:07.999999"),
    "vintage": ("YEAR", 1901, 2155),
    "choice": ("ENUM('small','it''s','größer')", "it's", "größer"),
    "choices": ("SET('a','b','c')", "a,c", ""),
    "document": ("JSON", '{"a": [1, 2.5, null, "ü"], "big": 18446744073709551615}', "[]"),
}
_POSTGRES = {
    "yes": ("boolean", True, False),
    "small": ("smallint", -32768, 32767),
    "normal": ("integer", -(2**31), 2**31 - 1),
    "big": ("bigint", -(2**63), 2**63 - 1),
    "exact": ("numeric(38,10)", "-9999999999999999999999999999.9999999999", "0.0000000001"),
    "unbounded": ("numeric", "1e-40", "123456789012345678901234567890123456789012345678901234567890.5"),
    "narrow": ("real", "1.17549435e-38", "16777216"),
    "wide": ("double precision", "1.7976931348623157e308", "0.1"),
    "letters": ("char(10)", "ab", ""),
    "words": ("varchar(60)", _TEXT, ""),
    "prose": ("text", _TEXT * 500, ""),
    "bytes": ("bytea", b"\x00\xff trailing\x00", b""),
    "large": ("bytea", bytes(range(256)) * 40, b""),
    "day": ("date", "1000-01-01", "9999-12-31"),
    "hour": ("time(6)", "00:00:00.000001", "23:59:59.999999"),
    "hour_zone": ("timetz", "23:59:59.999999+05:30", "00:00:00-11:00"),
    "moment": ("timestamp", "1000-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"),
    "instant": ("timestamptz", "1970-01-01 00:00:00.000001+00", "2999-12-31 23:59:59.999999+00"),
    "lasting": ("interval", "-1 year 2 days -03:04:05.000006", "0"),
    "unique_id": ("uuid", "00000000-0000-0000-0000-000000000001", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
    "document": ("json", '{"b": 1,  "a": [1, 2.50, null, "ü"], "b": 2}', "[]"),
    "tree": ("jsonb", '{"a": [1, 2.50, null, "ü"], "big": 12345678901234567890.1234567890}', '"text"'),
    "numbers": ("integer[]", "{1,NULL,-3}", "{}"),
    "lines": ("text[]", '{"a,b","with \\"quotes\\"",NULL,""}', "{{a},{b}}"),
    "address": ("inet", "192.168.0.1/24", "2001:db8::1"),
    "network": ("cidr", "10.0.0.0/8", "::/0"),
    "hardware": ("macaddr", "08:00:2b:01:02:03", "00:00:00:00:00:00"),
    "bits": ("bit(12)", "101010101010", "000000000001"),
    "some_bits": ("varbit", "1", ""),
    "price": ("money", "-92233720368547758.08", "0.01"),
    "span": ("int4range", "[1,10)", "empty"),
    "place": ("point", "(1.5,-2.25)", "(0,0)"),
    "mood": ("mood", "it's", "größer"),
    "percent": ("percent", 0, 100),
}

#: By source and sink: SQL on the target and what it must give for the first and the second row. Written by hand from
#: what went in, not with the product's own conversions.
EXACT: dict[str, dict[str, dict[str, list[Any]]]] = {
    "mysql": {
        "pg": {
            "ubig::text": ["0", "18446744073709551615"],
            "big::text": ["-9223372036854775808", "9223372036854775807"],
            "exact::text": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
            "widest::text": [
                "12345678901234567890123456789012345.123456789012345678901234567890",
                "0.000000000000000000000000000000",
            ],
            "words": [_TEXT, ""],
            "western": ["äöüß€", "plain"],
            "encode(bytes, 'hex')": ["00ff20747261696c696e6700", ""],
            "bits::text": ["101010101010", "000000000001"],
            "moment::text": ["1000-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"],
            "lasting::text": ["-838:59:58.999999", "838:59:59"],
            "(instant AT TIME ZONE 'UTC')::text": ["1970-01-01 00:00:01.000001", "2038-01-19 03:14:07.999999"],
            "choice": ["it's", "größer"],
            "wide::text": ["1.7976931348623157e+308", "0.1"],
        },
        "my": {
            "CAST(ubig AS CHAR)": ["0", "18446744073709551615"],
            "CAST(exact AS CHAR)": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
            "words": [_TEXT, ""],
            "HEX(bytes)": ["00FF20747261696C696E6700", ""],
            "HEX(fixed)": ["00FF800000000000", "6162636465666768"],
            "HEX(bits)": ["AAA", "1"],
            "CAST(moment AS CHAR)": ["1000-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"],
            "CAST(lasting AS CHAR)": ["-838:59:58.999999", "838:59:59.000000"],
            "choices": ["a,c", ""],
            "choice": ["it's", "größer"],
            "CAST(vintage AS SIGNED)": [1901, 2155],
        },
        "lite": {
            "ubig": [0, "18446744073709551615"],
            "exact": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
            "words": [_TEXT, ""],
            "hex(bytes)": ["00FF20747261696C696E6700", ""],
            "moment": ["1000-01-01T00:00:00.000001", "9999-12-31T23:59:59.999999"],
            "instant": ["1970-01-01T00:00:01.000001Z", "2038-01-19T03:14:07.999999Z"],
            "wide": [1.7976931348623157e308, 0.1],
        },
    },
    "postgres": {
        "pg": {
            "big::text": ["-9223372036854775808", "9223372036854775807"],
            "exact::text": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
            "unbounded::text": [
                "0.0000000000000000000000000000000000000001",
                "123456789012345678901234567890123456789012345678901234567890.5",
            ],
            "words": [_TEXT, ""],
            "letters::text || '|'": ["ab|", "|"],
            "encode(bytes, 'hex')": ["00ff20747261696c696e6700", ""],
            "moment::text": ["1000-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"],
            "(instant AT TIME ZONE 'UTC')::text": ["1970-01-01 00:00:00.000001", "2999-12-31 23:59:59.999999"],
            "lasting::text": ["-1 years +2 days -03:04:05.000006", "00:00:00"],
            "hour_zone::text": ["23:59:59.999999+05:30", "00:00:00-11"],
            "document::text": ['{"b": 1,  "a": [1, 2.50, null, "ü"], "b": 2}', "[]"],
            "tree::text": ['{"a": [1, 2.50, null, "ü"], "big": 12345678901234567890.1234567890}', '"text"'],
            "lines::text": ['{"a,b","with \\"quotes\\"",NULL,""}', "{{a},{b}}"],
            "wide::text": ["1.7976931348623157e+308", "0.1"],
            "mood::text": ["it's", "größer"],
        },
        "my": {
            "CAST(big AS CHAR)": ["-9223372036854775808", "9223372036854775807"],
            "CAST(exact AS CHAR)": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
            "unbounded": [
                "0.0000000000000000000000000000000000000001",
                "123456789012345678901234567890123456789012345678901234567890.5",
            ],
            "words": [_TEXT, ""],
            "HEX(bytes)": ["00FF20747261696C696E6700", ""],
            "CAST(moment AS CHAR)": ["1000-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"],
            "CAST(instant AS CHAR)": ["1970-01-01 00:00:00.000001", "2999-12-31 23:59:59.999999"],
            "unique_id": ["00000000-0000-0000-0000-000000000001", "ffffffff-ffff-4fff-bfff-ffffffffffff"],
            "document": ['{"b": 1,  "a": [1, 2.50, null, "ü"], "b": 2}', "[]"],
            "address": ["192.168.0.1/24", "2001:db8::1"],
            "mood": ["it's", "größer"],
        },
        "lite": {
            "big": [-(2**63), 2**63 - 1],
            "exact": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
            "words": [_TEXT, ""],
            "hex(bytes)": ["00FF20747261696C696E6700", ""],
            "instant": ["1970-01-01T00:00:00.000001Z", "2999-12-31T23:59:59.999999Z"],
            "tree": ['{"a": [1, 2.50, null, "ü"], "big": 12345678901234567890.1234567890}', '"text"'],
            "numbers": ["{1,NULL,-3}", "{}"],
            "wide": [1.7976931348623157e308, 0.1],
        },
    },
}


def create(database: Database) -> None:
    """The table with its rows: one end of each type's range, the other, and nothing."""
    columns = _MYSQL if is_mysql(database) else _POSTGRES
    if not is_mysql(database):
        database.script(
            "CREATE TYPE mood AS ENUM ('small', 'it''s', 'größer')",
            "CREATE DOMAIN percent AS smallint CHECK (VALUE BETWEEN 0 AND 100)",
        )
    declared = ", ".join(f"{name} {column[0]}" for name, column in columns.items())
    database.execute(f"CREATE TABLE types (id INT PRIMARY KEY, {declared})")
    for number in (1, 2):
        _insert(database, number, [column[number] for column in columns.values()])
    _insert(database, 3, [None] * len(columns))


def _insert(database: Database, number: int, values: list[Any]) -> None:
    with database.transaction() as cursor:
        if is_mysql(database):
            cursor.execute("SET time_zone = '+00:00'")
        marks = ", ".join(["%s"] * (len(values) + 1))
        cursor.execute(f"INSERT INTO types VALUES ({marks})", (number, *values))


def copy_live(database: Database) -> None:
    """The same rows once more, now through the log: inserted with 100 added to the key, as updates with 200 added."""
    columns = list(_MYSQL if is_mysql(database) else _POSTGRES)
    names = ", ".join(columns)
    database.execute(f"INSERT INTO types SELECT id + 100, {names} FROM (SELECT * FROM types) t WHERE id < 100")
    database.execute("INSERT INTO types (id) VALUES (201), (202), (203)")
    if is_mysql(database):
        assignments = ", ".join(f"new.{name} = old.{name}" for name in columns)
        database.execute(f"UPDATE types new JOIN types old ON new.id = old.id + 200 SET {assignments}")
    else:
        assignments = ", ".join(f"{name} = old.{name}" for name in columns)
        database.execute(f"UPDATE types new SET {assignments} FROM types old WHERE new.id = old.id + 200")
