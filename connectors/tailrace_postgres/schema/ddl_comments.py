"""COMMENT ON for everything that has one."""

from __future__ import annotations

from collections.abc import Iterator

from tailrace.conversion.catalog import Catalog, Comment, ObjectKind, ObjectName
from tailrace.conversion.target import Stage, Statement
from tailrace_postgres.schema.ddl_order import Node
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


def comments(catalog: Catalog) -> Iterator[Node]:
    """Those of tables and columns stand behind their table."""
    for table in catalog.tables:
        needs = frozenset({table.name})
        if table.comment:
            text = f"COMMENT ON TABLE {qualified(table.name)} IS {literal(table.comment)}"
            yield Node(Statement(ObjectKind.COMMENT, table.name, text), Phase.TABLES, needs=needs)
        for column in table.columns:
            if column.comment:
                text = f"COMMENT ON COLUMN {qualified(table.name)}.{ident(column.name)} IS {literal(column.comment)}"
                statement = Statement(ObjectKind.COMMENT, table.name, text, member=column.name)
                yield Node(statement, Phase.TABLES, needs=needs)
    domains = {domain.name for domain in catalog.domains}
    aggregates = {routine.name for routine in catalog.routines if routine.language == "aggregate"}
    for comment in catalog.comments:
        on = _on(comment, domains, aggregates)
        member = f"{comment.kind} {comment.member}".strip()
        text = f"COMMENT ON {on} IS {literal(comment.text)}"
        yield Node(Statement(ObjectKind.COMMENT, comment.name, text, Stage.REST, member), Phase.COMMENTS)


def _on(comment: Comment, domains: set[ObjectName], aggregates: set[ObjectName]) -> str:
    kind, name, member = comment.kind, comment.name, comment.member
    if kind in _CONSTRAINTS:
        return f"CONSTRAINT {ident(member)} ON {'DOMAIN ' if name in domains else ''}{qualified(name)}"
    if kind is ObjectKind.INDEX:
        return f"INDEX {qualified(ObjectName(name.schema, member))}"
    if kind in (ObjectKind.TRIGGER, ObjectKind.POLICY):
        return f"{kind.upper()} {ident(member)} ON {qualified(name)}"
    if kind is ObjectKind.COLUMN:
        return f"COLUMN {qualified(name)}.{ident(member)}"
    if kind in (ObjectKind.FUNCTION, ObjectKind.PROCEDURE):
        if name in aggregates:
            return f"AGGREGATE {qualified(name)}{'(*)' if member == '()' else member}"
        return f"{kind.upper()} {qualified(name)}{member}"
    if kind is ObjectKind.OTHER:
        if member.startswith("rule "):
            return f"RULE {ident(member.removeprefix('rule '))} ON {qualified(name)}"
        return f"{member.upper()} {qualified(name)}"
    return f"{_WORDS.get(kind, kind.upper())} {qualified(name)}"
