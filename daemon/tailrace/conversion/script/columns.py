"""Columns of CREATE TABLE and ALTER TABLE, with the constraints that stand beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tailrace.conversion.catalog import Column, Counter, Dialect, Identity, ObjectName
from tailrace.conversion.script import types
from tailrace.conversion.script.clauses import (
    State,
    plain_names,
    reached,
    read_check,
    read_counter,
    read_reference,
    read_state,
    unwrapped,
)
from tailrace.conversion.script.draft import Draft, TableDraft
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader
from tailrace.conversion.script.written import Written, read_type
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part

#: Where the expression of a default ends.
_ENDS = frozenset(
    {
        *("NOT", "NULL", "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "GENERATED", "COLLATE", "ENABLE"),
        *("DISABLE", "COMMENT", "ON", "INVISIBLE", "VISIBLE", "KEY", "AUTO_INCREMENT", "ENCRYPT", "COLUMN_FORMAT"),
        *("STORAGE", "FIRST", "AFTER", "FOREIGN", "DEFERRABLE", "INITIALLY", "DEFAULT"),
    }
)
_TSQL_ENDS = _ENDS | {"WITH", "IDENTITY", "ROWGUIDCOL", "SPARSE", "FOR", "MASKED", "INDEX"}
#: Options that say how a column is kept, or nothing that another system could have: words, and what follows them.
_PLAIN: tuple[tuple[tuple[str, ...], int], ...] = (
    (("ROWGUIDCOL",), 0),
    (("SPARSE",), 0),
    (("FILESTREAM",), 0),
    (("STORAGE",), 1),
    (("COMPRESSION",), 1),
    (("COLUMN_FORMAT",), 1),
    (("VISIBLE",), 0),
    (("SORT",), 0),
    (("WITH", "VALUES"), 0),
    (("PERSISTENT",), 0),
    (("FIRST",), 0),
    (("AFTER",), 1),
)
_SERIALS = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}


@dataclass(slots=True)
class _Column:
    """A column while its options are read."""

    column: Column
    constraint: str = ""


def read_column(draft: Draft, table: TableDraft, reader: Reader) -> Column:
    """A column with all that stands in its part; its constraints go to the table.

    Raises:
        NotUnderstoodError: it has no type, or no name.
    """
    line = reader.line
    name = reader.name()
    if reader.sees("AS") or reader.sees("GENERATED", "ALWAYS", "AS", "("):
        written = None
        column = Column(name, Type(Kind.OTHER), "", line=line)
    else:
        written = read_type(reader)
        column = _typed(draft, name, written, line)
    at = _Column(column)
    while not reader.done:
        _option(draft, table, reader, at)
    column = at.column
    if written is not None and written.base in _SERIALS and draft.dialect is Dialect.POSTGRESQL and not written.quoted:
        column = _serial(draft, table, column)
    if written is not None and written.base == "serial" and draft.dialect.mysql_like:
        column = replace(column, nullable=False, identity=Identity())
        table.add_index(Index("", (Part(name),), unique=True, constraint=True), line)
    if column.identity is not None:
        column = replace(column, nullable=False)
    return column


def _typed(draft: Draft, name: str, written: Written, line: int) -> Column:
    if draft.character_lengths and written.base in ("varchar2", "varchar", "char") and written.arguments:
        counted = (f"{written.integers[0]} CHAR",) if " " not in written.arguments[0] else written.arguments
        written = replace(written, arguments=counted)
    found, user_type, nullable = column_type(draft, written)
    sql = types.sql_type(written, draft.dialect)
    return Column(name, found, sql, nullable, charset=written.charset, user_type=user_type, line=line)


def column_type(draft: Draft, written: Written) -> tuple[Type, ObjectName | None, bool]:
    """A type, the script's own that it is (enum, domain, …), and whether it takes NULL."""
    # DBMS_METADATA quotes Oracle's own types, with their schema: "SYS"."XMLTYPE".
    own = draft.dialect is Dialect.ORACLE and written.schema in ("SYS", "PUBLIC", "MDSYS", "XDB")
    quoted = written.quoted and written.base != "char" and not own
    found = None if quoted else types.described(written, draft.dialect)
    if found is not None:
        if written.base == "sysname":
            return found, None, False
        return found, None, True
    name = ObjectName(written.schema or draft.schema, written.base)
    if draft.dialect.mysql_like:
        raise NotUnderstoodError(f"the type {written.text} is not known")
    key = draft.key(name)
    array = "[]" in written.suffix
    if (enum := draft.enums.get(key)) and not array:
        sql = types.sql_type(written, draft.dialect)
        return Type(Kind.ENUM, name=sql, labels=enum.labels), enum.name, True
    if (domain := draft.domains.get(key)) and not array:
        return domain.type, domain.name, domain.nullable
    return types.unknown(written, draft.dialect), name, True


def _serial(draft: Draft, table: TableDraft, column: Column) -> Column:
    """PostgreSQL's serial makes a sequence, and the column owns it."""
    from tailrace.conversion.script.sequences import owned_sequence

    name = ObjectName(table.name.schema, f"{table.name.name}_{column.name}_seq")
    owned_sequence(draft, name, table.name, column)
    return replace(column, nullable=False, identity=Identity(Counter(), sequence=name))


def _option(draft: Draft, table: TableDraft, reader: Reader, at: _Column) -> None:
    column, start = at.column, reader.at
    tsql = draft.dialect is Dialect.TSQL
    if reader.accept("CONSTRAINT"):
        at.constraint = reader.name()
        return
    if reader.accept("NOT", "NULL"):
        state = read_state(reader)
        column = replace(column, nullable=not state.enforced)
    elif reader.accept("NULL"):
        column = replace(column, nullable=True)
    elif reader.accept("DEFAULT"):
        if reader.accept("ON", "NULL"):
            reader.accept("FOR", "INSERT", "ONLY") or reader.accept("FOR", "INSERT", "AND", "UPDATE")
            draft.aside(
                table,
                column.name,
                reader.text(start, reader.at),
                _DEFAULT_ON_NULL,
                reader.script.line(reader.tokens[start].start),
            )
            column = replace(column, nullable=False)
        column = replace(column, default=default_text(reader, tsql))
        if at.constraint:
            table.defaults[at.constraint.lower()] = column.name
    elif reader.accept("PRIMARY", "KEY") or (draft.dialect.mysql_like and reader.sees("KEY") and reader.accept("KEY")):
        _key(draft, table, reader, at, primary=True)
        column = replace(column, nullable=False)
    elif reader.accept("UNIQUE"):
        reader.accept("KEY")
        _key(draft, table, reader, at, primary=False)
    elif reader.accept("CHECK"):
        check, state = read_check(reader, at.constraint, reader.script.line(reader.tokens[start].start))
        table.checks.append(check)
        say_state(draft, table, at.constraint or column.name, state, reader.line)
    elif reader.accept("FOREIGN", "KEY", "REFERENCES") or reader.accept("REFERENCES"):
        line = reader.script.line(reader.tokens[start].start)
        key = read_reference(reader, at.constraint, (column.name,), draft.schema, line)
        if draft.dialect is Dialect.MYSQL:
            # MySQL before 9 reads it and makes nothing; which of them the script is for is not said.
            reason = "a foreign key beside its column: MySQL makes none of it before release 9.0"
            draft.aside(table, column.name, reader.text(start, reader.at), reason, line)
        else:
            table.foreign_keys.append(key)
    elif reader.accept("IDENTITY"):
        column = replace(column, identity=_tsql_identity(reader))
    elif reader.accept("AUTO_INCREMENT"):
        column = replace(column, identity=Identity())
    elif reader.accept("GENERATED") or reader.sees("AS"):
        column = _generated(draft, table, reader, column)
    elif reader.accept_any("VIRTUAL", "STORED", "PERSISTED", "PERSISTENT"):
        column = replace(column, stored=reader.peek(-1).upper != "VIRTUAL")
    elif reader.accept("COLLATE"):
        named = reader.object_name("")
        column = replace(column, collation=named.name if named.schema in ("", "pg_catalog") else str(named))
    elif reader.accept("CHARACTER", "SET") or reader.accept("CHARSET"):
        column = replace(column, charset=reader.name().lower())
    elif draft.dialect.mysql_like and reader.accept("COMMENT"):
        column = replace(column, comment=reader.take().text)
    elif draft.dialect.mysql_like and reader.accept("ON", "UPDATE"):
        column = replace(column, on_update=reader.expression(_ENDS))
    elif reader.accept_any("INVISIBLE", "HIDDEN"):
        column = replace(column, invisible=True)
    elif reader.accept_any("ENABLE", "VALIDATE"):
        pass
    elif not _plain_option(reader):
        _aside(draft, table, reader, column.name)
    at.column, at.constraint = column, ""


_DEFAULT_ON_NULL = "a NULL that a client writes becomes the default; elsewhere a default is for what is left out alone"


def _plain_option(reader: Reader) -> bool:
    for words, follow in _PLAIN:
        if reader.accept(*words):
            reader.at += follow
            return True
    if reader.dialect.mysql_like and (reader.accept("SRID") or reader.accept("ENGINE_ATTRIBUTE")):
        reader.accept("=")
        reader.take()
        return True
    return False


def _aside(draft: Draft, table: TableDraft, reader: Reader, column: str) -> None:
    """An option that is not known, up to the next that is."""
    start, line = reader.at, reader.line
    if reader.take().upper in ("MASKED", "ENCRYPTED"):
        reader.accept("WITH")
    while not reader.done and reader.token.upper not in _TSQL_ENDS:
        if reader.sees("("):
            reader.skip_parentheses()
        else:
            reader.take()
    reason = "what the column says besides is not understood"
    draft.aside(table, column, reader.text(start, reader.at), reason, line)


def default_text(reader: Reader, unwrap: bool) -> str:
    """The expression of a default; SQL Server's parentheses around the whole of it are left out."""
    start = reader.at
    text = reader.expression(_TSQL_ENDS if unwrap else _ENDS)
    if not unwrap:
        return text
    return unwrapped(Reader(reader.script, reader.tokens[start : reader.at]))


def _key(draft: Draft, table: TableDraft, reader: Reader, at: _Column, primary: bool) -> None:
    reader.accept_any("CLUSTERED", "NONCLUSTERED")
    reader.accept("HASH")
    nulls = draft.dialect is not Dialect.TSQL or primary
    if reader.accept("NULLS", "NOT", "DISTINCT"):
        nulls = False
    descending = reader.accept_any("ASC", "DESC") == "DESC"
    line = reader.line
    state = read_state(reader)
    name = at.constraint
    index = Index(
        name,
        (Part(at.column.name, descending=descending),),
        unique=True,
        primary=primary,
        constraint=not primary,
        deferrable=state.deferrable,
        nulls_distinct=nulls,
    )
    add_key(draft, table, index, state, line)


def add_key(draft: Draft, table: TableDraft, index: Index, state: State, line: int) -> None:
    """A primary key or unique constraint goes to the table; one that is disabled is no key."""
    if not state.enforced:
        definition = f"{'PRIMARY KEY' if index.primary else 'UNIQUE'} ({', '.join(plain_names(index.parts))}) DISABLE"
        draft.aside(table, index.name or "key", definition, "the key is disabled: the source does not hold to it", line)
        return
    table.add_index(index, line)
    if state.storage:
        table.options[f"storage of {index.name or 'key'}"] = state.storage
    say_state(draft, table, index.name or "key", state, line)


def say_state(draft: Draft, table: TableDraft, what: str, state: State, line: int) -> None:
    for remark in state.remarks:
        if remark.upper() == "IGNORE_DUP_KEY = ON":
            reason = "a row that is there already is left out with a warning; elsewhere the statement fails"
            draft.aside(table, what, remark, reason, line)
        elif remark.upper() == "NO INHERIT":
            draft.aside(table, what, remark, "the check does not hold for tables that inherit", line)
        else:
            table.options[f"of {what}"] = remark


def _tsql_identity(reader: Reader) -> Identity:
    seed, step = 1, 1
    if reader.sees("("):
        parts = reader.parentheses().parts()
        seed, step = parts[0].integer(), parts[1].integer() if len(parts) > 1 else 1
    reader.accept("NOT", "FOR", "REPLICATION")
    # A client's own value needs SET IDENTITY_INSERT.
    return Identity(reached(Counter(seed, step)), always=True)


def _generated(draft: Draft, table: TableDraft, reader: Reader, column: Column) -> Column:
    start = max(reader.at - 1, 0)
    always = bool(reader.accept("ALWAYS"))
    if not always and reader.accept("BY", "DEFAULT") and reader.accept("ON", "NULL"):
        reader.accept("FOR", "INSERT", "ONLY")
        draft.aside(table, column.name, "GENERATED BY DEFAULT ON NULL", _DEFAULT_ON_NULL, reader.line)
    reader.expect("AS")
    if reader.accept("IDENTITY"):
        counter = Counter()
        if reader.sees("("):
            counter, _ = read_counter(reader.parentheses())
        elif reader.dialect is Dialect.ORACLE:
            # DBMS_METADATA writes its options without parentheses.
            counter, _ = read_counter(reader)
        return replace(column, identity=Identity(counter, always=always), nullable=False)
    if (
        reader.accept("ROW", "START")
        or reader.accept("ROW", "END")
        or reader.accept_any("TRANSACTION_ID", "SEQUENCE_NUMBER")
    ):
        reason = "the server writes it: a bound of the time in which the row holds"
        line = reader.script.line(reader.tokens[start].start)
        draft.aside(table, column.name, reader.text(start, reader.at), reason, line)
        return column
    expression = _computed(reader)
    stored = draft.dialect is Dialect.POSTGRESQL
    if reader.accept_any("STORED", "PERSISTED", "PERSISTENT"):
        stored = True
    elif reader.accept("VIRTUAL"):
        stored = False
    if draft.dialect is Dialect.POSTGRESQL and reader.peek(-1).upper == "VIRTUAL":
        stored = False
    return replace(column, generated=expression, stored=stored)


def _computed(reader: Reader) -> str:
    """SQL Server wants no parentheses around it: ``AS ISNULL(a, 0) PERSISTED``, ``AS (a) + (b)``."""
    if reader.dialect is not Dialect.TSQL:
        return unwrapped(reader.parentheses())
    start = reader.at
    reader.expression(_TSQL_ENDS | {"PERSISTED"})
    return unwrapped(Reader(reader.script, reader.tokens[start : reader.at]))
