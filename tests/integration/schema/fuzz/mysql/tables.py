"""Random tables: columns, generated ones, checks, keys, foreign keys, partitions, options."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.integration.schema.fuzz.draft import Piece
from tests.integration.schema.fuzz.mysql import columns as kinds
from tests.integration.schema.fuzz.mysql.columns import Column, column
from tests.integration.schema.fuzz.mysql.expressions import Expressions
from tests.integration.schema.fuzz.mysql.names import Names, quoted

_ACTIONS = (
    "", "", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON UPDATE CASCADE", " ON DELETE NO ACTION",
    " ON DELETE RESTRICT ON UPDATE SET NULL", " ON DELETE CASCADE ON UPDATE CASCADE",
)  # fmt: skip
#: Types of generated columns, by the sort of their expression.
_GENERATED = {
    "I": ("bigint", "int", "decimal(20,0)", "varchar(30)"),
    "F": ("decimal(30,4)", "double", "decimal(10,1)", "varchar(60)"),
    "T": ("varchar(400)", "varchar(400)", "text"),
    "B": ("tinyint(1)", "int", "tinyint(1)"),
    "D": ("date", "datetime"),
    "M": ("datetime(6)", "datetime", "date"),
}
_PARTITIONS = (
    "PARTITION BY HASH (id) PARTITIONS 3",
    "PARTITION BY KEY (id) PARTITIONS 2",
    "PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "PARTITION BY RANGE COLUMNS (id) (PARTITION p0 VALUES LESS THAN (5), PARTITION `p 1` VALUES LESS THAN (100000))",
    "PARTITION BY LIST (id % 2) (PARTITION p0 VALUES IN (0), PARTITION p1 VALUES IN (1, -1))",
)


@dataclass(frozen=True)
class Table:
    """
    Attributes:
        name: without quotes.
        columns: those that hold what is written to them.
        key: the type of its key, `id`.
    """

    name: str
    columns: tuple[Column, ...]
    key: str
    piece: Piece

    @property
    def quoted(self) -> str:
        return quoted(self.name)


class Tables:
    """Makes them one after the other; later ones may refer to earlier ones."""

    def __init__(self, dice: random.Random, mariadb: bool, odd: bool) -> None:
        self._dice, self._mariadb, self._odd = dice, mariadb, odd
        self._names = Names(dice, odd)
        self._made: list[Table] = []

    def table(self, usual: str) -> Table:
        dice = self._dice
        name = self._names.name(usual)
        names = Names(dice, self._odd)
        sorts = "".join(dice.sample("INTDM", dice.choice((2, 5, 5)))) + " " * dice.randrange(6)
        columns = tuple(
            column(names.name(f"c{number}"), dice, self._mariadb, sort.strip()) for number, sort in enumerate(sorts)
        )
        expressions = Expressions(dice, columns)
        key = dice.choice(("int", "bigint", "int unsigned", "smallint", "bigint unsigned"))
        counted = dice.choice(("AUTO_INCREMENT ", "AUTO_INCREMENT ", ""))
        parts = [f"id {key} NOT NULL {counted}PRIMARY KEY", *(column.definition for column in columns)]
        parts += [self._generated(names.name(f"g{number}"), expressions) for number in range(dice.randrange(7))]
        parts += [self._check(number, expressions, name) for number in range(dice.choice((0, 0, 1, 2, 5)))]
        parts += [self._key(names.name(f"k{number}"), columns, expressions) for number in range(dice.randrange(4))]
        partitioned = dice.random() < 0.1
        if not partitioned:
            parts += self._references(name, key, columns)
        tail = ") ENGINE=InnoDB"
        if dice.random() < 0.2:
            tail += f" COMMENT='{kinds.comment(dice)}'"
        if dice.random() < 0.3:
            tail += f" COLLATE={dice.choice(kinds.collations(self._mariadb))}"
        if partitioned:
            tail += f" {dice.choice(_PARTITIONS)}"
        made = Table(name, columns, key, Piece(f"CREATE TABLE {quoted(name)} (", tuple(parts), tail))
        if not partitioned:
            self._made.append(made)
        return made

    def bare(self, name: str) -> Table:
        """A key, and columns of all common sorts."""
        dice = self._dice
        sorts = "IIINNTTTDMME" + "".join(dice.choices("IFTYHRSJB", k=3))
        columns = tuple(column(f"c{number}", dice, self._mariadb, sort) for number, sort in enumerate(sorts))
        parts = ("id int PRIMARY KEY", *(column.definition for column in columns))
        return Table(name, columns, "int", Piece(f"CREATE TABLE {quoted(name)} (", parts, ") ENGINE=InnoDB"))

    def cycle(self) -> list[Piece]:
        """A key from the first table back to the last one."""
        if len(self._made) < 2 or self._dice.random() < 0.7:
            return []
        first, last = self._made[0], self._made[-1]
        where = f"REFERENCES {last.quoted} (id){self._dice.choice(_ACTIONS)}"
        return [
            Piece(f"ALTER TABLE {first.quoted} ADD COLUMN back {last.key}", kept=0),
            Piece(f"ALTER TABLE {first.quoted} ADD CONSTRAINT back FOREIGN KEY (back) {where}", kept=0),
        ]

    def _generated(self, name: str, expressions: Expressions) -> str:
        sort = self._dice.choice("IIFTTBBDM")
        kind = self._dice.choice(_GENERATED[sort])
        how = self._dice.choice(("VIRTUAL", "STORED", ""))
        text = expressions.of(sort, self._dice.choice((1, 2, 2)))
        return f"{quoted(name)} {kind} GENERATED ALWAYS AS ({text}) {how}"

    def _check(self, number: int, expressions: Expressions, table: str) -> str:
        name = self._dice.choice(("", f"CONSTRAINT {quoted(f'{table[:50]}_k{number}')} "))
        off = self._dice.choice(("", "", "", "", " NOT ENFORCED")) if not self._mariadb else ""
        return f"{name}CHECK ({expressions.of('B', self._dice.choice((1, 2, 2)))}){off}"

    def _key(self, name: str, columns: tuple[Column, ...], expressions: Expressions) -> str:
        dice = self._dice
        parts = []
        for one in dice.sample(columns, min(len(columns), dice.choice((1, 1, 2, 3)))):
            sql = one.quoted
            if "text" in one.sql[:9] or "blob" in one.sql[:9]:
                sql += "(5)"
            elif one.sort == kinds.TEXT and dice.random() < 0.2:
                sql += f"({dice.choice((1, 2))})"
            parts.append(sql + dice.choice(("", "", "", " DESC")))
        if dice.random() < 0.12 and not self._mariadb:
            parts[0] = f"({expressions.any(1)})"
        return f"{'UNIQUE ' if dice.random() < 0.3 else ''}KEY {quoted(name)} ({', '.join(parts)})"

    def _references(self, name: str, key: str, columns: tuple[Column, ...]) -> list[str]:
        dice = self._dice
        found = []
        if dice.random() < 0.25:
            found += [
                f"up {key}",
                f"FOREIGN KEY (up) REFERENCES {quoted(name)} (id){dice.choice(_ACTIONS)}",
            ]
        for number, other in enumerate(self._made):
            null = dice.choice(("", "", " NOT NULL"))
            label = quoted(f"f_{name[:20]}_{other.name[:20]}")
            where = f"REFERENCES {other.quoted} (id){dice.choice(_ACTIONS)}"
            found += [f"r{number} {other.key}{null}", f"CONSTRAINT {label} FOREIGN KEY (r{number}) {where}"]
        return found
