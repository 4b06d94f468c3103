"""Which statement is read by what: one table for statements that make objects, one for those that make none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from tailrace.conversion.catalog import Dialect, ObjectKind, ObjectName, Skipped
from tailrace.conversion.script.altering import alter_table
from tailrace.conversion.script.blocks import read_block
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.indexes import create_index
from tailrace.conversion.script.partitions import partition_function, partition_scheme
from tailrace.conversion.script.programs import create_package, create_routine, create_trigger, create_view
from tailrace.conversion.script.sequences import (
    alter_sequence,
    alter_type,
    comment_on,
    create_domain,
    create_schema,
    create_sequence,
    create_synonym,
    create_type,
)
from tailrace.conversion.script.splitting import Statement, shown
from tailrace.conversion.script.tables import Head, create_table
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader

Make = Callable[[Draft, Reader, Head], None]

#: By the word behind CREATE and its modifiers.
_CREATE: Mapping[str, Make] = {
    "TABLE": create_table,
    "INDEX": create_index,
    "VIEW": create_view,
    "SEQUENCE": create_sequence,
    "TYPE": create_type,
    "DOMAIN": create_domain,
    "SYNONYM": create_synonym,
    "SCHEMA": create_schema,
    "FUNCTION": create_routine,
    "PROCEDURE": create_routine,
    "PROC": create_routine,
    "PACKAGE": create_package,
    "TRIGGER": create_trigger,
}
_XML_SCHEMA = "what XML must look like: the target does not look at it"
_WHO = "who may come in, and as whom, is not converted"
#: What has no form of its own in a catalog, by the words behind CREATE; where the name of a table follows, by ON.
_CARRIED: tuple[tuple[tuple[str, ...], ObjectKind, str], ...] = (
    (("EXTENSION",), ObjectKind.EXTENSION, ""),
    (("POLICY",), ObjectKind.POLICY, "which rows a user sees"),
    (("SECURITY", "POLICY"), ObjectKind.POLICY, "which rows a user sees"),
    (("EVENT", "TRIGGER"), ObjectKind.TRIGGER, "a trigger on statements that make or drop objects"),
    (("EVENT",), ObjectKind.EVENT, "the server runs it by the clock"),
    (("DATABASE", "LINK"), ObjectKind.OTHER, "another server's database"),
    (("XML", "SCHEMA", "COLLECTION"), ObjectKind.OTHER, _XML_SCHEMA),
    (("ROLE",), ObjectKind.OTHER, _WHO),
    (("USER",), ObjectKind.OTHER, _WHO),
    (("LOGIN",), ObjectKind.OTHER, _WHO),
    (("MATERIALIZED", "ZONEMAP"), ObjectKind.OTHER, "how a table is kept"),
)
#: Words between CREATE and what is made.
_MODIFIERS = frozenset(
    {
        *("OR", "REPLACE", "ALTER", "TEMPORARY", "TEMP", "UNLOGGED", "GLOBAL", "LOCAL", "PRIVATE", "EDITIONABLE"),
        *("NONEDITIONABLE", "FORCE", "NO", "NOFORCE", "PUBLIC", "UNIQUE", "CLUSTERED", "NONCLUSTERED", "BITMAP"),
        *("FULLTEXT", "SPATIAL", "MATERIALIZED", "AGGREGATE", "CONSTRAINT", "RECURSIVE", "IMMUTABLE", "BLOCKCHAIN"),
        *("SHARDED", "DUPLICATED", "COLUMNSTORE", "PRIMARY", "XML", "EXTERNAL", "FOREIGN", "EDITIONING", "MULTIVALUE"),
        *("TRUSTED", "PROCEDURAL", "VECTOR", "ALGORITHM", "DEFINER", "SQL", "SECURITY"),
    }
)
#: Statements that make no object, by their first words; longer ones first.
_NO_OBJECT: tuple[tuple[tuple[str, ...], str], ...] = (
    (("SET", "IDENTITY_INSERT"), "rows, which a pipeline carries"),
    (("SET",), "a setting of the session"),
    (("SELECT",), "a query, which is not run"),
    (("INSERT",), "rows, which a pipeline carries"),
    (("UPDATE",), "rows, which a pipeline carries"),
    (("DELETE",), "rows, which a pipeline carries"),
    (("MERGE",), "rows, which a pipeline carries"),
    (("REPLACE",), "rows, which a pipeline carries"),
    (("COPY",), "rows, which a pipeline carries"),
    (("BULK",), "rows, which a pipeline carries"),
    (("LOAD",), "rows, which a pipeline carries"),
    (("TRUNCATE",), "rows, which a pipeline carries"),
    (("BEGIN", "TRAN"), "a transaction's bound"),
    (("BEGIN", "TRANSACTION"), "a transaction's bound"),
    (("BEGIN", "WORK"), "a transaction's bound"),
    (("START",), "a transaction's bound"),
    (("COMMIT",), "a transaction's bound"),
    (("ROLLBACK",), "a transaction's bound"),
    (("SAVEPOINT",), "a transaction's bound"),
    (("LOCK",), "a lock of the session"),
    (("UNLOCK",), "a lock of the session"),
    (("FLUSH",), "of the server, and of no object"),
    (("ANALYZE",), "statistics"),
    (("VACUUM",), "statistics"),
    (("CREATE", "STATISTICS"), "statistics"),
    (("UPDATE", "STATISTICS"), "statistics"),
    (("CREATE", "DATABASE"), "the database itself"),
    (("ALTER", "DATABASE"), "the database itself"),
    (("ALTER", "SYSTEM"), "of the server, and of no object"),
    (("ALTER", "SESSION"), "a setting of the session"),
    (("ALTER", "DEFAULT", "PRIVILEGES"), "privileges of what is made later"),
    (("PRINT",), "a message"),
    (("DECLARE",), "a variable of the batch"),
    (("CHECKPOINT",), "of the server, and of no object"),
    (("DBCC",), "of the server, and of no object"),
    (("AUDIT",), "of the server, and of no object"),
    (("NOAUDIT",), "of the server, and of no object"),
    (("CREATE", "FULLTEXT", "CATALOG"), "where indexes for full text are kept"),
    (("RECONFIGURE",), "of the server, and of no object"),
    (("BACKUP",), "of the server, and of no object"),
    (("RESTORE",), "of the server, and of no object"),
    (("KILL",), "of the server, and of no object"),
    (("RAISERROR",), "a message"),
    (("THROW",), "a message"),
    (("WAITFOR",), "it waits"),
    (("RETURN",), "where the batch ends"),
    (("GOTO",), "where the batch goes on"),
    (("OPEN",), "a cursor"),
    (("FETCH",), "a cursor"),
    (("CLOSE",), "a cursor"),
    (("DEALLOCATE",), "a cursor"),
    (("RESET",), "a setting of the session"),
    (("DELIMITER",), "a command of the client, which makes no object"),
    (("PURGE",), "of what was dropped"),
)


def read_statement(draft: Draft, statement: Statement) -> None:
    """One statement goes to the catalog: as an object, as text with a reason, or among what was skipped."""
    if statement.include:
        reason = "another file, which is not read: give it as a script of its own"
        draft.other(ObjectKind.OTHER, ObjectName("", shown(statement.text)), statement.text, reason, statement.line)
        return
    if statement.trouble:
        _other(draft, statement, statement.trouble)
        return
    reader = statement.reader()
    try:
        _read(draft, reader, statement)
    except NotUnderstoodError as error:
        _other(draft, statement, str(error))


def _other(draft: Draft, statement: Statement, reason: str) -> None:
    reader = statement.reader()
    kind, name = _named(draft, reader)
    draft.other(kind, name, statement.text, reason, statement.line)


_KINDS = {
    "TABLE": ObjectKind.TABLE,
    "INDEX": ObjectKind.INDEX,
    "VIEW": ObjectKind.VIEW,
    "SEQUENCE": ObjectKind.SEQUENCE,
    "TYPE": ObjectKind.TYPE,
    "DOMAIN": ObjectKind.DOMAIN,
    "SYNONYM": ObjectKind.SYNONYM,
    "FUNCTION": ObjectKind.FUNCTION,
    "PROCEDURE": ObjectKind.PROCEDURE,
    "PROC": ObjectKind.PROCEDURE,
    "PACKAGE": ObjectKind.PACKAGE,
    "TRIGGER": ObjectKind.TRIGGER,
}


def _named(draft: Draft, reader: Reader) -> tuple[ObjectKind, ObjectName]:
    """What a statement that was not understood seems to be of."""
    text = shown(reader.text())
    if reader.accept("CREATE"):
        modifiers(reader)
        kind = _KINDS.get(reader.token.upper)
        if kind is not None:
            reader.take()
            try:
                reader.accept("IF", "NOT", "EXISTS")
                return kind, reader.object_name(draft.schema)
            except NotUnderstoodError:
                pass
    return ObjectKind.OTHER, ObjectName("", text)


def modifiers(reader: Reader) -> tuple[str, ...]:
    """Words between CREATE and the word that says what is made; MySQL's ``DEFINER = …`` is passed over."""
    found: list[str] = []
    while reader.token.upper in _MODIFIERS:
        word = reader.take().upper
        found.append(word)
        if reader.dialect.mysql_like and word in ("DEFINER", "ALGORITHM"):
            reader.accept("=")
            reader.take()
            if (reader.accept("(", ")") or reader.accept("@")) and reader.peek(-1).upper == "@":
                reader.take()
        elif reader.dialect.mysql_like and word == "SECURITY":
            found.append(reader.take().upper)
    return tuple(found)


def _read(draft: Draft, reader: Reader, statement: Statement) -> None:
    if draft.dialect is Dialect.TSQL and _tsql(draft, reader, statement):
        return
    if draft.dialect is Dialect.POSTGRESQL and _postgres(draft, reader, statement):
        return
    if draft.dialect is Dialect.ORACLE and reader.token.upper in ("BEGIN", "DECLARE"):
        read_block(draft, statement)
        return
    if _settings(draft, reader):
        draft.skip(Skipped(statement.line, shown(statement.text), "a setting of the session"))
        return
    if (reason := _no_object(draft, reader)) is not None:
        draft.skip(Skipped(statement.line, shown(statement.text), reason))
        return
    first = reader.take().upper
    head = Head((), statement.text, statement.line)
    if first == "CREATE":
        _create(draft, reader, statement)
    elif first == "ALTER":
        _alter(draft, reader, head)
    elif first == "COMMENT":
        comment_on(draft, reader, head)
    elif first == "DROP":
        _drop(draft, reader, head)
    elif first in ("GRANT", "REVOKE", "DENY"):
        _grant(draft, reader, head)
    elif first == "RENAME" and draft.dialect.mysql_like:
        raise NotUnderstoodError("RENAME TABLE is not followed")
    elif first in ("CALL", "EXEC", "EXECUTE") and _called(draft, reader):
        draft.skip(Skipped(statement.line, shown(statement.text), "a procedure of this script's that makes nothing"))
    elif first in ("BEGIN", "DECLARE", "DO", "CALL", "EXECUTE", "WITH", "IF", "WHILE", "EXEC"):
        raise NotUnderstoodError("a block of statements that runs once: what it makes is not known")
    else:
        raise NotUnderstoodError(f"a statement that begins with {first or reader.peek(-1).text!r} is not known")


def _called(draft: Draft, reader: Reader) -> bool:
    """Whether what is run makes nothing: a procedure of the script's own."""
    try:
        name = reader.object_name(draft.schema)
    except NotUnderstoodError:
        return False
    return draft.makes_nothing(name, {token.text for token in reader.tokens[reader.at :] if token.kind == "string"})


def _no_object(draft: Draft, reader: Reader) -> str | None:
    if draft.dialect is Dialect.POSTGRESQL and reader.accept("BEGIN") and reader.done:
        return "a transaction's bound"
    if draft.dialect is Dialect.POSTGRESQL and reader.accept("END") and reader.done:
        return "a transaction's bound"
    if draft.dialect.mysql_like and reader.accept("BEGIN") and reader.done:
        return "a transaction's bound"
    reader.at = 0
    if reader.sees("DECLARE") and draft.dialect is not Dialect.TSQL:
        return None
    if reader.sees("SELECT") and not draft.dialect.mysql_like and _into(reader):
        raise NotUnderstoodError("it makes a table of the rows of a query")
    for words, reason in _NO_OBJECT:
        if reader.sees(*words):
            return reason
    return None


def _into(reader: Reader) -> bool:
    depth = 0
    for token in reader.tokens:
        depth += (token.upper == "(") - (token.upper == ")")
        if not depth and token.upper == "INTO":
            return True
    return False


def _create(draft: Draft, reader: Reader, statement: Statement) -> None:
    start = reader.at
    for words, kind, reason in _CARRIED:
        reader.at = start
        while reader.accept_any("OR", "REPLACE", "SHARED", "PUBLIC"):
            pass
        if reader.accept(*words):
            _carried(draft, reader, statement, kind, reason)
            return
    reader.at = start
    if reader.accept("PARTITION", "FUNCTION"):
        partition_function(draft, reader, statement.text)
        reason = "its tables have their partitions from it"
        draft.skip(Skipped(statement.line, shown(statement.text), reason))
        return
    if reader.accept("PARTITION", "SCHEME"):
        partition_scheme(draft, reader)
        reason = "its tables have their partitions from it"
        draft.skip(Skipped(statement.line, shown(statement.text), reason))
        return
    if draft.dialect is Dialect.POSTGRESQL and reader.accept("AGGREGATE"):
        _carried(draft, reader, statement, ObjectKind.FUNCTION, "an aggregate function of the user's own")
        return
    modifying = modifiers(reader)
    if reader.sees("LANGUAGE", "PLPGSQL"):
        draft.skip(Skipped(statement.line, shown(statement.text), "the target has it"))
        return
    what = reader.token.upper
    make = _CREATE.get(what)
    if make is None:
        raise NotUnderstoodError(f"CREATE {what or reader.token.text} makes nothing that a schema is converted with")
    reader.take()
    if what == "TYPE" and reader.accept("BODY"):
        modifying = (*modifying, "BODY")
    make(draft, reader, Head(modifying, statement.text, statement.line))


def _carried(draft: Draft, reader: Reader, statement: Statement, kind: ObjectKind, reason: str) -> None:
    reader.accept("IF", "NOT", "EXISTS")
    name = reader.object_name("" if kind is ObjectKind.EXTENSION else draft.schema)
    table = None
    if kind is ObjectKind.POLICY and reader.accept("ON"):
        table = reader.object_name(draft.schema)
    draft.other(kind, name, statement.text, reason, statement.line, table)


_ALTER: Mapping[str, Make] = {"TABLE": alter_table, "SEQUENCE": alter_sequence, "TYPE": alter_type}


def _alter(draft: Draft, reader: Reader, head: Head) -> None:
    if reader.accept("XML", "SCHEMA", "COLLECTION"):
        draft.other(ObjectKind.OTHER, reader.object_name(draft.schema), head.text, _XML_SCHEMA, head.line)
        return
    words = modifiers(reader)
    what = reader.take().upper
    if what in _ALTER:
        _ALTER[what](draft, reader, head)
        return
    if "OWNER" in {token.upper for token in reader.tokens[reader.at :]}:
        draft.skip(Skipped(head.line, shown(head.text), "who owns it"))
        return
    if what == "INDEX" and "ATTACH" in {token.upper for token in reader.tokens[reader.at :]}:
        draft.skip(Skipped(head.line, shown(head.text), "an index of a partition: its table's index makes it"))
        return
    if what == "INDEX" and draft.dialect in (Dialect.ORACLE, Dialect.TSQL) and _altered_index(draft, reader):
        draft.skip(Skipped(head.line, shown(head.text), "the index has what it says, or is kept otherwise"))
        return
    if what == "TRIGGER":
        name = reader.object_name(draft.schema)
        state = reader.accept_any("ENABLE", "DISABLE", "COMPILE")
        if state:
            from dataclasses import replace

            draft.triggers = [
                replace(one, enabled=state != "DISABLE") if draft.key(one.name) == draft.key(name) else one
                for one in draft.triggers
            ]
            draft.skip(Skipped(head.line, shown(head.text), "the trigger has what it says"))
            return
    if "COMPILE" in {token.upper for token in reader.tokens}:
        draft.skip(Skipped(head.line, shown(head.text), "it makes nothing new"))
        return
    raise NotUnderstoodError(f"ALTER {' '.join((*words, what))} is not followed")


def _altered_index(draft: Draft, reader: Reader) -> bool:
    """RENAME, VISIBLE, and how it is kept; False: something else."""
    name = reader.object_name(draft.schema)
    reader.accept("ON") and reader.object_name(draft.schema)
    if reader.accept("RENAME", "TO"):
        return draft.rename_index(name.name, reader.name())
    return reader.token.upper in ("REBUILD", "REORGANIZE", "COALESCE", "LOGGING", "NOLOGGING", "NOPARALLEL", "PARALLEL")


def _drop(draft: Draft, reader: Reader, head: Head) -> None:
    """A dump drops what it makes; a script may drop what it has made."""
    reader.accept_any("MATERIALIZED", "PUBLIC", "TEMPORARY", "FORCE")
    what = reader.take().upper
    if reader.accept("BODY"):
        what = "BODY"
    reader.accept("IF", "EXISTS")
    made = False
    try:
        while True:
            name = reader.object_name(draft.schema)
            if what == "INDEX" and reader.accept("ON"):
                made |= draft.drop_index(name.name, reader.object_name(draft.schema))
            elif what == "INDEX":
                made |= draft.drop_index(name.name, None)
            else:
                made |= draft.drop(what, name)
            if not reader.accept(","):
                break
    except NotUnderstoodError:
        made = False
    reason = "it takes away what the script has made before" if made else "it takes away what this script has not made"
    draft.skip(Skipped(head.line, shown(head.text), reason))


def _grant(draft: Draft, reader: Reader, head: Head) -> None:
    """Privileges on an object, or a role's."""
    name = ObjectName("", shown(head.text))
    while not reader.done:
        if reader.accept("ON"):
            reader.accept_any(*_KINDS, "SCHEMA", "DATABASE", "LANGUAGE", "OBJECT")
            while reader.accept(":"):
                pass
            with contextlib.suppress(NotUnderstoodError):
                name = reader.object_name(draft.schema)
            break
        reader.take()
    draft.other(ObjectKind.GRANT, name, head.text, "who may do what is not converted", head.line)


def _settings(draft: Draft, reader: Reader) -> bool:
    """Settings by which what follows is read."""
    if reader.accept("USE"):
        draft.schema = draft.schema if draft.dialect is Dialect.TSQL else reader.name()
        return True
    if draft.dialect is Dialect.ORACLE:
        if reader.sees("CONNECT") or reader.sees("CONN"):
            user = reader.peek()
            if user.kind in ("word", "name"):
                draft.schema = user.text.upper() if user.kind == "word" else user.text
            return True
        if reader.accept("ALTER", "SESSION", "SET"):
            if reader.accept("CURRENT_SCHEMA"):
                reader.accept("=")
                draft.schema = reader.name()
            elif reader.accept("NLS_LENGTH_SEMANTICS"):
                reader.accept("=")
                draft.character_lengths = reader.take().text.upper() == "CHAR"
            return True
    return False


def _postgres(draft: Draft, reader: Reader, statement: Statement) -> bool:
    from tailrace.conversion.script.dumps import postgres_setting

    if not postgres_setting(draft, reader):
        return False
    draft.skip(Skipped(statement.line, shown(statement.text), "a setting of the session, or a sequence's value"))
    return True


def _tsql(draft: Draft, reader: Reader, statement: Statement) -> bool:
    from tailrace.conversion.script.procedures import tsql_statement

    return tsql_statement(draft, reader, statement)
