"""Expressions whose translation is said to be surely the same have the same values."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pymysql

from tailrace.conversion.catalog import Catalog, Table
from tailrace.conversion.expressions import translate
from tailrace.conversion.job import Job
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Grade
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Use
from tests.integration.schema.fuzz.draft import Probe
from tests.integration.schema.fuzz.filling import keyed
from tests.integration.schema.fuzz.sessions import utc
from tests.integration.schema.fuzz.values import alike

_REFUSALS = (psycopg2.Error, pymysql.err.MySQLError, sqlite3.Error, ValueError, OverflowError)


@dataclass
class Values:
    different: list[tuple[Probe, str]] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)


def compare(
    here: Any, there: Any, catalog: Catalog, made: Job, names: Names, rules: Rules, probes: Sequence[Probe]
) -> Values:
    """Of each table that has a key, in both the same rows."""
    found = Values()
    for table in catalog.tables:
        key = table.primary_key
        mine = [probe for probe in probes if probe.table == table.name.name]
        if not mine or key is None or table.name not in names.objects or any(p.column is None for p in key.parts):
            continue
        columns = {column.name: column for column in table.columns}
        types = made.target.types(table, catalog.dialect)
        written: dict[Probe, str] = {}
        for probe in mine:
            result = translate(
                probe.sql,
                Use.QUERY,
                catalog.dialect,
                made.target.dialect,
                columns,
                names,
                table.name,
                rules,
                types=types,
            )
            found.figures[f"expressions {result.grade}"] += 1
            if result.grade is Grade.AUTOMATIC:
                written[probe] = result.sql
        if written:
            _held_together(here, there, table, names, written, found)
    return found


def _held_together(
    here: Any, there: Any, table: Table, names: Names, written: Mapping[Probe, str], found: Values
) -> None:
    key = table.primary_key
    assert key is not None
    their_key = [names.columns[table.name][name] for name in key.columns]
    with utc(here) as source, utc(there) as target:
        ours, _ = _values(source, here, table.name.name, key.columns, {p: p.sql for p in written})
        good = {probe: sql for probe, sql in written.items() if probe in ours}
        theirs, refused = _values(target, there, names.objects[table.name].name, their_key, good)
    for probe, sql in good.items():
        found.figures["expressions compared"] += 1
        if probe in refused:
            found.different.append((probe, f"{probe.sql}  =>  {sql}: the target refuses: {refused[probe][:500]}"))
            continue
        for row, value in ours[probe].items():
            if row in theirs[probe]:
                found.figures["values compared"] += 1
                if not alike(value, theirs[probe][row]):
                    detail = f"{probe.sql}  =>  {sql}: in row {row} {value!r} became {theirs[probe][row]!r}"
                    found.different.append((probe, detail))
                    break


def _values(
    cursor: Any, database: Any, table: str, key: Sequence[str], expressions: Mapping[Probe, str]
) -> tuple[dict[Probe, dict[str, Any]], dict[Probe, str]]:
    """Of each expression its values by the rows' keys; and why one was refused: all in one query, halves where not."""
    probes = list(expressions)
    if not probes:
        return {}, {}
    try:
        rows = keyed(cursor, database, table, key, [f"({expressions[probe]})" for probe in probes], raw=True)
    except _REFUSALS as error:
        if len(probes) == 1:
            return {}, {probes[0]: str(error)}
        half = len(probes) // 2
        values: dict[Probe, dict[str, Any]] = {}
        refused: dict[Probe, str] = {}
        for part in (probes[:half], probes[half:]):
            more, why = _values(cursor, database, table, key, {probe: expressions[probe] for probe in part})
            values |= more
            refused |= why
        return values, refused
    return {probe: {row: value[number] for row, value in rows.items()} for number, probe in enumerate(probes)}, {}
