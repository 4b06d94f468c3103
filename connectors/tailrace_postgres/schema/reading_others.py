"""What has no form of its own in a catalog, as the statements that make it: extensions, policies, rules, grants, …

What is of the server and of no database is not read: roles and their settings, tablespaces.
"""

from __future__ import annotations

from collections.abc import Collection

from tailrace.conversion.catalog import ObjectKind, ObjectName
from tailrace_postgres.schema.reading import Reading, own
from tailrace_postgres.schema.sql_text import ident, literal, qualified

_SCHEMAS = "SELECT n.nspname, obj_description(n.oid, 'pg_namespace') FROM pg_namespace n WHERE n.nspname = ANY(%s)"
_EXTENSIONS = """
SELECT e.extname, n.nspname, nullif(obj_description(e.oid, 'pg_extension'), a.comment)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  LEFT JOIN pg_available_extensions a ON a.name = e.extname
 WHERE e.extname <> 'plpgsql' ORDER BY e.extname
"""
_SUPPLIED = """
SELECT e.extname, n.nspname, m.name FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  JOIN LATERAL (SELECT typnamespace AS schema, typname AS name FROM pg_type
                 WHERE d.classid = 'pg_type'::regclass AND oid = d.objid
          UNION ALL SELECT pronamespace, proname FROM pg_proc WHERE d.classid = 'pg_proc'::regclass AND oid = d.objid
          UNION ALL SELECT relnamespace, relname FROM pg_class WHERE d.classid = 'pg_class'::regclass AND oid = d.objid
          UNION ALL SELECT opcnamespace, opcname FROM pg_opclass
                     WHERE d.classid = 'pg_opclass'::regclass AND oid = d.objid
          UNION ALL SELECT oprnamespace, oprname FROM pg_operator
                     WHERE d.classid = 'pg_operator'::regclass AND oid = d.objid) m ON true
  JOIN pg_namespace n ON n.oid = m.schema
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND n.nspname <> 'pg_catalog'
"""
_EVENT_TRIGGERS = f"""
SELECT e.evtname, e.evtevent, e.evttags, e.evtfoid::regproc::text, e.evtenabled,
       obj_description(e.oid, 'pg_event_trigger')
  FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = ANY(%s) AND {own("pg_event_trigger", "e.oid")} ORDER BY e.evtname
"""
_POLICIES = """
SELECT p.polrelid, p.polname, p.polpermissive, p.polcmd,
       ARRAY(SELECT CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END FROM unnest(p.polroles) r),
       pg_get_expr(p.polqual, p.polrelid, true), pg_get_expr(p.polwithcheck, p.polrelid, true),
       obj_description(p.oid, 'pg_policy')
  FROM pg_policy p WHERE p.polrelid = ANY(%s::oid[]) ORDER BY p.polrelid, p.polname
"""
_RULES = """
SELECT r.ev_class, r.rulename, pg_get_ruledef(r.oid, true), r.ev_enabled, obj_description(r.oid, 'pg_rewrite')
  FROM pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.ev_class = ANY(%s::oid[]) ORDER BY r.ev_class, r.rulename
"""
_STATISTICS = f"""
SELECT n.nspname, s.stxname, s.stxrelid, pg_get_statisticsobjdef(s.oid), obj_description(s.oid, 'pg_statistic_ext'),
       s.stxstattarget
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
 WHERE n.nspname = ANY(%s) AND {own("pg_statistic_ext", "s.oid")} ORDER BY n.nspname, s.stxname
"""


def _rights(acl: str) -> str:
    """What others than the owner may do, as JSON: grantee, whether to be granted on, right."""
    return f"""(SELECT coalesce(json_agg(json_build_array(
               CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(e.grantee)) END, e.is_grantable,
               e.privilege_type)), '[]') FROM aclexplode({acl}) e WHERE e.grantee <> owner)"""


#: Everything that has an owner's and others' rights: the words of GRANT, the object, the rights it has and would have.
_GRANTS = f"""
SELECT word, sql, schema, name, table_oid, column_name, {_rights("acl")}, {_rights("usual")} FROM (
     SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS word, c.oid::regclass::text AS sql,
            n.nspname AS schema, c.relname AS name, c.oid AS table_oid, '' AS column_name, c.relowner AS owner,
            c.relacl AS acl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner) AS usual
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relacl IS NOT NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname = ANY(%s)
        AND {own("pg_class", "c.oid")}
     UNION ALL
     SELECT 'TABLE', c.oid::regclass::text, n.nspname, c.relname, c.oid, a.attname, c.relowner, a.attacl,
            NULL::aclitem[]
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND n.nspname = ANY(%s) AND {own("pg_class", "c.oid")}
     UNION ALL
     SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure::text, n.nspname,
            p.proname, 0, '', p.proowner, p.proacl, acldefault('f', p.proowner)
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE p.proacl IS NOT NULL AND n.nspname = ANY(%s) AND {own("pg_proc", "p.oid")}
     UNION ALL
     SELECT 'TYPE', t.oid::regtype::text, n.nspname, t.typname, 0, '', t.typowner, t.typacl,
            acldefault('T', t.typowner)
       FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE t.typacl IS NOT NULL AND n.nspname = ANY(%s) AND {own("pg_type", "t.oid")}
     UNION ALL
     SELECT 'SCHEMA', quote_ident(n.nspname), '', n.nspname, 0, '', n.nspowner, n.nspacl, acldefault('n', n.nspowner)
       FROM pg_namespace n WHERE n.nspacl IS NOT NULL AND n.nspname = ANY(%s) AND n.nspname <> 'public') g
 ORDER BY schema, name, word, column_name, sql
"""
#: Kinds of objects that are known by their names alone.
_NAMED = f"""
SELECT what, nspname, name FROM (
     SELECT 'operator' AS what, o.oprnamespace AS schema, o.oprname AS name FROM pg_operator o
      WHERE {own("pg_operator", "o.oid")}
     UNION ALL SELECT 'operator class', o.opcnamespace, o.opcname FROM pg_opclass o WHERE {own("pg_opclass", "o.oid")}
     UNION ALL SELECT 'operator family', o.opfnamespace, o.opfname FROM pg_opfamily o
      WHERE {own("pg_opfamily", "o.oid")}
     UNION ALL SELECT 'conversion', o.connamespace, o.conname FROM pg_conversion o WHERE {own("pg_conversion", "o.oid")}
     UNION ALL SELECT 'text search configuration', o.cfgnamespace, o.cfgname FROM pg_ts_config o
      WHERE {own("pg_ts_config", "o.oid")}
     UNION ALL SELECT 'text search dictionary', o.dictnamespace, o.dictname FROM pg_ts_dict o
      WHERE {own("pg_ts_dict", "o.oid")}
     UNION ALL SELECT 'text search parser', o.prsnamespace, o.prsname FROM pg_ts_parser o
      WHERE {own("pg_ts_parser", "o.oid")}
     UNION ALL SELECT 'text search template', o.tmplnamespace, o.tmplname FROM pg_ts_template o
      WHERE {own("pg_ts_template", "o.oid")}
     UNION ALL SELECT 'foreign table', c.relnamespace, c.relname FROM pg_class c
      WHERE c.relkind = 'f' AND {own("pg_class", "c.oid")}
     UNION ALL SELECT 'default privileges', d.defaclnamespace,
       pg_get_userbyid(d.defaclrole) || ' ' || d.defaclobjtype::text
       FROM pg_default_acl d) f JOIN pg_namespace n ON n.oid = f.schema WHERE n.nspname = ANY(%s)
 ORDER BY what, nspname, name
"""
#: What stands in no schema, and acts on what the schemas have or is named by it.
_UNPLACED = f"""
SELECT what, name FROM (
     SELECT 'cast' AS what, format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL) AS name
       FROM pg_cast c WHERE c.oid >= 16384 AND {own("pg_cast", "c.oid")}
        -- a range brings that to its multirange
        AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_cast'::regclass AND x.objid = c.oid
                           AND x.deptype = 'i')
     UNION ALL SELECT 'transform', format_type(t.trftype, NULL) || ' ' || l.lanname
       FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang WHERE {own("pg_transform", "t.oid")}
     UNION ALL SELECT 'language', l.lanname FROM pg_language l
      WHERE l.oid >= 16384 AND {own("pg_language", "l.oid")}
     UNION ALL SELECT 'access method', a.amname FROM pg_am a WHERE a.oid >= 16384 AND {own("pg_am", "a.oid")}
     UNION ALL SELECT 'foreign data wrapper', w.fdwname FROM pg_foreign_data_wrapper w
      WHERE {own("pg_foreign_data_wrapper", "w.oid")}
     UNION ALL SELECT 'foreign server', s.srvname FROM pg_foreign_server s
      WHERE {own("pg_foreign_server", "s.oid")}
     UNION ALL SELECT 'publication', p.pubname FROM pg_publication p WHERE NOT starts_with(p.pubname, 'tailrace')
     UNION ALL SELECT 'subscription', s.subname FROM pg_subscription s
       JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()
     UNION ALL SELECT 'user mapping', usename || ' ' || srvname FROM pg_user_mappings
     UNION ALL SELECT 'setting of the database', unnest(s.setconfig) FROM pg_db_role_setting s
       JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()
     UNION ALL SELECT 'comment on the database', shobj_description(d.oid, 'pg_database') FROM pg_database d
      WHERE d.datname = current_database() AND shobj_description(d.oid, 'pg_database') IS NOT NULL
     UNION ALL SELECT 'large objects', count(*) || ' large objects' FROM pg_largeobject_metadata HAVING count(*) > 0
     UNION ALL SELECT 'owner', pg_get_userbyid(relowner) FROM (
            SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY(%s)
             GROUP BY c.relowner ORDER BY count(*) DESC, c.relowner OFFSET 1) o) f ORDER BY what, name
"""
_REASONS = {
    "comment on the database": "the target's database may be called, and be for, something else",
    "owner": "some of the objects are this role's, and not another's; in the target all are the sink's user's",
    "large objects": "they are in no table, and no log has them",
    "publication": "a publication, which feeds others from this database; take its statement from pg_dump",
}
_COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "ALL"}
_STATES = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def supplied(reading: Reading) -> dict[ObjectName, str]:
    """What extensions bring, by its names: the extension."""
    rows = reading.ask(_SUPPLIED, doing="extensions")
    return {ObjectName(schema, name): extension for extension, schema, name in rows}


def others(reading: Reading) -> None:
    """After all relations were read. Everything goes to `reading.others` and `reading.comments`."""
    schemas = list(reading.schemas)
    _of_the_database(reading, schemas)
    _policies(reading)
    _rules(reading)
    for schema, name, oid, text, comment, most in reading.ask(_STATISTICS, schemas, doing="statistics"):
        if oid in reading.relations:
            reading.other(ObjectKind.OTHER, ObjectName(schema, name), text, reading.relations[oid])
            reading.comment(ObjectKind.OTHER, ObjectName(schema, name), comment, "statistics")
            if most is not None and most >= 0:
                action = f"ALTER STATISTICS {qualified(ObjectName(schema, name))} SET STATISTICS {most}"
                reading.other(ObjectKind.OTHER, ObjectName(schema, f"target of {name}"), action, reading.relations[oid])
    for what, schema, name in reading.ask(_NAMED, schemas, doing="operators and text search"):
        reading.other(
            ObjectKind.OTHER,
            ObjectName(schema, name),
            "",
            reason=f"{article(what)}; take its statement from pg_dump",
        )
    for what, name in reading.ask(_UNPLACED, schemas, doing="what is in no schema"):
        reason = _REASONS.get(what, f"{article(what)}; take its statement from pg_dump")
        reading.other(ObjectKind.OTHER, ObjectName("", f"{what} {name}"), "", reason=reason)
    _grants(reading, schemas)


def _of_the_database(reading: Reading, schemas: list[str]) -> None:
    for schema, comment in reading.ask(_SCHEMAS, schemas, doing="schemas"):
        if schema != "public" or comment != "standard public schema":
            reading.comment(ObjectKind.SCHEMA, ObjectName("", schema), comment)
    for extension, schema, comment in reading.ask(_EXTENSIONS, doing="extensions"):
        reading.comment(ObjectKind.EXTENSION, ObjectName("", extension), comment)
        place = "" if schema == "pg_catalog" else f" WITH SCHEMA {ident(schema)}"
        text = f"CREATE EXTENSION IF NOT EXISTS {ident(extension)}{place}"
        reading.other(ObjectKind.EXTENSION, ObjectName("", extension), text)
    for name, event, tags, function, enabled, comment in reading.ask(_EVENT_TRIGGERS, schemas, doing="event triggers"):
        when = f" WHEN TAG IN ({', '.join(literal(tag) for tag in tags)})" if tags else ""
        text = f"CREATE EVENT TRIGGER {ident(name)} ON {event}{when} EXECUTE FUNCTION {function}()"
        reading.other(ObjectKind.EVENT, ObjectName("", name), text)
        if enabled in _STATES:
            action = f"ALTER EVENT TRIGGER {ident(name)} {_STATES[enabled]}"
            reading.other(ObjectKind.EVENT, ObjectName("", f"state of {name}"), action)
        reading.comment(ObjectKind.EVENT, ObjectName("", name), comment)


def _rules(reading: Reading) -> None:
    for oid, rows in reading.grouped(_RULES, reading.relations, doing="rules").items():
        table = reading.relations[oid]
        for name, text, enabled, comment in rows:
            reading.other(ObjectKind.OTHER, ObjectName(table.schema, name), text.removesuffix(";"), table)
            if enabled in _STATES:
                action = f"ALTER TABLE {qualified(table)} {_STATES[enabled]} RULE {ident(name)}"
                reading.other(ObjectKind.OTHER, ObjectName(table.schema, f"state of {name}"), action, table)
            reading.comment(ObjectKind.OTHER, table, comment, f"rule {name}")


def _policies(reading: Reading) -> None:
    for oid, rows in reading.grouped(_POLICIES, reading.relations, doing="policies").items():
        table = reading.relations[oid]
        for name, permissive, command, roles, using, check, comment in rows:
            text = f"CREATE POLICY {ident(name)} ON {qualified(table)}"
            text += "" if permissive else " AS RESTRICTIVE"
            text += f" FOR {_COMMANDS[command]} TO {', '.join(roles)}"
            text += f" USING ({using})" if using is not None else ""
            text += f" WITH CHECK ({check})" if check is not None else ""
            reading.other(ObjectKind.POLICY, ObjectName(table.schema, name), text, table)
            reading.comment(ObjectKind.POLICY, table, comment, name)


def _grants(reading: Reading, schemas: Collection[str]) -> None:
    rows = reading.ask(_GRANTS, *[list(schemas)] * 5, doing="grants")
    for word, sql, schema, name, oid, column, acl, usual in rows:
        object_ = ObjectName(schema, name)
        now, before = _by_grantee(acl), _by_grantee(usual)
        for key in sorted(now.keys() | before.keys()):
            grantee, grantable = key
            for verb, towards, rights in (
                ("REVOKE", "FROM", before.get(key, set()) - now.get(key, set())),
                ("GRANT", "TO", now.get(key, set()) - before.get(key, set())),
            ):
                if not rights:
                    continue
                listed = ", ".join(f"{right} ({ident(column)})" if column else right for right in sorted(rights))
                text = f"{verb} {listed} ON {word} {sql} {towards} {grantee}"
                text += " WITH GRANT OPTION" if grantable and verb == "GRANT" else ""
                place = ObjectName(schema, " ".join(filter(None, (name, column, verb.lower(), grantee))))
                table = reading.relations.get(oid, object_ if word != "SCHEMA" else None)
                reading.other(ObjectKind.GRANT, place, text, table)


def article(what: str) -> str:
    if what.endswith("s"):
        return what
    return f"{'an' if what[0] in 'aeio' else 'a'} {what}"


def _by_grantee(rights: list[tuple[str, bool, str]]) -> dict[tuple[str, bool], set[str]]:
    found: dict[tuple[str, bool], set[str]] = {}
    for grantee, grantable, right in rights:
        found.setdefault((grantee, grantable), set()).add(right)
    return found
