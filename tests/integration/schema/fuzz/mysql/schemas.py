"""A random schema: a table or two with all that belongs to them, views, and expressions."""

from __future__ import annotations

import random

from tests.integration.schema.fuzz.draft import Draft, Probe
from tests.integration.schema.fuzz.mysql.expressions import Expressions
from tests.integration.schema.fuzz.mysql.tables import Tables
from tests.integration.schema.fuzz.mysql.views import views

_PROBES = 60


def draft(dice: random.Random, mariadb: bool) -> Draft:
    """Few tables, each with much in it."""
    tables = Tables(dice, mariadb)
    made = [tables.table(name) for name in ("t", "u")[: dice.choice((1, 1, 2))]]
    pieces = [table.piece for table in made]
    pieces += views(dice, made)
    probes = []
    for table in made:
        expressions = Expressions(dice, table.columns)
        probes += [
            Probe(table.name, expressions.any(dice.choice((1, 1, 2, 2, 3)))) for _ in range(_PROBES // len(made))
        ]
    return Draft(tuple(pieces), tuple(probes))
