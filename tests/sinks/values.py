"""A column of every kind with values at its edges, as MySQL's and PostgreSQL's sources give them."""

from __future__ import annotations

from typing import Any

from tailrace.schema import Column, Kind
from tests.sinks import column

MYSQL_VALUES: dict[str, tuple[Column, list[Any]]] = {
    "ti": (column(1, "ti", Kind.INTEGER, "tinyint", size=8), [-128, 127, 0]),
    "tu": (column(2, "tu", Kind.INTEGER, "tinyint unsigned", size=8, unsigned=True), [255, 0]),
    "si": (column(3, "si", Kind.INTEGER, "smallint", size=16), [-32768, 32767]),
    "mi": (column(4, "mi", Kind.INTEGER, "mediumint unsigned", size=24, unsigned=True), [16777215]),
    "ii": (column(5, "ii", Kind.INTEGER, "int", size=32), [-(2**31), 2**31 - 1]),
    "bi": (column(6, "bi", Kind.INTEGER, "bigint", size=64), [-(2**63), 2**63 - 1]),
    "bu": (column(7, "bu", Kind.INTEGER, "bigint unsigned", size=64, unsigned=True), [2**64 - 1]),
    "de": (
        column(8, "de", Kind.DECIMAL, "decimal(65,30)", size=65, scale=30),
        ["9" * 35 + "." + "9" * 30, "-0.000000000000000000000000000001", "0." + "0" * 30],
    ),
    "d0": (column(9, "d0", Kind.DECIMAL, "decimal(10,0)", size=10), ["-9999999999", "0"]),
    "fl": (column(10, "fl", Kind.FLOAT, "float", size=32), [0.1, 3.4028235e38, -1.1754944e-38, 16777216.0, 1.5]),
    "do": (column(11, "do", Kind.FLOAT, "double", size=64), [0.1, 1.7976931348623157e308, 5e-324, -2.5, 1e22]),
    "vc": (column(12, "vc", Kind.TEXT, "varchar(200)", size=200), ["", " x ", 'it\'s \\ "q" \n\0', "𝄞" * 200]),
    "ch": (column(13, "ch", Kind.TEXT, "char(3)", size=3, fixed=True), ["", "abc", "é"]),
    "tx": (column(14, "tx", Kind.TEXT, "text", size=65535), ["", "y" * 65535]),
    "lt": (column(15, "lt", Kind.TEXT, "longtext"), ["ß" * 100_000]),
    "bn": (column(16, "bn", Kind.BYTES, "binary(4)", size=4, fixed=True), ["AAAAAA==", "/wD/AA=="]),
    "vb": (column(17, "vb", Kind.BYTES, "varbinary(20)", size=20), ["", "AA==", "J1wi"]),
    "bb": (column(18, "bb", Kind.BYTES, "blob", size=65535), ["", "AAECAycA"]),
    "bt": (column(19, "bt", Kind.BITS, "bit(9)", size=9), ["000000000", "111111111", "000000101"]),
    "b6": (column(20, "b6", Kind.BITS, "bit(64)", size=64), ["1" * 64, "0" * 64]),
    "da": (column(21, "da", Kind.DATE, "date"), ["0000-00-00", "2024-00-00", "2024-02-31", "1000-01-01", "9999-12-31"]),
    "t0": (column(22, "t0", Kind.TIME, "time"), ["-838:59:59", "838:59:59", "00:00:00"]),
    "t6": (column(23, "t6", Kind.TIME, "time(6)", size=6), ["-01:00:00.000001", "12:34:56.120000"]),
    "dt": (column(24, "dt", Kind.TIMESTAMP, "datetime", size=0), ["0000-00-00T00:00:00", "9999-12-31T23:59:59"]),
    "d3": (
        column(25, "d3", Kind.TIMESTAMP, "datetime(3)", size=3),
        ["2024-01-31T12:34:56.120", "1000-01-01T00:00:00.000"],
    ),
    "ts": (
        column(26, "ts", Kind.TIMESTAMPTZ, "timestamp(6)", size=6),
        ["1970-01-01T00:00:01.000000Z", "2038-01-19T03:14:07.999999Z", "0000-00-00T00:00:00.000000Z"],
    ),
    "ye": (column(27, "ye", Kind.YEAR, "year"), [0, 1901, 2155]),
    "js": (
        column(28, "js", Kind.JSON, "json"),
        [
            '{"a": 1, "b": [true, null, "it\'s \\\\ \\" \\n"], "long": {"x y": 0.1}}',
            '{"p": 1.10, "q": [12345678901234567890123.50, {"k\\"\\\\.[0]": 0.0000001000}], "z": 1e100}',
            "100000000000000000000000000000",
            "3.0",
            '"text"',
            "18446744073709551615",
        ],
    ),
    "en": (
        column(29, "en", Kind.ENUM, "enum('a','it''s')", labels=("a", "it's", "b\\c", "1")),
        ["a", "it's", "b\\c", "1"],
    ),
    "se": (column(30, "se", Kind.SET, "set('x','y','z')", labels=("x", "y", "z")), ["", "x", "x,z"]),
    "ge": (column(31, "ge", Kind.BYTES, "geometry"), ["AAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAQA=="]),
    "uu": (column(32, "uu", Kind.UUID, "uuid"), ["123e4567-e89b-12d3-a456-426614174000"]),
    "ot": (column(33, "ot", Kind.OTHER, "inet6"), ["::1"]),
}

POSTGRES_VALUES: dict[str, tuple[Column, list[Any]]] = {
    "bo": (column(1, "bo", Kind.BOOLEAN), [True, False]),
    "oi": (column(2, "oi", Kind.INTEGER, "oid", size=32, unsigned=True), [2**32 - 1]),
    "nu": (column(3, "nu", Kind.DECIMAL, "numeric"), ["NaN", "-Infinity", "1" * 131 + "." + "5" * 40, "0.10"]),
    "n2": (column(4, "n2", Kind.DECIMAL, "numeric(12,2)", size=12, scale=2), ["12.50", "-9999999999.99"]),
    "nn": (column(5, "nn", Kind.DECIMAL, "numeric(2,-3)", size=2, scale=-3), ["99000", "-1000", "0"]),
    "ns": (column(6, "ns", Kind.DECIMAL, "numeric(3,5)", size=3, scale=5), ["0.00123"]),
    "nb": (column(7, "nb", Kind.DECIMAL, "numeric(80,40)", size=80, scale=40), ["1." + "1" * 40]),
    "te": (column(8, "te", Kind.TEXT, "text"), ["", " ", "x" * 70_000]),
    "cp": (column(9, "cp", Kind.TEXT, "character(5)", size=5, fixed=True), ["a    ", "     "]),
    "by": (column(10, "by", Kind.BYTES, "bytea"), ["", "AP8="]),
    "bf": (column(11, "bf", Kind.BITS, "bit(3)", size=3, fixed=True), ["010"]),
    "bv": (column(12, "bv", Kind.BITS, "bit varying(9)", size=9), ["", "0", "000000001"]),
    "bw": (column(13, "bw", Kind.BITS, "bit(100)", size=100, fixed=True), ["01" * 50]),
    "bu": (column(14, "bu", Kind.BITS, "bit varying"), ["01" * 500]),
    "da": (column(15, "da", Kind.DATE), ["0001-01-01", "9999-12-31"]),
    "ti": (column(16, "ti", Kind.TIME, size=6), ["00:00:00", "24:00:00", "12:34:56.5", "12:34:56.123456", "12:34:50"]),
    "tz": (column(17, "tz", Kind.TIMETZ, size=6), ["12:34:56.5+02:00"]),
    "ts": (
        column(18, "ts", Kind.TIMESTAMP, size=6),
        ["2024-01-31T12:34:50", "2024-01-31T12:34:56.12", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"],
    ),
    "tt": (
        column(19, "tt", Kind.TIMESTAMPTZ, size=6),
        ["1900-01-01T00:00:00Z", "2024-01-31T12:34:56.120003Z", "9999-12-31T23:59:59.5Z"],
    ),
    "iv": (column(20, "iv", Kind.INTERVAL), ["P1Y2M3DT4H5M6.5S"]),
    "js": (column(21, "js", Kind.JSON, "jsonb"), ['{"b": 1.10, "a": 1, "a":2}', "null"]),
    "uu": (column(22, "uu", Kind.UUID), ["123e4567-e89b-12d3-a456-426614174000"]),
    "en": (column(23, "en", Kind.ENUM, "mood", labels=("sad", "added later")), ["sad", "added later"]),
    "ot": (column(24, "ot", Kind.OTHER, "tsrange"), ['["2024-01-01 00:00:00",)']),
    "f4": (column(25, "f4", Kind.FLOAT, "real", size=32), [1e-45, 0.3, 1e10]),
    "f8": (column(26, "f8", Kind.FLOAT, "double precision", size=64), [0.1 + 0.2]),
}
