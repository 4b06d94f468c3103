"""A source's indexes in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, Table
from tailrace.conversion.indexes.fitting import Fitted, Refusal, changed, known, nullable, nulls, oracle_remarks
from tailrace.conversion.outcome import Complexity
from tailrace.conversion.tables.literals import parsed, qualified, quoted
from tailrace.conversion.tables.meaning import textual
from tailrace.conversion.translation import Remark
from tailrace.conversion.work import Work
from tailrace.schema import Kind
from tailrace.structure import Index, Part

_METHODS = ("btree", "hash", "gin", "gist", "spgist", "brin")
_POSTGRES = Dialect.POSTGRESQL
#: A btree takes a third of a page for an entry; what belongs to the entry itself is left out.
_ENTRY_BYTES = 2_690
#: Types of PostgreSQL's that a btree does not order.
_UNORDERED = ("json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle")


def fitted(work: Work, table: Table, given: Index, prepared: Index, columns: dict[str, Column]) -> Fitted | Refusal:
    if work.alike:
        return _lacking(work, table, given, columns) or Fitted(prepared)
    if given.method in ("fulltext", "spatial"):
        return _proposed(work, table, prepared, columns)
    if given.invisible and not given.unique:
        reason = "the source does not use it for queries (it is invisible), and PostgreSQL has no such index"
        return Refusal("index-invisible", reason, "add it, where it shall serve", gone=True)
    remarks: list[Remark] = []
    if given.method in ("bitmap", "columnstore"):
        remarks.append(known("index-method", f"the source keeps it as a {given.method}, the target as a tree"))
    if given.invisible:
        remarks.append(known("index-invisible", "it is invisible at the source, and serves queries here"))
    for part in prepared.parts:
        if part.column and parsed(columns[part.column].sql_type).base in _UNORDERED:
            reason = f"PostgreSQL does not order {columns[part.column].sql_type} ({part.column})"
            return Refusal("index-type", reason, "index an expression of it, or make it jsonb with a GIN index")
    parts = []
    for part in prepared.parts:
        fitting = _part(part, columns, given.unique, remarks)
        if isinstance(fitting, Refusal):
            return fitting
        parts.append(fitting)
    distinct = nulls(work, table, given, prepared, columns) or not (given.unique and nullable(prepared, columns))
    remarks += oracle_remarks(work, given, prepared, columns)
    # A constraint has columns alone, without an order.
    expressed = any(not part.column or part.descending for part in parts)
    made = replace(
        prepared,
        parts=tuple(parts),
        method="btree",
        nulls_distinct=distinct,
        constraint=given.constraint and not expressed and not prepared.where,
        invisible=False,
    )
    return Fitted(made, tuple(remarks))


def _part(part: Part, columns: dict[str, Column], unique: bool, remarks: list[Remark]) -> Part | Refusal:
    if not part.column:
        return replace(part, operators="", collation="")
    column = columns[part.column]
    longest = _longest(column)
    if part.prefix and unique:
        # The first characters alone are unique, and so is an expression of them.
        function = "substring" if column.type.kind is Kind.BYTES else '"left"'
        remarks.append(known("index-prefix", f"an expression of the first {part.prefix} of {part.column}"))
        call = f"{function}({quoted(part.column, _POSTGRES)}, {_range(column, part.prefix)})"
        return replace(part, column="", expression=call, prefix=0, operators="", collation="")
    if longest is None or longest > _ENTRY_BYTES:
        if unique:
            reason = f"values of {part.column} may be longer than an entry of an index takes ({_ENTRY_BYTES} bytes)"
            remarks.append(changed("index-length", reason, "a unique index of sha256(…), if some are"))
        else:
            reason = f"values of {part.column} may be longer than an index of PostgreSQL takes"
            call = f'"left"({quoted(part.column, _POSTGRES)}, {part.prefix or 255})'
            fix = "index the first characters, and ask for them in queries"
            return Refusal("index-length", reason, fix, replacement=call)
    elif part.prefix:
        remarks.append(known("index-prefix", f"of the whole of {part.column}, not of its first {part.prefix}"))
    return replace(part, prefix=0, operators="", collation="")


def _range(column: Column, prefix: int) -> str:
    return f"1, {prefix}" if column.type.kind is Kind.BYTES else str(prefix)


def _longest(column: Column) -> int | None:
    """Bytes of the longest value; None: no bound."""
    if parsed(column.sql_type).base == "bytea":
        return column.type.size if 0 < column.type.size <= 65_535 else None
    if not textual(column.sql_type):
        return 0
    size = parsed(column.sql_type).arguments
    if size:
        return 4 * size[0]
    if column.type.kind is Kind.ENUM:
        return max(len(label.encode()) for label in column.type.labels) if column.type.labels else None
    return 255 if column.type.name.lower().startswith("tinytext") else None


def _lacking(work: Work, table: Table, given: Index, columns: dict[str, Column]) -> Refusal | None:
    """Why an index of PostgreSQL's cannot be made like that in the target."""
    kept = work.verbatim
    if kept is None:
        return None
    missing = [
        name for part in given.parts for sql in (part.operators, part.collation) if (name := kept.missing_in(sql))
    ]
    if given.method not in _METHODS and kept.absent & set(work.source.supplied):
        missing.append(f"the method {given.method}")
    if missing:
        return Refusal("missing-object", f"it needs {missing[0]}, which is not in the target", "make that first")
    for part in given.parts:
        column = table.column(part.column)
        made = columns.get(work.names.columns[table.name].get(part.column, ""))
        if column is None or made is None or not textual(made.sql_type) or textual(column.sql_type):
            continue
        if given.method not in ("btree", "hash") or part.operators:
            reason = f"{part.column} is a text there, which a {given.method} index does not take like that"
            return Refusal("index-type", reason, "make the type first, or index an expression")
    return None


def _proposed(work: Work, table: Table, prepared: Index, columns: dict[str, Column]) -> Refusal:
    target = qualified(work.names.objects[table.name], work.dialect)
    names = [quoted(part.column, work.dialect) for part in prepared.parts]
    if prepared.method == "spatial":
        reason = "the target keeps geometries as bytes, of which there is no such index"
        return Refusal("spatial", reason, "PostGIS: a geometry column, and a GiST index of it", Complexity.MEDIUM)
    document = " || ' ' || ".join(f"coalesce({name}, '')" for name in names)
    index = f"CREATE INDEX ON {target} USING gin (to_tsvector('simple', {document}))"
    reason = "a full-text search of PostgreSQL's is another one: its words, stems and queries are others"
    proposal = "make the GIN index, and ask by @@ to_tsquery(…) instead of MATCH … AGAINST"
    return Refusal("fulltext", reason, proposal, Complexity.MEDIUM, replacement=index)
