"""Programs of the same dialect: as they are, under the target's names, where nothing else in them has another name."""

from __future__ import annotations

import re
from dataclasses import replace

from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, Routine, Trigger
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.splicing import moved
from tailrace.conversion.names import Names
from tailrace.conversion.tables.verbatim import Verbatim

_SPECIAL_TRIGGER = re.compile(r"\bCONSTRAINT\s+TRIGGER\b|\bREFERENCING\b", re.IGNORECASE)


#: What reads or writes the history of rows, or the parts of a period.
_HISTORY = re.compile(r"\bFOR\s+(?:SYSTEM_TIME|PORTION\s+OF)\b|\bDELETE\s+HISTORY\b", re.IGNORECASE)


def refuse_history(text: str, names: Names) -> None:
    """A pipeline's target keeps no history of its rows.

    Raises:
        RefusalError: a program's text asks for it.
    """
    if names.piped and (found := _HISTORY.search(text)):
        raise RefusalError(
            "system-versioning",
            f"it has {found[0]}, and the target's table is without that history",
            "make it after cut-over, when the table has its versioning again",
        )


def routine(given: Routine, name: ObjectName, names: Names) -> Routine:
    """
    Raises:
        RefusalError: what it names may have another name in the target.
    """
    refuse_history(given.body, names)
    if not moved(names) and not _renamed_columns(names):
        return replace(given, name=name, line=0)
    if _finds(given, names):
        raise RefusalError("renamed-object", "its search_path names a schema whose objects are elsewhere in the target")
    refuse_moved(f"{given.body}\n{given.returns}\n{[a.sql_type for a in given.arguments]}", names)
    return replace(given, name=name, definition=_headed(given.definition, given.name, name), line=0)


def moved_routine(given: Routine, name: ObjectName, verbatim: Verbatim) -> Routine | None:
    """PostgreSQL's, with the target's schemas in its text; None where that is not sure."""
    if name.name != given.name.name or _finds(given, verbatim.names) or _renamed_columns(verbatim.names):
        return None
    written = given.body if given.body and given.body in given.definition else ""
    body = verbatim.body(given.body) if given.body else ""
    head, _, rest = given.definition.partition(written) if written else (given.definition, "", "")
    head_made, rest_made = verbatim.rewritten(head), verbatim.rewritten(rest)
    types = [verbatim.rewritten(argument.sql_type) for argument in given.arguments]
    defaults = [verbatim.rewritten(argument.default) for argument in given.arguments]
    returns = verbatim.rewritten(given.returns)
    if None in (body, head_made, rest_made, returns, *types, *defaults) or (given.body and not written):
        return None
    arguments = tuple(
        replace(argument, sql_type=type_ or "", default=default or "")
        for argument, type_, default in zip(given.arguments, types, defaults, strict=True)
    )
    definition = f"{head_made}{body}{rest_made}"
    return replace(
        given,
        name=name,
        arguments=arguments,
        returns=returns or "",
        body=body or "",
        definition=definition,
        line=0,
    )


def moved_trigger(given: Trigger, name: ObjectName, table: ObjectName, verbatim: Verbatim) -> Trigger | None:
    """As `moved_routine`."""
    function = verbatim.target_of(given.function) if given.function is not None else None
    if _renamed_columns(verbatim.names):
        return None
    definition, when = verbatim.rewritten(given.definition), verbatim.rewritten(given.when)
    if function is None or definition is None or when is None:
        return None
    return replace(given, name=name, table=table, function=function, definition=definition, when=when, line=0)


def _finds(given: Routine, names: Names) -> bool:
    """Whether its own search_path names a schema whose objects are elsewhere in the target."""
    path = given.options.get("set search_path", "").casefold()
    return any(old.schema.casefold() in path for old, new in names.objects.items() if old.schema and old != new)


def trigger(given: Trigger, name: ObjectName, table: ObjectName, source: Catalog, names: Names) -> Trigger:
    """
    Raises:
        RefusalError: as `routine`.
    """
    refuse_history(given.body, names)
    if not moved(names) and not _renamed_columns(names):
        return replace(given, name=name, table=table, line=0)
    refuse_moved(f"{given.body}\n{given.when}", names)
    if given.columns and names.columns.get(given.table):
        own = names.columns[given.table]
        if any(own.get(column) != column for column in given.columns):
            raise RefusalError("renamed-object", "a column of its UPDATE OF has another name in the target")
    function = names.objects.get(given.function) if given.function else None
    if given.function and given.function.schema == "pg_catalog":
        function = given.function
    if given.function and function is None:
        raise RefusalError("missing-object", f"its function {given.function} is not converted")
    made = replace(given, name=name, table=table, function=function, line=0)
    if source.dialect is Dialect.POSTGRESQL:
        if _SPECIAL_TRIGGER.search(given.definition):
            raise RefusalError(
                "renamed-object", "a trigger of a special form, and objects have other names in the target"
            )
        return replace(made, definition=postgres_trigger(made))
    return replace(made, definition=mysql_trigger(made, source.dialect))


def postgres_trigger(made: Trigger) -> str:
    dialect = Dialect.POSTGRESQL
    events = " OR ".join(
        event + (" OF " + ", ".join(quoting.identifier(c, dialect) for c in made.columns) if _of(event, made) else "")
        for event in made.events
    )
    assert made.function is not None
    when = f"\n    WHEN ({made.when})" if made.when else ""
    return (
        f"CREATE TRIGGER {quoting.identifier(made.name.name, dialect)}\n"
        f"    {made.timing} {events} ON {quoting.qualified(made.table, dialect)}\n"
        f"    FOR EACH {'ROW' if made.row else 'STATEMENT'}{when}\n"
        f"    EXECUTE FUNCTION {quoting.qualified(made.function, dialect)}({made.arguments})"
    )


def mysql_trigger(made: Trigger, dialect: Dialect) -> str:
    name, table = quoting.qualified(made.name, dialect), quoting.qualified(made.table, dialect)
    return f"CREATE TRIGGER {name} {made.timing} {made.events[0]} ON {table} FOR EACH ROW\n{made.body}"


def _of(event: str, made: Trigger) -> bool:
    return event == "UPDATE" and bool(made.columns)


def _renamed_columns(names: Names) -> bool:
    return any(old != new for own in names.columns.values() for old, new in own.items())


def refuse_moved(text: str, names: Names) -> None:
    """No word of it is the name of something that has another one in the target.

    Raises:
        RefusalError: one is.
    """
    words = {word.lower() for word in re.findall(r"\w+", text)}
    for name, made in names.objects.items():
        qualified = bool(name.schema) and re.search(rf"\b{re.escape(name.schema)}[\"`]?\s*\.", text, re.IGNORECASE)
        if name.schema != made.schema and qualified:
            raise RefusalError("renamed-object", f"it names {name.schema}, which is {made.schema} in the target")
        if name.name != made.name and name.name.lower() in words:
            raise RefusalError("renamed-object", f"it names {name.name}, which is {made.name} in the target")
    for own in names.columns.values():
        for old, new in own.items():
            if old != new and old.lower() in words:
                raise RefusalError("renamed-object", f"it names {old}, which is {new} in the target")


def _headed(definition: str, name: ObjectName, made: ObjectName) -> str:
    """The statement with the routine's new name in its head."""
    quoted = r"[\"`]?"
    mark = "`" if "`" in definition.split("(", 1)[0] else '"'
    schema = rf"(?:{quoted}{re.escape(name.schema)}{quoted}\s*\.\s*)?" if name.schema else ""
    called = re.escape(name.name.replace(mark, mark * 2))
    head = re.compile(rf"(FUNCTION|PROCEDURE)\s+{schema}{quoted}{called}{quoted}", re.IGNORECASE)
    if not head.search(definition):
        raise RefusalError("renamed-object", "its head was not understood, and it has another name in the target")
    written = ".".join(f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in (made.schema, made.name) if part)
    return head.sub(lambda match: f"{match[1]} {written}", definition, count=1)
