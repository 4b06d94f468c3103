"""The same dialect on both sides: the text as it is, with names in it replaced where they are others in the target."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from tailrace.conversion.catalog import Column, Dialect, ObjectName
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.grammar import BEFORE
from tailrace.conversion.expressions.grammar import expression as parsed
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import plain, spelled
from tailrace.conversion.names import Names


def expression(
    sql: str, dialect: Dialect, columns: Mapping[str, Column], names: Names, table: ObjectName | None
) -> str:
    """
    Raises:
        RefusalError: a name in it must be replaced, and the text is not understood; or what it names is not converted.
    """
    own = names.columns.get(table or ObjectName("", ""), {})
    if not moved(names) and not any(own.get(name, name) != name for name in columns):
        missing = bool(own) and any(name not in own for name in columns)
        if not missing:
            return sql
    tree = parsed(sql, dialect)
    changes: list[tuple[exp.Expr, str]] = []
    for node in tree.find_all(exp.Column):
        word = spelled(node.this, dialect)
        known = next((name for name in columns if plain(name, dialect) == plain(word, dialect)), None)
        if known is None:
            raise RefusalError("unknown-column", f"there is no column {word} that is known here")
        if own and known not in own:
            raise RefusalError("missing-column", f"column {known} is not in the target")
        changes.append((node.this, quoting.identifier(own.get(known, known), dialect)))
        for part in ("table", "db"):
            if node.args.get(part):
                made = names.objects.get(table) if table else None
                if made is None:
                    raise RefusalError("missing-object", f"{word} is qualified by a name that is not known")
                called = made.name if part == "table" else made.schema
                changes.append((node.args[part], quoting.identifier(called, dialect)))
    if tree.find(exp.Literal) and "regclass" in sql.lower():
        raise RefusalError("renamed-object", "an object is named in a text, and objects have other names in the target")
    return replaced(sql, changes, len(BEFORE))


def moved(names: Names) -> bool:
    """Whether anything has another name in the target."""
    return any(name != made for name, made in names.objects.items())


def replaced(sql: str, changes: list[tuple[exp.Expr, str]], before: int = 0) -> str:
    """Args: before: letters that were put before the text for the parser."""
    spots = []
    for node, text in changes:
        start, end = node.meta.get("start"), node.meta.get("end")
        if start is None or end is None:
            raise RefusalError("renamed-object", f"{node.name} has another name in the target, and was not found again")
        spots.append((start - before, end + 1 - before, text))
    for start, end, text in sorted(set(spots), reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql
