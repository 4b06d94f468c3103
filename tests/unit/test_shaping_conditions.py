"""Row filters: what they take, what they refuse by name, and that they decide as SQL does."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.errors import ValueRefusedError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.shaping.condition import columns_of, parse_condition
from tailrace.shaping.predicate import LackingValueError, Predicate, bind

TYPES = {
    "i": Type(Kind.INTEGER, "bigint", 64),
    "d": Type(Kind.DECIMAL, "numeric"),
    "f": Type(Kind.FLOAT, "double precision", 64),
    "b": Type(Kind.BOOLEAN, "boolean"),
    "s": Type(Kind.TEXT, "text"),
    "c": Type(Kind.TEXT, "character(5)", 5, fixed=True),
    "u": Type(Kind.UUID, "uuid"),
    "day": Type(Kind.DATE, "date"),
    "at": Type(Kind.TIMESTAMP, "timestamp without time zone", 6),
    "atz": Type(Kind.TIMESTAMPTZ, "timestamp with time zone", 6),
    "clock": Type(Kind.TIME, "time", 6),
    "raw": Type(Kind.BYTES, "bytea"),
    "doc": Type(Kind.JSON, "jsonb"),
    "flag": Type(Kind.INTEGER, "tinyint(1)", 8),
}
SCHEMA = TableSchema(
    1,
    TableName("shop", "public", "t"),
    "p.public.t",
    tuple(Column(number, name, type_) for number, (name, type_) in enumerate(TYPES.items(), 1)),
)


def predicate(text: str) -> Predicate:
    return bind(parse_condition(text), SCHEMA)


def decide(text: str, **values: Any) -> bool | None:
    """The condition on a row; what is not named is NULL."""
    return predicate(text)([orjson.dumps(values.get(name)) for name in TYPES])


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("i = 5", {"i": 5}, True),
        ("5 < i", {"i": 6}, True),
        ("5 >= i", {"i": 6}, False),
        ("i <> 5", {}, None),
        ("NOT i = 5", {}, None),
        ("i = 5 OR s = 'x'", {"s": "x"}, True),
        ("i = 5 AND s = 'x'", {"s": "y"}, False),
        ("i = 5 AND s = 'x'", {"s": "x"}, None),
        ("i IS NULL AND s IS NOT NULL", {"s": ""}, True),
        ("NOT (i IS NULL)", {"i": 0}, True),
        ("i IN (1, 2, 3)", {"i": 3}, True),
        ("i NOT IN (1, 2)", {"i": 3}, True),
        ("i NOT IN (1, 2)", {}, None),
        ("i BETWEEN -2 AND 2", {"i": -2}, True),
        ("i NOT BETWEEN 1 AND 2", {"i": 0}, True),
        ("i = 9007199254740993", {"i": 9007199254740992}, False),
        ("i = 9007199254740993.0", {"i": 9007199254740993}, True),
        ("d = 0.10", {"d": "0.1000"}, True),
        ("d > 123456789012345678901234567890.5", {"d": "123456789012345678901234567890.51"}, True),
        ("d > 1e300", {"d": "NaN"}, True),
        ("d < 0", {"d": "-Infinity"}, True),
        ("f = 0.1", {"f": 0.1}, True),
        ("f = 1e3", {"f": 1000.0}, True),
        ("f > 5", {"f": "Infinity"}, True),
        ("b", {"b": True}, True),
        ("NOT b", {"b": False}, True),
        ("flag", {"flag": 2}, True),
        ("NOT flag", {"flag": 0}, True),
        ("flag = TRUE", {"flag": 1}, True),
        ("b = 1", {"b": True}, True),
        ("b", {}, None),
        ("s = 'it''s'", {"s": "it's"}, True),
        ("s = 'A'", {"s": "a"}, False),
        ("s = 'a'", {"s": "a "}, False),
        ("c = 'a'", {"c": "a    "}, True),
        ("s < 'b'", {"s": "ä"}, False),
        ("s LIKE 'a%z'", {"s": "a\nz"}, True),
        ("s LIKE 'a_'", {"s": "a"}, False),
        ("s LIKE 'A%'", {"s": "abc"}, False),
        (r"s LIKE '50\%'", {"s": "50%"}, True),
        (r"s LIKE '50\%'", {"s": "500"}, False),
        ("s NOT LIKE '%.%'", {"s": "ab"}, True),
        ("u = 'A0000000-0000-0000-0000-000000000001'", {"u": "a0000000-0000-0000-0000-000000000001"}, True),
        ("day >= '2024-01-31'", {"day": "2024-02-01"}, True),
        ("day > '9999-12-31'", {"day": "infinity"}, True),
        ("day > '0001-01-01'", {"day": "0044-03-15 BC"}, False),
        ("day > '9999-12-31'", {"day": "10000-01-01"}, True),
        ("day = '0000-00-00'", {"day": "0000-00-00"}, True),
        ("at = '2024-01-31 12:00:00.5'", {"at": "2024-01-31T12:00:00.500000"}, True),
        ("at < '2024-02-01'", {"at": "2024-01-31T23:59:59.999999"}, True),
        ("atz = '2024-01-31T13:30:00+01:30'", {"atz": "2024-01-31T12:00:00Z"}, True),
        ("clock < '00:00:00'", {"clock": "-01:00:00"}, True),
        ("clock > '24:00:00'", {"clock": "838:59:59.000001"}, True),
        ("raw IS NULL OR doc IS NOT NULL", {"raw": "AA=="}, False),
        ("\"i\" = 1 and `s` IN ('a')", {"i": 1, "s": "a"}, True),
        ("((i = 1))", {"i": 1}, True),
    ],
)
def test_what_a_filter_decides(text: str, values: dict[str, Any], expected: bool | None) -> None:
    assert decide(text, **values) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no condition"),
        ("i = s", "a value is expected"),
        ("i = (SELECT 1)", "cannot stand there"),
        ("now() > 1", "no function now"),
        ("i + 1 = 2", "cannot stand there"),
        ("i = NULL", "write IS NULL"),
        ("i IN (1, NULL)", "write IS NULL"),
        ("i IS 5", "NULL is missing"),
        ("i = 1; DROP TABLE t", "';' has no meaning"),
        ("i = 'x", "has no end"),
        ("i = 1 AND", "ends too early"),
        ("i = 1 s = 2", "cannot stand there"),
        ("s LIKE 'a' ESCAPE '!'", "ESCAPE is not supported"),
        ("s LIKE 5", "LIKE takes a text"),
        ('s = "x"', "text is 'quoted'"),
        ("t.i = 1", "has no meaning"),
        ("i NOT 5", "IN, BETWEEN or LIKE"),
        ("CASE WHEN i THEN 1 END", "cannot stand there"),
    ],
)
def test_what_is_no_filter_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_condition(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("i = '5'", "column i: the column holds numbers"),
        ("s = 5", "column s: the column holds no numbers"),
        ("b = 2", "TRUE or FALSE"),
        ("i = TRUE", "the column holds numbers"),
        ("i", "only a boolean column can stand alone"),
        ("i LIKE '5%'", "LIKE takes a text"),
        ("s LIKE '5\\'", "ends in a backslash"),
        ("raw = 'x'", "cannot be compared"),
        ("doc = '{}'", "cannot be compared"),
        ("day = 'today'", "write it as '2024-01-31'"),
        ("day = '2024-01-31 10:00:00'", "the column holds dates"),
        ("at = '2024-01-31 12:00:00Z'", "has no time zone"),
        ("atz = '2024-01-31 12:00:00'", "or with an offset"),
        ("clock = 'noon'", "write it as '12:34:56'"),
    ],
)
def test_comparisons_that_do_not_fit_the_column(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        predicate(text)
    assert reason in str(caught.value)


def test_a_value_that_is_lacking_is_asked_for_only_where_it_decides() -> None:
    rows: list[bytes | None] = [b"1", *[None] * (len(TYPES) - 1)]
    assert predicate("i = 2 AND s = 'x'")(rows) is False
    assert predicate("i = 1 OR s = 'x'")(rows) is True
    with pytest.raises(LackingValueError) as caught:
        predicate("i = 1 AND s = 'x'")(rows)
    assert caught.value.column == "s"


def test_a_value_without_an_order_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueRefusedError) as caught:
        decide("at > '2024-01-01'", at="sometime")
    assert "public.t.at" in str(caught.value)
    assert "sometime" not in str(caught.value)


def test_the_columns_that_a_filter_names() -> None:
    assert set(columns_of(parse_condition("NOT (i = 1 OR s IS NULL) AND d BETWEEN 1 AND 2"))) == {"i", "s", "d"}


# ---- against SQLite, where its rules and ours are the same

NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([Decimal("0.5"), Decimal("-1.5"), 10**15]))
TEXTS = st.text(alphabet="aAbä%_ '", max_size=4)


def shown(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def comparisons(column: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    sign = st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        st.builds(lambda s, v: f"{column} {s} {shown(v)}", sign, values),
        st.builds(lambda s, v: f"{shown(v)} {s} {column}", sign, values),
        st.builds(lambda n: f"{column} IS {n}NULL", st.sampled_from(["", "NOT "])),
        st.builds(
            lambda n, vs: f"{column} {n}IN ({', '.join(map(shown, vs))})",
            st.sampled_from(["", "NOT "]),
            st.lists(values, min_size=1, max_size=3),
        ),
        st.builds(
            lambda n, a, b: f"{column} {n}BETWEEN {shown(a)} AND {shown(b)}",
            st.sampled_from(["", "not "]),
            values,
            values,
        ),
    )


LEAVES = st.one_of(
    comparisons("f", NUMBERS),
    comparisons("s", TEXTS),
    st.builds(lambda n, p: f"s {n}LIKE {shown(p)}", st.sampled_from(["", "NOT "]), TEXTS),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"{a} AND {b}", inner, inner),
        st.builds(lambda a, b: f"{a} OR {b}", inner, inner),
        st.builds(lambda a: f"NOT ({a})", inner),
        st.builds(lambda a: f"({a})", inner),
    ),
    max_leaves=6,
)


@given(condition=CONDITIONS, rows=st.lists(st.tuples(st.none() | NUMBERS, st.none() | TEXTS), min_size=1, max_size=5))
@settings(max_examples=400, deadline=None)
def test_sqlite_decides_the_same(condition: str, rows: list[tuple[Any, Any]]) -> None:
    test = predicate(condition)
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")
    connection.execute("CREATE TABLE t (f NUMERIC, s TEXT)")
    for number, text in rows:
        plain = float(number) if isinstance(number, Decimal) else number
        connection.execute("DELETE FROM t")
        connection.execute("INSERT INTO t VALUES (?, ?)", (plain, text))
        (found,) = connection.execute(f"SELECT {condition} FROM t").fetchone()
        values = {"f": plain, "s": text}
        ours = test([orjson.dumps(values.get(name)) for name in TYPES])
        assert ours is (None if found is None else bool(found)), (condition, number, text)
    connection.close()
