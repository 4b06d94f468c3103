"""Columns, with what counts them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tailrace.conversion.catalog import Column, Counter, Identity, ObjectKind, ObjectName, Sequence
from tailrace_postgres.connection import identifier
from tailrace_postgres.schema.reading import Reading, own
from tailrace_postgres.structure import COLLATION

#: Sequences that are asked for their values at a time.
_AT_ONCE = 200
_COLUMNS = f"""
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity, a.attgenerated, coalesce(pg_get_expr(d.adbin, d.adrelid, true), ''),
       CASE WHEN a.attcollation <> t.typcollation THEN {COLLATION.format(l="l")} ELSE '' END,
       coalesce(col_description(a.attrelid, a.attnum), ''),
       CASE WHEN t.typtype IN ('d', 'e', 'c', 'r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
            THEN {own("pg_type", "t.oid")} ELSE false END,
       n.nspname, t.typname,
       array_remove(ARRAY[
           CASE WHEN a.attstorage <> t.typstorage THEN 'SET STORAGE ' || CASE a.attstorage
                WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'x' THEN 'EXTENDED' ELSE 'MAIN' END END,
           CASE a.attcompression WHEN 'p' THEN 'SET COMPRESSION pglz' WHEN 'l' THEN 'SET COMPRESSION lz4' END,
           CASE WHEN a.attstattarget >= 0 THEN 'SET STATISTICS ' || a.attstattarget END,
           CASE WHEN a.attoptions IS NOT NULL THEN 'SET (' || array_to_string(a.attoptions, ', ') || ')' END], NULL)
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
 WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""
_SEQUENCES = f"""
SELECT c.oid, n.nspname, c.relname, c.oid::regclass::text, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement,
       s.seqmin, s.seqmax, s.seqcycle, s.seqcache, d.refobjid, d.refobjsubid, coalesce(d.deptype = 'i', false),
       has_sequence_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE'),
       obj_description(c.oid, 'pg_class'), a.attname, c.relpersistence
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE c.relpersistence <> 't' AND (n.nspname = ANY(%s) OR d.refobjid = ANY(%s::oid[])) AND {own("pg_class", "c.oid")}
 ORDER BY n.nspname, c.relname
"""
_BITS = {"smallint": 16, "integer": 32, "bigint": 64}


@dataclass(frozen=True, slots=True)
class FoundSequence:
    """
    Attributes:
        text: its name as SQL prints it here.
        table, column: OID and number of the column that owns it; 0 without one.
        internal: of an identity column.
    """

    sequence: Sequence
    text: str
    table: int
    column: int
    internal: bool


def sequences(reading: Reading, tables: Collection[int]) -> list[FoundSequence]:
    """All of the schemas, and those that columns of the tables own; `reading.relations` knows the tables."""
    rows = reading.ask(_SEQUENCES, list(reading.schemas), list(tables), doing="sequences")
    values = _values(reading, [row for row in rows if row[14]])
    found = []
    for row in rows:
        oid, schema, name, text, type_, start, step, least, greatest, cycle, cache, table, number, internal = row[:14]
        minimum, maximum = _unusual(type_, step, least, greatest)
        following = None
        if oid in values:
            last, called = values[oid]
            following = last + step if called else last
            if cycle and following > greatest:
                following = least
            elif cycle and following < least:
                following = greatest
        counter = Counter(start, step, minimum, maximum, cycle, cache, following)
        owner = (reading.relations[table], row[16]) if table in reading.relations and not internal else None
        sequence = Sequence(ObjectName(schema, name), counter, type_, owner)
        found.append(FoundSequence(sequence, text, table or 0, number or 0, internal))
        if row[17] == "u" and owner is None and not internal:
            action = f"ALTER SEQUENCE {text} SET UNLOGGED"
            reading.other(ObjectKind.OTHER, ObjectName(schema, f"{name} unlogged"), action)
        if not internal:
            reading.comment(ObjectKind.SEQUENCE, sequence.name, row[15])
    return found


def _unusual(type_: str, step: int, least: int, greatest: int) -> tuple[int | None, int | None]:
    """The bounds, where they are not those that the type and the direction give."""
    half = 1 << (_BITS.get(type_, 64) - 1)
    usual = (1, half - 1) if step > 0 else (-half, -1)
    return (None if least == usual[0] else least), (None if greatest == usual[1] else greatest)


def _values(reading: Reading, rows: list[tuple[Any, ...]]) -> dict[int, tuple[int, bool]]:
    found: dict[int, tuple[int, bool]] = {}
    for first in range(0, len(rows), _AT_ONCE):
        parts = [
            f"SELECT {row[0]}::int8, last_value, is_called FROM {identifier(row[1], row[2])}"
            for row in rows[first : first + _AT_ONCE]
        ]
        for oid, last, called in reading.connection.query(" UNION ALL ".join(parts), doing="reading sequences"):
            found[oid] = (last, called)
    return found


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """
    Attributes:
        default: as SQL has it, a sequence's too.
        physical: what ALTER TABLE … ALTER COLUMN would say of how it is stored.
    """

    number: int
    column: Column
    default: str
    physical: tuple[str, ...]


def columns(
    reading: Reading, oids: Collection[int], counted: Collection[FoundSequence]
) -> Mapping[int, list[FoundColumn]]:
    """By the OIDs of tables, partitions, views or composite types."""
    rows = reading.grouped(_COLUMNS, oids, doing="columns")
    reading.learn({(row[2], row[3]) for group in rows.values() for row in group})
    by_column = {(found.table, found.column): found for found in counted}
    return {oid: [_column(reading, row, by_column.get((oid, row[0]))) for row in group] for oid, group in rows.items()}


def _column(reading: Reading, row: tuple[Any, ...], counted: FoundSequence | None) -> FoundColumn:
    number, name, type_oid, modifier, sql_type, not_null, identity, generated, expression, collation, comment = row[:11]
    used, schema, type_name, physical = row[11:]
    counts: Identity | None = None
    default = "" if generated else expression
    if counted is not None and identity:
        counts = Identity(counted.sequence.counter, identity == "a")
    elif counted is not None and default == f"nextval({_text(counted.text)}::regclass)":
        counts, default = Identity(counted.sequence.counter, sequence=counted.sequence.name), ""
    column = Column(
        name,
        reading.type(type_oid, modifier),
        sql_type,
        nullable=not not_null,
        default=default,
        generated=expression if generated else "",
        stored=generated != "v",
        identity=counts,
        collation=collation,
        comment=comment,
        user_type=ObjectName(schema, type_name) if used else None,
    )
    return FoundColumn(number, column, "" if generated else expression, tuple(physical))


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
