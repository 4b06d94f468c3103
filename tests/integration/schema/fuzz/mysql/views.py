"""Random views over tables."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.integration.schema.fuzz.draft import Piece
from tests.integration.schema.fuzz.mysql.expressions import Expressions
from tests.integration.schema.fuzz.mysql.tables import Table

_AGGREGATES = (
    "count(*)",
    "count({X})",
    "sum({N})",
    "min({X})",
    "max({X})",
    "avg({N})",
    "count(distinct {X})",
    "sum({B})",
    "max({T})",
    "min({D})",
)


def views(dice: random.Random, tables: Sequence[Table]) -> list[Piece]:
    """Some of each kind."""
    made = []
    for number in range(dice.randrange(5)):
        table = dice.choice(tables)
        expressions = Expressions(dice, table.columns)
        made.append(Piece(f"CREATE VIEW v{number} AS {_query(dice, table, expressions)}", kept=0))
    return made


def _query(dice: random.Random, table: Table, expressions: Expressions) -> str:
    name = table.quoted
    key = dice.choice(table.columns).quoted
    match dice.randrange(8):
        case 0:
            return f"SELECT id, {expressions.any(2)} AS x, {expressions.any(1)} AS y FROM {name}"
        case 1:
            return f"SELECT id, {expressions.any(1)} AS x FROM {name} WHERE {expressions.of('B', 2)}"
        case 2:
            listed = ", ".join(f"{_aggregate(dice, expressions)} AS a{number}" for number in range(2))
            return f"SELECT {key} AS k, {listed} FROM {name} GROUP BY {key}"
        case 3:
            return f"SELECT {_aggregate(dice, expressions)} AS a, {_aggregate(dice, expressions)} AS b FROM {name}"
        case 4:
            order = dice.choice(("ASC", "DESC"))
            return f"SELECT id, {key} AS k FROM {name} ORDER BY {key} {order}, id LIMIT {dice.randrange(1, 6)}"
        case 5:
            join = dice.choice(("JOIN", "LEFT JOIN"))
            return f"SELECT a.id, b.id AS other FROM {name} a {join} {name} b ON a.{key} = b.{key}"
        case 6:
            other = dice.choice(table.columns).quoted
            return f"SELECT {key} AS x FROM {name} {dice.choice(('UNION', 'UNION ALL'))} SELECT {other} FROM {name}"
        case _:
            below = f"SELECT count(*) FROM {name} b WHERE b.{key} <= a.{key}"
            return f"SELECT DISTINCT {key} AS x, ({below}) AS n FROM {name} a"


def _aggregate(dice: random.Random, expressions: Expressions) -> str:
    form = dice.choice(_AGGREGATES)
    for sort in "XNBTD":
        form = form.replace("{" + sort + "}", expressions.of(sort, dice.choice((0, 1))))
    return form
