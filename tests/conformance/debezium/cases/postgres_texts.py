"""Values of PostgreSQL's texts, documents, addresses, ranges, shapes, and types that a user makes."""

from __future__ import annotations

from tests.conformance.debezium.case import POSTGRES, POSTGRES15, Case, typed

_TEXT = "E'it\\'s \"quoted\" back\\\\slash\\ttab\\nline ümläut 😀 '"

CASES: tuple[Case, ...] = (
    typed(
        "pg_texts",
        {
            "letters": ("char(10)", ("'ab'", "''", "'ünï'")),
            "words": ("varchar(60)", (_TEXT, "''", "'trailing   '")),
            "prose": ("text", (f"repeat({_TEXT}, 40)", "''")),
            "letter": ('"char"', ("'x'", "''")),
            "known": ("name", ("'a name'",)),
        },
        POSTGRES,
        quick=True,
    ),
    typed("pg_uuid", {"id_of": ("uuid", ("'00000000-0000-0000-0000-0000000000AB'", "gen_random_uuid()"))}, POSTGRES),
    typed(
        "pg_json",
        {
            "doc": ("json", ('\'{"b": 1,  "a": [1, 2.50, null, "ü"], "b": 2}\'', "'[]'", "'null'", "'1e400'")),
            "tree": ("jsonb", ('\'{"b": 1,  "a": [1, 2.50, null, "ü"], "b": 2}\'', "'\"text\"'", "'null'")),
            "big": ("jsonb", ("'12345678901234567890.1234567890'", "'[1.0, 1e300]'")),
        },
        POSTGRES,
        quick=True,
    ),
    typed(
        "pg_networks",
        {
            "address": ("inet", ("'192.168.0.1/24'", "'2001:db8::1'", "'10.0.0.1'")),
            "network": ("cidr", ("'10.0.0.0/8'", "'::/0'")),
            "hardware": ("macaddr", ("'08:00:2b:01:02:03'",)),
            "hardware8": ("macaddr8", ("'08:00:2b:01:02:03:04:05'",)),
        },
        POSTGRES,
    ),
    typed(
        "pg_ranges",
        {
            "span": ("int4range", ("'[1,10)'", "'empty'", "'(,5]'")),
            "long_span": ("int8range", ("'[1,10)'", "'(,)'")),
            "amounts": ("numrange", ("'[1.5,2.5]'", "'empty'")),
            "days": ("daterange", ("'[2024-01-01,2024-02-01)'", "'[2024-01-01,)'")),
            "moments": ("tsrange", ("'[2024-01-01 00:00:00,2024-02-01 12:00:00)'",)),
            "instants": ("tstzrange", ("'[2024-01-01 00:00:00+00,2024-02-01 12:00:00+00)'",)),
        },
        POSTGRES,
    ),
    typed("pg_multiranges", {"spans": ("int4multirange", ("'{[1,3),[5,8)}'", "'{}'"))}, POSTGRES),
    typed(
        "pg_shapes",
        {
            "place": ("point", ("'(1.5,-2.25)'", "'(0,0)'")),
            "segment": ("lseg", ("'[(0,0),(1,1)]'",)),
            "rectangle": ("box", ("'(2,2),(0,0)'",)),
            "way": ("path", ("'[(0,0),(1,1)]'", "'((0,0),(1,1))'")),
            "area": ("polygon", ("'((0,0),(4,0),(4,4))'",)),
            "disc": ("circle", ("'<(1,2),3>'",)),
            "straight": ("line", ("'{1,-1,0}'",)),
        },
        POSTGRES,
    ),
    typed(
        "pg_search",
        {
            "words": ("tsvector", ("'''it''''s'':1 fat:2A'::tsvector", "''")),
            "query": ("tsquery", ("'fat & rat'::tsquery",)),
        },
        POSTGRES,
    ),
    typed("pg_xml", {"doc": ("xml", ("'<a b=\"1\">ü</a>'", "'<empty/>'"))}, (POSTGRES15,)),
    typed(
        "pg_log_positions",
        {"place": ("pg_lsn", ("'16/B374D848'",)), "shot": ("pg_snapshot", ("'10:20:10,14,15'",))},
        POSTGRES,
    ),
    typed("pg_identifiers", {"class_of": ("regclass", ("'pg_class'",)), "kind": ("regtype", ("'int4'",))}, POSTGRES),
    typed(
        "pg_enums",
        {"feeling": ("pg_enums_mood", ("'it''s'", "'größer'", "'a,b'"))},
        POSTGRES,
        before=("CREATE TYPE pg_enums_mood AS ENUM ('it''s', 'größer', 'a,b', 'plain')",),
    ),
    typed(
        "pg_enum_arrays",
        {"feelings": ("pg_enum_arrays_mood[]", ("'{plain,\"a b\"}'", "'{}'"))},
        POSTGRES,
        before=("CREATE TYPE pg_enum_arrays_mood AS ENUM ('plain', 'a b')",),
    ),
    typed(
        "pg_domains",
        {
            "percent": ("pg_domains_percent", ("0", "100")),
            "email": ("pg_domains_email", ("'a@example.org'",)),
            "amount": ("pg_domains_amount", ("1.5", "-0.01")),
            "twice": ("pg_domains_twice", ("7",)),
            "day": ("pg_domains_day", ("'2024-02-29'",)),
        },
        POSTGRES,
        before=(
            "CREATE DOMAIN pg_domains_percent AS int CHECK (VALUE BETWEEN 0 AND 100)",
            "CREATE DOMAIN pg_domains_email AS varchar(40)",
            "CREATE DOMAIN pg_domains_amount AS numeric(10,3)",
            "CREATE DOMAIN pg_domains_twice AS pg_domains_percent",
            "CREATE DOMAIN pg_domains_day AS date",
        ),
    ),
    typed(
        "pg_composites",
        {"place": ("pg_composites_address", ("ROW('a \"street\"', 5)", "ROW(NULL, NULL)"))},
        POSTGRES,
        before=("CREATE TYPE pg_composites_address AS (street text, number int)",),
    ),
    typed(
        "pg_own_ranges",
        {"span": ("pg_own_ranges_r", ("'[1.5,2.5)'",))},
        POSTGRES,
        before=("CREATE TYPE pg_own_ranges_r AS RANGE (subtype = float8)",),
    ),
    typed(
        "pg_hstore",
        {"pairs": ("hstore", ('\'"a"=>"1", "b c"=>NULL\'', "''", '\'"q"=>"it\\"s"\''))},
        (POSTGRES15,),
        before=("CREATE EXTENSION IF NOT EXISTS hstore",),
    ),
    typed(
        "pg_citext",
        {"word": ("citext", ("'MiXed'", "''"))},
        (POSTGRES15,),
        before=("CREATE EXTENSION IF NOT EXISTS citext",),
    ),
    typed(
        "pg_ltree",
        {"way": ("ltree", ("'Top.Science.Astronomy'", "''"))},
        (POSTGRES15,),
        before=("CREATE EXTENSION IF NOT EXISTS ltree",),
    ),
    typed(
        "pg_nulls",
        {
            "a": ("int", ("NULL", "1")),
            "b": ("text", ("NULL", "'x'")),
            "c": ("timestamp", ("NULL", "NULL")),
            "d": ("bytea", ("NULL", "'\\x00'")),
            "e": ("jsonb", ("NULL", "'1'")),
            "f": ("numeric", ("NULL", "1")),
            "g": ("bit(3)", ("NULL", "B'101'")),
            "h": ("int[]", ("NULL", "'{NULL}'")),
            "i": ("interval", ("NULL", "NULL")),
            "j": ("point", ("NULL", "NULL")),
        },
        POSTGRES,
    ),
)
