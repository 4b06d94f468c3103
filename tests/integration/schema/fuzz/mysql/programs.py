"""Random triggers and functions with simple bodies."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.integration.schema.fuzz.draft import Piece, Probe
from tests.integration.schema.fuzz.mysql.columns import Column
from tests.integration.schema.fuzz.mysql.expressions import Expressions
from tests.integration.schema.fuzz.mysql.tables import Table

_ARGUMENTS = {
    "I": ("int", "bigint"),
    "N": ("decimal(10,2)",),
    "T": ("varchar(40)",),
    "D": ("date",),
    "M": ("datetime",),
}
_RETURNS = {"I": "bigint", "F": "decimal(20,4)", "T": "varchar(400)", "B": "int", "D": "date"}


def triggers(dice: random.Random, tables: Sequence[Table]) -> list[Piece]:
    """None at most tables."""
    made = []
    for number, table in enumerate(tables):
        if dice.random() < 0.25:
            event = dice.choice(("INSERT", "UPDATE"))
            head = f"CREATE TRIGGER tr{number} BEFORE {event} ON {table.quoted} FOR EACH ROW "
            made.append(Piece(head + _body(dice, table, event), kept=0))
    return made


def _body(dice: random.Random, table: Table, event: str) -> str:
    expressions = Expressions(dice, [replace(column, prefix="NEW.") for column in table.columns])
    target = dice.choice(table.columns)
    value = expressions.of({"N": "F", "E": "T"}.get(target.sort, target.sort), 1)
    assignment = f"SET NEW.{target.quoted} = {value}"
    match dice.randrange(3):
        case 0:
            return assignment
        case 1:
            return f"BEGIN IF {expressions.of('B', 1)} THEN {assignment}; END IF; END"
        case _:
            condition = expressions.of("B", 1)
            return f"BEGIN IF {condition} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'it''s no'; END IF; END"


def functions(dice: random.Random, tables: Sequence[Table]) -> tuple[list[Piece], list[Probe]]:
    """And expressions that call them."""
    pieces, probes = [], []
    for number in range(dice.choice((0, 0, 1, 2))):
        table = dice.choice(tables)
        taken = [column for column in table.columns if column.sort in _ARGUMENTS][:3]
        arguments = [Column(f"a{place}", "", column.sort) for place, column in enumerate(taken)]
        listed = ", ".join(f"{a.quoted} {dice.choice(_ARGUMENTS[a.sort])}" for a in arguments)
        sort = dice.choice("IFTBD")
        expression = Expressions(dice, arguments).of(sort, 2)
        head = f"CREATE FUNCTION fn{number}({listed}) RETURNS {_RETURNS[sort]} DETERMINISTIC RETURN {expression}"
        pieces.append(Piece(head, kept=0))
        probes.append(Probe(table.name, f"fn{number}({', '.join(column.quoted for column in taken)})"))
    return pieces, probes
