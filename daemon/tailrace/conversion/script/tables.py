"""CREATE TABLE: its columns and constraints, and what stands behind its closing parenthesis."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tailrace.conversion.catalog import Counter, Dialect, Identity, ObjectKind, ObjectName, Skipped
from tailrace.conversion.script.clauses import (
    index_parts,
    key_index,
    plain_names,
    read_check,
    read_reference,
    read_state,
    storage_word,
    unwrapped,
)
from tailrace.conversion.script.columns import add_key, read_column, say_state
from tailrace.conversion.script.draft import Draft, TableDraft
from tailrace.conversion.script.partitions import attach_as, mysql_partitions, oracle_partitions, scheme_partitions
from tailrace.conversion.script.splitting import shown
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader
from tailrace.conversion.tables.literals import qualified
from tailrace.structure import Index


@dataclass(frozen=True, slots=True)
class Head:
    """What stands between CREATE and the name of what is made.

    Attributes:
        words: in capitals ("OR REPLACE", "UNIQUE", "BITMAP", …).
        text: the whole statement.
        line: where it begins.
    """

    words: tuple[str, ...]
    text: str
    line: int

    @property
    def replaces(self) -> bool:
        return "REPLACE" in self.words or "ALTER" in self.words


_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE"})
_MYSQL_KEYS = frozenset({"KEY", "INDEX", "FULLTEXT", "SPATIAL", "VECTOR"})
_TABLE_FORMS = {
    "GLOBAL": "a temporary table whose rows each session has for itself; the target has none that stays in its catalog",
    "EXTERNAL": "its rows are in a file outside of the database",
    "FOREIGN": "its rows are on another server",
    "SHARDED": "it is spread over several databases",
    "IMMUTABLE": "the source refuses to change or delete its rows",
    "BLOCKCHAIN": "the source refuses to change or delete its rows",
}


def create_table(draft: Draft, reader: Reader, head: Head) -> None:
    unless = reader.accept("IF", "NOT", "EXISTS")
    name = reader.object_name(draft.schema)
    form = next((word for word in head.words if word in _TABLE_FORMS), "")
    if not form and ("TEMPORARY" in head.words or "TEMP" in head.words or name.name.startswith("#")):
        draft.skip(Skipped(head.line, shown(head.text), "a table of the session alone"))
        return
    if form:
        draft.other(ObjectKind.TABLE, name, head.text, _TABLE_FORMS[form], head.line)
        return
    if reader.accept("PARTITION", "OF"):
        attach_as(draft, name, reader, head.line)
        return
    if unless and draft.key(name) in draft.tables:
        draft.skip(Skipped(head.line, shown(head.text), "the table is there already"))
        return
    if head.replaces:
        draft.drop("TABLE", name)
    if draft.key(name) in draft.tables:
        raise NotUnderstoodError(f"the script has made a table {name} before")
    if not reader.sees("("):
        what = "its columns are those of a query" if reader.sees("AS") else ""
        what = _meaning(reader) or what or f"it has no columns of its own: {reader.near}"
        draft.other(ObjectKind.TABLE, name, head.text, what, head.line)
        return
    table = TableDraft(name, head.line)
    parts = members(reader.parentheses())
    if len(parts) == 1 and parts[0].sees("LIKE"):
        draft.other(ObjectKind.TABLE, name, head.text, "its columns are another table's", head.line)
        return
    for part in parts:
        _member(draft, table, part)
    _tail(draft, table, reader, head)
    draft.tables[draft.key(name)] = table


def members(reader: Reader) -> list[Reader]:
    """Columns and constraints; SQL Server wants no comma before a constraint of the table's."""
    if reader.dialect is not Dialect.TSQL:
        return reader.parts()
    found: list[Reader] = []
    for part in reader.parts():
        start = 0
        for at in _constraint_starts(part):
            found.append(Reader(part.script, part.tokens[start:at]))
            start = at
        found.append(Reader(part.script, part.tokens[start:]))
    return found


def _constraint_starts(part: Reader) -> list[int]:
    """Where a constraint with columns of its own begins behind something else: ``b int PRIMARY KEY (a)``."""
    found: list[int] = []
    depth = 0
    for at, token in enumerate(part.tokens):
        depth += (token.upper == "(") - (token.upper == ")")
        if depth or token.upper not in ("PRIMARY", "UNIQUE", "FOREIGN"):
            continue
        behind = Reader(part.script, part.tokens[at + 1 :])
        behind.accept("KEY")
        if token.upper != "FOREIGN":
            behind.accept_any("CLUSTERED", "NONCLUSTERED")
            behind.accept("HASH")
        start = at - 2 if at > 1 and part.tokens[at - 2].upper == "CONSTRAINT" else at
        if start and behind.sees("("):
            found.append(start)
    return found


def _member(draft: Draft, table: TableDraft, part: Reader) -> None:
    if is_constraint(part):
        try:
            read_constraint(draft, table, part)
        except NotUnderstoodError as error:
            whole = Reader(part.script, part.tokens)
            draft.aside(table, "constraint", whole.text(), str(error), whole.line)
        return
    table.columns.append(read_column(draft, table, part))


def is_constraint(part: Reader) -> bool:
    """A part of a table that is no column."""
    upper = part.token.upper
    follows = part.peek()
    if upper == "EXCLUDE":
        return follows.upper in ("USING", "(")
    if upper in _CONSTRAINTS:
        return True
    if part.dialect.mysql_like and upper in _MYSQL_KEYS:
        return True
    if part.dialect is Dialect.TSQL and upper == "INDEX":
        return True
    if upper == "PERIOD" and follows.upper == "FOR":
        return True
    if upper == "SUPPLEMENTAL" and follows.upper == "LOG":
        return True
    return upper == "LIKE" and part.dialect is Dialect.POSTGRESQL


def read_constraint(draft: Draft, table: TableDraft, reader: Reader, validated: bool = True) -> None:
    """A constraint or an index among the parts of a table, or behind ADD.

    Args:
        validated: False of SQL Server's WITH NOCHECK.
    """
    line, start = reader.line, reader.at
    name = ""
    if reader.accept("CONSTRAINT"):
        unnamed = reader.dialect.mysql_like and reader.token.upper in _CONSTRAINTS
        name = "" if unnamed else reader.name()
    if reader.accept("PRIMARY", "KEY"):
        _mysql_head(reader, "")
        index, state = key_index(reader, name, primary=True)
        for column in plain_names(index.parts):
            draft.change_column(table, column, nullable=False)
        add_key(draft, table, index, state, line)
    elif reader.accept("UNIQUE"):
        reader.accept_any("KEY", "INDEX")
        name = _mysql_head(reader, name)
        index, state = key_index(reader, name, primary=False)
        add_key(draft, table, index, state, line)
    elif reader.accept("FOREIGN", "KEY"):
        if not reader.sees("("):
            given = reader.name()
            name = name or given
        columns = reader.names()
        reader.expect("REFERENCES")
        key = read_reference(reader, name, columns, draft.schema, line)
        table.foreign_keys.append(key if validated else replace(key, validated=False))
    elif reader.accept("CHECK"):
        check, state = read_check(reader, name, line)
        table.checks.append(check if validated else replace(check, validated=False))
        say_state(draft, table, name or "check", state, line)
    elif reader.accept("EXCLUDE"):
        kind = ObjectKind.EXCLUSION
        draft.other(kind, _within(table, name), Reader(reader.script, reader.tokens).text(), "", line, table.name)
        return
    elif reader.accept("DEFAULT"):
        from tailrace.conversion.script.columns import default_text

        value = default_text(reader, unwrap=True)
        reader.expect("FOR")
        column = reader.name()
        draft.change_column(table, column, default=value)
        table.defaults[name.lower()] = column
        reader.accept("WITH", "VALUES")
    elif reader.accept("SUPPLEMENTAL", "LOG"):
        table.options["supplemental log"] = reader.rest()
    elif reader.accept("PERIOD", "FOR"):
        reason = "the server keeps older versions of the rows, by the time in which they held"
        draft.aside(
            table, "PERIOD", reader.script.text[reader.tokens[start].start : reader.tokens[-1].end], reason, line
        )
        return
    elif reader.dialect.mysql_like or reader.sees("INDEX"):
        _index(draft, table, reader, line)
    else:
        raise NotUnderstoodError(f"a constraint was expected at {reader.near}")
    if not reader.done:
        reason = f"what follows is not understood: {reader.near}"
        draft.aside(table, name or "constraint", reader.rest(), reason, line)


def _within(table: TableDraft, name: str) -> ObjectName:
    return ObjectName(table.name.schema, name)


def _mysql_head(reader: Reader, name: str) -> str:
    """The index's own name and method, which MySQL takes before its columns."""
    if not reader.dialect.mysql_like:
        return name
    if not reader.sees("(") and not reader.sees("USING"):
        given = reader.name()
        name = given or name
    if reader.accept("USING"):
        reader.take()
    return name


def _index(draft: Draft, table: TableDraft, reader: Reader, line: int) -> None:
    """MySQL's KEY, SQL Server's INDEX within CREATE TABLE."""
    method = "btree"
    if word := reader.accept_any("FULLTEXT", "SPATIAL", "VECTOR"):
        method = word.lower()
    reader.accept_any("KEY", "INDEX")
    name = "" if reader.sees("(") or reader.sees("USING") else reader.name()
    unique = bool(reader.accept("UNIQUE"))
    reader.accept_any("CLUSTERED", "NONCLUSTERED")
    if draft.dialect is Dialect.TSQL:
        # It serves equality alone; a btree serves that too.
        reader.accept("HASH")
    if reader.accept("USING"):
        method = reader.take().text.lower()
    index = Index(name, index_parts(reader), unique=unique, method=method)
    finish_index(
        draft, table, replace(index, nulls_distinct=not (unique and draft.dialect is Dialect.TSQL)), reader, line
    )


def finish_index(draft: Draft, table: TableDraft, index: Index, reader: Reader, line: int) -> None:
    """What stands behind an index's columns; then it goes to the table."""
    storage: list[str] = []
    include, where, invisible, method = index.include, "", False, index.method
    nulls_distinct = index.nulls_distinct
    while not reader.done:
        start = reader.at
        if reader.accept("INCLUDE"):
            include = reader.names()
        elif reader.accept("WHERE"):
            condition = reader.at
            reader.expression(frozenset({"WITH", "ON", "TABLESPACE", "FILESTREAM_ON"}))
            where = unwrapped(Reader(reader.script, reader.tokens[condition : reader.at]))
        elif reader.accept("NULLS"):
            nulls_distinct = not reader.accept("NOT")
            reader.expect("DISTINCT")
        elif draft.dialect is Dialect.TSQL and reader.accept("KEY", "INDEX"):
            reader.name()
            storage.append(reader.text(start, reader.at))
        elif reader.accept("INDEXTYPE", "IS"):
            reader.object_name("")
            if reader.accept("PARAMETERS"):
                reader.skip_parentheses()
                table.options[f"parameters of {index.name}"] = reader.text(start, reader.at)
        elif reader.accept_any("INVISIBLE", "IGNORED"):
            invisible = True
        elif reader.accept_any("VISIBLE", "USABLE"):
            pass
        elif reader.dialect is Dialect.TSQL and reader.sees("WITH"):
            state = read_state(reader)
            storage.append(state.storage)
            say_state(draft, table, index.name, state, line)
        elif reader.dialect.mysql_like and reader.accept("USING"):
            method = reader.take().text.lower()
        elif reader.dialect.mysql_like and reader.accept("WITH", "PARSER"):
            reader.take()
            table.options[f"parser of {index.name}"] = reader.text(start, reader.at)
        elif reader.dialect.mysql_like and reader.accept_any("COMMENT", "KEY_BLOCK_SIZE", "ALGORITHM", "LOCK"):
            reader.accept("=")
            reader.take()
            storage.append(reader.text(start, reader.at))
        elif storage_word(reader.token.upper):
            storage.append(_storage(reader))
        elif reader.sees("UNUSABLE"):
            reader.take()
            draft.aside(table, index.name, "UNUSABLE", "the index is unusable until it is rebuilt", line)
        else:
            draft.aside(table, index.name, reader.rest(), "what the index says besides is not understood", line)
    made = replace(
        index, include=include, where=where, invisible=invisible, method=method, nulls_distinct=nulls_distinct
    )
    table.add_index(made, line)
    if storage:
        table.options[f"storage of {made.name or 'key'}"] = " ".join(filter(None, storage))


_INDEX_WORDS = frozenset({"INCLUDE", "WHERE", "INDEXTYPE", "INVISIBLE", "VISIBLE", "UNUSABLE"})


def _storage(reader: Reader) -> str:
    """Words of storage, up to the next that means something."""
    start = reader.at
    while not reader.done and reader.token.upper not in _INDEX_WORDS and reader.token.upper not in _ANOTHER:
        if reader.sees("("):
            reader.skip_parentheses()
        else:
            reader.take()
    return reader.text(start, reader.at)


#: Clauses behind a table that change what it is; the words, and what is said of them.
_MEANINGFUL: tuple[tuple[Dialect, tuple[str, ...], str], ...] = (
    (Dialect.ORACLE, ("FLASHBACK", "ARCHIVE"), "older versions of the rows are kept and can be asked for"),
    (Dialect.ORACLE, ("NESTED", "TABLE"), "a column holds a table of its own"),
    (Dialect.ORACLE, ("CLUSTER",), "rows lie together with another table's"),
    (Dialect.ORACLE, ("NO", "DROP"), "the source refuses to drop it"),
    (Dialect.ORACLE, ("READ", "ONLY"), "the source takes no changes"),
    (Dialect.TSQL, ("AS", "NODE"), "a node of a graph, with columns that the server makes"),
    (Dialect.TSQL, ("AS", "EDGE"), "an edge of a graph, with columns that the server makes"),
)


def _tail(draft: Draft, table: TableDraft, reader: Reader, head: Head) -> None:
    storage: list[str] = []
    while not reader.done:
        start, line = reader.at, reader.line
        if reader.accept("PARTITION", "BY"):
            if draft.dialect.mysql_like:
                table.partitioning = mysql_partitions(reader)
            else:
                table.partitioning = oracle_partitions(reader)
            table.lines[""] = line
        elif draft.dialect is Dialect.TSQL and reader.accept("ON"):
            place = reader.name()
            if reader.sees("("):
                (column,) = reader.names()
                table.partitioning = scheme_partitions(draft, place, column, reader.text(start, reader.at))
                table.lines[""] = line
            storage.append(reader.text(start, reader.at))
        elif draft.dialect is Dialect.TSQL and reader.accept("WITH"):
            _tsql_options(draft, table, reader, start)
        elif draft.dialect.mysql_like and _mysql_option(draft, table, reader):
            pass
        elif (reader.sees("AS") and reader.peek().upper in ("SELECT", "WITH", "(")) or reader.sees("SELECT"):
            draft.aside(table, "AS SELECT", reader.rest(), "it is filled with the rows of a query", line)
        elif draft.dialect is Dialect.POSTGRESQL and reader.sees("INHERITS"):
            _inherit(draft, table, reader)
        elif (reason := _meaning(reader)) is not None:
            while not reader.done and reader.token.upper not in ("PARTITION", "TABLESPACE", "STORAGE", "PCTFREE"):
                reader.take()
            draft.aside(table, "option", reader.text(start, reader.at), reason, line)
        elif reader.accept(","):
            pass
        elif reader.token.upper in _ANOTHER:
            reason = f"another statement stands behind it, with nothing between: {reader.near}"
            draft.aside(table, "statement", reader.rest(), reason, line)
        elif reader.sees("("):
            reader.skip_parentheses()
            storage.append(reader.text(start, reader.at))
        else:
            reader.take()
            storage.append(reader.text(start, reader.at))
    if storage:
        table.options["storage"] = " ".join(storage)
    if "UNLOGGED" in head.words:
        table.options["unlogged"] = "yes"


def _inherit(draft: Draft, table: TableDraft, reader: Reader) -> None:
    """PostgreSQL's INHERITS: the other tables' columns come first.

    Raises:
        NotUnderstoodError: the script has not made one of them.
    """
    reader.take()
    parents = [draft.table(part.object_name(draft.schema)) for part in reader.parentheses().parts()]
    own = {column.name: column for column in table.columns}
    columns = {column.name: replace(column, identity=None) for parent in parents for column in parent.columns}
    table.columns = list({**columns, **own}.values())
    table.options["inherits"] = ", ".join(qualified(parent.name, draft.dialect) for parent in parents)


#: Words with which another statement begins, and no clause of a table or an index.
_ANOTHER = frozenset(
    {"CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "GRANT", "EXEC", "EXECUTE", "DECLARE", "SET"}
)


def _meaning(reader: Reader) -> str | None:
    for dialect, words, reason in _MEANINGFUL:
        if reader.dialect is dialect and reader.accept(*words):
            return reason
    return None


def _tsql_options(draft: Draft, table: TableDraft, reader: Reader, start: int) -> None:
    line = reader.line
    for option in reader.parentheses().parts():
        if option.sees("SYSTEM_VERSIONING"):
            reason = "the server keeps older versions of the rows in a history table"
            draft.aside(table, "SYSTEM_VERSIONING", option.text(), reason, line)
        elif option.sees("DURABILITY") and "SCHEMA_ONLY" in option.text().upper():
            draft.aside(table, "DURABILITY", option.text(), "its rows are gone when the server stops", line)
        elif option.sees("LEDGER"):
            draft.aside(table, "LEDGER", option.text(), "the server proves that its rows were not tampered with", line)
        else:
            table.options["storage"] = f"{table.options.get('storage', '')} {option.text()}".strip()


def _mysql_option(draft: Draft, table: TableDraft, reader: Reader) -> bool:
    """One of MySQL's table options: ``ENGINE=InnoDB``, ``COMMENT 'x'``."""
    reader.accept("DEFAULT")
    if reader.accept("CHARACTER", "SET"):
        key = "CHARSET"
    elif reader.token.kind == "word" and reader.peek().upper != "(":
        key = reader.take().upper
    else:
        return False
    if key in ("DATA", "INDEX"):
        reader.take()
        key += " DIRECTORY"
    if key == "UNION":
        reader.accept("=")
        reader.skip_parentheses()
        table.options["union"] = "yes"
        return True
    if key == "WITH" and reader.accept("SYSTEM", "VERSIONING"):
        reason = "the server keeps older versions of the rows"
        draft.aside(table, "SYSTEM VERSIONING", "WITH SYSTEM VERSIONING", reason, reader.line)
        return True
    reader.accept("=")
    value = reader.take().text
    if key == "COMMENT":
        table.comment = value
    elif key == "AUTO_INCREMENT":
        set_next(table, int(value))
    else:
        table.options[{"COLLATE": "collation"}.get(key, key.lower())] = value
    return True


def set_next(table: TableDraft, value: int) -> None:
    """What MySQL's AUTO_INCREMENT gives next; whichever column counts."""
    table.options["auto_increment"] = str(value)
    for at, column in enumerate(table.columns):
        if column.identity is not None:
            table.columns[at] = replace(column, identity=Identity(Counter(next=value)))
