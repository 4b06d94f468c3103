"""SQL Server's scripts: batches between GO, and the statements of a batch.

Statements need no semicolon. A program (procedure, function, trigger, view) is a batch by itself; elsewhere a statement
begins with one of a few words that stands first in its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailrace.conversion.catalog import Skipped
from tailrace.conversion.script.splitting import COMMAND, Statement, line_command, shown, whole_line
from tailrace.conversion.script.tokens import LexicalError, Script, Token, lex

_PROGRAMS = ("PROC", "PROCEDURE", "FUNCTION", "TRIGGER", "VIEW", "SCHEMA", "DEFAULT", "RULE")
_BEGIN = frozenset(
    {
        *("CREATE", "ALTER", "DROP", "GRANT", "DENY", "REVOKE", "USE", "EXEC", "EXECUTE", "PRINT", "DECLARE", "IF"),
        *("TRUNCATE", "BEGIN", "COMMIT", "ROLLBACK", "RAISERROR", "THROW", "WAITFOR", "DBCC", "ENABLE", "DISABLE"),
        *("WHILE", "KILL", "GOTO", "RECONFIGURE", "BACKUP", "RESTORE", "DEALLOCATE"),
    }
)
_DATA = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "SET", "WITH", "RETURN", "BULK"})
#: Behind CREATE, ALTER and DROP: with these a statement begins wherever they stand.
_MADE = frozenset(
    {
        *("TABLE", "INDEX", "UNIQUE", "CLUSTERED", "NONCLUSTERED", "SEQUENCE", "TYPE", "SYNONYM", "STATISTICS"),
        *("SCHEMA", "VIEW", "PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "DATABASE"),
    }
)
#: Words before which a line may begin with a word that would otherwise begin a statement.
_CARRIES_ON = frozenset(
    {"ON", "AS", ",", "(", "=", "FOR", "AFTER", "OF", "TO", ".", "ADD", "THEN", "WITH", "OR", "AND", "ELSE"}
)


def batches(script: Script) -> Iterator[Statement | Skipped]:
    found: list[Token] = []
    trouble = ""
    try:
        found.extend(lex(script, 0, len(script.text)))
    except LexicalError as error:
        found = list(_before(script, error.start))
        trouble = f"{error}: it begins in line {script.line(error.start)}"
        found.append(Token("string", script.text[error.start :], "", error.start, len(script.text)))
    batch: list[Token] = []
    past = 0
    for at, token in enumerate(found):
        if token.start < past:
            continue
        if _first_in_line(script, found, at):
            if token.upper == "GO" and (number := _go(script, found, at)) is not None:
                yield from statements(script, batch)
                batch = []
                past = found[number].end if number > at else token.end
                continue
            if token.upper == ":" and not batch:
                text, past = line_command(script, token)
                if text.lower().startswith(":r"):
                    yield whole_line(script, token)
                else:
                    yield Skipped(script.line(token.start), shown(text), COMMAND)
                continue
        batch.append(token)
    if trouble:
        yield Statement(script, tuple(batch), trouble=trouble)
        return
    yield from statements(script, batch)


def _before(script: Script, end: int) -> Iterator[Token]:
    try:
        yield from lex(script, 0, end)
    except LexicalError:
        return


def _first_in_line(script: Script, found: Sequence[Token], at: int) -> bool:
    return not at or script.line(found[at - 1].end) < script.line(found[at].start)


def _go(script: Script, found: Sequence[Token], at: int) -> int | None:
    """The number of the last token of a line ``GO [count]``; None: it is none."""
    line, last = script.line(found[at].start), at
    for after in range(at + 1, min(at + 3, len(found))):
        if script.line(found[after].start) != line:
            break
        if found[after].kind != "number" and found[after].upper != ";":
            return None
        last = after
    return last


def statements(script: Script, batch: Sequence[Token]) -> Iterator[Statement | Skipped]:
    """The statements of a batch."""
    if not batch:
        return
    if _is_program(batch):
        yield Statement(script, _trimmed(batch))
        return
    start = depth = blocks = 0
    guarded = False
    for at, token in enumerate(batch):
        upper = token.upper
        if at == start:
            guarded, blocks = upper in ("IF", "WHILE"), 0
        depth += (upper == "(") - (upper == ")")
        before = batch[at - 1].upper if at > start else ""
        if upper in ("BEGIN", "CASE") and not _transaction(batch, at):
            blocks += 1
        elif upper == "END":
            blocks -= 1
            if not blocks and not depth and (at + 1 == len(batch) or batch[at + 1].upper not in ("ELSE", "CATCH")):
                ends = batch[start].upper in ("IF", "WHILE", "BEGIN") and not _try_ends(batch, at)
                if ends:
                    yield from _one(script, batch[start : at + 1])
                    start = at + 1
                    continue
        if blocks > 0 or depth > 0:
            continue
        if upper == ";":
            if at + 1 < len(batch) and batch[at + 1].upper == "ELSE":
                continue
            yield from _one(script, batch[start:at])
            start = at + 1
        elif at > start and _begins(script, batch, start, at, before, guarded):
            yield from _one(script, batch[start:at])
            start, guarded = at, upper in ("IF", "WHILE")
    yield from _one(script, batch[start:])


def _is_program(batch: Sequence[Token]) -> bool:
    words = [token.upper for token in batch[:4]]
    if words[0] not in ("CREATE", "ALTER"):
        return False
    kind = words[3] if words[1:3] == ["OR", "ALTER"] and len(words) > 3 else words[1] if len(words) > 1 else ""
    return kind in _PROGRAMS


def _transaction(batch: Sequence[Token], at: int) -> bool:
    return at + 1 < len(batch) and batch[at + 1].upper in ("TRAN", "TRANSACTION", "DISTRIBUTED")


def _try_ends(batch: Sequence[Token], at: int) -> bool:
    return at + 1 < len(batch) and batch[at + 1].upper == "TRY"


def _begins(script: Script, batch: Sequence[Token], start: int, at: int, before: str, guarded: bool) -> bool:
    """Whether a statement begins here, in a line of its own."""
    upper, first = batch[at].upper, batch[start].upper
    follows = batch[at + 1].upper if at + 1 < len(batch) else ""
    if upper in ("CREATE", "ALTER", "DROP") and follows in _MADE and first not in ("GRANT", "DENY", "REVOKE"):
        if before == "ELSE":
            return False
        return not (guarded and _guard_open(batch[start:at]))
    if not _first_in_line(script, batch, at) or (before in _CARRIES_ON and first != "SET"):
        return False
    if guarded and _guard_open(batch[start:at]):
        return False
    if upper in _BEGIN:
        insert_from = first == "INSERT" and upper in ("EXEC", "EXECUTE")
        check = first == "ALTER" and upper in ("ALTER", "DROP") and before in (",",)
        return not insert_from and not check
    if upper not in _DATA:
        return False
    if upper == "SET":
        return first not in ("UPDATE", "MERGE", "WITH") and follows not in ("NULL", "DEFAULT")
    if upper == "WITH":
        return False
    if first in ("CREATE", "DECLARE"):
        return upper in ("INSERT", "MERGE", "BULK")
    return (first not in _DATA or first == "SET") and first not in ("GRANT", "DENY", "REVOKE")


def _guard_open(tokens: Sequence[Token]) -> bool:
    """IF and its condition alone: what it guards is still to come."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.upper == "(") - (token.upper == ")")
        if not depth and at and token.upper in _BEGIN:
            return False
        if not depth and at and token.upper in ("INSERT", "UPDATE", "DELETE", "SET", "SELECT", "MERGE"):
            return False
    return True


def _one(script: Script, tokens: Sequence[Token]) -> Iterator[Statement]:
    if trimmed := _trimmed(tokens):
        yield Statement(script, trimmed)


def _trimmed(tokens: Sequence[Token]) -> tuple[Token, ...]:
    end = len(tokens)
    start = 0
    while end > start and tokens[end - 1].upper == ";":
        end -= 1
    while start < end and tokens[start].upper == ";":
        start += 1
    return tuple(tokens[start:end])
