"""Indexes, foreign keys and sequences of a source's table, from PostgreSQL's catalogs.

https://www.postgresql.org/docs/current/catalog-pg-index.html, catalog-pg-constraint.html, catalog-pg-sequence.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tailrace.errors import StuckError
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shapes import Shapes
from tailrace.shaping.structures import Names, names, shaped
from tailrace.structure import (
    FOREIGN_KEY,
    INDEX,
    NUMBERING,
    POSTGRES,
    Collated,
    ForeignKey,
    Index,
    LeftOut,
    Numbering,
    Part,
    TableStructure,
)
from tailrace_postgres.chunks import table_schemas
from tailrace_postgres.connection import Connection, identifier
from tailrace_postgres.selection import Selected

#: What `read_indexes` takes, of the index `i`.
INDEX_COLUMNS = """
       c.relname, m.amname, i.indisunique, i.indisprimary, i.indisvalid,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false),
       coalesce(k.contype, ''), coalesce(k.condeferrable, false), coalesce(k.condeferred, false),
       coalesce(pg_get_expr(i.indpred, i.indrelid, true), ''), i.indnkeyatts,
       ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS p (attnum, place)
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum AND p.attnum > 0
              ORDER BY p.place),
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, p::int, true) FROM generate_series(1, i.indnkeyatts) p ORDER BY p),
       ARRAY(SELECT i.indoption[p - 1]::int FROM generate_series(1, i.indnkeyatts) p ORDER BY p),
       ARRAY(SELECT CASE WHEN o.opcdefault AND x.attoptions IS NULL THEN ''
                    ELSE format('%%I.%%I', n.nspname, o.opcname)
                         || coalesce(' (' || array_to_string(x.attoptions, ', ') || ')', '') END
               FROM generate_series(1, i.indnkeyatts) p JOIN pg_opclass o ON o.oid = i.indclass[p - 1]
               JOIN pg_namespace n ON n.oid = o.opcnamespace
               JOIN pg_attribute x ON x.attrelid = i.indexrelid AND x.attnum = p ORDER BY p),
       ARRAY(SELECT CASE WHEN l.oid IS NULL OR l.oid = coalesce(a.attcollation, 100) THEN ''
                    ELSE format('%%I.%%I', n.nspname, l.collname) END
               FROM generate_series(1, i.indnkeyatts) p
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p - 1] AND a.attnum > 0
               LEFT JOIN pg_collation l ON l.oid = i.indcollation[p - 1]
               LEFT JOIN pg_namespace n ON n.oid = l.collnamespace ORDER BY p),
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_depend d
               JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
              WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0)
"""
INDEX_SOURCES = """
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
       AND k.conrelid = i.indrelid -- which has an index, where conindid has none
"""
INDEXES = f"SELECT {INDEX_COLUMNS} {INDEX_SOURCES} WHERE i.indrelid = %s ORDER BY c.relname"
_FOREIGN_KEYS = """
SELECT k.conname, n.nspname, c.relname, k.confupdtype, k.confdeltype, k.confmatchtype, k.condeferrable, k.condeferred,
       k.convalidated, coalesce((to_jsonb(k) ->> 'conenforced')::bool, true),
       coalesce((to_jsonb(k) ->> 'conperiod')::bool, false),
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS p (attnum, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.attnum ORDER BY p.place),
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS p (attnum, place)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.attnum ORDER BY p.place),
       ARRAY(SELECT a.attname::text FROM unnest(k.confdelsetcols) p
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.conrelid = %s AND k.conparentid = 0 ORDER BY k.conname
"""
# An identity column depends on its sequence from within; a default on the sequence that it names.
NUMBERINGS = """
SELECT a.attname, a.attidentity, pg_get_expr(f.adbin, f.adrelid), n.nspname, s.relname, q.seqincrement,
       has_sequence_privilege(s.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
  FROM pg_attribute a
  LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum AND a.attgenerated = ''
  JOIN LATERAL (
       SELECT d.objid AS oid FROM pg_depend d
        WHERE a.attidentity <> '' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype = 'i'
       UNION
       SELECT d.refobjid FROM pg_depend d
        WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass) u ON true
  JOIN pg_class s ON s.oid = u.oid AND s.relkind = 'S'
  JOIN pg_namespace n ON n.oid = s.relnamespace JOIN pg_sequence q ON q.seqrelid = s.oid
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
#: A collation of the server's own by its name alone, any other as SQL writes it.
COLLATION = """
CASE WHEN {l}.collnamespace = 'pg_catalog'::regnamespace THEN {l}.collname::text
     ELSE quote_ident({l}.collnamespace::regnamespace::text) || '."' || replace({l}.collname, '"', '""') || '"' END
"""
_COLLATIONS = f"""
SELECT a.attname, {COLLATION.format(l="l")} FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_collation l ON l.oid = a.attcollation
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attcollation <> t.typcollation ORDER BY a.attnum
"""
_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_COUNTS = re.compile(r"nextval\('[^()]*'::regclass\)")
_DESCENDING, _NULLS_FIRST = 1, 2
_EXCLUSION = "it is an exclusion or temporal constraint, which tailrace does not carry"


def structure(
    connection: Connection, selected: Selected, others: Callable[[], Iterable[Selected]], shapes: Shapes
) -> TableStructure:
    """The table's, in the stream's names.

    Args:
        others: the selected tables, to which foreign keys may refer; asked only where there are any, because there may
            be thousands of tables.
    """
    oid = selected.table.oid
    indexes, left_out, mentions = read_indexes(connection.query(INDEXES, [oid], doing="reading indexes"))
    keys, unkept = _foreign_keys(connection, oid)
    numberings, uncounted = _numberings(connection, oid)
    collations = tuple(
        Collated(column, "", collation)
        for column, collation in connection.query(_COLLATIONS, [oid], doing="reading collations")
    )
    found = TableStructure(POSTGRES, indexes, keys, numberings, (*left_out, *unkept, *uncounted), collations)
    by_name = {str(other.source.name): other for other in others() if other.captured} if keys else {}
    known: dict[str, Names] = {}

    def columns(table: Selected) -> Names:
        name = str(table.source.name)
        if name not in known:
            known[name] = _names(connection, table, shapes)
        return known[name]

    def find(name: str) -> tuple[str, Names] | None:
        other = by_name.get(name)
        return None if other is None else (other.source.topic, columns(other))

    return shaped(found, columns(selected), lambda index: mentions.get(index.name, ()), find)


def _names(connection: Connection, table: Selected, shapes: Shapes) -> Names:
    for schema, _ in table_schemas(connection, [table]):
        try:
            return names(schema, shapes.of(schema))
        except ShapeError as error:
            raise StuckError(
                f"its entry in [[tables]] does not fit its columns: {error}",
                where=f"table {table.source.name}",
                fix="correct it, then load the table anew",
            ) from None
    return {}


def read_indexes(
    rows: Iterable[tuple[Any, ...]],
) -> tuple[tuple[Index, ...], list[LeftOut], Mapping[str, Iterable[str]]]:
    """What `INDEXES` gives, with the columns that each one's SQL names."""
    found: list[Index] = []
    left_out: list[LeftOut] = []
    mentions: dict[str, Iterable[str]] = {}
    for row in rows:
        name, method, unique, primary, valid, distinct_not, contype, deferrable, deferred, where, keys = row[:11]
        columns, texts, options, operators, collations, depends = row[11:]
        if contype == "x" or (unique and method != "btree"):
            left_out.append(LeftOut(INDEX, name, _EXCLUSION))
            continue
        if not valid:
            left_out.append(LeftOut(INDEX, name, "it is not valid at the source; REINDEX it there, or drop it"))
            continue
        parts = tuple(
            Part(
                column,
                "" if column else text,
                descending=bool(option & _DESCENDING),
                nulls_first=None if _usual(option) else bool(option & _NULLS_FIRST),
                operators=operator,
                collation=collation,
            )
            for column, text, option, operator, collation in zip(
                columns[:keys], texts, options, operators, collations, strict=True
            )
        )
        index = Index(
            name,
            parts,
            unique=unique,
            method=method,
            primary=primary,
            constraint=contype == "u",
            deferrable=_deferrable(deferrable, deferred),
            nulls_distinct=not distinct_not,
            include=tuple(columns[keys:]),
            where=where,
        )
        found.append(index)
        if where or not all(part.column for part in parts):
            mentions[name] = depends
    return tuple(found), left_out, mentions


def _usual(option: int) -> bool:
    """NULLs come last where the order ascends, and first where it descends."""
    return bool(option & _DESCENDING) == bool(option & _NULLS_FIRST)


def _deferrable(deferrable: bool, deferred: bool) -> str:
    return "deferred" if deferred else "deferrable" if deferrable else ""


def _foreign_keys(connection: Connection, oid: int) -> tuple[tuple[ForeignKey, ...], list[LeftOut]]:
    found: list[ForeignKey] = []
    left_out: list[LeftOut] = []
    for row in connection.query(_FOREIGN_KEYS, [oid], doing="reading foreign keys"):
        name, schema, table, update, delete, match, deferrable, deferred, validated, enforced, period = row[:11]
        columns, referenced, set_columns = row[11:]
        if not enforced or period:
            reason = "it covers a period of time" if period else "it is not enforced at the source"
            left_out.append(LeftOut(FOREIGN_KEY, name, reason))
            continue
        found.append(
            ForeignKey(
                name,
                tuple(columns),
                "",
                f"{schema}.{table}",
                tuple(referenced),
                on_update=_ACTIONS[update],
                on_delete=_ACTIONS[delete],
                set_columns=tuple(set_columns),
                full=match == "f",
                deferrable=_deferrable(deferrable, deferred),
                validated=validated,
            )
        )
    return tuple(found), left_out


def _numberings(connection: Connection, oid: int) -> tuple[tuple[Numbering, ...], list[LeftOut]]:
    found: list[Numbering] = []
    left_out: list[LeftOut] = []
    for row in connection.query(NUMBERINGS, [oid], doing="reading sequences"):
        column, identity, default, schema, sequence, step, readable = row
        if not identity and not _COUNTS.fullmatch(default):
            left_out.append(LeftOut(NUMBERING, column, f"its default is more than a number: {default}"))
        elif step < 0:
            left_out.append(LeftOut(NUMBERING, column, f"the sequence {sequence} counts downwards"))
        else:
            following = _next(connection, schema, sequence, step) if readable else None
            found.append(Numbering(column, following, "" if identity else sequence, identity == "a", step))
    return tuple(found), left_out


def _next(connection: Connection, schema: str, sequence: str, step: int) -> int:
    rows: list[tuple[Any, ...]] = connection.query(
        f"SELECT last_value, is_called FROM {identifier(schema, sequence)}", doing="reading sequences"
    )
    last, called = rows[0]
    return int(last + step if called else last)
