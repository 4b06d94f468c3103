"""What dumps say in other statements than CREATE: PostgreSQL's search path and the values of sequences."""

from __future__ import annotations

import re

from tailrace.conversion.catalog import ObjectName
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader

_NAME = re.compile(r'(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)')


def relation(text: str, schema: str) -> ObjectName:
    """What a string that names a relation means: ``'public."Order_id_seq"'``.

    Raises:
        NotUnderstoodError: it names none.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None:
        raise NotUnderstoodError(f"{text!r} names no relation")
    first, last = (
        part[1:-1].replace('""', '"') if part and part.startswith('"') else (part or "").lower()
        for part in (match[1], match[2])
    )
    return ObjectName(first or schema, last)


def postgres_setting(draft: Draft, reader: Reader) -> bool:
    """A statement of pg_dump's that sets something for the rest, and is read here; False: it is another one."""
    if reader.accept("SET", "SEARCH_PATH"):
        reader.accept_any("=", "TO")
        if reader.token.kind in ("word", "name", "string") and (first := reader.take().text) not in ("", "DEFAULT"):
            draft.schema = first.lower()
        return True
    start = reader.at
    if reader.accept("SELECT"):
        reader.accept("PG_CATALOG", ".")
        if reader.accept("SETVAL"):
            parts = reader.parentheses().parts()
            value = parts[1].integer()
            called = len(parts) < 3 or parts[2].token.upper != "FALSE"
            _set_value(draft, relation(parts[0].token.text, draft.schema), value, called)
            return True
        if reader.accept("SET_CONFIG"):
            return True
    reader.at = start
    return False


def _set_value(draft: Draft, name: ObjectName, value: int, called: bool) -> None:
    from dataclasses import replace

    counter = draft.counter_of(name)
    if counter is not None:
        draft.next_of(name, value + counter.increment if called else value)
        return
    for table in draft.tables.values():
        for at, column in enumerate(table.columns):
            named = table.options.get(f"sequence of {column.name}", f"{table.name}_{column.name}_seq")
            if column.identity is not None and named == str(name):
                own = column.identity.counter
                following = value + own.increment if called else value
                identity = replace(column.identity, counter=replace(own, next=following))
                table.columns[at] = replace(column, identity=identity)
                return
    raise NotUnderstoodError(f"the script has no sequence {name}")
