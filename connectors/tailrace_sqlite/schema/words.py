"""The words of a statement as SQLite keeps it in `sqlite_schema.sql`: what no pragma tells has to be read there.

Every statement was taken by SQLite's own parser before, so that this need only find parts, not judge them.
https://www.sqlite.org/lang_createtable.html, https://www.sqlite.org/src/file/src/tokenize.c
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))
    |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
    |(?P<text>[xX]?'(?:[^']|'')*')
    |(?P<word>[A-Za-z_\x80-\U0010ffff$][\w$]*)
    |(?P<number>(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|0[xX][0-9a-fA-F]+)
    |(?P<sign>\|\||<=|>=|<>|!=|==|<<|>>|->>|->|.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Word:
    """
    Attributes:
        kind: "name" (quoted), "text", "word", "number" or "sign".
        start, end: where it stands in the statement.
    """

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """For keywords; a quoted name is none."""
        return self.text.upper() if self.kind in ("word", "sign") else ""

    @property
    def name(self) -> str:
        """As an identifier."""
        if self.kind == "word":
            return self.text
        quote, body = self.text[0], self.text[1:-1]
        return body if quote == "[" else body.replace(quote * 2, quote)


def words(sql: str) -> list[Word]:
    return [
        Word(match.lastgroup or "", match[0], match.start(), match.end())
        for match in _TOKEN.finditer(sql)
        if match.lastgroup != "space"
    ]


def inside(sql: Sequence[Word], start: int) -> tuple[list[Word], int]:
    """What stands between the parenthesis at `start` and its partner, and the place behind that."""
    depth = 0
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place].upper, 0)
        if not depth:
            return list(sql[start + 1 : place]), place + 1
    return list(sql[start + 1 :]), len(sql)


def divided(sql: Sequence[Word]) -> Iterator[list[Word]]:
    """The parts between the commas that stand in no parentheses."""
    depth, part = 0, list[Word]()
    for word in sql:
        depth += {"(": 1, ")": -1}.get(word.upper, 0)
        if word.upper == "," and not depth:
            yield part
            part = []
        else:
            part.append(word)
    if part:
        yield part


def find(sql: Sequence[Word], *keywords: str, start: int = 0) -> int:
    """The place of these words, one after the other, in no parentheses; -1: they are not there."""
    depth = 0
    for place in range(len(sql)):
        if place >= start and not depth and [word.upper for word in sql[place : place + len(keywords)]] == [*keywords]:
            return place
        depth += {"(": 1, ")": -1}.get(sql[place].upper, 0)
    return -1


def written(statement: str, sql: Sequence[Word]) -> str:
    """These words as they stand in the statement."""
    return statement[sql[0].start : sql[-1].end] if sql else ""
