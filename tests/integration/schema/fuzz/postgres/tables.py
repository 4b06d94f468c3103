"""Random tables: columns, generated ones, checks, keys, foreign keys, indexes, comments, partitions."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.integration.schema.fuzz.draft import Piece
from tests.integration.schema.fuzz.postgres.columns import LABELS, Column, column
from tests.integration.schema.fuzz.postgres.expressions import Expressions, kind_of, literal

_ACTIONS = (
    "", "", "", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON UPDATE CASCADE",
    " ON DELETE RESTRICT ON UPDATE SET NULL",
    " ON DELETE NO ACTION", " ON DELETE SET DEFAULT", " ON DELETE CASCADE ON UPDATE CASCADE",
)  # fmt: skip
_GENERATED = {
    "int": ("integer", "bigint", "numeric(20,0)"), "decimal": ("numeric(30,4)", "numeric(10,1)", "numeric", "integer"),
    "float": ("double precision", "real"), "text": ("text", "varchar(40)", "varchar(400)", "char(10)"),
    "bool": ("boolean",),
    "date": ("date", "timestamp"), "moment": ("timestamp", "timestamp(0)", "date"),
}  # fmt: skip
COMMENTS = (
    "plain", "it's", "back\\slash", "two\nlines", "漢字 😀", '"quoted"', "/* x */", "-- x", "%s %(a)s", " ",
    "$$", "\\'", "\t", "x" * 1100, "a;b",
    "`", "\\", "*/", "${x}", "{0}",
)  # fmt: skip
NAMES = (
    "select", "Order", "group", "a b", "MixedCase", "mixedcase", "ünïcode", "漢字", "with\"quote", "it's", "back`tick",
    "a.b", "x" * 63,
    "x" * 62 + "y", "é" * 31, "1st", "user", "key", "index", "a-b", "$d", "_", "back\\slash", "rank", "window",
    "row_number", "system", "VALUE",
    "value", "desc", "Id", "interval", "trailing ", " lead", "current_date", "a;b", "tab\tname", "new", "old",
)  # fmt: skip


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Table:
    """
    Attributes:
        name: as SQL writes it; `plain`: without quotes.
        columns: those that hold what is written to them; `key`: of the primary key.
    """

    name: str
    plain: str
    columns: tuple[Column, ...]
    key: str
    pieces: tuple[Piece, ...]

    def expressions(self, dice: random.Random, steady: bool = True) -> Expressions:
        columns = {c.name: c.base for c in self.columns}
        columns.setdefault(self.key, "integer")
        return Expressions(dice, columns, {c.name: c.labels for c in self.columns if c.labels}, steady)


class Tables:
    """Makes them one after the other; later ones may refer to earlier ones.

    Args:
        odd: names that other systems have trouble with.
    """

    def __init__(self, dice: random.Random, odd: bool) -> None:
        self._dice, self._odd = dice, odd
        self._made: list[Table] = []
        self._enums: tuple[str, ...] = ()
        self._domains: tuple[tuple[str, str], ...] = ()
        self._names = list(NAMES)
        dice.shuffle(self._names)

    def types(self) -> list[Piece]:
        """Enums and domains that columns may have."""
        dice, pieces = self._dice, []
        if dice.random() < 0.6:
            name = quoted(self._names.pop()) if self._odd else "mood"
            pieces.append(Piece(f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, LABELS))})"))
            self._enums = (name,)
        if dice.random() < 0.6:
            base, more = dice.choice(
                (
                    ("integer", f"CHECK (VALUE {dice.choice(('> 0', 'BETWEEN 1 AND 5', '<> 7', 'IN (1, 2, 3)'))})"),
                    ("varchar(20)",
                    f"CHECK ({Expressions(dice, {'VALUE': 'character varying'}, steady=True).of('bool', 2)})"),
                    ("text", "DEFAULT 'it''s' NOT NULL"),
                    ("numeric(10,2)",
                    f"DEFAULT 1.5 CONSTRAINT positive CHECK (VALUE {dice.choice(('>= 0', '< 100.005'))})"),
                    ("text", 'COLLATE "C" CHECK (length(VALUE) < 9)'),
                    ("date", f"CHECK ({Expressions(dice, {'VALUE': 'date'}, steady=True).of('bool', 2)})"),
                )
            )  # fmt: skip
            name = quoted(self._names.pop()) if self._odd else "dom"
            pieces.append(Piece(f"CREATE DOMAIN {name} AS {base} {more}"))
            self._domains = ((name, {"varchar(20)": "character varying", "numeric(10,2)": "numeric"}.get(base, base)),)
        return pieces

    def table(self, wanted: str) -> Table:
        dice = self._dice
        plain = self._names.pop() if self._odd else wanted
        name = quoted(plain) if self._odd else plain
        key = "id"
        columns = []
        for number in range(dice.randrange(3, 10)):
            called = quoted(self._names.pop()) if self._odd and self._names and dice.random() < 0.5 else f"c{number}"
            columns.append(column(called, dice, self._enums, self._domains))
        made = Table(name, plain, tuple(columns), key, ())
        expressions = made.expressions(dice)
        parts = [self._identity(), *(one.definition for one in columns)]
        parts += [self._generated(f"g{number}", expressions) for number in range(dice.randrange(6))]
        parts += [self._check(number, expressions) for number in range(dice.randrange(5))]
        parts += [self._unique(columns) for _ in range(dice.randrange(2))]
        parts += self._references(made)
        pieces = [
            Piece(f"CREATE TABLE {name} (", tuple(parts), ")" + dice.choice(("", "", "", " WITH (fillfactor = 70)")))
        ]
        pieces += [self._index(made, number) for number in range(dice.randrange(4))]
        pieces += self._comments(made)
        if dice.random() < 0.15 and self._made:
            pieces.append(self._late(made))
        made = Table(name, plain, tuple(columns), key, tuple(pieces))
        self._made.append(made)
        return made

    def partitioned(self, name: str) -> Table:
        """By range, list or hash."""
        dice = self._dice
        how, base, parts = dice.choice(_PARTITIONED)
        columns = (
            Column("p", base, base, " NOT NULL" if dice.random() < 0.6 else "", notnull=True),
            column("c0", dice),
        )
        key = dice.choice(("PRIMARY KEY (id, p)", "PRIMARY KEY (p, id)"))
        default = (
            (f"CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT",) if dice.random() < 0.6 and how != "HASH" else ()
        )
        pieces = [
            Piece(
                f"CREATE TABLE {name} (",
                ("id integer NOT NULL", *(c.definition for c in columns), key),
                f") PARTITION BY {how} (p)",
                2,
            )
        ]
        pieces += [
            Piece(f"CREATE TABLE {name}_{number} PARTITION OF {name} FOR VALUES {part}")
            for number, part in enumerate(parts)
        ]
        pieces += [Piece(sql) for sql in default]
        if dice.random() < 0.5:
            pieces.append(Piece(f"CREATE INDEX {name}_x ON {name} (c0)"))
        return Table(name, name, columns, "id", tuple(pieces))

    def _identity(self) -> str:
        kind = self._dice.choice(("integer", "bigint", "smallint"))
        serial = {"integer": "serial", "bigint": "bigserial", "smallint": "smallserial"}[kind]
        return self._dice.choice(
            (
                f"id {kind} PRIMARY KEY", f"id {serial} PRIMARY KEY", f"id {kind} GENERATED BY DEFAULT AS IDENTITY "
                                                                      f"PRIMARY KEY",
                f"id {kind} GENERATED BY DEFAULT AS IDENTITY (START WITH 100 INCREMENT BY 5) PRIMARY KEY",
                f"id {kind} GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                f"id {kind} GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY -1 START WITH -1) PRIMARY KEY",
                f"id {serial} CONSTRAINT \"the key\" PRIMARY KEY",
            )
        )  # fmt: skip

    def _generated(self, name: str, expressions: Expressions) -> str:
        sort = self._dice.choice(list(_GENERATED))
        kind = self._dice.choice(_GENERATED[sort])
        return (
            f"{name} {kind} GENERATED ALWAYS AS ({expressions.of(sort, self._dice.choice((1, 2, 2)))}) "
            f"{self._dice.choice(('STORED', 'STORED', 'VIRTUAL'))}"
        )

    def _check(self, number: int, expressions: Expressions) -> str:
        named = self._dice.choice(("", f"CONSTRAINT k{number} ", f"CONSTRAINT {quoted(self._dice.choice(NAMES))} "))
        return (
            f"{named}CHECK "
            f"({expressions.of('bool', self._dice.choice((1, 2, 2)))}"
            f"){self._dice.choice(('', '', '', ' NOT ENFORCED', ' NO INHERIT'))}"
        )

    def _unique(self, columns: list[Column]) -> str:
        dice = self._dice
        chosen = ", ".join(one.name for one in dice.sample(columns, min(len(columns), dice.choice((1, 1, 2)))))
        nulls = dice.choice(("", "", " NULLS NOT DISTINCT"))
        late = dice.choice(("", "", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"))
        include = dice.choice(("", "", " INCLUDE (id)"))
        return f"{dice.choice(('', 'CONSTRAINT u '))}UNIQUE{nulls} ({chosen}){include}{late}"

    def _references(self, table: Table) -> list[str]:
        dice, found = self._dice, []
        whole = [c for c in table.columns if kind_of(c.base) == "int"]
        if whole and dice.random() < 0.4:
            found.append(
                f"FOREIGN KEY ({dice.choice(whole).name}) REFERENCES {table.name} "
                f"(id){dice.choice(_ACTIONS)}{self._when()}"
            )
        for other in self._made:
            if whole and dice.random() < 0.6:
                name = dice.choice(("", "CONSTRAINT f1 ", f"CONSTRAINT {quoted(dice.choice(NAMES))} "))
                match = dice.choice(("", "", " MATCH FULL"))
                near = dice.choice(whole).name
                found.append(
                    f"{name}FOREIGN KEY ({near}) REFERENCES {other.name} "
                    f"(id){match}{dice.choice(_ACTIONS)}{self._when()}"
                )
        return found

    def _when(self) -> str:
        return self._dice.choice(("", "", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED", " NOT ENFORCED"))

    def _late(self, table: Table) -> Piece:
        """A key that closes a circle, or that is not looked at in the rows that are there."""
        dice = self._dice
        other = dice.choice(self._made)
        whole = [c for c in other.columns if kind_of(c.base) == "int"]
        if not whole:
            return Piece(f"ALTER TABLE {table.name} ADD CONSTRAINT late CHECK (id > 0) NOT VALID")
        near = dice.choice(whole).name
        sql = f"ALTER TABLE {other.name} ADD CONSTRAINT circle FOREIGN KEY ({near}) REFERENCES {table.name} (id)"
        return Piece(sql + dice.choice(("", " ON DELETE SET NULL", " NOT VALID")))

    def _index(self, table: Table, number: int) -> Piece:
        dice = self._dice
        parts = []
        for one in dice.sample(table.columns, min(len(table.columns), dice.choice((1, 1, 2, 3)))):
            sql = one.name
            if one.base in ("text", "character varying") and dice.random() < 0.25:
                sql += dice.choice((' COLLATE "C"', " text_pattern_ops", " varchar_pattern_ops"))
            parts.append(sql + dice.choice(("", "", "", " DESC", " NULLS FIRST", " DESC NULLS LAST")))
        expressions = table.expressions(dice)
        if dice.random() < 0.3:
            parts[0] = f"({expressions.of('any', dice.choice((1, 1, 2)))})"
        method = dice.choices(("", "btree", "hash", "gin", "gist", "brin", "spgist"), (20, 2, 2, 2, 1, 2, 1))[0]
        if method in ("hash", "gin", "gist", "spgist", "brin"):
            parts = [dice.choice(table.columns).name]
        where = f" WHERE {expressions.of('bool', dice.choice((1, 1, 2)))}" if dice.random() < 0.25 else ""
        include = " INCLUDE (id)" if dice.random() < 0.1 else ""
        unique = "UNIQUE " if dice.random() < 0.25 else ""
        nulls = " NULLS NOT DISTINCT" if unique and dice.random() < 0.2 else ""
        name = quoted(dice.choice(NAMES)) if self._odd else f"{table.plain}_i{number}"
        using = f" USING {method}" if method else ""
        return Piece(f"CREATE {unique}INDEX {name} ON {table.name}{using} ({', '.join(parts)}){include}{nulls}{where}")

    def _comments(self, table: Table) -> list[Piece]:
        dice, found = self._dice, []
        if dice.random() < 0.3:
            found.append(Piece(f"COMMENT ON TABLE {table.name} IS {literal(dice.choice(COMMENTS))}"))
        said = [one.name for one in table.columns if dice.random() < 0.12]
        return found + [Piece(f"COMMENT ON COLUMN {table.name}.{n} IS {literal(dice.choice(COMMENTS))}") for n in said]


_PARTITIONED = (
    ("RANGE", "integer", ("FROM (MINVALUE) TO (0)", "FROM (0) TO (100)", "FROM (100) TO (MAXVALUE)")),
    ("RANGE", "integer", ("FROM (0) TO (10)", "FROM (20) TO (30)")),
    ("RANGE", "date", ("FROM (MINVALUE) TO ('2024-01-01')", "FROM ('2024-01-01') TO ('2025-01-01')")),
    ("RANGE", "timestamp", ("FROM (MINVALUE) TO ('2024-01-01 12:00:00')",
    "FROM ('2024-01-01 12:00:00') TO (MAXVALUE)")),
    ("RANGE", "timestamptz", ("FROM (MINVALUE) TO ('2024-01-01 00:00:00+00')",
    "FROM ('2024-01-01 00:00:00+00') TO (MAXVALUE)")),
    ("RANGE", "varchar(10)", ("FROM (MINVALUE) TO ('m')", "FROM ('m') TO (MAXVALUE)")),
    ("RANGE", "numeric(10,2)", ("FROM (MINVALUE) TO (1.5)", "FROM (1.5) TO (MAXVALUE)")),
    ("RANGE", "bigint", ("FROM (MINVALUE) TO ('-5')", "FROM ('-5') TO (5000000000)")),
    ("LIST", "integer", ("IN (1, 2)", "IN (3, NULL)", "IN (-7)")),
    ("LIST", "varchar(10)", ("IN ('a', 'it''s')", "IN ('b')", "IN ('')")),
    ("LIST", "boolean", ("IN (true)", "IN (false)")),
    ("LIST", "date", ("IN ('2024-01-01')", "IN ('2024-01-02')")),
    ("HASH", "integer", ("WITH (MODULUS 2, REMAINDER 0)", "WITH (MODULUS 2, REMAINDER 1)")),
    ("HASH", "varchar(10)", ("WITH (MODULUS 2, REMAINDER 0)", "WITH (MODULUS 4, REMAINDER 1)",
    "WITH (MODULUS 4, REMAINDER 3)")),
)  # fmt: skip
