"""The page of types: ``python -m tests.conformance.types_page docs/reference/types.md`` renews its tables.

What stands between ``<!-- types: … -->`` and ``<!-- end -->`` is made from the code that does it: the JSON form by the
sources' own converters, the columns of the targets by the sinks' own tables. The rest of the page is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tailrace import schema
from tailrace.schema import Type
from tailrace_dynamodb.codecs import codec
from tailrace_mysql import sink_types as mysql_sink
from tailrace_mysql.types import column_type, parse
from tailrace_mysql.types.charsets import carried
from tailrace_postgres import sink_types as postgres_sink
from tailrace_postgres.types import TypeEntry, converter, describe
from tailrace_sqlite import sink_types as sqlite_sink

_BLOCK = re.compile(r"(<!-- types: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_COLLATED = re.compile(r" CHARACTER SET .*| COLLATE .*")
_LONGEST = 48


def renewed(page: str) -> str:
    """The page with every table as the code has it now.

    Raises:
        KeyError: a marker names no table.
    """
    return _BLOCK.sub(lambda block: block[1] + "\n" + "\n".join(_TABLES[block[2]]()) + "\n\n" + block[3], page)


# ---- the kinds: the table of `tailrace.schema`


def _kinds() -> Iterator[str]:
    yield "| kind | JSON form |"
    yield "|---|---|"
    for line in (schema.__doc__ or "").split("\n"):
        kind, _, form = line.partition(" ")
        if kind in set(schema.Kind):
            yield f"| {kind} | {form.strip().replace('``', '`').replace('|', chr(92) + '|')} |"


# ---- MySQL and MariaDB

#: A declaration, and a value as the server gives it to a SELECT.
_MYSQL: tuple[tuple[str, bytes], ...] = (
    ("tinyint(1)", b"1"),
    ("tinyint", b"-128"),
    ("smallint unsigned", b"65535"),
    ("mediumint", b"-8388608"),
    ("int", b"42"),
    ("int unsigned zerofill", b"0000000042"),
    ("bigint", b"-9223372036854775808"),
    ("bigint unsigned", b"18446744073709551615"),
    ("year", b"2155"),
    ("decimal(12,2)", b"12.50"),
    ("decimal(65,30)", b"-0.000000000000000000000000000001"),
    ("float", b"0.10000000149011612"),
    ("double", b"1.7976931348623157e308"),
    ("bit(1)", b"\x01"),
    ("bit(12)", b"\x0a\xaa"),
    ("date", b"2024-02-29"),
    ("time", b"-838:59:59"),
    ("time(6)", b"12:34:56.500000"),
    ("datetime", b"2024-02-29 12:34:56"),
    ("datetime(6)", b"9999-12-31 23:59:59.999999"),
    ("timestamp", b"2038-01-19 03:14:07"),
    ("timestamp(3)", b"1970-01-01 00:00:01.001"),
    ("char(10)", b"text"),
    ("varchar(60)", "it's 漢字".encode()),
    ("varchar(60) character set latin1", b"\x80 \xe4"),
    ("tinytext", b"text"),
    ("text", b"text"),
    ("mediumtext", b"text"),
    ("longtext", b"text"),
    ("text character set gbk", "汉字".encode("gbk")),
    ("binary(4)", b"a"),
    ("varbinary(20)", b"\x00\xff"),
    ("tinyblob", b"\x00\xff"),
    ("blob", b"\x00\xff"),
    ("mediumblob", b"\x00\xff"),
    ("longblob", b"\x00\xff"),
    ("enum('small','it''s')", b"2"),
    ("set('a','b','c')", b"5"),
    ("json", b'{"a": [1, 2.50, null]}'),
    ("geometry", bytes(4) + bytes.fromhex("0101000000000000000000f03f0000000000000040")),
    ("point", bytes(4) + bytes.fromhex("0101000000000000000000f03f0000000000000040")),
    ("vector(3)", bytes.fromhex("0000803f0000004000004040")),
    ("uuid", b"123e4567-e89b-12d3-a456-426655440000"),
    ("inet6", b"2001:db8::1"),
    ("inet4", b"192.168.0.1"),
)


def _from_mysql() -> Iterator[str]:
    rows = []
    for text, value in _MYSQL:
        declared = parse(text)
        if not declared.charset and declared.base in ("char", "varchar", "tinytext", "text", "mediumtext", "longtext"):
            declared = parse(text, "utf8mb4")
        found = column_type(declared)
        rows.append((text, found.type, found.convert(value).decode()))
    return _table(rows, from_postgres=False)


def _charsets() -> Iterator[str]:
    yield ", ".join(f"`{name}`" for name in carried())


# ---- PostgreSQL


@dataclass(frozen=True)
class _Own:
    """A catalog with types of a user's own, and the system's by name."""

    names: dict[int, str]
    entries: dict[int, TypeEntry]

    def entry(self, oid: int) -> TypeEntry:
        return self.entries.get(oid) or TypeEntry(oid)

    def name(self, oid: int, modifier: int) -> str:
        return self.names[oid]


#: Name, OID, type modifier, and a value as the server prints it for us.
_POSTGRES: tuple[tuple[str, int, int, str], ...] = (
    ("boolean", 16, -1, "t"),
    ("smallint", 21, -1, "-32768"),
    ("integer", 23, -1, "42"),
    ("bigint", 20, -1, "9223372036854775807"),
    ("oid", 26, -1, "4294967295"),
    ("numeric(12,2)", 1700, 4 + (12 << 16 | 2), "12.50"),
    ("numeric(3,-2)", 1700, 4 + (3 << 16 | (-2 & 0x7FF)), "12300"),
    ("numeric(100,50)", 1700, 4 + (100 << 16 | 50), "0." + "0" * 49 + "1"),
    ("numeric", 1700, -1, "NaN"),
    ("real", 700, -1, "0.1"),
    ("double precision", 701, -1, "1.7976931348623157e+308"),
    ("double precision", 701, -1, "-Infinity"),
    ("text", 25, -1, "it's 漢字"),
    ("character varying(60)", 1043, 64, "text"),
    ("character(5)", 1042, 9, "ab   "),
    ('"char"', 18, -1, "x"),
    ("name", 19, -1, "pg_class"),
    ("bytea", 17, -1, "\\x00ff"),
    ("bit(12)", 1560, 12, "000010101010"),
    ("bit(100)", 1560, 100, "01" * 50),
    ("bit varying", 1562, -1, "0101"),
    ("date", 1082, -1, "2024-02-29"),
    ("date", 1082, -1, "0044-03-15 BC"),
    ("time without time zone", 1083, -1, "24:00:00"),
    ("time with time zone", 1266, -1, "12:34:56-08"),
    ("timestamp without time zone", 1114, -1, "2024-02-29 12:34:56.5"),
    ("timestamp with time zone", 1184, -1, "2024-02-29 12:34:56+00"),
    ("timestamp with time zone", 1184, -1, "infinity"),
    ("interval", 1186, -1, "P-1Y2DT-3H-4M-5.000006S"),
    ("json", 114, -1, '{"a":1,  "a":2}'),
    ("jsonb", 3802, -1, '{"a": 1.50}'),
    ("uuid", 2950, -1, "123e4567-e89b-12d3-a456-426655440000"),
    ("money", 790, -1, "-$1,234.56"),
    ("inet", 869, -1, "192.168.0.1/24"),
    ("cidr", 650, -1, "10.0.0.0/8"),
    ("macaddr", 829, -1, "08:00:2b:01:02:03"),
    ("macaddr8", 774, -1, "08:00:2b:01:02:03:04:05"),
    ("point", 600, -1, "(1.5,-2.25)"),
    ("polygon", 604, -1, "((0,0),(1,1),(2,0))"),
    ("xml", 142, -1, "<a/>"),
    ("tsvector", 3614, -1, "'a':1A 'b':2"),
    ("tsquery", 3615, -1, "'a' & !'b'"),
    ("pg_lsn", 3220, -1, "0/16B3748"),
    ("regclass", 2205, -1, "public.orders"),
    ("int4range", 3904, -1, "[1,10)"),
    ("tstzmultirange", 4534, -1, '{["2024-01-01 00:00:00+00",)}'),
    ("integer[]", 1007, -1, "{1,NULL,-3}"),
    ("text[]", 1009, -1, '{"a,b",NULL}'),
    ("public.mood (an enum)", 100_001, -1, "it's"),
    ("public.pair (a composite)", 100_002, -1, '(1,"a b")'),
    ("public.percent (a domain of smallint)", 100_003, -1, "50"),
    ("public.hstore (an extension's)", 100_004, -1, '"a"=>NULL'),
)


def _from_postgres() -> Iterator[str]:
    entries = {
        100_001: TypeEntry(100_001, "e", labels=("small", "it's")),
        100_002: TypeEntry(100_002, "c"),
        100_003: TypeEntry(100_003, "d", base=21),
    }
    rows = []
    for name, oid, modifier, value in _POSTGRES:
        # What stands in parentheses behind a blank is for the reader.
        names = {21: "smallint", oid: name.partition(" (")[0]}
        found = describe(oid, modifier, _Own(names, entries))
        rows.append((name, found, converter(found)(value.encode()).decode()))
    return _table(rows, from_postgres=True)


# ---- both


def _table(rows: Iterable[tuple[str, Type, str]], from_postgres: bool) -> Iterator[str]:
    yield "| column | kind | in the event | PostgreSQL | MySQL, MariaDB | SQLite | DynamoDB |"
    yield "|---|---|---|---|---|---|---|"
    for name, type_, fragment in rows:
        cells = [
            _code(name),
            str(type_.kind),
            _code(fragment if len(fragment) <= _LONGEST else f"{fragment[: _LONGEST // 2]}…{fragment[-8:]}"),
            _code(postgres_sink.column_type(type_, from_postgres, lambda name: not name.startswith("public."))),
            _mysql_column(type_, not from_postgres),
            _code(sqlite_sink.declared(type_)) or "(none)",
            codec(type_).type,
        ]
        yield f"| {' | '.join(cells)} |"


def _mysql_column(type_: Type, from_mysql: bool) -> str:
    mysql, mariadb = (
        _COLLATED.sub("", mysql_sink.mapped(type_, from_mysql, mariadb).sql("")).upper().replace(", ", ",")
        if not type_.labels or not from_mysql
        else _COLLATED.sub("", mysql_sink.mapped(type_, from_mysql, mariadb).sql(""))
        for mariadb in (False, True)
    )
    return _code(mysql) if mysql == mariadb else f"{_code(mysql)}; MariaDB: {_code(mariadb)}"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


_TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "kinds": _kinds,
    "from MySQL": _from_mysql,
    "character sets": _charsets,
    "from PostgreSQL": _from_postgres,
}

if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(renewed(path.read_text()))
