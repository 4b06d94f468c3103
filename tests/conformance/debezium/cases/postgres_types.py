"""Values of PostgreSQL's numbers, times, bits and arrays, the ordinary and the extreme."""

from __future__ import annotations

from tests.conformance.debezium.case import POSTGRES, Case, typed

CASES: tuple[Case, ...] = (
    typed(
        "pg_integers",
        {
            "yes": ("boolean", ("true", "false")),
            "small": ("smallint", ("-32768", "32767", "0")),
            "normal": ("integer", ("-2147483648", "2147483647", "0")),
            "big": ("bigint", ("-9223372036854775808", "9223372036854775807", "9007199254740993")),
            "number": ("oid", ("0", "2147483647")),
        },
        POSTGRES,
        quick=True,
    ),
    typed("pg_oid", {"number": ("oid", ("4294967295", "2147483648"))}, POSTGRES, loaded=False),
    typed(
        "pg_decimals",
        {
            "money": ("numeric(12,2)", ("0.5", "-1234567890.99", "0", "-0.01")),
            "whole": ("numeric(10,0)", ("7", "-9999999999", "0")),
            "large": ("numeric(38,10)", ("-9999999999999999999999999999.9999999999", "1")),
            "open": ("numeric", ("12.50", "123456789012345678901234567890.5", "0", "100")),
        },
        POSTGRES,
        quick=True,
    ),
    typed(
        "pg_decimals_small",
        {
            "open": ("numeric", ("1e-40", "0.00000001", "0.0000000", "1e40")),
            "stated": ("numeric(30,20)", ("0.00000000000000000001", "0", "1")),
        },
        POSTGRES,
    ),
    typed("pg_decimals_hundreds", {"hundreds": ("numeric(5,-2)", ("12345", "0", "-99950"))}, POSTGRES),
    typed(
        "pg_decimals_special",
        {
            "open": ("numeric", ("'NaN'", "'Infinity'", "'-Infinity'", "1")),
            "stated": ("numeric(10,2)", ("'NaN'", "1.5")),
        },
        POSTGRES,
    ),
    typed(
        "pg_floats",
        {
            "narrow": ("real", ("0.1", "16777216", "-1.5", "3.4028235e38", "0", "1e-45", "123456.79")),
            "wide": ("double precision", ("0.1", "1.7976931348623157e308", "5e-324", "1e22", "1e15", "1e16", "100")),
        },
        POSTGRES,
    ),
    typed(
        "pg_floats_special",
        {
            "narrow": ("real", ("'NaN'", "'Infinity'", "'-Infinity'", "'-0'")),
            "wide": ("double precision", ("'NaN'", "'Infinity'", "'-Infinity'", "'-0'")),
        },
        POSTGRES,
    ),
    typed("pg_money", {"price": ("money", ("'1234.50'", "'-0.01'", "'0'"))}, POSTGRES),
    typed("pg_money_large", {"price": ("money", ("'92233720368547758.07'", "'-92233720368547758.08'"))}, POSTGRES),
    typed(
        "pg_bits",
        {
            "one": ("bit(1)", ("B'1'", "B'0'")),
            "twelve": ("bit(12)", ("B'101010101010'", "B'000000000001'", "B'000000000000'")),
            "varying_bits": ("bit varying(20)", ("B'1'", "B'0001'", "B''", "B'11111111111111111111'")),
        },
        POSTGRES,
    ),
    typed("pg_bits_unbounded", {"any_number": ("bit varying", ("B'0101'", "B'1'"))}, POSTGRES),
    typed(
        "pg_bytes",
        {"raw": ("bytea", ("'\\x00ff20747261696c696e6700'", "''", "decode(repeat('00ff', 1000), 'hex')"))},
        POSTGRES,
        quick=True,
    ),
    typed(
        "pg_dates",
        {"day": ("date", ("'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'1970-01-01'", "'1582-10-10'"))},
        POSTGRES,
        quick=True,
    ),
    typed(
        "pg_timestamps",
        {
            "plain": ("timestamp", ("'2024-01-31 12:34:56'", "'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59'")),
            "millis": ("timestamp(3)", ("'2024-01-31 12:34:56.700'", "'2024-01-31 12:34:00'")),
            "seconds": ("timestamp(0)", ("'2024-01-31 12:34:56'",)),
        },
        POSTGRES,
        quick=True,
    ),
    typed(
        "pg_instants",
        {
            "plain": ("timestamptz", ("'2024-06-30 12:00:00+02'", "'1970-01-01 00:00:00.000001Z'")),
            "millis": ("timestamptz(3)", ("'2024-06-30 12:34:56.700Z'", "'2024-06-30 12:34:00Z'")),
            "far": ("timestamptz", ("'1000-01-01 00:00:00Z'", "'9999-12-31 23:59:59.999999Z'")),
        },
        POSTGRES,
    ),
    typed(
        "pg_times",
        {
            "plain": ("time", ("'00:00:00'", "'12:34:56.123456'", "'23:59:59.999999'", "'12:34:56.5'")),
            "millis": ("time(3)", ("'12:34:56.700'", "'12:34:00'")),
        },
        POSTGRES,
    ),
    typed("pg_times_24", {"last": ("time", ("'24:00:00'", "'23:59:60'"))}, POSTGRES, loaded=False),
    typed(
        "pg_times_zone",
        {"at": ("timetz", ("'12:34:56+00'", "'23:59:59.5+05:30'", "'00:00:00-11'", "'12:34:56.000001+01'"))},
        POSTGRES,
    ),
    typed("pg_times_zone_24", {"at": ("timetz", ("'24:00:00+00'",))}, POSTGRES, loaded=False),
    typed("pg_infinite_dates", {"day": ("date", ("'infinity'", "'-infinity'"))}, POSTGRES, loaded=False),
    typed("pg_infinite_times", {"at": ("timestamp", ("'infinity'", "'-infinity'"))}, POSTGRES, loaded=False),
    typed("pg_infinite_instants", {"at": ("timestamptz", ("'infinity'", "'-infinity'"))}, POSTGRES, loaded=False),
    typed("pg_bc_dates", {"day": ("date", ("'0044-03-15 BC'", "'0001-12-31 BC'"))}, POSTGRES, loaded=False),
    typed("pg_bc_times", {"at": ("timestamp", ("'0044-03-15 12:00:00 BC'",))}, POSTGRES, loaded=False),
    typed("pg_bc_instants", {"at": ("timestamptz", ("'0044-03-15 12:00:00Z BC'",))}, POSTGRES, loaded=False),
    typed("pg_far_dates", {"day": ("date", ("'10000-01-01'", "'5874897-12-31'"))}, POSTGRES, loaded=False),
    typed(
        "pg_far_times",
        {"at": ("timestamp", ("'10000-01-01 01:02:03'", "'294276-12-31 23:59:59'"))},
        POSTGRES,
        loaded=False,
    ),
    typed("pg_far_instants", {"at": ("timestamptz", ("'10000-01-01 01:02:03Z'",))}, POSTGRES, loaded=False),
    typed(
        "pg_intervals",
        {
            "lasting": (
                "interval",
                (
                    "'1 year 2 months 3 days 04:05:06.5'",
                    "'0'",
                    "'-1 year 2 days -03:04:05.000006'",
                    "'1 day'",
                    "'-1 day +02:00'",
                    "'90 minutes'",
                    "'25 hours'",
                    "'0.000001 seconds'",
                ),
            )
        },
        POSTGRES,
    ),
    typed("pg_intervals_large", {"lasting": ("interval", ("'178000000 years'", "'100000 hours'"))}, POSTGRES),
    typed(
        "pg_arrays",
        {
            "numbers": ("integer[]", ("'{1,NULL,-3}'", "'{}'")),
            "bigs": ("bigint[]", ("'{9223372036854775807}'", "'{}'")),
            "lines": ("text[]", ('\'{"a,b","with \\"quotes\\"",NULL,"","NULL"}\'', "'{ü}'")),
            "words": ("varchar(10)[]", ("'{a,b}'",)),
            "flags": ("boolean[]", ("'{t,f,NULL}'",)),
            "wides": ("double precision[]", ("'{0.1,-1.5}'",)),
            "amounts": ("numeric(10,2)[]", ("'{1.50,-0.01}'",)),
            "ids": ("uuid[]", ("'{00000000-0000-0000-0000-000000000001}'",)),
        },
        POSTGRES,
    ),
    typed(
        "pg_arrays_times",
        {
            "days": ("date[]", ("'{2024-02-29,1000-01-01}'",)),
            "moments": ("timestamp[]", ("'{2024-01-31 12:34:56.5}'",)),
            "instants": ("timestamptz[]", ("'{2024-01-31 12:34:56.5+00}'",)),
            "hours": ("time[]", ("'{12:34:56.5}'",)),
        },
        POSTGRES,
    ),
    typed(
        "pg_arrays_others",
        {
            "raws": ("bytea[]", ("ARRAY['\\x00ff'::bytea]",)),
            "docs": ("jsonb[]", ("ARRAY['{\"a\": 1}'::jsonb]",)),
            "addresses": ("inet[]", ("'{192.168.0.1/24}'",)),
            "spans": ("int4range[]", ("'{\"[1,10)\"}'",)),
            "lastings": ("interval[]", ("'{1 day}'",)),
            "prices": ("money[]", ("'{1.50}'",)),
        },
        POSTGRES,
    ),
    typed(
        "pg_arrays_nested",
        {"numbers": ("integer[][]", ("'{{1,2},{3,4}}'",)), "lines": ("text[]", ("'{{a},{b}}'",))},
        POSTGRES,
        loaded=False,
    ),
    typed("pg_arrays_bounds", {"numbers": ("integer[]", ("'[0:1]={1,2}'", "'{1,2}'"))}, POSTGRES, loaded=False),
)
