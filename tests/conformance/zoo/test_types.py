"""Every column type of every source: source = event = target, and loaded = logged = updated.

Events are compared with literals written by hand; targets are asked by SQL, not through the product. A value that a
target cannot hold is refused by its column's name, and a type that is not carried suspends its table by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tailrace.errors import ValueRefusedError
from tests.conformance.zoo import mysql_numbers, mysql_texts, postgres_numbers, postgres_texts
from tests.conformance.zoo.rig import TARGETS, Source, Zoo, sink_for_refusal, zoo
from tests.conformance.zoo.tables import DELETED, LOADED, LOGGED, UPDATED, Table
from tests.servers import Database

MYSQL, POSTGRES = ("mysql", "mariadb"), ("postgres15", "postgres18")
#: Zero dates, impossible dates and labels and the like get in; moments are what they say.
_MYSQL_SESSION = ("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'", "SET time_zone = '+00:00'")


def _postgres(server: str, database: Database) -> Source:
    newest = server == "postgres18"
    tables: list[Table] = [*postgres_numbers.TABLES, *postgres_texts.TABLES, postgres_texts.generated(newest)]
    if newest:
        tables += [postgres_texts.OWN.without_key(), postgres_numbers.NUMBERS.without_key()]
        tables += [postgres_numbers.INFINITE_INTERVALS, postgres_texts.HIGH_CHAR]
        # The target has the types too, but for the one whose labels come later.
        types = [statement for statement in postgres_texts.PREPARE if "late_mood" not in statement]
        return Source(
            database,
            tables,
            prepare=postgres_texts.PREPARE,
            prepare_postgres=types,
            whole_old=False,
            interval_style="iso_8601",
        )
    # The servers from PyPI come without extensions and without the library for XML.
    tables += [postgres_texts.EXTENSIONS, postgres_texts.MARKUP]
    tables += [table.without_key() for table in tables if not (table.refused or table.meanwhile or table.added)]
    prepare = (*postgres_texts.PREPARE, *postgres_texts.HSTORE)
    return Source(database, tables, prepare=prepare, bulk=True, interval_style="iso_8601")


def _mysql(server: str, database: Database) -> Source:
    tables: list[Table] = [*mysql_numbers.TABLES, *mysql_texts.TABLES]
    if server == "mysql":
        tables += [*mysql_numbers.MYSQL_REFUSED, *mysql_texts.MYSQL_TABLES]
    else:
        tables += mysql_texts.MARIADB_TABLES
    tables += [table.without_key() for table in tables if not (table.refused or table.meanwhile or table.added)]
    return Source(database, tables, mysql_texts.UNCARRIED, prepare=_MYSQL_SESSION, bulk=server == "mysql")


@pytest.fixture(scope="module", params=[*MYSQL, *POSTGRES])
def animals(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    server: str = request.param
    # An older server does not take all that a newer one has.
    postgres = server if server in POSTGRES else "postgres18"
    describe = _postgres if server in POSTGRES else _mysql
    with ExitStack() as stack:

        def database(kind: str, prefix: str) -> Database:
            made: Database = stack.enter_context(request.getfixturevalue(kind).database(prefix))
            return made

        databases = {
            name: database(kind, "dst") for name, kind in (("pg", postgres), ("my", "mysql"), ("maria", "mariadb"))
        }
        source = describe(server, database(server, "src"))
        folder = tmp_path_factory.mktemp("zoo")
        made = stack.enter_context(zoo(source, databases, request.getfixturevalue("dynamodb"), folder))
        for target in TARGETS:
            made.apply(target)
        yield made


def same(found: Any, wanted: Any) -> bool:
    """In value and in type: 1 is not 1.0, 0.0 is not -0.0."""
    return type(found) is type(wanted) and repr(found) == repr(wanted)


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else text[:200] + "…"


def test_an_event_says_exactly_what_was_inserted(animals: Zoo) -> None:
    problems: list[str] = []
    for table in animals.source.tables:
        rows = dict(animals.rows[table.name])
        for number, op, wanted in animals.expected(table):
            found_op, text = rows.pop(number)
            found = json.loads(text)
            if op == "r":  # what came later is in no event of these rows
                wanted = {name: value for name, value in wanted.items() if name not in table.added}
            if found_op != op or [*found] != ["id", *wanted]:
                problems.append(f"{table.name} {number}: {found_op} {[*found]}")
            for name, value in wanted.items():
                if not same(found.get(name), value):
                    what = f"{table.name}.{name} ({table.columns[name].type}) {op}"
                    problems.append(f"{what}: {short(found.get(name))} instead of {short(value)}")
        assert all(op == "d" for op, _ in rows.values()), f"{table.name}: rows that nobody inserted"
    assert not problems, "\n".join(problems)


def test_a_row_has_the_same_bytes_loaded_logged_updated_and_deleted(animals: Zoo) -> None:
    problems: list[str] = []
    for table in animals.source.tables:
        rows = animals.rows[table.name]
        for row in range(table.rows):
            number = row + 1
            shifts = [LOGGED, UPDATED]
            shifts += [LOADED] if row not in table.late and not table.added else []
            shifts += [DELETED] if animals.source.whole_old else []
            texts = [rows[number + shift][1] for shift in shifts]
            assert rows[number + DELETED][0] == "d"
            if len({text.partition(b",")[2] for text in texts}) != 1:
                problems.append(f"{table.name} {number}: {[short(text) for text in texts]}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds_what_was_inserted(animals: Zoo, target: str) -> None:
    problems: list[str] = []
    for table in animals.source.tables:
        if not table.held_by(target):
            continue
        held = animals.held(target, table)
        for number, _, values in animals.expected(table):
            answers = held.pop(number)
            for (name, value), answer in zip(values.items(), answers, strict=True):
                reading = table.columns[name].form.reading(target)
                wanted = None if value is None else reading.wanted(value)
                found = None if answer is None else reading.comparable(answer)
                if not same(found, wanted):
                    what = f"{table.name}.{name} ({table.columns[name].type}) {number}"
                    problems.append(f"{what}: {short(found)} instead of {short(wanted)}")
        assert not held, f"{table.name}: rows that nobody inserted"
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("target", TARGETS)
def test_a_sink_reads_back_what_the_events_say(animals: Zoo, target: str) -> None:
    """Which `verify` compares with the source: no difference may be reported where there is none."""
    problems: list[str] = []
    taken = [table for table in animals.source.tables if table.held_by(target)]
    for table, rows in animals.read_back(target, taken):
        for number, _, values in animals.expected(table):
            for name, value in values.items():
                if not same(rows[number][name], value):
                    what = f"{table.name}.{name} ({table.columns[name].type}) {number}"
                    problems.append(f"{what}: {short(rows[number][name])} instead of {short(value)}")
    assert not problems, "\n".join(problems)


# What a target refuses does not depend on the release of the source.
@pytest.mark.parametrize("animals", [*MYSQL, POSTGRES[-1]], indirect=True)
def test_a_value_that_a_target_cannot_hold_is_refused_by_name(animals: Zoo) -> None:
    refused = [(table, target) for table in animals.source.tables for target in table.refused]
    assert refused
    for table, target in refused:
        with pytest.raises(ValueRefusedError) as caught:
            animals.apply(sink_for_refusal(target, table))
        message = str(caught.value)
        assert table.refused[target] in message, f"{target} {table.name}: {message}"
        assert f"{table.name}, column c_v" in message, f"{target} {table.name}: {message}"
        assert animals.held(target, table) == {}, f"{target} {table.name}"


@pytest.mark.parametrize("animals", MYSQL, indirect=True)
def test_a_type_that_is_not_carried_suspends_its_table_by_name(animals: Zoo) -> None:
    reasons = animals.suspended
    assert set(reasons) == {uncarried.name for uncarried in animals.source.uncarried}
    for uncarried in animals.source.uncarried:
        assert uncarried.reason in reasons[uncarried.name]


#: Types of the system's own, of which no user can make a value; and what the server was built without.
_NOT_FOR_USERS = {
    *("gtsvector", "pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list"),
    *("pg_brin_bloom_summary", "pg_brin_minmax_multi_summary"),
}


@pytest.mark.parametrize("animals", POSTGRES, indirect=True)
def test_no_type_of_postgresql_is_left_out(animals: Zoo) -> None:
    database = animals.source.database
    left_out = database.query(
        "SELECT format_type(t.oid, NULL) FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace"
        " AND t.typtype IN ('b', 'r', 'm') AND t.typcategory <> 'A' AND NOT EXISTS (SELECT FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND a.atttypid = t.oid)"
    )
    without_library = {"xml"} if database.server.kind == "postgres18" else set()
    assert {name for (name,) in left_out} == _NOT_FOR_USERS | without_library
