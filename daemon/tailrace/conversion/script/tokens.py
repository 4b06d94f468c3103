"""A script's SQL cut into tokens, each with its place, and a reader that walks through them.

Tokens keep their place in the text because all that the catalog holds as SQL (defaults, checks, queries, bodies) is cut
out of the script as it stands there. That, and storage clauses, is why statements are not read by sqlglot, whose trees
have no places: it reads the expressions afterwards.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.script.rows import inserted

#: Words behind which rows may stand, which are passed over.
_ROWS = frozenset({"INSERT", "REPLACE"})
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_BRACKETS = {"[": "]", "(": ")", "{": "}", "<": ">"}


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: "word" (keyword or bare name), "name" (quoted), "string", "number" or "sign".
        text: unquoted; a word as written.
        upper: a word in capitals, a sign itself, else "".
        start, end: its place in the script.
    """

    kind: str
    text: str
    upper: str
    start: int
    end: int


class LexicalError(ValueError):
    """Something begins at `start` and has no end."""

    def __init__(self, what: str, start: int) -> None:
        super().__init__(f"{what} has no end")
        self.start = start


class NotUnderstoodError(ValueError):
    """A statement, or a part of it, is not what the reader knows; the message says what it met."""


class Script:
    """A script's text, and the lines in it."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def line(self, place: int) -> int:
        return bisect_right(self._lines, place)

    def line_start(self, place: int) -> int:
        return self._lines[self.line(place) - 1]


@cache
def _pattern(dialect: Dialect) -> re.Pattern[str]:
    mysql = dialect.mysql_like
    word = {
        Dialect.ORACLE: r"[^\W\d][\w$#]*",
        Dialect.TSQL: r"(?:[^\W\d]|[@#])[\w@$#]*",
        Dialect.POSTGRESQL: r"[^\W\d][\w$]*",
    }.get(dialect, r"[\w$]+")
    strings = [r"(?P<string>[nNbBxX]?'[^']*(?:''[^']*)*')"]
    names = [r'(?P<double>"[^"]*(?:""[^"]*)*")']
    comments = r"--[^\n]*"
    if mysql:
        comments = r"--(?=\s|$)[^\n]*|\#[^\n]*"
        strings = [r"(?P<string>[nNbBxX]?'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|\"[^\"\\]*(?:(?:\\.|\"\")[^\"\\]*)*\")"]
        names = [r"(?P<backtick>`[^`]*(?:``[^`]*)*`)"]
    elif dialect is Dialect.POSTGRESQL:
        strings = [
            r"(?P<escaped>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*')",
            r"(?P<unicode>[uU]&['\"])",
            r"(?P<dollar>\$(?:[^\W\d]\w*)?\$)",
            *strings,
        ]
    elif dialect is Dialect.ORACLE:
        strings = [r"(?P<quoting>[nN]?[qQ]'[^\s])", *strings]
    elif dialect is Dialect.TSQL:
        names.append(r"(?P<bracket>\[[^\]]*(?:\]\][^\]]*)*\])")
    number = r"(?P<number>0[xX][0-9A-Fa-f]*|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w$]))"
    if not mysql:
        number = r"(?P<number>0[xX][0-9A-Fa-f]*|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
    # Files that were put together have their marks of byte order within.
    parts = [rf"(?P<space>[\s\ufeff]+|{comments})", r"(?P<block>/\*)", *strings, *names, number, rf"(?P<word>{word})"]
    return re.compile("|".join([*parts, r"(?P<sign>.)"]), re.DOTALL)


def lex(script: Script, at: int, end: int) -> Iterator[Token]:
    """Tokens from one place to another.

    Raises:
        LexicalError: a quote or a comment has no end.
    """
    text = script.text
    match_at = _pattern(script.dialect).match
    mysql = script.dialect.mysql_like
    brackets = script.dialect is Dialect.TSQL
    while at < end:
        match = match_at(text, at, end)
        assert match is not None
        kind, stop = match.lastgroup or "", match.end()
        if kind == "space":
            at = stop
            continue
        if kind == "block":
            at = _after_comment(script, at, end)
            continue
        raw = match[0]
        if kind == "word":
            upper = raw.upper()
            yield Token("word", raw, upper, at, stop)
            if upper in _ROWS and (rows := inserted(script.dialect).match(text, at, end)):
                yield Token("word", rows["values"], "VALUES", rows.start("values"), rows.end("values"))
                yield Token("sign", "(", "(", rows.start("rows"), rows.start("rows") + 1)
                stop = rows.end()
                yield Token("sign", ")", ")", stop - 1, stop)
        elif kind == "sign":
            if raw in "'\"" or (raw == "`" and mysql) or (raw == "[" and brackets):
                raise LexicalError("a string or a quoted name", at)
            yield Token("sign", raw, raw, at, stop)
        elif kind == "number":
            yield Token("number", raw, "", at, stop)
        elif kind in ("double", "backtick", "bracket"):
            closing = raw[-1]
            yield Token("name", raw[1:-1].replace(closing * 2, closing), "", at, stop)
        elif kind in ("dollar", "quoting", "unicode"):
            token = _special(script, match, end)
            stop = token.end
            yield token
        else:
            yield Token("string", _unquoted(raw, kind == "escaped" or mysql), "", at, stop)
        at = stop


def _after_comment(script: Script, start: int, end: int) -> int:
    """The place behind a block comment; PostgreSQL's and SQL Server's nest."""
    if script.dialect not in (Dialect.POSTGRESQL, Dialect.TSQL):
        closing = script.text.find("*/", start + 2, end)
        if closing < 0:
            raise LexicalError("a comment", start)
        return closing + 2
    depth, at = 0, start
    for match in re.compile(r"/\*|\*/").finditer(script.text, start, end):
        depth += 1 if match[0] == "/*" else -1
        at = match.end()
        if not depth:
            return at
    raise LexicalError("a comment", start)


def _special(script: Script, match: re.Match[str], end: int) -> Token:
    """PostgreSQL's ``$tag$…$tag$`` and ``U&'…'``, Oracle's ``q'[…]'``."""
    start, raw = match.start(), match[0]
    if match.lastgroup == "unicode":
        closing = script.text.find(raw[-1], match.end(), end)
        size = 1
    elif match.lastgroup == "dollar":
        closing = script.text.find(raw, match.end(), end)
        size = len(raw)
    else:
        closing = script.text.find(_BRACKETS.get(raw[-1], raw[-1]) + "'", match.end(), end)
        size = 2
    if closing < 0:
        raise LexicalError("a string", start)
    kind = "name" if raw[-1] == '"' else "string"
    return Token(kind, script.text[match.end() : closing], "", start, closing + size)


def _unquoted(raw: str, escapes: bool) -> str:
    """The value of a string literal."""
    quote = raw[-1]
    inner = raw[raw.index(quote) + 1 : -1].replace(quote * 2, quote)
    if not escapes or "\\" not in inner:
        return inner
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), inner, flags=re.DOTALL)


def folded(token: Token, dialect: Dialect) -> str:
    """A name as the server keeps it."""
    if token.kind == "word" and dialect is Dialect.ORACLE:
        return token.text.upper()
    if token.kind == "word" and dialect is Dialect.POSTGRESQL:
        return token.text.lower()
    return token.text


class Reader:
    """Walks through the tokens of a statement, or of a part of one."""

    def __init__(self, script: Script, found: Sequence[Token]) -> None:
        self.script = script
        self.tokens = found
        self.at = 0

    @property
    def dialect(self) -> Dialect:
        return self.script.dialect

    @property
    def done(self) -> bool:
        return self.at >= len(self.tokens)

    @property
    def token(self) -> Token:
        """The next one; a sign of no text at the end."""
        return self.peek(0)

    @property
    def line(self) -> int:
        """Of the next token, or of the last one."""
        if not self.tokens:
            return 0
        return self.script.line(self.tokens[min(self.at, len(self.tokens) - 1)].start)

    def peek(self, ahead: int = 1) -> Token:
        at = self.at + ahead
        return self.tokens[at] if 0 <= at < len(self.tokens) else Token("sign", "", "", 0, 0)

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def sees(self, *words: str) -> bool:
        return all(self.peek(offset).upper == word for offset, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Passes over these words or signs if all of them come next."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def accept_any(self, *words: str) -> str:
        """Passes over one of these, and says which; "" where none comes next."""
        if self.token.upper and self.token.upper in words:
            return self.take().upper
        return ""

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise NotUnderstoodError(f"{' '.join(words)} was expected at {self.near}")

    @property
    def near(self) -> str:
        """The next few words, for a message."""
        if self.done:
            return "the end"
        last = self.tokens[min(self.at + 3, len(self.tokens) - 1)]
        return repr(" ".join(self.script.text[self.token.start : last.end].split()))

    def name(self) -> str:
        token = self.take()
        if token.kind not in ("word", "name") and not (token.kind == "string" and self.dialect.mysql_like):
            self.at -= 1
            raise NotUnderstoodError(f"a name was expected at {self.near}")
        return folded(token, self.dialect)

    def object_name(self, schema: str) -> ObjectName:
        """A name with its schema, or the given one. What names a database before that is left out."""
        parts = [self.name()]
        while self.accept("."):
            parts.append("" if self.token.upper == "." else self.name())
        return ObjectName(parts[-2] if len(parts) > 1 and parts[-2] else schema, parts[-1])

    def parentheses(self) -> Reader:
        """What stands between a parenthesis, which comes next, and its partner."""
        self.expect("(")
        start, depth = self.at, 1
        while depth:
            if self.done:
                raise NotUnderstoodError("a parenthesis has no end")
            sign = self.take().upper
            depth += (sign == "(") - (sign == ")")
        return Reader(self.script, self.tokens[start : self.at - 1])

    def skip_parentheses(self) -> None:
        if self.sees("("):
            self.parentheses()

    def parts(self) -> list[Reader]:
        """Cut at the commas that stand outside of parentheses."""
        found: list[Reader] = []
        start, depth = self.at, 0
        for at in range(self.at, len(self.tokens)):
            sign = self.tokens[at].upper
            depth += (sign == "(") - (sign == ")")
            if sign == "," and not depth:
                found.append(Reader(self.script, self.tokens[start:at]))
                start = at + 1
        found.append(Reader(self.script, self.tokens[start:]))
        return [part for part in found if part.tokens]

    def names(self) -> tuple[str, ...]:
        """Names in parentheses, with commas between them."""
        return tuple(part.name() for part in self.parentheses().parts())

    def text(self, start: int = 0, end: int | None = None) -> str:
        """The script's own text from one token to before another, by their numbers."""
        chosen = self.tokens[start:end]
        return self.script.text[chosen[0].start : chosen[-1].end] if chosen else ""

    def rest(self) -> str:
        start, self.at = self.at, len(self.tokens)
        return self.text(start)

    def expression(self, ends: frozenset[str]) -> str:
        """Text up to one of these words, or a comma, outside of parentheses and CASE … END."""
        start, depth, cases = self.at, 0, 0
        while not self.done:
            upper = self.token.upper
            if not depth and not cases and (upper == "," or upper in ends) and self.at > start:
                break
            if upper == ")" and not depth:
                break
            depth += (upper == "(") - (upper == ")")
            cases += (upper == "CASE") - (upper == "END" and cases > 0)
            self.at += 1
        if self.at == start:
            raise NotUnderstoodError(f"an expression was expected at {self.near}")
        return self.text(start, self.at)

    def integer(self) -> int:
        sign = -1 if self.accept("-") else 1
        self.accept("+")
        token = self.take()
        if token.kind != "number":
            self.at -= 1
            raise NotUnderstoodError(f"a number was expected at {self.near}")
        return sign * int(Decimal(token.text))
