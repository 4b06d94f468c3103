"""PostgreSQL's SQL as text: names written as a person would, and names found in it.

Lexical structure: PostgreSQL manual, "SQL Syntax"; keywords that must be quoted: its appendix C, all that are not
"non-reserved" (release 18).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tailrace.conversion.catalog import ObjectName
from tailrace.conversion.expressions import chains
from tailrace.conversion.expressions.chains import TOKEN

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS = frozenset(
    word
    for line in (
        "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint",
        "create current_catalog current_date current_role current_time current_timestamp current_user default",
        "deferrable desc distinct do else end except false fetch for foreign from grant group having in initially",
        "intersect into lateral leading limit localtime localtimestamp not null offset on only or order placing",
        "primary references returning select session_user some symmetric system_user table then to trailing true",
        "union unique user using variadic when where window with authorization binary collation concurrently",
        "cross current_schema freeze full ilike inner is isnull join left like natural notnull outer overlaps",
        "right similar tablesample verbose between bigint bit boolean char character coalesce dec decimal exists",
        "extract float greatest grouping inout int integer interval json json_array json_arrayagg json_exists",
        "json_object json_objectagg json_query json_scalar json_serialize json_table json_value least",
        "merge_action national nchar none normalize nullif numeric out overlay position precision real row setof",
        "smallint substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists",
        "xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable",
    )
    for word in line.split()
)
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


def ident(name: str) -> str:
    """Quoted where it must be, as `quote_ident` does."""
    if _PLAIN.fullmatch(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def idents(names: tuple[str, ...]) -> str:
    return ", ".join(ident(name) for name in names)


def qualified(name: ObjectName) -> str:
    return f"{ident(name.schema)}.{ident(name.name)}" if name.schema else ident(name.name)


def literal(text: str) -> str:
    """Backslashes mean themselves, whatever `standard_conforming_strings` says."""
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"


def in_schema(sql: str, change: Callable[[tuple[str, ...]], str | None]) -> str:
    """See `tailrace.conversion.expressions.chains.in_schema`."""
    return chains.in_schema(sql, change, ident)


def plainer(sql: str) -> str:
    """An expression or a type without quotes that no name in it needs.

    Not for queries: there a word that is no keyword elsewhere may end what stands before it.
    """
    pieces: list[str] = []
    done = 0
    for token in TOKEN.finditer(sql):
        if token["chain"] is not None and '"' in token["chain"]:
            start, end = token.span("chain")
            if sql[start - 2 : start].lower() == "u&":  # letters by their numbers
                continue
            pieces += [sql[done:start], _QUOTED.sub(lambda match: ident(match[1].replace('""', '"')), token["chain"])]
            done = end
    return "".join([*pieces, sql[done:]])


#: Words of operators that may stand in a default only within parentheses.
_WORDS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\b(not|and|or|is|in|i?like|similar|between|at|collate)\b", re.I
)


def of_default(sql: str) -> str:
    """A default as DEFAULT takes it, without quotes that no name in it needs."""
    text = plainer(sql)
    return f"({text})" if any(found[1] for found in _WORDS.finditer(text)) else text


def listed(sql: str) -> tuple[str, ...]:
    """The members of a list, parted by commas outside of parentheses and brackets."""
    members: list[str] = []
    depth, start = 0, 0
    for token in TOKEN.finditer(sql):
        text = token["other"]
        if text in ("(", "["):
            depth += 1
        elif text in (")", "]"):
            depth -= 1
        elif text == "," and depth == 0:
            members.append(sql[start : token.start()].strip())
            start = token.end()
    tail = sql[start:].strip()
    return (*members, tail) if tail or members else ()


def bracketed(sql: str, start: int = 0) -> tuple[str, int]:
    """What the first parentheses from `start` on hold, and where they end."""
    depth, opened = 0, -1
    for token in TOKEN.finditer(sql, start):
        if token["other"] == "(":
            if depth == 0:
                opened = token.end()
            depth += 1
        elif token["other"] == ")":
            depth -= 1
            if depth == 0:
                return sql[opened : token.start()], token.end()
    raise ValueError(f"no closed parentheses in {sql!r}")
