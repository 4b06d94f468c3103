"""Random views over tables."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from tests.integration.schema.fuzz.draft import Piece
from tests.integration.schema.fuzz.mysql.expressions import Expressions
from tests.integration.schema.fuzz.mysql.tables import Table

_AGGREGATES = (
    "count(*)", "count({X})", "sum({N})", "min({X})", "max({X})", "avg({N})", "count(distinct {X})", "sum({B})",
    "max({T})", "min({D})", "sum(distinct {I})", "sum(case when {B} then {N} else 0 end)", "count({B} or null)",
    "max({M})", "avg({I})", "group_concat({I} order by id)", "group_concat({T} order by id separator ';')",
    "sum({I}) / count(*)", "max({N}) - min({N})", "coalesce(sum({N}), 0)", "bit_or({I})", "std({N})", "min({E})",
)  # fmt: skip
_WINDOWS = (
    "row_number() over (order by {C}, id)", "rank() over (order by {C})", "sum({N}) over (partition by {C})",
    "lag({X}) over (order by id)", "lead({X}, 1) over (order by {C} desc, id)", "count(*) over (partition by {C})",
    "sum({I}) over (order by id)", "dense_rank() over (partition by {C} order by id desc)",
    "first_value({X}) over (order by id)", "avg({N}) over (order by id rows between 1 preceding and current row)",
)  # fmt: skip
#: {t} the table, {C} one of its columns, {A} an aggregate, {W} a window, other letters as in expressions.
_QUERIES = (
    "SELECT id, {X} AS x, {X} AS y FROM {t}",
    "SELECT id, {X} AS x FROM {t} WHERE {B}",
    "SELECT {C} AS k, {A} AS a, {A} AS b FROM {t} GROUP BY {C1}",
    "SELECT {A} AS a, {A} AS b FROM {t}",
    "SELECT {A} AS a FROM {t} WHERE {B}",
    "SELECT {C} AS k, count(*) AS n FROM {t} GROUP BY {C1} HAVING count(*) > 1",
    "SELECT {C} AS k, {A} AS a FROM {t} GROUP BY {C1} HAVING {A} > {n} ORDER BY {C1} LIMIT 3",
    "SELECT {X} AS k, {A} AS a FROM {t} GROUP BY k",
    "SELECT id, {C} AS k FROM {t} ORDER BY {C1}, id LIMIT 4",
    "SELECT id, {C} AS k FROM {t} ORDER BY {C1} DESC, id LIMIT 1, 3",
    "SELECT id, {X} AS k FROM {t} ORDER BY k, id LIMIT 3",
    "SELECT id FROM {t} ORDER BY {I} DESC, {D}, id LIMIT 5",
    "SELECT a.id, b.id AS other FROM {t} a JOIN {t} b ON a.{C} = b.{C1}",
    "SELECT a.id, b.id AS other FROM {t} a LEFT JOIN {t} b ON b.id = a.id + 1",
    "SELECT a.id, b.{C} AS x FROM {t} a LEFT JOIN {t} b ON b.id = a.id + 1 WHERE b.{C1} IS NULL",
    "SELECT a.id, b.{C} AS x FROM {t} a JOIN {t} b USING (id)",
    "SELECT a.{C} AS x, b.{C} AS y FROM {t} a CROSS JOIN {t} b WHERE a.id < b.id",
    "SELECT {C} AS x FROM {t} UNION SELECT {C} FROM {t}",
    "SELECT {C} AS x FROM {t} UNION ALL SELECT {C} FROM {t}",
    "SELECT id, {C} AS x FROM {t} UNION SELECT id, {C} FROM {t} ORDER BY id, x LIMIT 5",
    "SELECT id, {X} AS x FROM {t} UNION ALL SELECT id, {X} FROM {t}",
    "SELECT DISTINCT {C} AS x FROM {t}",
    "SELECT DISTINCT {C} AS x, {X} AS y FROM {t}",
    "SELECT id, (SELECT count(*) FROM {t} b WHERE b.{C} <= a.{C1}) AS n FROM {t} a",
    "SELECT id, (SELECT max(b.{C}) FROM {t} b WHERE b.id < a.id) AS n FROM {t} a",
    "SELECT id FROM {t} a WHERE EXISTS (SELECT 1 FROM {t} b WHERE b.{C} = a.{C1} AND b.id <> a.id)",
    "SELECT id FROM {t} WHERE {C} IN (SELECT {C} FROM {t} WHERE {B})",
    "SELECT id FROM {t} WHERE {C} NOT IN (SELECT {C1} FROM {t} WHERE id > 3)",
    "SELECT id, {W} AS w FROM {t}",
    "SELECT id, {W} AS w, {W} AS v FROM {t} WHERE {B}",
    "SELECT d.k, d.n FROM (SELECT {C} AS k, count(*) AS n FROM {t} GROUP BY {C1}) d WHERE d.n > 0",
    "WITH c AS (SELECT id, {X} AS x FROM {t}) SELECT c.id, c.x FROM c WHERE c.x IS NOT NULL",
    "SELECT * FROM {t}",
    "SELECT id, {C}, {X} FROM {t} WHERE {B} AND {B}",
)
_HOLE = re.compile(r"\{(\w+)\}")


def views(dice: random.Random, tables: Sequence[Table]) -> list[Piece]:
    """Some of each kind."""
    made = []
    for number in range(dice.randrange(7)):
        table = dice.choice(tables)
        query = _query(dice, table, Expressions(dice, table.columns))
        made.append(Piece(f"CREATE VIEW v{number} AS {query}", kept=0))
    return made


def _query(dice: random.Random, table: Table, expressions: Expressions) -> str:
    last = dice.choice(table.columns).quoted

    def filled(form: str) -> str:
        return _HOLE.sub(lambda hole: put(hole[1]), form)

    def put(hole: str) -> str:
        nonlocal last
        match hole:
            case "t":
                return table.quoted
            case "C":
                last = dice.choice(table.columns).quoted
                return last
            case "C1":  # the one before once more
                return last
            case "A":
                return filled(dice.choice(_AGGREGATES))
            case "W":
                return filled(dice.choice(_WINDOWS))
            case "n":
                return str(dice.randrange(4))
        return expressions.of(hole, dice.choice((0, 1, 1, 2)))

    return filled(dice.choice(_QUERIES))
