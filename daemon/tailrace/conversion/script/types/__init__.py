"""What a script's column types are: one table for each dialect, and what is to be said of each type.

A type is added by a row in the `TYPES` of its dialect's module, and by one in `conversion/tables/type_remarks.py` where
it loses something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.script.types import mysql, oracle, postgres, tsql
from tailrace.conversion.script.written import Written
from tailrace.schema import Kind, Type

#: The type's own text, and what it is without a dialect.
_TABLES: Mapping[Dialect, tuple[Callable[[Written], str], Callable[[Written], Type | None]]] = {
    Dialect.ORACLE: (oracle.text, oracle.described),
    Dialect.TSQL: (tsql.text, tsql.described),
    Dialect.POSTGRESQL: (postgres.text, postgres.described),
    Dialect.MYSQL: (mysql.text, mysql.described),
    Dialect.MARIADB: (mysql.text, mysql.described),
}


def sql_type(written: Written, dialect: Dialect) -> str:
    """As the dialect's catalogue would write it: one form of the words, defaults as they are left out."""
    return _TABLES[dialect][0](written)


def described(written: Written, dialect: Dialect) -> Type | None:
    """The type; None: the dialect has none of this name, so that it is one of the script's own."""
    return _TABLES[dialect][1](written)


def unknown(written: Written, dialect: Dialect) -> Type:
    return Type(Kind.OTHER, name=sql_type(written, dialect))
