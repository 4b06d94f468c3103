"""Text, bytes, documents, system types and what users make of them, of PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.zoo.forms import (
    BITS,
    BOOLEAN,
    BYTES,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INTEGER,
    PADDED,
    PG_TIME,
    PG_TIMESTAMP,
    PG_TIMESTAMPTZ,
    PG_TIMETZ,
    base64,
)
from tests.conformance.zoo.tables import Column, Table, printed, whole


def _raw(text: str) -> str:
    """A literal in which a backslash is a backslash."""
    return "'" + text.replace("'", "''") + "'"


def _texts(type_: str, *pairs: str | tuple[str, str]) -> Column:
    both = [(pair, pair) if isinstance(pair, str) else pair for pair in pairs]
    return Column(type_, PADDED, [(_raw(given), wanted) for given, wanted in both])


_EVERYTHING = 'it\'s "quoted" back\\slash\ttab\nline\r\x01\x1f\x7f ümläut 漢字 😀 '

#: Types, in the order in which one needs the other.
PREPARE = (
    "SET TimeZone = 'UTC'",
    "CREATE TYPE mood AS ENUM ('small', 'it''s', 'größer', 'q\"uote', 'with space', 'a,b', 'back\\slash', '')",
    "CREATE TYPE late_mood AS ENUM ('early')",
    "CREATE TYPE pair AS (a integer, b text)",
    "CREATE TYPE nested AS (p pair, n numeric, m mood)",
    "CREATE DOMAIN percent AS smallint CHECK (VALUE BETWEEN 0 AND 100)",
    "CREATE DOMAIN small_percent AS percent CHECK (VALUE < 50)",
    "CREATE DOMAIN tags AS text[]",
    "CREATE DOMAIN feeling AS mood",
    "CREATE DOMAIN price AS numeric(10,2)",
    "CREATE DOMAIN couple AS pair",
    'CREATE TYPE words AS RANGE (subtype = text, collation = "C")',
)
HSTORE = ("CREATE EXTENSION hstore", "CREATE EXTENSION citext")

TEXTS = Table(
    "texts",
    {
        "words": _texts("text", _EVERYTHING, "", "NULL", "\\N", "\\.", "null", "x" * 70_000),
        "short": _texts("varchar(60)", _EVERYTHING, "é" * 60, ""),
        "any_length": _texts("varchar", _EVERYTHING),
        "padded": _texts("char(5)", ("ab", "ab   "), ("", "     "), "漢字漢字漢", " a   "),
        "unpadded": _texts("bpchar", "ab ", "", " "),
        "byte": _texts('"char"', "x", "", "'", "\\"),
        "bytes_of_char": _texts('"char"[]', "{x,NULL}"),
        "name": _texts("name", "a" * 63, "", 'q"'),
        "bytes": Column(
            "bytea",
            BYTES,
            [
                ("'\\x00ff20747261696c696e6700'", base64("00ff20747261696c696e6700")),
                ("''", ""),
                (f"'\\x{bytes(range(256)).hex() * 40}'", base64(bytes(range(256)).hex() * 40)),
            ],
        ),
        "document": _texts(
            "json", '{"b": 1,  "a":[1, 2.50, null, "ü\\u0000"], "b" : 2 }', "[]", ' "x" ', "1e400", "null"
        ),
        "tree": _texts(
            "jsonb",
            (
                '{"b":1, "a":[1, 2.50, null, "ü"], "b":2, "big":12345678901234567890.1234567890}',
                '{"a": [1, 2.50, null, "ü"], "b": 2, "big": 12345678901234567890.1234567890}',
            ),
            "[]",
            '"text"',
            ("1e30", "1" + "0" * 30),
            ('{"bb": 1, "a": {}}', '{"a": {}, "bb": 1}'),
            ("-0.0", "0.0"),
        ),
        "path": _texts("jsonpath", ("$.a[*] ? (@ > 1)", '$."a"[*]?(@ > 1)')),
        "unique_id": _texts(
            "uuid",
            "00000000-0000-0000-0000-000000000001",
            ("FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        ),
        "lexemes": _texts("tsvector", "'a':1A 'it''s':2,3 'q\"':4", "", "'back\\\\slash' 'fat'"),
        "search": _texts("tsquery", "'fat' & !( 'rat' | 'c''at':AB )", "'a' <-> 'b'", ""),
    },
)
#: This byte is no character by itself: PostgreSQL 16 prints it as an octal number, 15 as it stands.
HIGH_CHAR = Table("high_char", {"v": Column('"char"', PADDED, [("'\\303'", "\\303")])})

SYSTEM = Table(
    "system_types",
    {
        "place": _texts("pg_lsn", "0/0", "FFFFFFFF/FFFFFFFF"),
        "old_snapshot": _texts("txid_snapshot", "10:20:10,14,15", "1:1:"),
        "snapshot": _texts("pg_snapshot", "10:20:10,14,15"),
        "xid": _texts("xid", "0", "4294967295"),
        "xid8": _texts("xid8", "18446744073709551615"),
        "cid": _texts("cid", "4294967295"),
        "tid": _texts("tid", "(0,0)", "(4294967295,65535)"),
        "numbers": _texts("int2vector", "1 -2 3", ""),
        "ids": _texts("oidvector", "1 4294967295", ""),
        "cursor": _texts("refcursor", "a cursor", ""),
        "grants": _texts("aclitem", "postgres=r/postgres"),
        "grant_list": _texts("aclitem[]", "{postgres=r/postgres,=w/postgres}"),
        "a_class": _texts("regclass", "pg_class", ("numbers", "public.numbers"), "-"),
        "a_type": _texts("regtype", ("int4", "integer"), ("mood", "public.mood"), "text[]"),
        "a_function": _texts("regproc", "now", "-"),
        "a_signature": _texts("regprocedure", "now()", "abs(integer)"),
        "an_operator": _texts("regoper", "||/"),
        "operands": _texts("regoperator", "+(integer,integer)"),
        "a_role": _texts("regrole", "postgres"),
        "a_schema": _texts("regnamespace", "pg_catalog"),
        "configuration": _texts("regconfig", "english"),
        "dictionary": _texts("regdictionary", "simple"),
        "collation": _texts("regcollation", '"C"'),
        "classes": _texts("regclass[]", ("{pg_class,numbers}", "{pg_class,public.numbers}")),
    },
)

PLACES = Table(
    "places",
    {
        "address": _texts("inet", "192.168.0.1", "192.168.0.1/24", "2001:db8::1", "::ffff:1.2.3.4/100", "0.0.0.0/0"),
        "network": _texts("cidr", "10.0.0.0/8", "::/0", "192.168.0.1/32"),
        "hardware": _texts("macaddr", "08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"),
        "hardware8": _texts("macaddr8", "08:00:2b:01:02:03:04:05", ("08:00:2b:01:02:03", "08:00:2b:ff:fe:01:02:03")),
        "point": _texts("point", "(1.5,-2.25)", ("(1e300, -0)", "(1e+300,-0)"), ("(NaN,Infinity)", "(NaN,Infinity)")),
        "line": _texts("line", "{1,-1,0.5}"),
        "segment": _texts("lseg", "[(0,0),(1.5,1)]"),
        "box": _texts("box", "(1,1),(0,0)"),
        "path": _texts("path", "[(0,0),(1,1)]", "((0,0),(1,1),(2,0))"),
        "polygon": _texts("polygon", "((0,0),(1,1),(2,0))"),
        "circle": _texts("circle", "<(1,2),0.1>"),
    },
)

RANGES = Table(
    "ranges",
    {
        "int4": _texts("int4range", "[1,10)", "empty", "(,)", ("[1,9]", "[1,10)")),
        "int8": _texts("int8range", "[-9223372036854775808,9223372036854775807)"),
        "num": _texts("numrange", "[1.10,2.0]", "(,0]", "[NaN,NaN]"),
        "ts": _texts("tsrange", '["2024-01-01 00:00:00",infinity)', '(,"2024-01-01 00:00:00.5"]'),
        "tstz": _texts("tstzrange", ('["2024-01-01 00:00:00+02",)', '["2023-12-31 22:00:00+00",)')),
        "dates": _texts("daterange", "[2024-01-01,2024-02-01)", ("[2024-01-01,2024-01-01]", "[2024-01-01,2024-01-02)")),
        "words": _texts("words", '["a b","c""d")', "(,)", "empty"),
        "int4s": _texts("int4multirange", "{[1,3),[5,8)}", "{}"),
        "int8s": _texts("int8multirange", "{[1,3)}"),
        "nums": _texts("nummultirange", "{[1.10,2.0],(3,)}"),
        "tss": _texts("tsmultirange", '{["2024-01-01 00:00:00","2024-01-02 00:00:00")}'),
        "tstzs": _texts("tstzmultirange", '{["2024-01-01 00:00:00+00",)}'),
        "dateses": _texts("datemultirange", "{[2024-01-01,2024-02-01)}"),
    },
)

ARRAYS = Table(
    "arrays",
    {
        "numbers": _texts(
            "integer[]", "{1,NULL,-3}", "{}", "{{1,2},{3,NULL}}", "[0:1]={3,4}", "[-1:0][2:3]={{1,2},{3,4}}"
        ),
        "lines": _texts(
            "text[]", '{"a,b","with \\"quotes\\"",NULL,"","NULL","back\\\\slash","{",ü,"a b"}', "{{a},{b}}", "{{{x}}}"
        ),
        "exact": _texts("numeric(10,2)[]", ("{1.5,NaN}", "{1.50,NaN}")),
        "double": _texts("float8[]", "{0.1,NaN,-Infinity,5e-324,-0}"),
        "yes": _texts("boolean[]", "{t,f,NULL}"),
        "bytes": _texts("bytea[]", '{"\\\\x00ff",NULL}'),
        "instants": _texts("timestamptz[]", '{"2024-01-31 12:34:56+00",infinity}'),
        "intervals": _texts("interval[]", ("{1 day,-1 mon}", "{P1D,P-1M}")),
        "documents": _texts("json[]", '{"{\\"a\\": 1}",NULL}'),
        "padded": _texts("char(3)[]", ("{a}", '{"a  "}')),
        "moods": _texts("mood[]", '{it\'s,größer,"with space","a,b",NULL}'),
        "pairs": _texts("pair[]", '{"(1,\\"a,b\\")",NULL,"(,)"}'),
        "percents": _texts("percent[]", "{1,100}"),
        "ranges": _texts("int4range[]", '{"[1,10)",empty}'),
    },
)

OWN = Table(
    "own_types",
    {
        "mood": _texts("mood", "small", "it's", "größer", 'q"uote', "with space", "a,b", "back\\slash", ""),
        "pair": _texts("pair", '(1,"a ""q"", b")', "(,)", '(,"")', "(-1,x)", '(1,"back\\\\slash")'),
        "nested": _texts("nested", '("(1,""x y"")",2.50,it\'s)', "(,,)", '("(,)",NaN,"with space")'),
        "percent": Column("percent", INTEGER, [("0", 0), ("100", 100)]),
        "small_percent": Column("small_percent", INTEGER, [("49", 49)]),
        "tags": _texts("tags", '{a,"b c"}', "{}"),
        "feeling": _texts("feeling", "it's", ""),
        "price": printed("price", ("1.5", "1.50"), "-99999999.99", form=DECIMAL),
        "couple": _texts("couple", '(1,"a b")'),
    },
)
LABELLED_LATER = Table(
    "labelled_later",
    {"v": _texts("late_mood", "early", 'la\'te "label"', "b\\c")},
    meanwhile=(
        "ALTER TYPE late_mood ADD VALUE 'la''te \"label\"' BEFORE 'early'",
        "ALTER TYPE late_mood ADD VALUE 'b\\c'",
    ),
    late=frozenset({1, 2}),
)

EXTENSIONS = Table(
    "extensions",
    {
        "pairs": _texts(
            "hstore",
            ('"a"=>1, b=>NULL, "q\\"uote"=>"x\\\\y", ""=>""', '""=>"", "a"=>"1", "b"=>NULL, "q\\"uote"=>"x\\\\y"'),
            "",
        ),
        "folded": _texts("citext", "MiXed", "Straße", ""),
        "words": _texts("citext[]", "{MiXed,NULL}"),
    },
)
MARKUP = Table(
    "markup",
    {"v": _texts("xml", '<a b="c">ü&amp;<!-- x --></a>', "text <b/> text", ('<?xml version="1.0"?><a/>', "<a/>"), "")},
)


def generated(published: bool) -> Table:
    """`published`: the server can publish stored generated columns, which is from PostgreSQL 18 on."""
    columns = {
        "word": _texts("text", "a", "ß"),
        "kept": Column(
            "text GENERATED ALWAYS AS (c_word || '!') STORED", PADDED, [(None, "a!"), (None, "ß!")], carried=published
        ),
        "numbered": Column("integer GENERATED BY DEFAULT AS IDENTITY", INTEGER, [("7", 7), ("8", 8)]),
    }
    if published:
        columns["computed"] = Column(
            "text GENERATED ALWAYS AS ('<' || c_word) VIRTUAL", PADDED, [(None, None), (None, None)], carried=False
        )
    return Table("computed", columns, blank=False)


#: What rows had before the column is in no event: targets know it from the schema.
ADDED = Table(
    "added",
    {"first": whole("integer", 1)},
    added={
        "yes": Column("boolean", BOOLEAN, [("true", True)]),
        "whole": whole("bigint", 9223372036854775807),
        "exact": _texts("numeric", "NaN"),
        "single": Column("real", FLOAT, [("'0.1'", 0.1)]),
        "double": Column("double precision", DOUBLE, [("'1.7976931348623157e308'", 1.7976931348623157e308)]),
        "bits": printed("bit(12)", "101010101010", form=BITS),
        "day": _texts("date", "9999-12-31"),
        "time": printed("time", "23:59:59.999999", form=PG_TIME),
        "hour_zone": printed("timetz", ("12:00:00-11", "12:00:00-11:00"), form=PG_TIMETZ),
        "moment": printed("timestamp", ("1000-01-01 00:00:00.5", "1000-01-01T00:00:00.5"), form=PG_TIMESTAMP),
        "instant": printed("timestamptz", ("2024-01-01 00:00:00+00", "2024-01-01T00:00:00Z"), form=PG_TIMESTAMPTZ),
        "lasting": _texts("interval", ("-1 mon 2 days", "P-1M2D")),
        "words": _texts("text", _EVERYTHING),
        "padded": _texts("char(5)", ("ab", "ab   ")),
        "bytes": Column("bytea", BYTES, [("'\\x00ff'", base64("00ff"))]),
        "document": _texts("json", '{"a":  1, "a": "ü"}'),
        "unique_id": _texts("uuid", "00000000-0000-0000-0000-000000000001"),
        "mood": _texts("mood", "it's"),
        "pair": _texts("pair", '(1,"a ""q"", b")'),
        "numbers": _texts("integer[]", "[0:1]={3,NULL}"),
        "lines": _texts("text[]", '{"a,b","back\\\\slash",NULL}'),
        "range": _texts("int4range", "[1,10)"),
        "address": _texts("inet", "192.168.0.1/24"),
    },
)
TABLES: Sequence[Table] = [ADDED, TEXTS, SYSTEM, PLACES, RANGES, ARRAYS, OWN, LABELLED_LATER]
