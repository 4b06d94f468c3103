"""A catalog in one form of those in which it may be written, as far as that is known without a server."""

from __future__ import annotations

import re
from dataclasses import replace

from tailrace.conversion.catalog import Catalog, Column, Dialect, ForeignKey, Table
from tailrace.structure import Index
from tailrace_mysql.schema.columns import settled as settled_default
from tailrace_mysql.schema.columns import split_type
from tailrace_mysql.schema.words import stripped

#: MariaDB prints the width that an integer would be shown in; a sign takes one more.
_WIDTHS = {"tinyint": (4, 3), "smallint": (6, 5), "mediumint": (9, 8), "int": (11, 10), "bigint": (20, 20)}
_INTEGER = re.compile(r"(tinyint|smallint|mediumint|int|bigint)(?=$| )")
_COMMA = re.compile(r"\s*,\s*")


def settled(catalog: Catalog, charset: str, collation: str) -> Catalog:
    """
    Types in lower case, without the character set in them; character set and collation of every text column; defaults
    as `columns.settled`; no parentheses around expressions; unique indexes of whole columns are constraints; RESTRICT
    is MariaDB's NO ACTION; tables are InnoDB's, if nothing else is said. Expressions stay as they are written.

    Args:
        charset, collation: the database's.
    """
    mariadb = catalog.dialect is Dialect.MARIADB
    tables = tuple(_table(table, mariadb, charset, collation) for table in catalog.tables)
    return replace(catalog, tables=tables)


def _table(table: Table, mariadb: bool, charset: str, collation: str) -> Table:
    options = {"engine": "InnoDB", "charset": charset, "collation": collation, **table.options}
    return replace(
        table,
        columns=tuple(_column(column, mariadb, options) for column in table.columns),
        indexes=tuple(_index(index) for index in table.indexes),
        checks=tuple(replace(check, expression=stripped(check.expression)) for check in table.checks),
        foreign_keys=tuple(settled_key(key) if mariadb else key for key in table.foreign_keys),
        options=options,
    )


def _column(column: Column, mariadb: bool, options: dict[str, str]) -> Column:
    sql_type, charset, collation = split_type(column.sql_type)
    if not sql_type.startswith(("enum", "set")):
        sql_type = _COMMA.sub(",", sql_type)
    if mariadb:
        sign = int("unsigned" in sql_type)
        sql_type = _INTEGER.sub(lambda match: f"{match[1]}({_WIDTHS[match[1]][sign]})", sql_type, count=1)
    textual = sql_type.startswith(("char", "varchar", "enum", "set")) or sql_type.endswith("text")
    collation = column.collation or collation or (options["collation"] if textual else "")
    charset = column.charset or charset or collation.partition("_")[0]
    return replace(
        column,
        sql_type=sql_type,
        charset=charset,
        collation=collation,
        default=settled_default(column.default, column.type, mariadb),
        generated=stripped(column.generated) if column.generated else "",
    )


def _index(index: Index) -> Index:
    parts = tuple(
        replace(part, expression=stripped(part.expression)) if part.expression else part for part in index.parts
    )
    whole = index.unique and not index.primary and all(part.column and not part.prefix for part in parts)
    return replace(index, constraint=whole, parts=parts)


def settled_key(key: ForeignKey) -> ForeignKey:
    """MariaDB's own name of RESTRICT."""
    same = {"RESTRICT": "NO ACTION"}
    return replace(
        key, on_update=same.get(key.on_update, key.on_update), on_delete=same.get(key.on_delete, key.on_delete)
    )
