"""A source's columns become a target's: types, NOT NULL, defaults, what counts them, what is generated."""

from __future__ import annotations

import re
from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, Domain, ObjectKind, ObjectName, Table
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.overrides import written_type
from tailrace.conversion.programs import on_update
from tailrace.conversion.tables import collations
from tailrace.conversion.tables.identity import converted_identity, counting
from tailrace.conversion.tables.keys import of_period, target_key
from tailrace.conversion.tables.literals import fits, is_text, parsed, qualified, with_kept_texts, without_collation
from tailrace.conversion.tables.meaning import say_of_type, textual
from tailrace.conversion.tables.streams import carried
from tailrace.conversion.tables.type_remarks import refused
from tailrace.conversion.target import ChecksTypes
from tailrace.conversion.translation import Use
from tailrace.conversion.work import Work
from tailrace.schema import Kind, Type

_COLUMN = ObjectKind.COLUMN
_SIMPLE = Complexity.SIMPLE
#: Texts, and the names of functions.
_APART = re.compile(r"'(?:[^'\\]|\\.|'')*'|[A-Za-z_]\w*\s*(?=\()", re.DOTALL)
#: PostgreSQL has virtual generated columns from this release on.
_VIRTUAL = 18
_ARGUMENTS = re.compile(r"\(.*\)")
#: Defaults of numbers that `columns.type = { … = "boolean" }` of `[[tables]]` takes.
_TRUTHS = {"0": "FALSE", "1": "TRUE"}
#: A text or a number, with nothing behind it.
_LITERAL = re.compile(r"'(?:[^']|'')*'|-?\d+(?:\.\d+)?")


def target_types(work: Work, table: Table) -> dict[str, str]:
    """The target's type of each column that it gets, by the source's names, and by the target's for added ones."""
    names = work.names.columns[table.name]
    stream = work.names.streams.get(table.name)
    carried_types = stream_types(work, table)
    by_target = {target: source for source, target in names.items()}
    key = target_key(work, table)
    columns = [
        replace(column, name=names[column.name], type=carried_types.get(column.name, column.type))
        for column in table.columns
        if column.name in names
    ]
    added: list[Column] = []
    if stream is not None:
        added = [Column(c.name, c.type, c.type.name, c.nullable) for c in stream.columns if c.name not in by_target]
    indexes = tuple(
        replace(index, parts=tuple(replace(part, column=names.get(part.column, part.column)) for part in index.parts))
        for index in table.indexes
        if not index.primary
    )
    if key is not None:
        indexes = (key, *indexes)
    renamed = replace(table, name=work.names.objects[table.name], columns=(*columns, *added), indexes=indexes)
    given = work.target.types(renamed, work.source.dialect)
    found: dict[str, str] = {}
    for column in table.columns:
        if column.name in names:
            own = _own_type(work, column) if column.name not in carried_types else ""
            type_ = carried_types.get(column.name, column.type)
            found[column.name] = _wanted(work, table, column, type_) or own or given[names[column.name]]
    found.update({column.name: given[column.name] for column in added})
    return found


def _wanted(work: Work, table: Table, column: Column, type_: Type) -> str:
    """The type that a person's rules give the column; a pipeline's sink asks by the names that it knows."""
    name = work.names.columns[table.name][column.name] if work.names.piped else column.name
    source = work.source.dialect
    written = written_type(type_) or column.sql_type
    wanted = work.rules.type_of(source, work.dialect, table.name, name, written) or ""
    checking: ChecksTypes | None = work.target if hasattr(work.target, "obstacle") else None  # type: ignore[assignment]
    if not wanted or checking is None:
        return wanted
    if not work.names.piped or not (reason := checking.obstacle(type_, source, wanted)):
        return checking.declared(wanted)
    work.ledger.say(
        _COLUMN,
        table.name,
        column.name,
        "type-override",
        Grade.BY_HAND,
        f"the rules make it {wanted}, which the sink refuses: {reason}",
        "remove the rule; or change its values on their way with `columns.type` in [[tables]]",
        _SIMPLE,
        original=column.sql_type,
        replacement=wanted,
    )
    return ""


def stream_types(work: Work, table: Table) -> dict[str, Type]:
    """Of the columns that `[[tables]]` gives another type, by the source's names."""
    stream = work.names.streams.get(table.name)
    if stream is None:
        return {}
    by_name = {column.name: column for column in stream.columns}
    found: dict[str, Type] = {}
    for source, target in work.names.columns[table.name].items():
        own, becomes = table.column(source), by_name.get(target)
        if own is not None and becomes is not None and becomes.type != own.type:
            found[source] = becomes.type
    return found


def _own_type(work: Work, column: Column) -> str:
    """The domain or other type of the user's that a PostgreSQL target has too; "" without one."""
    if not (work.alike and work.dialect is Dialect.POSTGRESQL):
        return ""
    base = column.sql_type.rstrip("[]")
    own = [*(enum.name for enum in work.source.enums), *(domain.name for domain in work.source.domains)]
    kept = work.verbatim
    for known in own:
        if known in (column.user_type, _named(base)) and (name := work.names.objects.get(known)) is not None:
            if kept is not None and known in kept.absent:
                return ""
            return qualified(name, work.dialect) + column.sql_type[len(base) :]
    if kept is None or column.type.kind is not Kind.OTHER or column.sql_type.startswith("reg"):
        return ""
    named = _named(_ARGUMENTS.sub("", base))
    supplied = named in work.source.supplied and named not in kept.absent
    return column.sql_type if column.user_type in kept.types or named in kept.types or supplied else ""


def _named(text: str) -> ObjectName:
    schema, _, name = text.replace('"', "").rpartition(".")
    return ObjectName(schema, name)


def converted_columns(work: Work, table: Table, exact: frozenset[str]) -> list[Column]:
    """The target's columns; triggers that do what they did by themselves join `Work.programs`.

    Args:
        exact: columns of which texts that differ must not be equal: those by which rows are found or referred to.
    """
    names = work.names.columns[table.name]
    plain = {c.name: _plain(work, table, c, c.name in exact) for c in table.columns if c.name in names}
    # Expressions of one column may be about others.
    work.collations[table.name] = {name: made.collation for name, made in plain.items()}
    columns: list[Column] = []
    for column in table.columns:
        if column.name not in names:
            if (remark := refused(column, work.source.dialect, work.dialect)) is not None:
                original = column.generated or column.sql_type
                work.ledger.remarks(_COLUMN, table.name, column.name, [remark], original)
                work.ledger.refused(_COLUMN, table.name, column.name)
                continue
            reason = work.names.altered.get(table.name, {}).get(column.name, f"{column.name} is not carried")
            work.ledger.say(_COLUMN, table.name, column.name, "left-out", Grade.AUTOMATIC, reason, "nothing")
            work.ledger.gone(_COLUMN, table.name, column.name)
            continue
        made = _whole(work, table, column, plain[column.name])
        if made is not None:
            columns.append(made)
            work.ledger.made(_COLUMN, table.name, column.name, made.name)
    return [*columns, *_added(work, table)]


def _plain(work: Work, table: Table, column: Column, exact: bool) -> Column:
    """Its name, its type and its collation."""
    written = without_collation(work.types[table.name][column.name])
    made = Column(
        work.names.columns[table.name][column.name],
        stream_types(work, table).get(column.name, column.type),
        written.sql,
        nullable=column.nullable,
        charset=written.charset,
        collation=written.collation,
        invisible=column.invisible and work.dialect.mysql_like,
        line=column.line,
    )
    return collations.collated(work, table, column, made, exact)


def _whole(work: Work, table: Table, column: Column, made: Column) -> Column | None:
    """With its default, or what else gives it a value."""
    if column.invisible and not made.invisible:
        reason = "the target has no invisible columns: SELECT * shows it"
        work.ledger.say(_COLUMN, table.name, column.name, "invisible", Grade.CHANGED, reason, "name columns in SELECT")
    altered = work.names.altered.get(table.name, {}).get(column.name, "")
    if altered:
        return _altered(work, table, column, made, altered)
    say_of_type(work, table, column, made)
    if column.user_type is not None:
        made = _of_domain(work, table, column, made)
    if column.generated:
        return _generated(work, table, column, made)
    made = converted_identity(work, table, column, made)
    if made.identity is None:
        default = column.default or _domain_default(work, column)
        made = _with_default(work, table, column, made, default)
    return _updated(work, table, column, made) if column.on_update else made


def _altered(work: Work, table: Table, column: Column, made: Column, reason: str) -> Column:
    """A column with other values than the source's: of what the source says of it nothing holds but its name, and the
    default of a number that becomes a truth value."""
    stream = work.names.streams[table.name]
    becomes = next(one for one in stream.columns if one.name == made.name)
    if becomes.type.kind is Kind.BOOLEAN and column.type.kind is Kind.INTEGER and column.default.strip("'") in _TRUTHS:
        default = _TRUTHS[column.default.strip("'")]
        written = default if work.dialect is Dialect.POSTGRESQL else str(int(default == "TRUE"))
        return replace(made, nullable=becomes.nullable, default=written)
    lost = [word for word, said in (("default", column.default), ("expression", column.generated)) if said]
    lost += ["numbering"] if column.identity else []
    if lost:
        what = f"{reason}: it gets no {' nor '.join(lost)} of the source's"
        work.ledger.say(_COLUMN, table.name, column.name, "altered", Grade.CHANGED, what, "give it one of its own")
    return replace(made, nullable=becomes.nullable)


def _added(work: Work, table: Table) -> list[Column]:
    """Columns that `[[tables]]` adds."""
    stream = work.names.streams.get(table.name)
    if stream is None:
        return []
    known = set(work.names.columns[table.name].values())
    found = []
    for column in stream.columns:
        if column.name not in known:
            written = without_collation(work.types[table.name][column.name])
            found.append(
                Column(
                    column.name,
                    column.type,
                    written.sql,
                    column.nullable,
                    charset=written.charset,
                    collation=written.collation,
                )
            )
    return found


def _with_default(work: Work, table: Table, column: Column, made: Column, default: str) -> Column:
    if not default or default.strip().upper() == "NULL":
        return made
    if _other_type(work, column, made) and not _LITERAL.fullmatch(default):
        reason = f"its default {default} is of {column.sql_type}, and the target's column is {made.sql_type}"
        work.ledger.say(
            _COLUMN, table.name, column.name, "default", Grade.BY_HAND, reason, "give it one", _SIMPLE, original=default
        )
        return made
    if not work.dialect.mysql_like and (other := _of_another(work, table, default)):
        reason = f"its default is computed from {other}, and the target's defaults know no other column"
        fix = "write a trigger, or let the application give the value"
        work.ledger.say(
            _COLUMN, table.name, column.name, "default", Grade.BY_HAND, reason, fix, _SIMPLE, original=default
        )
        return made
    found = work.translate(default, Use.DEFAULT, table, column.name)
    work.ledger.remarks(_COLUMN, table.name, column.name, found.remarks, default, found.sql)
    if not found.sql and not found.remarks:
        reason = f"its default {default} has no counterpart"
        work.ledger.say(
            _COLUMN, table.name, column.name, "default", Grade.BY_HAND, reason, "give it one", _SIMPLE, original=default
        )
    sql = "" if found.sql.upper() == "NULL" else found.sql
    if sql and work.dialect.mysql_like and not work.related and not fits(sql, made.sql_type):
        reason = f"its default {default} is none that the column takes: rows without a value are refused at the source"
        work.ledger.say(
            _COLUMN, table.name, column.name, "default", Grade.BY_HAND, reason, "give it one", _SIMPLE, original=default
        )
        return made
    if sql and work.dialect is Dialect.MYSQL and (_outside(made) or not is_text(sql)):
        # What is no plain literal, or of a type that takes none, is an expression that the server keeps.
        sql = with_kept_texts(sql)
    return replace(made, default=sql)


def _of_another(work: Work, table: Table, default: str) -> str:
    """A column that a default of MySQL's or MariaDB's speaks of; "" none."""
    if not work.source.dialect.mysql_like:
        return ""
    mentioned = work.mentions(_APART.sub(" ", default), table)
    return mentioned[0] if mentioned else ""


def _other_type(work: Work, column: Column, made: Column) -> bool:
    """Whether PostgreSQL gives a column of PostgreSQL's own types another one: a text, for what the target has not."""
    return work.alike and work.dialect is Dialect.POSTGRESQL and textual(made.sql_type) and not textual(column.sql_type)


def _outside(made: Column) -> bool:
    return parsed(made.sql_type).base.endswith(("text", "blob", "json"))


def _updated(work: Work, table: Table, column: Column, made: Column) -> Column:
    if work.dialect.mysql_like:
        return replace(made, on_update=column.on_update)
    program = on_update(table, column, work.dialect, work.names)
    original = f"ON UPDATE {column.on_update}"
    work.ledger.remarks(_COLUMN, table.name, column.name, program.remarks, original)
    if not program.objects and not program.remarks:
        reason = "the source sets it when a row is updated, and the target does not"
        work.ledger.say(
            _COLUMN,
            table.name,
            column.name,
            "on-update",
            Grade.BY_HAND,
            reason,
            "write a trigger, or let the application set it",
            _SIMPLE,
            original=original,
        )
    work.programs += program.objects
    return made


def _generated(work: Work, table: Table, column: Column, made: Column) -> Column | None:
    target = work.names.objects[table.name]
    if of_period(column) and work.alike and not work.names.piped:
        return replace(made, generated=column.generated)  # the table keeps its history
    if of_period(column):
        reason = "the server fills it at the source; here it is an ordinary column that the pipeline fills"
        work.ledger.say(_COLUMN, table.name, column.name, "system-versioning", Grade.CHANGED, reason, "see the table's")
        return made
    mentioned = [name for name in work.mentions(column.generated, table) if name != column.name]
    reason = work.altered(table.name, mentioned)
    if not reason:
        reason = _forbidden(work, table, column) or counting(work, table, mentioned)
    if not reason:
        found = work.translate(column.generated, Use.GENERATED, table, column.name)
        work.ledger.remarks(
            _COLUMN,
            table.name,
            column.name,
            [remark for remark in found.remarks if remark.grade is not Grade.BY_HAND],
            column.generated,
            found.sql,
        )
        if found.sql:
            virtual = work.verbatim is not None and work.verbatim.server.release >= _VIRTUAL
            # What is stored is the same to who reads it.
            stored = column.stored or (work.dialect is Dialect.POSTGRESQL and not virtual)
            return replace(made, generated=found.sql, stored=stored, nullable=made.nullable)
        reason = next((remark.reason for remark in found.remarks), "its expression has no counterpart")
    if carried(column, work.source):
        work.ledger.say(
            _COLUMN,
            table.name,
            column.name,
            "generated-as-plain",
            Grade.CHANGED,
            f"{reason}: it is an ordinary column that the pipeline fills; after cut-over nothing computes it",
            f"after cut-over, give {target}.{made.name} an expression or a trigger",
            _SIMPLE,
            original=column.generated,
        )
        return made
    work.ledger.by_hand(
        _COLUMN,
        table.name,
        column.name,
        "generated",
        f"{reason}, and the source's log does not bring its values: it is left out",
        "add it with an expression of the target's",
        _SIMPLE,
        original=column.generated,
    )
    return None


def _forbidden(work: Work, table: Table, column: Column) -> str:
    """Why the target has no generated column in this place."""
    primary = table.primary_key
    in_key = primary is not None and column.name in primary.columns
    if in_key and (work.dialect is Dialect.SQLITE or (work.dialect.mysql_like and not column.stored)):
        return "the target's primary key takes no such column"
    others = [other for other in table.columns if other.generated and other.name != column.name]
    if work.dialect is Dialect.POSTGRESQL and (mentioned := work.mentions(column.generated, table)):
        below = next((other.name for other in others if other.name in mentioned), "")
        if below:
            return f"PostgreSQL computes none from another that is generated ({below})"
    partitioning = table.partitioning
    if partitioning and work.dialect is Dialect.POSTGRESQL and column.name in partitioning.expressions:
        return "PostgreSQL does not partition by a generated column"
    return ""


def domain_of(work: Work, name: ObjectName | None) -> Domain | None:
    return next((domain for domain in work.source.domains if domain.name == name), None) if name else None


def inlined(work: Work, column: Column) -> Domain | None:
    """The domain of which the target's column is no member, so that the column itself must say what it says."""
    return None if _own_type(work, column) else domain_of(work, column.user_type)


def _of_domain(work: Work, table: Table, column: Column, made: Column) -> Column:
    domain = inlined(work, column)
    if domain is None or domain.nullable or not column.nullable:
        return made
    if not work.names.piped:
        return replace(made, nullable=False)
    # The stream knows the column alone, and the sink lets in what the column may hold.
    reason = "its domain is NOT NULL, which the source does not look at everywhere, and the stream does not know"
    proposal = "after cut-over: make it NOT NULL where no row is NULL"
    work.ledger.say(_COLUMN, table.name, column.name, "domain-null", Grade.CHANGED, reason, proposal, Complexity.SIMPLE)
    return made


def _domain_default(work: Work, column: Column) -> str:
    domain = inlined(work, column)
    return domain.default if domain is not None else ""
