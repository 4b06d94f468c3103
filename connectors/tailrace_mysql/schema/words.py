"""SQL cut into words that know where they stand: what lies between two of them can be had as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_QUOTED = r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\""
_TOKEN = re.compile(
    rf"(?P<space>\s+)|(?P<comment>--(?=\s|$)[^\n]*|\#[^\n]*|/\*.*?\*/)|(?P<quoted>{_QUOTED})"
    r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_$\u0080-\U0010ffff]))"
    r"|(?P<word>[A-Za-z0-9_$@\u0080-\U0010ffff]+)|(?P<sign>.)",
    re.DOTALL,
)
_VERSIONED = re.compile(rf"{_QUOTED}|/\*M?!\d* ?|\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Word:
    """
    Attributes:
        kind: "word", "name" (in backticks), "string", "number" or "sign".
        text: as written.
        upper: a bare word in capitals, a sign itself, else "".
    """

    kind: str
    text: str
    upper: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """An identifier, without its quotes."""
        return self.text[1:-1].replace("``", "`") if self.kind == "name" else self.text


def words(sql: str) -> list[Word]:
    """All words; comments and blanks lie between them."""
    found: list[Word] = []
    for match in _TOKEN.finditer(sql):
        kind, text = str(match.lastgroup), match[0]
        if kind in ("space", "comment"):
            continue
        if kind == "quoted":
            kind = "name" if text[0] == "`" else "string"
        found.append(Word(kind, text, text.upper() if kind in ("word", "sign") else "", match.start(), match.end()))
    return found


def flattened(sql: str) -> str:
    """What the server prints in version comments (``/*!80023 INVISIBLE */``) as part of the text."""
    return _VERSIONED.sub(lambda match: " " if match[0].endswith("*/") or match[0][0] == "/" else match[0], sql)


class Text:
    """Walks through the words of a text."""

    def __init__(self, sql: str, found: Sequence[Word] | None = None) -> None:
        self.sql = sql
        self.words = words(sql) if found is None else found
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    @property
    def word(self) -> Word:
        return self.words[self.at] if not self.done else Word("sign", "", "", len(self.sql), len(self.sql))

    def take(self) -> Word:
        word = self.word
        self.at += 1
        return word

    def sees(self, *upper: str) -> bool:
        following = self.words[self.at : self.at + len(upper)]
        return len(following) == len(upper) and all(w.upper == u for w, u in zip(following, upper, strict=True))

    def accept(self, *upper: str) -> bool:
        """Passes over these words or signs if all of them come next."""
        if not self.sees(*upper):
            return False
        self.at += len(upper)
        return True

    def expect(self, *upper: str) -> None:
        if not self.accept(*upper):
            raise ValueError(f"{' '.join(upper)} was expected at {self.sql[self.word.start :][:40]!r}")

    def number(self) -> int:
        return int(self.take().text)

    def string(self) -> str:
        """The literal that comes next, unquoted."""
        return unquoted(self.take().text)

    def group(self) -> Text:
        """What stands between a parenthesis, which comes next, and its partner."""
        self.expect("(")
        start, depth = self.at, 1
        while depth:
            if self.done:
                raise ValueError("a parenthesis has no end")
            sign = self.take().upper
            depth += (sign == "(") - (sign == ")")
        return Text(self.sql, self.words[start : self.at - 1])

    def split(self) -> Iterator[Text]:
        """The parts between the commas outside of parentheses."""
        depth, start = 0, self.at
        for place in range(self.at, len(self.words)):
            sign = self.words[place].upper
            depth += (sign == "(") - (sign == ")")
            if sign == "," and not depth:
                yield Text(self.sql, self.words[start:place])
                start = place + 1
        if start < len(self.words):
            yield Text(self.sql, self.words[start:])

    def raw(self, start: int | None = None, end: int | None = None) -> str:
        """The text of the words from one to before another; without: of those that are left."""
        start = self.at if start is None else start
        end = len(self.words) if end is None else end
        return self.sql[self.words[start].start : self.words[end - 1].end] if start < end else ""

    def names(self) -> tuple[str, ...]:
        """Of a list of identifiers, whole: ``(`a`, `b`)`` as a group."""
        return tuple(part.word.name for part in self.split())


_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_ESCAPED = re.compile(r"\\(.)|(['\"])\2", re.DOTALL)


def unquoted(literal: str) -> str:
    """A string literal's text."""
    quote = literal[0]
    return _ESCAPED.sub(
        lambda match: _ESCAPES.get(match[1], match[1]) if match[1] else (quote if match[2] == quote else match[0]),
        literal[1:-1],
    )


def quoted(text: str) -> str:
    """The literal of a text."""
    text = text.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{text}'"


def stripped(expression: str) -> str:
    """An expression without parentheses around all of it."""
    while True:
        text = Text(expression)
        if not text.sees("("):
            return expression.strip()
        inside = text.group()
        if not text.done:
            return expression.strip()
        if len(list(inside.split())) != 1:
            return expression.strip()  # a row
        expression = inside.raw()


#: What stands before the name of a table, or of a sequence and a parenthesis: no column's can stand there.
_TABLES = (["FROM"], ["JOIN"], ["STRAIGHT_JOIN"], ["REFERENCES"])
_SEQUENCES = ("NEXTVAL", "LASTVAL", "SETVAL")


def unqualified(sql: str, database: str) -> str:
    """The text with the names of a database's own objects, without the database before them.

    Where a table is called like the database, or has such an alias, nothing is taken away that may be it.
    """
    found = words(sql)
    aliases = _aliases(found, database)
    result, end = [], 0
    for place, word in enumerate(found):
        following = found[place + 1 : place + 4]
        if (
            word.kind not in ("name", "word")
            or word.name != database
            or (place and found[place - 1].upper == ".")
            or len(following) < 2
            or following[0].upper != "."
            or following[1].kind not in ("name", "word")
        ):
            continue
        three = len(following) > 2 and following[2].upper in (".", "(")
        before = [earlier.upper for earlier in found[max(place - 2, 0) : place]]
        place_of_table = before[-1:] in _TABLES or (before[-1:] == ["("] and before[0] in _SEQUENCES)
        if aliases and not three and not place_of_table:
            continue
        result.append(sql[end : word.start])
        end = following[0].end
    return "".join(result) + sql[end:]


def _aliases(found: Sequence[Word], database: str) -> bool:
    """Whether something else than the database has its name."""
    for place, word in enumerate(found):
        if word.kind in ("name", "word") and word.name == database:
            after = found[place + 1].upper if place + 1 < len(found) else ""
            if after != ".":
                return True
    return False
