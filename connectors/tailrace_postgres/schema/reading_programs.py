"""Views, functions, procedures, aggregates and triggers."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from tailrace.conversion.catalog import Argument, ObjectKind, ObjectName, Routine, Trigger, View, signature
from tailrace.conversion.expressions.chains import TOKEN
from tailrace_postgres.schema.reading import Reading, own
from tailrace_postgres.schema.reading_tables import indexes_of
from tailrace_postgres.schema.sql_text import bracketed, ident, literal, qualified

_VIEWS = f"""
SELECT c.oid, n.nspname, c.relname, c.relkind = 'm', pg_get_viewdef(c.oid, true), coalesce(c.reloptions, '{{}}'),
       obj_description(c.oid, 'pg_class')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND n.nspname = ANY(%s) AND {own("pg_class", "c.oid")}
 ORDER BY n.nspname, c.relname
"""
_VIEW_COLUMNS = """
SELECT a.attrelid, a.attname, coalesce(pg_get_expr(d.adbin, d.adrelid, true), ''), col_description(a.attrelid, a.attnum)
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
   AND (d.oid IS NOT NULL OR EXISTS (SELECT FROM pg_description o WHERE o.classoid = 'pg_class'::regclass
                                        AND o.objoid = a.attrelid AND o.objsubid = a.attnum))
 ORDER BY a.attrelid, a.attnum
"""
_ROUTINES = f"""
SELECT p.oid, n.nspname, p.proname, p.prokind, l.lanname,
       ARRAY(SELECT format_type(u.oid, NULL) FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
               WITH ORDINALITY u (oid, place) ORDER BY place),
       coalesce(p.proargnames, '{{}}'), coalesce(p.proargmodes::text[], '{{}}'),
       ARRAY(SELECT coalesce(pg_get_function_arg_default(p.oid, place::int), '')
               FROM generate_series(1, cardinality(coalesce(p.proallargtypes, p.proargtypes::oid[]))) place
              ORDER BY place),
       coalesce(pg_get_function_result(p.oid), ''), coalesce(pg_get_function_sqlbody(p.oid), p.prosrc, ''),
       CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE '' END,
       p.provolatile, p.proisstrict, p.prosecdef, p.proparallel, p.proleakproof, p.proconfig,
       pg_get_function_identity_arguments(p.oid), obj_description(p.oid, 'pg_proc')
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE (n.nspname = ANY(%s) OR p.oid IN (SELECT t.tgfoid FROM pg_trigger t WHERE t.tgrelid = ANY(%s::oid[])
                                            AND NOT t.tgisinternal AND t.tgparentid = 0))
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND {own("pg_proc", "p.oid")}
   -- a range type brings its constructors
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid
                      AND x.deptype = 'i')
 ORDER BY n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)
"""
_AGGREGATES = """
SELECT a.aggfnoid::oid, a.aggkind, pg_get_function_arguments(a.aggfnoid), a.aggtransfn::regproc::text,
       format_type(a.aggtranstype, NULL), a.agginitval, nullif(a.aggfinalfn::regproc::text, '-'),
       nullif(a.aggcombinefn::regproc::text, '-'), nullif(a.aggserialfn::regproc::text, '-'),
       nullif(a.aggdeserialfn::regproc::text, '-'), a.aggfinalextra, a.aggmtransfn::oid <> 0,
       'OPERATOR(' || o.oprnamespace::regnamespace || '.' || o.oprname || ')', p.proparallel, a.aggtransspace,
       a.aggfinalmodify
  FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid LEFT JOIN pg_operator o ON o.oid = a.aggsortop
 WHERE a.aggfnoid::oid = ANY(%s::oid[])
"""
_TRIGGERS = f"""
SELECT t.tgrelid, t.tgname, t.tgtype, t.tgenabled, pg_get_triggerdef(t.oid, true), n.nspname, p.proname,
       ARRAY(SELECT a.attname::text FROM unnest(t.tgattr::int2[]) WITH ORDINALITY u (attnum, place)
               JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = u.attnum ORDER BY u.place),
       obj_description(t.oid, 'pg_trigger')
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE t.tgrelid = ANY(%s::oid[]) AND NOT t.tgisinternal AND t.tgparentid = 0 AND {own("pg_trigger", "t.oid")}
 ORDER BY t.tgrelid, t.tgname
"""
_CLONES = """
SELECT t.tgrelid, t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_trigger p ON p.oid = t.tgparentid
 WHERE t.tgrelid = ANY(%s::oid[]) AND NOT t.tgisinternal AND t.tgenabled <> p.tgenabled ORDER BY t.tgrelid, t.tgname
"""
_MODES = {"i": "IN", "o": "OUT", "b": "INOUT", "v": "VARIADIC", "t": "OUT"}
_VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}
_PARALLEL = {"s": "safe", "r": "restricted", "u": "unsafe"}
_MODIFIES = {"r": "READ_ONLY", "s": "SHAREABLE", "w": "READ_WRITE"}
_EVENTS = ((4, "INSERT"), (16, "UPDATE"), (8, "DELETE"), (32, "TRUNCATE"))
_ROW, _BEFORE, _INSTEAD = 1, 2, 64
_NAMELESS = '""'
_EXECUTES = re.compile(r" EXECUTE (?:FUNCTION|PROCEDURE) ")
_FIRING = {"R": "ENABLE REPLICA", "A": "ENABLE ALWAYS", "D": "DISABLE", "O": "ENABLE"}


def views(reading: Reading) -> list[View]:
    rows = reading.ask(_VIEWS, list(reading.schemas), doing="views")
    names = {row[0]: ObjectName(row[1], row[2]) for row in rows}
    reading.relations.update(names)
    reading.views.update(names.values())
    indexes = indexes_of(reading, {row[0]: names[row[0]] for row in rows if row[3]})
    for oid, columns in reading.grouped(_VIEW_COLUMNS, names, doing="views").items():
        for column, default, comment in columns:
            reading.comment(ObjectKind.COLUMN, names[oid], comment, column)
            if default:
                action = f"ALTER VIEW {qualified(names[oid])} ALTER COLUMN {ident(column)} SET DEFAULT {default}"
                reading.other(ObjectKind.OTHER, ObjectName("", f"default of {column}"), action, names[oid])
    found = []
    for oid, _, _, materialized, query, options, comment in rows:
        name = names[oid]
        word = "MATERIALIZED VIEW" if materialized else "VIEW"
        checked = next((option[13:].upper() for option in options if option.startswith("check_option=")), "")
        rest = ", ".join(option for option in options if not option.startswith("check_option="))
        if rest:
            action = f"ALTER {word} {qualified(name)} SET ({rest})"
            reading.other(ObjectKind.OTHER, ObjectName("", "options"), action, name)
        kind = ObjectKind.MATERIALIZED_VIEW if materialized else ObjectKind.VIEW
        reading.comment(kind, name, comment)
        text = query.strip().removesuffix(";")
        found.append(View(name, text, (), materialized, checked, indexes.get(oid, ())))
    return found


def routines(reading: Reading, relations: Collection[int]) -> list[Routine]:
    """Those of the schemas, and the trigger functions of these tables wherever they are."""
    rows = reading.ask(_ROUTINES, list(reading.schemas), list(relations), doing="functions")
    aggregates = reading.grouped(_AGGREGATES, [row[0] for row in rows if row[3] == "a"], doing="aggregates")
    found = []
    for row in rows:
        oid, schema, name, kind, language, types, names, modes, defaults, result, body, definition = row[:12]
        arguments = tuple(
            Argument(
                names[place] if place < len(names) else "",
                type_,
                _MODES[modes[place]] if modes else "IN",
                defaults[place],
            )
            for place, type_ in enumerate(types)
        )
        reason = ""
        if kind == "a":
            language, body = "aggregate", ""
            definition, reason = _aggregate(ObjectName(schema, name), aggregates[oid][0])
        elif _NAMELESS in definition and (definition := _numbered(definition, arguments)) == "":
            reason = "the server prints no names of its arguments, which have none; take its statement from its author"
        if reason:
            reading.other(ObjectKind.FUNCTION, ObjectName(schema, name), "", reason=reason)
            continue
        routine = Routine(
            ObjectName(schema, name),
            ObjectKind.PROCEDURE if kind == "p" else ObjectKind.FUNCTION,
            arguments,
            result,
            language,
            body,
            definition.rstrip(),
            _options(row),
        )
        found.append(routine)
        reading.comment(routine.kind, routine.name, row[19], signature(routine))
    return found


def _numbered(definition: str, arguments: Collection[Argument]) -> str:
    """With the number of the one argument without a name, which PostgreSQL prints as ``""`` in a body of SQL where
    others have one; "" where it may be one of several."""
    nameless = [place for place, argument in enumerate(arguments, 1) if not argument.name]
    pieces = []
    for token in TOKEN.finditer(definition):
        if token[0] == _NAMELESS:
            if len(nameless) != 1:
                return ""
            pieces.append(f"${nameless[0]}")
        else:
            pieces.append(token[0])
    return "".join(pieces)


def _options(row: tuple[Any, ...]) -> dict[str, str]:
    kind, volatility, strict, definer, parallel, leakproof, settings = row[3], *row[12:18]
    options: dict[str, str] = {}
    if kind != "p":
        options["volatility"] = _VOLATILITY[volatility]
        options["parallel"] = _PARALLEL[parallel]
    if kind == "w":
        options["window"] = "true"
    if strict:
        options["strict"] = "true"
    if definer:
        options["security"] = "definer"
    if leakproof:
        options["leakproof"] = "true"
    for setting in settings or ():
        key, _, value = setting.partition("=")
        options[f"set {key}"] = value
    return options


def _aggregate(name: ObjectName, row: tuple[Any, ...]) -> tuple[str, str]:
    """The statement, or why there is none."""
    kind, arguments, transition, state, initial, final, combine, serial, deserial, extra, moving, order = row[:12]
    parallel, space, modifies = row[12:]
    if kind != "n" or moving:
        return "", "an ordered-set or moving aggregate; take its statement from pg_dump"
    words = [f"SFUNC = {transition}", f"STYPE = {state}"]
    for word, function in (("FINALFUNC", final), ("COMBINEFUNC", combine)):
        words += [f"{word} = {function}"] if function else []
    words += ["FINALFUNC_EXTRA"] if extra else []
    for word, function in (("SERIALFUNC", serial), ("DESERIALFUNC", deserial)):
        words += [f"{word} = {function}"] if function else []
    words += [f"INITCOND = {literal(initial)}"] if initial is not None else []
    words += [f"SORTOP = {order}"] if order else []
    words += [f"SSPACE = {space}"] if space else []
    words += [f"FINALFUNC_MODIFY = {_MODIFIES[modifies]}"] if final and modifies != "r" else []
    words += [f"PARALLEL = {_PARALLEL[parallel].upper()}"] if parallel != "u" else []
    inner = ",\n    ".join(words)
    return f"CREATE AGGREGATE {qualified(name)}({arguments or '*'}) (\n    {inner}\n)", ""


def triggers(reading: Reading) -> list[Trigger]:
    """Of all tables, partitions and views that were read."""
    found = []
    for oid, rows in reading.grouped(_TRIGGERS, reading.relations, doing="triggers").items():
        table = reading.relations[oid]
        for name, type_, enabled, definition, schema, function, columns, comment in rows:
            head, tail = _EXECUTES.split(definition, 1)
            when = ""
            if (place := head.find(" WHEN (")) >= 0:
                when, _ = bracketed(head, place)
            found.append(
                Trigger(
                    ObjectName(table.schema, name),
                    table,
                    "INSTEAD OF" if type_ & _INSTEAD else "BEFORE" if type_ & _BEFORE else "AFTER",
                    tuple(word for bit, word in _EVENTS if type_ & bit),
                    bool(type_ & _ROW),
                    definition,
                    tuple(columns),
                    when,
                    ObjectName(schema, function),
                    bracketed(tail)[0],
                    enabled=enabled != "D",
                )
            )
            if enabled in ("R", "A"):
                action = f"ALTER TABLE {qualified(table)} {_FIRING[enabled]} TRIGGER {ident(name)}"
                reading.other(ObjectKind.OTHER, ObjectName(table.schema, f"firing of {name}"), action, table)
            reading.comment(ObjectKind.TRIGGER, table, comment, name)
    for oid, rows in reading.grouped(_CLONES, reading.relations, doing="triggers").items():
        table = reading.relations[oid]
        for name, enabled in rows:
            action = f"ALTER TABLE {qualified(table)} {_FIRING[enabled]} TRIGGER {ident(name)}"
            reading.other(ObjectKind.OTHER, ObjectName(table.schema, f"{table.name} firing of {name}"), action, table)
    return found
