"""CREATE TABLE, CREATE INDEX and foreign keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tailrace.conversion.catalog import Check, Column, ForeignKey, ObjectKind, Table, kind_of
from tailrace.conversion.target import Stage, Statement
from tailrace.structure import Index, Part
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.columns import is_literal, split_type
from tailrace_mysql.schema.create_table import default_method
from tailrace_mysql.schema.ddl_programs import Naming
from tailrace_mysql.schema.partitions import partition_clause
from tailrace_mysql.schema.words import quoted, stripped, words

_MOMENT = re.compile(r"CURRENT_TIMESTAMP(?:\((\d)\))?", re.IGNORECASE)
_TEMPORAL = re.compile(r"(?:timestamp|datetime)(?:\((\d)\))?")
#: Types whose default MySQL takes as an expression only.
_LOOSE = ("text", "blob", "json", "geometry", "point", "linestring", "polygon", "geom", "multi")
_WORD = re.compile(r"[A-Za-z0-9_]+")
#: Options whose value is a string, whatever it looks like.
_STRINGS = ("connection", "data directory", "index directory", "compression", "encryption", "password")
#: What a table's options hold besides the table's own.
_MEMBERS = ("column ", "index ", "period ")
_SAID = ("engine", "charset", "collation", "system versioning")


def table_statement(
    naming: Naming, table: Table, indexes: Sequence[Index], keys: Sequence[ForeignKey] = ()
) -> Statement:
    """
    Args:
        indexes, keys: those that are made with it.
    """
    lines = [*_lines(naming, table, indexes), *(_foreign_key(naming, key) for key in keys)]
    sql = f"CREATE TABLE {naming.of(table.name)} (\n  " + ",\n  ".join(lines) + f"\n){_options(naming, table)}"
    if table.partitioning is not None:
        sql += f"\n{partition_clause(table, table.partitioning)}"
    return Statement(ObjectKind.TABLE, table.name, sql, Stage.TABLES)


def complete(naming: Naming, table: Table, kind: ObjectKind, member: str) -> str:
    """Gives a table that is there a check, or says all of a column anew that has its type already; "" it cannot be."""
    column = table.column(member)
    own = _column_checks(naming, table)
    if kind is ObjectKind.CHECK and member not in own:
        check = next((check for check in table.checks if check.name == member), None)
        if check is None:
            return ""
        text = f"ADD CONSTRAINT {identifier(check.name)} CHECK ({stripped(check.expression)}){_enforced(naming, check)}"
    elif column is not None:
        text = f"MODIFY COLUMN {_column(naming, table, column, own.get(member))}"
    else:
        return ""
    return f"ALTER TABLE {naming.of(table.name)} {text}"


def inline(table: Table) -> Sequence[Index]:
    """What must be there from the start: the primary key, and the index by which a column is counted (with those that
    come before it, so that their order stays)."""
    keys = [index for index in table.indexes if index.primary]
    others = [index for index in table.indexes if not index.primary]
    counted = next((column.name for column in table.columns if column.identity is not None), None)
    loose = table.options.get("engine", "").upper() in ("MYISAM", "ARIA")
    if counted is None or any(_serves(index, counted, loose) for index in keys):
        return keys
    for place, index in enumerate(others):
        if _serves(index, counted, loose):
            return [*keys, *others[: place + 1]]
    return keys


def _serves(index: Index, column: str, loose: bool) -> bool:
    """Whether a column is counted by it: its first one; MyISAM takes any."""
    columns = index.columns if loose else index.columns[:1]
    return column in columns and index.method in ("btree", "hash")


def _lines(naming: Naming, table: Table, indexes: Sequence[Index]) -> Iterator[str]:
    own = _column_checks(naming, table)
    for column in table.columns:
        yield _column(naming, table, column, own.get(column.name))
    for index in indexes:
        kind = "PRIMARY KEY" if index.primary else f"{_kind(index)}KEY {identifier(index.name)}"
        yield f"{kind} ({_parts(naming, table, index)}){_index_options(naming, table, index)}"
    for option, value in table.options.items():
        if option.startswith("period "):
            period = option.removeprefix("period ")
            name = period if period == "SYSTEM_TIME" else identifier(period)
            yield f"PERIOD FOR {name} {value}"
    for check in table.checks:
        if own.get(check.name) is check:
            continue
        name = f"CONSTRAINT {identifier(check.name)} " if check.name else ""
        yield f"{name}CHECK ({stripped(check.expression)}){_enforced(naming, check)}"


def _column_checks(naming: Naming, table: Table) -> dict[str, Check]:
    """MariaDB's checks of a column have its name, and none of their own."""
    found: dict[str, Check] = {}
    for check in table.checks if naming.mariadb else ():
        if table.column(check.name) is not None:
            found.setdefault(check.name, check)
    return found


def _enforced(naming: Naming, check: Check) -> str:
    if check.enforced:
        return ""
    if naming.mariadb:
        raise ValueError(f"MariaDB has no check that is not enforced (check {check.name})")
    return " NOT ENFORCED"


def _column(naming: Naming, table: Table, column: Column, check: Check | None) -> str:
    sql_type, charset, collation = split_type(column.sql_type)
    charset, collation = column.charset or charset, column.collation or collation
    parts = [identifier(column.name), sql_type]
    if charset or collation:
        parts += _collation(table, charset or collation.partition("_")[0], collation)
    if column.generated.upper().startswith("ROW "):
        parts.append(f"GENERATED ALWAYS AS {column.generated}")
    elif column.generated:
        kind = "STORED" if column.stored else "VIRTUAL"
        parts.append(f"GENERATED ALWAYS AS ({stripped(column.generated)}) {kind}")
    # MariaDB takes no word on NULL of a generated column.
    if not column.nullable and not (column.generated and naming.mariadb):
        parts.append("NOT NULL")
    elif column.nullable and sql_type.startswith("timestamp") and not column.generated:
        # Without it older servers have such a column NOT NULL.
        parts.append("NULL")
    if column.invisible:
        parts.append("INVISIBLE")
    if column.default and not column.generated:
        parts.append(f"DEFAULT {default_clause(column.default, sql_type, naming.mariadb)}")
    if column.on_update:
        parts.append(f"ON UPDATE {column.on_update}")
    if column.identity is not None:
        parts.append("AUTO_INCREMENT")
    if column.comment:
        parts.append(f"COMMENT {quoted(column.comment)}")
    if check is not None:
        parts.append(f"CHECK ({stripped(check.expression)})")
    if extra := table.options.get(f"column {column.name}"):
        parts.append(extra)
    return " ".join(parts)


def _collation(table: Table, charset: str, collation: str) -> Iterator[str]:
    """What of it the table does not say already."""
    if charset != table.options.get("charset"):
        yield f"CHARACTER SET {charset}"
    if collation and (collation != table.options.get("collation") or charset != table.options.get("charset")):
        yield f"COLLATE {collation}"


def default_clause(default: str, sql_type: str, mariadb: bool) -> str:
    """What stands behind DEFAULT: a literal and the present moment as they are, everything else in parentheses."""
    default = stripped(default)
    moment, temporal = _MOMENT.fullmatch(default), _TEMPORAL.fullmatch(sql_type)
    if moment and temporal and int(moment[1] or 0) == int(temporal[1] or 0):
        return default
    loose = not mariadb and any(word in sql_type.partition("(")[0] for word in _LOOSE)
    if is_literal(default) and (not loose or default.upper() == "NULL"):
        return default
    return f"({default})"


def _options(naming: Naming, table: Table) -> str:
    options = table.options
    clauses = [f"ENGINE={options['engine']}"] if "engine" in options else []
    counted = next((column.identity for column in table.columns if column.identity is not None), None)
    if counted is not None:
        following = counted.counter.start if counted.counter.next is None else counted.counter.next
        clauses += [f"AUTO_INCREMENT={following}"] if following > 1 else []
    if options.get("charset"):
        clauses.append(f"DEFAULT CHARSET={options['charset']}")
    if options.get("collation"):
        clauses.append(f"COLLATE={options['collation']}")
    for key, value in options.items():
        if key in _SAID or key.startswith(_MEMBERS):
            continue
        if key == "tablespace":
            clauses.append(f"TABLESPACE {identifier(value)}")
            continue
        bare = value.startswith("(") or (_WORD.fullmatch(value) and key not in _STRINGS)
        clauses.append(f"{key.upper()}={value if bare else quoted(value)}")
    if table.comment:
        clauses.append(f"COMMENT={quoted(table.comment)}")
    if "system versioning" in options:
        clauses.append("WITH SYSTEM VERSIONING")
    return f" {' '.join(clauses)}" if clauses else ""


# ---- indexes


def index_statement(naming: Naming, table: Table, index: Index) -> Statement:
    kind = _kind(index)
    parts, options = _parts(naming, table, index), _index_options(naming, table, index)
    where, name = naming.of(table.name), identifier(index.name)
    if any(_overlaps(part) for part in index.parts):
        sql = f"ALTER TABLE {where} ADD {kind}KEY {name} ({parts}){options}"
    else:
        sql = f"CREATE {kind}INDEX {name} ON {where} ({parts}){options}"
    return Statement(kind_of(index), table.name, sql, Stage.REST, index.name)


def _kind(index: Index) -> str:
    if index.unique:
        return "UNIQUE "
    return f"{index.method.upper()} " if index.method in ("fulltext", "spatial", "vector") else ""


def _parts(naming: Naming, table: Table, index: Index) -> str:
    if index.where or index.include:
        raise ValueError(f"{naming.dialect} has no partial or covering index (index {index.name} of {table.name})")
    return ", ".join(_part(naming, table, index, part) for part in index.parts)


def _part(naming: Naming, table: Table, index: Index, part: Part) -> str:
    down = " DESC" if part.descending else ""
    if part.column:
        return f"{identifier(part.column)}{f'({part.prefix})' if part.prefix else ''}{down}"
    if _overlaps(part):
        return part.expression
    if naming.mariadb:
        raise ValueError(f"MariaDB has no index of an expression (index {index.name} of {table.name})")
    return f"({stripped(part.expression)}){down}"


def _overlaps(part: Part) -> bool:
    return [word.upper for word in words(part.expression)[-2:]] == ["WITHOUT", "OVERLAPS"]


def _index_options(naming: Naming, table: Table, index: Index) -> str:
    clauses = []
    if index.method in ("btree", "hash"):
        usual = default_method(table.options.get("engine", ""))
        clauses += [f"USING {index.method.upper()}"] if "hash" in (index.method, usual) else []
    elif index.method not in ("fulltext", "spatial", "vector"):
        raise ValueError(f"{naming.dialect} has no {index.method} index (index {index.name} of {table.name})")
    if index.invisible:
        clauses.append("IGNORED" if naming.mariadb else "INVISIBLE")
    if extra := table.options.get(f"index {index.name}"):
        clauses.append(extra)
    if comment := naming.index_comments.get((table.name, index.name)):
        clauses.append(f"COMMENT {quoted(comment)}")
    return "".join(f" {clause}" for clause in clauses)


def foreign_key_statement(naming: Naming, table: Table, key: ForeignKey) -> Statement:
    sql = f"ALTER TABLE {naming.of(table.name)} ADD {_foreign_key(naming, key)}"
    return Statement(ObjectKind.FOREIGN_KEY, table.name, sql, Stage.REST, key.name)


def _foreign_key(naming: Naming, key: ForeignKey) -> str:
    sql = (
        f"CONSTRAINT {identifier(key.name)}"
        f"\n  FOREIGN KEY ({', '.join(map(identifier, key.columns))})"
        f" REFERENCES {naming.of(key.table)} ({', '.join(map(identifier, key.referenced_columns))})"
    )
    for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
        if action != "NO ACTION":
            sql += f" ON {event} {action}"
    return sql
