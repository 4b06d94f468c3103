"""A source's indexes in SQLite: of columns, expressions and some rows, all of one method."""

from __future__ import annotations

import re
from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, Table
from tailrace.conversion.indexes.fitting import Fitted, Refusal, changed, distinct_remarks, known
from tailrace.conversion.outcome import Complexity
from tailrace.conversion.tables.literals import quoted
from tailrace.conversion.translation import Remark
from tailrace.conversion.work import Work
from tailrace.schema import Kind
from tailrace.structure import Index, Part


def fitted(work: Work, table: Table, given: Index, prepared: Index, columns: dict[str, Column]) -> Fitted | Refusal:
    if given.method not in ("btree", "hash", "brin"):
        reason = f"SQLite has no {given.method} index"
        proposal = "a table of FTS5, kept up by triggers" if given.method in ("fulltext", "gin") else "none; or R*Tree"
        return Refusal("index-method", reason, proposal, Complexity.MEDIUM)
    if any(_TEXT.fullmatch(part.expression) for part in prepared.parts):
        reason = "SQLite takes a text in an index for a column's name"
        return Refusal("index-expression", reason, "leave it out: it is the same in all rows")
    if given.invisible and not given.unique:
        reason = "the source does not use it for queries (it is invisible), and SQLite has no such index"
        return Refusal("index-invisible", reason, "add it, where it shall serve", gone=True)
    remarks: list[Remark] = []
    if given.method != "btree":
        remarks.append(known("index-method", f"{given.method} at the source, a btree there"))
    if given.include:
        remarks.append(known("index-include", f"without INCLUDE ({', '.join(given.include)})"))
    if given.deferrable:
        reason = "it is checked with each row, and not at the end of a statement or transaction"
        remarks.append(
            changed("deferrable", reason, "see whether a transaction has two rows of one value for a moment")
        )
    remarks += distinct_remarks(work, table, given, prepared, columns)
    parts = tuple(_part(part, columns, given.unique, remarks) for part in prepared.parts)
    made = replace(
        prepared,
        parts=parts,
        method="btree",
        constraint=False,
        deferrable="",
        include=(),
        nulls_distinct=True,
        invisible=False,
    )
    return Fitted(made, tuple(remarks))


_TEXT = re.compile(r"'(?:[^']|'')*'")


def _part(part: Part, columns: dict[str, Column], unique: bool, remarks: list[Remark]) -> Part:
    plain = replace(part, operators="", collation="", nulls_first=None, prefix=0)
    if not part.prefix:
        return plain
    if not unique:
        remarks.append(known("index-prefix", f"of the whole of {part.column}, not of its first {part.prefix}"))
        return plain
    what = "bytes" if columns[part.column].type.kind is Kind.BYTES else "characters"
    remarks.append(known("index-prefix", f"an expression of the first {part.prefix} {what} of {part.column}"))
    return replace(plain, column="", expression=f"substr({quoted(part.column, Dialect.SQLITE)}, 1, {part.prefix})")
