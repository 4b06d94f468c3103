"""Oracle's blocks of PL/SQL that run once: rows that they bring, statements that they give to EXECUTE IMMEDIATE.

Read are blocks whose statements run in any case, and conditions on whether something is there already, as a script has
them that may be run again: ``SELECT COUNT(*) INTO n FROM user_tables …; IF n = 0 THEN EXECUTE IMMEDIATE '…'``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tailrace.conversion.catalog import Dialect, Skipped
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.splitting import Statement, shown, split
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader, Script, Token

_NOT_KNOWN = "a block of statements that runs once: what it makes is not known"
#: Words of statements that make no object.
_PLAIN = frozenset(
    {
        *("INSERT", "UPDATE", "DELETE", "MERGE", "COMMIT", "ROLLBACK", "SAVEPOINT", "NULL", "RETURN", "RAISE", "EXIT"),
        *("CONTINUE", "OPEN", "FETCH", "CLOSE", "SELECT", "FORALL", "LOCK", "RAISE_APPLICATION_ERROR", "DBMS_OUTPUT"),
        *("DBMS_LOB", "DBMS_STATS", "DBMS_SESSION", "DBMS_APPLICATION_INFO", "WITH"),
    }
)
_ENDS = ("END", "EXCEPTION", "ELSE", "ELSIF", "WHEN")
_CATALOGS = ("USER_", "ALL_", "DBA_")
#: Of a count of what is there: nothing, or something.
_MISSING = ({"=", "0"}, {"<", "1"})
_PRESENT = ({">", "0"}, {"=", "1"}, {">", "=", "1"}, {"<", ">", "0"}, {"!", "=", "0"})


@dataclass(slots=True)
class _Part:
    """A statement of a block.

    Attributes:
        executed: of EXECUTE IMMEDIATE: the literal.
        condition: of IF; `otherwise`: of its ELSE and ELSIF, and what an exception runs.
        certain: the body runs once and in any case.
    """

    executed: Token | None = None
    condition: Sequence[Token] = ()
    body: list[_Part] = field(default_factory=list)
    otherwise: list[_Part] = field(default_factory=list)
    certain: bool = True


def read_block(draft: Draft, statement: Statement) -> None:
    """
    Raises:
        NotUnderstoodError: what it makes depends on something else, or on what it calls.
    """
    reader = statement.reader()
    found: list[Token] = []
    parser = _Parser(reader, draft)
    _gather(parser.statements(), parser.counted, found)
    draft.skip(Skipped(statement.line, shown(statement.text), "a block: what it makes follows, if anything"))
    from tailrace.conversion.script.statements import read_statement

    for token in found:
        # The same lines: what stands before the string's first line is blank.
        script = Script("\n" * (statement.script.line(token.start) - 1) + token.text, Dialect.ORACLE)
        for piece in split(script):
            if isinstance(piece, Statement):
                read_statement(draft, piece)


def _gather(parts: Sequence[_Part], counted: set[str], found: list[Token]) -> None:
    """The statements that run in an empty database."""
    for part in parts:
        if part.executed is not None:
            found.append(part.executed)
        inner, besides = _makes(part.body), _makes(part.otherwise)
        if not inner and not besides:
            continue
        if besides or not part.certain:
            raise NotUnderstoodError(_NOT_KNOWN)
        if part.condition:
            missing = _asks(part.condition, counted)
            if missing is None or not (missing or all(_drops(token) for token in inner)):
                raise NotUnderstoodError("a block of statements: what is made depends on a condition")
        _gather(part.body, counted, found)


def _makes(parts: Sequence[_Part]) -> list[Token]:
    found: list[Token] = []
    for part in parts:
        if part.executed is not None:
            found.append(part.executed)
        found += _makes(part.body) + _makes(part.otherwise)
    return found


def _drops(token: Token) -> bool:
    return token.text.split(None, 1)[:1] != [] and token.text.split(None, 1)[0].upper() == "DROP"


def _asks(condition: Sequence[Token], counted: set[str]) -> bool | None:
    """Whether it holds where something is missing; None: it is about something else."""
    bare = [token for token in condition if token.upper not in ("(", ")")]
    if not bare or bare[0].upper not in counted:
        return None
    said = {token.text for token in bare[1:]}
    return True if said in _MISSING else False if said in _PRESENT else None


class _Parser:
    def __init__(self, reader: Reader, draft: Draft) -> None:
        self.reader = reader
        self.draft = draft
        self.counted: set[str] = set()

    def statements(self) -> list[_Part]:
        found = []
        reader = self.reader
        while not reader.done and reader.token.upper not in _ENDS:
            if reader.accept(";"):
                continue
            found.append(self._one())
        return found

    def _one(self) -> _Part:
        reader = self.reader
        if reader.accept("DECLARE"):
            self._declarations()
        if reader.accept("BEGIN"):
            return self._block()
        if reader.accept("IF"):
            return self._if()
        if reader.token.upper in ("FOR", "WHILE", "LOOP"):
            self._until("LOOP")
            body = self.statements()
            reader.expect("END", "LOOP")
            return _Part(body=body, certain=False)
        if reader.accept("EXECUTE", "IMMEDIATE"):
            return _Part(executed=self._literal())
        if reader.token.upper == "SELECT":
            return self._select()
        start = reader.at
        first = reader.token.upper
        tokens = self._until(";")
        assigns = any(pair == (":", "=") for pair in pairwise(token.upper for token in tokens))
        if first not in _PLAIN and not assigns and not self._harmless(tokens):
            raise NotUnderstoodError(f"{_NOT_KNOWN} (it calls {reader.tokens[start].text})")
        return _Part()

    def _harmless(self, tokens: Sequence[Token]) -> bool:
        """A call of the script's own procedure, which makes nothing."""
        try:
            name = Reader(self.reader.script, tokens).object_name(self.draft.schema)
        except NotUnderstoodError:
            return False
        return self.draft.makes_nothing(name, {token.text for token in tokens if token.kind == "string"})

    def _declarations(self) -> None:
        while not self.reader.done and not self.reader.sees("BEGIN"):
            if self.reader.take().upper in ("PROCEDURE", "FUNCTION"):
                raise NotUnderstoodError(_NOT_KNOWN)

    def _block(self) -> _Part:
        reader = self.reader
        part = _Part(body=self.statements())
        if reader.accept("EXCEPTION"):
            part.otherwise = self._handlers()
        reader.expect("END")
        self._until(";")
        return part

    def _handlers(self) -> list[_Part]:
        found: list[_Part] = []
        while self.reader.accept("WHEN"):
            self._until("THEN")
            found += self.statements()
        return found

    def _if(self) -> _Part:
        reader = self.reader
        part = _Part(condition=self._until("THEN"))
        part.body = self.statements()
        while reader.accept("ELSIF"):
            self._until("THEN")
            part.otherwise += self.statements()
        if reader.accept("ELSE"):
            part.otherwise += self.statements()
        reader.expect("END", "IF")
        return part

    def _select(self) -> _Part:
        tokens = self._until(";")
        words = [token.upper for token in tokens]
        asks = any(word.startswith(_CATALOGS) for word in words)
        if "INTO" in words[:-1]:
            name = words[words.index("INTO") + 1]
            if asks and "COUNT" in words[: words.index("INTO")]:
                self.counted.add(name)
            else:
                self.counted.discard(name)
        return _Part()

    def _literal(self) -> Token:
        tokens = self._until(";")
        if len(tokens) != 1 or tokens[0].kind != "string":
            raise NotUnderstoodError("a statement that is put together when it runs")
        return tokens[0]

    def _until(self, word: str) -> list[Token]:
        """What stands before a word outside of parentheses, which is passed over, or before the end."""
        reader, found, depth = self.reader, [], 0
        while not reader.done:
            token = reader.take()
            if token.upper == word and depth <= 0:
                break
            depth += (token.upper == "(") - (token.upper == ")")
            found.append(token)
        return found
