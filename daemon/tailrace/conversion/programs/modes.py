"""MySQL's sql_mode, by which a program's text is read."""

from __future__ import annotations

from collections.abc import Mapping

from tailrace.conversion.expressions.refusal import RefusalError

#: A mode, and the signs that it gives another meaning.
_SIGNS = (
    ("PIPES_AS_CONCAT", "||"),
    ("ANSI_QUOTES", '"'),
    ("NO_BACKSLASH_ESCAPES", "\\"),
    ("NO_UNSIGNED_SUBTRACTION", "-"),
)
#: Modes under which any program may do something else.
_ALWAYS = ("HIGH_NOT_PRECEDENCE", "PAD_CHAR_TO_FULL_LENGTH", "EMPTY_STRING_IS_NULL", "ORACLE")


def refuse_modes(options: Mapping[str, str], body: str) -> None:
    """Of a program that is translated into another system's words: the translation knows MySQL's usual mode.

    Raises:
        RefusalError: it was made in another, in which it means something else.
    """
    modes = options.get("sql_mode", "").split(",")
    for mode in modes:
        if mode in _ALWAYS or any(sign in body for name, sign in _SIGNS if name == mode):
            raise RefusalError("sql-mode", f"it was made with the sql_mode {mode}, in which it means something else")
