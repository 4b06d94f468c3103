"""MySQL's programs in MariaDB, and the other way round: as they stand, where both surely do the same."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from tailrace.conversion.catalog import (
    Catalog,
    Column,
    Dialect,
    ObjectKind,
    ObjectName,
    Other,
    Routine,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.expressions import splicing
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs import kept
from tailrace.conversion.programs.mysql_words import MODES
from tailrace.conversion.programs.program import Program
from tailrace.conversion.programs.related_text import Reading, text_type
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.collations import ONE_SYSTEM
from tailrace.conversion.translation import Remark, Translation, Use
from tailrace.schema import Kind

#: Kinds of columns that compare or print otherwise in the other system.
_ODD = (Kind.JSON, Kind.UUID, Kind.OTHER)
#: Modes of one system alone that change nothing in what a program does.
_WITHOUT_EFFECT = (
    *("NO_AUTO_CREATE_USER", "NO_TABLE_OPTIONS", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "IGNORE_BAD_TABLE_OPTIONS"),
    # The source has looked at it; MariaDB does not see what a key decides.
    "ONLY_FULL_GROUP_BY",
)
#: MySQL prints the character set of each text, which is the session's in any case; MariaDB does not keep it well.
_INTRODUCED = re.compile(r"`(?:[^`]|``)*`|(_utf8mb4)?('(?:[^'\\]|\\.|'')*')", re.DOTALL)
_ROUNDS, _CUTS = "TIME_ROUND_FRACTIONAL", "TIME_TRUNCATE_FRACTIONAL"
_STATEMENTS = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|REPLACE|CALL)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE\s+INTO|CALL)\b", re.IGNORECASE)
_SCHEDULED = re.compile(r"\bON\s+SCHEDULE\s+(AT|EVERY)\b|\bENDS\b|\bON\s+(?:SLAVE|REPLICA)\b", re.IGNORECASE)


def trigger(
    given: Trigger, name: ObjectName, table: ObjectName, source: Catalog, target: Dialect, names: Names, rules: Rules
) -> Program:
    """
    Raises:
        RefusalError: why it is not kept.
    """
    reading = _read(given.body, given.options, source, target, names)
    options, remarks = _session(given.body, given.options, source, target, rules)
    kept.refuse_moved(given.body, names)
    made = replace(given, name=name, table=table, body=_typed(given.body, reading, source, target, rules), line=0)
    made = replace(made, definition=kept.mysql_trigger(made, target), options=options)
    return Program((made,), (*remarks, *_said(reading)))


def routine(given: Routine, name: ObjectName, source: Catalog, target: Dialect, names: Names, rules: Rules) -> Program:
    """
    Raises:
        RefusalError: why it is not kept.
    """
    if given.language != "sql" or given.options.get("aggregate") == "yes":
        raise RefusalError("differs-between", "it is an aggregate, or in another language than SQL")
    reading = _read(given.body, given.options, source, target, names, (argument.name for argument in given.arguments))
    options, remarks = _session(given.body, given.options, source, target, rules)
    said = f"{given.returns} {' '.join(argument.sql_type for argument in given.arguments)}"
    kept.refuse_moved(f"{given.body} {said}", names)
    charset = _charset(source, target, rules)
    arguments = tuple(
        replace(one, sql_type=one.sql_type + charset) if text_type(one.sql_type) else one for one in given.arguments
    )
    returns = given.returns
    if returns and text_type(returns):
        returns += charset
    if given.kind is ObjectKind.FUNCTION and target is Dialect.MYSQL:
        options = _told(options, given.body)
    body = _typed(given.body, reading, source, target, rules)
    made = replace(
        given, name=name, arguments=arguments, returns=returns, body=body, options=options, definition="", line=0
    )
    return Program((made,), (*remarks, *_said(reading)))


def view(given: View, name: ObjectName, source: Catalog, target: Dialect, names: Names, rules: Rules) -> Program:
    """
    Raises:
        RefusalError: why it is not kept.
    """
    reading = _read(given.query, {}, source, target, names, query=True)
    query = splicing.query(given.query, source, names)
    options, remarks = view_options(given, source, target, rules)
    return Program((replace(given, name=name, query=query, options=options, line=0),), (*remarks, *_said(reading)))


def view_options(given: View, source: Catalog, target: Dialect, rules: Rules) -> tuple[dict[str, str], list[Remark]]:
    """What the head of a view says, and by which collation numbers in texts compare."""
    known = ("algorithm", "security", "collation_connection")
    return _session(
        given.query, {key: given.options[key] for key in known if key in given.options}, source, target, rules
    )


def event(given: Other, source: Catalog, target: Dialect, names: Names, rules: Rules) -> tuple[Other, list[Remark]]:
    """
    Raises:
        RefusalError: why it is not kept.
    """
    found = {match[0].split()[-1].upper() for match in _SCHEDULED.finditer(given.definition)}
    if found != {"EVERY"}:
        raise RefusalError("event", "it runs once, or to an end, which may have passed by when it is made")
    kept.refuse_history(given.definition, names)
    if source.dialect is target:
        kept.refuse_moved(given.definition, names)
        return replace(given, options={key: text for key, text in given.options.items() if key != "definer"}), []
    reading = _read(given.definition, given.options, source, target, names, (given.name.name,))
    if reading.typed:
        raise RefusalError("event", "it has variables of text, whose character set is the database's")
    options, remarks = _session(given.definition, given.options, source, target, rules)
    kept.refuse_moved(given.definition, names)
    return replace(given, options=options), [*remarks, *_said(reading)]


def expression(
    sql: str,
    use: Use,
    source: Dialect,
    target: Dialect,
    columns: Mapping[str, Column],
    names: Names,
    table: ObjectName,
) -> Translation:
    """Of a table's; by hand where it is not surely the same."""
    reading = Reading(sql, target, known={name.lower() for name in columns}, steady=use is not Use.DEFAULT)
    try:
        reading.read()
        mentioned = [column for name, column in columns.items() if _mentions(sql, name)]
        moments = (Kind.TIMESTAMPTZ,) if reading.steady else ()
        if odd := next((one for one in mentioned if one.type.kind in (*_ODD, *moments)), None):
            raise RefusalError("differs-between", f"{odd.name} is a {odd.sql_type}")
        made = splicing.expression(sql, source, columns, names, table)
        if target is Dialect.MARIADB:
            made = _INTRODUCED.sub(_bare, made)
    except RefusalError as refusal:
        return Translation("", (refusal.remark,))
    return Translation(made, _said(reading))


# ---- inside


def _read(
    text: str,
    options: Mapping[str, str],
    source: Catalog,
    target: Dialect,
    names: Names,
    variables: Iterable[str] = (),
    query: bool = False,
) -> Reading:
    kept.refuse_history(text, names)
    columns = {column.name.lower() for table in source.tables for column in table.columns}
    known = columns | {table.name.name.lower() for table in source.tables}
    known |= {view.name.name.lower() for view in source.views}
    routines = {one.name.name.lower() for one in source.routines if one.name in names.objects}
    own = {variable.lower() for variable in variables}
    reading = Reading(text, target, _modes(options), known, routines, query=query, variables=own)
    reading.read()
    for table in source.tables:
        if _mentions(text, table.name.name) and (odd := _odd_column(text, table)):
            raise RefusalError("differs-between", f"it names {odd.name} of {table.name.name}, a {odd.sql_type}")
    return reading


def _odd_column(text: str, table: Table) -> Column | None:
    return next((one for one in table.columns if one.type.kind in _ODD and _mentions(text, one.name)), None)


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text, re.IGNORECASE) is not None


def _modes(options: Mapping[str, str]) -> Collection[str]:
    return [mode for mode in options.get("sql_mode", "").split(",") if mode]


def _session(
    text: str, options: Mapping[str, str], source: Catalog, target: Dialect, rules: Rules
) -> tuple[dict[str, str], list[Remark]]:
    """What the program is made with in the target, so that it does the same."""
    made = {key: value for key, value in options.items() if key != "definer"}
    remarks: list[Remark] = []
    if "sql_mode" in made:
        modes = [mode for mode in _modes(options) if mode not in _WITHOUT_EFFECT]
        odd = [mode for mode in modes if mode not in MODES and mode not in (_ROUNDS, _CUTS)]
        if odd:
            raise RefusalError("differs-between", f"it was made with the sql_mode {odd[0]}, which the target has not")
        # MySQL rounds fractions of a second unless it is told to cut them, MariaDB the other way round.
        rounds = _CUTS not in modes if source.dialect is Dialect.MYSQL else _ROUNDS in modes
        modes = [mode for mode in modes if mode not in (_ROUNDS, _CUTS)]
        if target is Dialect.MARIADB and rounds:
            modes.append(_ROUNDS)
        if target is Dialect.MYSQL and not rounds:
            modes.append(_CUTS)
        made["sql_mode"] = ",".join(modes)
    zone = made.get("time_zone", "SYSTEM")
    if zone != "SYSTEM" and not zone.startswith(("+", "-")):
        raise RefusalError("differs-between", f"it runs in the time zone {zone}, which the target may not have")
    if connection := made.get("collation_connection"):
        wanted, reason = _collation(connection, source.dialect, target, rules)
        made["collation_connection"] = wanted
        if not wanted:
            del made["collation_connection"]
            reason = f"its literals compare by {connection}, which the target has not: by the session's there"
        if reason and _has_texts(text):
            remarks.append(Remark("collation", Grade.CHANGED, reason, "see what compares literals", Complexity.SIMPLE))
    return made, remarks


def _has_texts(text: str) -> bool:
    return "'" in text or '"' in text


def _collation(given: str, source: Dialect, target: Dialect, rules: Rules) -> tuple[str, str]:
    ruled = rules.collation_of(source, target, given)
    if ruled is not None:
        return ruled
    return ("", "") if any(mark in given for mark in ONE_SYSTEM) else (given, "")


def _charset(source: Catalog, target: Dialect, rules: Rules) -> str:
    """Said of texts that say none: that of the database in which the program was made."""
    if not source.charset:
        return ""
    wanted, _ = _collation(source.collation, source.dialect, target, rules)
    return f" CHARSET {source.charset}" + (f" COLLATE {wanted}" if wanted.startswith(source.charset) else "")


def _typed(body: str, reading: Reading, source: Catalog, target: Dialect, rules: Rules) -> str:
    """With the character set of variables of text, which would be the other database's."""
    charset = _charset(source, target, rules)
    for place in sorted(reading.typed, reverse=True):
        body = body[:place] + charset + body[place:]
    return body


def _told(options: dict[str, str], body: str) -> dict[str, str]:
    """MySQL makes a function only where it says that it is deterministic, or writes nothing."""
    if options.get("deterministic") == "yes" or options.get("data") in ("no sql", "reads sql data"):
        return options
    if _WRITES.search(body):
        return options
    return {**options, "data": "reads sql data" if _STATEMENTS.search(body) else "no sql"}


def _bare(match: re.Match[str]) -> str:
    return match[2] or match[0]


def _said(reading: Reading) -> tuple[Remark, ...]:
    return tuple(dict.fromkeys(reading.said))
