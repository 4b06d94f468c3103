"""Expressions whose values are compared on source and target. `name` in braces is a column, in the source's quotes."""

#: For MySQL and MariaDB.
MYSQL = [
    # numbers
    "i + 1", "i - j", "i * j", "j - i", "-i", "i * d", "d + e", "d * e", "d - 1.5", "f + i", "f * d", "f - e", "f / d",
    "i / j", "d / 3", "i div j", "i div 0", "i % j", "i mod 3", "i % 0", "d % 3", "mod(i, 4)", "abs(i)", "abs(d)",
    "abs(f)", "sign(d)", "floor(d)", "ceiling(d)", "ceil(f)", "floor(f)", "round(d)", "round(e, 2)", "round(d, 1)",
    "truncate(e, 1)", "greatest(i, j)", "least(i, j)", "greatest(d, e)", "cast(d as signed)", "cast(i as char)",
    "cast(d as decimal(12,1))", "cast(e as decimal(10,0))", "cast(d as char)", "cast('12' as signed)", "i * 1000000",
    # truth
    "i > 3", "i = 7", "i <> 7", "not i", "i and j", "i or 0", "i xor j", "(i > 3) + 1", "i is null", "i is not null",
    "i is true", "(i > 0) is not true", "i <=> null", "i <=> 7", "i in (7, 3, 12)", "i not in (7, 3)", "i in (7, null)",
    "i between 0 and 12", "i not between 0 and 12", "bo = 1", "bo", "not bo", "bo is false", "isnull(i)", "d > 5",
    "d >= 5.55", "d = '12.34'", "d between -1 and 11.5", "f > 0", "f < 1.5", "d > e", "d in (12.34, 5.55)", "i = '7'",
    "if(i > 3, 1, 0)", "if(i, 'y', 'n')", "ifnull(i, -1)", "coalesce(i, j, 0)", "nullif(i, 7)", "coalesce(s, 'none')",
    "case i when 7 then 'seven' when 3 then 'three' else 'other' end", "case when d > 5 then d else e end",
    "case when i > 3 then 1 end", "i > 3 and d < 50 or f is null", "not (i > 3 and j > 2)", "(i = 7) = (j = 2)",
    # texts
    "s = 'abc'", "s <> 'abc'", "s in ('abc', 'ABC')", "s = 'it\\'s 50% o\\\\f_it'", "s = ''", "b = 'a\\\\b'",
    "s like 'a%'", "s like '%\\_it'", "s like '%\\%%'", "s like '%\\\\\\\\%'", "s not like '%b%'", "s like '_b_'",
    "s like '%[c]'", "s like 'a*%'", "concat(s, '-', b)", "concat(s, i)", "concat(i, ':', d)", "char_length(s)",
    "length(s)", "left(s, 2)", "right(s, 2)", "left(s, 0)", "substr(s, 2, 3)", "substring(s, 2)", "mid(s, 1, 2)",
    "substring(s from 3)", "trim(s)", "ltrim(s)", "rtrim(s)", "trim(both 'a' from s)", "trim(leading ' ' from s)",
    "lpad(s, 5, 'xy')", "rpad(b, 3, '*')", "replace(s, 'b', 'xx')", "replace(s, 'A', '')", "locate('b', s)",
    "instr(s, 'b')", "position('c' in s)", "reverse(b)", "repeat(b, 2)", "lower(b)", "upper(b)", "concat_ws('-', s, b)",
    "b regexp '^[0-9]+$'", "s regexp 'b'", "s not regexp '^a'", "lab = 'new'", "lab in ('new', 'paid')", "lab <> 'PAID'",
    "concat(lab, '!')", "cast(i as char(3))", "coalesce(b, s, '')", "if(s = 'abc', s, b)", "by = x'00ff'", "length(by)",
    # dates and times
    "dt = '2024-02-29'", "dt > '2023-12-31'", "dt between '2024-01-01' and '2024-12-31'", "ts >= '2024-01-01'",
    "ts < '2024-02-29 12:34:56.789013'", "year(dt)", "month(dt)", "day(dt)", "dayofmonth(dt)", "quarter(dt)", "year(ts)",
    "hour(ts)", "minute(ts)", "second(ts)", "dayofweek(dt)", "weekday(dt)", "dayofyear(dt)", "extract(year from dt)",
    "extract(month from ts)", "extract(hour from ts)", "date(ts)", "cast(ts as date)", "last_day(dt)",
    "dt + interval 1 day", "dt - interval 1 month", "date_add(dt, interval 1 year)", "date_sub(dt, interval 3 day)",
    "adddate(dt, 10)", "dt + interval (i % 100) day", "dt + interval 1 quarter", "dt + interval 2 week", "ts + interval 1 hour",
    "ts - interval 90 minute", "ts + interval 1 month", "ts + interval 30 second", "datediff(dt, '2024-01-01')",
    "datediff(ts, dt)", "timestampdiff(day, dt, '2024-12-31')", "date_format(dt, '%Y-%m')",
    "date_format(ts, '%Y-%m-%d %H:%i:%s')", "dt < date(ts)", "tz + interval 2 hour", "year(tz)", "date(tz)",
    "dt > ts", "ts = tz", "greatest(dt, '2024-01-15')", "greatest(ts, '2024-01-15')", "coalesce(dt, '2024-01-01')",
    "tz > '2024-01-01 00:00:00'", "dt is null", "ts is not null", "dt in ('2024-02-29', '2024-01-01')",
]  # fmt: skip

#: For PostgreSQL, as it prints them.
POSTGRES = [
    # numbers
    "(i + 1)", "(j - 5)", "((i)::bigint * j)", "(- i)", "((i)::numeric * d)", "(d + e)", "(d * e)", "(i / 2)", "(i / 3)",
    "(d / 2.5)", "(i % 3)", "(f * (2)::double precision)", "(f / (3)::double precision)", "mod(i, 4)", "abs(i)",
    "abs(d)", "sign(d)", "floor(d)", "ceil(f)", "round(d)", "round(e, 2)", "trunc(e, 1)", "GREATEST(i, j)",
    "LEAST(d, e)", "(d)::integer", "(e)::bigint", "(d)::numeric(12,1)", "(i)::text", "(d)::text",
    "((i)::numeric / (j)::numeric)", "(i)::double precision", "(d)::double precision",
    # truth
    "(i > 3)", "(i = 7)", "(i <> 7)", "(i IS NULL)", "(i IS NOT NULL)", "(i IS DISTINCT FROM 7)",
    "(i IS NOT DISTINCT FROM NULL::integer)", "(i = ANY (ARRAY[7, 3, 12]))", "(i <> ALL (ARRAY[7, 3]))", "bo",
    "(NOT bo)", "(bo IS TRUE)", "(bo IS NOT TRUE)", "(bo = true)", "(bo = false)", "(bo AND (i > 3))",
    "(bo OR (i IS NULL))", "(bo IS NULL)", "((i >= 0) AND (i <= 12))", "(d > (5)::numeric)", "(d >= 5.55)", "(d > e)",
    "(f > (0)::double precision)", "((d)::double precision > f)", "COALESCE(i, 0)", "COALESCE(i, j)", "NULLIF(i, 7)",
    "CASE WHEN (i > 3) THEN 'big'::text ELSE 'small'::text END", "CASE i WHEN 7 THEN 'seven'::text ELSE NULL::text END",
    "CASE WHEN bo THEN d ELSE e END", "(NOT ((i > 3) AND (j > 2)))", "((i > 3) = (j > 2))", "COALESCE(bo, false)",
    # texts
    "((s)::text = 'abc'::text)", "((s)::text = ANY ((ARRAY['abc'::character varying, 'ABC'::character varying])::text[]))",
    "((s)::text <> ALL (ARRAY['abc'::text, 'x'::text]))", "((s)::text = ''::text)", "((s)::text = 'it''s 50% o\\f_it'::text)",
    "((s)::text = E'it\\'s 50% o\\\\f_it'::text)", "((s)::text ~~ 'a%'::text)", "((s)::text ~~ '%\\_it'::text)",
    "((s)::text ~~ '%\\\\%'::text)", "((s)::text !~~ '%b%'::text)", "((s)::text ~~ '_b_'::text)",
    "((s)::text ~~ '%[c]'::text)", "((s)::text ~~ 'a*b?%'::text)", "((s)::text ~~* 'A%'::text)",
    "(((s)::text || '-'::text) || (b)::text)", "((s)::text || i)", "concat(s, '-', b)", "char_length((s)::text)",
    "length((s)::text)", "octet_length((s)::text)", '"left"((s)::text, 2)', '"right"((s)::text, 2)', "substr((s)::text, 2, 3)",
    '"substring"((s)::text, 2)', "SUBSTRING(s FROM 2 FOR 2)", "TRIM(BOTH FROM s)", "btrim((s)::text)", "ltrim((s)::text)",
    "rtrim((s)::text)", "TRIM(BOTH 'a'::text FROM s)", "lpad((s)::text, 5, 'xy'::text)", "rpad((b)::text, 3, '*'::text)",
    "replace((s)::text, 'b'::text, 'xx'::text)", "POSITION(('b'::text) IN (s))", "strpos((s)::text, 'b'::text)",
    "reverse((b)::text)", "repeat((b)::text, 2)", "md5((s)::text)", "lower((s)::text)", "upper((b)::text)",
    "((b)::text ~ '^[0-9]+$'::text)", "((s)::text !~ '^a'::text)", "((s)::text ~* 'AB'::text)",
    "((s)::text ~ 'a.*b'::text)", "concat_ws('-'::text, s, b)", "COALESCE(s, b)", "COALESCE(s, ''::character varying)",
    "(s)::character varying(3)", "(lab = 'new'::text)", "(by = '\\x00ff'::bytea)", "length(by)", "octet_length(by)",
    "(uu = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid)", "(uu > '11111111-2222-3333-4444-555555555555'::uuid)",
    # dates and times
    "(dt = '2024-02-29'::date)", "((dt >= '2024-01-01'::date) AND (dt <= '2024-12-31'::date))",
    "(ts >= '2024-01-01 00:00:00'::timestamp without time zone)",
    "(tz > '2024-01-01 00:00:00+02'::timestamp with time zone)", "EXTRACT(year FROM dt)", "EXTRACT(month FROM ts)",
    "EXTRACT(day FROM ts)", "EXTRACT(hour FROM ts)", "EXTRACT(minute FROM ts)", "EXTRACT(quarter FROM dt)",
    "EXTRACT(dow FROM dt)", "EXTRACT(isodow FROM dt)", "EXTRACT(doy FROM dt)", "date_part('year'::text, dt)",
    "(ts)::date", "(dt)::timestamp without time zone", "date_trunc('month'::text, ts)", "date_trunc('day'::text, ts)",
    "date_trunc('hour'::text, ts)", "date_trunc('year'::text, ts)", "(dt + 10)", "(dt - 10)", "(dt + (i % 100))",
    "(dt - '2024-01-01'::date)", "(dt + '1 mon'::interval)", "(ts + '1 day'::interval)", "(ts - '01:30:00'::interval)",
    "(ts + '1 mon'::interval)", "(ts + '1 year'::interval)", "(tz + '02:00:00'::interval)", "(tz + '1 day'::interval)",
    "(tz AT TIME ZONE 'UTC'::text)", "timezone('utc'::text, tz)", "to_char(ts, 'YYYY-MM'::text)", "GREATEST(dt, '2024-01-15'::date)",
    "to_char(ts, 'YYYY-MM-DD HH24:MI:SS'::text)", "COALESCE(dt, '2024-01-01'::date)", "(dt < ts)", "(ts IS NULL)",
]  # fmt: skip
