"""A random schema: a table or two with all that belongs to them, views, programs, and expressions."""

from __future__ import annotations

import random

from tests.integration.schema.fuzz.draft import Draft, Probe
from tests.integration.schema.fuzz.mysql.expressions import Expressions
from tests.integration.schema.fuzz.mysql.programs import functions, triggers
from tests.integration.schema.fuzz.mysql.tables import Tables
from tests.integration.schema.fuzz.mysql.views import views

_PROBES = 160
#: Of a schema that is one bare table, so that most of the time goes into them.
_MANY = 700


def draft(dice: random.Random, mariadb: bool) -> Draft:
    """Few tables, each with much in it."""
    if dice.random() < 0.4:
        return _bare(dice, mariadb)
    odd = dice.random() < 0.15
    tables = Tables(dice, mariadb, odd)
    made = [tables.table(name) for name in ("t", "u", "v")[: dice.choice((1, 1, 2, 3))]]
    pieces = [table.piece for table in made]
    pieces += tables.cycle()
    programs, probes = functions(dice, made)
    pieces += [*programs, *triggers(dice, made), *views(dice, made)]
    for table in made:
        expressions = Expressions(dice, table.columns)
        depths = [dice.choice((1, 1, 2, 2, 3)) for _ in range(_PROBES // len(made))]
        probes += [Probe(table.name, expressions.any(depth)) for depth in depths]
    return Draft(tuple(pieces), tuple(probes), piped=dice.random() < 0.8)


def _bare(dice: random.Random, mariadb: bool) -> Draft:
    """One table of columns, and very many expressions over it."""
    table = Tables(dice, mariadb, odd=False).bare("t")
    expressions = Expressions(dice, table.columns)
    probes = [Probe(table.name, expressions.any(dice.choice((1, 1, 2, 2, 3)))) for _ in range(_MANY)]
    return Draft((table.piece, *views(dice, [table])), tuple(probes))
