"""The same dialect on both sides: the text as it is, with names in it replaced where they are others in the target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sqlglot import exp

from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectName
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.grammar import BEFORE, statement
from tailrace.conversion.expressions.grammar import expression as parsed
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import plain, spelled
from tailrace.conversion.names import Names

_REGCLASS = re.compile(r"'((?:[^']|'')*)'::regclass")
_DOT = re.compile(r"\s*\.\s*")
Change = tuple[exp.Expr, str]


def expression(
    sql: str, dialect: Dialect, columns: Mapping[str, Column], names: Names, table: ObjectName | None
) -> str:
    """
    Raises:
        RefusalError: a name in it must be replaced, and the text is not understood; or what it names is not converted.
    """
    own = names.columns.get(table or ObjectName("", ""), {})
    there = not own or all(name in own for name in columns)
    if there and not moved(names) and all(own.get(name, name) == name for name in columns):
        return sql
    sql = _sequences(sql, dialect, names)
    tree = parsed(sql, dialect)
    changes: list[Change] = [*_own_types(tree, dialect, names)]
    for node in tree.find_all(exp.Column):
        word = spelled(node.this, dialect)
        known = next((name for name in columns if plain(name, dialect) == plain(word, dialect)), None)
        if known is None:
            raise RefusalError("unknown-column", f"there is no column {word} that is known here")
        if own and known not in own:
            raise RefusalError("missing-column", f"column {known} is not in the target")
        if own.get(known, known) != known:
            changes.append((node.this, quoting.identifier(own[known], dialect)))
        changes += _qualified(node, table, names, dialect)
    return replaced(sql, changes, len(BEFORE))


def query(sql: str, source: Catalog, names: Names) -> str:
    """A whole query.

    Raises:
        RefusalError: as `expression`.
    """
    dialect = source.dialect
    renamed = any(old != new for own in names.columns.values() for old, new in own.items())
    try:
        tree = statement(sql.strip().rstrip(";"), dialect)
    except RefusalError:
        if moved(names) or renamed:
            raise
        return sql  # the server printed it, and reads it again
    common = {spelled(part.args["alias"].this, dialect) for part in tree.find_all(exp.CTE)}
    changes: list[Change] = [*_own_types(tree, dialect, names)]
    aliases: dict[str, ObjectName] = {}
    for node in tree.find_all(exp.Table):
        if not isinstance(node.this, exp.Identifier):
            if moved(names):
                raise RefusalError("renamed-object", "a function in FROM, and objects have other names in the target")
            continue
        name = spelled(node.this, dialect)
        if not node.args.get("db") and name in common:
            continue
        known = _known(source, spelled(node.args["db"], dialect) if node.args.get("db") else "", name)
        made = names.objects.get(known)
        if made is None:
            raise RefusalError("missing-object", f"{known} is not converted", "convert it too, or write this anew")
        alias = node.args.get("alias")
        aliases[spelled(alias.this, dialect) if alias is not None else name] = known
        if made.name != known.name:
            changes.append((node.this, quoting.identifier(made.name, dialect)))
        if made.schema != known.schema:
            if node.args.get("db"):
                changes.append((node.args["db"], _schema(made.schema, dialect)))
            elif made.schema:
                changes.append((node.this, quoting.qualified(made, dialect)))
    if not moved(names) and not renamed:
        return sql
    start = len(sql) - len(sql.lstrip())
    for column in tree.find_all(exp.Column):
        changes += _column(column, aliases, names, source)
    return replaced(sql, changes, -start)


def _column(node: exp.Column, aliases: Mapping[str, ObjectName], names: Names, source: Catalog) -> Iterator[Change]:
    dialect = source.dialect
    word = spelled(node.this, dialect) if isinstance(node.this, exp.Identifier) else "*"
    owner = node.args.get("table")
    candidates = [aliases.get(spelled(owner, dialect))] if owner else list(aliases.values())
    found = []
    for known in candidates:
        table = source.table(known) if known else None
        if known and table and any(plain(c.name, dialect) == plain(word, dialect) for c in table.columns):
            found.append(known)
    if len(found) == 1 and word != "*":
        made = names.columns.get(found[0], {}).get(word, word)
        if made != word:
            text = quoting.identifier(made, dialect)
            if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
                text += f" AS {quoting.identifier(word, dialect)}"
            yield node.this, text
    if owner:
        yield from _qualified(node, aliases.get(spelled(owner, dialect)), names, dialect)


def _qualified(node: exp.Column, table: ObjectName | None, names: Names, dialect: Dialect) -> Iterator[Change]:
    """A column's table and schema, where it is written with them."""
    made = names.objects.get(table) if table else None
    owner, schema = node.args.get("table"), node.args.get("db")
    if made is None or table is None:
        if schema:
            raise RefusalError("missing-object", f"{node.name} is qualified by a name that is not known")
        return
    if owner and made.name != table.name and plain(spelled(owner, dialect), dialect) == plain(table.name, dialect):
        yield owner, quoting.identifier(made.name, dialect)
    if schema and made.schema != table.schema:
        yield schema, _schema(made.schema, dialect)


def _schema(name: str, dialect: Dialect) -> str:
    """ "": the target's own, which is not written."""
    return quoting.identifier(name, dialect) if name else ""


def _known(source: Catalog, schema: str, name: str) -> ObjectName:
    dialect = source.dialect
    wanted = (plain(schema or source.default_schema, dialect), plain(name, dialect))
    things = [*(table.name for table in source.tables), *(view.name for view in source.views)]
    for thing in things:
        if (plain(thing.schema, dialect), plain(thing.name, dialect)) == wanted:
            return thing
    return ObjectName(schema or source.default_schema, name)


def _own_types(tree: exp.Expr, dialect: Dialect, names: Names) -> Iterator[Change]:
    """Types and functions of the user's own, which may be elsewhere in the target."""
    if not moved(names):
        return
    for dot in tree.find_all(exp.Dot):
        first = dot.this
        if not isinstance(first, exp.Identifier):
            raise RefusalError("renamed-object", f"{dot.sql()}, and objects have other names in the target")
        schema = spelled(first, dialect)
        own = (plain(schema, dialect), plain(dot.expression.name, dialect))
        made = next(
            (o for n, o in names.objects.items() if (plain(n.schema, dialect), plain(n.name, dialect)) == own), None
        )
        if made is not None and plain(made.name, dialect) == own[1]:
            # A type may stay in its schema while the tables of that schema move.
            if made.schema != schema:
                yield first, _schema(made.schema, dialect)
            continue
        places = {
            made.schema for name, made in names.objects.items() if plain(name.schema, dialect) == plain(schema, dialect)
        }
        if len(places) > 1 or any(
            name.name != made.name and plain(name.name, dialect) == plain(dot.expression.name, dialect)
            for name, made in names.objects.items()
        ):
            raise RefusalError("renamed-object", f"{dot.sql()}, and objects have other names in the target")
        if places and places != {schema}:
            yield first, _schema(places.pop(), dialect)


def _sequences(sql: str, dialect: Dialect, names: Names) -> str:
    """PostgreSQL names a sequence in a text."""

    def rename(match: re.Match[str]) -> str:
        parts = [part.strip('"') if part.startswith('"') else part.lower() for part in match[1].split(".")]
        found = [
            made
            for name, made in names.objects.items()
            if name.name == parts[-1] and (len(parts) == 1 or name.schema == parts[0])
        ]
        if len(found) != 1:
            raise RefusalError("missing-object", f"{match[1]} is not converted, or not the only one of that name")
        return quoting.text(quoting.qualified(found[0], dialect), dialect) + "::regclass"

    return _REGCLASS.sub(rename, sql) if dialect is Dialect.POSTGRESQL else sql


def moved(names: Names) -> bool:
    """Whether anything has another name in the target."""
    return any(name != made for name, made in names.objects.items())


def replaced(sql: str, changes: list[Change], before: int = 0) -> str:
    """
    Args:
        changes: a text that is "" takes the dot behind it away as well.
        before: letters that were put before the text for the parser; negative: that it did not see.
    """
    spots: dict[int, tuple[int, str]] = {}
    for node, text in changes:
        start, end = node.meta.get("start"), node.meta.get("end")
        if start is None or end is None:
            raise RefusalError("renamed-object", f"{node.name} has another name in the target, and was not found again")
        spots[start - before] = (end + 1 - before, text)
    for start, (end, text) in sorted(spots.items(), reverse=True):
        if not text and (dot := _DOT.match(sql, end)):
            end = dot.end()
        sql = sql[:start] + text + sql[end:]
    return sql
