"""A random schema: a table or three with all that belongs to them, views, programs, and expressions."""

from __future__ import annotations

import random

from tests.integration.schema.fuzz.draft import Draft, Piece, Probe
from tests.integration.schema.fuzz.postgres.programs import programs, views
from tests.integration.schema.fuzz.postgres.tables import Tables

_PROBES = 40


def draft(dice: random.Random) -> Draft:
    """Few tables, each with much in it; every fourth with names that are trouble elsewhere."""
    odd = dice.random() < 0.25
    tables = Tables(dice, odd)
    pieces = tables.types()
    if dice.random() < 0.2:
        pieces.append(
            Piece(
                f"CREATE SEQUENCE s1 "
                f"{dice.choice(('', 'AS integer', 'INCREMENT BY 5 CYCLE MAXVALUE 100', 'START WITH 7 CACHE 10'))}"
            )
        )
    made = [tables.table(name) for name in ("t", "u", "w")[: dice.choice((1, 1, 2, 2, 3))]]
    if dice.random() < 0.25:
        made.append(tables.partitioned("part"))
    pieces += [piece for table in made for piece in table.pieces]
    pieces += views(dice, made)
    pieces += programs(dice, made)
    probes = []
    for table in made:
        expressions = table.expressions(dice)
        probes += [
            Probe(table.plain, expressions.of("any", dice.choice((1, 1, 2, 2, 3)))) for _ in range(_PROBES // len(made))
        ]
    return Draft(tuple(pieces), tuple(probes), piped=not odd)
