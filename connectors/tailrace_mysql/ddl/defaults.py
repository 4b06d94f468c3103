"""DEFAULT clauses."""

from __future__ import annotations

from tailrace_mysql.ddl.tokens import Reader, tokens
from tailrace_mysql.definition import Default

_NOW = frozenset({"CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"})
_BARE_LITERALS = frozenset({"TRUE", "FALSE"})


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
        return Default("literal", f"-{number}" if token.upper == "-" else number)
    if token.upper in _BARE_LITERALS:
        return Default("literal", token.upper)
    if token.upper in _NOW:
        if reader.token.upper == "(":
            reader.parentheses()
        return Default("now")
    if token.upper in ("B", "X") and reader.token.kind == "string":
        text = reader.take().text
        return _number(f"0x{text}") if token.upper == "X" else Default("literal", f"b'{text}'")
    if token.upper.startswith("_") and reader.token.kind == "string":
        return Default("literal", reader.take().text)
    if token.upper == "(":
        reader.at -= 1
        reader.parentheses()
        return Default("expression")
    if reader.token.upper == "(":
        reader.parentheses()
    return Default("expression")


def _number(text: str) -> Default:
    if text.startswith("0b"):
        return Default("literal", f"b'{text[2:]}'")
    # A hexadecimal literal is a number in a numeric column and text in any other.
    return Default("expression") if text.startswith("0x") else Default("literal", text)


def default_of(expression: str) -> Default | None:
    """The default that MariaDB's catalogue shows as an expression; None for NULL."""
    try:
        reader = Reader(tokens(expression))
        default = read_default(reader)
    except ValueError:
        return Default("expression", expression)
    return default if reader.done else Default("expression", expression)
