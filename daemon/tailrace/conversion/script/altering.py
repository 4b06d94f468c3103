"""ALTER TABLE: what a script adds to its tables, and takes away again."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Dialect, Identity, ObjectKind, ObjectName, Skipped
from tailrace.conversion.script import types
from tailrace.conversion.script.clauses import object_of, read_counter, read_state
from tailrace.conversion.script.columns import column_type, default_text, read_column, say_state
from tailrace.conversion.script.draft import Draft, TableDraft
from tailrace.conversion.script.partitions import attach, mysql_partitions
from tailrace.conversion.script.splitting import shown
from tailrace.conversion.script.tables import Head, is_constraint, members, read_constraint, set_next
from tailrace.conversion.script.tokens import Reader, Script, folded, lex
from tailrace.conversion.script.written import read_type

#: Clauses that change how a table is kept, or what no target has: the table's columns stay as they are.
_HARMLESS = frozenset(
    {
        *("OWNER", "CLUSTER", "REPLICA", "REBUILD", "LOGGING", "NOLOGGING", "PARALLEL", "NOPARALLEL", "CACHE"),
        *("NOCACHE", "MOVE", "SHRINK", "ALLOCATE", "DEALLOCATE", "PCTFREE", "PCTUSED", "INITRANS", "STORAGE"),
        *("COMPRESS", "NOCOMPRESS", "ROW", "MONITORING", "NOMONITORING", "ENGINE", "ALGORITHM", "LOCK", "FORCE"),
        *("ORDER", "COMMENT", "TABLESPACE", "RESET", "LOCK_ESCALATION", "VALIDATE"),
    }
)


def alter_table(draft: Draft, reader: Reader, head: Head) -> None:
    reader.accept("IF", "EXISTS")
    reader.accept("ONLY")
    name = reader.object_name(draft.schema)
    if draft.key(name) in draft.partitions and not reader.sees("ATTACH"):
        draft.skip(Skipped(head.line, shown(head.text), "of a partition: what its table says holds for it"))
        return
    if draft.key(name) not in draft.tables:
        _elsewhere(draft, name, reader, head)
        return
    table = draft.table(name)
    if draft.dialect is Dialect.TSQL:
        _tsql(draft, table, reader, head)
    elif draft.dialect is Dialect.ORACLE:
        _oracle(draft, table, reader, head)
    else:
        for part in reader.parts():
            _clause(draft, table, part, head)


def _elsewhere(draft: Draft, name: ObjectName, reader: Reader, head: Head) -> None:
    """What is altered is no table here."""
    if reader.sees("OWNER", "TO"):
        draft.skip(Skipped(head.line, shown(head.text), "who owns it"))
        return
    known = draft.key(name) in {draft.key(one) for one in draft.all_names()}
    reason = "it is no table" if known else f"the script has no table {name} that was understood"
    draft.other(ObjectKind.OTHER, name, head.text, reason, head.line)


def _unknown(draft: Draft, table: TableDraft, reader: Reader, head: Head, line: int, text: str = "") -> None:
    reason = f"ALTER TABLE goes on with {reader.near}, which is not understood"
    reader.rest()
    draft.aside(table, "ALTER TABLE", text or head.text, reason, line)


def _skip(draft: Draft, head: Head, what: str) -> None:
    draft.skip(Skipped(head.line, shown(head.text), what))


# ---- PostgreSQL and MySQL: clauses with commas between them


def _clause(draft: Draft, table: TableDraft, part: Reader, head: Head) -> None:
    line = part.line
    if part.accept("ADD"):
        _add(draft, table, part)
    elif part.accept("ALTER"):
        part.accept("COLUMN")
        _alter_column(draft, table, part, head, line)
    elif draft.dialect.mysql_like and part.accept_any("MODIFY", "CHANGE"):
        _redefine(draft, table, part, changes=part.peek(-1).upper == "CHANGE")
    elif part.accept("DROP"):
        _drop(draft, table, part, head, line)
    elif part.accept("RENAME"):
        _rename(draft, table, part, head, line)
    elif part.accept("ATTACH", "PARTITION"):
        attach(draft, table, part)
    elif part.accept("SET", "SCHEMA"):
        move_table(draft, table, ObjectName(part.name(), table.name.name))
    elif draft.dialect.mysql_like and (part.sees("ENABLE", "KEYS") or part.sees("DISABLE", "KEYS")):
        _skip(draft, head, "when indexes are kept up, while rows are loaded")
    elif part.sees("ENABLE") or part.sees("DISABLE") or part.sees("NO") or part.sees("FORCE", "ROW"):
        _switch(draft, table, part, head, line)
    elif draft.dialect.mysql_like and part.accept("AUTO_INCREMENT"):
        part.accept("=")
        set_next(table, part.integer())
    elif part.sees("SET") and part.peek().upper in ("(", "WITHOUT", "LOGGED", "TABLESPACE", "ACCESS", "UNLOGGED"):
        table.options["altered"] = f"{table.options.get('altered', '')} {part.rest()}".strip()
    elif draft.dialect.mysql_like and part.accept("PARTITION", "BY"):
        table.partitioning = mysql_partitions(part)
        table.lines[""] = line
    elif part.token.upper in _HARMLESS:
        _skip(draft, head, "how a table is kept, or who owns it")
    else:
        _unknown(draft, table, part, head, line)


def _add(draft: Draft, table: TableDraft, part: Reader) -> None:
    if is_constraint(part):
        read_constraint(draft, table, part)
        return
    part.accept("COLUMN")
    part.accept("IF", "NOT", "EXISTS")
    inside = part.parentheses().parts() if part.sees("(") else [part]
    for one in inside:
        if is_constraint(one):
            read_constraint(draft, table, one)
            continue
        place = _place(draft, table, one)
        table.columns.insert(place if place is not None else len(table.columns), read_column(draft, table, one))


def _place(draft: Draft, table: TableDraft, part: Reader) -> int | None:
    """Where MySQL's FIRST and AFTER put a column, among those that are there; None: they say nothing."""
    if not draft.dialect.mysql_like:
        return None
    for at, token in enumerate(part.tokens):
        if at > part.at + 1 and token.upper == "FIRST":
            return 0
        if at > part.at + 1 and token.upper == "AFTER":
            return draft.column_at(table, Reader(part.script, part.tokens[at + 1 :]).name()) + 1
    return None


def _alter_column(draft: Draft, table: TableDraft, part: Reader, head: Head, line: int) -> None:
    column = part.name()
    if part.accept("SET", "DEFAULT"):
        draft.change_column(table, column, default=default_text(part, unwrap=False))
    elif part.accept("DROP", "DEFAULT"):
        draft.change_column(table, column, default="")
    elif part.accept("SET", "NOT", "NULL"):
        draft.change_column(table, column, nullable=False)
    elif part.accept("DROP", "NOT", "NULL"):
        draft.change_column(table, column, nullable=True)
    elif part.accept("ADD", "GENERATED"):
        always = part.accept_any("ALWAYS", "BY") == "ALWAYS"
        part.accept("DEFAULT")
        part.expect("AS", "IDENTITY")
        counter, named = read_counter(part.parentheses()) if part.sees("(") else read_counter(part)
        if named.get("name"):
            # The identity's own sequence is known by this name to what sets its value.
            sequence = object_of(named["name"], draft.schema)
            table.options[f"sequence of {column}"] = str(sequence)
        draft.change_column(table, column, identity=Identity(counter, always), nullable=False)
    elif part.accept("TYPE") or part.accept("SET", "DATA", "TYPE"):
        written = read_type(part)
        found, user_type, _ = column_type(draft, written)
        sql = types.sql_type(written, draft.dialect)
        draft.change_column(table, column, type=found, sql_type=sql, user_type=user_type)
    elif part.accept("SET") and part.accept_any("STATISTICS", "STORAGE", "COMPRESSION"):
        _skip(draft, head, "how a column is kept")
    else:
        _unknown(draft, table, part, head, line)


def _redefine(draft: Draft, table: TableDraft, part: Reader, changes: bool) -> None:
    """MySQL's MODIFY and CHANGE: the column is what stands here, and nothing of what it was."""
    part.accept("COLUMN")
    at = draft.column_at(table, part.name() if changes else _peeked(part))
    old = table.columns[at]
    place = _place(draft, table, part)
    made = read_column(draft, table, part)
    primary = next((index for index in table.indexes if index.primary), None)
    if primary is not None and old.name in primary.columns:
        made = replace(made, nullable=False)
    if made.identity is not None and "auto_increment" in table.options:
        made = replace(
            made, identity=Identity(replace(made.identity.counter, next=int(table.options["auto_increment"])))
        )
    table.columns[at] = made
    if place is not None:
        del table.columns[at]
        table.columns.insert(place - (at < place), made)
    if made.name != old.name:
        _rename_column(table, old.name, made.name)


def _peeked(part: Reader) -> str:
    name = part.name()
    part.at -= 1
    return name


def _rename_column(table: TableDraft, old: str, new: str) -> None:
    table.indexes = [
        replace(
            index,
            parts=tuple(replace(p, column=new) if p.column == old else p for p in index.parts),
            include=tuple(new if one == old else one for one in index.include),
        )
        for index in table.indexes
    ]
    table.foreign_keys = [
        replace(key, columns=tuple(new if one == old else one for one in key.columns)) for key in table.foreign_keys
    ]


def _drop(draft: Draft, table: TableDraft, part: Reader, head: Head, line: int) -> None:
    if part.accept("PRIMARY", "KEY"):
        table.indexes = [index for index in table.indexes if not index.primary]
    elif part.accept("FOREIGN", "KEY") or part.accept_any("CONSTRAINT", "INDEX", "KEY", "CHECK"):
        part.accept("IF", "EXISTS")
        if not _dropped(draft, table, part.name()):
            _unknown(draft, table, part, head, line)
    else:
        part.accept("COLUMN")
        part.accept("IF", "EXISTS")
        draft.drop_column(table, part.name())


def _dropped(draft: Draft, table: TableDraft, name: str) -> bool:
    """Takes away a constraint or an index; whether there was one."""

    def other(given: str) -> bool:
        return given.lower() != name.lower() if draft.ignores_case else given != name

    before = len(table.indexes) + len(table.checks) + len(table.foreign_keys)
    table.indexes = [one for one in table.indexes if other(one.name)]
    table.checks = [one for one in table.checks if other(one.name)]
    table.foreign_keys = [one for one in table.foreign_keys if other(one.name)]
    return len(table.indexes) + len(table.checks) + len(table.foreign_keys) < before


def _rename(draft: Draft, table: TableDraft, part: Reader, head: Head, line: int) -> None:
    if part.accept_any("CONSTRAINT", "INDEX", "KEY"):
        old = part.name()
        part.expect("TO")
        new = part.name()
        table.indexes = [replace(one, name=new) if one.name == old else one for one in table.indexes]
        table.checks = [replace(one, name=new) if one.name == old else one for one in table.checks]
        table.foreign_keys = [replace(one, name=new) if one.name == old else one for one in table.foreign_keys]
        return
    if part.accept("COLUMN") or (not part.sees("TO") and part.peek().upper == "TO"):
        old = part.name()
        part.expect("TO")
        new = part.name()
        rename_column(draft, table, old, new)
        return
    part.accept_any("TO", "AS")
    move_table(draft, table, part.object_name(table.name.schema))


def rename_column(draft: Draft, table: TableDraft, old: str, new: str) -> None:
    """With all that speaks of it, as the server does it."""
    old = table.columns[draft.column_at(table, old)].name
    draft.change_column(table, old, name=new)
    _rename_column(table, old, new)

    def said(text: str) -> str:
        return _respelled(text, draft, old, new)

    table.checks = [replace(check, expression=said(check.expression)) for check in table.checks]
    table.columns = [replace(one, generated=said(one.generated)) for one in table.columns]
    table.indexes = [
        replace(
            index,
            where=said(index.where),
            parts=tuple(replace(one, expression=said(one.expression)) for one in index.parts),
        )
        for index in table.indexes
    ]
    for other in draft.tables.values():
        other.foreign_keys = [
            replace(key, referenced_columns=tuple(new if one == old else one for one in key.referenced_columns))
            if draft.key(key.table) == draft.key(table.name)
            else key
            for key in other.foreign_keys
        ]


def _respelled(text: str, draft: Draft, old: str, new: str) -> str:
    """An expression with a column's new name, quoted."""
    script = Script(text, draft.dialect)
    mark = "`" if draft.dialect.mysql_like else '"'
    kept, at = "", 0
    found = list(lex(script, 0, len(text)))
    for place, token in enumerate(found):
        after = found[place + 1].upper if place + 1 < len(found) else ""
        name = folded(token, draft.dialect)
        same = name.lower() == old.lower() if draft.ignores_case else name == old
        if token.kind in ("word", "name") and same and after != "(":
            kept += text[at : token.start] + mark + new.replace(mark, mark * 2) + mark
            at = token.end
    return kept + text[at:]


def move_table(draft: Draft, table: TableDraft, name: ObjectName) -> None:
    """The table's new name; what refers to it follows."""
    old = draft.key(table.name)
    draft.tables = {(draft.key(name) if key == old else key): one for key, one in draft.tables.items()}
    for one in draft.tables.values():
        one.foreign_keys = [
            replace(key, table=name) if draft.key(key.table) == old else key for key in one.foreign_keys
        ]
    table.name = name


def _switch(draft: Draft, table: TableDraft, part: Reader, head: Head, line: int) -> None:
    """ENABLE and DISABLE of triggers, constraints, row level security."""
    start = part.at
    enabled = part.take().upper != "DISABLE"
    part.accept_any("ALWAYS", "REPLICA")
    if part.accept("TRIGGER"):
        name = "" if part.sees("ALL") or part.sees("USER") else part.name()
        _triggers(draft, table, name, enabled)
        part.rest()
        return
    part.accept_any("VALIDATE", "NOVALIDATE")
    if part.accept("CONSTRAINT"):
        _enforce(draft, table, part.name(), enabled, head)
        return
    draft.aside(
        table, "row level security" if "ROW" in part.rest().upper() else "ALTER TABLE", part.text(start), "", line
    )


def _triggers(draft: Draft, table: TableDraft, name: str, enabled: bool) -> None:
    draft.triggers = [
        replace(one, enabled=enabled)
        if draft.key(one.table) == draft.key(table.name) and (not name or one.name.name == name)
        else one
        for one in draft.triggers
    ]


def _enforce(draft: Draft, table: TableDraft, name: str, enabled: bool, head: Head) -> None:
    """A constraint by its name, or all of them, is switched on or off."""

    def meant(given: str) -> bool:
        return name in ("", given) or (draft.ignores_case and name.lower() == given.lower())

    before = table.checks, table.foreign_keys
    table.checks = [replace(one, enforced=enabled) if meant(one.name) else one for one in table.checks]
    table.foreign_keys = [replace(one, enforced=enabled) if meant(one.name) else one for one in table.foreign_keys]
    if (table.checks, table.foreign_keys) == before:
        known = {one.name.lower() for one in table.checks} | {one.name.lower() for one in table.foreign_keys}
        if name and name.lower() not in known:
            reason = f"{table.name} has no check or foreign key {name}"
            draft.aside(table, name, head.text, reason, head.line)
        else:
            _skip(draft, head, "it is so already")


# ---- SQL Server


def _tsql(draft: Draft, table: TableDraft, reader: Reader, head: Head) -> None:
    line = reader.line
    validated = True
    if reader.accept("WITH"):
        validated = reader.accept_any("CHECK", "NOCHECK") == "CHECK"
    if reader.accept("ADD"):
        for part in members(Reader(reader.script, reader.tokens[reader.at :])):
            if is_constraint(part) or part.sees("DEFAULT"):
                read_constraint(draft, table, part, validated)
            else:
                table.columns.append(read_column(draft, table, part))
    elif reader.accept("ALTER", "COLUMN"):
        column = reader.name()
        if reader.accept_any("ADD", "DROP"):
            draft.aside(table, column, head.text, "a property of a column is added or dropped", line)
            return
        written = read_type(reader)
        found, user_type, nullable = column_type(draft, written)
        sql = types.sql_type(written, draft.dialect)
        collation = reader.name() if reader.accept("COLLATE") else ""
        if reader.accept("NOT", "NULL"):
            nullable = False
        reader.accept("NULL")
        changes: dict[str, object] = {"type": found, "sql_type": sql, "user_type": user_type, "nullable": nullable}
        draft.change_column(table, column, **changes, **({"collation": collation} if collation else {}))
    elif reader.accept_any("CHECK", "NOCHECK"):
        enabled = reader.peek(-1).upper == "CHECK"
        reader.expect("CONSTRAINT")
        for part in reader.parts():
            _enforce(draft, table, "" if part.sees("ALL") else part.name(), enabled, head)
    elif reader.accept("DROP"):
        for part in reader.parts():
            part.accept("CONSTRAINT")
            if part.accept("COLUMN"):
                part.accept("IF", "EXISTS")
                draft.drop_column(table, part.name())
                continue
            part.accept("IF", "EXISTS")
            dropped = part.name()
            if dropped.lower() in table.defaults:
                draft.change_column(table, table.defaults.pop(dropped.lower()), default="")
            elif not _dropped(draft, table, dropped):
                draft.aside(table, "ALTER TABLE", head.text, "it drops a constraint that the script has not", line)
    elif reader.sees("ENABLE") or reader.sees("DISABLE"):
        _switch(draft, table, reader, head, line)
    elif reader.accept("SET"):
        option = reader.rest()
        if "SYSTEM_VERSIONING" in option.upper():
            draft.aside(table, "SYSTEM_VERSIONING", option, "the server keeps older versions of the rows", line)
        else:
            table.options["altered"] = f"{table.options.get('altered', '')} {option}".strip()
    elif reader.token.upper in _HARMLESS:
        _skip(draft, head, "how a table is kept")
    else:
        _unknown(draft, table, reader, head, line)


# ---- Oracle: clauses one behind the other, without commas


_ORACLE_VERBS = ("ADD", "MODIFY", "DROP", "RENAME", "ENABLE", "DISABLE", "SET")


def _oracle(draft: Draft, table: TableDraft, reader: Reader, head: Head) -> None:
    for clause in _oracle_clauses(reader):
        line = clause.line
        if clause.accept("ADD"):
            inside = clause.parentheses() if clause.sees("(") else clause
            for part in inside.parts():
                if is_constraint(part):
                    read_constraint(draft, table, part)
                else:
                    table.columns.append(read_column(draft, table, part))
            if not clause.done and inside is not clause:
                table.options["altered"] = f"{table.options.get('altered', '')} {clause.rest()}".strip()
        elif clause.accept("MODIFY"):
            _oracle_modify(draft, table, clause, head, line)
        elif clause.accept("DROP"):
            _oracle_drop(draft, table, clause, head, line)
        elif clause.accept("RENAME"):
            _rename(draft, table, clause, head, line)
        elif clause.accept("SET", "UNUSED"):
            clause.accept("COLUMN")
            for name in clause.names() if clause.sees("(") else (clause.name(),):
                draft.drop_column(table, name)
        elif clause.sees("ENABLE", "ROW", "MOVEMENT") or clause.sees("DISABLE", "ROW", "MOVEMENT"):
            _skip(draft, head, "how a table is kept")
        elif clause.sees("ENABLE", "ALL", "TRIGGERS") or clause.sees("DISABLE", "ALL", "TRIGGERS"):
            _triggers(draft, table, "", clause.sees("ENABLE"))
        elif clause.sees("ENABLE") or clause.sees("DISABLE"):
            _switch(draft, table, clause, head, line)
        elif clause.token.upper in _HARMLESS:
            _skip(draft, head, "how a table is kept")
        else:
            _unknown(draft, table, clause, head, line)


def _oracle_clauses(reader: Reader) -> list[Reader]:
    """Cut where a verb begins a clause: ENABLE behind a constraint is the constraint's."""
    found: list[Reader] = []
    start, depth = reader.at, 0
    for at in range(reader.at, len(reader.tokens)):
        token = reader.tokens[at]
        depth += (token.upper == "(") - (token.upper == ")")
        if depth or at == start or token.upper not in _ORACLE_VERBS:
            continue
        before = reader.tokens[at - 1].upper
        if token.upper in ("ENABLE", "DISABLE", "SET") or before in ("ON", "DELETE"):
            continue
        found.append(Reader(reader.script, reader.tokens[start:at]))
        start = at
    found.append(Reader(reader.script, reader.tokens[start:]))
    return [one for one in found if one.tokens]


def _oracle_modify(draft: Draft, table: TableDraft, clause: Reader, head: Head, line: int) -> None:
    if clause.accept("CONSTRAINT"):
        name = clause.name()
        state = read_state(clause)
        _enforce(draft, table, name, state.enforced, head)
        say_state(draft, table, name, state, line)
        return
    if clause.sees("PARTITION") or clause.sees("DEFAULT") or clause.sees("LOB"):
        _unknown(draft, table, clause, head, line)
        return
    parts = clause.parentheses().parts() if clause.sees("(") else [clause]
    for part in parts:
        _oracle_column(draft, table, part)


_OPTIONS = frozenset({"NOT", "NULL", "DEFAULT", "CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES", "INVISIBLE"})


def _oracle_column(draft: Draft, table: TableDraft, part: Reader) -> None:
    """MODIFY: what is said replaces that part of the column alone."""
    at = draft.column_at(table, _peeked(part))
    old = table.columns[at]
    typed = part.peek().upper not in _OPTIONS and part.peek().upper not in ("VISIBLE", "GENERATED", "")
    tokens = list(part.tokens[part.at :])
    if not typed:
        # A type stands in, so that the rest reads as a column does.
        stand_in = tokens[0]._replace(kind="word", text="NUMBER", upper="NUMBER")
        tokens.insert(1, stand_in)
    words = {token.upper for token in tokens[1:]}
    made = read_column(draft, table, Reader(part.script, tokens))
    changed = old
    if typed:
        changed = replace(changed, type=made.type, sql_type=made.sql_type, user_type=made.user_type)
    if "NULL" in words and (made.nullable or "NOT" in words):
        changed = replace(changed, nullable=made.nullable)
    if "DEFAULT" in words:
        changed = replace(changed, default=made.default)
    if words & {"INVISIBLE", "VISIBLE"}:
        changed = replace(changed, invisible=made.invisible)
    if made.identity is not None:
        changed = replace(changed, identity=made.identity, nullable=False)
    table.columns[at] = changed


def _oracle_drop(draft: Draft, table: TableDraft, clause: Reader, head: Head, line: int) -> None:
    if clause.accept("PRIMARY", "KEY"):
        table.indexes = [index for index in table.indexes if not index.primary]
    elif clause.accept("CONSTRAINT"):
        if not _dropped(draft, table, clause.name()):
            _unknown(draft, table, clause, head, line)
    elif clause.accept("UNIQUE"):
        names = clause.names()
        table.indexes = [one for one in table.indexes if not (one.constraint and one.columns == names)]
    elif clause.accept("COLUMN"):
        draft.drop_column(table, clause.name())
    elif clause.sees("("):
        for name in clause.names():
            draft.drop_column(table, name)
    else:
        _unknown(draft, table, clause, head, line)
