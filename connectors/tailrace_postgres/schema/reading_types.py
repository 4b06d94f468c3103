"""Types that the database's users made: enums, domains, composites, ranges; and collations."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tailrace.conversion.catalog import Check, Domain, Enum, ObjectKind, ObjectName
from tailrace_postgres.schema.reading import Reading, own
from tailrace_postgres.schema.sql_text import ident, literal, qualified
from tailrace_postgres.structure import COLLATION

#: Types of the schemas, and those of other schemas that these columns and functions are of, or are made of.
_TYPES = f"""
WITH RECURSIVE used(oid) AS (
     SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ANY(%s)
     UNION SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0
     UNION SELECT u.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
           unnest(p.proargtypes::oid[] || p.proallargtypes || p.prorettype) u (oid) WHERE n.nspname = ANY(%s)
     UNION SELECT part.oid FROM used JOIN pg_type t ON t.oid = used.oid
       CROSS JOIN LATERAL (SELECT t.typbasetype AS oid UNION ALL SELECT t.typelem
                           UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
                           UNION ALL SELECT r.rngtypid FROM pg_range r WHERE r.rngmultitypid = t.oid
                           UNION ALL SELECT a.atttypid FROM pg_attribute a
                                      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0) part
      WHERE part.oid <> 0)
SELECT t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typtypmod,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE '' END, t.typnotnull,
       coalesce(pg_get_expr(t.typdefaultbin, 0, true), ''),
       CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN {COLLATION.format(l="l")} ELSE '' END,
       ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
       obj_description(t.oid, 'pg_type'), t.typrelid
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_collation l ON l.oid = t.typcollation LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE t.oid IN (SELECT oid FROM used) AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND t.typtype IN ('b', 'c', 'd', 'e', 'r') AND t.typisdefined
   AND (t.typtype <> 'c' OR c.relkind = 'c') AND NOT (t.typtype = 'b' AND t.typelem <> 0 AND t.typlen = -1)
   AND {own("pg_type", "t.oid")}
 ORDER BY n.nspname, t.typname
"""
_CHECKS = """
SELECT k.contypid, k.conname, pg_get_expr(k.conbin, 0, true), k.convalidated, obj_description(k.oid, 'pg_constraint')
  FROM pg_constraint k WHERE k.contype = 'c' AND k.contypid = ANY(%s::oid[]) ORDER BY k.contypid, k.conname
"""
_ATTRIBUTES = f"""
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attcollation <> t.typcollation THEN {COLLATION.format(l="l")} ELSE '' END,
       col_description(a.attrelid, a.attnum)
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
 WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""
_RANGES = """
SELECT r.rngtypid, format_type(r.rngsubtype, NULL),
       CASE WHEN o.opcdefault THEN '' ELSE format('%%I.%%I', o.opcnamespace::regnamespace, o.opcname) END,
       CASE WHEN r.rngcollation = t.typcollation THEN '' ELSE r.rngcollation::regcollation::text END,
       CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical::regproc::text ELSE '' END,
       CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff::regproc::text ELSE '' END, n.nspname, m.typname
  FROM pg_range r JOIN pg_opclass o ON o.oid = r.rngsubopc JOIN pg_type t ON t.oid = r.rngsubtype
  JOIN pg_type m ON m.oid = r.rngmultitypid JOIN pg_namespace n ON n.oid = m.typnamespace
 WHERE r.rngtypid = ANY(%s::oid[])
"""
_COLLATIONS = f"""
SELECT n.nspname, l.collname, l.collprovider, l.collisdeterministic, to_jsonb(l), obj_description(l.oid, 'pg_collation')
  FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
 WHERE n.nspname = ANY(%s) AND {own("pg_collation", "l.oid")} ORDER BY n.nspname, l.collname
"""
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def types(reading: Reading, relations: Collection[int]) -> tuple[list[Enum], list[Domain]]:
    """Enums and domains; the others go to `reading.others`.

    Args:
        relations: tables whose columns' types are wanted wherever they are.
    """
    schemas = list(reading.schemas)
    rows = reading.ask(_TYPES, schemas, list(relations), schemas, doing="types")
    reading.learn({(row[4], row[5]) for row in rows if row[3] == "d"})
    checks = reading.grouped(_CHECKS, [row[0] for row in rows if row[3] == "d"], doing="domains")
    attributes = reading.grouped(_ATTRIBUTES, [row[12] for row in rows if row[3] == "c"], doing="types")
    ranges = reading.grouped(_RANGES, [row[0] for row in rows if row[3] == "r"], doing="ranges")
    enums: list[Enum] = []
    domains: list[Domain] = []
    for row in rows:
        oid, name, category, comment = row[0], ObjectName(row[1], row[2]), row[3], row[11]
        kind = ObjectKind.TYPE
        if category == "e":
            kind = ObjectKind.ENUM
            enums.append(Enum(name, tuple(row[10])))
        elif category == "d":
            kind = ObjectKind.DOMAIN
            domains.append(_domain(reading, name, row, checks.get(oid, [])))
        elif category == "c":
            reading.other(kind, name, _composite(name, attributes.get(row[12], [])))
            for attribute in attributes.get(row[12], []):
                reading.comment(ObjectKind.COLUMN, name, attribute[3], attribute[0])
        elif category == "r":
            reading.other(kind, name, _range(name, ranges[oid][0]))
        else:
            reading.other(kind, name, "", reason="a base type is made of functions in C")
        reading.comment(kind, name, comment)
    _collations(reading)
    return enums, domains


def _domain(reading: Reading, name: ObjectName, row: tuple[Any, ...], checks: list[tuple[Any, ...]]) -> Domain:
    base, modifier, sql_type, not_null, default, collation = row[4:10]
    for check in checks:
        reading.comment(ObjectKind.CHECK, name, check[3], check[0])
    return Domain(
        name,
        reading.type(base, modifier),
        sql_type,
        not not_null,
        default,
        tuple(Check(check[0], check[1], validated=check[2]) for check in checks),
        collation,
    )


def _composite(name: ObjectName, attributes: list[tuple[Any, ...]]) -> str:
    lines = [
        f"    {ident(attribute)} {type_}" + (f" COLLATE {collation_sql(collation)}" if collation else "")
        for attribute, type_, collation, _ in attributes
    ]
    return f"CREATE TYPE {qualified(name)} AS (\n" + ",\n".join(lines) + "\n)"


def collation_sql(collation: str) -> str:
    """As SQL writes a collation that a catalog names."""
    return collation if '"' in collation else '"' + collation + '"'


def _range(name: ObjectName, row: tuple[Any, ...]) -> str:
    subtype, operators, collation, canonical, difference, schema, multirange = row
    words = [f"SUBTYPE = {subtype}"]
    words += [f"SUBTYPE_OPCLASS = {operators}"] if operators else []
    words += [f"COLLATION = {collation}"] if collation and collation != "-" else []
    words += [f"CANONICAL = {canonical}"] if canonical else []
    words += [f"SUBTYPE_DIFF = {difference}"] if difference else []
    words.append(f"MULTIRANGE_TYPE_NAME = {qualified(ObjectName(schema, multirange))}")
    return f"CREATE TYPE {qualified(name)} AS RANGE ({', '.join(words)})"


def _collations(reading: Reading) -> None:
    for schema, collation, provider, deterministic, row, comment in reading.ask(
        _COLLATIONS, list(reading.schemas), doing="collations"
    ):
        name = ObjectName(schema, collation)
        locale = row.get("colllocale") or row.get("colliculocale")
        words = [f"provider = {_PROVIDERS[provider]}"] if provider in _PROVIDERS else []
        if locale is not None:
            words.append(f"locale = {literal(locale)}")
        else:
            words += [f"lc_collate = {literal(row['collcollate'])}", f"lc_ctype = {literal(row['collctype'])}"]
        if rules := row.get("collicurules"):
            words.append(f"rules = {literal(rules)}")
        words += [] if deterministic else ["deterministic = false"]
        reading.other(ObjectKind.OTHER, name, f"CREATE COLLATION {qualified(name)} ({', '.join(words)})")
        reading.comment(ObjectKind.OTHER, name, comment, "collation")
