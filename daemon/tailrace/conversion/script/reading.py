"""A script becomes a catalog."""

from __future__ import annotations

import re

from tailrace.conversion.catalog import Catalog, Dialect, Skipped
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.finishing import finish
from tailrace.conversion.script.splitting import split
from tailrace.conversion.script.statements import read_statement
from tailrace.conversion.script.tokens import Script
from tailrace.conversion.script.variables import substituted

_SCHEMAS = {Dialect.TSQL: "dbo", Dialect.POSTGRESQL: "public"}
_MARIADB = re.compile(r"\A(?:\s*/\*M!999999.*?\*/;?)?\s*-- MariaDB dump", re.DOTALL)
#: Strings, quoted names and comments of MySQL's, and where a comment begins whose text is executed.
_MYSQL_PIECES = re.compile(
    r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|\"[^\"\\]*(?:(?:\\.|\"\")[^\"\\]*)*\"|`[^`]*`|--(?=\s)[^\n]*|\#[^\n]*"
    r"|/\*M!999999.*?\*/|(?P<open>/\*M?!\d*)|/\*.*?\*/|(?P<close>\*/)",
    re.DOTALL,
)


def read(text: str, dialect: Dialect, origin: str) -> Catalog:
    """What a script makes.

    What is not understood is an `Other` with its line and the reason; statements that make no object are `skipped`,
    each with its line. Nothing is raised for what stands in a script.

    Args:
        dialect: of MySQL's (a dump of MariaDB's is known by its first line), PostgreSQL, Oracle or SQL Server.
        origin: the script's path, for a person.

    Raises:
        ValueError: there are no scripts of this dialect.
    """
    if dialect in (Dialect.SQLITE, Dialect.DYNAMODB):
        raise ValueError(f"scripts of {dialect} are not read")
    if dialect.mysql_like:
        dialect = Dialect.MARIADB if _MARIADB.match(text) else dialect
        text = _opened(text)
    script = Script(substituted(text, dialect), dialect)
    draft = Draft(script, _SCHEMAS.get(dialect, ""))
    for piece in split(script):
        if isinstance(piece, Skipped):
            draft.skip(piece)
        else:
            read_statement(draft, piece)
    return finish(draft, origin, dialect)


def _opened(text: str) -> str:
    """MySQL's executable comments (``/*!50100 … */``) as the statements that they are, every place as it was."""
    kept: list[str] = []
    at = depth = 0
    for match in _MYSQL_PIECES.finditer(text):
        opens, closes = match["open"], match["close"]
        if opens is None and (closes is None or not depth):
            continue
        depth += 1 if opens else -1
        kept.append(text[at : match.start()])
        kept.append(" " * (match.end() - match.start()))
        at = match.end()
    kept.append(text[at:])
    return "".join(kept)
