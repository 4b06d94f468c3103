"""What SQL Server binds to columns and types by procedures: ``sp_addtype``, defaults, rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tailrace.conversion.catalog import Check, Column, Dialect, Domain, ObjectName, Skipped
from tailrace.conversion.script import types
from tailrace.conversion.script.draft import Draft, TableDraft
from tailrace.conversion.script.splitting import Statement, shown
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader, Script, Token, lex
from tailrace.conversion.script.written import read_type

_VARIABLE = re.compile(r"@\w+")


def make_bound(draft: Draft, reader: Reader, statement: Statement) -> bool:
    """``CREATE DEFAULT d AS 0``, ``CREATE RULE r AS @x > 0``: columns to which it is bound have it."""
    reader.take()
    rule = reader.take().upper == "RULE"
    name = draft.key(reader.object_name(draft.schema))
    reader.expect("AS")
    kept = draft.rules if rule else draft.defaults
    kept[name] = reader.rest()
    draft.skip(Skipped(statement.line, shown(statement.text), "columns to which it is bound have it"))
    return True


def add_type(draft: Draft, arguments: Mapping[str, Token], statement: Statement) -> None:
    """``sp_addtype id, 'varchar(11)', 'NOT NULL'``.

    Raises:
        NotUnderstoodError: it has no name, or no type that is known.
    """
    given = _given(arguments, ("@typename", "@phystype", "@nulltype"))
    if "@typename" not in given or "@phystype" not in given:
        raise NotUnderstoodError("sp_addtype without a name or a type")
    name = ObjectName(draft.schema, given["@typename"].text)
    written = read_type(_reader(given["@phystype"].text))
    found = types.described(written, Dialect.TSQL)
    if found is None:
        raise NotUnderstoodError(f"the type {written.text} is not known")
    nullable = "NOT" not in given["@nulltype"].text.upper() if "@nulltype" in given else True
    sql = types.sql_type(written, Dialect.TSQL)
    draft.domains[draft.key(name)] = Domain(name, found, sql, nullable, line=statement.line)


def bind(draft: Draft, procedure: str, arguments: Mapping[str, Token], statement: Statement) -> None:
    """``sp_bindefault 'd', 't.c'``, ``sp_bindrule 'r', 'type'``.

    Raises:
        NotUnderstoodError: the script has not made one of both.
    """
    rule = procedure == "sp_bindrule"
    given = _given(arguments, ("@rulename" if rule else "@defname", "@objname", "@futureonly"))
    if len(given) < 2:
        raise NotUnderstoodError(f"{procedure} without a name")
    first, second = list(given.values())[:2]
    key = draft.key(_reader(first.text).object_name(draft.schema))
    expression = (draft.rules if rule else draft.defaults).get(key)
    if expression is None:
        raise NotUnderstoodError(f"the script has no {'rule' if rule else 'default'} {first.text}")
    parts = _names(second.text)
    domain = draft.domains.get(draft.key(ObjectName(draft.schema, parts[-1])))
    if len(parts) == 1 and domain is not None:
        for table in draft.tables.values():
            for column in table.columns:
                if column.user_type == domain.name:
                    _bind(draft, table, column, key.name if rule else "", expression, statement)
        if rule:
            raise NotUnderstoodError("columns that the type has later are not looked at")
        draft.domains[draft.key(domain.name)] = replace(domain, default=expression)
        return
    if len(parts) < 2:
        raise NotUnderstoodError(f"the script has no type {second.text}")
    table = draft.table(ObjectName(parts[-3] if len(parts) > 2 else draft.schema, parts[-2]))
    column = table.columns[draft.column_at(table, parts[-1])]
    _bind(draft, table, column, key.name if rule else "", expression, statement)


def renamed(draft: Draft, arguments: Mapping[str, Token], statement: Statement) -> None:
    """``sp_rename 's.t.c', 'd', 'COLUMN'``, ``sp_rename 't', 'u'``; of indexes and constraints too.

    Raises:
        NotUnderstoodError: the script has not made it.
    """
    from tailrace.conversion.script.altering import move_table, rename_column

    given = _given(arguments, ("@objname", "@newname", "@objtype"))
    if len(given) < 2:
        raise NotUnderstoodError("sp_rename without two names")
    parts, new = _names(given["@objname"].text), given["@newname"].text
    kind = given["@objtype"].text.upper() if "@objtype" in given else "OBJECT"
    if kind == "COLUMN" and len(parts) > 1:
        table = draft.table(ObjectName(parts[-3] if len(parts) > 2 else draft.schema, parts[-2]))
        rename_column(draft, table, parts[-1], new)
    elif kind == "INDEX" and len(parts) > 1:
        on = ObjectName(parts[-3] if len(parts) > 2 else draft.schema, parts[-2])
        if not draft.rename_index(parts[-1], new, on):
            raise NotUnderstoodError(f"{on} has no index {parts[-1]}")
    elif kind == "OBJECT":
        name = ObjectName(parts[-2] if len(parts) > 1 else draft.schema, parts[-1])
        move_table(draft, draft.table(name), ObjectName(name.schema, new))
    else:
        raise NotUnderstoodError(f"sp_rename of a {kind}")
    draft.skip(Skipped(statement.line, shown(statement.text), "it has its new name"))


def _bind(draft: Draft, table: TableDraft, column: Column, rule: str, expression: str, statement: Statement) -> None:
    if rule:
        text = _VARIABLE.sub(lambda _: f"[{column.name}]", expression)
        table.checks.append(Check("", text, line=statement.line))
    elif not column.default:
        draft.change_column(table, column.name, default=expression)
    draft.skip(Skipped(statement.line, shown(statement.text), "its columns have what it says"))


def _given(arguments: Mapping[str, Token], names: tuple[str, ...]) -> dict[str, Token]:
    found: dict[str, Token] = {}
    for key, token in arguments.items():
        found[names[int(key)] if key.isdigit() and int(key) < len(names) else key] = token
    return {name: found[name] for name in names if name in found}


def _reader(text: str) -> Reader:
    script = Script(text, Dialect.TSQL)
    return Reader(script, list(lex(script, 0, len(text))))


def _names(text: str) -> list[str]:
    reader = _reader(text)
    found = [reader.name()]
    while reader.accept("."):
        found.append(reader.name())
    return found
