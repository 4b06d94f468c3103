"""Names in PostgreSQL's SQL, found in its text.

Lexical structure: PostgreSQL manual, "SQL Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?)\$.*?\$(?P=tag)\$)
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<string>'(?:[^']|'')*')
    | (?P<number>\d[\w.]*)
    | (?P<chain>NAME(?:\s*\.\s*NAME)*)
    | (?P<other>.)
    """.replace("NAME", r'(?:"(?:[^"]|"")*"|[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)'),
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(r'"((?:[^"]|"")*)"|([^\s."]+)')
_FIRST = re.compile(r'(?:"(?:[^"]|"")*"|[^\s."]+)\s*\.\s*')
_REGCLASS = re.compile(
    r"\s*::\s*(?:pg_catalog\s*\.\s*)?reg(?:class|type|proc|procedure|config|dictionary)\b", re.IGNORECASE
)


class Chain(NamedTuple):
    """A name as it stands in SQL, with its parts unquoted and folded.

    Attributes:
        start, end: where it stands in the text.
        quoted: it is the content of a literal that names an object (``'shop.orders_id_seq'::regclass``).
        called: an opening parenthesis follows.
    """

    start: int
    end: int
    parts: tuple[str, ...]
    quoted: bool
    called: bool


def chains(sql: str) -> Iterator[Chain]:
    """All names, keywords among them. What stands in comments, literals and dollar quotes is not looked at."""
    for token in TOKEN.finditer(sql):
        if token["chain"] is not None:
            start, end = token.span("chain")
            yield Chain(start, end, _parts(token["chain"]), False, sql[end:].lstrip()[:1] == "(")
        elif token["string"] is not None and _REGCLASS.match(sql, token.end()):
            inner = token["string"][1:-1]
            yield Chain(token.start() + 1, token.end() - 1, _parts(inner.replace("''", "'")), True, False)


def names_in(sql: str) -> list[tuple[str, ...]]:
    """The parts of all names."""
    return [chain.parts for chain in chains(sql)]


def _parts(chain: str) -> tuple[str, ...]:
    return tuple(
        match[1].replace('""', '"') if match[1] is not None else match[2].lower() for match in _PART.finditer(chain)
    )


def in_schema(sql: str, change: Callable[[tuple[str, ...]], str | None], written: Callable[[str], str]) -> str:
    """The text with some names in other schemas; what follows the schema stays as it is written.

    Args:
        change: the parts of a name, two at least, to its new schema; "" for none; None leaves the name as it is.
        written: a name as SQL has it.
    """
    pieces: list[str] = []
    done = 0
    for chain in chains(sql):
        schema = change(chain.parts) if len(chain.parts) > 1 else None
        if schema is None:
            continue
        text = sql[chain.start : chain.end]
        first = _FIRST.match(text)
        assert first is not None
        new = f"{written(schema)}." if schema else ""
        pieces += [sql[done : chain.start], new.replace("'", "''") if chain.quoted else new, text[first.end() :]]
        done = chain.end
    return "".join([*pieces, sql[done:]])
