"""Tables with their partitions, indexes and constraints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tailrace.conversion.catalog import OF_INDEX, Check, ForeignKey, ObjectKind, ObjectName, Table
from tailrace.structure import Index
from tailrace.tables import OWN_PREFIX
from tailrace_postgres.schema.partitioning import bounds, partitioning
from tailrace_postgres.schema.reading import DEFERRABLE, Reading, own
from tailrace_postgres.schema.reading_columns import FoundColumn, FoundSequence, columns, sequences
from tailrace_postgres.schema.sql_text import ident, qualified
from tailrace_postgres.structure import INDEX_COLUMNS, INDEX_SOURCES, read_indexes

_TABLES = f"""
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence = 'u', c.relispartition,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END,
       CASE WHEN c.reltuples >= 0
            THEN (c.relpages + coalesce(t.relpages, 0)) * current_setting('block_size')::int8 END,
       c.relreplident, c.relrowsecurity, c.relforcerowsecurity,
       array_to_string(ARRAY(SELECT unnest(c.reloptions) UNION ALL SELECT 'toast.' || unnest(t.reloptions)), ', '),
       coalesce(s.spcname, ''), CASE WHEN m.amname = 'heap' THEN '' ELSE coalesce(m.amname, '') END,
       CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) ELSE '' END,
       coalesce(obj_description(c.oid, 'pg_class'), ''),
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) ELSE '' END,
       coalesce(pg_get_expr(c.relpartbound, c.oid), ''),
       ARRAY(SELECT i.inhparent::int8 FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace LEFT JOIN pg_am m ON m.oid = c.relam
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {own("pg_class", "c.oid")}
   AND NOT starts_with(c.relname, '{OWN_PREFIX}')
"""
_OF_SCHEMAS = f"{_TABLES} AND n.nspname = ANY(%s) ORDER BY n.nspname, c.relname"
_PARTITIONS = f"""
{_TABLES} AND c.relispartition AND c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = ANY(%s::oid[]))
 ORDER BY n.nspname, c.relname
"""
_INDEXES = f"SELECT i.indrelid, {INDEX_COLUMNS} {INDEX_SOURCES} WHERE i.indrelid = ANY(%s::oid[]) ORDER BY 1, c.relname"
_INDEX_EXTRAS = """
SELECT i.indrelid, c.relname, c.relispartition, i.indisvalid, i.indisreplident, i.indisclustered, i.indisunique,
       m.amname, k.contype, pg_get_indexdef(c.oid, 0, true), pg_get_constraintdef(k.oid, true),
       coalesce(array_to_string(c.reloptions, ', '), ''), coalesce(s.spcname, ''),
       coalesce(obj_description(c.oid, 'pg_class'), ''), obj_description(k.oid, 'pg_constraint'),
       ARRAY(SELECT ARRAY[a.attnum::int, a.attstattarget::int] FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attstattarget >= 0 ORDER BY a.attnum)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
  LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u', 'x') AND k.conrelid = i.indrelid
 WHERE i.indrelid = ANY(%s::oid[]) ORDER BY i.indrelid, c.relname
"""
_CONSTRAINTS = """
SELECT k.conrelid, k.conname, k.contype, coalesce(pg_get_expr(k.conbin, k.conrelid, true), ''), k.convalidated,
       coalesce((to_jsonb(k) ->> 'conenforced')::bool, true), k.connoinherit, k.conislocal, k.coninhcount > 0,
       k.condeferrable, k.condeferred, coalesce((to_jsonb(k) ->> 'conperiod')::bool, false),
       k.confupdtype, k.confdeltype, k.confmatchtype, n.nspname, c.relname,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS p (attnum, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.attnum ORDER BY p.place),
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS p (attnum, place)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.attnum ORDER BY p.place),
       ARRAY(SELECT a.attname::text FROM unnest(k.confdelsetcols) p
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p),
       pg_get_constraintdef(k.oid, true), obj_description(k.oid, 'pg_constraint')
  FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = k.confrelid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype IN ('c', 'f', 'n') AND k.conparentid = 0 AND k.conrelid = ANY(%s::oid[])
 ORDER BY k.conrelid, k.conname
"""
_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_KINDS = {"p": ObjectKind.PRIMARY_KEY, "u": ObjectKind.UNIQUE, "x": ObjectKind.EXCLUSION}
_IDENTITIES = {"f": "full", "n": "nothing"}


@dataclass(slots=True)
class _Found:
    """A table or a partition, as it is put together."""

    oid: int
    name: ObjectName
    kind: str
    unlogged: bool
    partition: bool
    rows: int | None
    bytes: int | None
    replica: str
    secured: bool
    forced: bool
    storage: str
    tablespace: str
    method: str
    type: str
    comment: str
    key: str
    bound: str
    parents: tuple[int, ...]
    columns: list[FoundColumn] = field(default_factory=list)
    indexes: tuple[Index, ...] = ()
    checks: list[Check] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)
    local_checks: list[str] = field(default_factory=list)
    physical: list[str] = field(default_factory=list)
    of_indexes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        return qualified(self.name)


def tables(reading: Reading) -> tuple[list[Table], list[FoundSequence]]:
    """The tables of the schemas; their partitions wherever they are. Then the sequences."""
    found = {row[0]: _found(row) for row in reading.ask(_OF_SCHEMAS, list(reading.schemas), doing="tables")}
    pending = [oid for oid, table in found.items() if table.kind == "p"]
    while pending:
        rows = [row for row in reading.ask(_PARTITIONS, pending, doing="partitions") if row[0] not in found]
        found.update((row[0], _found(row)) for row in rows)
        pending = [row[0] for row in rows if row[3] == "p"]
    reading.relations.update((oid, table.name) for oid, table in found.items())
    reading.roots.update(_roots(found))
    counted = sequences(reading, found)
    for oid, group in columns(reading, found, counted).items():
        found[oid].columns = group
    parts = {oid for oid, table in found.items() if table.partition and table.parents[0] in found}
    _indexes(reading, found, parts)
    _constraints(reading, found, parts)
    for table in found.values():
        _physical(table)
    members: dict[int, list[_Found]] = defaultdict(list)
    for oid in parts:
        members[found[oid].parents[0]].append(found[oid])
        _of_partition(reading, found[oid], found[found[oid].parents[0]])
    return [_table(reading, table, found, members) for oid, table in found.items() if oid not in parts], counted


def _roots(found: Mapping[int, _Found]) -> Iterable[tuple[ObjectName, ObjectName]]:
    for table in found.values():
        root = table
        while root.partition and root.parents[0] in found:
            root = found[root.parents[0]]
        if root is not table:
            yield table.name, root.name


def indexes_of(reading: Reading, oids: Mapping[int, ObjectName]) -> dict[int, tuple[Index, ...]]:
    """Of materialized views."""
    found: dict[int, tuple[Index, ...]] = {}
    for oid, rows in reading.grouped(_INDEXES, oids, doing="indexes").items():
        found[oid], _, _ = read_indexes(rows)
    for oid, rows in reading.grouped(_INDEX_EXTRAS, oids, doing="indexes").items():
        for row in rows:
            name, storage, comment, definition = row[0], row[10], row[12], row[8]
            if not row[2]:
                reading.other(ObjectKind.INDEX, ObjectName(oids[oid].schema, name), definition, oids[oid], "not valid")
            if storage:
                index = qualified(ObjectName(oids[oid].schema, name))
                action = f"ALTER INDEX {index} SET ({storage})"
                reading.other(ObjectKind.OTHER, ObjectName("", f"{name} storage"), action, oids[oid])
            reading.comment(ObjectKind.INDEX, oids[oid], comment, name)
    return found


def _found(row: tuple[Any, ...]) -> _Found:
    fields: list[Any] = [row[0], ObjectName(row[1], row[2]), *row[3:18], tuple(row[18])]
    return _Found(*fields)


def _indexes(reading: Reading, found: Mapping[int, _Found], parts: Collection[int]) -> None:
    whole = [oid for oid in found if oid not in parts]
    for oid, rows in reading.grouped(_INDEXES, whole, doing="indexes").items():
        found[oid].indexes, _, _ = read_indexes(rows)
    for oid, rows in reading.grouped(_INDEX_EXTRAS, found, doing="indexes").items():
        table = found[oid]
        kept = {index.name for index in table.indexes}
        for row in rows:
            name, inherited, valid, replica, clustered, _, _, contype, definition, constraint = row[:10]
            storage, tablespace, comment, constraint_comment, statistics = row[10:]
            index = qualified(ObjectName(table.name.schema, name))
            kind = _KINDS[contype] if contype else ObjectKind.INDEX
            if name not in kept and not inherited:
                place = ObjectName(table.name.schema, name)
                if contype:
                    text = f"ALTER TABLE {table.sql} ADD CONSTRAINT {ident(name)} {constraint}"
                    reading.other(kind, place, text, table.name)
                else:
                    reading.other(kind, place, definition, table.name, "" if valid else "not valid")
            if inherited:
                if comment:
                    place = ObjectName(table.name.schema, f"{name} comment")
                    reason = "a comment on an index of a partition, which may have another name there"
                    reading.other(ObjectKind.COMMENT, place, "", table.name, reason)
                continue
            actions = [f"ALTER INDEX {index} SET ({storage})"] if storage else []
            actions += [f"ALTER INDEX {index} ALTER COLUMN {each} SET STATISTICS {most}" for each, most in statistics]
            actions += [f"ALTER INDEX {index} SET TABLESPACE {ident(tablespace)}"] if tablespace else []
            actions += [f"ALTER TABLE {table.sql} CLUSTER ON {ident(name)}"] if clustered else []
            if replica:
                actions.append(f"ALTER TABLE {table.sql} REPLICA IDENTITY USING INDEX {ident(name)}")
            if actions:
                table.of_indexes[name] = actions
            reading.comment(kind, table.name, constraint_comment or comment, name)


def _constraints(reading: Reading, found: Mapping[int, _Found], parts: Collection[int]) -> None:
    for oid, rows in reading.grouped(_CONSTRAINTS, found, doing="constraints").items():
        table = found[oid]
        for row in rows:
            name, contype, expression, validated, enforced, no_inherit, local, inherited = row[:8]
            period, definition, comment = row[10], row[19], row[20]
            if inherited and not local:
                continue
            text = f"ALTER TABLE {table.sql} ADD CONSTRAINT {ident(name)} {definition}"
            if contype == "n":
                if not validated or no_inherit:
                    _loosen(table, row[16][0])
                    reading.other(ObjectKind.CHECK, ObjectName(table.name.schema, name), text, table.name)
                    reading.comment(ObjectKind.CHECK, table.name, comment, name)
                elif comment:
                    place = ObjectName(table.name.schema, f"{name} comment")
                    reason = "a comment on a NOT NULL, which may have another name there"
                    reading.other(ObjectKind.COMMENT, place, "", table.name, reason)
                continue
            kind = ObjectKind.CHECK if contype == "c" else ObjectKind.FOREIGN_KEY
            if oid in parts or period:
                if not inherited:
                    reading.other(kind, ObjectName(table.name.schema, name), text, table.name)
            elif contype == "c":
                table.checks.append(Check(name, expression, enforced, validated or not enforced))
                if no_inherit:
                    table.local_checks.append(name)
            else:
                table.keys.append(_key(row))
            reading.comment(kind, table.name, comment, name)


def _key(row: tuple[Any, ...]) -> ForeignKey:
    name, _, _, validated, enforced = row[:5]
    deferrable, deferred, _, update, delete, match, schema, other, keys, referenced, set_columns = row[8:19]
    return ForeignKey(
        name,
        tuple(keys),
        ObjectName(schema, other),
        tuple(referenced),
        on_update=_ACTIONS[update],
        on_delete=_ACTIONS[delete],
        set_columns=tuple(set_columns),
        full=match == "f",
        deferrable=DEFERRABLE[deferrable, deferred],
        enforced=enforced,
        validated=validated or not enforced,
    )


def _loosen(table: _Found, name: str) -> None:
    """NOT NULL that not all rows, or not all children, keep: it is a constraint by itself."""
    table.columns = [
        replace(found, column=replace(found.column, nullable=True)) if found.column.name == name else found
        for found in table.columns
    ]


def _physical(table: _Found) -> None:
    for found in table.columns:
        for action in found.physical:
            table.physical.append(f"ALTER TABLE {table.sql} ALTER COLUMN {ident(found.column.name)} {action}")
    if table.storage:
        table.physical.append(f"ALTER TABLE {table.sql} SET ({table.storage})")
    if table.tablespace:
        table.physical.append(f"ALTER TABLE {table.sql} SET TABLESPACE {ident(table.tablespace)}")
    if table.replica in _IDENTITIES:
        table.physical.append(f"ALTER TABLE {table.sql} REPLICA IDENTITY {_IDENTITIES[table.replica].upper()}")


def _of_partition(reading: Reading, table: _Found, parent: _Found) -> None:
    """What a partition has besides what its table has, as statements."""

    def other(what: str, action: str) -> None:
        name = ObjectName(table.name.schema, f"{table.name.name} {what}")
        reading.other(ObjectKind.OTHER, name, f"ALTER TABLE {table.sql} {action}", table.name)

    theirs = {found.column.name: found for found in parent.columns}
    for found in table.columns:
        mine, usual = found.column, theirs[found.column.name].column
        alter = f"ALTER COLUMN {ident(mine.name)}"
        if found.default != theirs[mine.name].default:
            other(mine.name, f"{alter} SET DEFAULT {found.default}" if found.default else f"{alter} DROP DEFAULT")
        if usual.nullable and not mine.nullable:
            other(mine.name, f"{alter} SET NOT NULL")
        if mine.comment:
            reading.comment(ObjectKind.COLUMN, table.name, mine.comment, mine.name)
    if table.name.schema != parent.name.schema:
        created = qualified(ObjectName(parent.name.schema, table.name.name))
        reading.other(
            ObjectKind.OTHER,
            ObjectName(parent.name.schema, f"{table.name.name} schema"),
            f"ALTER TABLE {created} SET SCHEMA {ident(table.name.schema)}",
            parent.name,
        )
    if table.unlogged:
        other("unlogged", "SET UNLOGGED")
    _secure(reading, table)
    reading.comment(ObjectKind.PARTITION, table.name, table.comment)


def _secure(reading: Reading, table: _Found) -> None:
    for asked, word in ((table.secured, "ENABLE"), (table.forced, "FORCE")):
        if asked:
            name = ObjectName(table.name.schema, f"{word.lower()} row level security")
            reading.other(ObjectKind.POLICY, name, f"ALTER TABLE {table.sql} {word} ROW LEVEL SECURITY", table.name)


def _table(reading: Reading, table: _Found, found: Mapping[int, _Found], members: Mapping[int, list[_Found]]) -> Table:
    options: dict[str, str] = {}
    if table.unlogged:
        options["unlogged"] = "true"
    if table.method:
        options["access method"] = table.method
    if table.type:
        options["type"] = table.type
    parents = [reading.relations[oid] for oid in table.parents if oid in reading.relations]
    if parents:
        options["inherits"] = ", ".join(qualified(parent) for parent in parents)
    if table.local_checks:
        options["no inherit"] = ", ".join(ident(name) for name in table.local_checks)
    parts = [table, *_below(table, members)]
    if physical := [statement for part in parts for statement in part.physical]:
        options["physical"] = ";\n".join(physical)
    for part in parts:
        options.update((f"{OF_INDEX}{name}", ";\n".join(actions)) for name, actions in part.of_indexes.items())
    _secure(reading, table)
    leaves = list(_leaves(table, members))
    return Table(
        table.name,
        tuple(each.column for each in table.columns),
        table.indexes,
        tuple(table.checks),
        tuple(table.keys),
        partitioning(table.key, _members(table, members)) if table.kind == "p" else None,
        table.comment,
        options,
        _sum(leaf.rows for leaf in leaves),
        _sum(leaf.bytes for leaf in leaves),
    )


def _members(table: _Found, members: Mapping[int, list[_Found]]) -> list[Any]:
    return [
        bounds(
            part.name.name,
            part.bound,
            partitioning(part.key, _members(part, members)) if part.kind == "p" else None,
        )
        for part in sorted(members[table.oid], key=lambda part: (part.name.name, part.name.schema))
    ]


def _leaves(table: _Found, members: Mapping[int, list[_Found]]) -> Iterable[_Found]:
    if table.kind != "p":
        yield table
    for part in members[table.oid] if table.kind == "p" else ():
        yield from _leaves(part, members)


def _below(table: _Found, members: Mapping[int, list[_Found]]) -> Iterable[_Found]:
    for part in members.get(table.oid, ()):
        yield part
        yield from _below(part, members)


def _sum(figures: Iterable[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
