"""The words of the small SQL that `[[tables]]` takes in `where` and `columns.add`.

One form for all sources, that of the standard: text in ``'single quotes'`` (a quote in it is doubled, the backslash is
a plain character), a name that is no plain word in ``"double quotes"`` or in backticks. Key words may be in either
case; names are as the source has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Words that are no column's name unless they are quoted.
RESERVED = frozenset(
    {"and", "or", "not", "in", "between", "is", "null", "like", "true", "false", "escape", "case", "select", "exists"}
)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<text>'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")+"|`(?:[^`]|``)+`)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<sign><>|!=|<=|>=|\|\||[=<>(),+*-])
    )""",
    re.VERBOSE,
)


class SyntaxProblem(ValueError):
    """What the small SQL has no place for; the message is for a person, without a row's value."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word.

    Attributes:
        kind: "number", "text", "name", "word", "sign", or "end".
        text: without its quotes; a word in lower case, but a name as it stands.
        shown: as it was written.
    """

    kind: str
    text: str
    shown: str


class Tokens:
    """The words of a text, one after the other.

    Raises:
        SyntaxProblem: from the constructor, at a character that begins no word.
    """

    def __init__(self, text: str) -> None:
        self._tokens = _split(text)
        self._at = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def accept(self, *words: str) -> str:
        """Takes the next word if it is one of these key words or signs; "" where it is not."""
        token = self.next
        if token.kind in ("word", "sign") and token.text in words:
            self._at += 1
            return token.text
        return ""

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise self.unexpected(f"{word.upper()} is missing")

    def unexpected(self, reason: str = "") -> SyntaxProblem:
        token = self.next
        what = "the text ends too early" if token.kind == "end" else f"{token.shown} cannot stand there"
        return SyntaxProblem(f"{what}: {reason}" if reason else what)

    def column(self) -> str | None:
        """Takes the next word if it is a column's name."""
        token = self.next
        if token.kind == "name" or (token.kind == "word" and token.text not in RESERVED):
            self._at += 1
            if self.next.kind == "sign" and self.next.text == "(":
                raise SyntaxProblem(f"there is no function {token.shown} here")
            return token.shown if token.kind == "word" else token.text
        return None


def _split(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            what = "a quoted text has no end" if rest[:1] in "'\"`" else f"{rest[:1]!r} has no meaning here"
            raise SyntaxProblem(what)
        kind = match.lastgroup or ""
        shown = match[kind]
        tokens.append(Token(kind, _meant(kind, shown), shown))
        at = match.end()
    return [*tokens, Token("end", "", "")]


def _meant(kind: str, shown: str) -> str:
    if kind in ("text", "name"):
        quote = shown[0]
        return shown[1:-1].replace(quote + quote, quote)
    return shown.lower() if kind == "word" else shown
