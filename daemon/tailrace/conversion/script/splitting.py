"""Statements of a script: where each begins and ends.

The clients' own lines are known here too: psql's and SQL*Plus's commands, DELIMITER, GO, data of COPY.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailrace.conversion.catalog import Dialect, Skipped
from tailrace.conversion.script.tokens import LexicalError, Reader, Script, Token, lex

COMMAND = "a command of the client, which makes no object"
_PROGRAMS = ("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE", "TYPE", "LIBRARY")
_NO_PROGRAM = frozenset(
    {
        "(",
        "AS",
        "IS",
        "ON",
        "TABLE",
        "VIEW",
        "INDEX",
        "SEQUENCE",
        "SYNONYM",
        "USER",
        "ROLE",
        "SCHEMA",
        "DATABASE",
        "FOR",
    }
)
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Statement:
    """
    Attributes:
        tokens: without what closes it.
        trouble: why it could not be cut into tokens to its end; "" well.
        include: it is a client's command that reads another file.
    """

    script: Script
    tokens: Sequence[Token]
    trouble: str = ""
    include: bool = False

    @property
    def line(self) -> int:
        return self.script.line(self.tokens[0].start)

    @property
    def text(self) -> str:
        return self.script.text[self.tokens[0].start : self.tokens[-1].end]

    def reader(self) -> Reader:
        return Reader(self.script, self.tokens)


def shown(text: str) -> str:
    """The beginning of a statement, without the values that it may hold."""
    head = " ".join(re.split(r"(?i)\bvalues\b", text, maxsplit=1)[0].split())
    return head if len(head) <= _SHOWN else head[:_SHOWN] + "…"


def split(script: Script) -> Iterator[Statement | Skipped]:
    """All statements, in the script's order, and what is no statement."""
    if script.dialect is Dialect.TSQL:
        from tailrace.conversion.script.batches import batches

        yield from batches(script)
        return
    scanner = _Scanner(script)
    yield from scanner.run()


def line_command(script: Script, token: Token) -> tuple[str, int]:
    """The rest of a line, and the place behind it; SQL*Plus goes on behind a hyphen at its end."""
    at = token.start
    while True:
        end = script.text.find("\n", at)
        end = len(script.text) if end < 0 else end
        if script.dialect is not Dialect.ORACLE or not script.text[at:end].rstrip().endswith("-"):
            return script.text[token.start : end].strip(), end
        if end == len(script.text):
            return script.text[token.start : end].strip(), end
        at = end + 1


def whole_line(script: Script, token: Token) -> Statement:
    """A line that is taken as it is, as one token."""
    text, _ = line_command(script, token)
    one = Token("string", text, "", token.start, token.start + len(text))
    return Statement(script, (one,), include=True)


_PSQL = re.compile(r"\\\S*")
_PSQL_INCLUDES = re.compile(r"\\(?:i|ir|include|include_relative)\b")
_MYSQL = re.compile(r"(?i)(?:delimiter|source|use|charset|warnings|nowarning|system|tee|notee|pager)\b|\\[.u]")
_MYSQL_INCLUDES = re.compile(r"(?i)source\b|\\\.")
_SQLPLUS = re.compile(
    r"(?i)(?:rem|remark|prompt|spool|spo|define|def|undefine|undef|whenever|connect|conn|exit|quit|accept|pause|show|sho|"
    r"column|col|ttitle|btitle|clear|cl|host|ho|variable|var|print|timing|break|compute|password|"
    r"disconnect|disc|store|save|get|describe|desc|list|run|input|exec|execute|start|archive|oradebug|startup|shutdown|recover|xquery)\b|@|!|\$"
)
#: SET of SQL*Plus; SET TRANSACTION, SET ROLE and SET CONSTRAINTS are SQL.
_SQLPLUS_SET = re.compile(r"(?i)set\s+(?!transaction|role|constraints?\b)\w+")
_SQLPLUS_INCLUDES = re.compile(r"(?i)@|start\b")
_SQLPLUS_RUNS = re.compile(r"(?i)exec|execute")
_HARMLESS_RUNS = re.compile(r"(?i)\w+\s+dbms_(?:stats|output|metadata|session|application_info)\b")
_SLASH = re.compile(r"[ \t]*/[ \t]*(?:\r?\n|$)")
_GEXEC = "its rows are statements, which \\gexec runs"
_COPY_END = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE)


class _Scanner:
    """MySQL's, PostgreSQL's and Oracle's scripts."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.at = 0
        self.end = len(script.text)
        self.delimiter = ";"
        self.runs_rows = False

    def run(self) -> Iterator[Statement | Skipped]:
        while True:
            try:
                first = next(lex(self.script, self.at, self.end), None)
            except LexicalError as error:
                yield self._broken([], error)
                return
            if first is None:
                return
            if (command := self._command(first)) is not None:
                yield from command
                continue
            if self._closes(first):
                continue
            found: list[Token] = []
            self.runs_rows = False
            try:
                self._statement(first, found)
            except LexicalError as error:
                yield self._broken(found, error)
                return
            if found:
                yield Statement(self.script, tuple(found), _GEXEC if self.runs_rows else "")
                yield from self._copied(found)

    def _broken(self, found: list[Token], error: LexicalError) -> Statement:
        """From where the statement begins to the end of the script."""
        rest = Token("string", self.script.text[error.start :], "", error.start, self.end)
        line = self.script.line(error.start)
        return Statement(self.script, (*found, rest), trouble=f"{error}: it begins in line {line}")

    def _closes(self, token: Token) -> bool:
        """A terminator without a statement: ``/`` that runs the last one again, an empty statement."""
        if self.script.text.startswith(self.delimiter, token.start):
            self.at = token.start + len(self.delimiter)
            return True
        if self.script.dialect is Dialect.ORACLE and self._slash(token):
            self.at = token.end
            return True
        return False

    def _slash(self, token: Token) -> bool:
        return token.upper == "/" and bool(_SLASH.match(self.script.text, self.script.line_start(token.start)))

    def _command(self, token: Token) -> list[Statement | Skipped] | None:
        """A client's command that begins here; None: it is a statement."""
        dialect, text = self.script.dialect, self.script.text
        if dialect is Dialect.POSTGRESQL:
            known = bool(_PSQL.match(text, token.start))
            includes = bool(_PSQL_INCLUDES.match(text, token.start))
        elif dialect is Dialect.ORACLE:
            known = bool(_SQLPLUS.match(text, token.start) or _SQLPLUS_SET.match(text, token.start))
            known = known or (token.upper == "." and line_command(self.script, token)[0] == ".")
            includes = bool(_SQLPLUS_INCLUDES.match(text, token.start))
        else:
            known = bool(_MYSQL.match(text, token.start)) and token.upper != "USE"
            includes = bool(_MYSQL_INCLUDES.match(text, token.start))
        if not known:
            return None
        line, self.at = line_command(self.script, token)
        number = self.script.line(token.start)
        if includes:
            return [whole_line(self.script, token)]
        if dialect.mysql_like and token.upper == "DELIMITER":
            self.delimiter = line.split(None, 1)[1].strip() if " " in line or "\t" in line else ";"
        if dialect is Dialect.ORACLE and token.upper in ("CONNECT", "CONN"):
            return [Statement(self.script, tuple(lex(self.script, token.start, self.at)))]
        if dialect is Dialect.ORACLE and _SQLPLUS_RUNS.match(line) and not _HARMLESS_RUNS.match(line):
            return [Statement(self.script, tuple(lex(self.script, token.start, self.at)))]
        return [Skipped(number, shown(line), COMMAND)]

    def _statement(self, first: Token, found: list[Token]) -> None:
        """Gathers the tokens of one statement, and moves behind it."""
        dialect = self.script.dialect
        program = False
        depth = nested = 0
        before = ""
        atomic = False
        for token in lex(self.script, first.start, self.end):
            upper = token.upper
            if len(found) <= 12 and not program:
                program = _is_program(found, upper, dialect)
            if dialect.mysql_like and self.delimiter != ";":
                cut = self.script.text.find(self.delimiter, token.start, max(token.end, token.start + 1))
                if token.kind in ("word", "sign") and (cut >= 0 or self._delimited(token)):
                    cut = max(cut, token.start)
                    if cut > token.start:
                        head = self.script.text[token.start : cut]
                        found.append(Token("word", head, head.upper(), token.start, cut))
                    self.at = cut + len(self.delimiter)
                    return
            elif dialect is Dialect.ORACLE and program:
                if self._slash(token) or (before == ";" and self._begins(token)):
                    self.at = token.end if upper == "/" else token.start
                    while found and found[-1].upper == ";" and not _is_unit(found):
                        found.pop()
                    return
            elif dialect is Dialect.ORACLE and self._slash(token):
                self.at = token.end
                return
            elif dialect is Dialect.POSTGRESQL and upper == "\\":
                line, self.at = line_command(self.script, token)
                self.runs_rows = line.startswith("\\gexec")
                return
            else:
                nested += (upper == "(") - (upper == ")")
                if program and (dialect.mysql_like or atomic or (before == "BEGIN" and upper == "ATOMIC")):
                    if upper == "ATOMIC" and not atomic:
                        atomic, depth = True, 1
                    else:
                        depth += _opens(upper, before)
                if upper == ";" and depth <= 0 and (nested <= 0 or dialect is not Dialect.POSTGRESQL):
                    self.at = token.end
                    return
            found.append(token)
            before = upper
        self.at = self.end

    def _delimited(self, token: Token) -> bool:
        return self.script.text.startswith(self.delimiter, token.start)

    def _begins(self, token: Token) -> bool:
        """A unit of PL/SQL that no ``/`` has closed: these words are reserved, and begin a line."""
        if token.upper not in ("CREATE", "ALTER", "DROP", "GRANT", "COMMENT"):
            return False
        return self.script.line_start(token.start) == token.start

    def _copied(self, found: list[Token]) -> Iterator[Skipped]:
        """The lines of data behind COPY … FROM stdin."""
        words = [token.upper for token in found]
        if self.script.dialect is not Dialect.POSTGRESQL or words[0] != "COPY" or "STDIN" not in words:
            return
        begin = self.script.text.find("\n", self.at)
        if begin < 0:
            return
        closing = _COPY_END.search(self.script.text, begin)
        stop = closing.start() if closing else self.end
        rows = self.script.text.count("\n", begin + 1, stop)
        self.at = closing.end() if closing else self.end
        line = self.script.line(begin + 1)
        yield Skipped(line, "data of COPY", "rows, which a pipeline carries", self.script.line(stop), 1, rows)


def _opens(upper: str, before: str) -> int:
    """How a word of a compound statement nests it."""
    if upper in ("BEGIN", "CASE") and before != "END":
        return 1
    if before == "END":
        return 1 if upper in ("IF", "LOOP", "WHILE", "REPEAT") else 0
    return -1 if upper == "END" else 0


def _is_program(found: list[Token], upper: str, dialect: Dialect) -> bool:
    """Whether the statement that begins so has statements within."""
    first = found[0].upper if found else ""
    if dialect is Dialect.ORACLE and not found and upper in ("DECLARE", "BEGIN"):
        return True
    if first != "CREATE" or any(token.upper in _NO_PROGRAM for token in found):
        return False
    return upper in _PROGRAMS and (dialect is not Dialect.POSTGRESQL or upper in ("FUNCTION", "PROCEDURE"))


def _is_unit(found: list[Token]) -> bool:
    """A unit of PL/SQL keeps its last semicolon; CREATE TYPE … AS OBJECT (…) has none that belongs to it."""
    return len(found) > 1 and found[-2].upper not in (")", ";")
