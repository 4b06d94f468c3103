"""Sequences, enums, domains and other types, synonyms, schemas, comments."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import (
    Check,
    Column,
    Comment,
    Counter,
    Dialect,
    Domain,
    Enum,
    ObjectKind,
    ObjectName,
    Sequence,
)
from tailrace.conversion.script import types
from tailrace.conversion.script.clauses import object_of, reached, read_check, read_counter
from tailrace.conversion.script.columns import column_type
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.tables import Head
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader
from tailrace.conversion.script.written import read_type

#: The least value of SQL Server's sequences, at which they begin where nothing is said.
_LEAST = {"tinyint": 0, "smallint": -(1 << 15), "int": -(1 << 31), "bigint": -(1 << 63)}
_BITS = {"smallint": 16, "integer": 32, "int": 32, "bigint": 64}


def create_sequence(draft: Draft, reader: Reader, head: Head) -> None:
    reader.accept("IF", "NOT", "EXISTS")
    name = reader.object_name(draft.schema)
    sql_type = "bigint"
    if reader.accept("AS"):
        sql_type = types.sql_type(read_type(reader), draft.dialect)
    least = _LEAST.get(sql_type) if draft.dialect is Dialect.TSQL else None
    counter, named = read_counter(reader, least)
    if not reader.done:
        raise NotUnderstoodError(f"a sequence goes on with {reader.near}")
    if least is not None and counter.cycle:
        # It begins again at its type's bound, not at 1.
        counter = _bounded(counter, sql_type)
    counter = reached(_usual(counter, sql_type))
    made = Sequence(name, counter, named.get("type", sql_type), line=head.line)
    if named.get("owned"):
        made = replace(made, owner=_owner(draft, named["owned"]))
    draft.sequences[draft.key(name)] = made


def _bounded(counter: Counter, sql_type: str) -> Counter:
    least = _LEAST[sql_type]
    greatest = 255 if sql_type == "tinyint" else -least - 1
    if counter.increment > 0 and counter.minimum is None:
        return replace(counter, minimum=least)
    if counter.increment < 0 and counter.maximum is None:
        return replace(counter, maximum=greatest)
    return counter


def _usual(counter: Counter, sql_type: str) -> Counter:
    """Without bounds that its type gives anyway."""
    half = 1 << (_BITS.get(sql_type, 64) - 1)
    minimum, maximum = counter.minimum, counter.maximum
    usual = (1, half - 1) if counter.increment > 0 else (-half, -1)
    return replace(
        counter,
        minimum=None if minimum == usual[0] else minimum,
        maximum=None if maximum == usual[1] else maximum,
    )


def _owner(draft: Draft, dotted: str) -> tuple[ObjectName, str]:
    parts = dotted.split("\0")
    return ObjectName(parts[-3] if len(parts) > 2 else draft.schema, parts[-2]), parts[-1]


def owned_sequence(draft: Draft, name: ObjectName, table: ObjectName, column: Column) -> None:
    """The sequence that a serial column makes."""
    draft.sequences[draft.key(name)] = Sequence(
        name, Counter(), column.sql_type, (table, column.name), line=column.line
    )


def alter_sequence(draft: Draft, reader: Reader, head: Head) -> None:
    reader.accept("IF", "EXISTS")
    name = reader.object_name(draft.schema)
    found = draft.sequences.get(draft.key(name))
    if found is None:
        raise NotUnderstoodError(f"the script has no sequence {name}")
    if reader.accept("OWNER", "TO"):
        reader.rest()
        return
    start = reader.at
    counter, named = read_counter(reader)
    if not reader.done:
        raise NotUnderstoodError(f"a sequence goes on with {reader.near}")
    said = {token.upper for token in reader.tokens[start:]}
    now = found.counter
    if said & {"INCREMENT", "MINVALUE", "MAXVALUE", "CACHE", "CYCLE", "NOCYCLE"} or ("START" in said):
        now = replace(
            now,
            increment=counter.increment if "INCREMENT" in said else now.increment,
            minimum=counter.minimum if "MINVALUE" in said else now.minimum,
            maximum=counter.maximum if "MAXVALUE" in said else now.maximum,
            cache=counter.cache if "CACHE" in said else now.cache,
            cycle=counter.cycle if said & {"CYCLE", "NOCYCLE"} else now.cycle,
            start=counter.start if "START" in said else now.start,
        )
    if counter.next is not None or "RESTART" in said:
        now = replace(now, next=counter.next if counter.next is not None else now.start)
    owner = _owner(draft, named["owned"]) if named.get("owned") else found.owner
    draft.sequences[draft.key(name)] = replace(found, counter=now, owner=owner)


def create_type(draft: Draft, reader: Reader, head: Head) -> None:
    """Enums (PostgreSQL), aliases (SQL Server); every other type is carried as text."""
    name = reader.object_name(draft.schema)
    if draft.dialect is Dialect.POSTGRESQL and reader.accept("AS", "ENUM"):
        labels = tuple(part.token.text for part in reader.parentheses().parts())
        draft.enums[draft.key(name)] = Enum(name, labels, head.line)
        return
    if draft.dialect is Dialect.TSQL and reader.accept("FROM"):
        written = read_type(reader)
        found, _, _ = column_type(draft, written)
        nullable = not reader.accept("NOT", "NULL")
        reader.accept("NULL")
        sql = types.sql_type(written, draft.dialect)
        draft.domains[draft.key(name)] = Domain(name, found, sql, nullable, line=head.line)
        return
    reason = _type_reason(reader)
    if "BODY" in head.words:
        name = ObjectName(name.schema, f"{name.name} (body)")
    draft.other(ObjectKind.TYPE, name, head.text, reason, head.line)


def _type_reason(reader: Reader) -> str:
    words = {token.upper for token in reader.tokens[reader.at : reader.at + 6]}
    if words & {"VARRAY", "VARYING"}:
        return "an array of a bounded length"
    if "TABLE" in words:
        return "a type of tables"
    if words & {"OBJECT", "UNDER"}:
        return "an object type, with methods of its own"
    if "RANGE" in words:
        return "a range type"
    return "a type of the user's own"


def create_domain(draft: Draft, reader: Reader, head: Head) -> None:
    name = reader.object_name(draft.schema)
    reader.accept("AS")
    written = read_type(reader)
    found, _, _ = column_type(draft, written)
    domain = Domain(name, found, types.sql_type(written, draft.dialect), line=head.line)
    constraint = ""
    checks: list[Check] = []
    while not reader.done:
        if reader.accept("CONSTRAINT"):
            constraint = reader.name()
            continue
        if reader.accept("NOT", "NULL"):
            domain = replace(domain, nullable=False)
        elif reader.accept("NULL"):
            pass
        elif reader.accept("DEFAULT"):
            from tailrace.conversion.script.columns import default_text

            domain = replace(domain, default=default_text(reader, unwrap=False))
        elif reader.accept("COLLATE"):
            domain = replace(domain, collation=reader.object_name("").name)
        elif reader.accept("CHECK"):
            check, _ = read_check(reader, constraint, head.line)
            checks.append(check)
        else:
            raise NotUnderstoodError(f"a domain goes on with {reader.near}")
        constraint = ""
    named = [
        check if check.name else replace(check, name=f"{name.name}_check{number or ''}")
        for number, check in enumerate(checks)
    ]
    draft.domains[draft.key(name)] = replace(domain, checks=tuple(named))


def alter_type(draft: Draft, reader: Reader, head: Head) -> None:
    """ALTER TYPE … ADD VALUE."""
    name = reader.object_name(draft.schema)
    if reader.accept("OWNER", "TO"):
        reader.rest()
        return
    enum = draft.enums.get(draft.key(name))
    if enum is None or not reader.accept("ADD", "VALUE"):
        raise NotUnderstoodError(f"ALTER TYPE goes on with {reader.near}")
    reader.accept("IF", "NOT", "EXISTS")
    label = reader.take().text
    labels = list(enum.labels)
    at = len(labels)
    if place := reader.accept_any("BEFORE", "AFTER"):
        at = labels.index(reader.take().text) + (place == "AFTER")
    if label not in labels:
        labels.insert(at, label)
    draft.enums[draft.key(name)] = replace(enum, labels=tuple(labels))


def create_synonym(draft: Draft, reader: Reader, head: Head) -> None:
    name = reader.object_name("PUBLIC" if "PUBLIC" in head.words else draft.schema)
    reader.expect("FOR")
    target = reader.rest()
    reason = f"another name of {target}"
    if "@" in target or target.count(".") > 1:
        reason += ", which is in another database"
    draft.other(ObjectKind.SYNONYM, name, head.text, reason, head.line)


def create_schema(draft: Draft, reader: Reader, head: Head) -> None:
    reader.accept("IF", "NOT", "EXISTS")
    if reader.accept("AUTHORIZATION"):
        draft.schemas.append(reader.name())
    else:
        draft.schemas.append(reader.name())
        if reader.accept("AUTHORIZATION"):
            reader.name()
    if not reader.done:
        name = ObjectName("", draft.schemas[-1])
        reason = "what is made within CREATE SCHEMA is not read"
        draft.other(ObjectKind.OTHER, name, reader.rest(), reason, reader.line)


_COMMENTED = {
    "TABLE": ObjectKind.TABLE,
    "VIEW": ObjectKind.VIEW,
    "SEQUENCE": ObjectKind.SEQUENCE,
    "FUNCTION": ObjectKind.FUNCTION,
    "PROCEDURE": ObjectKind.PROCEDURE,
    "TYPE": ObjectKind.TYPE,
    "DOMAIN": ObjectKind.DOMAIN,
    "INDEX": ObjectKind.INDEX,
    "SCHEMA": ObjectKind.SCHEMA,
    "EXTENSION": ObjectKind.EXTENSION,
}


def comment_on(draft: Draft, reader: Reader, head: Head) -> None:
    reader.expect("ON")
    if reader.accept("COLUMN"):
        name = reader.object_name("")
        parts = _parts(reader)
        table = ObjectName(parts[-3] if len(parts) > 2 else draft.schema, parts[-2]) if len(parts) > 1 else name
        _column_comment(draft, table, parts[-1], _text(reader), head)
        return
    if reader.accept("CONSTRAINT") or reader.accept("TRIGGER"):
        kind = ObjectKind.TRIGGER if reader.peek(-1).upper == "TRIGGER" else ObjectKind.OTHER
        member = reader.name()
        reader.expect("ON")
        reader.accept("DOMAIN")
        on = reader.object_name(draft.schema)
        draft.comments.append(Comment(kind, on, _text(reader), member, head.line))
        return
    if reader.accept("MATERIALIZED", "VIEW") or reader.accept("MVIEW"):
        kind = ObjectKind.MATERIALIZED_VIEW
    else:
        word = reader.take().upper
        if word not in _COMMENTED:
            raise NotUnderstoodError(f"a comment on {word}")
        kind = _COMMENTED[word]
    name = reader.object_name("" if kind in (ObjectKind.SCHEMA, ObjectKind.EXTENSION) else draft.schema)
    arguments = ""
    if reader.sees("("):
        arguments = f"({reader.parentheses().text()})"
    text = _text(reader)
    key = draft.key(name)
    if kind is ObjectKind.TABLE and key in draft.tables:
        draft.tables[key].comment = text
    else:
        if kind is ObjectKind.TABLE and key in draft.views:
            kind = ObjectKind.VIEW
        draft.comments.append(Comment(kind, name, text, arguments, head.line))


def _parts(reader: Reader) -> list[str]:
    """The parts of the name that was just read."""
    at = reader.at - 1
    found = [reader.tokens[at]]
    while at >= 2 and reader.tokens[at - 1].upper == ".":
        at -= 2
        found.append(reader.tokens[at])
    return [Reader(reader.script, [token]).name() for token in reversed(found)]


def _text(reader: Reader) -> str:
    reader.expect("IS")
    token = reader.take()
    return "" if token.upper == "NULL" else token.text


def _column_comment(draft: Draft, name: ObjectName, column: str, text: str, head: Head) -> None:
    if draft.key(name) in draft.tables:
        draft.change_column(draft.table(name), column, comment=text)
        return
    draft.comments.append(Comment(ObjectKind.COLUMN, name, text, column, head.line))


__all__ = [
    "alter_sequence",
    "alter_type",
    "comment_on",
    "create_domain",
    "create_schema",
    "create_sequence",
    "create_synonym",
    "create_type",
    "object_of",
    "owned_sequence",
]
