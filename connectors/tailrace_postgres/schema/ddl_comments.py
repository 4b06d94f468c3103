"""COMMENT ON for everything that has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tailrace.conversion.catalog import Catalog, Comment, ObjectKind, ObjectName
from tailrace.conversion.target import Statement
from tailrace_postgres.schema.ddl_order import Node, member
from tailrace_postgres.schema.ddl_phases import Phase
from tailrace_postgres.schema.sql_text import ident, literal, qualified

_CONSTRAINTS = frozenset(
    {ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.EXCLUSION, ObjectKind.FOREIGN_KEY}
)
_WORDS = {
    ObjectKind.ENUM: "TYPE",
    ObjectKind.PARTITION: "TABLE",
    ObjectKind.EVENT: "EVENT TRIGGER",
}


def comments(catalog: Catalog, roots: Mapping[ObjectName, ObjectName]) -> Iterator[Node]:
    """Those of tables and columns stand behind their table.

    Args:
        roots: by partition, its table.
    """
    for table in catalog.tables:
        needs = frozenset({table.name})
        if table.comment:
            text = f"COMMENT ON TABLE {qualified(table.name)} IS {literal(table.comment)}"
            yield Node(Statement(ObjectKind.COMMENT, table.name, text), Phase.TABLES, needs=needs, follows=True)
        for column in table.columns:
            if column.comment:
                text = f"COMMENT ON COLUMN {qualified(table.name)}.{ident(column.name)} IS {literal(column.comment)}"
                statement = Statement(ObjectKind.COMMENT, table.name, text, member=column.name)
                yield Node(statement, Phase.TABLES, needs=needs, follows=True)
    domains = {domain.name for domain in catalog.domains}
    aggregates = {routine.name for routine in catalog.routines if routine.language == "aggregate"}
    for comment in catalog.comments:
        on = _on(comment, domains, aggregates)
        what = f"{comment.kind} {comment.member}".strip()
        text = f"COMMENT ON {on} IS {literal(comment.text)}"
        statement = Statement(ObjectKind.COMMENT, comment.name, text, member=what)
        needs = frozenset(_needed(comment, roots.get(comment.name, comment.name)))
        yield Node(statement, Phase.COMMENTS, needs=needs, follows=True)


def _needed(comment: Comment, holder: ObjectName) -> Iterator[ObjectName]:
    """What belongs to a partition or to a view may stand under a name that says of which.

    Args:
        holder: the table of which it is a partition.
    """
    name, part = comment.name, comment.member.removeprefix("rule ")
    yield name
    yield member(name, part)
    yield member(holder, part)
    yield member(holder, f"{name.name} {part}")
    yield ObjectName(name.schema, f"{name.name} {part}")


def _on(comment: Comment, domains: set[ObjectName], aggregates: set[ObjectName]) -> str:
    kind, name, part = comment.kind, comment.name, comment.member
    if kind in _CONSTRAINTS:
        return f"CONSTRAINT {ident(part)} ON {'DOMAIN ' if name in domains else ''}{qualified(name)}"
    if kind is ObjectKind.INDEX:
        return f"INDEX {qualified(ObjectName(name.schema, part))}"
    if kind in (ObjectKind.TRIGGER, ObjectKind.POLICY):
        return f"{kind.upper()} {ident(part)} ON {qualified(name)}"
    if kind is ObjectKind.COLUMN:
        return f"COLUMN {qualified(name)}.{ident(part)}"
    if kind in (ObjectKind.FUNCTION, ObjectKind.PROCEDURE):
        if name in aggregates:
            return f"AGGREGATE {qualified(name)}{'(*)' if part == '()' else part}"
        return f"{kind.upper()} {qualified(name)}{part}"
    if kind is ObjectKind.OTHER:
        if part.startswith("rule "):
            return f"RULE {ident(part.removeprefix('rule '))} ON {qualified(name)}"
        return f"{part.upper()} {qualified(name)}"
    return f"{_WORDS.get(kind, kind.upper())} {qualified(name)}"
