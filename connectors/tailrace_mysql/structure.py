"""Indexes, foreign keys and AUTO_INCREMENT of a source's table, from ``information_schema``.

https://dev.mysql.com/doc/refman/9.7/en/information-schema-statistics-table.html, …-referential-constraints-table.html;
https://mariadb.com/docs/server/reference/system-tables/information-schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from tailrace.errors import StuckError
from tailrace.schema import TableName
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shapes import Shapes
from tailrace.shaping.structures import Names, names, shaped
from tailrace.structure import (
    INDEX,
    MARIADB,
    MYSQL,
    Collated,
    ForeignKey,
    Index,
    LeftOut,
    Numbering,
    Part,
    TableStructure,
)
from tailrace_mysql import catalog
from tailrace_mysql.connection import Row, Session
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.server import Server
from tailrace_mysql.types import UnsupportedTypeError
from tailrace_mysql.versions import first_schema
from tailrace_mysql.views import quote_table

_PRIMARY = "PRIMARY"
_INDEXES = (
    "SELECT INDEX_NAME, NON_UNIQUE, INDEX_TYPE, COALESCE(COLUMN_NAME, ''), COALESCE(SUB_PART, 0),"
    " COALESCE(COLLATION, 'A'), {expression}, {invisible} FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY INDEX_NAME, SEQ_IN_INDEX"
)
_FOREIGN_KEYS = (
    "SELECT k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME,"
    " k.REFERENCED_COLUMN_NAME, r.UPDATE_RULE, r.DELETE_RULE FROM information_schema.KEY_COLUMN_USAGE k"
    " JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA"
    " AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME"
    " WHERE k.TABLE_SCHEMA = %s AND k.TABLE_NAME = %s AND k.REFERENCED_TABLE_NAME IS NOT NULL"
    " ORDER BY k.CONSTRAINT_NAME, k.ORDINAL_POSITION"
)
_NEXT = "SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
_COLLATIONS = (
    "SELECT COLUMN_NAME, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND COLLATION_NAME IS NOT NULL ORDER BY ORDINAL_POSITION"
)
_NAMED = re.compile(r"`((?:[^`]|``)+)`")
_PARSER = re.compile(r"FULLTEXT KEY `((?:[^`]|``)+)` \(.*\).*WITH PARSER `?(\w+)")
#: `information_schema` escapes the whole expression, whose literals have escapes of their own.
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_METHODS = {"BTREE": "btree", "HASH": "hash", "FULLTEXT": "fulltext", "SPATIAL": "spatial", "RTREE": "spatial"}


def structure(
    session: Session, server: Server, topic: str, tables: Mapping[str, TableName], shapes: Shapes
) -> TableStructure:
    """The table's, in the stream's names.

    Args:
        tables: the captured tables by topic, to which foreign keys may refer.
    """
    name = tables[topic]
    definition = catalog.read_one(session, name)
    indexes = tuple(read_indexes(session.query, server.mariadb, name.database, name.table))
    parsers = _parsers(session, name) if any(index.method == "fulltext" for index in indexes) else {}
    found = TableStructure(
        MARIADB if server.mariadb else MYSQL,
        tuple(index for index in indexes if index.name not in parsers),
        tuple(_foreign_keys(session, name)),
        tuple(_numberings(session, server, name, definition)),
        left_out=tuple(
            LeftOut(INDEX, index, f"its words are found by the parser {parser}, which a target may not have")
            for index, parser in parsers.items()
        ),
        collations=tuple(
            Collated(*(_text(part) for part in row)) for row in session.query(_COLLATIONS, (name.database, name.table))
        ),
    )
    # Foreign keys alone ask for the others, of which there may be thousands.
    topics = {str(other): (topic, other) for topic, other in tables.items()} if found.foreign_keys else {}
    known: dict[str, Names] = {}

    def columns(table: TableName, topic: str) -> Names:
        if topic not in known:
            known[topic] = _names(session, table, topic, shapes)
        return known[topic]

    def find(reference: str) -> tuple[str, Names] | None:
        other = topics.get(reference)
        return None if other is None else (other[0], columns(other[1], other[0]))

    return shaped(found, columns(name, topic), _mentions, find)


def _names(session: Session, name: TableName, topic: str, shapes: Shapes) -> Names:
    definition = catalog.read_one(session, name)
    if definition is None:
        return {}
    try:
        schema = first_schema(topic, name, definition.columns, "")
        return names(schema, shapes.of(schema))
    except UnsupportedTypeError:
        return {}
    except ShapeError as error:
        fix = "correct it, then load the table anew"
        raise StuckError(f"its entry in [[tables]] does not fit: {error}", where=f"table {name}", fix=fix) from None


def read_indexes(
    query: Callable[[str, Sequence[str]], Sequence[Row]], mariadb: bool, database: str, table: str
) -> Iterable[Index]:
    """The primary key among them.

    Args:
        query: gives the rows of a statement with `%s` for its values.
    """
    sql = _INDEXES.format(
        expression="''" if mariadb else "COALESCE(EXPRESSION, '')",
        invisible="IGNORED = 'YES'" if mariadb else "IS_VISIBLE = 'NO'",
    )
    rows = query(sql, (database, table))
    for index, entries in groupby(rows, key=lambda row: str(row[0])):
        columns = list(entries)
        method = str(columns[0][2]).upper()
        yield Index(
            index,
            tuple(_part(row) for row in columns),
            unique=not int(columns[0][1]),
            method=_METHODS.get(method, method.lower()),
            primary=index == _PRIMARY,
            invisible=bool(int(columns[0][7])),
        )


def _part(row: Row) -> Part:
    column, prefix, order, expression = str(row[3]), int(row[4]), str(row[5]), _text(row[6])
    return Part(column, "" if column else _ESCAPED.sub(r"\1", expression), prefix, order == "D")


def _mentions(index: Index) -> list[str]:
    return [name.replace("``", "`") for part in index.parts for name in _NAMED.findall(part.expression)]


def _parsers(session: Session, name: TableName) -> dict[str, str]:
    """Of FULLTEXT indexes that are made WITH PARSER, by their names."""
    rows = session.query(f"SHOW CREATE TABLE {quote_table(name)}")
    return {found[1].replace("``", "`"): found[2] for found in _PARSER.finditer(_text(rows[0][1]))} if rows else {}


def _foreign_keys(session: Session, name: TableName) -> Iterable[ForeignKey]:
    rows = session.query(_FOREIGN_KEYS, (name.database, name.table))
    for key, entries in groupby(rows, key=lambda row: str(row[0])):
        columns = list(entries)
        _, _, database, table, _, update, delete = columns[0]
        yield ForeignKey(
            key,
            tuple(str(row[1]) for row in columns),
            "",
            str(TableName(str(database), None, str(table))),
            tuple(str(row[4]) for row in columns),
            on_update=str(update),
            on_delete=str(delete),
        )


def _numberings(
    session: Session, server: Server, name: TableName, definition: TableDefinition | None
) -> Iterable[Numbering]:
    for column in definition.columns if definition is not None else ():
        if not column.numbered:
            continue
        if not server.mariadb:
            # MySQL would answer by statistics of up to a day ago.
            session.query("SET SESSION information_schema_stats_expiry = 0")
        rows = session.query(_NEXT, (name.database, name.table))
        following = rows[0][0] if rows else None
        yield Numbering(column.name, int(following) if following is not None else None)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
