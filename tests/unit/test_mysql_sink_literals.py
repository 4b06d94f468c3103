"""Rows as literals of MySQL: the compiled form gives the bytes of the interpreted one, and the same refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.compiled import compiled_class
from tailrace.errors import ValueRefusedError
from tailrace.schema import Kind
from tailrace.sink import Row
from tailrace_mysql import sink_statements
from tailrace_mysql.sink_catalog import TableState, TargetColumn
from tailrace_mysql.sink_connection import Server
from tailrace_mysql.sink_statements import STATEMENT_BYTES, InterpretedTuples, TablePlan, Tuples
from tailrace_mysql.sink_types import table_types
from tests.sinks import column, integer, rows, target, text

TABLE = target(
    "everything",
    [
        integer(1, "id", key=1),
        column(2, "flag", Kind.BOOLEAN),
        column(3, "amount", Kind.DECIMAL, size=12, scale=2),
        column(4, "rate", Kind.FLOAT, size=64),
        column(5, "single", Kind.FLOAT, size=32),
        text(6, "name"),
        column(7, "data", Kind.BYTES),
        column(8, "at", Kind.TIMESTAMPTZ, size=6),
        column(9, "day", Kind.DATE),
        column(10, "doc", Kind.JSON),
        integer(11, "huge", size=64, unsigned=True),
    ],
)
#: What is written the quick way, and what just is not.
FEW_DECIMALS = st.builds(
    lambda digits, decimals: digits / 10**decimals,
    st.integers(-(10**16), 10**16) | st.integers(-(10**6), 10**6),
    st.integers(0, 9),
)
VALUES = {
    "id": st.integers(-(2**63), 2**63 - 1),
    "flag": st.booleans(),
    "amount": st.from_regex(r"\A-?[0-9]{1,9}(\.[0-9]{1,2})?\Z"),
    "rate": st.floats(allow_nan=False, allow_infinity=False)
    | FEW_DECIMALS
    | FEW_DECIMALS.map(lambda value: math.nextafter(value, math.inf))
    | st.integers(-9, 9),
    "single": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "name": st.text(st.characters(codec="utf-8")) | st.text("'\\ä"),
    "data": st.sampled_from(["", "AP8=", "AAAA"]),
    "at": st.sampled_from(["2024-02-29T12:34:56.123456Z", "0001-01-01T00:00:00Z"]),
    "day": st.sampled_from(["2024-02-29", "0001-01-01"]),
    "doc": st.sampled_from(['{"a": 1.10}', "[]", '"it\'s"']),
    "huge": st.integers(0, 2**64 - 1),
}
#: What a column cannot hold, or no value of its type.
ODD: dict[str, list[Any]] = {
    "flag": [2, "true", 1],
    "amount": ["NaN", "1.234", "1.", ".5", "", "-", "1e5", 5, "+1"],
    "rate": ["NaN", "Infinity", float("inf"), -0.0, "x"],
    "name": [5, ["a"]],
    "data": [5],
    "at": [5],
    "id": ["x", 1.5, True, 2**70],
}


def plan(mariadb: bool, from_mysql: bool = True, max_packet: int = 16 << 20) -> TablePlan:
    table = TABLE if from_mysql else target("everything", TABLE.columns, schema="public")
    server = Server(mariadb, (10, 11) if mariadb else (9, 7), max_packet, False)
    columns = {
        name: TargetColumn(name, type_, nullable=True, exact=True, generated=False, declaration=str(type_))
        for name, type_ in table_types(table, mariadb).items()
    }
    state = TableState(True, "InnoDB", "", columns, ("id",), ())
    return TablePlan(table, state, server, "db", "mysql://here")


def both(made: TablePlan) -> tuple[Tuples, Tuples]:
    names = [c.name for c in TABLE.columns]
    compiled = made._tuples(names)
    if compiled_class("tailrace_mysql.literals", "Tuples") is None:
        pytest.skip("no compiled form here")
    assert not isinstance(compiled, InterpretedTuples)
    return compiled, InterpretedTuples(names, [], made._literal)


def outcome(form: Tuples, given: list[Row], start: int, room: int) -> Any:
    try:
        return form.fill(given, start, room)
    except ValueRefusedError as error:
        return str(error)


whole = st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()})


@given(st.lists(whole, min_size=1, max_size=5), st.booleans(), st.booleans(), st.integers(0, 1500), st.data())
def test_both_forms_give_the_same_rows(
    values: list[dict[str, Any]], mariadb: bool, from_mysql: bool, room: int, data: st.DataObject
) -> None:
    compiled, interpreted = both(plan(mariadb, from_mysql))
    given = rows(values)
    start = data.draw(st.integers(0, len(given) - 1))
    assert outcome(compiled, given, start, room) == outcome(interpreted, given, start, room)


@pytest.mark.parametrize("mariadb", [True, False])
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, odd in ODD.items() for value in odd])
def test_both_forms_refuse_and_take_the_same_odd_values(name: str, value: Any, mariadb: bool) -> None:
    compiled, interpreted = both(plan(mariadb))
    given = rows([{**dict.fromkeys(VALUES), name: value}])
    assert outcome(compiled, given, 0, 1000) == outcome(interpreted, given, 0, 1000)


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_statements_hold_as_many_rows_as_their_bound_takes(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if form == "interpreted":
        monkeypatch.setattr(sink_statements, "compiled_class", lambda module, name: None)
    made = plan(mariadb=True, max_packet=1 << 20)
    values = {**dict.fromkeys(VALUES), "name": "x" * 1000}
    statements = list(made.upserts(rows([{**values, "id": n} for n in range(1000)])))
    assert all(len(statement) <= STATEMENT_BYTES for statement in statements)
    assert len(statements) == -(-1000 * 1050 // STATEMENT_BYTES)
    assert sum(statement.count(b"'x") for statement in statements) == 1000
    one = list(made.upserts(rows([{**values, "id": 1, "name": "y" * 700_000}, {**values, "id": 2}])))
    assert [b"yyy" in statement for statement in one] == [True, False], "a long row stands alone"
    with pytest.raises(ValueRefusedError, match="max_allowed_packet"):
        list(made.upserts(rows([{**values, "id": 1, "name": "y" * (1 << 20)}])))
