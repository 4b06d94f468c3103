"""Views, functions, procedures, packages and triggers: their heads are read, their bodies carried as text."""

from __future__ import annotations

from collections.abc import Mapping

from tailrace.conversion.catalog import (
    Argument,
    Dialect,
    ObjectKind,
    ObjectName,
    Routine,
    Trigger,
    View,
)
from tailrace.conversion.script import types
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.tables import Head
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader
from tailrace.conversion.script.written import read_type

_PACKAGE = "packages hold state and private parts; a schema of functions is the nearest that the target has"


def create_view(draft: Draft, reader: Reader, head: Head) -> None:
    materialized = "MATERIALIZED" in head.words
    reader.accept("IF", "NOT", "EXISTS")
    if materialized and reader.accept("LOG"):
        draft.other(ObjectKind.OTHER, ObjectName(draft.schema, "log"), head.text, _MVIEW_LOG, head.line)
        return
    name = reader.object_name(draft.schema)
    columns: tuple[str, ...] = ()
    if reader.sees("("):
        parts = [part for part in reader.parentheses().parts() if not part.sees("CONSTRAINT")]
        columns = tuple(part.name() for part in parts)
    start = reader.at
    while not reader.done and not reader.sees("AS"):
        if reader.sees("("):
            reader.skip_parentheses()
        else:
            reader.take()
    options = reader.text(start, reader.at)
    reader.expect("AS")
    query, check, read_only = _query(reader)
    stated = {key: value for key, value in (("options", options), ("security", _view_security(head))) if value}
    if read_only:
        stated["read only"] = "yes"
    draft.views[draft.key(name)] = View(name, query, columns, materialized, check, line=head.line, options=stated)


_MVIEW_LOG = "it tells a materialized view what has changed since it was refreshed"


def _view_security(head: Head) -> str:
    return "invoker" if "INVOKER" in head.words else ""


def _query(reader: Reader) -> tuple[str, str, bool]:
    """The SELECT, the check option, and whether it is WITH READ ONLY; PostgreSQL's WITH NO DATA is left out."""
    start, check, read_only = reader.at, "", False
    end = len(reader.tokens)
    words = [token.upper for token in reader.tokens]
    for at in range(start, end):
        tail = tuple(words[at:])
        if tail[:1] != ("WITH",):
            continue
        if tail[1:3] == ("CHECK", "OPTION"):
            check, end = "CASCADED", at
        elif tail[2:4] == ("CHECK", "OPTION") and tail[1] in ("CASCADED", "LOCAL"):
            check, end = tail[1], at
        elif tail[1:3] == ("READ", "ONLY"):
            read_only, end = True, at
        elif tail[1:] in (("NO", "DATA"), ("DATA",)):
            end = at
        else:
            continue
        break
    return reader.text(start, end), check, read_only


def create_routine(draft: Draft, reader: Reader, head: Head) -> None:
    kind = ObjectKind.FUNCTION if reader.peek(-1).upper == "FUNCTION" else ObjectKind.PROCEDURE
    reader.accept("IF", "NOT", "EXISTS")
    name = reader.object_name(draft.schema)
    if "AGGREGATE" in head.words:
        draft.other(kind, name, head.text, "it is a library of the server's", head.line)
        return
    read = {
        Dialect.ORACLE: _oracle_routine,
        Dialect.TSQL: _tsql_routine,
        Dialect.POSTGRESQL: _postgres_routine,
    }.get(draft.dialect, _mysql_routine)
    try:
        arguments, returns, language, body, options = read(draft, reader)
    except NotUnderstoodError as error:
        draft.other(kind, name, head.text, str(error), head.line)
        return
    routine = Routine(name, kind, arguments, returns, language, body, head.text, options, head.line)
    draft.add_routine(routine, head.replaces)


_Read = tuple[tuple[Argument, ...], str, str, str, Mapping[str, str]]


def _type_text(draft: Draft, reader: Reader) -> str:
    return types.sql_type(read_type(reader), draft.dialect)


def _oracle_routine(draft: Draft, reader: Reader) -> _Read:
    arguments: list[Argument] = []
    if reader.sees("("):
        for part in reader.parentheses().parts():
            name = part.name()
            mode = "INOUT" if part.accept("IN", "OUT") else part.accept_any("IN", "OUT") or "IN"
            part.accept("NOCOPY")
            sql = _type_text(draft, part)
            arguments.append(Argument(name, sql, mode, _argument_default(part)))
    returns = _type_text(draft, reader) if reader.accept("RETURN") else ""
    start = reader.at
    while not reader.done and reader.token.upper not in ("IS", "AS"):
        if reader.sees("("):
            reader.skip_parentheses()
        else:
            reader.take()
    options = _words(reader, start)
    reader.take()
    return tuple(arguments), returns, "sql", reader.rest(), options


def _words(reader: Reader, start: int) -> dict[str, str]:
    said = reader.text(start, reader.at)
    found = {"options": said} if said else {}
    upper = said.upper()
    if "DETERMINISTIC" in upper and "NOT DETERMINISTIC" not in upper:
        found["deterministic"] = "yes"
    if "CURRENT_USER" in upper or "SECURITY INVOKER" in upper or "EXECUTE AS CALLER" in upper:
        found["security"] = "invoker"
    return found


def _argument_default(part: Reader) -> str:
    if part.accept("DEFAULT") or part.accept(":", "=") or part.accept("="):
        return part.expression(frozenset({"OUTPUT", "OUT", "READONLY"}))
    return ""


def _tsql_routine(draft: Draft, reader: Reader) -> _Read:
    arguments: list[Argument] = []
    if reader.accept(";"):
        reader.take()  # the number of a group of procedures
    if reader.sees("("):
        arguments += [_tsql_argument(draft, part) for part in reader.parentheses().parts()]
    else:
        while reader.token.text.startswith("@"):
            arguments.append(_tsql_argument(draft, reader))
            if not reader.accept(","):
                break
    returns = ""
    if reader.accept("RETURNS"):
        start = reader.at
        if reader.token.text.startswith("@"):
            reader.take()
            reader.expect("TABLE")
            reader.skip_parentheses()
            returns = reader.text(start, reader.at)
        elif reader.accept("TABLE"):
            returns = "TABLE"
        else:
            returns = _type_text(draft, reader)
    start = reader.at
    while not reader.done and not reader.sees("AS") and not reader.sees("BEGIN") and not reader.sees("RETURN"):
        if reader.sees("EXECUTE", "AS") or reader.sees("EXEC", "AS"):
            reader.at += 2
        reader.take()
    options = _words(reader, start)
    reader.accept("AS")
    return tuple(arguments), returns, "sql", reader.rest(), options


def _tsql_argument(draft: Draft, reader: Reader) -> Argument:
    name = reader.take().text
    reader.accept("AS")
    sql = _type_text(draft, reader)
    mode = "IN"
    reader.accept("VARYING")
    reader.accept("NULL") or reader.accept("NOT", "NULL")
    default = reader.expression(_ARGUMENT_ENDS) if reader.accept("=") else ""
    while word := reader.accept_any("OUT", "OUTPUT", "READONLY"):
        mode = "INOUT" if word != "READONLY" else mode
    return Argument(name, sql, mode, default)


_ARGUMENT_ENDS = frozenset({"OUT", "OUTPUT", "READONLY", "AS", "WITH", "FOR"})


def _mysql_routine(draft: Draft, reader: Reader) -> _Read:
    arguments: list[Argument] = []
    for part in reader.parentheses().parts():
        mode = part.accept_any("IN", "OUT", "INOUT") or "IN"
        arguments.append(Argument(part.name(), _type_text(draft, part), mode))
    returns = ""
    if reader.accept("RETURNS"):
        returns = _type_text(draft, reader)
        if reader.accept("COLLATE"):
            reader.take()
    start = reader.at
    while not reader.done:
        if reader.accept("COMMENT") or reader.accept("LANGUAGE"):
            reader.take()
        elif not reader.accept_any(*_MYSQL_CHARACTERISTICS):
            break
    return tuple(arguments), returns, "sql", reader.rest(), _words_before(reader, start)


_MYSQL_CHARACTERISTICS = (
    *("NOT", "DETERMINISTIC", "CONTAINS", "SQL", "NO", "READS", "MODIFIES", "DATA", "SECURITY", "DEFINER", "INVOKER"),
)


def _words_before(reader: Reader, start: int) -> dict[str, str]:
    """The characteristics, from one token up to where the body began."""
    end = start
    while end < len(reader.tokens) and reader.tokens[end].upper in (*_MYSQL_CHARACTERISTICS, "COMMENT", "LANGUAGE"):
        end += 2 if reader.tokens[end].upper in ("COMMENT", "LANGUAGE") else 1
    upper = reader.text(start, end).upper()
    found = {"options": reader.text(start, end)} if end > start else {}
    if "DETERMINISTIC" in upper and "NOT DETERMINISTIC" not in upper:
        found["deterministic"] = "yes"
    if "SECURITY INVOKER" in upper:
        found["security"] = "invoker"
    return found


_PG_OPTIONS = frozenset(
    {
        *("LANGUAGE", "AS", "IMMUTABLE", "STABLE", "VOLATILE", "STRICT", "CALLED", "SECURITY", "EXTERNAL", "PARALLEL"),
        *("COST", "ROWS", "SUPPORT", "SET", "LEAKPROOF", "NOT", "WINDOW", "TRANSFORM", "RETURN", "BEGIN", "RETURNS"),
    }
)


def _postgres_routine(draft: Draft, reader: Reader) -> _Read:
    arguments = tuple(_pg_argument(draft, part) for part in reader.parentheses().parts())
    returns, language, body = "", "sql", ""
    options: dict[str, str] = {}
    while not reader.done:
        start = reader.at
        if reader.accept("RETURNS", "NULL", "ON", "NULL", "INPUT") or reader.accept("STRICT"):
            options["strict"] = "yes"
        elif reader.accept("RETURNS"):
            if reader.accept("TABLE"):
                reader.skip_parentheses()
                returns = reader.text(start + 1, reader.at)
            else:
                setof = "SETOF " if reader.accept("SETOF") else ""
                returns = setof + _type_text(draft, reader)
        elif reader.accept("LANGUAGE"):
            language = reader.take().text.lower()
        elif reader.accept("AS"):
            body = reader.take().text
            if reader.accept(","):
                body = reader.take().text
        elif word := reader.accept_any("IMMUTABLE", "STABLE", "VOLATILE"):
            options["volatility"] = word.lower()
        elif reader.accept("EXTERNAL", "SECURITY") or reader.accept("SECURITY"):
            options["security"] = reader.take().text.lower()
        elif reader.sees("BEGIN", "ATOMIC") or reader.sees("RETURN"):
            body = reader.rest()
        elif reader.accept("CALLED", "ON", "NULL", "INPUT") or reader.accept("NOT", "LEAKPROOF"):
            pass
        elif reader.accept("SET"):
            while not reader.done and reader.token.upper not in _PG_OPTIONS:
                reader.take()
            options["set"] = f"{options.get('set', '')} {reader.text(start, reader.at)}".strip()
        elif reader.accept_any("PARALLEL", "COST", "ROWS", "SUPPORT"):
            reader.take()
            options[reader.tokens[start].text.lower()] = reader.peek(-1).text.lower()
        elif reader.accept_any("LEAKPROOF", "WINDOW"):
            options[reader.peek(-1).text.lower()] = "yes"
        else:
            raise NotUnderstoodError(f"a function goes on with {reader.near}")
    return arguments, returns, language, body, options


def _pg_argument(draft: Draft, part: Reader) -> Argument:
    mode = "INOUT" if part.accept("IN", "OUT") else part.accept_any("IN", "OUT", "INOUT", "VARIADIC") or "IN"
    start = part.at
    try:
        sql = _type_text(draft, part)
        if part.done or part.token.upper in ("DEFAULT", "="):
            return Argument("", sql, mode, _argument_default(part))
    except NotUnderstoodError:
        pass
    part.at = start
    name = part.name()
    sql = _type_text(draft, part)
    return Argument(name, sql, mode, _argument_default(part))


def create_package(draft: Draft, reader: Reader, head: Head) -> None:
    body = reader.accept("BODY")
    name = reader.object_name(draft.schema)
    if body:
        name = ObjectName(name.schema, f"{name.name} (body)")
    draft.other(ObjectKind.PACKAGE, name, head.text, _PACKAGE, head.line)


#: Trigger functions that PostgreSQL has by itself.
_SERVERS_OWN = frozenset(
    {"tsvector_update_trigger", "tsvector_update_trigger_column", "suppress_redundant_updates_trigger"}
)
_EVENTS = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


def create_trigger(draft: Draft, reader: Reader, head: Head) -> None:
    reader.accept("IF", "NOT", "EXISTS")
    name = reader.object_name(draft.schema)
    try:
        if draft.dialect is Dialect.TSQL:
            trigger = _tsql_trigger(draft, reader, name, head)
        else:
            trigger = _trigger(draft, reader, name, head)
    except NotUnderstoodError as error:
        draft.other(ObjectKind.TRIGGER, name, head.text, str(error), head.line, _on(draft, reader))
        return
    if head.replaces:
        draft.drop("TRIGGER", name)
    draft.triggers.append(trigger)


def _on(draft: Draft, reader: Reader) -> ObjectName | None:
    """The table of a trigger that was not understood, where the script has it."""
    for at, token in enumerate(reader.tokens[:-1]):
        if token.upper == "ON" and reader.tokens[at + 1].kind in ("word", "name"):
            reader.at = at + 1
            name = reader.object_name(draft.schema)
            return draft.tables[draft.key(name)].name if draft.key(name) in draft.tables else None
    return None


def _tsql_trigger(draft: Draft, reader: Reader, name: ObjectName, head: Head) -> Trigger:
    reader.expect("ON")
    if reader.accept("ALL", "SERVER") or reader.accept("DATABASE"):
        raise NotUnderstoodError("a trigger on statements that make or drop objects")
    table = reader.object_name(draft.schema)
    while not reader.done and reader.token.upper not in ("FOR", "AFTER", "INSTEAD"):
        reader.take()
    timing = "INSTEAD OF" if reader.accept("INSTEAD", "OF") else "AFTER" if reader.accept_any("FOR", "AFTER") else ""
    events = []
    while word := reader.accept_any(*_EVENTS):
        events.append(word)
        reader.accept(",")
    reader.accept("NOT", "FOR", "REPLICATION")
    reader.expect("AS")
    if not events:
        raise NotUnderstoodError("a trigger without an event")
    return Trigger(
        name, table, timing, tuple(events), row=False, definition=head.text, body=reader.rest(), line=head.line
    )


def _trigger(draft: Draft, reader: Reader, name: ObjectName, head: Head) -> Trigger:
    timing = "INSTEAD OF" if reader.accept("INSTEAD", "OF") else reader.accept_any("BEFORE", "AFTER", "FOR")
    if not timing:
        raise NotUnderstoodError(f"a trigger goes on with {reader.near}")
    events, columns = _events(reader)
    reader.expect("ON")
    if reader.accept_any("DATABASE", "SCHEMA") or reader.accept("NESTED", "TABLE") or not events:
        raise NotUnderstoodError("a trigger on what is no table")
    table = reader.object_name(draft.schema)
    if reader.accept("."):
        raise NotUnderstoodError("a trigger on a whole schema")
    row, enabled, when = draft.dialect.mysql_like, True, ""
    options: dict[str, str] = {}
    while not reader.done:
        start = reader.at
        if reader.accept("FOR", "EACH") or reader.accept("FOR"):
            row = reader.accept_any("ROW", "STATEMENT") == "ROW"
        elif reader.accept("REFERENCING"):
            while reader.accept_any("OLD", "NEW", "PARENT"):
                reader.accept("TABLE")
                reader.accept("AS")
                reader.take()
            options["referencing"] = reader.text(start, reader.at)
        elif reader.accept_any("FOLLOWS", "PRECEDES"):
            options["order"] = f"{reader.peek(-1).upper} {reader.object_name('')}"
        elif reader.accept("ENABLE"):
            enabled = True
        elif reader.accept("DISABLE"):
            enabled = False
        elif reader.accept("WHEN"):
            when = reader.parentheses().text()
        elif reader.accept("FROM"):
            reader.object_name("")
        elif reader.accept("NOT", "DEFERRABLE") or reader.accept("DEFERRABLE"):
            options["deferrable"] = "deferrable" if reader.tokens[start].upper == "DEFERRABLE" else ""
        elif reader.accept("INITIALLY"):
            options["deferrable"] = "deferred" if reader.take().upper == "DEFERRED" else options.get("deferrable", "")
        else:
            break
    if "CONSTRAINT" in head.words:
        options["constraint"] = "yes"
    function, arguments = None, ""
    if draft.dialect is Dialect.POSTGRESQL:
        reader.expect("EXECUTE")
        reader.accept_any("FUNCTION", "PROCEDURE")
        own = reader.token.text.lower() in _SERVERS_OWN and reader.peek().upper == "("
        function = reader.object_name("pg_catalog" if own else draft.schema)
        arguments = reader.parentheses().text()
    if timing == "FOR" or reader.sees("COMPOUND", "TRIGGER"):
        raise NotUnderstoodError("a compound trigger: parts that run before and after rows and statements share state")
    body = reader.rest()
    options = {key: value for key, value in options.items() if value}
    return Trigger(
        name,
        table,
        timing,
        events,
        row,
        head.text,
        columns,
        when,
        function,
        arguments,
        body,
        enabled,
        head.line,
        options,
    )


def _events(reader: Reader) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found: list[str] = []
    columns: list[str] = []
    while word := reader.accept_any(*_EVENTS):
        found.append(word)
        if word == "UPDATE" and reader.accept("OF"):
            columns.append(reader.name())
            while reader.accept(","):
                columns.append(reader.name())
        if not reader.accept("OR"):
            break
    return tuple(found), tuple(columns)
