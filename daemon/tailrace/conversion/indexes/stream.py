"""Indexes of a structure that came through the stream, as sinks make them: by the decisions of the conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectName, Table
from tailrace.conversion.identifiers import Taken
from tailrace.conversion.indexes.fitting import Refusal
from tailrace.conversion.indexes.indexes import fitted
from tailrace.conversion.ledger import Ledger
from tailrace.conversion.names import Names
from tailrace.conversion.overrides import written_type
from tailrace.conversion.rules import Rules, load
from tailrace.conversion.tables.literals import without_collation
from tailrace.conversion.target import Limits
from tailrace.conversion.work import Work
from tailrace.sink import TargetTable
from tailrace.structure import INDEX, Index, LeftOut, TableStructure

#: What the conversion makes and says, and a later value of the source's may not fit: a row would have to be parked.
_NARROWER = frozenset({"index-length"})


@dataclass(frozen=True, slots=True)
class Made:
    """
    Attributes:
        index: in the target's words, under the source's name.
        detail: in which way it differs; "" in none.
    """

    index: Index
    detail: str


@dataclass(frozen=True, slots=True)
class _Target:
    """As much of a target as the decisions about an index need (`SchemaTarget`)."""

    dialect: Dialect
    limits: Limits


class StreamIndexes:
    """Of one table of a sink.

    Args:
        types: of the target's columns, by name, as its catalog has them, with character set and collation.
        rules: files of the pipeline's key `conversion`.
    """

    def __init__(
        self,
        table: TargetTable,
        structure: TableStructure,
        target: Dialect,
        types: Mapping[str, str],
        rules: tuple[Path, ...] = (),
    ) -> None:
        source = table.source
        self._name = ObjectName(source.schema or source.database, source.table)
        self._target = target
        self._files = rules
        compared = {one.column: one for one in structure.collations}
        columns = []
        self._columns: dict[str, Column] = {}
        for column in table.columns:
            there = compared.get(column.name)
            charset, collation = (there.charset, there.collation) if there else ("", "")
            own = Column(column.name, column.type, written_type(column.type), column.nullable and not column.key)
            columns.append(replace(own, charset=charset, collation=collation))
            if column.name in types:
                written = without_collation(types[column.name])
                self._columns[column.name] = replace(
                    own, sql_type=written.sql, charset=written.charset, collation=written.collation
                )
        self._table = Table(self._name, tuple(columns))
        self._catalog = Catalog(Dialect(structure.dialect), tables=(self._table,))
        self._names = Names(
            {self._name: ObjectName("", table.name)}, {self._name: {name: name for name in self._columns}}, piped=True
        )

    def of(self, index: Index) -> Made | LeftOut:
        """
        Args:
            index: of the structure.
        """
        expressed = bool(index.where) or any(not part.column for part in index.parts)
        work = self._work(load(self._files) if expressed else Rules())
        whole = not expressed and not any(part.prefix for part in index.parts)
        # The source's own key is a unique index here, where the stream's is another one. What is unique in MySQL is a
        # constraint in its catalog, too.
        constraint = index.constraint or (self._catalog.dialect.mysql_like and index.unique and whole)
        given = replace(index, primary=False, constraint=constraint)
        found = fitted(work, self._table, given, self._columns)
        if isinstance(found, Refusal):
            return LeftOut(INDEX, index.name, found.reason)
        if narrower := next((remark for remark in found.remarks if remark.code in _NARROWER), None):
            return LeftOut(INDEX, index.name, narrower.reason)
        details = dict.fromkeys(remark.reason for remark in found.remarks)
        return Made(replace(found.index, name=index.name, primary=index.primary), "; ".join(details))

    def _work(self, rules: Rules) -> Work:
        target = _Target(self._target, Limits(0))
        work = Work(
            self._catalog,
            target,  # type: ignore[arg-type]  # which makes nothing here
            rules,
            self._names,
            Ledger(self._catalog),
            Taken(target.limits, self._target),
        )
        work.types[self._name] = {name: column.sql_type for name, column in self._columns.items()}
        work.collations[self._name] = {name: column.collation for name, column in self._columns.items()}
        return work
