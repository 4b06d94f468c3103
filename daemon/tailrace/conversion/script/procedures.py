"""SQL Server's statements of its own: guards around what they make, comments and statements given to procedures."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Comment, Dialect, ObjectKind, ObjectName, Skipped
from tailrace.conversion.script.batches import statements
from tailrace.conversion.script.bound import add_type, bind, make_bound, renamed
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.guards import block, guarded, loop
from tailrace.conversion.script.splitting import Statement, shown
from tailrace.conversion.script.tokens import LexicalError, NotUnderstoodError, Reader, Script, Token, lex

_DESCRIPTIONS = ("ms_description", "description")
_TOOLS = "of the vendor's tools: how they show it"
#: Procedures of the server's that make no object of a schema.
HARMLESS = frozenset(
    {
        *("sp_settriggerorder", "sp_tableoption", "sp_dboption", "sp_updatestats", "sp_recompile", "sp_configure"),
        *("sp_fulltext_database", "sp_changedbowner", "sp_refreshview", "sp_refreshsqlmodule", "sp_autostats"),
        *("sp_dbcmptlevel", "sp_db_vardecimal_storage_format", "sp_createstats", "sp_who", "sp_help", "sp_helptext"),
        *("sp_getapplock", "sp_releaseapplock"),
    }
)
_LEVELS = {
    "TABLE": ObjectKind.TABLE,
    "VIEW": ObjectKind.VIEW,
    "PROCEDURE": ObjectKind.PROCEDURE,
    "FUNCTION": ObjectKind.FUNCTION,
    "SEQUENCE": ObjectKind.SEQUENCE,
    "SYNONYM": ObjectKind.SYNONYM,
    "TYPE": ObjectKind.TYPE,
}


def tsql_statement(draft: Draft, reader: Reader, statement: Statement) -> bool:
    """Reads one that only SQL Server has; False: it is another one."""
    if reader.sees("IF"):
        return guarded(draft, reader, statement)
    if reader.sees("WHILE"):
        return loop(draft, reader, statement)
    if reader.sees("BEGIN"):
        found = block(draft, reader, statement)
        reader.at = 0
        return found
    if reader.sees("DBCC"):
        return _checked_identity(draft, reader)
    if reader.sees("CREATE", "DEFAULT") or reader.sees("CREATE", "RULE"):
        return make_bound(draft, reader, statement)
    if reader.sees("ENABLE", "TRIGGER") or reader.sees("DISABLE", "TRIGGER"):
        _switch(draft, reader, statement)
        return True
    if reader.accept_any("EXEC", "EXECUTE"):
        return _executed(draft, reader, statement)
    if reader.sees("CREATE", "DATABASE") or reader.sees("ALTER", "DATABASE"):
        for at, token in enumerate(reader.tokens[:-1]):
            if token.upper == "COLLATE":
                draft.collation = reader.tokens[at + 1].text
    return False


def _switch(draft: Draft, reader: Reader, statement: Statement) -> None:
    from tailrace.conversion.script.altering import _triggers

    enabled = reader.take().upper == "ENABLE"
    reader.take()
    name = "" if reader.sees("ALL") else reader.object_name(draft.schema).name
    reader.accept("ALL")
    reader.expect("ON")
    if reader.accept("ALL", "SERVER") or reader.accept("DATABASE"):
        reason = "of a trigger on statements that make or drop objects, which is a person's"
        draft.skip(Skipped(statement.line, shown(statement.text), reason))
        return
    _triggers(draft, draft.table(reader.object_name(draft.schema)), name, enabled)
    draft.skip(Skipped(statement.line, shown(statement.text), "the trigger has what it says"))


def _checked_identity(draft: Draft, reader: Reader) -> bool:
    """``DBCC CHECKIDENT ('t', RESEED, 99)``: what the identity has given last; other checks make nothing."""
    reader.take()
    if not reader.accept("CHECKIDENT"):
        return False
    parts = reader.parentheses().parts()
    if len(parts) < 3 or not parts[1].accept("RESEED"):
        return False
    token = parts[0].token
    script = Script(token.text, Dialect.TSQL)
    name = Reader(script, list(lex(script, 0, len(token.text)))) if token.kind == "string" else parts[0]
    table = draft.table(name.object_name(draft.schema))
    last = parts[2].integer()
    for column in table.columns:
        if column.identity is not None:
            counter = column.identity.counter
            given = replace(column.identity, counter=replace(counter, next=last + counter.increment))
            draft.change_column(table, column.name, identity=given)
    return False


def _executed(draft: Draft, reader: Reader, statement: Statement) -> bool:
    if reader.sees("("):
        inside = reader.parentheses()
        return _text(draft, inside.token if len(inside.tokens) == 1 else None, statement)
    if reader.token.text.startswith("@") and reader.peek().upper == "=":
        reader.at += 2
    name = reader.object_name("").name.lower()
    arguments = _arguments(reader)
    if name == "sp_executesql":
        token = arguments.get("@statement") or arguments.get("@stmt") or arguments.get("0")
        return _text(draft, token, statement)
    if name == "sp_addextendedproperty":
        _property(draft, arguments, statement)
        return True
    if name in ("sp_updateextendedproperty", "sp_dropextendedproperty"):
        raise NotUnderstoodError("a comment is changed or dropped")
    if name == "sp_rename":
        renamed(draft, arguments, statement)
        return True
    if name == "sp_addtype":
        add_type(draft, arguments, statement)
        return True
    if name in ("sp_bindefault", "sp_bindrule"):
        bind(draft, name, arguments, statement)
        return True
    if name in HARMLESS:
        draft.skip(Skipped(statement.line, shown(statement.text), "how the server keeps or runs what there is"))
        return True
    raise NotUnderstoodError(f"a procedure is run: what {name} does is not known")


def _arguments(reader: Reader) -> dict[str, Token]:
    """By their names in lower case; what has none by its place."""
    found: dict[str, Token] = {}
    for number, part in enumerate(reader.parts()):
        key = str(number)
        if part.token.text.startswith("@") and part.peek().upper == "=":
            key = part.take().text.lower()
            part.take()
        found[key] = part.token
    return found


def _text(draft: Draft, token: Token | None, statement: Statement) -> bool:
    """A statement within a string: read as if it stood there."""
    if token is None or token.kind != "string":
        raise NotUnderstoodError("a statement that is put together when it runs")
    # The same lines: what stands before the string's first line is blank.
    line = statement.script.line(token.start)
    script = Script("\n" * (line - 1) + token.text, Dialect.TSQL)
    from tailrace.conversion.script.statements import read_statement

    try:
        tokens = list(lex(script, 0, len(script.text)))
    except LexicalError as error:
        raise NotUnderstoodError(str(error)) from error
    for piece in statements(script, tokens):
        if isinstance(piece, Statement):
            read_statement(draft, piece)
    return True


_POSITIONS = (
    *("@name", "@value", "@level0type", "@level0name", "@level1type", "@level1name", "@level2type", "@level2name"),
)


def _property(draft: Draft, arguments: dict[str, Token], statement: Statement) -> None:
    given = {}
    for key, token in arguments.items():
        given[_POSITIONS[int(key)] if key.isdigit() and int(key) < len(_POSITIONS) else key] = token
    values = {key: "" if token.upper == "NULL" else token.text for key, token in given.items()}
    schema = values.get("@level0name", draft.schema)
    kind = values.get("@level1type", "").upper()
    name = ObjectName(schema, values.get("@level1name", ""))
    member_kind, member = values.get("@level2type", "").upper(), values.get("@level2name", "")
    text = values.get("@value", "")
    called = values.get("@name", "").lower()
    if called not in _DESCRIPTIONS:
        if called.startswith(("ms_", "microsoft_")):
            draft.skip(Skipped(statement.line, shown(statement.text), _TOOLS))
            return
        whose = name if name.name else ObjectName("", schema)
        reason = f"a property {values.get('@name', '')} of {whose}, which is no description"
        draft.other(ObjectKind.OTHER, whose, statement.text, reason, statement.line)
        return
    found = draft.key(name)
    if kind == "TABLE" and found in draft.tables and member_kind in ("", "COLUMN"):
        table = draft.tables[found]
        if member:
            draft.change_column(table, member, comment=text)
        else:
            table.comment = text
        return
    own = ObjectKind.SCHEMA if not kind else _LEVELS.get(kind, ObjectKind.OTHER)
    if member_kind == "COLUMN":
        own = ObjectKind.COLUMN
    elif member_kind:
        own = {"INDEX": ObjectKind.INDEX, "TRIGGER": ObjectKind.TRIGGER}.get(member_kind, ObjectKind.OTHER)
    draft.comments.append(Comment(own, name if kind else ObjectName("", schema), text, member, statement.line))
