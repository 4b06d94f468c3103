"""Random tables: columns, generated ones, checks, keys, foreign keys, options."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.integration.schema.fuzz.draft import Piece
from tests.integration.schema.fuzz.mysql import columns as kinds
from tests.integration.schema.fuzz.mysql.columns import Column, column
from tests.integration.schema.fuzz.mysql.expressions import Expressions

_ACTIONS = ("", "", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON UPDATE CASCADE", " ON DELETE RESTRICT ON UPDATE SET NULL",
            " ON DELETE NO ACTION", " ON DELETE CASCADE ON UPDATE CASCADE")  # fmt: skip
#: Sorts of generated columns by the type that they are given.
_GENERATED = {
    "I": ("bigint", "int", "decimal(20,0)", "varchar(30)"), "F": ("decimal(30,4)", "double", "decimal(10,1)", "varchar(60)"),
    "T": ("varchar(400)", "varchar(400)", "text"), "B": ("tinyint(1)", "int", "tinyint(1)"), "D": ("date", "datetime"),
    "M": ("datetime(6)", "datetime", "date"),
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """
    Attributes:
        columns: those that hold what is written to them.
    """

    name: str
    columns: tuple[Column, ...]
    piece: Piece


class Tables:
    """Makes them one after the other; later ones may refer to earlier ones."""

    def __init__(self, dice: random.Random, mariadb: bool) -> None:
        self._dice, self._mariadb = dice, mariadb
        self._made: list[Table] = []

    def table(self, name: str) -> Table:
        dice = self._dice
        columns = tuple(column(f"c{number}", dice, self._mariadb) for number in range(dice.randrange(3, 12)))
        expressions = Expressions(dice, columns)
        parts = [self._identity(), *(column.definition for column in columns)]
        parts += [self._generated(f"g{number}", expressions) for number in range(dice.randrange(7))]
        parts += [self._check(number, expressions, name) for number in range(dice.randrange(6))]
        parts += [f"{self._key(number, columns, expressions)}" for number in range(dice.randrange(4))]
        parts += list(self._references(name, columns))
        tail = ") ENGINE=InnoDB"
        if dice.random() < 0.2:
            tail += f" COMMENT='{kinds.comment(dice)}'"
        if dice.random() < 0.3:
            tail += f" COLLATE={dice.choice(kinds.collations(self._mariadb))}"
        made = Table(name, columns, Piece(f"CREATE TABLE {name} (", tuple(parts), tail))
        self._made.append(made)
        return made

    def _identity(self) -> str:
        kind = self._dice.choice(("int", "bigint", "int unsigned", "smallint", "bigint unsigned"))
        return f"id {kind} NOT NULL {self._dice.choice(('AUTO_INCREMENT ', 'AUTO_INCREMENT ', ''))}PRIMARY KEY"

    def _generated(self, name: str, expressions: Expressions) -> str:
        sort = self._dice.choice("IIFTTBBDM")
        kind = self._dice.choice(_GENERATED[sort])
        how = self._dice.choice(("VIRTUAL", "STORED", ""))
        return f"{name} {kind} GENERATED ALWAYS AS ({expressions.of(sort, self._dice.choice((1, 2, 2)))}) {how}"

    def _check(self, number: int, expressions: Expressions, table: str) -> str:
        name = self._dice.choice(("", f"CONSTRAINT {table}_k{number} "))
        off = self._dice.choice(("", "", "", "", " NOT ENFORCED")) if not self._mariadb else ""
        return f"{name}CHECK ({expressions.of('B', self._dice.choice((1, 2, 2)))}){off}"

    def _key(self, number: int, columns: tuple[Column, ...], expressions: Expressions) -> str:
        dice = self._dice
        chosen = dice.sample(columns, min(len(columns), dice.choice((1, 1, 2, 3))))
        parts = []
        for one in chosen:
            sql = one.quoted
            if "text" in one.sql[:9] or "blob" in one.sql[:9]:
                sql += "(5)"
            elif one.sort == kinds.TEXT and dice.random() < 0.2:
                sql += f"({dice.choice((1, 2))})"
            parts.append(sql + dice.choice(("", "", "", " DESC")))
        if dice.random() < 0.12 and not self._mariadb:
            parts[0] = f"(({expressions.any(1)}))"[1:-1]
            parts[0] = f"({parts[0]})" if not parts[0].startswith("(") else parts[0]
        unique = "UNIQUE " if dice.random() < 0.3 else ""
        return (
            f"{unique}KEY `k {number}` ({', '.join(parts)})"
            if dice.random() < 0.3
            else f"{unique}KEY k{number} ({', '.join(parts)})"
        )

    def _references(self, name: str, columns: tuple[Column, ...]) -> list[str]:
        dice, found = self._dice, []
        if dice.random() < 0.3:
            chosen = dice.choice(columns)
            found.append(f"FOREIGN KEY ({chosen.quoted}) REFERENCES {name} (id){dice.choice(_ACTIONS)}")
        for other in self._made:
            chosen = dice.choice(columns)
            found.append(
                f"CONSTRAINT f_{name}_{other.name} FOREIGN KEY ({chosen.quoted}) REFERENCES {other.name} (id){dice.choice(_ACTIONS)}"
            )
        return found
