"""SQL that MySQL and MariaDB read alike: every word of it is one that means the same in both, or a name.

What this does not know is refused, so that a statement is kept only where it surely does the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs.mysql_words import (
    FUNCTIONS,
    OTHER,
    RESERVED_BY_MARIADB,
    RESERVED_BY_MYSQL,
    SAME,
    TYPES,
    UNSTEADY,
)
from tailrace.conversion.tables.collations import ONE_SYSTEM
from tailrace.conversion.translation import Remark

_ESCAPED_TEXT = r"'(?:[^'\\]|\\.|'')*'"
_PLAIN_TEXT = r"'(?:[^']|'')*'"
_AGGREGATES = frozenset({"COUNT", "SUM", "AVG", "MIN", "MAX", "STD", "STDDEV", "VARIANCE", "VAR_POP", "VAR_SAMP"})
_AGGREGATES |= {"STDDEV_POP", "STDDEV_SAMP", "BIT_AND", "BIT_OR", "BIT_XOR"}
_RANKS = frozenset({"ROW_NUMBER", "RANK", "DENSE_RANK"})
#: What a CAST makes in both; MariaDB knows further ones, as INT.
_CASTS = frozenset({"CHAR", "SIGNED", "UNSIGNED", "DATE", "DATETIME", "TIME", "DECIMAL", "BINARY", "DOUBLE", "FLOAT"})
_TEXTS = frozenset({"CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "ENUM"})
_INTRODUCERS = frozenset({"_UTF8MB4", "_LATIN1", "_BINARY", "_ASCII"})
#: Of an error; the servers went apart when they gave out later ones.
_LAST_COMMON_ERROR = 1700
_FIXED_ARGUMENTS = {"LPAD": 3, "RPAD": 3}
_SIGNS = frozenset("(),;.=<>+-*/%&|^~!:") | {"<=", ">=", "<>", "!=", ":=", "<=>", "&&", "||", "<<", ">>"}
_LETTER_CASE = Remark(
    "letter-case",
    Grade.CHANGED,
    "LOWER and UPPER go by another release of Unicode there: letters of rare alphabets may differ",
    "nothing, for letters that are in use",
    Complexity.SIMPLE,
)


class Token(NamedTuple):
    """
    Attributes:
        kind: "name" (in quotes), "text", "number", "word", "sign".
        upper: a bare word in capitals, a sign itself, else "".
        name: an identifier's, without quotes.
    """

    kind: str
    upper: str
    name: str
    start: int
    end: int


def tokens(text: str, modes: Collection[str]) -> list[Token]:
    """
    Args:
        modes: of sql_mode, by which the text is read.

    Raises:
        RefusalError: it has comments that are executed, or hints.
    """
    literal = _PLAIN_TEXT if "NO_BACKSLASH_ESCAPES" in modes else _ESCAPED_TEXT
    quotes = "name" if "ANSI_QUOTES" in modes else "text"
    pattern = re.compile(
        rf"(?P<space>\s+)|(?P<hint>/\*[!M+])|(?P<comment>--(?=\s|$)[^\n]*|\#[^\n]*|/\*.*?\*/)|(?P<name>`(?:[^`]|``)*`)"
        rf"|(?P<double>{literal.replace(chr(39), chr(34))})|(?P<text>{literal})"
        r"|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w$]))"
        r"|(?P<word>@?[\w$]+)|(?P<sign><=>|:=|<=|>=|<>|!=|&&|\|\||<<|>>|->>?|.)",
        re.DOTALL,
    )
    found: list[Token] = []
    for match in pattern.finditer(text):
        kind, piece = str(match.lastgroup), match[0]
        if kind == "hint":
            raise _differs(f"it has {piece}")
        if kind in ("space", "comment"):
            continue
        kind = quotes if kind == "double" else kind
        bare = piece.upper() if kind in ("word", "sign") else ""
        name = piece[1:-1].replace(piece[0] * 2, piece[0]) if kind == "name" else piece
        found.append(Token(kind, bare, name, match.start(), match.end()))
    return found


@dataclass(slots=True)
class Reading:
    """
    Attributes:
        target: MySQL or MariaDB, the other one of them.
        known: names of tables and columns, in lower case.
        routines: of the user's own that are converted, in lower case.
        steady: it stands where only what is always the same may stand.
        query: it is a view's.
    """

    text: str
    target: Dialect
    modes: Collection[str] = ()
    known: Collection[str] = ()
    routines: Collection[str] = ()
    steady: bool = False
    query: bool = False
    variables: set[str] = field(default_factory=set)
    said: list[Remark] = field(default_factory=list)
    typed: list[int] = field(default_factory=list)
    _found: list[Token] = field(default_factory=list)

    def read(self) -> None:
        """
        Raises:
            RefusalError: something in it is not surely the same in the target.
        """
        self._found = tokens(self.text, self.modes)
        for place, token in enumerate(self._found):
            if token.upper == "DECLARE":
                self._declared(place + 1)
        for place, token in enumerate(self._found):
            if token.kind == "word":
                self._word(place, token.upper)
            elif token.kind == "sign" and token.upper not in _SIGNS:
                raise _differs(f"it has {token.upper}")
            elif token.upper == "." and self._at(place + 1) == ".":
                raise _differs("it has ..")
            elif token.kind == "name" and self._at(place + 1) == "(" and self._called(place, token.name):
                raise _differs(f"it calls {token.name}")
        self._statements()
        if self.target is Dialect.MYSQL:
            self._predicates()

    def _predicates(self) -> None:
        """MariaDB takes one predicate of another (``a IS TRUE IS TRUE``), which MySQL's grammar does not."""
        counts = [0]
        for token in self._found:
            if token.upper == "(":
                counts.append(0)
            elif token.upper == ")":
                counts = counts[:-1] or [0]
            elif token.upper in _PREDICATES:
                counts[-1] += 1
                if counts[-1] > 1:
                    raise _differs(f"it has {token.upper} behind another predicate")
            elif token.kind in ("word", "sign") and token.upper in _BETWEEN_PREDICATES:
                counts[-1] = 0

    def _at(self, place: int) -> str:
        return self._found[place].upper if 0 <= place < len(self._found) else ""

    def _named(self, place: int) -> str:
        return self._found[place].name.lower() if 0 <= place < len(self._found) else ""

    def _word(self, place: int, word: str) -> None:
        before, after = self._at(place - 1), self._at(place + 1)
        if before == "." or word.startswith("@"):
            if word.startswith("@@") or (word == "@" and after == "@"):
                raise _differs("it has a variable of the server's")
            return
        if after == "(" and word in FUNCTIONS:
            self._function(place, word)
            return
        if word == "NEXT" and before != "FETCH":
            raise _differs("it has NEXT")
        if after == "(" and word not in SAME and word not in TYPES and self._called(place, word):
            raise _differs(f"it calls {word.lower()}")
        reserved = RESERVED_BY_MYSQL if self.target is Dialect.MYSQL else RESERVED_BY_MARIADB
        if word in reserved and not (word == "GET" and after == "DIAGNOSTICS"):
            raise _differs(f"{word} is a reserved word there")
        if word in OTHER and word.lower() not in self.known and word.lower() not in self.variables:
            raise _differs(f"it has {word}")
        if word == "COLLATE":
            self._collation(self._named(place + 1))
        elif word.startswith("_") and word not in _INTRODUCERS and self._is_text(place + 1):
            raise _differs(f"it has {word.lower()}")

    def _is_text(self, place: int) -> bool:
        return place < len(self._found) and self._found[place].kind == "text"

    def _called(self, place: int, name: str) -> bool:
        """Whether a parenthesis behind a name makes it a call that is not known; a table has its columns there."""
        if self._at(place - 1) in ("INTO", "TABLE", "JOIN", "FROM", "AS", "WITH"):
            return False
        return name.lower() not in self.routines or self.steady or self.query

    def _collation(self, name: str) -> None:
        if any(mark in name for mark in ONE_SYSTEM):
            raise _differs(f"it has the collation {name}")

    def _function(self, place: int, word: str) -> None:
        if word in ("LOWER", "UPPER", "LCASE", "UCASE"):
            self.said.append(_LETTER_CASE)
        inside = list(self._inside(place + 1))
        if word in _FIXED_ARGUMENTS and self._commas(place + 1) + 1 != _FIXED_ARGUMENTS[word]:
            raise _differs(f"it has {word} with another number of arguments")
        if word in ("CAST", "CONVERT"):
            sign = "AS" if word == "CAST" else ","
            made = [self._at(at + 1) for at in inside if self._at(at) == sign]
            if made and made[-1] not in _CASTS:
                raise _differs(f"it has a cast to {made[-1]}")
        if self.steady and word in UNSTEADY | _AGGREGATES | _RANKS:
            raise _differs(f"{word} may not stand in such a place there")
        if self.query and self.target is Dialect.MYSQL and word in _AGGREGATES:
            raise _differs(f"it has {word}, and MySQL refuses columns beside it that the group does not decide")
        over = inside[-1] + 2 if inside else place + 3
        if word in _RANKS and (self._at(over) != "OVER" or "ORDER" not in map(self._at, self._inside(over + 1))):
            raise _differs(f"it has {word} without an order")

    def _inside(self, opens: int) -> Iterator[int]:
        """The places of what stands in a parenthesis."""
        depth = 0
        for place in range(opens, len(self._found)):
            depth += (self._at(place) == "(") - (self._at(place) == ")")
            if not depth:
                return
            if place > opens:
                yield place

    def _commas(self, opens: int) -> int:
        depth = count = 0
        for place in self._inside(opens):
            depth += (self._at(place) == "(") - (self._at(place) == ")")
            count += self._at(place) == "," and not depth
        return count

    # ---- statements

    def _declared(self, place: int) -> None:
        """DECLARE: variables, whose types both have; conditions, cursors and handlers."""
        if self._at(place) in ("CONTINUE", "EXIT"):
            return
        names = [self._named(place)]
        while self._at(place + 1) == ",":
            place += 2
            names.append(self._named(place))
        self.variables.update(names)
        kind = self._at(place + 1)
        if kind in ("CURSOR", "CONDITION"):
            return
        if kind not in TYPES:
            raise _differs(f"{names[0]} is of the type {self._named(place + 1)}")
        if kind in _TEXTS:
            end = place + 1
            if self._at(end + 1) == "(":
                end = max(self._inside(end + 1), default=end + 1) + 1
            if self._at(end + 1) not in ("CHARACTER", "CHARSET", "COLLATE"):
                self.typed.append(self._found[end].end)

    def _statements(self) -> None:
        first, values, starts = "", False, True
        for place, token in enumerate(self._found):
            word = token.upper
            if starts:
                first, values = word, False
            starts = word in (";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT")
            values = values or word == "VALUES"
            before, after = self._at(place - 1), self._at(place + 1)
            if first in ("UPDATE", "DELETE") and word == "SELECT" and self.target is Dialect.MYSQL:
                raise _differs("MySQL refuses to read the table that it changes")
            if first == "INSERT" and word == "AS" and values:
                raise _differs("it has INSERT … AS")
            if first == "DELETE" and before == "FROM" and after not in _AFTER_TABLE and self._at(place - 2) == "DELETE":
                raise _differs("it has DELETE with an alias")
            if word == "SET" and first not in ("UPDATE", "INSERT", "REPLACE", "SIGNAL", "RESIGNAL"):
                self._set(place)
            if word == "FOR" and (after == "SHARE" or self._at(place + 2) == "IN"):
                raise _differs(f"it has FOR {after}")
            if word == "FETCH" and after == "NEXT" and self._at(place + 2) != "FROM":
                raise _differs("it has FETCH NEXT")
            if word == "WITH":
                raise _differs("it has WITH")
            if word == "CREATE" and place:
                raise _differs("it has CREATE")
            if word == "FOR" and before == "HANDLER" and self._found[place + 1].kind == "number":
                self._error(self._found[place + 1].name)
            if word == "GROUP" and self.query and self.target is Dialect.MYSQL:
                raise _differs("MySQL refuses columns that the group does not decide")
            if word == "DISTINCT" and self.query and self.target is Dialect.MYSQL and "ORDER" in self._words:
                raise _differs("MySQL refuses to order by what DISTINCT does not have")

    @property
    def _words(self) -> set[str]:
        return {token.upper for token in self._found}

    def _error(self, number: str) -> None:
        if not number.isdigit() or int(number) > _LAST_COMMON_ERROR:
            raise _differs(f"it waits for the error {number}")

    def _set(self, place: int) -> None:
        """Of a column of NEW, a variable of the program, or one of the session's user."""
        name = self._named(place + 1)
        own = name in self.variables or name.startswith("@") or name == "new"
        if not own and self._at(place - 1) not in ("CHARACTER",) and self._at(place + 1) != "(":
            raise _differs(f"it sets {name}")


_PREDICATES = frozenset({"IS", "LIKE", "IN", "BETWEEN", "=", "<", ">", "<=", ">=", "<>", "!=", "<=>"})
_BETWEEN_PREDICATES = frozenset(
    {
        *(
            "AND",
            "OR",
            "XOR",
            "&&",
            "||",
            ",",
            ";",
            "WHEN",
            "THEN",
            "ELSE",
            "END",
            "SET",
            "WHERE",
            "ON",
            "HAVING",
            "IF",
        ),
        *(
            "RETURN",
            "SELECT",
            "FROM",
            "DO",
            "ELSEIF",
            "BEGIN",
            "UNTIL",
            "WHILE",
            "CASE",
            "LIMIT",
            "ORDER",
            "GROUP",
            "AS",
        ),
    }
)
#: What may stand behind the only table of a DELETE.
_AFTER_TABLE = frozenset({"WHERE", "ORDER", "LIMIT", "USING", ";", "", "END", ".", "ELSE", "ELSEIF"})


def text_type(sql_type: str) -> bool:
    """Whether a variable's type is a text that says no character set, so that it has the database's.

    Raises:
        RefusalError: the other system has no such type.
    """
    words = re.findall(r"'(?:[^']|'')*'|\w+", sql_type.upper())
    if not words or words[0] not in TYPES:
        raise _differs(f"it has the type {sql_type}")
    if "COLLATE" in words:
        Reading("", Dialect.MYSQL)._collation(words[words.index("COLLATE") + 1].lower())
    return words[0] in _TEXTS | {"SET"} and not {"CHARSET", "CHARACTER", "COLLATE"} & set(words)


def _differs(what: str) -> RefusalError:
    return RefusalError(
        "differs-between",
        f"{what}, which MySQL and MariaDB do not surely have alike",
        "write it for the target",
        Complexity.MEDIUM,
    )
