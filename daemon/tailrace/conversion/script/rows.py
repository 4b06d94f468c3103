"""INSERT … VALUES, of which a script may have megabytes: passed over as a whole, without a token for each value."""

from __future__ import annotations

import re
from functools import cache

from tailrace.conversion.catalog import Dialect

#: Parentheses within the parentheses of a row: CONVERT(…, CAST(…)).
_DEPTH = 4


@cache
def inserted(dialect: Dialect) -> re.Pattern[str]:
    """``INSERT INTO t (a, b) VALUES (…), (…)``, where "values" begins the word and "rows" the first row's parenthesis.

    It matches nothing where something in it is not plain (comments, strings with prefixes that change how they are
    read, more parentheses): then the tokens tell.
    """
    text = r"'[^']*+(?:''[^']*+)*+'"
    names = r'"[^"]*+"'
    plain = r"[^()'\"\-/]"
    if dialect.mysql_like:
        text = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'|\"[^\"\\]*+(?:(?:\\.|\"\")[^\"\\]*+)*+\""
        names, plain = r"`[^`]*+`", r"[^()'\"`\-/#]"
    elif dialect is Dialect.POSTGRESQL:
        text, plain = rf"(?<![eE&])(?:{text})", r"[^()'\"\-/$]"
    elif dialect is Dialect.ORACLE:
        text = rf"(?<![qQ])(?:{text})"
    elif dialect is Dialect.TSQL:
        names, plain = rf"{names}|\[[^\]]*+\]", r"[^()'\"\[\-/]"
    piece = rf"{plain}++|{text}|{names}|-(?!-)|/(?!\*)"
    inside = rf"(?:{piece})*+"
    for _ in range(_DEPTH):
        inside = rf"(?:{piece}|\({inside}\))*+"
    name = rf"(?:\w|{names})(?:[\w$#@.]|{names})*+"
    columns = rf"(?:\s*+\((?:[^()'\-/]|{names})*+\))?+"
    return re.compile(
        rf"(?:INSERT|REPLACE)\s+(?:INTO\s+)?{name}{columns}\s*+(?P<values>VALUES)\s*+"
        rf"(?P<rows>\({inside}\)(?:\s*+,\s*+\({inside}\))*+)",
        re.IGNORECASE | re.DOTALL,
    )
