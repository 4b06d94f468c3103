"""SHOW CREATE TABLE: all that a server says of a table, in words that it takes again.

https://dev.mysql.com/doc/refman/9.7/en/show-create-table.html, https://mariadb.com/docs/server/reference/sql-statements/
administrative-sql-statements/show/show-create-table. ``information_schema`` says less: it escapes expressions once more
on MySQL, and has no place for a full-text index's parser, a column's SRID or half of the table's options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tailrace.conversion.catalog import Check, Column, Comment, ForeignKey, ObjectKind, ObjectName, Partitioning, Table
from tailrace.structure import Index, Part
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.columns import read_column
from tailrace_mysql.schema.partitions import read_partitioning
from tailrace_mysql.schema.words import Text, flattened, stripped, unqualified

_ROW_END = "ROW END"
_METHODS = {"FULLTEXT": "fulltext", "SPATIAL": "spatial", "VECTOR": "vector"}


@dataclass(frozen=True, slots=True)
class Known:
    """What ``information_schema`` says of a table besides.

    Attributes:
        collations: character set and collation of the text columns, by name.
        collation: the table's.
    """

    collations: Mapping[str, tuple[str, str]]
    charset: str = ""
    collation: str = ""
    rows: int | None = None
    bytes: int | None = None


def read_table(name: ObjectName, sql: str, known: Known, mariadb: bool) -> tuple[Table, tuple[Comment, ...]]:
    """The table, and the comments of its indexes.

    Raises:
        ValueError: the statement is none that we understand; what is wrong with it.
    """
    text = Text(unqualified(flattened(sql), name.schema))
    text.expect("CREATE", "TABLE")
    text.take()
    options: dict[str, str] = {}
    columns: list[Column] = []
    column_checks: list[Check] = []
    checks: list[Check] = []
    indexes: list[Index] = []
    keys: list[ForeignKey] = []
    comments: list[Comment] = []
    for element in text.group().split():
        if element.word.kind == "name":
            column = element.word.name
            charset, collation = known.collations.get(column, ("", ""))
            read = read_column(element, charset, collation, mariadb)
            columns.append(read.column)
            column_checks += [read.check] if read.check is not None else []
            if read.extra:
                options[f"column {column}"] = read.extra
        elif element.accept("PERIOD", "FOR"):
            period = element.take().name
            options[f"period {period}"] = element.raw()
        elif element.sees("CONSTRAINT"):
            element.take()
            constraint = element.take().name
            if element.accept("FOREIGN", "KEY"):
                keys.append(_foreign_key(constraint, element, name.schema))
            else:
                element.expect("CHECK")
                expression = stripped(element.group().raw())
                checks.append(Check(constraint, expression, not element.accept("NOT", "ENFORCED")))
        else:
            index, comment, extra = _index(element)
            indexes.append(index)
            if comment:
                comments.append(Comment(ObjectKind.INDEX, name, comment, index.name))
            if extra:
                options[f"index {index.name}"] = extra
    table_options, partitioning = _options(text)
    next_value = int(table_options.pop("auto_increment", "1"))
    table_comment = table_options.pop("comment", "")
    for key in ("charset", "collate"):
        table_options.pop(key, None)
    end = next((column.name for column in columns if column.generated == _ROW_END), "")
    table = Table(
        name,
        tuple(_counted(column, next_value) for column in columns),
        tuple(_declared(index, table_options.get("engine", ""), end) for index in indexes),
        (*column_checks, *checks),
        tuple(keys),
        partitioning,
        table_comment,
        {**table_options, "charset": known.charset, "collation": known.collation, **options},
        known.rows,
        known.bytes,
    )
    return table, tuple(comments)


def _counted(column: Column, following: int) -> Column:
    if column.identity is None:
        return column
    return replace(column, identity=replace(column.identity, counter=replace(column.identity.counter, next=following)))


def default_method(engine: str) -> str:
    """Of an index that says none."""
    return "hash" if engine.upper() == "MEMORY" else "btree"


def _declared(index: Index, engine: str, end: str) -> Index:
    """Without what the server adds: the end of a period, to each unique index of a table with history."""
    parts = tuple(part for part in index.parts if not (end and index.unique and part.column == end))
    return replace(index, parts=parts, method=index.method or default_method(engine))


def _index(text: Text) -> tuple[Index, str, str]:
    """The index, its comment, and what else is said of it."""
    primary = text.accept("PRIMARY")
    unique = primary or text.accept("UNIQUE")
    method = ""
    if text.word.upper in _METHODS:
        method = _METHODS[text.take().upper]
    text.expect("KEY")
    name = "PRIMARY" if primary else text.take().name
    parts = tuple(_part(part) for part in text.group().split())
    invisible, comment = False, ""
    extras: list[str] = []
    while not text.done:
        if text.accept("USING"):
            using = text.take().upper.lower()
            method = "spatial" if using == "rtree" else using
        elif text.accept("COMMENT"):
            comment = text.string()
        elif text.accept("INVISIBLE") or text.accept("IGNORED"):
            invisible = True
        elif text.accept("WITH", "PARSER"):
            extras.append(f"WITH PARSER {identifier(text.take().name)}")
        else:
            start = text.at
            text.take()
            if text.accept("="):
                text.take()
            extras.append(text.raw(start, text.at))
    whole = unique and not primary and all(part.column and not part.prefix for part in parts)
    index = Index(name, parts, unique, method, primary, constraint=whole, invisible=invisible)
    return index, comment, " ".join(extras)


def _part(text: Text) -> Part:
    if text.sees("("):
        expression = stripped(text.group().raw())
        return Part("", expression, 0, text.accept("DESC"))
    if text.word.kind == "name" and text.words[text.at + 1 : text.at + 2]:
        following = text.words[text.at + 1]
        if following.upper == "WITHOUT":
            return Part("", text.raw())
    column = text.take().name
    prefix = int(text.group().raw()) if text.sees("(") else 0
    return Part(column, "", prefix, text.accept("DESC"))


def _foreign_key(name: str, text: Text, database: str) -> ForeignKey:
    columns = text.group().names()
    text.expect("REFERENCES")
    schema, table = database, text.take().name
    if text.accept("."):
        schema, table = table, text.take().name
    referenced = text.group().names()
    actions = {"UPDATE": "NO ACTION", "DELETE": "NO ACTION"}
    while text.accept("ON"):
        event = text.take().upper
        action = text.take().upper
        actions[event] = action if action in ("CASCADE", "RESTRICT") else f"{action} {text.take().upper}"
    return ForeignKey(name, columns, ObjectName(schema, table), referenced, actions["UPDATE"], actions["DELETE"])


def _options(text: Text) -> tuple[dict[str, str], Partitioning | None]:
    """By lower-case name; strings without their quotes."""
    options: dict[str, str] = {}
    while not text.done:
        if text.sees("PARTITION", "BY"):
            rest = Text(text.sql, text.words[text.at :])
            return options, read_partitioning(rest, options.get("engine", ""))
        if text.accept("WITH", "SYSTEM", "VERSIONING"):
            options["system versioning"] = "yes"
            continue
        text.accept("DEFAULT")
        name = [text.take().name]
        while not text.done and not text.sees("=") and text.word.kind in ("word", "name"):
            name.append(text.take().name)
        if not text.accept("="):
            # TABLESPACE `x` and STORAGE DISK stand without the sign.
            options[name[0].lower()] = " ".join(name[1:])
            continue
        key = " ".join(name).lower()
        if text.sees("("):
            options[key] = f"({text.group().raw()})"
        else:
            options[key] = text.string() if text.word.kind == "string" else text.take().name
    return options, None
