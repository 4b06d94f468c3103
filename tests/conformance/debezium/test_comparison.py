"""The comparison itself: it sees what differs, and takes no difference for another one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.debezium import declared
from tests.conformance.debezium.case import EVERYWHERE, Case
from tests.conformance.debezium.cases import CASES, cases_of
from tests.conformance.debezium.comparison import MISSING, Found, compare, same
from tests.conformance.debezium.differences import DIFFERENCES, name_of
from tests.conformance.debezium.event import Event, read
from tests.conformance.debezium.recording import Recording
from tests.conformance.debezium.verdict import judge

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "debezium.md"


def line(op: str, key: Any, before: Any, after: Any, **source: Any) -> dict[str, Any]:
    members = {"table": "t", "snapshot": "false", "pos": 4, **source}
    return {"topic": "p.s.t", "key": key, "value": {"before": before, "after": after, "op": op, "source": members}}


INSERT = line("c", {"id": 1}, None, {"id": 1, "at": "2024-01-31T00:00:00"})
TOMBSTONE = {"topic": "p.s.t", "key": {"id": 1}, "value": None}


def events(*lines: dict[str, Any]) -> list[Event]:
    return list(read(lines, "p."))


@pytest.mark.parametrize(
    ("other", "where"),
    [
        (line("c", {"id": 2}, None, {"id": 1, "at": "2024-01-31T00:00:00"}), ["id"]),
        (line("c", None, None, {"id": 1, "at": "2024-01-31T00:00:00"}), ["key"]),
        (line("c", {"id": 1}, None, {"at": "2024-01-31T00:00:00", "id": 1}), ["order of after"]),
        (line("c", {"id": 1}, None, {"id": 1}), ["at"]),
        (line("c", {"id": 1}, None, {"id": 1, "at": "2024-01-31T00:00:00", "more": 1}), ["after"]),
        (line("c", {"id": 1}, {}, {"id": 1, "at": "2024-01-31T00:00:00"}), ["before"]),
        (line("c", {"id": 1}, None, {"id": 1, "at": "2024-01-31T00:00:00"}, pos=5), ["source.pos"]),
        (line("u", {"id": 1}, None, {"id": 1, "at": "2024-01-31T00:00:00"}), ["event", "event"]),
    ],
)
def test_every_part_of_an_event_is_compared(other: dict[str, Any], where: list[str]) -> None:
    assert [found.where for found in compare(events(INSERT), events(other), {})] == where


def test_order_and_tombstones_are_compared() -> None:
    second = line("c", {"id": 2}, None, {"id": 2, "at": None})
    assert compare(events(INSERT, TOMBSTONE), events(INSERT, TOMBSTONE), {}) == []
    assert [found.part for found in compare(events(INSERT, TOMBSTONE), events(INSERT), {})] == ["event"]
    assert compare(events(INSERT, second), events(second, INSERT), {})


def test_rows_of_a_table_are_compared_where_only_one_has_a_key() -> None:
    first, second = {"code": "a"}, {"code": "b"}
    ours = events(line("c", None, None, first), line("u", None, first, second))
    keyed = (line("d", first, first, None), {**TOMBSTONE, "key": first}, line("c", second, None, second))
    theirs = events(line("c", first, None, first), *keyed)
    assert [found.part for found in compare(ours, theirs, {})] == ["key", "event", "event", "event", "event"]
    other = events(line("c", first, None, second), *keyed)
    assert [found.part for found in compare(ours, other, {})] == ["event"] * 6


def test_positions_of_loaded_rows_are_not_compared() -> None:
    loaded = [line("r", {"id": 1}, None, {"id": 1}, pos=pos) for pos in (4, 5)]
    assert compare(events(loaded[0]), events(loaded[1]), {}) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "equal"),
    [(1, 1.0, True), (1, True, False), (0.0, -0.0, False), ("1", 1, False), (None, None, True), (None, MISSING, False)],
)
def test_values_are_the_same_where_json_says_the_same(ours: Any, theirs: Any, equal: bool) -> None:
    assert same(ours, theirs) is equal


@pytest.mark.parametrize(
    ("type_", "ours", "theirs", "name"),
    [
        ("datetime(6)", "2024-01-31T12:34:56.500000", "2024-01-31T12:34:56.5Z", "false-zone"),
        ("datetime(6)", "2024-01-31T12:34:56.500000", "2024-01-31T12:34:57.5Z", ""),
        ("varchar(40)", "2024-01-31T12:34:56", "2024-01-31T12:34:56Z", ""),
        ("time", "-01:00:00", None, "time-of-day"),
        ("time", "-01:00:00", "01:00:00Z", ""),
        ("time", "24:00:00", "00:00:00Z", "time-of-day"),
        ("time", "12:00:00", None, ""),
        ("date", "0000-00-00", None, "zero-dates"),
        ("date", "2024-01-01", None, ""),
        ("bigint unsigned", 2**64 - 1, -1, "unsigned-bigint"),
        ("bigint unsigned", 2**64 - 1, -2, ""),
        ("bit(10)", "1000000001", "AQI=", "bits"),
        ("bit(10)", "1000000001", "AgE=", ""),
        ("json", '{"a": 1.50}', '{"a":1.50}', "json-layout"),
        ("json", '{"a": 1.50}', '{"a":1.5}', ""),
        ("integer[]", "{1,NULL,-3}", [1, None, -3], "arrays"),
        ("integer[]", "{1,NULL,-3}", [1, 0, -3], ""),
        ("text[]", '{"a,b","NULL",NULL,""}', ["a,b", "NULL", None, ""], "arrays"),
        ("interval", "P1DT2H", "P0Y0M1DT2H0M0S", "interval-zeros"),
        ("interval", "P1DT2H", "P0Y0M2DT2H0M0S", ""),
        ("hstore", '"a"=>"1", "b"=>NULL', '{"a":"1","b":null}', "hstore"),
        ("hstore", '"a"=>"1", "b"=>NULLx', '{"a":"1","b":null}', ""),
        ("bit(3)", "102", "AQ==", ""),
        ("date", "0044-03-15 BC", "-0043-03-15Z", "years-before-christ"),
        ("date", "0044-03-15 BC", "-0044-03-15Z", ""),
    ],
)
def test_a_difference_is_known_only_in_its_exact_form(type_: str, ours: Any, theirs: Any, name: str) -> None:
    assert name_of(Found("t", "after", "c", ours, theirs, type_)) == name


def test_a_declared_difference_must_occur_and_an_undeclared_one_must_not() -> None:
    cases = [Case("t", (), ())]
    other = line("c", {"id": 1}, None, {"id": 1, "at": "2024-01-31T00:00:00Z"})
    recording = Recording(events(INSERT), events(other), {"t": {"at": "datetime"}})
    place = ("false-zone", "t/at")
    assert judge(cases, recording, {place})[0].state == "differs"
    assert judge(cases, recording, set())[0].complaints == ["undeclared: false-zone at t/at"]
    equal = Recording(events(INSERT), events(INSERT))
    assert judge(cases, equal, set())[0].state == "equal"
    assert judge(cases, equal, {place})[0].complaints == ["declared, but does not occur: false-zone at t/at"]


def test_events_of_a_table_that_no_case_has_are_a_complaint() -> None:
    recording = Recording(events(INSERT), events(INSERT))
    assert judge([Case("other", (), ())], recording, set())[0].complaints == [
        "there are no events at all",
        "there are events of tables that no case has: t",
    ]


def test_every_case_has_tables_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert all(len(cases_of(engine)) > 60 for engine in EVERYWHERE)


def test_declared_differences_are_those_of_the_document() -> None:
    described = re.findall(r"^### `([a-z-]+)`", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(described) == sorted(DIFFERENCES)
    places = declared.load()
    assert {name for engine in places.values() for name, _ in engine} == set(described)
    known = {engine: {case.name for case in cases_of(engine)} for engine in EVERYWHERE}
    for engine, found in places.items():
        assert {place.partition("/")[0] for _, place in found} <= known[engine]
