"""A catalog while a script is read: statements add to tables that are there, and take away."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Comment,
    Counter,
    Dialect,
    Domain,
    Enum,
    ForeignKey,
    ObjectKind,
    ObjectName,
    Other,
    Partitioning,
    Routine,
    Sequence,
    Skipped,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.script.tokens import NotUnderstoodError, Script
from tailrace.structure import Index

_MAKES = re.compile(r"(?i)\b(?:create|alter|rename|execute\s+immediate\s+\w+\s*;|sp_executesql)\b")


@dataclass(slots=True)
class TableDraft:
    """A table while it is read; `Table` says what the fields are."""

    name: ObjectName
    line: int
    columns: list[Column] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    partitioning: Partitioning | None = None
    comment: str = ""
    options: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)  # SQL Server's have names: of which columns they are
    lines: dict[str, int] = field(default_factory=dict)

    def add_index(self, index: Index, line: int) -> None:
        """One without a name keeps its line in place of it, until all names are known (`unnamed`)."""
        if not index.name:
            index = replace(index, name=f"\0{line}\0{len(self.indexes)}")
        self.indexes.append(index)
        self.lines[index.name] = line

    def table(self) -> Table:
        return Table(
            self.name,
            tuple(self.columns),
            tuple(self.indexes),
            tuple(self.checks),
            tuple(self.foreign_keys),
            self.partitioning,
            self.comment,
            self.options,
            line=self.line,
            lines=self.lines,
        )


def unnamed(index: Index) -> bool:
    """Whether the script gives no name, so that `finish` must."""
    return index.name.startswith("\0")


@dataclass(frozen=True, slots=True)
class PartitionFunction:
    """SQL Server's: the type of its argument, on which side a bound belongs, the bounds."""

    right: bool
    bounds: tuple[str, ...]
    definition: str


#: MySQL's CREATE TABLE, up to its name.
_TABLE = re.compile(
    r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:(?:`(?:[^`]|``)+`|[\w$]+)\s*\.\s*)?"
    r"(?:`(?P<quoted>(?:[^`]|``)+)`|(?P<plain>[\w$]+))",
    re.IGNORECASE,
)


class Draft:
    """All that a script has made up to now.

    Attributes:
        schema: where names without a schema belong now.
        schemes: SQL Server's partition schemes, by the names of their functions.
        defaults, rules: SQL Server's that stand by themselves, and what they say.
        character_lengths: VARCHAR2(n) counts characters where nothing is said (Oracle's NLS_LENGTH_SEMANTICS).
        partitions: PostgreSQL's tables that are partitions, and of which table.
    """

    def __init__(self, script: Script, schema: str) -> None:
        self.script = script
        self.schema = schema
        self.collation = ""
        self.charset = ""
        self.schemas: list[str] = []
        self.tables: dict[ObjectName, TableDraft] = {}
        self.sequences: dict[ObjectName, Sequence] = {}
        self.enums: dict[ObjectName, Enum] = {}
        self.domains: dict[ObjectName, Domain] = {}
        self.views: dict[ObjectName, View] = {}
        self.routines: list[Routine] = []
        self.triggers: list[Trigger] = []
        self.comments: list[Comment] = []
        self.others: list[Other] = []
        self.skipped: list[Skipped] = []
        self.functions: dict[str, PartitionFunction] = {}
        self.schemes: dict[str, str] = {}
        self.defaults: dict[ObjectName, str] = {}
        self.rules: dict[ObjectName, str] = {}
        self.character_lengths = False
        self.partitions: dict[ObjectName, ObjectName] = {}
        self._apart = _apart(script.text) if script.dialect.mysql_like else frozenset()

    @property
    def dialect(self) -> Dialect:
        return self.script.dialect

    @property
    def ignores_case(self) -> bool:
        """Names that differ in case only are one name (SQL Server's and MySQL's usual)."""
        return self.dialect is Dialect.TSQL or self.dialect.mysql_like

    def key(self, name: ObjectName) -> ObjectName:
        if not self.ignores_case or name.name in self._apart:
            return name
        return ObjectName(name.schema.lower(), name.name.lower())

    def table(self, name: ObjectName) -> TableDraft:
        """
        Raises:
            NotUnderstoodError: the script has not made it, or made it in a way that was not understood.
        """
        found = self.tables.get(self.key(name))
        if found is None:
            raise NotUnderstoodError(f"the script has no table {name} that was understood")
        return found

    def column_at(self, table: TableDraft, name: str) -> int:
        """
        Raises:
            NotUnderstoodError: there is none.
        """
        for at, column in enumerate(table.columns):
            if column.name == name or (self.ignores_case and column.name.lower() == name.lower()):
                return at
        raise NotUnderstoodError(f"{table.name} has no column {name}")

    def change_column(self, table: TableDraft, column: str, /, **changes: object) -> None:
        at = self.column_at(table, column)
        table.columns[at] = replace(table.columns[at], **changes)  # type: ignore[arg-type]

    def drop_column(self, table: TableDraft, name: str) -> None:
        """With it go its constraints and indexes; MySQL's indexes of other columns too lose that part of theirs."""
        at = self.column_at(table, name)
        gone = table.columns.pop(at).name
        word = re.compile(rf"(?i)(?<![\w$]){re.escape(gone)}(?![\w$])")
        kept = []
        for index in table.indexes:
            said = [index.where, *index.include, *(part.column or part.expression for part in index.parts)]
            if not any(word.search(text) for text in said):
                kept.append(index)
            elif self.dialect.mysql_like and (parts := tuple(part for part in index.parts if part.column != gone)):
                kept.append(replace(index, parts=parts))
        table.indexes = kept
        table.foreign_keys = [key for key in table.foreign_keys if gone not in key.columns]
        table.checks = [check for check in table.checks if not word.search(check.expression)]

    def other(
        self,
        kind: ObjectKind,
        name: ObjectName,
        definition: str,
        reason: str,
        line: int,
        table: ObjectName | None = None,
    ) -> None:
        self.others.append(Other(kind, name, definition, table, reason, line))

    def aside(self, table: TableDraft, what: str, definition: str, reason: str, line: int) -> None:
        """Something of a table's that has no form in the catalog, and is said."""
        self.other(ObjectKind.OTHER, ObjectName(table.name.schema, what), definition, reason, line, table.name)

    def skip(self, entry: Skipped) -> None:
        """Of many that stand one behind the other, as a dump's INSERTs, one entry tells."""
        last = self.skipped[-1] if self.skipped else None
        if last and (last.text, last.reason) == (entry.text, entry.reason):
            end = max(entry.line, entry.last)
            self.skipped[-1] = replace(last, last=end, count=last.count + entry.count, rows=last.rows + entry.rows)
            return
        self.skipped.append(replace(entry, last=max(entry.line, entry.last)))

    def drop(self, kind: str, name: ObjectName) -> bool:
        """Takes away what a DROP names; whether the script had made it."""
        key = self.key(name)
        stores: dict[str, tuple[dict[ObjectName, object], ...]] = {
            "TABLE": (self.tables,),  # type: ignore[dict-item]
            "VIEW": (self.views, self.tables),  # type: ignore[dict-item]
            "SEQUENCE": (self.sequences,),  # type: ignore[dict-item]
            "TYPE": (self.enums, self.domains),  # type: ignore[dict-item]
            "DOMAIN": (self.domains,),  # type: ignore[dict-item]
        }
        found = any(store.pop(key, None) is not None for store in stores.get(kind, ()))
        if kind == "TABLE" and found:
            self.triggers = [one for one in self.triggers if self.key(one.table) != key]
            self.others = [one for one in self.others if one.table is None or self.key(one.table) != key]
        if kind in ("FUNCTION", "PROCEDURE", "PROC"):
            before = len(self.routines)
            wanted = ObjectKind.FUNCTION if kind == "FUNCTION" else ObjectKind.PROCEDURE
            self.routines = [r for r in self.routines if r.kind is not wanted or self.key(r.name) != key]
            found = len(self.routines) < before
        if kind == "TRIGGER":
            before = len(self.triggers)
            self.triggers = [one for one in self.triggers if self.key(one.name) != key]
            found = len(self.triggers) < before
        if kind in ("PACKAGE", "SYNONYM", "EVENT"):
            before = len(self.others)
            same = ObjectKind(kind.lower())
            self.others = [one for one in self.others if one.kind is not same or self.key(one.name) != key]
            found = len(self.others) < before
        return found

    def drop_index(self, name: str, on: ObjectName | None) -> bool:
        """Takes away an index; whether the script had made it."""
        found = False
        for key, table in self.tables.items():
            if on is not None and key != self.key(on):
                continue
            before = len(table.indexes)
            table.indexes = [
                one
                for one in table.indexes
                if one.constraint or one.primary or self.key(ObjectName("", one.name)) != self.key(ObjectName("", name))
            ]
            found |= len(table.indexes) < before
        return found

    def rename_index(self, old: str, new: str, on: ObjectName | None = None) -> bool:
        """Whether the script had made it."""
        for key, table in self.tables.items():
            for at, index in enumerate(table.indexes):
                same = self.key(ObjectName("", index.name)) == self.key(ObjectName("", old))
                if same and (on is None or key == self.key(on)):
                    table.indexes[at] = replace(index, name=new)
                    table.lines[new] = table.lines.get(index.name, table.line)
                    return True
        return False

    def add_routine(self, routine: Routine, replaces: bool) -> None:
        """CREATE OR REPLACE, CREATE OR ALTER: the later one counts."""
        if replaces:
            types = [a.sql_type for a in routine.arguments if a.mode != "OUT"]
            self.routines = [
                r
                for r in self.routines
                if (self.key(r.name), r.kind) != (self.key(routine.name), routine.kind)
                or [a.sql_type for a in r.arguments if a.mode != "OUT"] != types
            ]
        self.routines.append(routine)

    def all_names(self) -> Iterator[ObjectName]:
        yield from chain(
            (one.name for one in self.tables.values()),
            self.sequences,
            self.enums,
            self.domains,
            (one.name for one in self.views.values()),
            (one.name for one in self.routines),
        )

    def makes_nothing(self, procedure: ObjectName, arguments: Collection[str]) -> bool:
        """Whether a procedure is the script's own, with no statement that makes or alters something, and what it may
        drop is not there: a script's helper that drops what an older run has made."""
        found = [one for one in self.routines if self.key(one.name) == self.key(procedure)]
        if not found or any(_MAKES.search(one.body) for one in found):
            return False
        given = {argument.lower() for argument in arguments}
        made = {name.name.lower() for name in self.all_names()}
        made |= {trigger.name.name.lower() for trigger in self.triggers}
        for table in self.tables.values():
            made |= {index.name.lower() for index in table.indexes}
            made |= {check.name.lower() for check in table.checks}
            made |= {key.name.lower() for key in table.foreign_keys}
        made -= {one.name.name.lower() for one in self.routines}
        return not (made & given if given else made)

    def next_of(self, name: ObjectName, value: int) -> bool:
        """What a sequence gives next; whether the script has made it."""
        found = self.sequences.get(self.key(name))
        if found is None:
            return False
        self.sequences[self.key(name)] = replace(found, counter=replace(found.counter, next=value))
        return True

    def counter_of(self, name: ObjectName) -> Counter | None:
        found = self.sequences.get(self.key(name))
        return found.counter if found else None

    def catalog(self, origin: str, dialect: Dialect) -> Catalog:
        return Catalog(
            dialect,
            default_schema=self.schema,
            charset=self.charset,
            collation=self.collation,
            origin=origin,
            schemas=tuple(self.schemas),
            tables=tuple(draft.table() for draft in self.tables.values()),
            sequences=tuple(self.sequences.values()),
            enums=tuple(self.enums.values()),
            domains=tuple(self.domains.values()),
            views=tuple(self.views.values()),
            routines=tuple(self.routines),
            triggers=tuple(self.triggers),
            comments=tuple(self.comments),
            others=tuple(self.others),
            skipped=tuple(self.skipped),
        )


def _apart(text: str) -> frozenset[str]:
    """Names of MySQL's tables that differ from each other in case alone, which where files do so are two tables."""
    spellings: dict[str, set[str]] = {}
    for match in _TABLE.finditer(text):
        name = (match["quoted"] or match["plain"]).replace("``", "`")
        spellings.setdefault(name.lower(), set()).add(name)
    return frozenset(name for names in spellings.values() if len(names) > 1 for name in names)
