"""Rows at the source, the same in the target, and what both then hold and do."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tailrace.conversion.catalog import Catalog, Table
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Conversion, Grade, Item
from tailrace.schema import Kind
from tests.integration.schema.fuzz.edges import edge
from tests.integration.schema.fuzz.sessions import utc
from tests.integration.schema.fuzz.values import alike, carried
from tests.integration.schema.fuzz.viewing import view_differences
from tests.integration.schema.rows.behaviour import Comparison, Difference
from tests.integration.schema.rows.tables import quoted
from tests.integration.schema.rows.writer import Writer, attempt, insert, savepoint
from tests.pipelines.workload import is_mysql

_ATTEMPTS = 12
_EDGES = 0.3


@dataclass(frozen=True)
class Told:
    """A difference of the target's, with what it may come from at the source.

    Attributes:
        about: (table or view, column, constraint, … or "").
    """

    probe: str
    about: frozenset[tuple[str, str]]
    source: str
    target: str

    def __str__(self) -> str:
        about = ", ".join(sorted(f"{table}.{member}" for table, member in self.about))
        return f"{self.probe} of {about}: source: {self.source}; target: {self.target}"

    def with_dependents(self, catalog: Catalog) -> Told:
        """About what is computed from its members, too: generated columns, checks and indexes."""
        found = set(self.about)
        for table in catalog.tables:
            mine = [member for name, member in self.about if name == table.name.name and member]
            computed = [(column.name, column.generated) for column in table.columns if column.generated]
            computed += [(check.name, check.expression) for check in table.checks]
            computed += [(index.name, part.expression) for index in table.indexes for part in index.parts]
            for _ in range(2):
                for name, text in computed:
                    if text and any(f"`{member}`" in text or member in text.split('"') for member in mine):
                        found.add((table.name.name, name))
                        mine.append(name)
        return replace(self, about=frozenset(found))

    def with_collations(self, catalog: Catalog) -> Told:
        """About the columns that a generated one is made of: another collation counts in what is made of them."""
        found = set(self.about)
        for table in catalog.tables:
            for column in table.columns:
                if column.generated and (table.name.name, column.name) in self.about:
                    found |= {(table.name.name, c.name) for c in table.columns if f"`{c.name}`" in column.generated}
        return replace(self, about=frozenset(found))

    def told_by(self, item: Item) -> bool:
        """Is the item about something that the difference may come from, or a trigger or table that is not made?"""
        members = {item.member, *(() if item.member else item.reason.partition(":")[0].split(", "))}
        if self.probe.startswith(("check", "column", "stored")) and item.grade is Grade.AUTOMATIC:
            return False  # a finding about rows that come later is none about what an expression makes
        whole = item.kind in ("trigger", "table") and item.grade is Grade.BY_HAND
        whole = whole or (item.kind in ("view", "partitioning") and item.grade is not Grade.AUTOMATIC)
        return any(item.name.name == table and (member in members or whole) for table, member in self.about)


def fill(database: Any, seed: int, rows: int) -> None:
    """Some rows in each table of the source: as many as it takes."""
    dice = random.Random(seed)
    writer = Writer(database, seed)
    with utc(database, autocommit=False) as cursor:
        for table in writer.tables:
            left = rows
            for _ in range(rows * _ATTEMPTS):
                row = writer.row(cursor, table)
                if row is None or not left:
                    break
                for name in row:
                    column = table.columns[name]
                    fixed = any(name in key.columns for key in table.foreign_keys) or column.counted
                    if not fixed and dice.random() < _EDGES:
                        row[name] = edge(column, row[name], dice)
                if _taken(cursor, database, table, row):
                    left -= 1
            writer._rows.clear()
        cursor.connection.commit()


def _taken(cursor: Any, database: Any, table: Any, row: Mapping[str, Any]) -> bool:
    """Whether it was inserted, and can be read: a virtual column may be refused only then."""
    try:
        with savepoint(cursor) as refusal:
            cursor.execute(*insert(database, table, row))
            cursor.execute(f"SELECT * FROM {quoted(database, table.name)}")
            cursor.fetchall()
    except (ValueError, OverflowError):
        cursor.execute("ROLLBACK TO SAVEPOINT attempt")
        return False
    return not refusal


def selected(cursor: Any, database: Any, table: str, expressions: Sequence[str]) -> list[tuple[Any, ...]]:
    cursor.execute(f"SELECT {', '.join(expressions)} FROM {quoted(database, table)}")
    return [tuple(row) for row in cursor.fetchall()]


def copy(here: Any, there: Any, names: Names, catalog: Catalog) -> list[Told]:
    """The source's rows into the target's tables, as the sink writes them; what it refuses."""
    refused = []
    with utc(here) as source, utc(there, autocommit=False) as target:
        _without_keys(target, there)
        for table in catalog.tables:
            if table.name not in names.objects:
                continue
            columns = names.columns[table.name]
            taken = [column for column in table.columns if column.name in columns]
            made = _writable(target, there, names.objects[table.name].name)
            taken = [column for column in taken if columns[column.name] in made]
            if not taken:
                continue
            rows = selected(source, here, table.name.name, [quoted(here, column.name) for column in taken])
            wanted = quoted(there, *(columns[column.name] for column in taken))
            marks = ", ".join(["%s"] * len(taken))
            sql = f"INSERT INTO {quoted(there, names.objects[table.name].name)} ({wanted}) "
            sql += f"{'OVERRIDING SYSTEM VALUE ' if there.server.kind.startswith('postgres') else ''}VALUES ({marks})"
            for row in rows:
                pairs = zip(row, taken, strict=True)
                values = [carried(value, column, here.server.kind, there.server.kind) for value, column in pairs]
                if refusal := attempt(target, sql, values):
                    members = {(table.name.name, ""), *((table.name.name, column.name) for column in taken)}
                    refused.append(Told("row", frozenset(members), repr(row)[:1500], refusal[:600]))
        target.connection.commit()
    return refused


def _without_keys(cursor: Any, database: Any) -> None:
    """As a load that writes the tables one after the other; triggers do not run either, where that can be."""
    if is_mysql(database):
        cursor.execute("SET foreign_key_checks = 0")
    elif database.server.kind.startswith("postgres"):
        cursor.execute("SET session_replication_role = replica")


def _writable(cursor: Any, database: Any, table: str) -> set[str]:
    """Columns that the database does not make itself."""
    if database.server.kind == "sqlite":
        cursor.execute(f"PRAGMA table_xinfo({quoted(database, table)})")
        return {row[1] for row in cursor.fetchall() if row[6] not in (2, 3)}
    if is_mysql(database):
        sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s"
        sql += " AND coalesce(generation_expression, '') = ''"
    else:
        sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        sql += " AND is_generated = 'NEVER'"
    cursor.execute(sql, [table])
    return {row[0] for row in cursor.fetchall()}


def compare(here: Any, there: Any, names: Names, conversion: Conversion) -> tuple[list[Told], Counter[str]]:
    """The rows of both, with what the target has made itself; and those of the views."""
    found: list[Told] = []
    figures: Counter[str] = Counter()
    with utc(here) as source, utc(there) as target:
        for table in conversion.source.tables:
            pair = _pair(table, names, conversion)
            if pair is None:
                continue
            ours = keyed(source, here, table.name.name, *pair[0])
            theirs = keyed(target, there, names.objects[table.name].name, *pair[1])
            figures["rows"] += len(ours)
            documents = {column.name for column in table.columns if column.type.kind is Kind.JSON}
            for key, row in ours.items():
                other = theirs.get(key)
                if other is None:
                    continue  # it was refused, and that is told
                for name, one, two in zip(pair[0][1], row, other, strict=True):
                    if not (alike(one, two) or (name in documents and _same_document(one, two))):
                        about = frozenset({(table.name.name, name)})
                        generated = next(c.generated for c in table.columns if c.name == name)
                        said = f"{generated}: " if generated else ""
                        found.append(Told("column", about, f"{said}{one!r} in {row!r}"[:1500], repr(two)[:300]))
    return found, figures


def _same_document(one: Any, other: Any) -> bool:
    return bool(json.loads(one) == (json.loads(other) if isinstance(other, str) else other))


def _pair(table: Table, names: Names, conversion: Conversion) -> Any:
    """(key, columns) at the source, and their names in the target; None where rows cannot be told apart there."""
    key = table.primary_key
    wanted = names.objects.get(table.name)
    if key is None or wanted is None or any(part.column is None for part in key.parts):
        return None
    columns = names.columns[table.name]
    made = next((t for t in conversion.target.tables if t.name.name == wanted.name), None)
    if made is None or not all(name in columns for name in key.columns):
        return None
    there = {column.name for column in made.columns}
    kept = [column.name for column in table.columns if columns.get(column.name) in there]
    return (key.columns, kept), ([columns[name] for name in key.columns], [columns[name] for name in kept])


def keyed(
    cursor: Any, database: Any, table: str, key: Sequence[str], expressions: Sequence[str], raw: bool = False
) -> Mapping[str, tuple[Any, ...]]:
    """By the text of the key's values."""
    wanted = list(expressions) if raw else [quoted(database, name) for name in expressions]
    rows = selected(cursor, database, table, [*(quoted(database, name) for name in key), *wanted])
    return {repr([_form(value) for value in row[: len(key)]]): row[len(key) :] for row in rows}


def _form(value: Any) -> str:
    return str(bytes(value)) if isinstance(value, bytes | memoryview) else str(value).replace("+00:00", "").rstrip("Z")


def behave(here: Any, there: Any, seed: int, names: Names) -> tuple[int, list[Told]]:
    """Both are given the same statements; how many, and what differs."""
    found: list[Difference] = []
    tried = 0
    if there.server.kind != "sqlite":
        comparison = Comparison(here, there, seed)
        kept = {name.name for name in names.objects}
        found = comparison.run([t.name for t in comparison.writer.tables if t.name not in kept])
        tried = comparison.tried
    found += view_differences(here, there, names)
    # A number that the target counts is as far as the pipeline's end would set it.
    found = [one for one in found if "Key (id)=" not in one.target and "value for column 'id'" not in one.target]
    return tried, [Told(d.probe, d.about, d.source, d.target) for d in found]
