"""SQL Server's statements around others: IF, WHILE, TRY, blocks."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.conversion.catalog import Skipped
from tailrace.conversion.script.batches import statements
from tailrace.conversion.script.draft import Draft
from tailrace.conversion.script.splitting import Statement, shown
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader, Token

#: Words with which the statement begins that a condition guards.
_GUARDED = frozenset(
    {
        *("CREATE", "DROP", "BEGIN", "EXEC", "EXECUTE", "ALTER", "PRINT", "RAISERROR", "THROW", "SET", "INSERT"),
        *("UPDATE", "DELETE", "MERGE", "TRUNCATE", "DECLARE", "RETURN", "GRANT", "DENY", "REVOKE", "KILL", "GOTO"),
        *("WAITFOR", "DBCC", "USE", "SELECT", "IF", "WHILE", "COMMIT", "ROLLBACK", "ENABLE", "DISABLE", "WITH"),
        *("CHECKPOINT", "BREAK", "CONTINUE", "BACKUP", "RESTORE", "RECONFIGURE"),
    }
)
#: What a condition asks for that is there or not there: functions that give NULL where it is not.
_ASKS = ("OBJECT_ID", "TYPE_ID", "SCHEMA_ID", "DB_ID", "COL_LENGTH", "INDEXPROPERTY", "OBJECTPROPERTY")
#: Words of statements that make no object, whatever they say besides.
_MAKES_NOTHING = frozenset(
    {
        *("PRINT", "RAISERROR", "THROW", "SET", "RETURN", "KILL", "GOTO", "WAITFOR", "USE", "INSERT", "UPDATE"),
        *("DELETE", "MERGE", "TRUNCATE", "COMMIT", "ROLLBACK", "DECLARE", "BREAK", "CONTINUE", "FETCH", "OPEN"),
        *("CLOSE", "DEALLOCATE", "CHECKPOINT", "BACKUP", "RESTORE", "RECONFIGURE", "WITH"),
    }
)
_NOTHING = "it makes no object, whatever it depends on"
_LATER = "what is made depends on what the database has already"


def block(draft: Draft, reader: Reader, statement: Statement) -> bool:
    """``BEGIN … END``, ``BEGIN TRY … END TRY BEGIN CATCH … END CATCH``: what stands in it is run as it stands there.

    Returns:
        False: it is none of these (a transaction begins).
    """
    if not reader.accept("BEGIN") or reader.token.upper in ("TRAN", "TRANSACTION", "DISTRIBUTED", ""):
        return False
    tried = reader.accept("TRY")
    body = list(reader.tokens[reader.at :])
    if tried:
        ends = next((at for at in range(len(body) - 1) if (body[at].upper, body[at + 1].upper) == ("END", "TRY")), None)
        if ends is None or not _harmless(reader, body[ends + 2 :]):
            raise NotUnderstoodError("what is made where something fails is not known")
        body = body[:ends]
    elif body and body[-1].upper == "END":
        body.pop()
    _read_all(draft, reader, body)
    return True


def loop(draft: Draft, reader: Reader, statement: Statement) -> bool:
    """WHILE: what makes no object does not make one more than once either."""
    if not _harmless(reader, reader.tokens):
        raise NotUnderstoodError("what is made in a loop is not known")
    _skip(draft, statement)
    return True


def guarded(draft: Draft, reader: Reader, statement: Statement) -> bool:
    """``IF NOT EXISTS (…) CREATE …``, ``IF OBJECT_ID(…) IS NULL BEGIN … END``: what is not there is made.

    Raises:
        NotUnderstoodError: what is made depends on something else.
    """
    reader.take()
    condition, missing = _condition(reader)
    inner = list(reader.tokens[reader.at :])
    if _harmless(reader, inner):
        _skip(draft, statement)
        return True
    otherwise = _else(inner)
    if otherwise is not None:
        if missing is not True or not _harmless(reader, inner[otherwise + 1 :]):
            raise NotUnderstoodError("what is made depends on a condition, with ELSE")
        inner = inner[:otherwise]
    if missing is None:
        raise NotUnderstoodError(f"what is made depends on {condition[:60]}")
    pieces = _pieces(reader, _unblocked(inner))
    if not missing and not _takes_away(pieces):
        raise NotUnderstoodError(_LATER)
    for piece in pieces:
        _read(draft, piece, drops=not missing)
    return True


def _condition(reader: Reader) -> tuple[str, bool | None]:
    """Its text, and whether it holds where something is missing; None: it is about something else."""
    start = reader.at
    while not reader.done and reader.token.upper not in _GUARDED:
        if reader.sees("("):
            reader.skip_parentheses()
        else:
            reader.take()
    said = Reader(reader.script, reader.tokens[start : reader.at])
    text = " ".join(said.text().upper().split())
    while said.sees("("):
        inside = said.parentheses()
        if not said.done:
            said.at = 0
            break
        said = inside
    negated = False
    while said.accept("NOT"):
        negated = not negated
        if said.sees("("):
            inside = said.parentheses()
            said = inside if said.done else said
    if said.accept("EXISTS"):
        said.parentheses()
        return text, negated if said.done else None
    words = [token.upper for token in said.tokens[said.at :]]
    if words and words[0] in _ASKS and words[-2:] == ["IS", "NULL"]:
        return text, not negated
    if words and words[0] in _ASKS and words[-3:] == ["IS", "NOT", "NULL"]:
        return text, negated
    return text, None


def _else(tokens: Sequence[Token]) -> int | None:
    """Where the ELSE of this very IF stands."""
    depth = blocks = ifs = 0
    for at, token in enumerate(tokens):
        upper = token.upper
        depth += (upper == "(") - (upper == ")")
        blocks += (upper in ("BEGIN", "CASE")) - (upper == "END" and blocks > 0)
        if depth or blocks:
            continue
        ifs += upper == "IF"
        if upper == "ELSE":
            if not ifs:
                return at
            ifs -= 1
    return None


def _unblocked(tokens: list[Token]) -> list[Token]:
    while tokens and tokens[-1].upper == ";":
        tokens = tokens[:-1]
    if len(tokens) > 1 and tokens[0].upper == "BEGIN" and tokens[-1].upper == "END" and tokens[1].upper != "TRY":
        return tokens[1:-1]
    return tokens


def _pieces(reader: Reader, tokens: Sequence[Token]) -> list[Statement]:
    return [piece for piece in statements(reader.script, tokens) if isinstance(piece, Statement)]


def _read_all(draft: Draft, reader: Reader, tokens: Sequence[Token]) -> None:
    for piece in _pieces(reader, tokens):
        _read(draft, piece)


def _read(draft: Draft, piece: Statement, drops: bool = False) -> None:
    from tailrace.conversion.script.statements import read_statement

    reader = piece.reader()
    if drops and reader.accept("ALTER", "TABLE"):
        name = reader.object_name(draft.schema)
        if draft.key(name) not in draft.tables:
            _skip(draft, piece, "it takes away what this script has not made")
            return
    read_statement(draft, piece)


def _takes_away(pieces: Sequence[Statement]) -> bool:
    """It drops, and whatever it does besides makes nothing new."""
    if not pieces:
        return False
    first = pieces[0].tokens[0].upper
    if first == "DROP":
        return all(piece.tokens[0].upper in ("DROP", "EXEC", "EXECUTE", "ALTER", "PRINT") for piece in pieces)
    return all(_drops_part(piece) or makes_nothing(piece) for piece in pieces)


def _drops_part(piece: Statement) -> bool:
    words = [token.upper for token in piece.tokens]
    return words[0] == "DROP" or (words[:2] == ["ALTER", "TABLE"] and "DROP" in words[2:8] and "ADD" not in words)


def _harmless(reader: Reader, tokens: Sequence[Token]) -> bool:
    """Whether nothing among these statements makes an object."""
    depth = 0
    for at, token in enumerate(tokens):
        upper = token.upper
        depth += (upper == "(") - (upper == ")")
        follows = tokens[at + 1].upper if at + 1 < len(tokens) else ""
        if depth:
            continue
        if upper in ("CREATE", "GRANT", "DENY", "REVOKE", "INTO") and not _into_rows(tokens, at):
            return False
        if upper in ("ALTER", "DROP") and follows != "DATABASE":
            return False
        if upper in ("EXEC", "EXECUTE") and not _harmless_call(Reader(reader.script, tokens[at + 1 :])):
            return False
        if upper in ("ENABLE", "DISABLE") and follows == "TRIGGER":
            return False
    return True


def _into_rows(tokens: Sequence[Token], at: int) -> bool:
    """INSERT INTO, MERGE INTO, FETCH … INTO; SELECT … INTO makes a table, but one of the session's."""
    if tokens[at].upper != "INTO":
        return False
    if any(tokens[before].upper in ("INSERT", "MERGE", "FETCH") for before in range(max(0, at - 6), at)):
        return True
    return at + 1 < len(tokens) and tokens[at + 1].text.startswith("#")


def makes_nothing(piece: Statement) -> bool:
    """A statement that makes no object under any condition."""
    return piece.tokens[0].upper in _MAKES_NOTHING and _harmless(piece.reader(), piece.tokens)


def _harmless_call(reader: Reader) -> bool:
    from tailrace.conversion.script.procedures import HARMLESS

    try:
        return reader.object_name("").name.lower() in HARMLESS
    except NotUnderstoodError:
        return False


def _skip(draft: Draft, statement: Statement, reason: str = _NOTHING) -> None:
    draft.skip(Skipped(statement.line, shown(statement.text), reason))
