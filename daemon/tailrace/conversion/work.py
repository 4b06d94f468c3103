"""What every part of a conversion works with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tailrace.conversion.catalog import (
    Catalog,
    Column,
    Dialect,
    ObjectName,
    Routine,
    Sequence,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.identifiers import Taken
from tailrace.conversion.ledger import Ledger
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Grade
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.literals import with_kept_texts
from tailrace.conversion.tables.verbatim import Verbatim
from tailrace.conversion.target import SchemaTarget, Server
from tailrace.conversion.translation import Remark, Translation, Use


@dataclass
class Work:
    """One conversion under way.

    Attributes:
        taken: names of constraints and indexes in the target.
        types: the target's column types, by the source's names of tables and columns.
        collations: of the target's columns, by the source's names, where there is one.
        missing: routines of the source's that the target does not get.
        tables: the target's tables that were made so far, by the source's names.
        sequences, programs: of the target, that were made so far.
        verbatim: what PostgreSQL keeps of PostgreSQL's; None between other systems.
    """

    source: Catalog
    target: SchemaTarget
    rules: Rules
    names: Names
    ledger: Ledger
    taken: Taken
    types: dict[ObjectName, dict[str, str]] = field(default_factory=dict)
    collations: dict[ObjectName, dict[str, str]] = field(default_factory=dict)
    missing: set[ObjectName] = field(default_factory=set)
    tables: dict[ObjectName, Table] = field(default_factory=dict)
    sequences: list[Sequence] = field(default_factory=list)
    programs: list[View | Routine | Trigger] = field(default_factory=list)
    verbatim: Verbatim | None = None
    _unqualified: Names | None = None

    def __post_init__(self) -> None:
        if self.source.dialect is self.dialect is Dialect.POSTGRESQL:
            self.verbatim = Verbatim(self.source, self.names, getattr(self.target, "server", Server()))

    @property
    def dialect(self) -> Dialect:
        return self.target.dialect

    @property
    def alike(self) -> bool:
        """Source and target are the same system."""
        return self.source.dialect is self.dialect

    @property
    def related(self) -> bool:
        """Source and target are the same system, or MySQL and MariaDB."""
        return self.alike or (self.source.dialect.mysql_like and self.dialect.mysql_like)

    @property
    def present(self) -> Names:
        """Names of the columns that the target's tables have: some were left out."""
        columns = dict(self.names.columns)
        for source, made in self.tables.items():
            there = {column.name for column in made.columns}
            columns[source] = {old: new for old, new in columns.get(source, {}).items() if new in there}
        return replace(self.names, columns=columns)

    def translate(
        self,
        sql: str,
        use: Use,
        table: Table,
        column: str = "",
        *,
        names: Names | None = None,
        columns: Mapping[str, Column] | None = None,
    ) -> Translation:
        """An expression of a table's of the source."""
        # Sinks decide about plain indexes, too, and need not load a parser of SQL.
        from tailrace.conversion.expressions import translate

        if missing := self.missing_function(sql):
            reason = f"it needs {missing}, which is not in the target yet"
            return Translation("", (Remark("function-missing", Grade.BY_HAND, reason, "make that first"),))
        found = translate(
            sql,
            use,
            self.source.dialect,
            self.dialect,
            columns if columns is not None else {column.name: column for column in table.columns},
            names or self._bare,
            table.name,
            self.rules,
            column=column,
            types=self.types.get(table.name),
        )
        if not found.sql and self.related and not self.alike:
            found = self._as_it_stands(sql, use, table, columns, names or self._bare, found)
        if self.dialect is Dialect.MYSQL and use is not Use.DEFAULT and found.sql:
            return self._kept(sql, found, table)
        return found

    def _as_it_stands(
        self,
        sql: str,
        use: Use,
        table: Table,
        columns: Mapping[str, Column] | None,
        names: Names,
        found: Translation,
    ) -> Translation:
        """Between MySQL and MariaDB, where both read it alike; else why it was not translated."""
        from tailrace.conversion.programs.related import expression

        given = columns if columns is not None else {column.name: column for column in table.columns}
        made = expression(sql, use, self.source.dialect, self.dialect, given, names, table.name)
        return made if made.sql else found

    def _kept(self, sql: str, found: Translation, table: Table) -> Translation:
        """With texts that MySQL can keep."""
        known = self.collations.get(table.name, {})
        collations = {known[name] for name in self.mentions(sql, table) if known.get(name)}
        kept = with_kept_texts(found.sql, collations.pop() if len(collations) == 1 else "")
        if kept != found.sql and collations:
            reason = "MySQL cannot keep its texts: they have quotes or backslashes, and columns of several collations"
            return Translation("", (Remark("text-literal", Grade.BY_HAND, reason, "write it for one collation"),))
        return replace(found, sql=kept)

    @property
    def _bare(self) -> Names:
        """MySQL writes what is in the database at hand without it."""
        if not self.dialect.mysql_like:
            return self.names
        if self._unqualified is None:
            here = self.names.schema
            objects = {
                old: ObjectName("", new.name) if new.schema == here else new for old, new in self.names.objects.items()
            }
            self._unqualified = replace(self.names, objects=objects)
        return self._unqualified

    def missing_function(self, sql: str) -> str:
        """What an expression names of the source's own, a function or another thing, that the target does not get; ""
        nothing."""
        if self.verbatim is not None and (missing := self.verbatim.missing_in(sql)):
            return missing
        called = {name.casefold() for name in _CALLED.findall(sql)}
        return next((str(name) for name in self.missing if name.name.casefold() in called), "")

    def altered(self, table: ObjectName, columns: Iterable[str]) -> str:
        """Why one of the columns is not in the target with the source's values; "" where all are."""
        altered = self.names.altered.get(table, {})
        there = self.names.columns.get(table, {})
        for column in columns:
            if column in altered:
                return f"the column {altered[column]}"
            if column not in there:
                return f"the column {column} is not in the target"
        return ""

    def mentions(self, sql: str, table: Table) -> list[str]:
        """Columns of the table that an expression may name: every word that is one's name, in any case."""
        words = {word.casefold() for word in _WORD.findall(sql)}
        return [column.name for column in table.columns if column.name.casefold() in words or _odd(column.name, sql)]


_CALLED = re.compile(r"(\w+)[\"`\]]?\s*\(")
_WORD = re.compile(r"\w+")


def _odd(name: str, sql: str) -> bool:
    return not _WORD.fullmatch(name) and name.casefold() in sql.casefold()
