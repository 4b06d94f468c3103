"""Random views, functions and triggers."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.integration.schema.fuzz.draft import Piece
from tests.integration.schema.fuzz.postgres.expressions import Expressions, kind_of, literal
from tests.integration.schema.fuzz.postgres.tables import Table

_AGGREGATES = ("count(*)", "count({0})", "min({0})", "max({0})", "sum({0})", "avg({0})", "count(DISTINCT {0})",
"bool_and({0})",
               "string_agg({0}, ',')", "string_agg({0}::text, ', ' ORDER BY {0})", "array_agg({0})",
               "sum({0}) FILTER (WHERE id > 1)",
               "sum({0}) / count(*)", "sum({0}) / sum({0})", "stddev({0})")  # fmt: skip


def views(dice: random.Random, tables: Sequence[Table]) -> list[Piece]:
    found = []
    for number in range(dice.randrange(5)):
        query = _query(dice, dice.choice(tables), tables, number)
        kind = "MATERIALIZED VIEW" if dice.random() < 0.08 else "VIEW"
        tail = " WITH CHECK OPTION" if kind == "VIEW" and dice.random() < 0.06 else ""
        found.append(Piece(f"CREATE {kind} v{number} AS {query}{tail}"))
    return found


def _query(dice: random.Random, table: Table, tables: Sequence[Table], number: int) -> str:
    expressions = table.expressions(dice, steady=False)
    some = ", ".join(f"{expressions.of('any', 2)} AS e{k}" for k in range(dice.randrange(1, 4)))
    names = [c.name for c in table.columns]
    one, two = dice.choice(names), dice.choice(names)
    where = f" WHERE {expressions.of('bool', 2)}" if dice.random() < 0.6 else ""
    # Of partitioned tables many rows have one id: what goes by their order is another each time.
    match dice.choice([n for n in range(14) if table.plain != "part" or n not in (9, 10, 12)]):
        case 0 | 1 | 2:
            return f"SELECT id, {some} FROM {table.name}{where}"
        case 3:
            return f"SELECT * FROM {table.name}{where}"
        case 4 | 5:
            sums = ", ".join(
                f"{dice.choice(_AGGREGATES).format(dice.choice(names))} AS a{k}" for k in range(dice.randrange(1, 4))
            )
            having = dice.choice(("", " HAVING count(*) > 1", f" HAVING max({two}) IS NOT NULL"))
            return f"SELECT {one} AS k, {sums} FROM {table.name}{where} GROUP BY {one}{having}"
        case 6:
            other = dice.choice(tables)
            join = dice.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
            return (
                f"SELECT a.id AS a, b.id AS b, a.{one} AS c FROM {table.name} a {join} {other.name} b ON a.id = "
                f"b.id{dice.choice(('', ' AND b.id > 1'))}"
            )
        case 7:
            word = dice.choice(("UNION", "UNION ALL", "EXCEPT", "INTERSECT"))
            return (
                f"SELECT id, {one} AS c FROM {table.name}{where} {word} SELECT id, {one} FROM {table.name} WHERE id > 2"
            )
        case 8:
            return f"SELECT DISTINCT {one} AS c FROM {table.name}{where}"
        case 9:
            return f"SELECT DISTINCT ON ({one}) {one} AS c, id FROM {table.name} ORDER BY {one}, id"
        case 10:
            nulls = dice.choice(("", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
            limit = dice.choice((" LIMIT 3", " LIMIT 2 OFFSET 1", "", " FETCH FIRST 2 ROWS ONLY"))
            return f"SELECT id, {one} AS c FROM {table.name} ORDER BY {one}{nulls}, id{limit}"
        case 11:
            other = dice.choice(tables)
            inner = dice.choice((f"id IN (SELECT id FROM {other.name} WHERE id > 1)",
            f"EXISTS (SELECT 1 FROM {other.name} o WHERE o.id = t.id)",
                                 f"id NOT IN (SELECT id FROM {other.name})", f"id = (SELECT max(id) FROM "
                                                                             f"{other.name})"))  # fmt: skip
            return f"SELECT t.id, t.{one} AS c FROM {table.name} t WHERE {inner}"
        case 12:
            over = dice.choice(("row_number() OVER (ORDER BY id)", f"rank() OVER (PARTITION BY {one} ORDER BY id)",
                                f"lag({two}) OVER (ORDER BY id)", f"sum(id) OVER (PARTITION BY {one})"))  # fmt: skip
            return f"SELECT id, {over} AS w FROM {table.name}"
    return f"WITH x AS (SELECT id, {one} AS c FROM {table.name}{where}) SELECT x.id, x.c FROM x WHERE x.id IS NOT NULL"


def programs(dice: random.Random, tables: Sequence[Table]) -> list[Piece]:
    """A function in SQL or PL/pgSQL, a trigger or two."""
    found = []
    if dice.random() < 0.5:
        expressions = Expressions(dice, {"a": "integer", "b": "text"}, steady=True)
        kind, returned = dice.choice((("int", "bigint"), ("text", "text"), ("bool", "boolean")))
        body = expressions.of(kind, 2)
        found.append(
            Piece(
                dice.choice(
                    (
                        f"CREATE FUNCTION f(a integer, b text) RETURNS {returned} LANGUAGE sql IMMUTABLE AS $$ "
                        f"SELECT {body} $$",
                        f"CREATE FUNCTION f(a integer, b text) RETURNS {returned} LANGUAGE plpgsql IMMUTABLE AS $$ "
                        f"BEGIN RETURN {body}; END $$",
                        f"CREATE FUNCTION f(a integer, b text) RETURNS {returned} LANGUAGE plpgsql AS $$ BEGIN IF a "
                        f"> 1 THEN RETURN {body};"
                        f" END IF; RETURN NULL; END $$",
                    )
                )
            )
        )
    if dice.random() < 0.7:
        found += _trigger(dice, dice.choice(tables))
    return found


def _trigger(dice: random.Random, table: Table) -> list[Piece]:
    usable = [
        c
        for c in table.columns
        if kind_of(c.base) in ("int", "decimal", "text", "bool", "date", "moment", "zoned") and not c.labels
    ]
    if not usable:
        return []
    changed = dice.choice(usable)
    columns = {f"NEW.{c.name}": c.base for c in usable}
    expressions = Expressions(dice, columns, steady=dice.random() < 0.7)
    value = expressions.of(kind_of(changed.base), 2)
    condition = expressions.of("bool", 2)
    body = dice.choice(
        (
            f"NEW.{changed.name} := {value}; RETURN NEW;",
            f"IF {condition} THEN NEW.{changed.name} := {value}; END IF; RETURN NEW;",
            f"IF {condition} THEN RAISE EXCEPTION {literal(dice.choice(('no', 'it%%s', 'not this')))}; END IF; "
            f"RETURN NEW;",
            f"IF NEW.{changed.name} IS DISTINCT FROM OLD.{changed.name} THEN NEW.{changed.name} := {value}; END IF; "
            f"RETURN NEW;",
        )
    )
    event = dice.choice(("INSERT", "UPDATE", "INSERT OR UPDATE", f"UPDATE OF {changed.name}"))
    when = f" WHEN ({condition})" if dice.random() < 0.2 else ""
    return [
        Piece(f"CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {body} END $f$"),
        Piece(
            f"CREATE TRIGGER tr {dice.choice(('BEFORE', 'BEFORE', 'AFTER'))} {event} ON {table.name} FOR EACH "
            f"ROW{when} EXECUTE FUNCTION tf()"
        ),
    ]
