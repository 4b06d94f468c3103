"""A source's catalog becomes DynamoDB's: tables with a key design, and a verdict for everything else."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tailrace.config.problems import at, suggestion
from tailrace.conversion.catalog import (
    Catalog,
    Column,
    Dialect,
    ObjectName,
    Table,
)
from tailrace.conversion.ledger import Ledger
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Conversion
from tailrace.conversion.rules import Rules
from tailrace.conversion.statistics import Changes, Statistics, TableStatistics
from tailrace.conversion.tables.streams import source_schema
from tailrace.errors import ConfigError, StuckError
from tailrace.schema import TableName
from tailrace.sink import TargetTable
from tailrace.structure import Index, Part
from tailrace_dynamodb.attributes import ItemForm
from tailrace_dynamodb.keys import KeyDesign, TableDesign
from tailrace_dynamodb.schema import verdicts
from tailrace_dynamodb.schema.cost import capacity
from tailrace_dynamodb.schema.keys_file import Entry
from tailrace_dynamodb.schema.proposal import Fold, Proposal, Subject, fold, propose
from tailrace_dynamodb.schema.sizes import item_size
from tailrace_dynamodb.tables import table_name

#: Marks an index that holds whole items, in `Index.include`.
EVERYTHING = "*"
GSI = "gsi"
#: Tables that are all named to who has mistyped one.
_FEW = 12
#: Stands for a database that a script does not name.
UNNAMED = "DATABASE"


@dataclass(slots=True)
class Designing:
    """One conversion under way.

    Args:
        design: the key design that is there already; its tables are taken as they are.
        rates: changes a second, by the source's names.
        told: where the rates come from.
        designed: there is a key design: tables that are not in it are made as without, and only proposed for.

    Attributes:
        entries: of the file, in the source's order.
        folds: proposed ones, with the names of parent and child in the file.
    """

    source: Catalog
    names: Names
    prefix: str
    design: KeyDesign
    statistics: Statistics
    rates: Mapping[ObjectName, Changes]
    told: str
    ledger: Ledger
    rules: Rules
    designed: bool = False
    entries: list[Entry] = field(default_factory=list)
    folds: list[tuple[Fold, str, str]] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)

    def run(self, sink: str) -> Conversion:
        self._refuse_unknown()
        for item in self.names.items:
            self.ledger.add(item)
        found = [self._subject(table) for table in self.source.tables]
        subjects = [subject for subject in found if subject is not None]
        for subject in subjects:
            self._table(subject)
        self._fold(subjects)
        verdicts.rest(self.source, self.ledger)
        items, said = self.ledger.close()
        target = Catalog(Dialect.DYNAMODB, origin=self.source.origin, tables=tuple(self.tables.values()))
        return Conversion(self.source, target, items, said, sink)

    def _refuse_unknown(self) -> None:
        """An entry of the file that is for no table would leave the one that was meant without it.

        Raises:
            ConfigError.
        """
        if not self.names.piped:
            return  # a script may not say in which database it is
        known = [str(_stream_name(self.source, table.name)) for table in self.source.tables]
        for part, entries in (("tables", self.design.tables), ("rates", self.design.rates)):
            for name in entries:
                if name not in known:
                    where = at(self.design.path, (part, name))
                    few = len(known) <= _FEW or difflib.get_close_matches(name, known, n=1)
                    fix = suggestion(name, known) if few else "correct the name, or take the entry out"
                    raise ConfigError("the source has no such table", where=where, fix=fix)

    # ---- one table

    def _subject(self, table: Table) -> Subject | None:
        """None: it is not selected, or it has no key."""
        if table.name not in self.names.objects:
            verdicts.left_out(table, self.names, self.source.dialect, self.ledger)
            return None
        name = _stream_name(self.source, table.name)
        schema = self.names.streams.get(table.name) or source_schema(table, self.source, name)
        target = TargetTable(name, "", 1, schema.columns, renamed=self.names.objects[table.name].name)
        columns = self.names.columns.get(table.name) or {column.name: column.name for column in table.columns}
        if not self.names.streams.get(table.name):
            renamed = tuple(replace(c, name=columns[c.name]) for c in schema.columns if c.name in columns)
            target = replace(target, columns=renamed)
        if target.keyless:
            verdicts.keyless(table, self.ledger)
            return None
        return Subject(table, target, columns, self._statistics(table, columns), self._changes(table.name, str(name)))

    def _statistics(self, table: Table, columns: Mapping[str, str]) -> TableStatistics:
        """Under the stream's names; where the server's are missing, what the catalog has."""
        found = self.statistics.tables.get(table.name, TableStatistics())
        rows = found.rows if found.rows is not None else (None if table.rows is None else float(table.rows))
        size = found.row_bytes
        if size is None and table.bytes and rows:
            size = table.bytes / rows
        return replace(
            found,
            rows=rows,
            row_bytes=size,
            columns={columns[name]: value for name, value in found.columns.items() if name in columns},
        )

    def _changes(self, name: ObjectName, source: str) -> Changes | None:
        given = self.design.rates.get(source)
        return Changes(given.inserts, given.updates, given.deletes) if given is not None else self.rates.get(name)

    def _table(self, subject: Subject) -> None:
        table, source = subject.table, str(subject.target.source)
        given = self.design.tables.get(source)
        try:
            plain = ItemForm(subject.target)
            proposal = propose(subject, item_size(plain, subject.statistics)) if given is None else None
            chosen = given if given is not None else self._fitting(subject, proposal)
            form = ItemForm(subject.target, chosen, self.design.path)
            there = TableDesign() if self.designed and given is None else chosen
            name = table_name(self.prefix, subject.target, there)
        except StuckError as error:
            verdicts.refused(table, error, self.ledger)
            return
        size = item_size(form, subject.statistics)
        rate = self.design.rates.get(source)
        needed = capacity(form, size, subject.statistics, subject.changes, rate.reads if rate else 0.0)
        told = "given" if rate is not None else self.told
        rows = subject.statistics.rows if subject.statistics else None
        self.entries.append(Entry(source, chosen, size, needed, proposal, rows, subject.changes, told))
        form = ItemForm(subject.target, there, self.design.path)
        self._add(name, form)
        verdicts.made(subject, name, form, there, proposal, size, self.ledger)
        for column in table.columns:
            wanted = self.rules.type_of(self.source.dialect, Dialect.DYNAMODB, table.name, column.name, column.sql_type)
            if wanted is not None:
                verdicts.other_type(table, column, wanted, self.ledger)
        if subject.changes is not None:
            verdicts.priced(table, needed, self.design.prices, told, self.ledger)

    def _fitting(self, subject: Subject, proposal: Proposal | None) -> TableDesign:
        """The proposal, where the sink can do it; else the key as it is."""
        assert proposal is not None
        try:
            ItemForm(subject.target, proposal.design)
        except StuckError as error:
            proposal.reasons.append(f"as the source has it, because {error.what}")
            proposal.design = TableDesign()
            proposal.served.clear()
            proposal.index_reasons.clear()
        return proposal.design

    def _add(self, name: str, form: ItemForm) -> None:
        """To the target's catalog, in which several tables of the source may be one."""
        types = dict(attribute for key in (form.key, *(index.key for index in form.indexes)) for attribute in key)
        columns = {column.name: column for column in form.table.columns}
        made = [
            Column(attribute, columns[attribute].type, form.attribute_type(attribute), columns[attribute].nullable)
            for attribute in columns
        ]
        made += [
            Column(part.name, form.table.key[0].type, part.type, nullable=part not in form.parts) for part in form.texts
        ]
        assert types.items() <= {column.name: column.sql_type for column in made}.items()
        indexes = [Index("", tuple(Part(key) for key, _ in form.key), unique=True, primary=True)]
        for index in form.indexes:
            everything = index.projection["ProjectionType"] == "ALL"
            include = (EVERYTHING,) if everything else tuple(index.projection.get("NonKeyAttributes", ()))
            indexes.append(Index(index.name, tuple(Part(key) for key, _ in index.key), method=GSI, include=include))
        there = self.tables.get(name)
        if there is not None:
            known = {column.name for column in there.columns}
            made = [*there.columns, *(column for column in made if column.name not in known)]
            present = {index.name for index in there.indexes}
            indexes = [*there.indexes, *(index for index in indexes if index.name not in present)]
        self.tables[name] = Table(ObjectName("", name), tuple(made), tuple(indexes))

    # ---- several tables in one

    def _fold(self, subjects: list[Subject]) -> None:
        by_name = {subject.table.name: subject for subject in subjects}
        for child in subjects:
            given = self.design.tables.get(str(child.target.source))
            if given is not None and given.entity:
                continue
            for foreign in child.table.foreign_keys:
                parent = by_name.get(foreign.table)
                found = fold(parent, child, foreign) if parent is not None else None
                if parent is not None and found is not None:
                    names = str(parent.target.source), str(child.target.source)
                    self.folds.append((found, *names))
                    verdicts.foldable(child.table, found, names, self.ledger)
                    break


def _stream_name(source: Catalog, name: ObjectName) -> TableName:
    if source.dialect is Dialect.POSTGRESQL:
        return TableName("", name.schema or source.default_schema or "public", name.name)
    return TableName(name.schema or source.default_schema or UNNAMED, None, name.name)
