"""DEFAULT clauses."""

from __future__ import annotations

from tailrace_mysql.ddl.tokens import Reader, tokens
from tailrace_mysql.definition import Default

_NOW = frozenset({"CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"})
_BARE_LITERALS = frozenset({"TRUE", "FALSE"})
_INTRODUCERS = frozenset({"_UTF8MB4", "_UTF8MB3", "_UTF8", "_LATIN1", "_ASCII", "_BINARY"})


def read_default(reader: Reader) -> Default | None:
    """Reads what stands behind DEFAULT; None for NULL."""
    token = reader.take()
    if token.upper == "NULL":
        return None
    if token.kind == "string":
        return Default("literal", token.text)
    if token.kind == "number":
        return _number(token.text)
    if token.upper in ("+", "-") and reader.token.kind == "number":
        number = reader.take().text
        return Default("number", f"-{number}" if token.upper == "-" else number)
    if token.upper in _BARE_LITERALS:
        return Default("number", token.upper)
    if token.upper in _NOW:
        if reader.token.upper == "(":
            reader.parentheses()
        return Default("now")
    if token.upper in ("B", "X") and reader.token.kind == "string":
        text = reader.take().text
        return _number(f"0x{text}") if token.upper == "X" else Default("number", f"b'{text}'")
    if token.upper.startswith("_") and reader.token.kind == "string":
        text = reader.take().text
        # Bytes in another character set than the statement's; those of ASCII are the same nearly everywhere.
        known = text.isascii() and token.upper in _INTRODUCERS
        return Default("literal", text) if known else Default("expression")
    if token.upper == "(":
        reader.at -= 1
        reader.parentheses()
        return Default("expression")
    if reader.token.upper == "(":
        reader.parentheses()
    return Default("expression")


def _number(text: str) -> Default:
    if text.startswith("0b"):
        return Default("number", f"b'{text[2:]}'")
    # A hexadecimal literal is a number in a numeric column and text in any other.
    return Default("expression") if text.startswith("0x") else Default("number", text)


def default_of(expression: str) -> Default | None:
    """The default that MariaDB's catalogue shows as an expression; None for NULL."""
    try:
        reader = Reader(tokens(expression))
        default = read_default(reader)
    except ValueError:
        return Default("expression", expression)
    return default if reader.done else Default("expression", expression)
