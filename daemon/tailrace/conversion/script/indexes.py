"""CREATE INDEX."""

from __future__ import annotations

from tailrace.conversion.catalog import Dialect, ObjectKind, ObjectName, Skipped
from tailrace.conversion.script.clauses import index_parts
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.splitting import shown
from tailrace.conversion.script.tables import Head, finish_index
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader
from tailrace.structure import Index

_METHODS = {
    "FULLTEXT": "fulltext",
    "SPATIAL": "spatial",
    "BITMAP": "bitmap",
    "COLUMNSTORE": "columnstore",
    "XML": "xml",
}


_ORACLE_METHODS = {
    "CONTEXT": "fulltext",
    "CONTEXT_V2": "fulltext",
    "CTXCAT": "fulltext",
    "SPATIAL_INDEX": "spatial",
    "SPATIAL_INDEX_V2": "spatial",
}


def create_index(draft: Draft, reader: Reader, head: Head) -> None:
    reader.accept("CONCURRENTLY")
    reader.accept("IF", "NOT", "EXISTS")
    unique = "UNIQUE" in head.words
    method = next((_METHODS[word] for word in head.words if word in _METHODS), "btree")
    name = ObjectName("", "")
    if not reader.sees("ON") or reader.peek().upper == "ON":
        name = reader.object_name(draft.schema)
    if draft.dialect.mysql_like and reader.accept("USING"):
        method = reader.take().text.lower()
    reader.expect("ON")
    if reader.accept("CLUSTER"):
        raise NotUnderstoodError("an index on a cluster")
    reader.accept("ONLY")
    on = reader.object_name(draft.schema)
    if reader.accept("USING"):
        method = reader.take().text.lower()
    if draft.dialect is Dialect.ORACLE and not reader.sees("("):
        reader.name()  # the table's alias
    if draft.key(on) in draft.partitions:
        draft.skip(Skipped(head.line, shown(head.text), "an index of a partition: its table's index makes it"))
        return
    if draft.key(on) not in draft.tables:
        _elsewhere(draft, name, on, head)
        return
    table = draft.table(on)
    reason = "an index of XML's paths and values" if method == "xml" else ""
    if method == "columnstore" and not reader.sees("("):
        reason = "all of the table is kept by columns, not by rows"
    elif draft.dialect is Dialect.ORACLE:
        method, reason = _oracle_method(reader, method)
    if reason:
        draft.other(ObjectKind.INDEX, ObjectName(on.schema, name.name), head.text, reason, head.line, table.name)
        return
    parts = index_parts(reader)
    nulls_distinct = not (unique and draft.dialect is Dialect.TSQL)
    index = Index(name.name, parts, unique=unique, method=method, nulls_distinct=nulls_distinct)
    finish_index(draft, table, index, reader, head.line)


def _oracle_method(reader: Reader, method: str) -> tuple[str, str]:
    """What INDEXTYPE IS … is elsewhere, or why it is nothing."""
    for at, token in enumerate(reader.tokens):
        if token.upper == "INDEXTYPE":
            kind = Reader(reader.script, reader.tokens[at + 2 :]).object_name("").name
            if kind not in _ORACLE_METHODS:
                return method, f"an index of Oracle's own kind {kind}"
            return _ORACLE_METHODS[kind], ""
    return method, ""


def _elsewhere(draft: Draft, name: ObjectName, on: ObjectName, head: Head) -> None:
    """An index on what is no table here: a view, or a table that was not understood."""
    key = draft.key(on)
    if key in draft.views:
        view = draft.views[key]
        reason = "the index keeps what a view selects; a view of the target's keeps nothing"
        if view.materialized:
            reason = "an index of a materialized view"
        draft.other(ObjectKind.INDEX, ObjectName(on.schema, name.name), head.text, reason, head.line, on)
        return
    reason = f"the script has no table {on} that was understood"
    draft.other(ObjectKind.INDEX, ObjectName(on.schema, name.name), head.text, reason, head.line, on)
