"""Text to sqlglot's tree, with every function call under the name that the source gives it.

sqlglot's parsers read calls of functions that they know as nodes that all dialects share, and lose what the name meant
in this one. Ours leave them as they are (`exp.Anonymous`); only calls with words of their own between the arguments
(CAST … AS, EXTRACT … FROM) are read as nodes.
"""

from __future__ import annotations

import re
from functools import cache
from typing import cast

from sqlglot import exp
from sqlglot.dialects import TSQL, MySQL, Oracle, Postgres, SQLite
from sqlglot.dialects import Dialect as Grammar
from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.refusal import RefusalError

_GRAMMARS: dict[Dialect, type[Grammar]] = {
    Dialect.POSTGRESQL: Postgres,
    Dialect.MYSQL: MySQL,
    Dialect.MARIADB: MySQL,
    Dialect.SQLITE: SQLite,
    Dialect.ORACLE: Oracle,
    Dialect.TSQL: TSQL,
}
_SPECIAL = (
    "CAST",
    "CONVERT",
    "EXTRACT",
    "POSITION",
    "SUBSTRING",
    "TRIM",
    "TRY_CAST",
    "TRY_CONVERT",
    "STRING_AGG",
    "GROUP_CONCAT",
    "LISTAGG",
)
#: What is put before an expression, so that it can be read.
BEFORE = "SELECT ("
#: MySQL runs what stands in such a comment; sqlglot drops it.
_EXECUTABLE_COMMENT = re.compile(r"/\*M?!")
_QUOTED = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\"|`(?:[^`]|``)*`", re.DOTALL)


@cache
def _parser(dialect: Dialect) -> type[Parser]:
    base = grammar_of(dialect).Parser
    special = {name: parse for name, parse in base.FUNCTION_PARSERS.items() if name in _SPECIAL}
    return cast("type[Parser]", type("Calls", (base,), {"FUNCTIONS": {}, "FUNCTION_PARSERS": special}))


def grammar_of(dialect: Dialect) -> type[Grammar]:
    return _GRAMMARS[dialect]


def statement(sql: str, dialect: Dialect) -> exp.Expr:
    """One statement's tree.

    Raises:
        RefusalError: it is not understood, or is not one statement.
    """
    if dialect.mysql_like and _EXECUTABLE_COMMENT.search(_QUOTED.sub("''", sql)):
        raise RefusalError("executable-comment", "a comment that MySQL runs (/*! … */) stands in it")
    grammar = grammar_of(dialect)()
    try:
        trees = _parser(dialect)(dialect=grammar).parse(grammar.tokenize(sql), sql)
    except (SqlglotError, RecursionError, ValueError, AttributeError, TypeError, IndexError) as error:
        raise RefusalError("not-understood", f"it was not understood: {_first_line(error)}") from None
    if len(trees) != 1 or trees[0] is None:
        raise RefusalError("not-understood", "it is not one statement")
    tree = trees[0]
    if tree.find(exp.Command):
        raise RefusalError("not-understood", "the parser takes it for a command that it does not know")
    return tree


def expression(sql: str, dialect: Dialect) -> exp.Expr:
    """One expression's tree.

    Raises:
        RefusalError: as `statement`.
    """
    tree = statement(f"{BEFORE}{sql}\n)", dialect)
    alone = isinstance(tree, exp.Select) and not any(
        v for k, v in tree.args.items() if k not in ("expressions", "kind")
    )
    if not alone or len(tree.expressions) != 1 or not isinstance(tree.expressions[0], exp.Paren):
        raise RefusalError("not-understood", "it is not one expression")
    return cast("exp.Expr", tree.expressions[0].this)


def _first_line(error: Exception) -> str:
    text = re.sub(r"\x1b\[\d*m", "", str(error)).strip().splitlines()
    return text[0].rstrip(".") if text else type(error).__name__
