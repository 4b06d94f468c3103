"""Variables of the clients' own: SQL*Plus's ``DEFINE x = y`` and ``&x``, sqlcmd's ``:setvar x y`` and ``$(x)``."""

from __future__ import annotations

import re

from tailrace.conversion.catalog import Dialect

_SETS = {
    Dialect.ORACLE: re.compile(r"(?im)^[ \t]*def(?:ine)?[ \t]+\w+[ \t]*="),
    Dialect.TSQL: re.compile(r"(?im)^[ \t]*:setvar[ \t]"),
}
_PIECES = {
    Dialect.ORACLE: re.compile(
        r"(?im)^[ \t]*def(?:ine)?[ \t]+(?P<name>\w+)[ \t]*=[ \t]*"
        r"(?P<value>'[^'\n]*'|\"[^\"\n]*\"|[^\s;'\"]+)[^\n]*$"
        r"|^[ \t]*set[ \t]+(?:def(?:ine)?|scan)[ \t]+(?P<switch>on|off)\b"
        r"|&&?(?P<used>\w+)\.?"
    ),
    Dialect.TSQL: re.compile(
        r"(?im)^[ \t]*:setvar[ \t]+(?P<name>\w+)[ \t]+(?P<value>\"[^\"\n]*\"|[^\s\"]+)[ \t]*$"
        r"|(?P<switch>(?!))|\$\((?P<used>\w+)\)"
    ),
}


def substituted(text: str, dialect: Dialect) -> str:
    """The script with the values of the variables that it sets itself; every line is where it was.

    A value holds from where it is set. Variables that the script does not set stay as they are written: what is made
    with them is not understood, and said.
    """
    if dialect not in _SETS or not _SETS[dialect].search(text):
        return text
    values: dict[str, str] = {}
    substitutes = True

    def replaced(match: re.Match[str]) -> str:
        nonlocal substitutes
        if match["name"]:
            value = match["value"]
            values[match["name"].lower()] = value[1:-1] if value[0] in "'\"" else value
        elif match["switch"]:
            substitutes = match["switch"].lower() == "on"
        elif substitutes:
            return values.get(match["used"].lower(), match[0])
        return match[0]

    return _PIECES[dialect].sub(replaced, text)
