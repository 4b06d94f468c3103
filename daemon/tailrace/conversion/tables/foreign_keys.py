"""Foreign keys, where the target has both sides, and takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, ForeignKey, ObjectKind, Table
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.checks import keeps_unenforced
from tailrace.conversion.tables.literals import parsed
from tailrace.conversion.tables.meaning import textual
from tailrace.conversion.work import Work
from tailrace.structure import Index, Part

_KIND = ObjectKind.FOREIGN_KEY
_SIMPLE = Complexity.SIMPLE
_OUTSIDE = ("text", "blob", "json")
#: PostgreSQL compares a number with one that is as wide or wider, by its rank here, without being told to.
_NUMBERS = {"smallint": 0, "integer": 0, "bigint": 0, "numeric": 1, "real": 2, "double precision": 2}
#: MySQL's log has the rows that a foreign key's action changes from this release on.
_LOGS_ACTIONS = (9, 6)


def converted_foreign_keys(work: Work, table: Table) -> Table:
    """The target's table with its foreign keys, and in MySQL with the indexes that these would make by themselves."""
    target = work.tables[table.name]
    for key in table.foreign_keys:
        made = _converted(work, table, key)
        if isinstance(made, str):
            continue
        work.ledger.made(_KIND, table.name, key.name, made.name)
        _say(work, table, key)
        left = work.source.dialect is Dialect.MYSQL and work.dialect is not Dialect.MYSQL
        if left and (index := _blind(table, key.columns)):
            reason = f"MySQL does not look at rows in which a further column of {index.name} is NULL (seen with 9.7)"
            proposal = "look for rows that refer to nothing; the target refuses them"
            work.ledger.say(_KIND, table.name, key.name, "foreign-key-unseen", Grade.CHANGED, reason, proposal, _SIMPLE)
        target = replace(target, foreign_keys=(*target.foreign_keys, made))
        if work.dialect.mysql_like and not _leads(target.indexes, made.columns):
            index = Index(made.name, tuple(Part(name) for name in made.columns))
            target = replace(target, indexes=(*target.indexes, index))
        elif work.dialect is Dialect.MYSQL and work.source.dialect is not Dialect.MYSQL:
            target = _looked_at(work, table, key, target, made)
    return target


def _looked_at(work: Work, table: Table, key: ForeignKey, target: Table, made: ForeignKey) -> Table:
    """With an index by which MySQL looks at every row.

    Seen with 9.7.4: where a column of the index behind those of the key is NULL, the key is not looked at. Of the
    indexes that begin with the key's columns the server takes the first; unique ones come before others.
    """
    first = _blind(target, made.columns)
    if first is None:
        return target
    if first.unique:
        reason = f"MySQL does not look at rows in which a further column of {first.name} is NULL (seen with 9.7)"
        proposal = f"drop {first.name}, or make all of its columns NOT NULL"
        work.ledger.say(_KIND, table.name, key.name, "foreign-key-unseen", Grade.CHANGED, reason, proposal, _SIMPLE)
        return target
    taken = {index.name.lower() for index in target.indexes}
    name = next(name for name in (made.name, f"own_{made.name}"[:64], "own") if name.lower() not in taken)
    index = Index(name, tuple(Part(column) for column in made.columns))
    place = sum(other.primary for other in target.indexes)
    return replace(target, indexes=(*target.indexes[:place], index, *target.indexes[place:]))


def _blind(table: Table, columns: tuple[str, ...]) -> Index | None:
    """The index by which MySQL looks at a foreign key, if that does not find every row."""
    nullable = {column.name for column in table.columns if column.nullable}
    serving = [index for index in table.indexes if _leads([index], columns)]
    first = min(serving, key=lambda index: (not index.primary, not index.unique), default=None)
    return first if first is not None and nullable & set(first.columns[len(columns) :]) else None


def _converted(work: Work, table: Table, key: ForeignKey) -> ForeignKey | str:
    """The target's; or why there is none, which was said."""
    reason, proposal, code = _outside(work, table, key)
    made: ForeignKey | None = None
    if not reason:
        names, others = work.names.columns[table.name], work.names.columns[key.table]
        made = replace(
            key,
            columns=tuple(names[name] for name in key.columns),
            table=work.names.objects[key.table],
            referenced_columns=tuple(others[name] for name in key.referenced_columns),
            set_columns=tuple(names[name] for name in key.set_columns),
        )
        made = _ordered(work, key, made)
        code, reason, proposal = _impossible(work, table, key, made)
    if reason or made is None:
        original = f"({', '.join(key.columns)}) → {key.table} ({', '.join(key.referenced_columns)})"
        work.ledger.by_hand(_KIND, table.name, key.name, code, reason, proposal, original=original)
        return reason
    if work.dialect.mysql_like:
        made = replace(made, deferrable="", full=False, set_columns=())
    validated = key.validated or work.dialect is not Dialect.POSTGRESQL
    wanted = key.name or f"{made.table.name}_{'_'.join(made.columns)}_fkey"
    target = work.names.objects[table.name]
    if work.source.dialect in (Dialect.ORACLE, Dialect.TSQL) and work.dialect is Dialect.POSTGRESQL:
        wanted = wanted.lower()
    room = ("foreign keys", target.schema) if work.dialect.mysql_like else ("constraints", target.schema, target.name)
    name = work.taken.free(room, wanted, f"{target.name}_{wanted}", holder=str(table.name))
    return replace(made, name=name, validated=validated)


def _outside(work: Work, table: Table, key: ForeignKey) -> tuple[str, str, str]:
    """Reason, proposal, code; "" where both sides are in the target."""
    if key.table not in work.tables:
        reason = f"the table {key.table}, to which it refers, is not in the target"
        return reason, "select that table too, or leave the key out", "foreign-key-outside"
    reason = work.altered(table.name, key.columns) or work.altered(key.table, key.referenced_columns)
    return reason, "write one for the columns that the target has", "altered"


def _ordered(work: Work, key: ForeignKey, made: ForeignKey) -> ForeignKey:
    """MySQL wants the columns in the order of the index that makes them unique; the pairs are the same."""
    if not work.dialect.mysql_like:
        return made
    for columns in _unique(work.tables[key.table].indexes):
        if set(columns) == set(made.referenced_columns):
            pairs = dict(zip(made.referenced_columns, made.columns, strict=True))
            return replace(made, referenced_columns=columns, columns=tuple(pairs[name] for name in columns))
    return made


def _impossible(work: Work, table: Table, key: ForeignKey, made: ForeignKey) -> tuple[str, str, str]:
    """Code, reason, proposal; "" where the target takes it."""
    own, other = work.tables[table.name], work.tables[key.table]
    named = {column.name for column in own.columns} | {""}
    if not set(made.columns) <= named or not all(other.column(name) for name in made.referenced_columns):
        return "altered", "one of its columns is not in the target", "add it with the column"
    if not any(set(columns) == set(made.referenced_columns) for columns in _unique(other.indexes)):
        columns = ", ".join(made.referenced_columns)
        return "not-unique", f"({columns}) of {other.name} is not unique in the target", "make it unique first"
    if not key.enforced and not keeps_unenforced(work):
        return "not-enforced", "the source does not enforce it", "leave it out, or mend the rows and add it"
    for here, there in zip(made.columns, made.referenced_columns, strict=True):
        one, two = own.column(here), other.column(there)
        if one is not None and two is not None and (reason := _apart(work, one, two)):
            return "foreign-key-types", reason, "give both columns one type at the source"
    if work.dialect.mysql_like:
        return _not_in_mysql(key, made, own, other)
    if work.dialect is Dialect.SQLITE and (key.set_columns or (key.full and len(key.columns) > 1)):
        return "foreign-key-match", "SQLite has neither MATCH FULL nor SET NULL of some columns", "a trigger"
    return "", "", ""


def _not_in_mysql(key: ForeignKey, made: ForeignKey, own: Table, other: Table) -> tuple[str, str, str]:
    if own.partitioning or other.partitioning:
        reason = "MySQL has no foreign keys of or to a partitioned table"
        return "foreign-key-partitioned", reason, "do without partitions there, or check in the application"
    if "SET DEFAULT" in (key.on_update, key.on_delete) or key.set_columns:
        reason = "InnoDB has neither SET DEFAULT nor SET NULL of some columns"
        return "foreign-key-action", reason, "write a trigger, or let the application do it"
    if key.full and len(key.columns) > 1:
        return "foreign-key-match", "InnoDB has no MATCH FULL", "a check that all of its columns are NULL, or none"
    if "SET NULL" in (key.on_update, key.on_delete):
        fixed = [name for name in made.columns if (column := own.column(name)) and not column.nullable]
        if fixed:
            return "foreign-key-action", f"SET NULL of {fixed[0]}, which is NOT NULL", "choose another action"
    return "", "", ""


def _apart(work: Work, one: Column, two: Column) -> str:
    """Why one column cannot refer to the other; "" where it can."""
    if work.dialect is Dialect.SQLITE:
        return ""
    mine, theirs = parsed(one.sql_type), parsed(two.sql_type)
    said = f"the target's columns are {one.sql_type} and {two.sql_type}"
    if work.dialect is Dialect.POSTGRESQL:
        numbers = mine.base in _NUMBERS and _NUMBERS[mine.base] <= _NUMBERS.get(theirs.base, -1)
        same = numbers or (textual(one.sql_type) and textual(two.sql_type))
        return "" if same or mine.base == theirs.base else said
    if any(column.base.endswith(_OUTSIDE) for column in (mine, theirs)):
        return f"{said}, which cannot refer nor be referred to"
    if textual(one.sql_type) and textual(two.sql_type):
        alike = (one.charset, one.collation) == (two.charset, two.collation)
        return "" if alike else f"{said} of other collations ({one.collation} and {two.collation})"
    if mine.base != theirs.base or (theirs.base == "decimal" and mine.arguments != theirs.arguments):
        return said
    return ""


def _unique(indexes: Iterable[Index]) -> list[tuple[str, ...]]:
    return [
        index.columns
        for index in indexes
        if index.unique
        and not index.where
        and not index.deferrable
        and all(part.column and not part.prefix for part in index.parts)
    ]


def _leads(indexes: Iterable[Index], columns: tuple[str, ...]) -> bool:
    return any(
        index.method not in ("fulltext", "spatial")
        and index.columns[: len(columns)] == columns
        and not any(part.prefix for part in index.parts[: len(columns)])
        for index in indexes
    )


def _say(work: Work, table: Table, key: ForeignKey) -> None:
    actions = [action for action in (key.on_update, key.on_delete) if action not in ("NO ACTION", "RESTRICT")]
    if actions and work.names.piped and _hides_actions(work):
        work.ledger.say(
            _KIND,
            table.name,
            key.name,
            "foreign-key-log",
            Grade.AUTOMATIC,
            f"rows that the source's {actions[0]} changes are not in its log, so that the target does not get them",
            "change these rows by statements, or run `tailrace verify --repair` before the cut-over",
            Complexity.MEDIUM,
        )
    if key.deferrable and work.dialect.mysql_like:
        reason = "it is checked with each row, and not at the end of a transaction"
        work.ledger.say(
            _KIND,
            table.name,
            key.name,
            "deferrable",
            Grade.CHANGED,
            reason,
            "write parents before their children",
            Complexity.SIMPLE,
        )
    if not key.validated:
        reason = "older rows of the source's were not looked at: there may be some that refer to nothing"
        fix = "look for such rows before the key is made"
        work.ledger.say(_KIND, table.name, key.name, "not-validated", Grade.CHANGED, reason, fix, Complexity.SIMPLE)


def _hides_actions(work: Work) -> bool:
    if work.source.dialect is Dialect.MARIADB:
        return True
    if work.source.dialect is not Dialect.MYSQL:
        return False
    parts = work.source.version.split("-")[0].split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts[:2]):
        return True
    return (int(parts[0]), int(parts[1])) < _LOGS_ACTIONS
