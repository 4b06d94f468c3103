"""The text of CREATE TABLE, changed: what ALTER TABLE of SQLite cannot do without writing the table anew.

A NOT NULL or a CHECK that is taken away, and a CHECK that is replaced, leave the rows as they are; SQLite's manual has
the way for that: https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes".
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.tables.labels import followed, is_labels_check, labels_check, labels_of

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<text>'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      | (?P<word>\w+)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        if self.kind == "name":
            quote = self.text[-1]
            return self.text[1:-1].replace(quote + quote, quote)
        return self.text if self.kind == "word" else ""


def _tokens(sql: str) -> list[_Token]:
    found = []
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or ""
        if kind == "space":
            continue
        depth -= match[0] == ")"
        found.append(_Token(kind, match[0], match.start(), match.end(), depth))
        depth += match[0] == "("
    return found


def _entries(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """The columns and constraints of the table."""
    entry: list[_Token] = []
    within = False
    for token in tokens:
        if token.depth == 0:
            if within and token.text == ")":
                break
            within = within or token.text == "("
        elif token.depth == 1 and token.text == ",":
            yield entry
            entry = []
        else:
            entry.append(token)
    if entry:
        yield entry


def without_not_null(sql: str, column: str) -> str:
    """The statement with the column nullable; unchanged where it is so."""
    for entry in _entries(_tokens(sql)):
        if not entry or entry[0].name.casefold() != column.casefold():
            continue
        for one, two in pairwise(entry):
            if one.depth == two.depth == 1 and (one.word, two.word) == ("NOT", "NULL"):
                return sql[: one.start].rstrip() + sql[two.end :]
    return sql


def relabelled(sql: str, column: str, labels: Sequence[str]) -> str:
    """The statement with other labels in the check that keeps the column to them; none: they are all of its type's
    texts now, and any text is one."""
    tokens = _tokens(sql)
    for place in range(len(tokens) - 6):
        word, named, check, opens, first, within = tokens[place : place + 6]
        if (word.word, check.word, opens.text, within.word) != ("CONSTRAINT", "CHECK", "(", "IN"):
            continue
        if not is_labels_check(named.name) or first.name.casefold() != column.casefold():
            continue
        end = next(token for token in tokens[place + 4 :] if token.text == ")" and token.depth == opens.depth)
        if not labels:
            return sql[: opens.end] + "1" + sql[end.start :]
        there = labels_of(sql[opens.end : end.start])
        labels = followed(tuple(labels), there)
        if there == set(labels):
            return sql
        return sql[: opens.end] + labels_check(column, labels, Dialect.SQLITE) + sql[end.start :]
    return sql


def change(connection: sqlite3.Connection, table: str, edit: Callable[[str], str]) -> bool:
    """Changes the table's statement, within the open transaction; False where it is so already.

    Args:
        edit: gives the new statement for the one that is there.
    """
    row = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE", (table,)
    ).fetchone()
    if row is None or (sql := edit(row[1])) == row[1]:
        return False
    version = connection.execute("PRAGMA schema_version").fetchone()[0]
    connection.execute("PRAGMA writable_schema = ON")
    try:
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", (sql, row[0]))
        connection.execute(f"PRAGMA schema_version = {version + 1}")
    finally:
        # Reads the statements again, and turns writing off.
        connection.execute("PRAGMA writable_schema = RESET")
    return True
