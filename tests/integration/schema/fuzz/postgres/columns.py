"""Random columns: every type with its modifiers, and defaults that it takes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.integration.schema.fuzz.postgres.expressions import literal

LABELS = ("new", "paid", "it's", "x y", "Ä", "0", "back\\slash", "New")
_TEXTS = (
    "''", "' '", "'x'", "'it''s'", "'a\\b'", "E'two\\nlines'", "E'tab\\t\\\\'", "'漢字 😀'", "'\"'", "'0'", "'NULL'",
    "'%s'",
    "'{}'", "'`'", "'$1'", "'a;b'", "'-- x'", "'/* x */'", "U&'\\00e9'", "$q$it's$q$", "upper('x')", "('a' || 'b')",
    "current_user",
    "md5('a')", "NULL", "'x'::varchar(5)", "concat('a', 1)", "repeat('ab', 2)", "lower('É')", "'''quoted'''",
)  # fmt: skip
_WHOLE = (
    "0",
    "1",
    "-1",
    "7",
    "'5'",
    "(1 + 2)",
    "(7 / 2)",
    "(-3)",
    "1::smallint",
    "abs(-3)",
    "1.4",
    "length('abc')",
    "NULL",
    "'-7'::int",
)
_EXACT = (
    "0",
    "1",
    "0.5",
    "'1.25'",
    "-0.005",
    "(1.0 / 3)",
    "1e2",
    "round(2.567, 1)",
    "'-2.50'::numeric",
    "00.50",
    "7::numeric(9,3)",
    "(2 * 1.50)",
)
_REAL = (
    "0",
    "1",
    "0.5",
    "1e3",
    "'2.5'",
    "1.5e-3",
    "-0.1",
    "random()",
    "pi()",
    "(1.5 * 2)",
    "0.1::real",
)
_DAYS = (
    "'2024-02-29'",
    "'2000-01-01'::date",
    "CURRENT_DATE",
    "now()",
    "(CURRENT_DATE + 7)",
    "'9999-12-31'",
)
_MOMENTS = (
    "'2024-02-29 12:34:56'",
    "'2000-01-01'",
    "now()",
    "CURRENT_TIMESTAMP",
    "LOCALTIMESTAMP",
    "clock_timestamp()",
    "statement_timestamp()",
    "(now() AT TIME ZONE 'utc')",
    "timezone('utc', now())",
    "'2024-01-01 10:00:00.123456'",
    "CURRENT_TIMESTAMP(3)",
    "(now() + interval '1 day')",
    "date_trunc('day', now())",
    "'9999-12-31 23:59:59.999999'",
    "transaction_timestamp()",
)
_ZONED = (
    *_MOMENTS[2:5],
    "'2024-02-29 12:34:56+02'",
    "'2024-01-01 00:00:00Z'",
    "now()",
    "CURRENT_TIMESTAMP",
    "(now() + '1 hour'::interval)",
)
_ARRAYS = ("'{}'", "ARRAY[]::{0}[]", "NULL")


@dataclass(frozen=True)
class Column:
    """
    Attributes:
        name: as SQL writes it.
        type: as it is declared; `base`: without its length, as `Expressions` takes it ("": it makes nothing of it).
        more: constraints and default, as they stand after the type.
        labels: of an enum.
    """

    name: str
    type: str
    base: str
    more: str = ""
    labels: tuple[str, ...] = ()
    notnull: bool = False

    @property
    def definition(self) -> str:
        return f"{self.name} {self.type}{self.more}"


def column(
    name: str, dice: random.Random, enums: tuple[str, ...] = (), domains: tuple[tuple[str, str], ...] = ()
) -> Column:
    """One of any type, with whatever it may have besides.

    Args:
        enums: types of labels that there are; `domains`: those with the type under them.
    """
    kind, base, defaults, labels = _typed(dice, enums, domains)
    more = ""
    if base in ("text", "character varying", "character") and "bpchar" not in kind and dice.random() < 0.2:
        more += f" COLLATE {dice.choice(_COLLATIONS)}"
    notnull = dice.random() < 0.35
    if dice.random() < 0.45 and defaults:
        more += f" DEFAULT {dice.choice(defaults)}"
    if notnull:
        more += " NOT NULL"
    return Column(name, kind, base, more, labels, notnull)


_COLLATIONS = ('"C"', '"C"', '"POSIX"', '"ucs_basic"', '"unicode"', '"en-x-icu"', '"default"', '"und-x-icu"')


def _typed(
    dice: random.Random, enums: tuple[str, ...], domains: tuple[tuple[str, str], ...]
) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    size = dice.choice((1, 2, 5, 10, 40, 40, 255))
    sort = dice.choices(
        ("whole", "exact", "real", "text", "truth", "day", "moment", "time", "own", "odd"),
        (18, 12, 4, 22, 7, 6, 11, 3, 6, 11),
    )[0]
    match sort:
        case "whole":
            kind = dice.choice(("integer", "integer", "bigint", "smallint"))
            return kind, kind, _WHOLE, ()
        case "exact":
            digits = dice.choice((1, 5, 10, 18, 30, 65, 70, 1000))
            scale = dice.choice((0, 1, 2, 4, 10, 30, 40, -2, digits + 2))
            kind = dice.choice(
                (
                    f"numeric({digits},{scale})",
                    f"numeric({digits},{scale})",
                    f"numeric({digits})",
                    "numeric",
                    "numeric(12,2)",
                )
            )
            return kind, "numeric", _EXACT, ()
        case "real":
            kind = dice.choice(("double precision", "double precision", "real"))
            return kind, kind, _REAL, ()
        case "text":
            kind = dice.choice(
                (
                    f"varchar({size})",
                    f"varchar({size})",
                    f"char({size})",
                    "text",
                    "text",
                    "varchar",
                    "name",
                    "bpchar",
                    '"char"',
                )
            )
            base = (
                {"t": "text", "v": "character varying", "c": "character"}.get(kind[0], "") if kind != "bpchar" else ""
            )
            return kind, base, _TEXTS if size > 9 or "(" not in kind else ("''", "'x'", "'0'"), ()
        case "truth":
            return "boolean", "boolean", ("true", "false", "'t'", "(1 = 1)", "(NOT true)", "NULL"), ()
        case "day":
            return "date", "date", _DAYS, ()
        case "moment":
            places = dice.choice(("", "", "(0)", "(3)", "(6)"))
            zone = dice.random() < 0.5
            kind = f"timestamp{places} with{'' if zone else 'out'} time zone"
            return kind, f"timestamp with{'' if zone else 'out'} time zone", _ZONED if zone else _MOMENTS, ()
        case "time":
            places = dice.choice(("", "(0)", "(3)"))
            kind = dice.choice((f"time{places}", f"time{places}", f"time{places} with time zone"))
            values = ("'12:34:56'", "'24:00:00'", "'23:59:59.999999'", "LOCALTIME", "CURRENT_TIME", "'00:00'")
            return (
                kind,
                "" if "zone" in kind else "time without time zone",
                values if "zone" not in kind else ("'10:00+02'",),
                (),
            )
        case "own" if enums or domains:
            if enums and (dice.random() < 0.6 or not domains):
                return dice.choice(enums), "enum", tuple(literal(label) for label in LABELS[:3]), LABELS
            name, base = dice.choice(domains)
            return name, base, ("NULL",), ()
    kind, given = dice.choice(_ODD)
    base = "bit" if kind.startswith("bit(") else kind if kind in ("uuid", "bytea", "jsonb", "json") else ""
    return kind, base, given, ()


_ODD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("uuid", ("gen_random_uuid()", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "uuidv7()")),
    ("json", ("'{}'", "'[1, 2]'", "json_build_object()")), ("jsonb", ("'{}'", "'{\"a\": \"it''s\"}'::jsonb",
    "jsonb_build_array(1)", "'null'")),
    ("bytea", ("'\\x00ff'", "'abc'", "'\\x'", "decode('00', 'hex')", "'a\\\\b'")),
    ("bit(1)", ("B'1'", "'0'")), ("bit(8)", ("B'00001111'", "5::bit(8)")), ("bit varying(8)", ("B'1'", "B''")),
    ("bit(70)", ()), ("bit varying", ()),
    ("inet", ("'10.0.0.1'", "'::1/128'")), ("cidr", ("'10.0.0.0/8'",)), ("macaddr", ("'08:00:2b:01:02:03'",)),
    ("macaddr8", ()),
    ("money", ("1.5", "'$2.00'")), ("interval", ("'1 day'", "'01:00:00'", "'1 mon 2 days 03:00:00'")),
    ("interval day to second", ()),
    ("interval year to month", ()), ("interval(3)", ()), ("tsvector", ("to_tsvector('simple', 'a b')", "''")),
    ("tsquery", ("'a & b'",)),
    ("integer[]", ("'{}'", "ARRAY[1, 2]", "'{1,NULL}'")), ("text[]", ("'{}'", "ARRAY['a', 'it''s']", "ARRAY[]::text[]",
    "'{\"a b\"}'")),
    ("numeric(8,2)[]", ()), ("varchar(10)[]", ()), ("timestamptz[]", ()), ("boolean[]", ("'{t,f}'",)), ("uuid[]", ()),
    ("integer[][]", ()),
    ("int4range", ("'[1,5)'", "int4range(1, 3)")), ("int8range", ()), ("numrange", ()), ("daterange", ()), ("tsrange",
    ()), ("tstzrange", ()),
    ("int4multirange", ()), ("point", ("'(1,2)'",)), ("box", ()), ("circle", ()), ("path", ()), ("polygon", ()),
    ("line", ()), ("lseg", ()),
    ("oid", ("1",)), ("regclass", ()), ("pg_lsn", ()), ("xml", ("'<a/>'",)), ("jsonpath", ()), ("xid", ()), ("regproc",
    ()),
)  # fmt: skip
