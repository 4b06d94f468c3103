"""After the last statement: names that were left out, references to keys, sequences that columns own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from tailrace.conversion.catalog import Catalog, Column, Dialect, Identity
from tailrace.conversion.script.draft import Draft, TableDraft, unnamed
from tailrace.conversion.script.dumps import relation
from tailrace.conversion.script.inference import inferred
from tailrace.conversion.script.tokens import NotUnderstoodError
from tailrace.conversion.script.types import mysql
from tailrace.schema import Kind
from tailrace.structure import Index

_NEXTVAL = re.compile(r"(?i)nextval\(\(?'([^']+)'(?:::text)?\)?(?:::regclass)?\)")


def finish(draft: Draft, origin: str, dialect: Dialect) -> Catalog:
    for table in draft.tables.values():
        if draft.ignores_case:
            _cased(draft, table)
        if draft.dialect.mysql_like:
            _collated(table)
        _computed(draft, table)
    for table in draft.tables.values():
        _referenced(draft, table)
        _named(draft, table)
    if dialect is Dialect.POSTGRESQL:
        for table in draft.tables.values():
            _serials(draft, table)
    if dialect is Dialect.ORACLE:
        _typed_by_keys(draft)
    if not draft.schema and dialect is Dialect.ORACLE:
        _one_schema(draft)
    _schemas(draft)
    return draft.catalog(origin, dialect)


def _one_schema(draft: Draft) -> None:
    """An Oracle script that names one schema alone: names without one belong there too."""
    schemas = {name.schema for name in draft.all_names() if name.schema}
    bare = any(not name.schema for name in draft.all_names())
    if len(schemas) == 1 and not bare:
        draft.schema = schemas.pop()


def _schemas(draft: Draft) -> None:
    """Those that a script names, and takes for being there; each is needed in the target as well."""
    known = {schema.lower() if draft.ignores_case else schema for schema in (*draft.schemas, draft.schema, "")}
    for name in draft.all_names():
        key = name.schema.lower() if draft.ignores_case else name.schema
        if key not in known:
            known.add(key)
            draft.schemas.append(name.schema)


def _typed_by_keys(draft: Draft) -> None:
    """A NUMBER that refers to a whole number has its type: it has no other values than that, and elsewhere a key of
    decimals cannot refer to integers."""
    changed = True
    while changed:
        changed = False
        for table in draft.tables.values():
            for key in table.foreign_keys:
                other = draft.tables.get(draft.key(key.table))
                if other is None or not key.enforced or not key.validated or len(key.columns) != 1:
                    continue
                theirs = next((one for one in other.columns if one.name in key.referenced_columns), None)
                own = next((one for one in table.columns if one.name in key.columns), None)
                if own is None or theirs is None or own.generated:
                    continue
                if own.type.kind is Kind.DECIMAL and theirs.type.kind is Kind.INTEGER:
                    draft.change_column(table, own.name, type=theirs.type, sql_type=theirs.sql_type)
                    changed = True


def _cased(draft: Draft, table: TableDraft) -> None:
    """Columns as the table has them, where a statement writes them in other letters."""
    columns = {column.name.lower(): column.name for column in table.columns}

    def own(name: str) -> str:
        return columns.get(name.lower(), name)

    table.indexes = [
        replace(
            index,
            parts=tuple(replace(part, column=own(part.column)) if part.column else part for part in index.parts),
            include=tuple(map(own, index.include)),
        )
        for index in table.indexes
    ]
    keys = []
    for key in table.foreign_keys:
        other = draft.tables.get(draft.key(key.table))
        theirs = {column.name.lower(): column.name for column in other.columns} if other else {}
        keys.append(
            replace(
                key,
                columns=tuple(map(own, key.columns)),
                table=other.name if other else key.table,
                referenced_columns=tuple(theirs.get(name.lower(), name) for name in key.referenced_columns),
            )
        )
    table.foreign_keys = keys


def _collated(table: TableDraft) -> None:
    """MySQL's text has the table's character set and collation where it says none of its own."""
    charset = table.options.get("charset", "")
    collation = table.options.get("collation", "")
    charset = charset or collation.partition("_")[0]
    changed = []
    for column in table.columns:
        if column.type.kind in _TEXTS and not column.charset:
            own = column.collation.partition("_")[0] if column.collation else ""
            column = replace(column, charset=own or charset)
        if column.type.kind in _TEXTS and not column.collation and column.charset in ("", charset):
            column = replace(column, collation=collation)
        if column.type.kind in _TEXTS and column.charset not in _UNICODE:
            column = replace(column, type=mysql.in_charset(column.sql_type, column.charset) or column.type)
        changed.append(column)
    table.columns = changed


_TEXTS = ("text", "enum", "set")
_UNICODE = ("", "utf8", "utf8mb3", "utf8mb4")


def _computed(draft: Draft, table: TableDraft) -> None:
    """Types of computed columns, which SQL Server and Oracle take from the expression."""
    for at, column in enumerate(table.columns):
        if column.sql_type or not column.generated:
            continue
        found = inferred(column.generated, table.columns, draft.dialect)
        if found is None:
            continue  # `type_remarks` says of it that its type is not known
        table.columns[at] = replace(column, type=found, sql_type=found.name)


def _referenced(draft: Draft, table: TableDraft) -> None:
    """REFERENCES without columns means the other table's primary key."""
    keys = []
    for key in table.foreign_keys:
        if not key.referenced_columns and (other := draft.tables.get(draft.key(key.table))) is not None:
            primary = next((index for index in other.indexes if index.primary), None)
            if primary is not None:
                key = replace(key, referenced_columns=primary.columns)
        keys.append(key)
    table.foreign_keys = keys


def _named(draft: Draft, table: TableDraft) -> None:
    """Names where the script gives none: PostgreSQL's and MySQL's as the server gives them, others readable."""
    naming = _Naming(draft, table)
    for at, index in enumerate(table.indexes):
        if unnamed(index):
            table.indexes[at] = replace(index, name=naming.index(index))
            table.lines[table.indexes[at].name] = table.lines.pop(index.name)
    table.checks = [
        check if check.name else replace(check, name=naming.check(check.expression)) for check in table.checks
    ]
    table.foreign_keys = [
        key if key.name else replace(key, name=naming.foreign_key(key.columns)) for key in table.foreign_keys
    ]


class _Naming:
    def __init__(self, draft: Draft, table: TableDraft) -> None:
        self.dialect = draft.dialect
        self.table = table.name.name
        self.columns = table.columns
        self.taken = {one.name.lower() for one in table.indexes}
        self.taken |= {one.name.lower() for one in table.checks}
        self.taken |= {one.name.lower() for one in table.foreign_keys}

    def _free(self, name: str, numbered: str = "{0}{1}", first: int = 1) -> str:
        wanted, number = name, first
        while wanted.lower() in self.taken:
            wanted = numbered.format(name, number)
            number += 1
        self.taken.add(wanted.lower())
        return wanted

    def _parts(self, columns: Iterable[str], suffix: str) -> str:
        name = "_".join([self.table, *columns, suffix])
        return name if self.dialect is Dialect.POSTGRESQL or not name.isupper() else name.upper()

    def index(self, index: Index) -> str:
        columns = [part.column or "expr" for part in index.parts]
        if self.dialect.mysql_like:
            if index.primary:
                return self._free("PRIMARY")
            name = columns[0] if index.parts[0].column else "functional_index"
            return self._free(name, "{0}_{1}", 2)
        if self.dialect is Dialect.POSTGRESQL:
            suffix = "pkey" if index.primary else "key" if index.constraint else "idx"
            return self._free(self._parts([] if index.primary else columns, suffix))
        suffix = "pk" if index.primary else "uk" if index.unique else "ix"
        return self._free(self._cased([] if index.primary else columns, suffix))

    def _cased(self, columns: Iterable[str], suffix: str) -> str:
        return "_".join([self.table, *columns, suffix.upper() if self.dialect is Dialect.ORACLE else suffix])

    def check(self, expression: str) -> str:
        if self.dialect.mysql_like:
            pattern = "{0}_chk_{1}" if self.dialect is Dialect.MYSQL else "CONSTRAINT_{1}"
            number = 1
            while pattern.format(self.table, number).lower() in self.taken:
                number += 1
            return self._free(pattern.format(self.table, number))
        mentioned = [column.name for column in self.columns if _mentions(expression, column)]
        only = mentioned if len(mentioned) == 1 else []
        if self.dialect is Dialect.POSTGRESQL:
            return self._free(self._parts(only, "check"))
        return self._free(self._cased(only, "ck"))

    def foreign_key(self, columns: tuple[str, ...]) -> str:
        if self.dialect.mysql_like:
            return self._free(f"{self.table}_ibfk_1", f"{self.table}_ibfk_{{1}}", 2)
        if self.dialect is Dialect.POSTGRESQL:
            return self._free(self._parts(columns, "fkey"))
        return self._free(self._cased(columns, "fk"))


def _mentions(expression: str, column: Column) -> bool:
    return re.search(rf"(?i)(?<![\w$]){re.escape(column.name)}(?![\w$])", expression) is not None


def _serials(draft: Draft, table: TableDraft) -> None:
    """A default that takes the next value of a sequence which the column owns is what serial makes."""
    for at, column in enumerate(table.columns):
        match = _NEXTVAL.fullmatch(column.default)
        if column.identity is not None and column.identity.sequence is not None:
            sequence = draft.sequences.get(column.identity.sequence)
            if sequence is not None:
                table.columns[at] = replace(column, identity=replace(column.identity, counter=sequence.counter))
            continue
        if match is None:
            continue
        # As the server prints it, so that a sequence with another name in the target is found.
        table.columns[at] = replace(column, default=f"nextval('{match[1]}'::regclass)")
        try:
            name = relation(match[1], draft.schema)
        except NotUnderstoodError:
            continue
        sequence = draft.sequences.get(name)
        if sequence is None or sequence.owner != (table.name, column.name):
            continue
        table.columns[at] = replace(column, default="", identity=Identity(sequence.counter, sequence=name))
