"""The catalog of a SQLite file, by pragmas and `sqlite_master`: https://www.sqlite.org/pragma.html#pragma_table_xinfo."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Counter,
    Dialect,
    ForeignKey,
    Identity,
    ObjectName,
    Table,
    Trigger,
    View,
)
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tailrace_sqlite.schema.words import Word, divided, find, inside, words, written
from tailrace_sqlite.sink_tables import folded, quoted

_KINDS = {"INTEGER": Kind.INTEGER, "BOOLEAN": Kind.BOOLEAN, "BLOB": Kind.BYTES, "TEXT": Kind.TEXT}
#: Behind a column's name and type.
_AFTER_TYPE = frozenset(
    ("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS")
)
_TABLE_CONSTRAINTS = frozenset(("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"))


def read(connection: sqlite3.Connection, origin: str, wanted: Callable[[str], bool] = lambda name: True) -> Catalog:
    """Everything but what is SQLite's and the sink's own.

    Args:
        wanted: of a table's or view's name.
    """
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").fetchall()
    own = [row for row in rows if not folded(row[1]).startswith(("sqlite_", "_tailrace_")) and wanted(row[2])]
    indexes = {name: sql or "" for type_, name, _, sql in rows if type_ == "index"}
    version = connection.execute("SELECT sqlite_version()").fetchone()[0]
    return Catalog(
        Dialect.SQLITE,
        version=version,
        origin=origin,
        tables=tuple(
            _table(connection, name, sql, indexes)
            for type_, name, _, sql in own
            if type_ == "table" and not sql.upper().startswith("CREATE VIRTUAL")
        ),
        views=tuple(_view(name, sql) for type_, name, _, sql in own if type_ == "view"),
        triggers=tuple(_trigger(name, table, sql) for type_, name, table, sql in own if type_ == "trigger"),
    )


@dataclass(slots=True)
class _Written:
    """What CREATE TABLE says and no pragma does.

    Attributes:
        columns: the words behind each column's name, by that.
        keys: names and timing of foreign keys, by their columns.
    """

    columns: dict[str, list[Word]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    keys: dict[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)


def _table(connection: sqlite3.Connection, name: str, sql: str, indexes: dict[str, str]) -> Table:
    said = _statement(sql)
    info = connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
    key = [row for row in sorted(info, key=lambda row: row[5]) if row[5]]
    counted = len(key) == 1 and find(said.columns[key[0][1]], "AUTOINCREMENT") >= 0
    identity = _identity(connection, name) if counted else None
    columns = tuple(
        _column(row, sql, said.columns[row[1]], identity if counted and row[5] else None) for row in info if row[6] != 1
    )
    found = [_index(connection, name, row, indexes) for row in connection.execute(f"PRAGMA index_list({quoted(name)})")]
    if key and not any(index.primary for index in found):
        found.append(Index("", tuple(Part(row[1]) for row in key), unique=True, primary=True))
    return Table(
        ObjectName("", name),
        columns,
        tuple(sorted(found, key=lambda index: (not index.primary, index.name))),
        tuple(said.checks),
        tuple(_foreign_keys(connection, name, said)),
    )


def _statement(sql: str) -> _Written:
    said = _Written()
    all_words = words(sql)
    start = next(place for place, word in enumerate(all_words) if word.upper == "(")
    body, _ = inside(all_words, start)
    for part in divided(body):
        if part[0].upper in _TABLE_CONSTRAINTS:
            _constraint(sql, part, said)
            continue
        name, rest = part[0].name, part[1:]
        said.columns[name] = rest
        for place, expression in _parenthesised(sql, rest, "CHECK"):
            said.checks.append(Check(_name_before(rest, place), expression))
        if (place := find(rest, "REFERENCES")) >= 0:
            said.keys[(folded(name),)] = (_name_before(rest, place), _timing(rest[place:]))
    return said


def _constraint(sql: str, part: list[Word], said: _Written) -> None:
    name = part[1].name if part[0].upper == "CONSTRAINT" else ""
    rest = part[2:] if name else part
    if rest[0].upper == "CHECK":
        said.checks.append(Check(name, written(sql, inside(rest, 1)[0])))
    elif rest[0].upper == "FOREIGN":
        columns, _ = inside(rest, 2)
        names = tuple(folded(word[0].name) for word in divided(columns))
        said.keys[names] = (name, _timing(rest))


def _parenthesised(sql: str, rest: list[Word], keyword: str) -> Iterator[tuple[int, str]]:
    start = 0
    while (place := find(rest, keyword, start=start)) >= 0:
        yield place, written(sql, inside(rest, place + 1)[0])
        start = place + 1


def _name_before(rest: list[Word], place: int) -> str:
    return rest[place - 1].name if place >= 2 and rest[place - 2].upper == "CONSTRAINT" else ""


def _timing(rest: list[Word]) -> str:
    place = find(rest, "DEFERRABLE")
    if place < 0 or rest[place - 1].upper == "NOT":
        return ""
    return "deferred" if find(rest, "INITIALLY", "DEFERRED") >= 0 else "deferrable"


def _column(row: tuple[object, ...], sql: str, rest: list[Word], identity: Identity | None) -> Column:
    _, name, type_, not_null, default, _, hidden = row
    generated = ""
    if hidden in (2, 3):
        place = find(rest, "AS")
        generated = written(sql, inside(rest, place + 1)[0])
    collate = find(rest, "COLLATE")
    # Behind a generated column's type the pragma has GENERATED ALWAYS.
    end = next((place for place, word in enumerate(rest) if word.upper in _AFTER_TYPE), len(rest))
    declared = str(type_) if not generated else written(sql, rest[:end])
    return Column(
        str(name),
        Type(_KINDS.get(declared.upper(), Kind.OTHER), declared),
        declared,
        nullable=not not_null,
        default=str(default) if default is not None else "",
        generated=generated,
        stored=hidden != 2,
        identity=identity,
        collation=rest[collate + 1].name if collate >= 0 else "",
    )


def _identity(connection: sqlite3.Connection, table: str) -> Identity:
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return Identity(Counter(next=last[0] + 1 if last else 1))


def _index(connection: sqlite3.Connection, table: str, row: tuple[object, ...], indexes: dict[str, str]) -> Index:
    _, name, unique, origin, partial = row
    sql = indexes.get(str(name), "")
    expressions: list[list[Word]] = []
    where = ""
    if sql:
        all_words = words(sql)
        # The table's name may be no word for `find`; the parts stand in the first parentheses.
        start = next(place for place, word in enumerate(all_words) if word.upper == "(")
        body, end = inside(all_words, start)
        expressions = list(divided(body))
        where = written(sql, all_words[end + 1 :]) if partial else ""
    parts: list[Part] = []
    info = connection.execute(f"PRAGMA index_xinfo({quoted(str(name))})").fetchall()
    defaults = _collations(connection, table)
    for place, (_, cid, column, descending, collation, key) in enumerate(info):
        if not key:
            continue
        expression = ""
        if cid < 0:
            expression = _expression(sql, expressions[place])
        own = "" if collation == defaults.get(column or "", "BINARY") else collation
        parts.append(Part(column or "", expression, descending=bool(descending), collation=own))
    return Index(
        "" if origin == "pk" else str(name),
        tuple(parts),
        unique=bool(unique),
        primary=origin == "pk",
        constraint=origin == "u",
        where=where,
    )


def _collations(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Each column's own."""
    sql = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()[0]
    found: dict[str, str] = {}
    for name, rest in _statement(sql).columns.items():
        place = find(rest, "COLLATE")
        found[name] = rest[place + 1].name.upper() if place >= 0 else "BINARY"
    return found


def _expression(sql: str, part: list[Word]) -> str:
    """Without its direction, its collation, and parentheses around all of it."""
    end = find(part, "COLLATE")
    if end < 0:
        end = len(part) - 1 if part[-1].upper in ("ASC", "DESC") else len(part)
    part = part[:end]
    if part[0].upper == "(" and inside(part, 0)[1] == len(part):
        part = part[1:-1]
    return written(sql, part)


def _foreign_keys(connection: sqlite3.Connection, table: str, said: _Written) -> Iterator[ForeignKey]:
    by_id: dict[int, list[tuple[object, ...]]] = {}
    for row in connection.execute(f"PRAGMA foreign_key_list({quoted(table)})"):
        by_id.setdefault(row[0], []).append(row)
    found = []
    for rows in by_id.values():
        rows.sort(key=lambda row: int(str(row[1])))
        columns = tuple(str(row[3]) for row in rows)
        name, timing = said.keys.get(tuple(folded(column) for column in columns), ("", ""))
        found.append(
            ForeignKey(
                name,
                columns,
                ObjectName("", str(rows[0][2])),
                tuple(str(row[4]) for row in rows if row[4] is not None),
                on_update=str(rows[0][5]),
                on_delete=str(rows[0][6]),
                deferrable=timing,
            )
        )
    yield from sorted(found, key=lambda key: (key.name, key.columns))


def _view(name: str, sql: str) -> View:
    all_words = words(sql)
    place = find(all_words, "AS")
    columns: tuple[str, ...] = ()
    if all_words[place - 1].upper == ")":
        start = next(place for place, word in enumerate(all_words) if word.upper == "(")
        columns = tuple(word[0].name for word in divided(inside(all_words, start)[0]))
    return View(ObjectName("", name), written(sql, all_words[place + 1 :]), columns)


def _trigger(name: str, table: str, sql: str) -> Trigger:
    all_words = words(sql)
    head = [word.upper for word in all_words]
    event = next(word for word in head if word in ("INSERT", "UPDATE", "DELETE"))
    timing = "INSTEAD OF" if "INSTEAD" in head else "BEFORE" if "BEFORE" in head else "AFTER"
    begin = find(all_words, "BEGIN")
    when = find(all_words[:begin], "WHEN")
    condition = all_words[when + 1 : begin] if when >= 0 else []
    if condition and condition[0].upper == "(" and inside(condition, 0)[1] == len(condition):
        condition = condition[1:-1]
    columns: tuple[str, ...] = ()
    if (of := find(all_words[:begin], "UPDATE", "OF")) >= 0:
        end = find(all_words, "ON", start=of)
        columns = tuple(part[0].name for part in divided(all_words[of + 2 : end]))
    return Trigger(
        ObjectName("", name),
        ObjectName("", table),
        timing,
        (event,),
        True,
        sql,
        columns=columns,
        when=written(sql, condition),
        body=written(sql, all_words[begin + 1 : -1]),
    )
