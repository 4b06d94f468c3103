"""MySQL's and MariaDB's SQL cut into tokens.

https://dev.mysql.com/doc/refman/9.7/en/language-structure.html. What stands in a version comment (``/*!50100 … */``,
``/*M! … */``) is executed by the server, and so belongs to the statement.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tailrace_mysql.types.declared import unquote

ANSI_QUOTES = 4
NO_BACKSLASH_ESCAPES = 1 << 20

_SPACE = re.compile(r"\s+|--[ \t][^\n]*(?:\n|$)|--\n|#[^\n]*(?:\n|$)")
_VERSION_COMMENT = re.compile(r"/\*!\d*")
_MARIADB_VERSION_COMMENT = re.compile(r"/\*M?!\d*")
_NUMBER = re.compile(r"0x[0-9A-Fa-f]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_$\u0080-\uffff])")
_WORD = re.compile(r"[A-Za-z0-9_$\u0080-\U0010ffff]+")


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: "word" (keyword or bare identifier), "name" (quoted identifier), "string", "number" or "sign".
        text: unquoted; a word as written.
        upper: a word in capitals, a sign itself, else "".
    """

    kind: str
    text: str
    upper: str = ""


def tokens(sql: str, sql_mode: int = 0, mariadb: bool = True) -> list[Token]:
    """All tokens of a statement.

    Args:
        sql_mode: the session's; negative where it is unknown.
        mariadb: what stands in ``/*M! … */`` is executed.

    Raises:
        ValueError: a quote or comment has no end, or a character that SQL has not.
    """
    found: list[Token] = []
    mode = max(sql_mode, 0)
    version_comment = _MARIADB_VERSION_COMMENT if mariadb else _VERSION_COMMENT
    escapes = not mode & NO_BACKSLASH_ESCAPES
    at = 0
    conditional = 0
    while at < len(sql):
        character = sql[at]
        if space := _SPACE.match(sql, at):
            at = space.end()
        elif conditional and sql.startswith("*/", at):
            conditional -= 1
            at += 2
        elif sql.startswith("/*", at):
            if version := version_comment.match(sql, at):
                conditional += 1
                at = version.end()
            else:
                at = sql.index("*/", at + 2) + 2
        elif character == "`":
            text, at = _quoted_name(sql, at)
            found.append(Token("name", text))
        elif character in "'\"":
            quoted_name = character == '"' and mode & ANSI_QUOTES
            text, at = _quoted_name(sql, at) if quoted_name else unquote(sql, at, escapes)
            found.append(Token("name" if quoted_name else "string", text))
        elif number := _NUMBER.match(sql, at):
            found.append(Token("number", number[0]))
            at = number.end()
        elif word := _WORD.match(sql, at):
            found.append(Token("word", word[0], word[0].upper()))
            at = word.end()
        else:
            found.append(Token("sign", character, character))
            at += 1
    return found


def _quoted_name(sql: str, at: int) -> tuple[str, int]:
    quote = sql[at]
    parts: list[str] = []
    at += 1
    while True:
        end = sql.index(quote, at)
        parts.append(sql[at:end])
        if sql[end + 1 : end + 2] != quote:
            return "".join(parts), end + 1
        parts.append(quote)
        at = end + 2


class Reader:
    """Walks through tokens."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self._tokens)

    @property
    def token(self) -> Token:
        """The next one; a sign of no text at the end."""
        return self._tokens[self.at] if self.at < len(self._tokens) else Token("sign", "")

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def accept(self, *words: str) -> bool:
        """Passes over these words or signs if all of them come next."""
        for offset, word in enumerate(words):
            index = self.at + offset
            if index >= len(self._tokens) or self._tokens[index].upper != word:
                return False
        self.at += len(words)
        return True

    def accept_any(self, *words: str) -> str:
        """Passes over one of these, and says which; "" where none comes next."""
        if self.token.upper in words and self.token.upper:
            return self.take().upper
        return ""

    def identifier(self) -> str:
        token = self.take()
        if token.kind not in ("word", "name", "string"):
            raise ValueError(f"a name was expected at {token.text!r}")
        return token.text

    def table(self, database: str) -> tuple[str, str]:
        """A table's name, with its database."""
        first = self.identifier()
        if self.accept("."):
            return first, self.identifier()
        return database, first

    def parentheses(self) -> list[Token]:
        """The tokens between a parenthesis, which comes next, and its partner."""
        if not self.accept("("):
            raise ValueError(f"a parenthesis was expected at {self.token.text!r}")
        start, depth = self.at, 1
        while depth:
            if self.done:
                raise ValueError("a parenthesis has no end")
            sign = self.take().upper
            depth += (sign == "(") - (sign == ")")
        return self._tokens[start : self.at - 1]

    def rest(self) -> list[Token]:
        rest = self._tokens[self.at :]
        self.at = len(self._tokens)
        return rest


def split(found: list[Token]) -> list[list[Token]]:
    """Cuts at the commas that stand outside of parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += (token.upper == "(") - (token.upper == ")")
        if token.upper == "," and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]
