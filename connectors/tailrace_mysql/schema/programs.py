"""SHOW CREATE of views, routines, triggers and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tailrace.conversion.catalog import Argument, ObjectKind, ObjectName, Other, Routine, Trigger, View
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.ddl_programs import routine_sql, trigger_sql
from tailrace_mysql.schema.words import Text, unqualified, words

_MODES = ("IN", "OUT", "INOUT")
_ROUTINE = {
    ("NOT", "DETERMINISTIC"): ("deterministic", "no"),
    ("DETERMINISTIC",): ("deterministic", "yes"),
    ("CONTAINS", "SQL"): ("data", "contains sql"),
    ("NO", "SQL"): ("data", "no sql"),
    ("READS", "SQL", "DATA"): ("data", "reads sql data"),
    ("MODIFIES", "SQL", "DATA"): ("data", "modifies sql data"),
    ("SQL", "SECURITY", "INVOKER"): ("security", "invoker"),
    ("SQL", "SECURITY", "DEFINER"): ("security", "definer"),
    ("LANGUAGE", "SQL"): ("language", "sql"),
}


def read_view(name: ObjectName, sql: str, options: Mapping[str, str]) -> View:
    text = Text(unqualified(sql, name.schema))
    said = dict(options)
    text.expect("CREATE")
    while not text.accept("VIEW"):
        if text.accept("ALGORITHM", "="):
            algorithm = text.take().text.lower()
            if algorithm != "undefined":
                said["algorithm"] = algorithm
        elif text.sees("DEFINER"):
            said["definer"] = _definer(text)
        elif text.accept("SQL", "SECURITY"):
            security = text.take().text.lower()
            if security != "definer":
                said["security"] = security
        else:
            text.take()
    _name(text)
    columns = text.group().names() if text.sees("(") else ()
    text.expect("AS")
    end, option = len(text.words), ""
    if [word.upper for word in text.words[-2:]] == ["CHECK", "OPTION"]:
        option = text.words[-3].upper
        end -= 4 if option in ("LOCAL", "CASCADED") else 3
        option = option if option in ("LOCAL", "CASCADED") else "CASCADED"
    return View(name, text.raw(text.at, end), columns, check_option=option, options=said)


def read_routine(name: ObjectName, kind: ObjectKind, sql: str, returns: str, options: Mapping[str, str]) -> Routine:
    """
    Args:
        returns: the type that a function gives.
    """
    text = Text(sql)
    said = dict(options)
    text.expect("CREATE")
    while not (text.accept("FUNCTION") or text.accept("PROCEDURE")):
        if text.sees("DEFINER"):
            said["definer"] = _definer(text)
        elif text.accept("AGGREGATE"):
            said["aggregate"] = "yes"
        else:
            text.take()
    _name(text)
    arguments = tuple(_argument(argument) for argument in text.group().split())
    if text.accept("RETURNS"):
        line = sql.index("\n", text.word.start)
        while not text.done and text.word.start < line:
            line = max(line, text.take().end)
    while not text.done:
        found = next((pattern for pattern in _ROUTINE if text.sees(*pattern)), None)
        if found is not None:
            text.accept(*found)
            key, value = _ROUTINE[found]
            said[key] = value
        elif text.accept("COMMENT"):
            said["comment"] = text.string()
        else:
            break
    # A comment may stand before or after the body's words.
    start = text.words[text.at - 1].end
    body = sql[start:].strip()
    routine = Routine(name, kind, arguments, returns, "sql", body, "", said)
    return replace(routine, definition=routine_sql(identifier(name.name), routine))


def _argument(text: Text) -> Argument:
    mode = "IN"
    if text.word.upper in _MODES and len(text.words) > 2:
        mode = text.take().upper
    name = text.take().name
    return Argument(name, text.raw(), mode)


def read_trigger(
    name: ObjectName, table: ObjectName, timing: str, event: str, sql: str, options: Mapping[str, str]
) -> Trigger:
    text = Text(sql)
    said = dict(options)
    while not text.accept("FOR", "EACH", "ROW"):
        if text.sees("DEFINER"):
            said["definer"] = _definer(text)
        else:
            text.take()
    if text.word.upper in ("FOLLOWS", "PRECEDES"):
        text.take()
        _name(text)
    body = sql[text.words[text.at - 1].end :].strip()
    trigger = Trigger(name, table, timing, (event,), True, "", body=body, options=said)
    return replace(trigger, definition=trigger_sql(identifier(name.name), identifier(table.name), trigger))


def read_event(name: ObjectName, sql: str, options: Mapping[str, str]) -> Other:
    text = Text(sql)
    said = dict(options)
    text.expect("CREATE")
    if text.sees("DEFINER"):
        said["definer"] = _definer(text)
    return Other(ObjectKind.EVENT, name, _without_definer(sql), options=said)


def mentioned(sql: str) -> set[str]:
    """All names in a piece of SQL, in lower case."""
    return {word.name.lower() for word in words(sql) if word.kind in ("name", "word")}


def _name(text: Text) -> None:
    text.take()
    if text.accept("."):
        text.take()


def _definer(text: Text) -> str:
    """```root`@`%```, as it is written."""
    text.expect("DEFINER", "=")
    start = text.at
    text.take()
    while text.word.upper.startswith("@"):
        # The host in backticks is a word of its own.
        if text.take().upper == "@":
            text.take()
    return text.raw(start, text.at)


def _without_definer(sql: str) -> str:
    text = Text(sql)
    text.take()
    if not text.sees("DEFINER"):
        return sql
    start = text.word.start
    _definer(text)
    return sql[:start] + sql[text.word.start :]
