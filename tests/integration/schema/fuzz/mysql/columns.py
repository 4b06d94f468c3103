"""Random columns: every type with its lengths and attributes, and defaults that it takes."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: Sorts of values, by which expressions are put together.
INTEGER, DECIMAL, FLOAT, TEXT, BYTES, DATE, MOMENT, TIME, YEAR, ENUM, SET, JSON, BIT = "INFTYDMHRESJB"
_LABELS = ("new", "paid", "A", "b", "it''s", "x y", "ß", "0", "1", "", "NULL", "back\\\\slash", "per%")
_COLLATIONS = {
    False: (
        "utf8mb4_0900_bin", "utf8mb4_0900_ai_ci", "utf8mb4_bin", "utf8mb4_0900_as_cs", "utf8mb4_general_ci",
        "utf8mb4_unicode_ci", "latin1_swedish_ci", "latin1_bin", "ascii_general_ci", "ascii_bin",
        "utf8mb3_general_ci",
    ),
    True: (
        "utf8mb4_nopad_bin", "utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_ci", "utf8mb4_uca1400_ai_ci",
        "utf8mb4_uca1400_as_cs", "latin1_swedish_ci", "latin1_bin", "ascii_bin", "utf8mb3_general_ci",
        "utf8mb4_general_nopad_ci",
    ),
}  # fmt: skip
_TEXTS = (
    "''", "' '", "'x'", "'it''s'", "'a\\\\b'", "'two\\nlines'", "'漢字'", "'ß'", "'\"'", "'0'", "'NULL'", "'%'", "'{}'",
    "'tab\\t'", "'null'", "'`'", "'$1'", "'a;b'", "'-- x'", "'/* x */'", "_utf8mb4'é'", "N'x'",
)  # fmt: skip
_COMMENTS = (
    "plain",
    "it''s",
    "back\\\\slash",
    "two\\nlines",
    "漢字 😀",
    '"quoted"',
    "/* x */",
    "-- x",
    "%s",
    " ",
    "$$",
    "\\'",
)


@dataclass(frozen=True)
class Column:
    """
    Attributes:
        name: without quotes; `sql`: type and attributes, as they stand after the name.
        sort: of its values.
    """

    name: str
    sql: str
    sort: str
    labels: tuple[str, ...] = ()
    notnull: bool = False
    exact: bool = False
    prefix: str = ""

    @property
    def quoted(self) -> str:
        return self.prefix + "`" + self.name.replace("`", "``") + "`"

    @property
    def definition(self) -> str:
        return f"{self.quoted} {self.sql}"


def column(name: str, dice: random.Random, mariadb: bool, sort: str = "") -> Column:
    """One of any type, or of the sort, with whatever it may have besides."""
    sort = sort or dice.choices("INFTYDMHRESJB", (20, 10, 4, 22, 4, 6, 10, 3, 2, 4, 2, 3, 3))[0]
    labels = tuple(dict.fromkeys(dice.choices(_LABELS, k=dice.randrange(1, 5))))
    if sort == SET:
        labels = tuple(label for label in labels if label) or ("a",)
    kind, values, exact = _typed(sort, labels, dice, mariadb)
    notnull = dice.random() < 0.35
    words = [kind]
    if notnull:
        words.append("NOT NULL")
    elif kind.startswith("timestamp"):
        words.append("NULL")
    if dice.random() < 0.45 and values:
        default = dice.choice(values)
        if not notnull and dice.random() < 0.15:
            default = "NULL"
        words.append(f"DEFAULT {default}")
        if sort == MOMENT and "CURRENT" in default and dice.random() < 0.5:
            words.append(f"ON UPDATE {default}")
    if dice.random() < 0.12:
        words.append(f"COMMENT '{dice.choice(_COMMENTS)}'")
    return Column(name, " ".join(words), sort, labels, notnull, exact)


def collations(mariadb: bool) -> tuple[str, ...]:
    return _COLLATIONS[mariadb]


def comment(dice: random.Random) -> str:
    return dice.choice(_COMMENTS)


def _typed(sort: str, labels: tuple[str, ...], dice: random.Random, mariadb: bool) -> tuple[str, tuple[str, ...], bool]:
    """The type, literals that it may have as its default, whether its texts differ wherever a byte does."""
    if sort == INTEGER:
        kind = dice.choice(
            ("tinyint", "tinyint(1)", "smallint", "mediumint", "int", "int", "bigint", "boolean", "int(5)")
        )
        words, literals = kind, ["0", "1", "7", "'5'", "(1 + 2)", "'1'", "TRUE", "(abs(3))", "1.4", "0x10", "b'101'"]
        if kind != "boolean":
            words += dice.choice(("", "", "", " unsigned", " unsigned", " unsigned zerofill"))
            literals += [] if "unsigned" in words else ["-1", "-7", "'-3'", "(-(2))"]
        return words, tuple(literals), False
    if sort == DECIMAL:
        digits = dice.choice((1, 5, 10, 18, 20, 30, 65))
        scale = dice.choice([s for s in (0, 1, 2, 4, 10, 30) if s <= digits])
        kind = dice.choice(
            (f"decimal({digits},{scale})", f"numeric({digits},{scale})", f"decimal({digits})", "decimal")
        )
        unsigned = dice.choice(("", "", " unsigned"))
        return kind + unsigned, ("0", "1", "0.5", "'1.25'", "0.005", "(1 / 3)", "1e0", "00.50", "(0.1 + 0.2)"), False
    if sort == FLOAT:
        kind = dice.choice(("float", "double", "double", "double unsigned", "float(7,2)", "double(10,3)", "float(30)"))
        return kind, ("0", "1", "0.5", "1e3", "'2.5'", "1.5e-3", "(1.5 * 2)", "-0.0"), False
    if sort == TEXT:
        collation = dice.choice(_COLLATIONS[mariadb][:1] * 6 + _COLLATIONS[mariadb])
        size = dice.choice((1, 2, 10, 40, 40, 255))
        kind = dice.choice(
            (f"varchar({size})", f"varchar({size})", f"varchar({size})", f"char({size})", "text", "tinytext")
        )
        values: tuple[str, ...] = (
            _TEXTS if "(" in kind and size > 9 else ("''", "'x'", "'0'") if "(" in kind else ("('x')", "('')")
        )
        more = ("('a')", "(concat('a', 'b'))", "(uuid())", "(upper('x'))", "(repeat('ab', 2))") if size >= 40 else ()
        charset = collation.partition("_")[0]
        return f"{kind} CHARACTER SET {charset} COLLATE {collation}", values + more, collation.endswith("_bin")
    if sort == BYTES:
        size = dice.choice((1, 4, 16, 60))
        kind = dice.choice((f"binary({size})", f"varbinary({size})", f"varbinary({size})", "blob", "tinyblob"))
        return kind, ("''", "'x'", "x'00'", "0xff", "x'41'", "b'1'") if "(" in kind else ("('x')", "(x'00ff')"), True
    if sort == DATE:
        return (
            "date",
            ("'2024-02-29'", "'2000-01-01'", "(curdate())", "20240131", "(current_date)", "DATE'2024-01-01'"),
            False,
        )
    if sort == MOMENT:
        fraction = dice.choice(("", "", "(3)", "(6)", "(1)"))
        kind = dice.choice(("datetime", "datetime", "timestamp")) + fraction
        now = f"CURRENT_TIMESTAMP{fraction}"
        moments = ("'2024-02-29 12:34:56'", "'2000-01-01'", now, now, now, f"NOW{fraction or '()'}", "20240131123456")
        return (
            kind,
            (
                *moments,
                "TIMESTAMP'2024-01-01 10:00:00'",
                "(now() + interval 1 day)",
                f"(utc_timestamp{fraction or '()'})",
            ),
            False,
        )
    if sort == TIME:
        return (
            dice.choice(("time", "time(3)", "time(6)")),
            ("'12:34:56'", "'-01:00:00'", "'838:59:59'", "'0:0:1'", "101010"),
            False,
        )
    if sort == YEAR:
        return "year", ("2024", "'1999'", "24", "1901"), False
    if sort == ENUM:
        listed = ",".join(f"'{label}'" for label in labels)
        collation = dice.choice(_COLLATIONS[mariadb][:1] * 4 + _COLLATIONS[mariadb])
        charset = collation.partition("_")[0]
        words = f"enum({listed}) CHARACTER SET {charset} COLLATE {collation}"
        return words, tuple(f"'{label}'" for label in labels), collation.endswith("_bin")
    if sort == SET:
        listed = ",".join(f"'{label}'" for label in labels)
        return f"set({listed})", ("''", f"'{labels[0]}'", "'" + ",".join(labels[:2]) + "'"), False
    if sort == JSON:
        return "json", ("('{}')", "(json_object('a', 1))", "(json_array())", "('[1, 2]')"), False
    size = dice.choice((1, 1, 5, 8, 33, 64))
    return f"bit({size})", ("b'1'", "b'0'", "0", "1", "x'01'"), False
